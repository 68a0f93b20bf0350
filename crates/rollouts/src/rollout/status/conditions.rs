//! Conditions of a Rollout.
//!
//! Mirrors upstream's `utils/conditions/conditions.go` and `calculateRolloutConditions` of `rollout/sync.go`. A condition
//! whose status and reason stay is not touched; one that changes moves to the end, which users can see.

use jiff::SignedDuration;

use crate::api::RolloutStatus;
use crate::api::status::{ConditionStatus, ConditionType};
use crate::conditions::{self as rules, get, message, reason as reasons};
pub use crate::conditions::{get as find, remove, set};
use crate::replicas::{list, steps};
use crate::rollout::decide::pass::{Pass, available, has_deadline, seconds};
use crate::views::ReplicaSetView;

/// Conditions that follow from pauses and aborts alone. `Some` ends the pass: the status with only these changed.
///
/// They keep a pause longer than the progress deadline from looking like a lack of progress. Nothing happens while the
/// spec has changed: then the whole status is computed.
pub fn paused(pass: &Pass<'_>) -> Option<RolloutStatus> {
    let stored = &pass.rollout.status;
    if pass.rollout.metadata.generation.to_string() != stored.observed_generation {
        return None;
    }
    let paused = !stored.pause_conditions.is_empty() || pass.rollout.spec.paused;
    let reason =
        get(stored, &ConditionType::Progressing).map_or("", |condition| condition.reason.as_str());
    let aborted = reason == reasons::ROLLOUT_ABORTED;
    let mut changes: Vec<(ConditionType, ConditionStatus, &str, &str)> = Vec::new();
    if paused != (reason == reasons::ROLLOUT_PAUSED) && !aborted && !rules::is_completed(stored) {
        let (reason, message) = if paused {
            (reasons::ROLLOUT_PAUSED, message::PAUSED)
        } else {
            (reasons::ROLLOUT_RESUMED, message::RESUMED)
        };
        changes.push((
            ConditionType::Progressing,
            ConditionStatus::Unknown,
            reason,
            message,
        ));
    }
    if !stored.abort && aborted {
        let message = message::RETRY;
        changes.push((
            ConditionType::Progressing,
            ConditionStatus::Unknown,
            reasons::ROLLOUT_RETRY,
            message,
        ));
    }
    let known =
        get(stored, &ConditionType::Paused).is_some_and(|c| c.status == ConditionStatus::True);
    if paused != known && !aborted {
        let status = if paused {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        };
        changes.push((
            ConditionType::Paused,
            status,
            reasons::ROLLOUT_PAUSED,
            message::PAUSED,
        ));
    }
    if changes.is_empty() {
        return None;
    }
    let mut new = stored.clone();
    for (kind, status, reason, message) in changes {
        set(
            &mut new,
            pass.condition(kind, status, reason, message.to_owned()),
        );
    }
    Some(patched(pass, new))
}

/// A stored status with changed conditions, and what has to agree with them.
pub fn patched(pass: &Pass<'_>, mut new: RolloutStatus) -> RolloutStatus {
    new.observed_generation = pass.rollout.metadata.generation.to_string();
    (new.phase, new.message) = crate::phase::calculate(&pass.rollout.spec, &new);
    new.duration = super::duration::next(pass, &new);
    new
}

/// Aborts an update that made no progress until its deadline, if the spec asks for that.
pub fn abort_at_deadline(pass: &mut Pass<'_>, new: &RolloutStatus) {
    let due = pass.rollout.spec.progress_deadline_abort
        && !pass.aborted()
        && !rules::is_completed(new)
        && !rules::is_progressing(&pass.rollout, new)
        && !waits(pass)
        && rules::is_timed_out(&pass.rollout, &pass.rollout.status, pass.now());
    if due {
        let message = timed_out_message(pass);
        pass.pauses.abort = Some(message.clone());
        pass.warn(reasons::ROLLOUT_ABORTED, message);
    }
}

/// Whether lack of progress is by design: at a pause or analysis step, paused, or waiting for an old set's deadline.
fn waits(pass: &Pass<'_>) -> bool {
    is_indefinite(pass) || pass.other_sets().any(has_deadline)
}

fn is_indefinite(pass: &Pass<'_>) -> bool {
    let (step, _) = steps::current_step(&pass.rollout);
    step.is_some_and(|step| {
        step.experiment.is_some() || step.analysis.is_some() || step.pause.is_some()
    }) || get(&pass.rollout.status, &ConditionType::Paused)
        .is_some_and(|c| c.status == ConditionStatus::True)
}

fn timed_out_message(pass: &Pass<'_>) -> String {
    match pass.new_set() {
        Some(set) => message::replica_set_timed_out(set.name()),
        None => message::rollout_timed_out(&pass.rollout.metadata.name),
    }
}

/// Brings all conditions up to date; needs counts, hashes, pauses and abort of the new status.
pub fn update(pass: &mut Pass<'_>, new: &mut RolloutStatus) {
    let became_unhealthy = healthy(pass, new);
    if pass.aborted() {
        aborted(pass, new);
    } else {
        progressing(pass, new, became_unhealthy);
    }
    available_condition(pass, new);
    replica_failure(pass, new);
    completed(pass, new);
}

/// Returns whether the Rollout just stopped being healthy.
fn healthy(pass: &Pass<'_>, new: &mut RolloutStatus) -> bool {
    let paused = !new.pause_conditions.is_empty() || pass.rollout.spec.paused;
    let kind = ConditionType::Healthy;
    if !paused && rules::is_healthy(&pass.rollout, new) {
        set(
            new,
            pass.condition(
                kind,
                ConditionStatus::True,
                reasons::ROLLOUT_HEALTHY,
                message::HEALTHY.to_owned(),
            ),
        );
        return false;
    }
    get(&pass.rollout.status, &ConditionType::Healthy).is_some() && {
        let message = message::NOT_HEALTHY.to_owned();
        set(
            new,
            pass.condition(
                kind,
                ConditionStatus::False,
                reasons::ROLLOUT_HEALTHY,
                message,
            ),
        )
    }
}

fn aborted(pass: &mut Pass<'_>, new: &mut RolloutStatus) {
    let cause = pass.pauses.abort.as_deref().unwrap_or_default();
    let message = message::aborted(pass.revision(), cause);
    let condition = pass.condition(
        ConditionType::Progressing,
        ConditionStatus::False,
        reasons::ROLLOUT_ABORTED,
        message.clone(),
    );
    if set(new, condition) {
        pass.warn(reasons::ROLLOUT_ABORTED, message);
    }
}

fn progressing(pass: &Pass<'_>, new: &mut RolloutStatus, became_unhealthy: bool) {
    let name = pass.new_set().map(|set| set.name().to_owned());
    let kind = ConditionType::Progressing;
    if rules::is_healthy(&pass.rollout, new) {
        let message = message::replica_set_completed(&name.unwrap_or_default());
        set(
            new,
            pass.condition(
                kind,
                ConditionStatus::True,
                reasons::NEW_REPLICA_SET_AVAILABLE,
                message,
            ),
        );
    } else if rules::is_progressing(&pass.rollout, new) || became_unhealthy {
        let (reason, message) = if new.stable_rs == new.current_pod_hash && became_unhealthy {
            (
                reasons::REPLICA_SET_NOT_AVAILABLE,
                message::NOT_AVAILABLE.to_owned(),
            )
        } else {
            (
                reasons::REPLICA_SET_UPDATED,
                match name {
                    Some(name) => message::replica_set_progressing(&name),
                    None => message::rollout_progressing(&pass.rollout.metadata.name),
                },
            )
        };
        let mut condition = pass.condition(kind.clone(), ConditionStatus::True, reason, message);
        // Every sign of progress renews the progress clock, even if nothing else about the condition changes.
        if let Some(known) = get(&pass.rollout.status, &kind) {
            if known.status == ConditionStatus::True {
                condition.last_transition_time = known.last_transition_time;
            }
            remove(new, &kind);
        }
        set(new, condition);
    } else if !waits(pass) && rules::is_timed_out(&pass.rollout, new, pass.now()) {
        let message = timed_out_message(pass);
        set(
            new,
            pass.condition(
                kind,
                ConditionStatus::False,
                reasons::PROGRESS_DEADLINE_EXCEEDED,
                message,
            ),
        );
    }
}

fn available_condition(pass: &Pass<'_>, new: &mut RolloutStatus) {
    let replicas = pass.replicas();
    let serves = if pass.rollout.spec.strategy.blue_green.is_some() {
        list::is_saturated(
            &pass.rollout,
            pass.set_with_hash(&new.blue_green.active_selector),
        )
    } else {
        pass.total(available) >= replicas
    };
    let (status, message) = if serves {
        (ConditionStatus::True, message::AVAILABLE)
    } else {
        (ConditionStatus::False, message::NOT_AVAILABLE)
    };
    set(
        new,
        pass.condition(
            ConditionType::Available,
            status,
            reasons::AVAILABLE,
            message.to_owned(),
        ),
    );
}

fn replica_failure(pass: &Pass<'_>, new: &mut RolloutStatus) {
    let of = |set: &ReplicaSetView| {
        set.status
            .conditions
            .iter()
            .find(|c| c.kind == "ReplicaFailure")
            .cloned()
    };
    match pass
        .new_set()
        .and_then(of)
        .or_else(|| pass.sets.iter().find_map(of))
    {
        Some(found) => {
            set(new, rules::from_replica_set(&found));
        }
        None => remove(new, &ConditionType::ReplicaFailure),
    }
}

fn completed(pass: &mut Pass<'_>, new: &mut RolloutStatus) {
    let done = rules::is_completed(new);
    let status = if done {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let reason = reasons::ROLLOUT_COMPLETED;
    let changed = set(
        new,
        pass.condition(ConditionType::Completed, status, reason, reason.to_owned()),
    );
    if changed && !done {
        let (revision, hash) = (pass.revision(), &new.current_pod_hash);
        let message =
            format!("Rollout not completed, started update to revision {revision} ({hash})");
        pass.event("RolloutNotCompleted", message);
    }
}

/// Looks again when the progress deadline of an unfinished update passes.
pub fn requeue_stuck(pass: &mut Pass<'_>, new: &RolloutStatus) {
    let stored = &pass.rollout.status;
    let Some(progressing) = get(stored, &ConditionType::Progressing) else {
        return;
    };
    let paused = !stored.pause_conditions.is_empty() || pass.rollout.spec.paused;
    if rules::is_healthy(&pass.rollout, new)
        || progressing.reason == reasons::PROGRESS_DEADLINE_EXCEEDED
        || paused
        || stored.abort
        || is_indefinite(pass)
    {
        return;
    }
    let since = progressing
        .last_update_time
        .map_or(pass.now(), |time| time.0);
    let left = since
        .duration_since(pass.now())
        .saturating_add(seconds(pass.rollout.progress_deadline_seconds()));
    if left < SignedDuration::from_secs(1) {
        pass.again = true;
    } else {
        pass.requeue_after(left.saturating_add(SignedDuration::from_secs(1)));
    }
}
