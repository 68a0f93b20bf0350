//! Scaling ReplicaSets: sizes, scale-down deadlines, the delay after an abort, and the sets nobody needs any more.
//!
//! Mirrors upstream's `rollout/replicaset.go`, `scaleReplicaSet` of `rollout/sync.go` and the scale-down parts of
//! `rollout/canary.go` and `rollout/bluegreen.go`. Scale-ups come before scale-downs, and every scale-down is bounded by
//! what is available.

use jiff::SignedDuration;

use super::pass::{Pass, actual, available, deadline_of, has_deadline, hash_of, revision_of};
use super::writes;
use crate::api::annotations;
use crate::api::defaults::AbortScaleDownDelay;
use crate::api::labels::{DESIRED_REPLICAS, SCALE_DOWN_DEADLINE};
use crate::api::status::PauseReason;
use crate::api::{RolloutStatus, Time};
use crate::replicas::{canary, limits, list};
use crate::rollout::status;
use crate::views::ReplicaSetView;

/// What became of one ReplicaSet's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaled {
    /// It changes.
    Yes,
    /// It stays.
    No,
}

impl Scaled {
    /// Whether the size changes.
    pub fn yes(self) -> bool {
        self == Self::Yes
    }
}

impl Pass<'_> {
    /// Whether `spec.replicas` changed since the new or stable ReplicaSet was last scaled.
    pub fn is_scaling_event(&self) -> bool {
        let active = [self.new_set(), self.stable_set()]
            .into_iter()
            .flatten()
            .filter(|set| set.spec_replicas() > 0);
        active
            .filter_map(|set| annotations::desired_replicas(&set.metadata))
            .any(|desired| desired != self.replicas())
    }

    /// The pass of a scaling event: only sizes, and the counts that depend on them.
    pub fn scale_only(&mut self) -> Option<RolloutStatus> {
        let mut new = self.rollout.status.clone();
        if self.rollout.spec.strategy.blue_green.is_some() {
            self.scale_blue_green();
            match self.set_with_hash(&new.blue_green.active_selector) {
                Some(set) => {
                    (new.hpa_replicas, new.available_replicas) = (actual(set), available(set));
                }
                None => {
                    (new.hpa_replicas, new.available_replicas) =
                        (self.total(actual), self.total(available));
                }
            }
        } else {
            self.scale_canary();
            (new.hpa_replicas, new.available_replicas) =
                (self.total(actual), self.total(available));
        }
        Some(status::finish(self, new))
    }

    /// Gives one ReplicaSet a size and notes what it was scaled for.
    pub fn scale(&mut self, index: usize, replicas: i32) -> Scaled {
        let desired = self.replicas();
        let drop_deadline = replicas == 0 && !self.delays_scale_down_on_abort();
        let Some(set) = self.sets.get_mut(index) else {
            return Scaled::No;
        };
        let before = set.spec_replicas();
        if before == replicas
            && !annotations::replicas_need_update(&set.metadata.annotations, desired)
        {
            return Scaled::No;
        }
        self.effects
            .push(writes::scale(set, replicas, desired, drop_deadline));
        set.spec.replicas = Some(replicas);
        set.metadata
            .annotations
            .insert(DESIRED_REPLICAS.to_owned(), desired.to_string());
        if drop_deadline {
            set.metadata.annotations.remove(SCALE_DOWN_DEADLINE);
        }
        if before == replicas {
            return Scaled::No;
        }
        let direction = if before < replicas { "up" } else { "down" };
        let (name, revision) = (set.name().to_owned(), revision_of(set).unwrap_or(0));
        let message = format!(
            "Scaled {direction} ReplicaSet {name} (revision {revision}) from {before} to {replicas}"
        );
        self.event("ScalingReplicaSet", message);
        Scaled::Yes
    }

    /// Deadlines don't hold for ReplicaSets that are in use again.
    pub fn remove_deadlines(&mut self) {
        let new = self.new.filter(|_| !self.delays_scale_down_on_abort());
        let stable = self.stable.filter(|stable| Some(*stable) != new);
        for index in [new, stable].into_iter().flatten() {
            let Some(set) = self.sets.get_mut(index) else {
                continue;
            };
            if has_deadline(set) {
                self.effects.push(writes::remove_deadline(set));
                set.metadata.annotations.remove(SCALE_DOWN_DEADLINE);
            }
        }
    }

    fn add_deadline(&mut self, index: usize, delay: SignedDuration) {
        let deadline = self.now().checked_add(delay).unwrap_or(self.now());
        let Some(set) = self.sets.get_mut(index) else {
            return;
        };
        if delay.is_zero() {
            if has_deadline(set) {
                self.effects.push(writes::remove_deadline(set));
                set.metadata.annotations.remove(SCALE_DOWN_DEADLINE);
            }
            return;
        }
        let text = Time(deadline).to_string();
        self.effects.push(writes::add_deadline(set, &text));
        set.metadata
            .annotations
            .insert(SCALE_DOWN_DEADLINE.to_owned(), text);
    }

    /// Whether the new ReplicaSet of an aborted update stays up for a while.
    pub fn delays_scale_down_on_abort(&self) -> bool {
        let canary = self.rollout.spec.strategy.canary.as_deref();
        let explicit = match self.rollout.abort_scale_down_delay() {
            AbortScaleDownDelay::Never => return false,
            AbortScaleDownDelay::After { explicit, delay: _ } => explicit,
        };
        self.aborted()
            && self.stable.is_some()
            && canary.is_none_or(|canary| canary.traffic_routing.is_some())
            && (explicit || !canary.is_some_and(|canary| canary.dynamic_stable_scale))
    }

    /// Brings the new ReplicaSet to the size of this step, or holds it for the delay after an abort.
    pub fn scale_new(&mut self) -> Scaled {
        let Some(index) = self.new else {
            return Scaled::No;
        };
        let mut target = self.target_of_new();
        if self.delays_scale_down_on_abort() {
            let Some(set) = self.sets.get(index) else {
                return Scaled::No;
            };
            if set.metadata.annotations.contains_key(SCALE_DOWN_DEADLINE) {
                let left = deadline_of(set).map(|deadline| deadline.duration_since(self.now()));
                match left {
                    Some(left) if left > SignedDuration::ZERO && left < self.resync() => {
                        self.requeue_after(left);
                        self.hold(index);
                        return Scaled::No;
                    }
                    Some(left) if left <= SignedDuration::ZERO => target = 0,
                    Some(_) | None => {}
                }
            } else {
                self.hold(index);
                let stable_serves = self
                    .stable_set()
                    .is_some_and(|set| available(set) >= self.replicas());
                if let (AbortScaleDownDelay::After { delay, explicit: _ }, true) =
                    (self.rollout.abort_scale_down_delay(), stable_serves)
                {
                    self.add_deadline(index, delay);
                }
                return Scaled::No;
            }
        }
        let before = self
            .sets
            .get(index)
            .map_or(0, ReplicaSetView::spec_replicas);
        let scaled = self.scale(index, target);
        self.scale_workload_progressively(index, before > target);
        scaled
    }

    /// Keeps a size but notes the Rollout's, so that a held set is no scaling event for ever.
    fn hold(&mut self, index: usize) {
        let size = self
            .sets
            .get(index)
            .map_or(0, ReplicaSetView::spec_replicas);
        self.scale(index, size);
    }

    /// The size that the new ReplicaSet should have now.
    fn target_of_new(&self) -> i32 {
        let sets: Vec<&ReplicaSetView> = self.sets.iter().collect();
        self.new_set()
            .and_then(|new| list::new_replicas(&self.rollout, &sets, new, None))
            .unwrap_or(0)
    }

    /// The size that the stable ReplicaSet of a canary should have now.
    fn target_of_stable(&self) -> i32 {
        let others: Vec<&ReplicaSetView> = self.other_sets().collect();
        canary::counts_basic(&self.rollout, self.new_set(), self.stable_set(), &others).stable
    }

    /// One canary pass over the sizes: stable, then new, then the others; it ends after the first that changed.
    pub fn scale_canary(&mut self) -> Scaled {
        if self.halted() {
            return Scaled::No;
        }
        self.remove_deadlines();
        if let Some(stable) = self.stable.filter(|stable| Some(*stable) != self.new) {
            let size = self.target_of_stable();
            if self.scale(stable, size).yes() {
                return Scaled::Yes;
            }
        }
        if self.scale_new().yes() {
            return Scaled::Yes;
        }
        self.scale_others_of_canary()
    }

    /// One blue-green pass over the sizes: stable, new, others and history.
    pub fn scale_blue_green(&mut self) {
        self.remove_deadlines();
        if let Some(stable) = self.stable {
            self.scale(stable, self.replicas());
        }
        self.scale_new();
        self.scale_others_of_blue_green();
        self.clean_history();
    }

    /// Without traffic routing other sets serve users, so they go as fast as availability allows.
    fn scale_others_of_canary(&mut self) -> Scaled {
        let mut active: Vec<usize> = self
            .others()
            .into_iter()
            .filter(|i| self.size(*i) > 0)
            .collect();
        if active.is_empty() {
            return Scaled::No;
        }
        let mut scaled = Scaled::No;
        for index in &active {
            let Some(set) = self.sets.get(*index) else {
                continue;
            };
            let (size, healthy) = (set.spec_replicas(), available(set));
            if size == healthy || size == 0 {
                continue;
            }
            if healthy > size {
                // Upstream treats it as an error that ends the clean-up: the ReplicaSet is still shrinking.
                return Scaled::No;
            }
            self.scale(*index, healthy);
            scaled = Scaled::Yes;
        }
        let minimum = self.replicas() - limits::max_unavailable(&self.rollout);
        let mut budget = self.total(available) - minimum;
        if budget <= 0 {
            return Scaled::No;
        }
        self.newest_revision_first(&mut active);
        for index in active {
            let size = self.size(index);
            if budget <= 0 {
                break;
            }
            let target = if size > budget { size - budget } else { 0 };
            if size > 0 && self.scale(index, target).yes() {
                budget -= size - target;
                scaled = Scaled::Yes;
            }
        }
        scaled
    }

    fn scale_others_of_blue_green(&mut self) {
        let mut active: Vec<usize> = self
            .others()
            .into_iter()
            .filter(|i| self.size(*i) > 0)
            .collect();
        if self
            .pause_condition(&PauseReason::InconclusiveAnalysisRun)
            .is_some()
        {
            return;
        }
        self.newest_revision_first(&mut active);
        let mut kept = 0;
        for index in active {
            let Some(set) = self.sets.get(index) else {
                continue;
            };
            if self.is_referenced(set) {
                continue;
            }
            let target = self.delayed_size(index, &mut kept);
            if self.size(index) != target {
                self.scale(index, target);
            }
        }
    }

    /// The size of a set on its way out: what it may keep until its deadline, then 0. `kept` counts sets that stay.
    fn delayed_size(&mut self, index: usize, kept: &mut i32) -> i32 {
        let limit = self.scale_down_revision_limit();
        let Some(set) = self.sets.get(index) else {
            return 0;
        };
        if !has_deadline(set) {
            let (size, delay) = (set.spec_replicas(), self.rollout.scale_down_delay());
            if *kept >= limit || delay.is_zero() {
                return 0;
            }
            *kept += 1;
            self.add_deadline(index, delay);
            self.requeue_after(delay);
            return size;
        }
        *kept += 1;
        let left = deadline_of(set).map_or(SignedDuration::ZERO, |deadline| {
            deadline.duration_since(self.now())
        });
        if *kept > limit || left <= SignedDuration::ZERO {
            return 0;
        }
        if left < self.resync() {
            self.requeue_after(left);
        }
        self.replicas()
    }

    fn scale_down_revision_limit(&self) -> i32 {
        let strategy = &self.rollout.spec.strategy;
        let blue_green = strategy
            .blue_green
            .as_ref()
            .and_then(|b| b.scale_down_delay_revision_limit);
        let canary = strategy
            .canary
            .as_ref()
            .and_then(|c| c.scale_down_delay_revision_limit);
        blue_green.or(canary).unwrap_or(i32::MAX)
    }

    /// Whether traffic may still reach this ReplicaSet: by status, or by the live selector of a Service.
    fn is_referenced(&self, set: &ReplicaSetView) -> bool {
        let hash = hash_of(set);
        let status = &self.rollout.status;
        let weights = status.canary.weights.as_deref();
        let recorded = [
            status.stable_rs.as_str(),
            status.current_pod_hash.as_str(),
            status.blue_green.active_selector.as_str(),
            status.blue_green.preview_selector.as_str(),
            weights.map_or("", |w| w.canary.pod_template_hash.as_str()),
            weights.map_or("", |w| w.stable.pod_template_hash.as_str()),
        ];
        !hash.is_empty()
            && (recorded.contains(&hash)
                || self.services.values().any(|service| service.hash() == hash))
    }

    fn size(&self, index: usize) -> i32 {
        self.sets
            .get(index)
            .map_or(0, ReplicaSetView::spec_replicas)
    }

    fn newest_revision_first(&self, indices: &mut [usize]) {
        indices.sort_by_key(|index| {
            let set = self.sets.get(*index);
            let revision = set.and_then(|set| {
                set.metadata
                    .annotations
                    .get(crate::api::labels::REVISION)?
                    .parse::<i64>()
                    .ok()
            });
            std::cmp::Reverse((
                revision,
                set.and_then(|set| set.metadata.creation_timestamp),
                *index,
            ))
        });
    }
}
