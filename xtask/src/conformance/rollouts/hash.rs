//! Pod template hash and step hash.

use machinery::hash::pod_template_hash;
use rollouts::replicas::find;
use serde_json::json;

use super::super::registry::Registry;
use super::swept_rollout;

pub fn register(registry: &mut Registry) {
    registry.on("utils/hash.ComputePodTemplateHash", |case| {
        let collision = case
            .arg("collisionCount")
            .as_i64()
            .and_then(|count| i32::try_from(count).ok());
        case.expect(&[(
            "r0",
            json!(pod_template_hash(&case.arg("template"), collision)),
        )])
    });
    registry.on("utils/conditions.ComputeStepHash", |case| {
        case.expect(&[(
            "r0",
            json!(find::step_hash(&swept_rollout(
                case,
                "/spec/strategy/canary"
            ))),
        )])
    });
}
