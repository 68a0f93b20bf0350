//! EndpointSlices of Services with a selector.
//!
//! Mirrors `pkg/controller/endpointslice`.

pub(crate) mod decide;
pub(crate) mod mirror;
pub(crate) mod trigger;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use trigger::TriggerTimes;

use super::control::{self, Control, Key};
use super::object::{self, text};
use super::write::{Work, is_namespace_terminating};
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// The EndpointSlice controller.
#[derive(Debug, Default)]
pub(crate) struct EndpointSlices {
    times: TriggerTimes,
}

impl Control for EndpointSlices {
    const NAME: &'static str = "endpoint-slice-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::SERVICES, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::ENDPOINT_SLICES {
            let service = |o: &Arc<Value>| object::labels(o).get(decide::SERVICE_LABEL).cloned();
            let named = change.object().and_then(service);
            return named
                .map(|name| (change.namespace.clone(), name))
                .into_iter()
                .collect();
        }
        affected_services(session, change)
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(service) = selecting_service(work.session, key) else {
            if work.session.get(&known::SERVICES, &key.0, &key.1).is_none() {
                self.times.forget(key);
            }
            return Ok(None);
        };
        if text(&service, "/spec/type") == "ExternalName" || object::is_terminating(&service) {
            return Ok(None);
        }
        let slices = work.session.list(&known::ENDPOINT_SLICES, Some(&key.0));
        let is_ours = |slice: &Value| {
            let labels = object::labels(slice);
            labels
                .get(decide::SERVICE_LABEL)
                .is_some_and(|s| *s == key.1)
                && labels
                    .get(decide::MANAGED_BY)
                    .is_some_and(|m| m == decide::MANAGER)
        };
        let ours: Vec<Arc<Value>> = slices.into_iter().filter(|s| is_ours(s)).collect();
        let pods = selected_pods(work.session, &service);
        let (trigger, times) = self.times.changed(&service, &pods);
        let zones = zones(work.session, &pods);
        let writes = decide::decide(&service, (&pods, &zones), &ours, trigger.as_deref());
        let written = work.perform(writes);
        self.times.keep(key, times, &written);
        tolerate_terminating(written)
    }
}

/// Where the nodes of pods are, as their labels say.
fn zones(session: &Session<'_>, pods: &[Arc<Value>]) -> decide::Zones {
    let nodes: BTreeSet<&str> = pods.iter().map(|pod| text(pod, "/spec/nodeName")).collect();
    let zone = |name: &str| {
        let node = session.get(&known::NODES, "", name)?;
        let zone = object::labels(&node).remove("topology.kubernetes.io/zone")?;
        (!zone.is_empty()).then(|| (name.to_owned(), zone))
    };
    nodes.into_iter().filter_map(zone).collect()
}

/// Nothing can be created in a namespace on its way out, and nothing needs to be.
pub(crate) fn tolerate_terminating(
    result: Result<(), ApiError>,
) -> Result<Option<Timestamp>, ApiError> {
    match result {
        Err(error) if !is_namespace_terminating(&error) => Err(error),
        Ok(()) | Err(_) => Ok(None),
    }
}

/// The Service of a key, if it selects pods.
pub(crate) fn selecting_service(session: &Session<'_>, key: &Key) -> Option<Arc<Value>> {
    session
        .get(&known::SERVICES, &key.0, &key.1)
        .filter(|s| !object::string_map(s, "/spec/selector").is_empty())
}

/// The pods a Service selects, in name order.
pub(crate) fn selected_pods(session: &Session<'_>, service: &Value) -> Vec<Arc<Value>> {
    let selector = object::string_map(service, "/spec/selector");
    let pods = session.list(&known::PODS, Some(object::namespace(service)));
    pods.into_iter()
        .filter(|p| object::has_labels(p, &selector))
        .collect()
}

/// The Services that a changed Service or pod concerns, before or after the change.
pub(crate) fn affected_services(session: &Session<'_>, change: &Change) -> Vec<Key> {
    if change.resource == known::SERVICES {
        return vec![control::itself(change)];
    }
    if change.resource != known::PODS {
        return Vec::new();
    }
    let pods = [&change.before, &change.after];
    let concerns = |service: &Value| {
        let selector = object::string_map(service, "/spec/selector");
        let mut pods = pods.into_iter().flatten();
        !selector.is_empty() && pods.any(|pod| object::has_labels(pod, &selector))
    };
    let services = session.list(&known::SERVICES, Some(&change.namespace));
    services
        .iter()
        .filter(|s| concerns(s))
        .map(|s| control::key_of(s))
        .collect()
}
