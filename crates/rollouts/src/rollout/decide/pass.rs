//! The state of one pass: what was observed, what has been planned so far, and what the status will say.
//!
//! Mirrors upstream's `rollout/context.go`. A pass works on copies of the observed objects, so that later steps see
//! what earlier ones planned.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runtime::{Effect, EventType, ObjectKey};

use super::pause::PauseChanges;
use super::writes;
use crate::api::annotations;
use crate::api::status::PauseReason;
use crate::api::{Rollout, Time};
use crate::rollout::observe::Observed;
use crate::views::{ReplicaSetView, ServiceView};

/// Everything that one pass reads and plans.
pub struct Pass<'a> {
    /// What was observed.
    pub observed: &'a Observed,
    /// The Rollout, its status as the last pass left it.
    pub rollout: Rollout,
    /// Our ReplicaSets, oldest first.
    pub sets: Vec<ReplicaSetView>,
    /// Index of the ReplicaSet of the current template.
    pub new: Option<usize>,
    /// Index of the ReplicaSet that is `status.stableRS`.
    pub stable: Option<usize>,
    /// The Services named by the strategy, as they will be.
    pub services: BTreeMap<String, ServiceView>,
    /// Writes planned so far.
    pub effects: Vec<Effect>,
    /// The earliest time at which to look again.
    pub wake: Option<Timestamp>,
    /// Look again at once, with the object's backoff.
    pub again: bool,
    /// Changes of pauses and abort.
    pub pauses: PauseChanges,
    /// `status.restartedAt` of this pass.
    pub restarted_at: Option<Time>,
    /// Whether the new ReplicaSet had a scale-down deadline ahead when the pass began.
    pub new_within_delay: bool,
}

impl<'a> Pass<'a> {
    /// A pass over the observed world, with the Rollout and ReplicaSets as given.
    pub fn new(observed: &'a Observed, rollout: Rollout, sets: Vec<ReplicaSetView>) -> Self {
        let restarted_at = rollout.status.restarted_at;
        Self {
            services: observed.services.clone(),
            observed,
            rollout,
            sets,
            new: None,
            stable: None,
            effects: Vec::new(),
            wake: None,
            again: false,
            pauses: PauseChanges::default(),
            restarted_at,
            new_within_delay: false,
        }
    }

    /// The time of this pass.
    pub fn now(&self) -> Timestamp {
        self.observed.now
    }

    /// The time of this pass as the API stores it: whole seconds.
    pub fn now_time(&self) -> Time {
        Time(Timestamp::from_second(self.now().as_second()).unwrap_or(self.now()))
    }

    /// `spec.replicas`, 1 if absent.
    pub fn replicas(&self) -> i32 {
        self.rollout.spec.replicas.unwrap_or(1)
    }

    /// The ReplicaSet of the current template.
    pub fn new_set(&self) -> Option<&ReplicaSetView> {
        self.sets.get(self.new?)
    }

    /// The stable ReplicaSet; the same as the new one once promoted.
    pub fn stable_set(&self) -> Option<&ReplicaSetView> {
        self.sets.get(self.stable?)
    }

    /// Hash label of the new ReplicaSet, or "".
    pub fn new_hash(&self) -> &str {
        self.new_set().map_or("", hash_of)
    }

    /// Indices of ReplicaSets that are neither new nor stable.
    pub fn others(&self) -> Vec<usize> {
        (0..self.sets.len())
            .filter(|i| Some(*i) != self.new && Some(*i) != self.stable)
            .collect()
    }

    /// The ReplicaSets that are neither new nor stable.
    pub fn other_sets(&self) -> impl Iterator<Item = &ReplicaSetView> {
        let skip = (self.new, self.stable);
        self.sets
            .iter()
            .enumerate()
            .filter(move |(i, _)| Some(*i) != skip.0 && Some(*i) != skip.1)
            .map(|(_, s)| s)
    }

    /// Finds stable among the ReplicaSets, by label.
    pub fn find_stable(&mut self) {
        let hash = self.rollout.status.stable_rs.clone();
        self.stable = match self.new_set() {
            _ if hash.is_empty() => None,
            Some(set) if hash_of(set) == hash => self.new,
            Some(_) | None => self.sets.iter().position(|set| hash_of(set) == hash),
        };
    }

    /// The ReplicaSet with this hash label.
    pub fn set_with_hash(&self, hash: &str) -> Option<&ReplicaSetView> {
        self.sets
            .iter()
            .find(|set| !hash.is_empty() && hash_of(set) == hash)
    }

    /// Sum over all ReplicaSets.
    pub fn total(&self, count: impl Fn(&ReplicaSetView) -> i32) -> i32 {
        self.sets.iter().map(count).fold(0, i32::saturating_add)
    }

    /// Key of the Rollout.
    pub fn key(&self) -> ObjectKey {
        writes::key(&self.rollout.metadata)
    }

    /// Plans a Normal event about the Rollout.
    pub fn event(&mut self, reason: &'static str, message: String) {
        self.emit(EventType::Normal, reason, message);
    }

    /// Plans a Warning event about the Rollout.
    pub fn warn(&mut self, reason: &'static str, message: String) {
        self.emit(EventType::Warning, reason, message);
    }

    fn emit(&mut self, kind: EventType, reason: &'static str, message: String) {
        let regarding = self.observed.reference();
        self.effects.push(Effect::Event {
            regarding,
            related: None,
            kind,
            reason: reason.to_owned(),
            message,
        });
    }

    /// Looks again no later than `delay` from now.
    pub fn requeue_after(&mut self, delay: SignedDuration) {
        let at = self.now().checked_add(delay).unwrap_or(self.now());
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }

    /// Looks again at `at` if that lies ahead and within the resync period.
    pub fn requeue_at(&mut self, at: Timestamp) {
        let left = at.duration_since(self.now());
        if left > SignedDuration::ZERO && left < self.resync() {
            self.requeue_after(left);
        }
    }

    /// How often every Rollout is looked at without a reason.
    pub fn resync(&self) -> SignedDuration {
        SignedDuration::try_from(self.observed.resync).unwrap_or(SignedDuration::MAX)
    }

    /// Why nothing may progress: the user's pause, or an inconclusive analysis.
    pub fn halted(&self) -> bool {
        self.rollout.spec.paused
            || self
                .pause_condition(&PauseReason::InconclusiveAnalysisRun)
                .is_some()
    }

    /// When the pause for this reason began.
    pub fn pause_condition(&self, reason: &PauseReason) -> Option<Timestamp> {
        let found = self
            .rollout
            .status
            .pause_conditions
            .iter()
            .find(|c| c.reason == *reason)?;
        Some(
            found
                .start_time
                .map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        )
    }

    /// Aborted, by the stored status or in this pass, and not undone in this pass.
    pub fn aborted(&self) -> bool {
        self.pauses.aborted(&self.rollout.status)
    }

    /// Number of the Rollout's revision; 0 if absent or malformed.
    pub fn revision(&self) -> i64 {
        annotations::revision(&self.rollout.metadata).unwrap_or(0)
    }
}

/// Hash label of a ReplicaSet, or "".
pub fn hash_of(set: &ReplicaSetView) -> &str {
    set.pod_template_hash()
}

/// Revision of a ReplicaSet, 0 without annotation; `None` if malformed.
pub fn revision_of(set: &ReplicaSetView) -> Option<i64> {
    annotations::revision(&set.metadata)
}

/// Whether a ReplicaSet has a scale-down deadline, passed or not.
pub fn has_deadline(set: &ReplicaSetView) -> bool {
    set.scale_down_deadline().is_some()
}

/// A ReplicaSet's scale-down deadline; `None` if absent or malformed.
pub fn deadline_of(set: &ReplicaSetView) -> Option<Timestamp> {
    set.scale_down_deadline()?.parse().ok()
}

/// Seconds as a duration.
pub fn seconds(count: i32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(count))
}

/// `spec.replicas` of a ReplicaSet, for [`Pass::total`].
pub fn specified(set: &ReplicaSetView) -> i32 {
    set.spec_replicas()
}

/// Pods of a ReplicaSet, for [`Pass::total`].
pub fn actual(set: &ReplicaSetView) -> i32 {
    set.status.replicas
}

/// Available pods of a ReplicaSet, for [`Pass::total`].
pub fn available(set: &ReplicaSetView) -> i32 {
    set.status.available_replicas
}

/// Ready pods of a ReplicaSet, for [`Pass::total`].
pub fn ready(set: &ReplicaSetView) -> i32 {
    set.status.ready_replicas
}
