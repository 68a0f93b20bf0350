//! How long an update takes: when it started and ended, and how much of that it waited for a human.
//!
//! Mirrors upstream's `calculateStatusDuration` (`rollout/sync.go`). Everything is a comparison of the stored status with
//! the new one, so that a repeated pass repeats the same answer.

use crate::api::status::{CompletionStatus, ConditionType, PauseReason, RolloutDurationStatus};
use crate::api::{RolloutStatus, Time};
use crate::conditions::get;
use crate::replicas::steps;
use crate::rollout::decide::pass::{Pass, available};

/// The duration part of the new status.
pub fn next(pass: &Pass<'_>, new: &RolloutStatus) -> Option<RolloutDurationStatus> {
    if get(new, &ConditionType::InvalidSpec).is_some() {
        return new.duration.clone();
    }
    let now = pass.now_time();
    let stored = &pass.rollout.status;
    let changed = stored.current_pod_hash.is_empty() || template_changed(pass);
    let promoted = new.stable_rs == new.current_pod_hash;
    let full = pass
        .new_set()
        .is_some_and(|set| available(set) >= pass.replicas());
    let completed = promoted && full;
    let mut duration = new.duration.clone();
    let mut was_paused = stored
        .duration
        .as_ref()
        .is_some_and(|d| d.manual_pause_started_at.is_some());
    if stored.duration.as_ref().is_some_and(is_open)
        && let Some(open) = duration.as_mut()
    {
        proceed(pass, open, changed, completed, now);
    }
    if duration
        .as_ref()
        .is_none_or(|known| is_complete(known) && !completed)
    {
        was_paused = false;
        if (changed && !completed) || is_retry(pass) {
            duration = Some(RolloutDurationStatus {
                rollout_started_at: Some(now),
                ..RolloutDurationStatus::default()
            });
        }
    }
    let mut duration = duration?;
    if !is_complete(&duration) {
        track_pause(pass, new, &mut duration, was_paused, now);
    }
    Some(duration)
}

/// The updates that ended between two states of this part of the status. One that another took the place of is not in
/// the new state any more.
pub fn ended(
    stored: Option<&RolloutDurationStatus>,
    new: Option<&RolloutDurationStatus>,
) -> Vec<RolloutDurationStatus> {
    let Some(new) = new else { return Vec::new() };
    let mut ended = Vec::new();
    let open = stored.filter(|stored| is_open(stored));
    let goes_on = |open: &RolloutDurationStatus| open.rollout_started_at == new.rollout_started_at;
    if let (Some(open), Some(now)) = (open.filter(|open| !goes_on(open)), new.rollout_started_at) {
        let mut replaced = open.clone();
        complete(&mut replaced, now, CompletionStatus::Superseded);
        ended.push(replaced);
    }
    let was_complete = stored.is_some_and(|stored| goes_on(stored) && is_complete(stored));
    if is_complete(new) && !was_complete {
        ended.push(new.clone());
    }
    ended
}

fn template_changed(pass: &Pass<'_>) -> bool {
    if pass.rollout.spec.strategy.canary.is_some() {
        pass.template_or_steps_changed()
    } else {
        pass.template_changed()
    }
}

/// An update that was open: rolled back, superseded, completed or aborted.
fn proceed(
    pass: &Pass<'_>,
    open: &mut RolloutDurationStatus,
    changed: bool,
    completed: bool,
    now: Time,
) {
    if changed {
        if pass.is_rollback() {
            let fast = pass.is_fast_rollback();
            let status = if fast {
                CompletionStatus::FastRolledBack
            } else {
                CompletionStatus::RolledBack
            };
            open.completion_status = Some(status);
        } else {
            complete(open, now, CompletionStatus::Superseded);
        }
    }
    if is_complete(open) {
        return;
    }
    let outcome = open.completion_status.clone();
    if completed {
        complete(open, now, outcome.unwrap_or(CompletionStatus::Promoted));
    } else if pass.aborted() {
        complete(open, now, outcome.unwrap_or(CompletionStatus::Aborted));
    }
}

/// Ends the update, and a wait for a human that is still on.
fn complete(open: &mut RolloutDurationStatus, now: Time, outcome: CompletionStatus) {
    end_pause(open, now);
    open.finished_at = Some(now);
    open.completion_status = Some(outcome);
}

fn end_pause(open: &mut RolloutDurationStatus, now: Time) {
    if let Some(since) = open.manual_pause_started_at.take() {
        let known = open.total_manual_pause_duration_seconds.unwrap_or(0);
        let paused = now.seconds().saturating_sub(since.seconds());
        open.total_manual_pause_duration_seconds = Some(known.saturating_add(paused));
    }
}

fn track_pause(
    pass: &Pass<'_>,
    new: &RolloutStatus,
    duration: &mut RolloutDurationStatus,
    was_paused: bool,
    now: Time,
) {
    let waits = pass.rollout.spec.paused
        || new
            .pause_conditions
            .iter()
            .any(|condition| needs_human(pass, &condition.reason));
    if was_paused && !waits {
        end_pause(duration, now);
    } else if !was_paused && waits && duration.manual_pause_started_at.is_none() {
        duration.manual_pause_started_at = Some(now);
    }
}

/// Whether only a human ends this pause.
fn needs_human(pass: &Pass<'_>, reason: &PauseReason) -> bool {
    match reason {
        PauseReason::InconclusiveAnalysisRun | PauseReason::InconclusiveExperiment => true,
        PauseReason::CanaryPauseStep => {
            let (step, _) = steps::current_step(&pass.rollout);
            step.and_then(|step| step.pause.as_ref())
                .is_some_and(|pause| pause.duration.is_none())
        }
        PauseReason::BlueGreenPause => {
            let strategy = pass.rollout.spec.strategy.blue_green.as_deref();
            strategy.is_some_and(|b| b.auto_promotion_enabled == Some(false))
        }
        PauseReason::Other(_) => false,
    }
}

fn is_retry(pass: &Pass<'_>) -> bool {
    let progressing = get(&pass.rollout.status, &ConditionType::Progressing);
    !pass.aborted() && progressing.is_some_and(|condition| condition.reason == "RolloutAborted")
}

/// Whether an update is under way.
pub fn is_open(duration: &RolloutDurationStatus) -> bool {
    duration.rollout_started_at.is_some() && !is_complete(duration)
}

fn is_complete(duration: &RolloutDurationStatus) -> bool {
    duration.rollout_started_at.is_some() && duration.finished_at.is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::decode::lenient;

    fn of(value: &Value) -> RolloutDurationStatus {
        lenient(value).object
    }

    #[test]
    fn an_update_ends_once() {
        let open = of(&json!({"rolloutStartedAt": "2026-01-01T00:00:00Z"}));
        let done = of(&json!({
            "rolloutStartedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z", "completionStatus": "Promoted",
        }));
        assert_eq!(ended(None, Some(&open)), []);
        assert_eq!(ended(Some(&open), Some(&open)), []);
        assert_eq!(ended(Some(&open), Some(&done)), std::slice::from_ref(&done));
        assert_eq!(ended(Some(&done), Some(&done)), []);
    }

    #[test]
    fn an_update_that_another_took_the_place_of_ended_when_that_began() {
        let open = of(&json!({
            "rolloutStartedAt": "2026-01-01T00:00:00Z", "manualPauseStartedAt": "2026-01-01T00:00:10Z",
        }));
        let next = of(&json!({"rolloutStartedAt": "2026-01-01T00:01:00Z"}));
        let superseded = of(&json!({
            "rolloutStartedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
            "completionStatus": "Superseded", "totalManualPauseDurationSeconds": 50,
        }));
        assert_eq!(ended(Some(&open), Some(&next)), [superseded]);
    }
}
