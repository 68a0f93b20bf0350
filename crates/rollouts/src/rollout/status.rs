//! The status of a Rollout: counts, conditions, phase and duration. Pure.
//!
//! Mirrors `calculateBaseStatus` and `persistRolloutStatus` of upstream's `rollout/sync.go`. People and tools write parts
//! of the status too, so it is only ever patched, by the difference to what was observed.

pub mod conditions;
pub mod duration;

use machinery::hash;

use super::decide::pass::{Pass, actual, ready};
use crate::api::RolloutStatus;
use crate::api::annotations;
use crate::api::status::{ConditionType, RolloutPhase};
use crate::phase;

/// The fields that both strategies compute alike, on an otherwise empty status.
pub fn base(pass: &Pass<'_>) -> RolloutStatus {
    let stored = &pass.rollout.status;
    let mut new = RolloutStatus {
        restarted_at: pass.restarted_at,
        alb: stored.alb.clone(),
        albs: stored.albs.clone(),
        duration: stored.duration.clone(),
        collision_count: stored.collision_count,
        conditions: stored.conditions.clone(),
        current_pod_hash: match pass.new_set() {
            Some(set) => set.pod_template_hash().to_owned(),
            None => hash::pod_template_hash(&pass.observed.template(), stored.collision_count),
        },
        replicas: pass.total(actual),
        updated_replicas: pass.new_set().map_or(0, actual),
        ready_replicas: pass.total(ready),
        ..RolloutStatus::default()
    };
    new.canary.weights.clone_from(&stored.canary.weights);
    conditions::remove(&mut new, &ConditionType::InvalidSpec);
    // The stable hash is filled in later: here any recorded hash differs from it.
    new.promote_full = stored.promote_full && !new.current_pod_hash.is_empty();
    new
}

/// Fills in what depends on everything else, and plans the events of the transition.
pub fn finish(pass: &mut Pass<'_>, mut new: RolloutStatus) -> RolloutStatus {
    let stored = pass.rollout.status.clone();
    new.observed_generation = pass.rollout.metadata.generation.to_string();
    new.workload_observed_generation = workload_generation(pass, &new);
    conditions::abort_at_deadline(pass, &new);
    pass.pauses.apply(&stored, &mut new, pass.now_time());
    conditions::update(pass, &mut new);
    (new.phase, new.message) = phase::calculate(&pass.rollout.spec, &new);
    new.duration = duration::next(pass, &new);
    if new == stored {
        conditions::requeue_stuck(pass, &new);
    } else {
        pause_events(pass, &stored, &new);
    }
    new
}

/// The generation of the referenced workload that this status was computed from; "" without a reference.
pub fn workload_generation(pass: &Pass<'_>, new: &RolloutStatus) -> String {
    if pass.observed.workload.is_none() {
        return String::new();
    }
    let live = annotations::workload_generation(&pass.rollout.metadata).unwrap_or(0);
    let known = new.workload_observed_generation.parse::<i32>().unwrap_or(0);
    if live == known {
        new.workload_observed_generation.clone()
    } else {
        live.to_string()
    }
}

fn pause_events(pass: &mut Pass<'_>, stored: &RolloutStatus, new: &RolloutStatus) {
    match (
        stored.pause_conditions.first(),
        new.pause_conditions.first(),
    ) {
        (None, Some(first)) => pass.event(
            "RolloutPaused",
            format!("Rollout is paused ({})", first.reason),
        ),
        (Some(_), None) if new.aborted_at.is_none() => {
            pass.event("RolloutResumed", "Rollout is resumed".to_owned());
        }
        (None | Some(_), None) | (Some(_), Some(_)) => {}
    }
}

/// Whether the only news of a status are counts, and what they alone decide. While an update progresses they change with
/// every pod, and hardly anybody needs each of these states. At other times what was asked for may be seen at once.
pub fn differs_in_counts_only(stored: &RolloutStatus, new: &RolloutStatus) -> bool {
    if stored.phase != RolloutPhase::Progressing {
        return false;
    }
    let mut same = new.clone();
    same.replicas = stored.replicas;
    same.updated_replicas = stored.updated_replicas;
    same.ready_replicas = stored.ready_replicas;
    same.available_replicas = stored.available_replicas;
    same.hpa_replicas = stored.hpa_replicas;
    same.message.clone_from(&stored.message);
    for condition in &mut same.conditions {
        let Some(known) = conditions::find(stored, &condition.kind) else {
            continue;
        };
        if condition.kind == ConditionType::Available {
            condition.clone_from(known);
        } else if condition.reason == known.reason {
            condition.last_update_time = known.last_update_time;
        }
    }
    let order = |status: &mut RolloutStatus| status.conditions.sort_by(|a, b| a.kind.cmp(&b.kind));
    let mut before = stored.clone();
    order(&mut same);
    order(&mut before);
    same == before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::decode::lenient;

    #[test]
    fn only_while_an_update_progresses_do_counts_wait() {
        let status = |phase: &str, replicas: i32| -> RolloutStatus {
            lenient(&json!({"phase": phase, "replicas": replicas})).object
        };
        let waits = |phase: &str| differs_in_counts_only(&status(phase, 4), &status(phase, 3));
        assert_eq!(
            ["Progressing", "Healthy", "Paused"].map(waits),
            [true, false, false]
        );
    }
}
