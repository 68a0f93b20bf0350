//! Phase, message and texts of steps.

use rollouts::api::CanaryStep;
use rollouts::phase;
use serde_json::{Value, json};

use super::super::registry::Registry;
use super::{refs, rollout, set, sets};

pub fn register(registry: &mut Registry) {
    registry.on("utils/rollout.GetRolloutPhase", |case| {
        let rollout = rollout(case, "ro");
        // The flag is not recorded: a template that came from elsewhere is not written down.
        let from_reference =
            rollout.spec.workload_ref.is_some() || rollout.spec.template.is_empty();
        let (phase, message) = phase::observed(&rollout, from_reference);
        case.expect(&[("r0", json!(phase)), ("r1", json!(message))])
    });
    registry.on("utils/rollout.CalculateRolloutPhase", |case| {
        let (phase, message) = phase::calculate(&case.read("spec"), &case.read("status"));
        case.expect(&[("r0", json!(phase)), ("r1", json!(message))])
    });
    registry.on("utils/rollout.IsFullyPromoted", |case| {
        case.expect(&[("r0", json!(phase::is_fully_promoted(&rollout(case, "ro"))))])
    });
    registry.on("utils/rollout.IsUnpausing", |case| {
        case.expect(&[("r0", json!(phase::is_unpausing(&rollout(case, "ro"))))])
    });
    registry.on("utils/rollout.isGenerationObserved", |case| {
        case.expect(&[(
            "r0",
            json!(phase::is_generation_observed(&rollout(case, "ro"))),
        )])
    });
    registry.on("utils/rollout.isWorkloadGenerationObserved", |case| {
        case.expect(&[(
            "r0",
            json!(phase::is_workload_generation_observed(&rollout(case, "ro"))),
        )])
    });
    registry.on(
        "utils/rollout.waitingForBlueGreenPostPromotionAnalysis",
        |case| {
            let rollout = rollout(case, "ro");
            let open = phase::is_post_promotion_analysis_open(&rollout.spec, &rollout.status);
            case.expect(&[("r0", json!(open))])
        },
    );
    registry.on("utils/rollout.CanaryStepString", |case| {
        case.expect(&[("r0", json!(phase::step_text(&case.read::<CanaryStep>("c"))))])
    });
    registry.on("utils/rollout.ShouldVerifyWeight", |case| {
        let verify =
            phase::should_verify_weight(&rollout(case, "ro"), case.number("desiredWeight"));
        case.expect(&[("r0", json!(verify))])
    });
    registry.on("utils/rollout.IsDynamicallyRollingBackToStable", |case| {
        let (rollout, desired) = (
            rollout(case, "ro"),
            set(case, "desiredRS").unwrap_or_default(),
        );
        let from = phase::dynamic_rollback_from(&rollout, &desired);
        case.expect(&[
            ("r0", json!(from.is_some())),
            ("r1", from.map_or(Value::Null, |hash| json!(hash))),
        ])
    });
    registry.on("utils/rollout.AbortOrDynamicRollbackToStable", |case| {
        let all = sets(case, "allRSs");
        let ours = phase::is_abort_or_dynamic_rollback(
            &rollout(case, "ro"),
            &refs(&all),
            &case.text("stableHash"),
        );
        case.expect(&[("r0", json!(ours))])
    });
}
