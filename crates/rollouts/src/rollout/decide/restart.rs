//! `spec.restartAt`: pods older than it are evicted, a few at a time.
//!
//! Mirrors upstream's `rollout/restart.go`. Never more pods are evicted than may be unavailable, but at least one at a
//! time; a disruption budget may refuse, and the next look tries again.

use jiff::{SignedDuration, Timestamp};
use runtime::Effect;

use super::pass::{Pass, specified};
use super::writes;
use crate::replicas::limits;
use crate::views::PodView;

/// How often to look while pods still need a restart.
const CHECK: SignedDuration = SignedDuration::from_secs(30);

impl Pass<'_> {
    /// Evicts pods created before `restartAt`; how many. Notes the restart as done once there are none.
    pub fn restart_pods(&mut self) -> i32 {
        let Some(at) = self.rollout.spec.restart_at else {
            return 0;
        };
        if self.now() <= at.0 {
            self.requeue_at(at.0);
            return 0;
        }
        if self.rollout.status.restarted_at == Some(at) {
            return 0;
        }
        let floor = self.replicas().max(self.total(specified))
            - limits::max_unavailable(&self.rollout).max(1);
        let mut budget = self
            .pods()
            .filter(|pod| self.is_available(pod))
            .count()
            .try_into()
            .unwrap_or(i32::MAX)
            - floor;
        let old: Vec<PodView> = self
            .pods()
            .filter(|pod| created(pod) < at.0)
            .cloned()
            .collect();
        let (mut outstanding, mut evicted) = (0, 0);
        for pod in old {
            outstanding += 1;
            if budget <= 0 || pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let uid = Some(pod.metadata.uid.clone());
            self.effects.push(Effect::Evict {
                key: writes::key(&pod.metadata),
                uid,
            });
            budget -= 1;
            evicted += 1;
        }
        if outstanding == evicted {
            self.restarted_at = Some(at);
        } else {
            self.requeue_after(CHECK);
        }
        evicted
    }

    /// Pods of our ReplicaSets, in name order.
    fn pods(&self) -> impl Iterator<Item = &PodView> {
        self.observed.pods.iter().filter(|pod| {
            let owners = &pod.metadata.owner_references;
            owners
                .iter()
                .any(|owner| self.sets.iter().any(|set| set.metadata.uid == owner.uid))
        })
    }

    fn is_available(&self, pod: &PodView) -> bool {
        let Some(since) = pod
            .ready_since
            .filter(|_| pod.metadata.deletion_timestamp.is_none())
        else {
            return false;
        };
        let wait = SignedDuration::from_secs(i64::from(self.rollout.spec.min_ready_seconds));
        wait.is_zero() || self.now().duration_since(since) >= wait
    }
}

fn created(pod: &PodView) -> Timestamp {
    pod.metadata
        .creation_timestamp
        .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}
