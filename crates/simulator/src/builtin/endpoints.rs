//! Endpoints of Services with a selector: the older form of EndpointSlices.
//!
//! Mirrors `pkg/controller/endpoint/endpoints_controller.go`, without its limit of 1000 addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::endpoint_slice::decide::{has_endpoint, ports, service_labels};
use super::endpoint_slice::trigger::{TriggerTimes, annotate};
use super::endpoint_slice::{
    affected_services, selected_pods, selecting_service, tolerate_terminating,
};
use super::object::{self, flag, text};
use super::pod;
use super::write::{Target, Work, Write};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Label that names who looks after the Endpoints.
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Value of that label for this controller.
const MANAGER: &str = "endpoint-controller";

/// The Endpoints controller.
#[derive(Debug, Default)]
pub(crate) struct EndpointsMirror {
    times: TriggerTimes,
    /// Those whose Service went: they go too, whoever made them. Others may come before their Service.
    orphaned: BTreeSet<Key>,
}

impl Control for EndpointsMirror {
    const NAME: &'static str = "endpoint-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let mut keys = control::keys(session, &known::SERVICES, None);
        keys.extend(control::keys(session, &known::ENDPOINTS, None));
        keys
    }

    fn observe(&mut self, change: &Change) {
        if change.resource != known::SERVICES {
            return;
        }
        let key = control::itself(change);
        if change.after.is_none() {
            self.orphaned.insert(key);
        } else {
            self.orphaned.remove(&key);
        }
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::ENDPOINTS {
            return vec![control::itself(change)];
        }
        affected_services(session, change)
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let current = work.session.get(&known::ENDPOINTS, &key.0, &key.1);
        if work.session.get(&known::SERVICES, &key.0, &key.1).is_none() {
            self.times.forget(key);
            let managed = |e: &Arc<Value>| object::labels(e).contains_key(MANAGED_BY);
            let orphaned = self.orphaned.remove(key);
            let writes = current
                .filter(|e| orphaned || managed(e))
                .map(|e| Write::Delete(Target::of(known::ENDPOINTS, &e), DeleteOptions::default()));
            work.perform(writes.into_iter().collect())?;
            return Ok(None);
        }
        // Those of an ExternalName stay as they were.
        let Some(service) = selecting_service(work.session, key)
            .filter(|service| text(service, "/spec/type") != "ExternalName")
        else {
            return Ok(None);
        };
        let pods = selected_pods(work.session, &service);
        let (trigger, times) = self.times.changed(&service, &pods);
        let writes = decide(&service, &pods, current.as_deref(), trigger.as_deref());
        let written = work.perform(writes);
        self.times.keep(key, times, &written);
        tolerate_terminating(written)
    }
}

fn decide(
    service: &Value,
    pods: &[Arc<Value>],
    current: Option<&Value>,
    trigger: Option<&str>,
) -> Vec<Write> {
    let subsets = subsets(service, pods);
    let mut labels = service_labels(service);
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let mut wanted = current.cloned().unwrap_or_else(|| {
        json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": object::name(service), "namespace": object::namespace(service)}})
    });
    object::set(&mut wanted, &["metadata", "labels"], json!(labels));
    if subsets.is_empty() {
        object::remove(&mut wanted, &["subsets"]);
    } else {
        object::set(&mut wanted, &["subsets"], json!(subsets));
    }
    if current == Some(&wanted) {
        return Vec::new();
    }
    annotate(&mut wanted, trigger);
    vec![match current {
        Some(_) => Write::Update(known::ENDPOINTS, wanted),
        None => Write::Create(known::ENDPOINTS, wanted),
    }]
}

/// Ports with the ready and the unready addresses behind them.
type Subset = (Vec<Value>, Vec<Value>, Vec<Value>);

/// One subset per combination of ports, addresses in order.
fn subsets(service: &Value, pods: &[Arc<Value>]) -> Vec<Value> {
    let publishes_all = flag(service, "/spec/publishNotReadyAddresses");
    let mut groups: BTreeMap<String, Subset> = BTreeMap::new();
    for pod in pods
        .iter()
        .filter(|p| has_endpoint(p) && (publishes_all || !object::is_terminating(p)))
    {
        let mut ports = ports(service, pod);
        if ports.is_empty() && text(service, "/spec/clusterIP") != "None" {
            continue;
        }
        for port in &mut ports {
            if text(port, "/name").is_empty() {
                object::remove(port, &["name"]);
            }
        }
        let (_, ready, unready) = groups
            .entry(json!(ports).to_string())
            .or_insert_with(|| (ports, Vec::new(), Vec::new()));
        let list = if publishes_all || pod::is_ready(pod) {
            ready
        } else {
            unready
        };
        list.push(address(service, pod));
    }
    let subset = |(ports, mut ready, mut unready): Subset| {
        let mut subset = json!({});
        for (key, list) in [
            ("addresses", &mut ready),
            ("notReadyAddresses", &mut unready),
        ] {
            list.sort_by(|a, b| text(a, "/ip").cmp(text(b, "/ip")));
            if !list.is_empty() {
                object::set(&mut subset, &[key], json!(list));
            }
        }
        if !ports.is_empty() {
            object::set(&mut subset, &["ports"], json!(ports));
        }
        subset
    };
    groups.into_values().map(subset).collect()
}

fn address(service: &Value, pod: &Value) -> Value {
    let mut address = json!({
        "ip": text(pod, "/status/podIP"),
        "targetRef": {"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod)},
    });
    if !text(pod, "/spec/nodeName").is_empty() {
        object::set(
            &mut address,
            &["nodeName"],
            json!(text(pod, "/spec/nodeName")),
        );
    }
    let hostname = text(pod, "/spec/hostname");
    if !hostname.is_empty() && text(pod, "/spec/subdomain") == object::name(service) {
        object::set(&mut address, &["hostname"], json!(hostname));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::endpoint_slice::decide::HEADLESS;

    #[test]
    fn ready_and_unready_addresses_are_kept_apart() {
        let service = json!({"metadata": {"name": "web", "namespace": "d"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80, "targetPort": 8080}]}});
        let pod = |name: &str, ready: &str| {
            Arc::new(
                json!({"metadata": {"name": name, "namespace": "d", "uid": name}, "spec": {},
                "status": {"phase": "Running", "podIP": name, "conditions": [{"type": "Ready", "status": ready}]}}),
            )
        };
        let pods = [pod("2", "True"), pod("1", "True"), pod("3", "False")];
        let [Write::Create(_, made)] = &decide(&service, &pods, None, None)[..] else {
            panic!("one creation")
        };
        let target = |name: &str| json!({"ip": name, "targetRef": {"kind": "Pod", "namespace": "d", "name": name, "uid": name}});
        assert_eq!(
            made["subsets"],
            json!([{"addresses": [target("1"), target("2")], "notReadyAddresses": [target("3")],
                "ports": [{"port": 8080, "protocol": "TCP"}]}])
        );
        assert_eq!(
            made["metadata"]["labels"],
            json!({MANAGED_BY: MANAGER, HEADLESS: ""})
        );
        assert_eq!(decide(&service, &pods, Some(made), None), []);
    }
}
