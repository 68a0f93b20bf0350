//! Going back: whether the new ReplicaSet is an old one, and whether that may skip steps, pauses and analysis.
//!
//! Mirrors upstream's `rollout/sync.go` (`isRollback`, `isFastRollback`, `isRollbackWithinWindow`).

use super::pass::{Pass, hash_of};
use crate::api::labels::EXPERIMENT_NAME;
use crate::views::ReplicaSetView;

impl Pass<'_> {
    /// The new ReplicaSet is the stable one, or older than it.
    pub fn is_rollback(&self) -> bool {
        let (Some(new), Some(stable)) = (self.new_set(), self.stable_set()) else {
            return false;
        };
        self.rollout.status.stable_rs == hash_of(new) || is_older(new, stable)
    }

    /// A rollback that skips everything: to stable, within the window, or before a blue-green set was scaled down.
    pub fn is_fast_rollback(&self) -> bool {
        let blue_green = self.rollout.spec.strategy.blue_green.is_some();
        self.is_rollback()
            && (self.is_rollback_within_window()
                || (self.new_within_delay && blue_green)
                || self.rollout.status.stable_rs == self.new_hash())
    }

    /// Fewer ReplicaSets than `rollbackWindow.revisions` were created between the new and the stable one.
    pub fn is_rollback_within_window(&self) -> bool {
        let (Some(new), Some(stable)) = (self.new_set(), self.stable_set()) else {
            return false;
        };
        let (from, to) = (
            new.metadata.creation_timestamp,
            stable.metadata.creation_timestamp,
        );
        let window = self
            .rollout
            .spec
            .rollback_window
            .as_ref()
            .map_or(0, |window| window.revisions);
        if !is_older(new, stable) || window <= 0 {
            return false;
        }
        let between = self.sets.iter().filter(|set| {
            let created = set.metadata.creation_timestamp;
            let experiment = set
                .metadata
                .annotations
                .get(EXPERIMENT_NAME)
                .is_some_and(|name| !name.is_empty());
            !experiment && from < created && created < to
        });
        i32::try_from(between.count()).unwrap_or(i32::MAX) < window
    }
}

/// Created before the other. Whichever has no time of creation is neither older nor younger.
fn is_older(one: &ReplicaSetView, other: &ReplicaSetView) -> bool {
    let created = |set: &ReplicaSetView| set.metadata.creation_timestamp;
    created(one)
        .zip(created(other))
        .is_some_and(|(one, other)| one < other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Time;

    #[test]
    fn a_replica_set_that_is_only_planned_is_not_older_than_an_existing_one() {
        let planned = ReplicaSetView::default();
        let mut existing = ReplicaSetView::default();
        existing.metadata.creation_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let answers = [
            is_older(&planned, &existing),
            is_older(&existing, &planned),
            is_older(&existing, &existing),
        ];
        assert_eq!(answers, [false, false, false]);
    }
}
