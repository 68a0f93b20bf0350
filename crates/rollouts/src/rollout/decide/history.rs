//! Old ReplicaSets beyond the revision history limit.
//!
//! Mirrors upstream's `reconcileRevisionHistoryLimit` (`rollout/sync.go`): exactly (count - limit) candidates, oldest
//! first; one that still has pods is skipped, not replaced.

use runtime::Effect;

use super::pass::Pass;
use super::writes::{self, REPLICA_SET};

impl Pass<'_> {
    /// Deletes empty ReplicaSets that are neither new nor stable and too old to keep.
    pub fn clean_history(&mut self) {
        let limit = usize::try_from(self.rollout.revision_history_limit()).unwrap_or(0);
        let alive: Vec<_> = self
            .other_sets()
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .collect();
        let surplus = alive.len().saturating_sub(limit);
        let deletes: Vec<Effect> = alive
            .into_iter()
            .take(surplus)
            .filter(|set| {
                set.status.replicas == 0
                    && set.spec_replicas() == 0
                    && set.metadata.generation <= set.status.observed_generation
            })
            .map(|set| {
                Effect::delete(
                    REPLICA_SET,
                    writes::key(&set.metadata),
                    set.metadata.uid.clone(),
                )
            })
            .collect();
        self.effects.extend(deletes);
    }
}
