//! Pod templates that no API server would take: a Rollout with one is still worked on, without what is malformed.
//!
//! Mirrors upstream's `utils/tolerantinformer`, which reads a Rollout as far as Go's decoder gets. The CRD leaves
//! `resources` unchecked, so quantities are what people get wrong. Upstream updates whole Rollouts, as far as it could read
//! them, so its first write to one mends it; typed clients can't read it before.

use std::borrow::Cow;

use machinery::quantity::Quantity;
use runtime::{Effect, Patch};
use serde_json::Value;

use crate::api::ROLLOUT;
use crate::rollout::decide::writes;
use crate::rollout::observe::Observed;
use crate::rollout::tree::put;

const TEMPLATE: &str = "/spec/template/spec";
const LISTS: [&str; 2] = ["initContainers", "containers"];
const EPHEMERAL: &str = "ephemeralContainers";
const KINDS: [&str; 2] = ["/resources/requests", "/resources/limits"];

/// A Rollout without malformed quantities, and without ephemeral containers if one of theirs is malformed (Go drops
/// such a list as a whole). Cloned only if there is something to leave out.
pub fn without(object: &Value) -> Cow<'_, Value> {
    let sound = object.pointer(TEMPLATE).is_none_or(|spec| {
        let lists = LISTS.into_iter().chain([EPHEMERAL]);
        lists
            .filter_map(|list| spec.get(list))
            .all(|list| !is_malformed(list))
    });
    if sound {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    if let Some(spec) = object.pointer_mut(TEMPLATE) {
        repair(spec);
    }
    Cow::Owned(object)
}

/// Lets the first write to the Rollout itself take out of the stored template what was left out of the observed one.
pub fn mend(observed: &Observed, effects: &mut [Effect]) {
    if !observed.malformed {
        return;
    }
    let mut patches = effects.iter_mut().filter_map(|effect| match effect {
        Effect::Patch {
            resource,
            patch: Patch::Merge(patch),
            subresource: None,
            ..
        } if *resource == ROLLOUT => Some(patch),
        Effect::Patch { .. }
        | Effect::Create { .. }
        | Effect::Update { .. }
        | Effect::Packed { .. }
        | Effect::Delete { .. }
        | Effect::Evict { .. }
        | Effect::Event { .. } => None,
    });
    let Some(patch) = patches.next() else { return };
    let template = observed.template();
    let sound = template.get("spec");
    for list in LISTS.into_iter().chain([EPHEMERAL]) {
        let containers = sound.and_then(|spec| spec.get(list));
        let containers = containers.cloned().unwrap_or(Value::Null);
        put(patch, &["spec", "template", "spec", list], containers);
    }
    writes::lock(patch, &observed.rollout.metadata);
}

fn repair(spec: &mut Value) {
    for list in LISTS {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            for kind in KINDS {
                if let Some(known) = container.pointer_mut(kind).and_then(Value::as_object_mut) {
                    known.retain(|_, quantity| is_quantity(quantity));
                }
            }
        }
    }
    if spec.get(EPHEMERAL).is_some_and(is_malformed)
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove(EPHEMERAL);
    }
}

/// Whether any container of a list has a malformed quantity.
fn is_malformed(containers: &Value) -> bool {
    containers
        .as_array()
        .into_iter()
        .flatten()
        .any(|container| {
            KINDS
                .into_iter()
                .filter_map(|kind| container.pointer(kind)?.as_object())
                .any(|known| !known.values().all(is_quantity))
        })
}

fn is_quantity(value: &Value) -> bool {
    match value {
        Value::String(text) => Quantity::parse(text).is_ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).is_ok(),
        Value::Null => true,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use runtime::ObjectKey;
    use serde_json::json;

    use super::*;
    use crate::api::Rollout;
    use crate::api::decode::lenient;

    fn rollout(spec: &Value) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn malformed_quantities_are_left_out_and_the_rest_stays() {
        let known = rollout(&json!({
            "containers": [{"name": "a", "resources": {"requests": {"memory": "invalid", "cpu": 0.001}}}],
            "ephemeralContainers": [{"name": "b", "resources": {"limits": {"cpu": true}}}],
        }));
        let wanted = rollout(&json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": 0.001}}}],
        }));
        assert_eq!(without(&known).into_owned(), wanted);
    }

    #[test]
    fn a_sound_template_is_not_copied() {
        let known = rollout(&json!({"containers": [{"resources": {"limits": {"cpu": "1m"}}}]}));
        assert!(matches!(without(&known), Cow::Borrowed(_)));
    }

    #[test]
    fn the_first_write_to_the_rollout_mends_it() {
        let stored = rollout(&json!({
            "containers": [{"name": "a", "resources": {"limits": {"cpu": "1m", "memory": "invalid"}}}],
            "ephemeralContainers": [{"name": "b", "resources": {"limits": {"cpu": true}}}],
        }));
        let mut read: Rollout = lenient(&without(&stored)).object;
        read.metadata.resource_version = "7".to_owned();
        let mut observed = Observed::new(read, None, Timestamp::UNIX_EPOCH);
        let patch = |revision: &str| {
            let key = ObjectKey::new("ns", "a");
            writes::patch_rollout(
                &key,
                json!({"metadata": {"annotations": {"revision": revision}}}),
            )
        };
        let mut effects = vec![patch("1"), patch("2")];
        mend(&observed, &mut effects);
        assert_eq!(effects, [patch("1"), patch("2")]);
        observed.malformed = true;
        mend(&observed, &mut effects);
        let mended = json!({
            "metadata": {"annotations": {"revision": "1"}, "resourceVersion": "7"},
            "spec": {"template": {"spec": {
                "initContainers": null,
                "containers": [{"name": "a", "resources": {"limits": {"cpu": "1m"}}}],
                "ephemeralContainers": null,
            }}},
        });
        let mended = writes::patch_rollout(&ObjectKey::new("ns", "a"), mended);
        assert_eq!(effects, [mended, patch("2")]);
    }
}
