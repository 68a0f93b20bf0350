//! The Service controller: a Service that no Rollout names any more is given back as it was.
//!
//! Mirrors upstream's `service/service.go`. Services that a Rollout names are that Rollout's business; here the hash and
//! the mark are removed from those that nobody names.

use std::sync::Arc;

use runtime::{
    Cache, Change, Effect, Error, Index, ObjectKey, Patch, Performed, Plan, Reader, Reconciler,
    Rejection, ResourceRef, StatusWrite,
};
use serde_json::{Value, json};

use crate::api::Rollout;
use crate::api::labels::{MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH};
use crate::rollout::decide::writes::SERVICE;
use crate::rollout::tree::put;
use crate::views::{Cached, Packed, ServiceView};

/// Gives back Services that no Rollout names.
pub struct ServiceReconciler {
    services: Cache<Cached<ServiceView>>,
    rollouts: Index<Packed<Rollout>>,
}

/// A Service, and whether a Rollout names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The Service.
    pub service: ServiceView,
    /// Whether a Rollout names it.
    pub named: bool,
}

impl ServiceReconciler {
    /// A reconciler that reads these caches; `rollouts` finds Rollouts by `Service/namespace/name`.
    pub fn new(services: Cache<Cached<ServiceView>>, rollouts: Index<Packed<Rollout>>) -> Self {
        Self { services, rollouts }
    }
}

impl Reconciler for ServiceReconciler {
    type Observed = Observed;

    fn resource(&self) -> ResourceRef {
        SERVICE
    }

    async fn observe(&self, key: &ObjectKey, _reader: &Reader) -> Result<Option<Observed>, Error> {
        let Some(found) = self.services.get(key) else {
            return Ok(None);
        };
        let named = !self.rollouts.get(&format!("Service/{key}")).is_empty();
        Ok(Some(Observed {
            service: found.view.clone(),
            named,
        }))
    }

    fn decide(&self, observed: &Observed) -> Result<Plan, Rejection> {
        Ok(decide(observed))
    }

    fn status(&self, _observed: &Observed, _plan: &Plan<Performed>) -> StatusWrite {
        StatusWrite::Unchanged
    }
}

/// What to do about one Service.
pub fn decide(observed: &Observed) -> Plan {
    let Observed { service, named } = observed;
    let managed = service
        .metadata
        .annotations
        .contains_key(MANAGED_BY_ROLLOUTS);
    let hash = service.selector.contains_key(POD_TEMPLATE_HASH);
    // Without the mark the hash is the user's own.
    if *named || !managed {
        return Plan::nothing();
    }
    let mut patch = json!({"metadata": {"annotations": {MANAGED_BY_ROLLOUTS: null}}});
    if hash {
        put(
            &mut patch,
            &["spec", "selector", POD_TEMPLATE_HASH],
            Value::Null,
        );
    }
    let key = ObjectKey::new(
        service.metadata.namespace.clone(),
        service.metadata.name.clone(),
    );
    Plan::of(vec![Effect::patch(SERVICE, key, Patch::Merge(patch))])
}

/// A changed Service that bears our mark.
pub fn managed(change: &Change<Cached<ServiceView>>) -> Vec<ObjectKey> {
    let marked = |service: &ServiceView| {
        service
            .metadata
            .annotations
            .contains_key(MANAGED_BY_ROLLOUTS)
    };
    let new = change.new.as_ref().filter(|service| marked(&service.view));
    new.map(|service| {
        key(
            &service.view.metadata.namespace,
            &service.view.metadata.name,
        )
    })
    .into_iter()
    .collect()
}

/// The Services that a Rollout names no longer.
pub fn let_go(change: &Change<Packed<Rollout>>) -> Vec<ObjectKey> {
    let names = |rollout: &Arc<Packed<Rollout>>| {
        let services = rollout.names().filter_map(|name| {
            let (namespace, name) = name.strip_prefix("Service/")?.split_once('/')?;
            Some(key(namespace, name))
        });
        services.collect::<Vec<_>>()
    };
    let now = change.new.as_ref().map(names).unwrap_or_default();
    let before = change.old.as_ref().map(names).unwrap_or_default();
    before
        .into_iter()
        .filter(|name| !now.contains(name))
        .collect()
}

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(namespace, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(managed: bool) -> ServiceView {
        let mut service = ServiceView::default();
        service.metadata.name = "web".to_owned();
        service
            .selector
            .insert(POD_TEMPLATE_HASH.to_owned(), "abc".to_owned());
        if managed {
            service
                .metadata
                .annotations
                .insert(MANAGED_BY_ROLLOUTS.to_owned(), "ro".to_owned());
        }
        service
    }

    #[test]
    fn only_a_marked_service_that_nobody_names_is_given_back() {
        let plan = |managed, named| {
            decide(&Observed {
                service: service(managed),
                named,
            })
        };
        assert_eq!(
            [plan(true, true), plan(false, false)],
            [Plan::nothing(), Plan::nothing()]
        );
        let patch = json!({
            "metadata": {"annotations": {MANAGED_BY_ROLLOUTS: null}},
            "spec": {"selector": {POD_TEMPLATE_HASH: null}},
        });
        let expected = Effect::patch(SERVICE, ObjectKey::new("", "web"), Patch::Merge(patch));
        assert_eq!(plan(true, false), Plan::of(vec![expected]));
    }
}
