//! One blue-green pass.
//!
//! Mirrors upstream's `rollout/bluegreen.go`: preview Service, sizes, pause, active Service.

use super::pass::{Pass, actual, available, ready};
use crate::api::RolloutStatus;
use crate::api::status::PauseReason;
use crate::replicas::list;
use crate::rollout::status;
use crate::views::ReplicaSetView;

impl Pass<'_> {
    /// Decides for a Rollout with the blue-green strategy.
    pub fn blue_green(&mut self) -> Option<RolloutStatus> {
        self.reconcile_preview_service();
        if self.template_changed() {
            return Some(self.blue_green_status());
        }
        self.restart_pods();
        self.scale_blue_green();
        self.reconcile_blue_green_pause();
        self.reconcile_active_service();
        self.reconcile_metadata();
        Some(self.blue_green_status())
    }

    fn active_service(&self) -> String {
        self.rollout
            .spec
            .strategy
            .blue_green
            .as_ref()
            .map_or_else(String::new, |b| b.active_service.clone())
    }

    /// Skips the pause: going back fast, full promotion, or nothing to switch.
    fn is_fast_tracked(&self) -> bool {
        let active = self.selected(&self.active_service()).unwrap_or_default();
        self.is_fast_rollback()
            || self.rollout.status.promote_full
            || active.is_empty()
            || active == self.new_hash()
    }

    fn ready_for_pause(&self) -> bool {
        let sets: Vec<&ReplicaSetView> = self.sets.iter().collect();
        self.new_set()
            .is_some_and(|new| list::ready_for_pause(&self.rollout, new, &sets))
    }

    /// Whether the pause is over or was never needed; a pause is added at most once.
    fn reconcile_blue_green_pause(&mut self) {
        let Some(strategy) = self.rollout.spec.strategy.blue_green.as_deref() else {
            return;
        };
        let waits =
            !strategy.auto_promotion_enabled.unwrap_or(true) || strategy.auto_promotion_seconds > 0;
        let wait = strategy.auto_promotion_seconds;
        if self.rollout.status.abort || !self.ready_for_pause() || self.halted() {
            return;
        }
        if !waits
            || self.is_fast_tracked()
            || self.rollout.status.blue_green.scale_up_preview_check_point
        {
            self.pauses.remove.push(PauseReason::BlueGreenPause);
            return;
        }
        match self.pause_condition(&PauseReason::BlueGreenPause) {
            Some(_) if self.completed_blue_green_pause() => {
                self.pauses.remove.push(PauseReason::BlueGreenPause);
            }
            Some(since) if wait > 0 => self.wait_until(since, wait),
            None if !self.rollout.status.controller_pause => {
                self.pauses.add.push(PauseReason::BlueGreenPause);
            }
            Some(_) | None => {}
        }
    }

    /// Points the active Service at the new ReplicaSet once it may serve, or back at stable after an abort.
    fn reconcile_active_service(&mut self) {
        let saturated = list::is_saturated(&self.rollout, self.new_set());
        if self.halted() || !self.ready_for_pause() || !saturated {
            return;
        }
        let service = self.active_service();
        let Some(selected) = self.selected(&service).map(str::to_owned) else {
            return;
        };
        let promoted = self.is_fast_tracked() || self.completed_blue_green_pause();
        let hash = if self.rollout.status.abort {
            self.rollout.status.stable_rs.clone()
        } else if promoted {
            self.new_hash().to_owned()
        } else {
            selected
        };
        if !hash.is_empty() {
            self.switch(&service, &hash);
        }
    }

    fn blue_green_status(&mut self) -> RolloutStatus {
        let mut new = status::base(self);
        let stored = self.rollout.status.clone();
        new.stable_rs.clone_from(&stored.stable_rs);
        if self.template_changed() {
            self.reset_update(&mut new);
            new.current_step_index = None;
        }
        if stored.promote_full || self.is_rollback_within_window() {
            self.pauses.clear = true;
            self.pauses.remove_abort = true;
        }
        let (preview, active) = match self.rollout.spec.strategy.blue_green.as_deref() {
            Some(strategy) => (
                strategy.preview_service.clone(),
                strategy.active_service.clone(),
            ),
            None => (String::new(), String::new()),
        };
        self.selected(&preview)
            .unwrap_or_default()
            .clone_into(&mut new.blue_green.preview_selector);
        self.selected(&active)
            .unwrap_or_default()
            .clone_into(&mut new.blue_green.active_selector);
        match self.promotion_reason(&new) {
            Some(reason) => self.promote(&mut new, &reason),
            None => new.blue_green.scale_up_preview_check_point = self.preview_check_point(),
        }
        if let Some(set) = self.set_with_hash(&new.blue_green.active_selector) {
            new.hpa_replicas = actual(set);
            new.available_replicas = available(set);
            new.ready_replicas = ready(set);
            new.selector = self.observed.selector_text_of(set);
        } else {
            new.hpa_replicas = self.total(actual);
            new.available_replicas = self.total(available);
            new.selector.clone_from(&self.observed.facts.selector_text);
        }
        status::finish(self, new)
    }

    /// A one-way trip-wire: the preview was at its size, the pause is over, so it may grow.
    fn preview_check_point(&self) -> bool {
        let strategy = self.rollout.spec.strategy.blue_green.as_deref();
        let Some(count) = strategy.and_then(|b| b.preview_replica_count) else {
            return false;
        };
        self.rollout.status.blue_green.scale_up_preview_check_point
            || (self.completed_blue_green_pause() && self.new_set().map_or(0, available) == count)
    }
}
