//! Where a canary stands: its current step, the weight and scale in force (upstream `utils/replicaset/canary.go`).

use crate::api::Rollout;
use crate::api::defaults::AbortScaleDownDelay;
use crate::api::step::{CanaryStep, RolloutExperimentStep, SetCanaryScale};

use super::canary::weight_to_replicas;
use super::view::ReplicaSetView;

/// The current step and its index. No index without steps, no step past the end.
pub fn current_step(rollout: &Rollout) -> (Option<&CanaryStep>, Option<i32>) {
    let Some(steps) = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .map(|canary| canary.steps())
        .filter(|steps| !steps.is_empty())
    else {
        return (None, None);
    };
    let index = rollout.status.current_step_index.unwrap_or(0);
    (
        usize::try_from(index)
            .ok()
            .and_then(|index| steps.get(index)),
        Some(index),
    )
}

/// The steps up to and including the current one, latest first; none past the end.
fn steps_so_far(rollout: &Rollout) -> impl Iterator<Item = &CanaryStep> {
    let steps = match (current_step(rollout), rollout.spec.strategy.canary.as_ref()) {
        ((Some(_), Some(index)), Some(canary)) => {
            let count = usize::try_from(index).map_or(0, |index| index + 1);
            canary.steps().get(..count).unwrap_or_default()
        }
        _ => &[],
    };
    steps.iter().rev()
}

/// The weight in force by the steps: 0 on abort, everything past the end, else the last `setWeight` so far.
pub fn current_set_weight(rollout: &Rollout) -> i32 {
    if rollout.status.abort {
        return 0;
    }
    if current_step(rollout).0.is_none() {
        return rollout.max_traffic_weight();
    }
    steps_so_far(rollout)
        .find_map(|step| step.set_weight)
        .unwrap_or(0)
}

/// The weight the new set should have. On abort with `dynamicStableScale` it goes down through the `setWeight` values in
/// reverse, as fast as the stable set comes up.
pub fn desired_canary_weight(
    rollout: &Rollout,
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
) -> i32 {
    let Some(canary) = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .filter(|canary| canary.dynamic_stable_scale)
    else {
        return current_set_weight(rollout);
    };
    let (true, Some(new), Some(stable)) = (rollout.status.abort, new, stable) else {
        return current_set_weight(rollout);
    };
    let missing = rollout.replicas().wrapping_sub(stable.available());
    // An explicit abort delay keeps the new set up; its size must not hold the weight up, or neither would ever go down.
    let held = if rollout.has_explicit_abort_scale_down_delay() {
        missing
    } else {
        missing.max(new.available())
    };
    let weights = canary
        .steps()
        .iter()
        .rev()
        .filter_map(|step| step.set_weight);
    let replicas =
        |weight| weight_to_replicas(rollout.replicas(), weight, rollout.max_traffic_weight());
    weights
        .into_iter()
        .find(|weight| replicas(*weight) < held)
        .unwrap_or(0)
}

/// The `setCanaryScale` in force: only with traffic routing, not past the end, not on abort unless the new set is to stay,
/// and not if the last one says `matchTrafficWeight`.
pub fn canary_scale_in_force(rollout: &Rollout) -> Option<&SetCanaryScale> {
    rollout
        .spec
        .strategy
        .canary
        .as_ref()?
        .traffic_routing
        .as_ref()?;
    if rollout.status.abort && rollout.abort_scale_down_delay() != AbortScaleDownDelay::Never {
        return None;
    }
    let scale = steps_so_far(rollout).find_map(|step| step.set_canary_scale.as_ref())?;
    (!scale.match_traffic_weight).then_some(scale)
}

/// How large the new set should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanarySize {
    /// This many pods, said by a step.
    Replicas(i32),
    /// The pods this weight comes to.
    Weight(i32),
}

/// How large the new set should be by promotion, scale step or weight.
pub fn canary_size(
    rollout: &Rollout,
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
) -> CanarySize {
    let status = &rollout.status;
    if status.promote_full
        || status.stable_rs.is_empty()
        || status.current_pod_hash == status.stable_rs
    {
        return CanarySize::Weight(rollout.max_traffic_weight());
    }
    if let Some(scale) = canary_scale_in_force(rollout) {
        if let Some(replicas) = scale.replicas {
            return CanarySize::Replicas(replicas);
        }
        if let Some(weight) = scale.weight {
            return CanarySize::Weight(weight);
        }
    }
    CanarySize::Weight(desired_canary_weight(rollout, new, stable))
}

/// The last Experiment step so far.
pub fn current_experiment_step(rollout: &Rollout) -> Option<&RolloutExperimentStep> {
    steps_so_far(rollout).find_map(|step| step.experiment.as_deref())
}

/// Whether the background analysis has yet to start.
pub fn before_starting_step(rollout: &Rollout) -> bool {
    let analysis = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .and_then(|canary| canary.analysis.as_ref());
    let Some(start) = analysis.and_then(|analysis| analysis.starting_step) else {
        return false;
    };
    current_step(rollout).1.is_some_and(|index| index < start)
}

/// The step index of a fresh update: none without steps.
pub fn reset_step_index(rollout: &Rollout) -> Option<i32> {
    let canary = rollout.spec.strategy.canary.as_ref()?;
    (!canary.steps().is_empty()).then_some(0)
}
