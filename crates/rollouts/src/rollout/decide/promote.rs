//! Promotion: when the new ReplicaSet becomes the stable one, and what that clears.
//!
//! Mirrors upstream's `shouldFullPromote` and `promoteStable` (`rollout/sync.go`).

use super::pass::{Pass, available};
use crate::api::RolloutStatus;
use crate::api::status::{CompletionStatus, RolloutPhase};
use crate::replicas::{canary, steps};

impl Pass<'_> {
    /// Why the new ReplicaSet becomes stable now; `None` while the update goes on. The first reason that holds.
    pub fn promotion_reason(&self, new: &RolloutStatus) -> Option<String> {
        let strategy = &self.rollout.spec.strategy;
        let initial = || Some("Initial deploy".to_owned());
        if self.stable.is_none() {
            return initial();
        }
        if strategy.canary.is_some() {
            return self.canary_promotion_reason();
        }
        strategy.blue_green.as_ref()?;
        if new.blue_green.active_selector.is_empty() {
            return initial();
        }
        if new.blue_green.active_selector != new.current_pod_hash {
            return None;
        }
        if let Some(reason) = self.shortcut_reason() {
            return Some(reason);
        }
        (!self.aborted()).then(|| "Completed blue-green update".to_owned())
    }

    fn canary_promotion_reason(&self) -> Option<String> {
        let strategy = self.rollout.spec.strategy.canary.as_deref()?;
        let set = self.new_set()?;
        let threshold = strategy.replica_progress_threshold.as_ref();
        let enough = available(set) >= self.replicas()
            || canary::threshold_met(threshold, Some(set), self.replicas());
        if self.aborted() || !enough {
            return None;
        }
        if let Some(reason) = self.shortcut_reason() {
            return Some(reason);
        }
        let count = strategy.steps().len();
        let (_, index) = steps::current_step(&self.rollout);
        let done = count == 0 || index.is_some_and(|index| usize::try_from(index) == Ok(count));
        done.then(|| format!("Completed all {count} canary steps"))
    }

    fn shortcut_reason(&self) -> Option<String> {
        let text = if self.rollout.status.promote_full {
            "Full promotion requested"
        } else if !self.is_fast_rollback() {
            return None;
        } else if self.is_rollback_within_window() {
            "Rollback within window"
        } else {
            "Fast rollback"
        };
        Some(text.to_owned())
    }

    /// Makes the new ReplicaSet the stable one.
    pub fn promote(&mut self, new: &mut RolloutStatus, reason: &str) {
        self.pauses.clear = true;
        self.pauses.remove_abort = true;
        new.promote_full = false;
        new.blue_green.scale_up_preview_check_point = false;
        if let Some(canary) = self.rollout.spec.strategy.canary.as_deref() {
            let count = i32::try_from(canary.steps().len()).unwrap_or(i32::MAX);
            new.current_step_index = (count > 0).then_some(count);
        }
        let revision = self.revision();
        if new.stable_rs != new.current_pod_hash {
            if let Some(duration) = new
                .duration
                .as_mut()
                .filter(|duration| duration.completion_status.is_none())
            {
                let fast = self.rollout.status.promote_full;
                let status = if fast {
                    CompletionStatus::FastPromoted
                } else {
                    CompletionStatus::Promoted
                };
                duration.completion_status = Some(status);
            }
            new.stable_rs.clone_from(&new.current_pod_hash);
            let hash = &new.current_pod_hash;
            self.event(
                "RolloutCompleted",
                format!("Rollout completed update to revision {revision} ({hash}): {reason}"),
            );
        }
        if revision == 1
            && self.rollout.status.phase == RolloutPhase::Healthy
            && self.scale_down_mode() == "onsuccess"
        {
            self.scale_workload(0);
        }
    }
}
