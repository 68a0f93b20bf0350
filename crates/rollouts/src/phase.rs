//! Phase and message of a Rollout, and texts about its steps (upstream `utils/rollout/rolloututil.go`). Argo CD, the CLI and
//! users compare these strings.

use crate::api::annotations;
use crate::api::status::ConditionType;
use crate::api::step::CanaryStep;
use crate::api::{Rollout, RolloutPhase, RolloutSpec, RolloutStatus};
use crate::conditions::{is_completed, reason};
use crate::replicas::ReplicaSetView;
use crate::replicas::list::with_hash;
use crate::replicas::steps::current_step;

/// A phase and why.
pub type PhaseAndMessage = (RolloutPhase, String);

/// The phase as clients see it: `Progressing` until the controller has seen the latest spec and resume. `from_reference`
/// tells that the pod template was taken from a referenced workload.
pub fn observed(rollout: &Rollout, from_reference: bool) -> PhaseAndMessage {
    let waiting = |message: &str| (RolloutPhase::Progressing, message.to_owned());
    if !is_generation_observed(rollout) {
        return waiting("waiting for rollout spec update to be observed");
    }
    if is_unpausing(rollout) {
        return waiting("waiting for rollout to unpause");
    }
    if from_reference && !is_workload_generation_observed(rollout) {
        return waiting(
            "waiting for rollout spec update to be observed for the reference workload",
        );
    }
    let status = &rollout.status;
    if status.phase.as_str().is_empty() {
        return calculate(&rollout.spec, status);
    }
    (status.phase.clone(), status.message.clone())
}

/// The phase the controller stores.
pub fn calculate(spec: &RolloutSpec, status: &RolloutStatus) -> PhaseAndMessage {
    for condition in &status.conditions {
        if condition.kind == ConditionType::InvalidSpec {
            return (
                RolloutPhase::Degraded,
                format!("InvalidSpec: {}", condition.message),
            );
        }
        if [reason::ROLLOUT_ABORTED, reason::PROGRESS_DEADLINE_EXCEEDED]
            .contains(&condition.reason.as_str())
        {
            return (
                RolloutPhase::Degraded,
                format!("{}: {}", condition.reason, condition.message),
            );
        }
    }
    if spec.paused {
        return (RolloutPhase::Paused, "manually paused".to_owned());
    }
    if let Some(pause) = status.pause_conditions.first() {
        return (RolloutPhase::Paused, pause.reason.to_string());
    }
    match waiting_for(spec, status) {
        Some(message) => (RolloutPhase::Progressing, message.to_owned()),
        None => (RolloutPhase::Healthy, String::new()),
    }
}

fn waiting_for(spec: &RolloutSpec, status: &RolloutStatus) -> Option<&'static str> {
    if spec.restart_at.is_some() && spec.restart_at != status.restarted_at {
        return Some("rollout is restarting");
    }
    if status.updated_replicas < spec.replicas.unwrap_or(crate::api::defaults::REPLICAS) {
        return Some("more replicas need to be updated");
    }
    if status.available_replicas < status.updated_replicas {
        return Some("updated replicas are still becoming available");
    }
    if spec.strategy.blue_green.is_some() {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            return Some("active service cutover pending");
        }
        return match (
            is_completed(status),
            is_post_promotion_analysis_open(spec, status),
        ) {
            (true, _) => None,
            (false, true) => Some("waiting for analysis to complete"),
            (false, false) => Some("waiting for post-promotion verification to complete"),
        };
    }
    let canary = spec.strategy.canary.as_ref()?;
    if canary.traffic_routing.is_none() && status.replicas > status.updated_replicas {
        return Some("old replicas are pending termination");
    }
    (!is_completed(status)).then_some("waiting for all steps to complete")
}

/// Whether the analysis after a blue-green switch has yet to end.
pub fn is_post_promotion_analysis_open(spec: &RolloutSpec, status: &RolloutStatus) -> bool {
    let blue_green = spec.strategy.blue_green.as_ref();
    let run = status
        .blue_green
        .post_promotion_analysis_run_status
        .as_ref();
    blue_green.is_some_and(|blue_green| blue_green.post_promotion_analysis.is_some())
        && !run.is_some_and(|run| run.status.completed())
}

/// Whether the controller has seen the latest spec. Anything but a lower number counts as seen: releases before 0.10 kept a
/// hash there.
pub fn is_generation_observed(rollout: &Rollout) -> bool {
    let observed: Result<i64, _> = rollout.status.observed_generation.parse();
    observed.map_or(true, |observed| observed >= rollout.metadata.generation)
}

/// Whether a human resumed and the controller hasn't noticed.
pub fn is_unpausing(rollout: &Rollout) -> bool {
    rollout.status.controller_pause && rollout.status.pause_conditions.is_empty()
}

/// Whether the controller has seen the latest referenced workload.
pub fn is_workload_generation_observed(rollout: &Rollout) -> bool {
    let Some(generation) = annotations::workload_generation(&rollout.metadata) else {
        return true;
    };
    let observed: Result<i32, _> = rollout.status.workload_observed_generation.parse();
    observed.map_or(true, |observed| observed == generation)
}

/// Whether the set being rolled out is the stable one. True, too, if neither is known.
pub fn is_fully_promoted(rollout: &Rollout) -> bool {
    rollout.status.stable_rs == rollout.status.current_pod_hash
}

/// The hash that still has canary traffic, if an update with `dynamicStableScale` was cut short and the stable set
/// (`desired`) is still coming up.
pub fn dynamic_rollback_from<'a>(
    rollout: &'a Rollout,
    desired: &ReplicaSetView,
) -> Option<&'a str> {
    let canary = rollout.spec.strategy.canary.as_ref()?;
    if !is_fully_promoted(rollout)
        || canary.traffic_routing.is_none()
        || !canary.dynamic_stable_scale
    {
        return None;
    }
    let current = rollout
        .status
        .canary
        .weights
        .as_ref()?
        .canary
        .pod_template_hash
        .as_str();
    (current != desired.pod_template_hash() && desired.available() < rollout.replicas())
        .then_some(current)
}

/// Whether only the stable set must be available before traffic moves: on abort and on a dynamic rollback.
pub fn is_abort_or_dynamic_rollback(
    rollout: &Rollout,
    sets: &[&ReplicaSetView],
    stable_hash: &str,
) -> bool {
    let stable = || with_hash(sets, stable_hash);
    rollout.status.abort
        || stable().is_some_and(|stable| dynamic_rollback_from(rollout, stable).is_some())
}

/// Whether the router's weights must be verified: on a `setWeight` step, and at the end with full weight.
pub fn should_verify_weight(rollout: &Rollout, desired_weight: i32) -> bool {
    if rollout.status.stable_rs.is_empty() || is_fully_promoted(rollout) {
        return false;
    }
    match current_step(rollout).0 {
        Some(step) => step.set_weight.is_some(),
        None => desired_weight == rollout.max_traffic_weight(),
    }
}

/// A step in words, for events and the CLI.
pub fn step_text(step: &CanaryStep) -> String {
    if let Some(weight) = step.set_weight {
        return format!("setWeight: {weight}");
    }
    if let Some(pause) = &step.pause {
        return pause.duration.as_ref().map_or_else(
            || "pause".to_owned(),
            |duration| format!("pause: {duration}"),
        );
    }
    if step.experiment.is_some() {
        return "experiment".to_owned();
    }
    if step.analysis.is_some() {
        return "analysis".to_owned();
    }
    if let Some(text) = scale_text(step) {
        return text;
    }
    if let Some(plugin) = &step.plugin {
        return format!("plugin: {}", plugin.name);
    }
    if let Some(route) = &step.set_header_route {
        return format!("setHeaderRoute: {}", route.name);
    }
    step.set_mirror_route.as_ref().map_or_else(
        || "invalid".to_owned(),
        |route| format!("setMirrorRoute: {}", route.name),
    )
}

fn scale_text(step: &CanaryStep) -> Option<String> {
    let scale = step.set_canary_scale.as_ref()?;
    if let Some(weight) = scale.weight {
        return Some(format!("setCanaryScale{{weight: {weight}}}"));
    }
    if scale.match_traffic_weight {
        return Some("setCanaryScale{matchTrafficWeight: true}".to_owned());
    }
    scale
        .replicas
        .map(|replicas| format!("setCanaryScale{{replicas: {replicas}}}"))
}
