//! The Rollout controller: canary without traffic routing, and blue-green.
//!
//! What it promises:
//! - An unchanged pod template never yields a new ReplicaSet, whoever made the present one ([`decide::replica_sets`]).
//! - Scale-ups come before scale-downs; no scale-down takes availability below `replicas - maxUnavailable`, no scale-up
//!   goes beyond `replicas + maxSurge` ([`decide::scale`]).
//! - A Service that serves users moves only to pods that serve ([`decide::services`]).
//! - People and tools write parts of the status; it is patched, never replaced ([`status`]).
//! - A second pass over an unchanged world plans nothing.
//!
//! Read [`decide`] next: it is the order in which things happen.

pub mod decide;
pub mod metadata;
pub mod observe;
pub mod status;
pub mod template;
pub mod tree;

use runtime::{
    Error, ObjectKey, Performed, Plan, Reader, Reconciler, Rejection, ResourceRef, StatusWrite,
};
use serde_json::json;

use crate::api::RolloutStatus;
use decide::{replica_sets, writes};
use observe::{Caches, Observed};

/// Keeps Rollouts going.
pub struct RolloutReconciler {
    caches: Caches,
}

impl RolloutReconciler {
    /// A reconciler that reads these caches.
    pub fn new(caches: Caches) -> Self {
        Self { caches }
    }
}

impl Reconciler for RolloutReconciler {
    type Observed = Observed;

    fn resource(&self) -> ResourceRef {
        writes::ROLLOUT
    }

    async fn observe(&self, key: &ObjectKey, reader: &Reader) -> Result<Option<Observed>, Error> {
        observe::observe(key, reader, &self.caches).await
    }

    fn decide(&self, observed: &Observed) -> Result<Plan, Rejection> {
        Ok(decide::decide(observed).plan)
    }

    fn status(&self, observed: &Observed, plan: &Plan<Performed>) -> StatusWrite {
        match next_status(observed, plan) {
            Some(new) => StatusWrite::MergePatch {
                subresource: true,
                old: json!(observed.rollout.status),
                new: json!(new),
            },
            None => StatusWrite::Unchanged,
        }
    }
}

/// The status after the plan was tried. A plan that failed changes the status only if a ReplicaSet could not be created.
pub fn next_status(observed: &Observed, plan: &Plan<Performed>) -> Option<RolloutStatus> {
    let Some(failure) = plan.failure() else {
        return decide::decide(observed).status;
    };
    let created = plan
        .effects
        .get(failure.effect)
        .and_then(replica_sets::created_key)?;
    replica_sets::after_failed_create(observed, &created.name, failure)
}
