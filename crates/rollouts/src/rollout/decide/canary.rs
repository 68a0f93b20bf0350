//! One canary pass without traffic routing.
//!
//! Mirrors upstream's `rollout/canary.go`. At most one step completes in a pass, and a pass that scaled a ReplicaSet does
//! not go on to pause.

use super::Kept;
use super::pass::{Pass, actual, available};
use super::pause::pause_seconds;
use crate::api::RolloutStatus;
use crate::api::status::PauseReason;
use crate::api::step::CanaryStep;
use crate::phase;
use crate::replicas::{canary, steps};
use crate::rollout::status;
use crate::views::ReplicaSetView;

impl Pass<'_> {
    /// Decides for a Rollout with the canary strategy.
    pub fn canary(&mut self) -> Option<RolloutStatus> {
        if self.template_or_steps_changed() {
            return Some(self.canary_status(Kept::No));
        }
        if self.restart_pods() > 0 {
            // Counts no longer tell how many pods are available: the next pass goes on.
            return None;
        }
        self.reconcile_metadata();
        self.clean_history();
        self.reconcile_canary_services();
        let at_desired_counts = self.at_desired_counts();
        if !self.scale_canary().yes() {
            self.reconcile_canary_pause();
        }
        Some(self.canary_status(at_desired_counts))
    }

    /// Whether the pod template or the steps changed since the status was last written.
    pub fn template_or_steps_changed(&self) -> bool {
        let status = &self.rollout.status;
        status.current_step_hash.is_empty()
            || status.current_step_hash != self.observed.facts.step_hash
            || self.template_changed()
    }

    /// Whether the new ReplicaSet is another than the recorded one.
    pub fn template_changed(&self) -> bool {
        let recorded = &self.rollout.status.current_pod_hash;
        !recorded.is_empty() && recorded != self.new_hash()
    }

    fn steps(&self) -> &[CanaryStep] {
        self.rollout
            .spec
            .strategy
            .canary
            .as_deref()
            .map_or(&[], |canary| canary.steps())
    }

    /// The current step, `None` past the end, and its index, `None` without steps.
    fn current_step(&self) -> (Option<&CanaryStep>, Option<i32>) {
        steps::current_step(&self.rollout)
    }

    /// Whether new and stable have the sizes of this step and the others are gone.
    fn at_desired_counts(&self) -> Kept {
        let others: Vec<&ReplicaSetView> = self.other_sets().collect();
        Kept::from(canary::at_desired_counts(
            &self.rollout,
            self.new_set(),
            self.stable_set(),
            &others,
            None,
        ))
    }

    /// Pauses at a pause step, or waits for its end.
    fn reconcile_canary_pause(&mut self) {
        if self.rollout.spec.paused || self.rollout.status.promote_full {
            return;
        }
        let (Some(step), _) = self.current_step() else {
            return;
        };
        let Some(pause) = &step.pause else { return };
        let wait = pause_seconds(pause);
        match (self.pause_condition(&PauseReason::CanaryPauseStep), wait) {
            (None, _) if !self.rollout.status.controller_pause => {
                self.pauses.add.push(PauseReason::CanaryPauseStep);
            }
            (None, _) | (Some(_), None) => {}
            (Some(since), Some(wait)) => self.wait_until(since, wait),
        }
    }

    /// Whether the current step is done.
    fn completed_step(&self, at_desired_counts: Kept) -> bool {
        let (Some(step), _) = self.current_step() else {
            return false;
        };
        if self.rollout.spec.paused {
            return false;
        }
        if let Some(pause) = &step.pause {
            let wait = pause_seconds(pause);
            return self.completed_canary_pause(wait);
        }
        step.set_weight.is_some() && at_desired_counts == Kept::Yes
    }

    fn canary_status(&mut self, at_desired_counts: Kept) -> RolloutStatus {
        let mut new = status::base(self);
        let stored = self.rollout.status.clone();
        new.available_replicas = self.total(available);
        new.hpa_replicas = self.total(actual);
        new.selector.clone_from(&self.observed.facts.selector_text);
        new.canary.stable_ping_pong = stored.canary.stable_ping_pong.clone();
        new.canary
            .step_plugin_statuses
            .clone_from(&stored.canary.step_plugin_statuses);
        new.stable_rs.clone_from(&stored.stable_rs);
        new.current_step_hash
            .clone_from(&self.observed.facts.step_hash);
        let count = i32::try_from(self.steps().len()).unwrap_or(i32::MAX);
        let end = (count > 0).then_some(count);
        if self.template_or_steps_changed() {
            self.reset(&mut new, end);
            return status::finish(self, new);
        }
        if stored.promote_full || self.is_rollback_within_window() {
            self.pauses.clear = true;
            self.pauses.remove_abort = true;
        }
        if let Some(reason) = self.promotion_reason(&new) {
            self.promote(&mut new, &reason);
            return status::finish(self, new);
        }
        if self.aborted() {
            new.current_step_index = end.map(|end| {
                if new.stable_rs == new.current_pod_hash {
                    end
                } else {
                    0
                }
            });
            return status::finish(self, new);
        }
        let (_, index) = self.current_step();
        let skipped = stored.promote_full || self.is_rollback_within_window();
        new.current_step_index = if skipped && end.is_some() { end } else { index };
        if !skipped && self.completed_step(at_desired_counts) {
            self.complete_step(&mut new, count);
        }
        status::finish(self, new)
    }

    fn complete_step(&mut self, new: &mut RolloutStatus, count: i32) {
        let (Some(step), Some(_)) = self.current_step() else {
            return;
        };
        let text = phase::step_text(step);
        let next = new.current_step_index.unwrap_or(0).saturating_add(1);
        new.current_step_index = Some(next);
        new.canary.current_step_analysis_run_status = None;
        self.event(
            "RolloutStepCompleted",
            format!("Rollout step {next}/{count} completed ({text})"),
        );
        self.pauses.remove.push(PauseReason::CanaryPauseStep);
    }

    /// A new update begins: no pauses, no abort, the first step. Going back to stable skips the steps.
    fn reset(&mut self, new: &mut RolloutStatus, end: Option<i32>) {
        self.reset_update(new);
        new.current_step_index = end.map(|_| 0);
        let (Some(_), Some(set)) = (end, self.new_set()) else {
            return;
        };
        let active = set.spec_replicas() > 0;
        if self.rollout.status.stable_rs == self.new_hash() {
            self.event("SkipSteps", "Rollback to stable ReplicaSets".to_owned());
            new.current_step_index = end;
        } else if self.is_rollback_within_window() && active {
            self.event(
                "SkipSteps",
                "Rollback to active ReplicaSets within RollbackWindow".to_owned(),
            );
            new.current_step_index = end;
        }
    }

    /// What both strategies forget when the template changes.
    pub fn reset_update(&mut self, new: &mut RolloutStatus) {
        self.pauses.clear = true;
        self.pauses.remove_abort = true;
        self.restarted_at = self.rollout.spec.restart_at;
        new.promote_full = false;
        new.blue_green.pre_promotion_analysis_run_status = None;
        new.blue_green.post_promotion_analysis_run_status = None;
        new.blue_green.scale_up_preview_check_point = false;
        new.canary.current_step_analysis_run_status = None;
        new.canary.current_background_analysis_run_status = None;
        new.canary.step_plugin_statuses = Vec::new();
    }
}
