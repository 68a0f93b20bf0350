//! Conditions of a Rollout: their reasons and messages, how one is set, and when a Rollout is healthy, progressing or out of
//! time (upstream `utils/conditions/conditions.go`). The texts are matched by people and tools.

use jiff::{SignedDuration, Timestamp};

use crate::api::Rollout;
use crate::api::meta::Time;
use crate::api::status::{ConditionStatus, ConditionType, RolloutCondition, RolloutStatus};
use crate::replicas::view::ReplicaSetCondition;

/// Reasons, one word each.
pub mod reason {
    /// The spec can't be carried out.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// Of condition Available.
    pub const AVAILABLE: &str = "AvailableReason";
    /// A ReplicaSet is being scaled.
    pub const REPLICA_SET_UPDATED: &str = "ReplicaSetUpdated";
    /// A ReplicaSet could not be created.
    pub const REPLICA_SET_CREATE_ERROR: &str = "ReplicaSetCreateError";
    /// A ReplicaSet was created.
    pub const NEW_REPLICA_SET_CREATED: &str = "NewReplicaSetCreated";
    /// The ReplicaSet for the template exists already.
    pub const FOUND_NEW_REPLICA_SET: &str = "FoundNewReplicaSet";
    /// The update is done.
    pub const NEW_REPLICA_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
    /// A promoted Rollout became unhealthy.
    pub const REPLICA_SET_NOT_AVAILABLE: &str = "ReplicaSetNotAvailable";
    /// The update is held.
    pub const ROLLOUT_PAUSED: &str = "RolloutPaused";
    /// The update goes on.
    pub const ROLLOUT_RESUMED: &str = "RolloutResumed";
    /// The update was aborted.
    pub const ROLLOUT_ABORTED: &str = "RolloutAborted";
    /// An aborted update begins again.
    pub const ROLLOUT_RETRY: &str = "RolloutRetry";
    /// No progress within the deadline.
    pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";
    /// Reason and message of condition Completed.
    pub const ROLLOUT_COMPLETED: &str = "RolloutCompleted";
    /// Of condition Healthy.
    pub const ROLLOUT_HEALTHY: &str = "RolloutHealthy";
}

/// Messages, sentences.
pub mod message {
    /// Not enough pods.
    pub const NOT_AVAILABLE: &str = "Rollout does not have minimum availability";
    /// Enough pods.
    pub const AVAILABLE: &str = "Rollout has minimum availability";
    /// The update is held.
    pub const PAUSED: &str = "Rollout is paused";
    /// The update goes on.
    pub const RESUMED: &str = "Rollout is resumed";
    /// An aborted update begins again.
    pub const RETRY: &str = "Retrying Rollout after abort";
    /// All is well.
    pub const HEALTHY: &str = "Rollout is healthy";
    /// All was well once.
    pub const NOT_HEALTHY: &str = "Rollout is not healthy";

    /// A ReplicaSet is being scaled.
    pub fn replica_set_progressing(name: &str) -> String {
        format!("ReplicaSet {name:?} is progressing.")
    }

    /// The Rollout moves on, without a ReplicaSet to name.
    pub fn rollout_progressing(name: &str) -> String {
        format!("Rollout {name:?} is progressing.")
    }

    /// The update is done.
    pub fn replica_set_completed(name: &str) -> String {
        format!("ReplicaSet {name:?} has successfully progressed.")
    }

    /// No progress within the deadline.
    pub fn replica_set_timed_out(name: &str) -> String {
        format!("ReplicaSet {name:?} has timed out progressing.")
    }

    /// No progress within the deadline, without a ReplicaSet to name.
    pub fn rollout_timed_out(name: &str) -> String {
        format!("Rollout {name:?} has timed out progressing.")
    }

    /// A ReplicaSet was created.
    pub fn new_replica_set(name: &str) -> String {
        format!("Created new replica set {name:?}")
    }

    /// The ReplicaSet for the template exists already.
    pub fn found_replica_set(name: &str) -> String {
        format!("Found new replica set {name:?}")
    }

    /// A ReplicaSet could not be created.
    pub fn replica_set_create_error(name: &str, error: &str) -> String {
        format!("Failed to create new replica set {name:?}: {error}")
    }

    /// The update was aborted; `cause` may be empty.
    pub fn aborted(revision: i64, cause: &str) -> String {
        let text = format!("Rollout aborted update to revision {revision}");
        if cause.is_empty() {
            text
        } else {
            format!("{text}: {cause}")
        }
    }

    /// The spec can't be carried out.
    pub fn invalid_spec(name: &str, error: &str) -> String {
        format!("The Rollout {name:?} is invalid: {error}")
    }
}

/// A condition that changed just now.
pub fn new(
    kind: ConditionType,
    status: ConditionStatus,
    reason: &str,
    message: String,
    now: Timestamp,
) -> RolloutCondition {
    let time = Some(Time(now));
    RolloutCondition {
        kind,
        status,
        last_update_time: time,
        last_transition_time: time,
        reason: reason.to_owned(),
        message,
    }
}

/// The condition of this type.
pub fn get<'a>(status: &'a RolloutStatus, kind: &ConditionType) -> Option<&'a RolloutCondition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.kind == *kind)
}

/// Sets a condition unless status and reason are there already; false if they were. The transition time stays if the
/// status does, and the condition becomes the last one: order is visible.
pub fn set(status: &mut RolloutStatus, mut condition: RolloutCondition) -> bool {
    if let Some(current) =
        get(status, &condition.kind).filter(|current| current.status == condition.status)
    {
        if current.reason == condition.reason {
            return false;
        }
        condition.last_transition_time = current.last_transition_time;
    }
    remove(status, &condition.kind);
    status.conditions.push(condition);
    true
}

/// Removes the condition of this type.
pub fn remove(status: &mut RolloutStatus, kind: &ConditionType) {
    status
        .conditions
        .retain(|condition| condition.kind != *kind);
}

/// A ReplicaSet's condition as one of the Rollout.
pub fn from_replica_set(condition: &ReplicaSetCondition) -> RolloutCondition {
    RolloutCondition {
        kind: ConditionType::from(condition.kind.as_str()),
        status: condition.status.clone(),
        last_update_time: condition.last_transition_time,
        last_transition_time: condition.last_transition_time,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

/// Whether anything moved between the stored status and `new`: more or better pods, fewer old ones, another selector, step
/// or stable set.
pub fn is_progressing(rollout: &Rollout, new: &RolloutStatus) -> bool {
    let old = &rollout.status;
    let mut moved = false;
    if rollout.spec.strategy.blue_green.is_some() {
        moved = old.blue_green.active_selector != new.blue_green.active_selector
            || old.blue_green.preview_selector != new.blue_green.preview_selector;
    }
    if rollout.spec.strategy.canary.is_some() {
        let stepped = matches!((old.current_step_index, new.current_step_index), (Some(old), Some(new)) if old != new);
        moved = stepped
            || new.stable_rs != old.stable_rs
            || new.current_step_hash != old.current_step_hash;
    }
    let outdated = |status: &RolloutStatus| status.replicas.wrapping_sub(status.updated_replicas);
    moved
        || new.updated_replicas != old.updated_replicas
        || outdated(new) < outdated(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

/// Whether all pods are updated and available, traffic is where it belongs, and the stored status knows the spec.
pub fn is_healthy(rollout: &Rollout, new: &RolloutStatus) -> bool {
    let replicas = rollout.replicas();
    let mut strategy_done = true;
    if let Some(blue_green) = &rollout.spec.strategy.blue_green {
        strategy_done = new.blue_green.active_selector == new.current_pod_hash
            && (blue_green.preview_service.is_empty()
                || new.blue_green.preview_selector == new.current_pod_hash);
    }
    if let Some(canary) = &rollout.spec.strategy.canary {
        let all_steps = match new.current_step_index {
            Some(index) if !canary.steps().is_empty() => {
                usize::try_from(index) == Ok(canary.steps().len())
            }
            _ => true,
        };
        strategy_done = all_steps && is_completed(new) && new.replicas == replicas;
    }
    strategy_done
        && new.updated_replicas == replicas
        && new.available_replicas == replicas
        && rollout.status.observed_generation == rollout.metadata.generation.to_string()
}

/// Whether the set being rolled out is the stable one.
pub fn is_completed(status: &RolloutStatus) -> bool {
    !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash
}

/// Whether progress is overdue: the Progressing condition says so already, or was last renewed longer ago than the
/// deadline. Never while aborted or paused.
pub fn is_timed_out(rollout: &Rollout, new: &RolloutStatus, now: Timestamp) -> bool {
    let Some(condition) = get(new, &ConditionType::Progressing) else {
        return false;
    };
    match condition.reason.as_str() {
        reason::ROLLOUT_ABORTED | reason::ROLLOUT_PAUSED => false,
        reason::PROGRESS_DEADLINE_EXCEEDED => true,
        _ => {
            let deadline =
                SignedDuration::from_secs(i64::from(rollout.progress_deadline_seconds()));
            // Go's zero time, which a missing one is, lies far in the past.
            condition
                .last_update_time
                .is_none_or(|time| now.duration_since(time.0) > deadline)
        }
    }
}
