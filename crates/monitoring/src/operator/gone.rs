//! Workloads that are gone, and what still says that it is used by one of them.
//!
//! Upstream keeps a workload by a finalizer until nothing says so any more (`pkg/operator/finalizer.go`), so that a deletion
//! hangs while no operator runs. Here a workload goes at once, and whoever runs then, or next, takes back what is said of it.

use std::sync::Arc;

use runtime::{
    Cache, Change, Error, ObjectKey, Performed, Plan, Projection as _, Reader, Reconciler,
    Rejection, ResourceRef, StatusWrite,
};

use super::bindings::{self, Bound, Holder};
use super::candidates::Configurations;
use super::selectable::Selectable;
use super::selecting::{Selecting, Selects};
use super::watched::Namespaces;
use super::workload::Workload;

/// A workload that is gone.
pub struct Gone {
    key: ObjectKey,
    /// What says that it is used by it.
    holders: Vec<Arc<Holder>>,
}

/// Has nothing say any more that it is used by a workload that is gone.
pub struct GoneReconciler<W> {
    /// The workloads that are looked after.
    pub workloads: Cache<Selecting<W>>,
    /// What they select.
    pub configurations: Configurations,
    /// What of it may be written.
    pub bound: Bound,
    /// Where they are.
    pub namespaces: Namespaces,
}

impl<W: Workload> Reconciler for GoneReconciler<W> {
    type Observed = Gone;

    fn resource(&self) -> ResourceRef {
        W::RESOURCE
    }

    async fn observe(&self, key: &ObjectKey, reader: &Reader) -> Result<Option<Gone>, Error> {
        if self.workloads.get(key).is_some() || !self.namespaces.contains(&key.namespace) {
            return Ok(None);
        }
        let holders = self.configurations.naming(&W::RESOURCE.plural, key);
        // The cache may be late, and holds nothing that another operator looks after.
        if holders.is_empty() || reader.get(&W::RESOURCE, key).await?.is_some() {
            return Ok(None);
        }
        let key = key.clone();
        Ok(Some(Gone { key, holders }))
    }

    fn decide(&self, gone: &Gone) -> Result<Plan, Rejection> {
        let leaves = bindings::leave((&W::RESOURCE.plural, &gone.key), &self.bound, &gone.holders);
        Ok(Plan::of(leaves))
    }

    fn status(&self, _gone: &Gone, _plan: &Plan<Performed>) -> StatusWrite {
        StatusWrite::Unchanged
    }
}

/// The workloads that an object says it is used by, did not say before, and that the cache doesn't have.
pub fn unknown<W: Workload>(
    workloads: &Cache<Selecting<W>>,
    change: &Change<Selectable>,
) -> Vec<ObjectKey> {
    let users = |side: Option<&Arc<Selectable>>| {
        let holder = side.and_then(|held| held.holder());
        holder.map_or_else(Vec::new, |holder| holder.users(&W::RESOURCE.plural))
    };
    let before = users(change.old.as_ref());
    let mut after = users(change.new.as_ref());
    after.retain(|key| !before.contains(key) && workloads.get(key).is_none());
    after
}

/// A workload that is no longer there.
pub fn ended<W: Selects>(change: &Change<Selecting<W>>) -> Vec<ObjectKey> {
    let old = change.old.iter().filter(|_| change.new.is_none());
    old.map(|old| old.meta().key.clone()).collect()
}
