//! Pauses and aborts: what the controller adds and removes, and whether a pause is over.
//!
//! Mirrors upstream's `rollout/pause.go`. `status.pauseConditions`, `controllerPause`, `abort` and `promoteFull` are
//! also written by people and tools; a condition that is gone while `controllerPause` is still true means that
//! somebody resumed.

use jiff::{SignedDuration, Timestamp};
use machinery::duration::GoDuration;

use super::pass::{Pass, seconds};
use crate::api::status::{PauseCondition, PauseReason};
use crate::api::step::RolloutPause;
use crate::api::{IntOrString, RolloutStatus, Time};

/// What one pass changes about pauses and aborts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PauseChanges {
    /// Reasons to add.
    pub add: Vec<PauseReason>,
    /// Reasons to remove.
    pub remove: Vec<PauseReason>,
    /// Write no pause fields at all.
    pub clear: bool,
    /// Abort, with the cause ("" for none).
    pub abort: Option<String>,
    /// Undo an abort.
    pub remove_abort: bool,
}

impl PauseChanges {
    /// Aborted, by the stored status or in this pass, and not undone in this pass.
    pub fn aborted(&self, stored: &RolloutStatus) -> bool {
        !self.remove_abort && (self.abort.is_some() || stored.abort)
    }

    /// Writes abort and pause fields into `new`. Abort wins: it leaves no pause.
    pub fn apply(&self, stored: &RolloutStatus, new: &mut RolloutStatus, now: Time) {
        new.abort = self.abort.is_some() || (!self.remove_abort && stored.abort);
        new.aborted_at = None;
        new.controller_pause = false;
        new.pause_conditions = Vec::new();
        if new.abort {
            new.aborted_at = Some(stored.aborted_at.unwrap_or(now));
        } else if !self.clear {
            self.conditions(stored, new, now);
        }
    }

    fn conditions(&self, stored: &RolloutStatus, new: &mut RolloutStatus, now: Time) {
        let known = &stored.pause_conditions;
        let mut all: Vec<PauseCondition> = known
            .iter()
            .filter(|condition| !self.remove.contains(&condition.reason))
            .cloned()
            .collect();
        let mut controller_pause = stored.controller_pause;
        for reason in &self.add {
            if !known.iter().any(|condition| condition.reason == *reason) {
                all.push(PauseCondition {
                    reason: reason.clone(),
                    start_time: Some(now),
                });
                controller_pause = true;
            }
        }
        if !all.is_empty() {
            new.controller_pause = controller_pause;
            new.pause_conditions = all;
        }
    }
}

impl Pass<'_> {
    /// Whether the pause before a blue-green cut-over is over, by a human or by time.
    pub fn completed_blue_green_pause(&self) -> bool {
        let Some(strategy) = &self.rollout.spec.strategy.blue_green else {
            return false;
        };
        let status = &self.rollout.status;
        let paused_since = self.pause_condition(&PauseReason::BlueGreenPause);
        if !self.pauses.add.is_empty() {
            return false;
        }
        if status.blue_green.scale_up_preview_check_point {
            return true;
        }
        if strategy.auto_promotion_enabled.unwrap_or(true) {
            let wait = strategy.auto_promotion_seconds;
            return wait == 0 || paused_since.is_some_and(|since| self.passed(since, wait));
        }
        status.controller_pause && paused_since.is_none()
    }

    /// Whether a canary's pause step is over, by a human or by time. `wait` is the step's duration in seconds.
    pub fn completed_canary_pause(&self, wait: Option<i32>) -> bool {
        let paused_since = self.pause_condition(&PauseReason::CanaryPauseStep);
        match (paused_since, wait) {
            (None, _) => self.rollout.status.controller_pause,
            (Some(since), Some(wait)) => self.passed(since, wait),
            (Some(_), None) => false,
        }
    }

    /// Looks again when a wait that began at `since` ends, if that is within the resync period.
    pub fn wait_until(&mut self, since: Timestamp, wait: i32) {
        if let Ok(end) = since.checked_add(seconds(wait)) {
            self.requeue_at(end);
        }
    }

    fn passed(&self, since: Timestamp, wait: i32) -> bool {
        self.now().duration_since(since) > seconds(wait).max(SignedDuration::ZERO)
    }
}

/// Duration of a pause step in whole seconds; `None` until promoted, -1 if unreadable (upstream `DurationSeconds`).
pub fn pause_seconds(pause: &RolloutPause) -> Option<i32> {
    match pause.duration.as_ref()? {
        IntOrString::Int(seconds) => Some(*seconds),
        IntOrString::String(text) => {
            let duration = || {
                GoDuration::parse(text)
                    .ok()
                    .map(|d| i32::try_from(d.as_secs()).unwrap_or(i32::MIN))
            };
            text.parse::<i32>().ok().or_else(duration).or(Some(-1))
        }
    }
}
