//! Conditions of Rollouts.

use rollouts::api::RolloutStatus;
use rollouts::api::status::ConditionType;
use rollouts::conditions;
use serde_json::{Value, json};

use super::super::case::{Case, same};
use super::super::registry::Registry;
use super::rollout;

pub fn register(registry: &mut Registry) {
    registry.on("utils/conditions.RolloutHealthy", |case| {
        let ours = conditions::is_healthy(&rollout(case, "rollout"), &case.read("newStatus"));
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/conditions.RolloutProgressing", |case| {
        let ours = conditions::is_progressing(&rollout(case, "rollout"), &case.read("newStatus"));
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/conditions.RolloutTimedOut", |case| {
        let ours = conditions::is_timed_out(
            &rollout(case, "rollout"),
            &case.read("newStatus"),
            case.now(),
        );
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/conditions.RolloutCompleted", |case| {
        case.expect(&[(
            "r0",
            json!(conditions::is_completed(&case.read("newStatus"))),
        )])
    });
    registry.on("utils/conditions.GetRolloutCondition", |case| {
        let status: RolloutStatus = case.read("status");
        let kind = ConditionType::from(case.text("condType"));
        case.expect(&[("r0", json!(conditions::get(&status, &kind)))])
    });
    registry.on("utils/conditions.SetRolloutCondition", |case| {
        let mut status: RolloutStatus = case.read("status");
        let changed = conditions::set(&mut status, case.read("condition"));
        case.expect(&[("r0", json!(changed))])?;
        after(case, &status)
    });
    registry.on("utils/conditions.RemoveRolloutCondition", |case| {
        let mut status: RolloutStatus = case.read("status");
        conditions::remove(&mut status, &ConditionType::from(case.text("condType")));
        after(case, &status)
    });
}

/// The status after the call, as it was if upstream names no change.
fn after(case: &Case, status: &RolloutStatus) -> Result<(), String> {
    let changed = case.out("/after/status");
    let theirs = if changed == Value::Null {
        case.arg("status")
    } else {
        changed
    };
    same("after.status", &theirs, &json!(status))
}
