//! The EndpointSlices a Service should have, as a pure function of the Service, its pods and the slices there are.
//!
//! Mirrors `k8s.io/endpointslice/{reconciler,utils}.go` and `trafficdist`, without the hints that the annotation
//! `service.kubernetes.io/topology-mode` asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::trigger::annotate;
use crate::apiserver::resource::known;
use crate::builtin::object::{self, flag, items, text};
use crate::builtin::pod;
use crate::builtin::write::{Target, Write};
use crate::session::DeleteOptions;

/// Label that names the Service.
pub(crate) const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Label that names who looks after the slice.
pub(crate) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Value of that label for this controller.
pub(crate) const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Label that marks what belongs to a Service without an address of its own.
pub(crate) const HEADLESS: &str = "service.kubernetes.io/headless";

/// The zones of nodes that have one.
pub(crate) type Zones = BTreeMap<String, String>;

/// Endpoints in one slice at most.
const PER_SLICE: usize = 100;

/// Whether a pod can be an endpoint at all: it has an address and has not ended.
pub(crate) fn has_endpoint(pod: &Value) -> bool {
    !text(pod, "/status/podIP").is_empty() && !pod::is_finished(pod)
}

/// The Service's ports as they are on a pod; a named target port that the pod lacks is left out.
pub(crate) fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let one = |port: &Value| {
        let protocol = match text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        let number = match port.pointer("/targetPort") {
            Some(Value::String(name)) => named_port(pod, name, protocol)?,
            Some(Value::Number(n)) if n.as_i64() != Some(0) => n.as_i64()?,
            _ => object::integer(port, "/port")?,
        };
        let mut made = json!({"name": text(port, "/name"), "port": number, "protocol": protocol});
        if let Some(app) = port.get("appProtocol").filter(|a| !a.is_null()) {
            object::set(&mut made, &["appProtocol"], app.clone());
        }
        Some(made)
    };
    items(service, "/spec/ports")
        .iter()
        .filter_map(one)
        .collect()
}

fn named_port(pod: &Value, name: &str, protocol: &str) -> Option<i64> {
    let sidecars = items(pod, "/spec/initContainers")
        .iter()
        .filter(|c| text(c, "/restartPolicy") == "Always");
    let all = items(pod, "/spec/containers")
        .iter()
        .chain(sidecars)
        .flat_map(|c| items(c, "/ports"));
    let fits = |p: &&Value| {
        text(p, "/name") == name && matches!(text(p, "/protocol"), "" | "TCP" if protocol == "TCP")
            || text(p, "/name") == name && text(p, "/protocol") == protocol
    };
    all.into_iter()
        .find(fits)
        .and_then(|p| object::integer(p, "/containerPort"))
}

fn endpoint(service: &Value, pod: &Value, zones: &Zones) -> Value {
    let serving = pod::is_ready(pod);
    let terminating = object::is_terminating(pod);
    let ready = flag(service, "/spec/publishNotReadyAddresses") || (serving && !terminating);
    let mut endpoint = json!({
        "addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod)},
    });
    let node = text(pod, "/spec/nodeName");
    let zone = zones.get(node);
    for (key, value) in [("nodeName", Some(node)), ("zone", zone.map(String::as_str))] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            object::set(&mut endpoint, &[key], json!(value));
        }
    }
    if ready && let Some(hints) = hints(service, node, zone) {
        object::set(&mut endpoint, &["hints"], hints);
    }
    let hostname = text(pod, "/spec/hostname");
    if !hostname.is_empty() && text(pod, "/spec/subdomain") == object::name(service) {
        object::set(&mut endpoint, &["hostname"], json!(hostname));
    }
    endpoint
}

/// For whom an endpoint is meant, where the Service prefers what is near.
fn hints(service: &Value, node: &str, zone: Option<&String>) -> Option<Value> {
    let near = text(service, "/spec/trafficDistribution");
    let by_node = near == "PreferSameNode";
    if !by_node && !matches!(near, "PreferClose" | "PreferSameZone") || is_by_annotation(service) {
        return None;
    }
    let mut hints = Map::new();
    if let Some(zone) = zone {
        hints.insert("forZones".to_owned(), json!([{"name": zone}]));
    }
    if by_node && !node.is_empty() {
        hints.insert("forNodes".to_owned(), json!([{"name": node}]));
    }
    (!hints.is_empty()).then(|| hints.into())
}

/// Whether the annotation decides over hints, which wins over the field.
fn is_by_annotation(service: &Value) -> bool {
    let said = |key| object::annotation(service, key);
    let said = said("service.kubernetes.io/topology-aware-hints")
        .or_else(|| said("service.kubernetes.io/topology-mode"));
    matches!(said, Some("Auto" | "auto"))
}

/// Labels of what mirrors a Service: the Service's own, and the mark of a headless one.
pub(crate) fn service_labels(service: &Value) -> BTreeMap<String, String> {
    let mut labels = object::labels(service);
    labels.remove(HEADLESS);
    if text(service, "/spec/clusterIP") == "None" {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels
}

/// Ports and endpoints of one slice as it should be.
struct Wanted {
    ports: Value,
    endpoints: Value,
}

fn wanted(service: &Value, pods: &[Arc<Value>], zones: &Zones) -> Vec<Wanted> {
    let mut groups: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for pod in pods.iter().filter(|p| has_endpoint(p)) {
        let ports = ports(service, pod);
        let group = groups
            .entry(json!(ports).to_string())
            .or_insert_with(|| (ports, Vec::new()));
        group.1.push(endpoint(service, pod, zones));
    }
    if groups.is_empty() {
        return vec![Wanted {
            ports: Value::Null,
            endpoints: Value::Null,
        }];
    }
    let slices = groups.into_values().flat_map(|(ports, endpoints)| {
        let chunks: Vec<Vec<Value>> = endpoints.chunks(PER_SLICE).map(<[Value]>::to_vec).collect();
        // What is stored knows no empty list.
        let ports = if ports.is_empty() {
            Value::Null
        } else {
            json!(ports)
        };
        chunks.into_iter().map(move |chunk| Wanted {
            ports: ports.clone(),
            endpoints: json!(chunk),
        })
    });
    slices.collect()
}

/// The writes that bring the slices of a Service into line. `pods` are those its selector matches, in name order, and `zones` where
/// their nodes are; `trigger` is when what led to the writes happened, if that is known.
pub(crate) fn decide(
    service: &Value,
    (pods, zones): (&[Arc<Value>], &Zones),
    slices: &[Arc<Value>],
    trigger: Option<&str>,
) -> Vec<Write> {
    let mut left: Vec<&Value> = slices.iter().map(AsRef::as_ref).collect();
    let mut writes = Vec::new();
    for want in wanted(service, pods, zones) {
        let same = left
            .iter()
            .position(|s| s.get("ports") == Some(&want.ports));
        let reused = same
            .or_else(|| left.first().map(|_| 0))
            .map(|at| left.remove(at));
        let labels = labels(service);
        let mut slice = reused.cloned().unwrap_or_else(|| blank(service));
        for (key, value) in [("ports", want.ports), ("endpoints", want.endpoints)] {
            object::set(&mut slice, &[key], value);
        }
        object::set(&mut slice, &["metadata", "labels"], json!(labels));
        if reused.is_some_and(|old| *old == slice) {
            continue;
        }
        annotate(&mut slice, trigger);
        writes.push(match reused {
            Some(_) => Write::Update(known::ENDPOINT_SLICES, slice),
            None => Write::Create(known::ENDPOINT_SLICES, slice),
        });
    }
    let surplus = left.into_iter().filter(|s| !object::is_terminating(s));
    writes.extend(surplus.map(|s| {
        Write::Delete(
            Target::of(known::ENDPOINT_SLICES, s),
            DeleteOptions::default(),
        )
    }));
    writes
}

fn labels(service: &Value) -> BTreeMap<String, String> {
    let mut labels = service_labels(service);
    labels.insert(SERVICE_LABEL.to_owned(), object::name(service).to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels
}

fn blank(service: &Value) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "generateName": format!("{}-", object::name(service)), "namespace": object::namespace(service),
            "ownerReferences": [object::controller_reference(service)],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::super::trigger::TRIGGER;
    use super::*;

    fn service() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "d", "uid": "svc", "labels": {"a": "b"}, "creationTimestamp": "2030-01-01T00:00:00Z"},
            "spec": {"selector": {"app": "web"}, "clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]},
        })
    }

    fn pod(name: &str, ready: &str) -> Arc<Value> {
        Arc::new(json!({
            "metadata": {"name": name, "namespace": "d", "uid": name},
            "spec": {"nodeName": "n", "containers": [{"ports": [{"name": "web", "containerPort": 8080, "protocol": "TCP"}]}]},
            "status": {"phase": "Running", "podIP": format!("10.244.0.{name}"),
                "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2030-01-01T00:00:05Z"}]},
        }))
    }

    const AT: Option<&str> = Some("2030-01-01T00:00:05Z");

    fn created(writes: &[Write]) -> Arc<Value> {
        let [Write::Create(_, slice)] = writes else {
            panic!("{writes:?}")
        };
        Arc::new(slice.clone())
    }

    #[test]
    fn a_service_without_pods_has_one_empty_slice() {
        let slice = created(&decide(&service(), (&[], &Zones::new()), &[], AT));
        assert_eq!(
            (&slice["endpoints"], &slice["ports"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            slice["metadata"]["labels"],
            json!({"a": "b", SERVICE_LABEL: "web", MANAGED_BY: MANAGER})
        );
        assert_eq!(decide(&service(), (&[], &Zones::new()), &[slice], AT), []);
    }

    #[test]
    fn endpoints_carry_conditions_and_named_ports_are_resolved() {
        let mut leaving = (*pod("3", "True")).clone();
        leaving["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:09Z");
        let pods = [pod("1", "True"), pod("2", "False"), Arc::new(leaving)];
        let slice = created(&decide(&service(), (&pods, &Zones::new()), &[], AT));
        assert_eq!(
            slice["ports"],
            json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
        );
        let conditions: Vec<&Value> = items(&slice, "/endpoints")
            .iter()
            .map(|e| &e["conditions"])
            .collect();
        assert_eq!(
            conditions,
            [
                &json!({"ready": true, "serving": true, "terminating": false}),
                &json!({"ready": false, "serving": false, "terminating": false}),
                &json!({"ready": false, "serving": true, "terminating": true}),
            ]
        );
        assert_eq!(
            slice["endpoints"][0]["targetRef"],
            json!({"kind": "Pod", "namespace": "d", "name": "1", "uid": "1"})
        );
        assert_eq!(
            slice["metadata"]["annotations"][TRIGGER],
            "2030-01-01T00:00:05Z"
        );
        assert_eq!(
            decide(&service(), (&pods, &Zones::new()), from_ref(&slice), AT),
            []
        );
        // Fewer of them, and nobody knows since when.
        let [Write::Update(_, fewer)] =
            &decide(&service(), (&pods[..2], &Zones::new()), &[slice], None)[..]
        else {
            panic!("one update")
        };
        assert_eq!(items(fewer, "/endpoints").len(), 2);
        assert_eq!(fewer["metadata"]["annotations"], json!({}));
    }

    #[test]
    fn a_headless_service_without_ports_has_a_slice_that_stays() {
        let mut bare = service();
        bare["spec"] = json!({"selector": {"app": "web"}, "clusterIP": "None"});
        let pods = [pod("1", "True")];
        let slice = created(&decide(&bare, (&pods, &Zones::new()), &[], AT));
        // As it is stored and read again.
        assert_eq!(slice["ports"], Value::Null);
        assert_eq!(decide(&bare, (&pods, &Zones::new()), &[slice], AT), []);
    }

    #[test]
    fn more_than_a_hundred_endpoints_take_more_slices_and_surplus_ones_go() {
        let pods: Vec<Arc<Value>> = (0..150).map(|n| pod(&n.to_string(), "True")).collect();
        let sizes: Vec<usize> = decide(&service(), (&pods, &Zones::new()), &[], AT)
            .iter()
            .map(|w| {
                if let Write::Create(_, s) = w {
                    items(s, "/endpoints").len()
                } else {
                    0
                }
            })
            .collect();
        assert_eq!(sizes, [100, 50]);
        let two = [
            created(&decide(&service(), (&pods[..1], &Zones::new()), &[], AT)),
            created(&decide(&service(), (&pods[1..2], &Zones::new()), &[], AT)),
        ];
        let writes = decide(&service(), (&pods[..1], &Zones::new()), &two, AT);
        assert!(matches!(writes[..], [Write::Delete(..)]), "{writes:?}");
    }

    #[test]
    fn a_service_that_prefers_what_is_near_hints_at_zones_and_nodes() {
        let zones = Zones::from([("n".to_owned(), "z".to_owned())]);
        let pods = [pod("1", "True"), pod("2", "False")];
        let hints = |near: &str, zones: &Zones| -> Vec<Value> {
            let mut service = service();
            service["spec"]["trafficDistribution"] = json!(near);
            let slice = created(&decide(&service, (&pods, zones), &[], AT));
            let endpoints = items(&slice, "/endpoints").iter();
            endpoints.map(|e| json!([e["zone"], e["hints"]])).collect()
        };
        let none = json!(["z", null]);
        let zone = json!(["z", {"forZones": [{"name": "z"}]}]);
        let both = json!(["z", {"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]}]);
        assert_eq!(hints("", &zones), [none.clone(), none.clone()]);
        assert_eq!(hints("PreferClose", &zones), [zone.clone(), none.clone()]);
        assert_eq!(hints("PreferSameZone", &zones), [zone, none.clone()]);
        assert_eq!(hints("PreferSameNode", &zones), [both, none]);
        let nowhere = json!([null, null]);
        let alone = json!([null, {"forNodes": [{"name": "n"}]}]);
        let zones = Zones::new();
        assert_eq!(
            hints("PreferClose", &zones),
            [nowhere.clone(), nowhere.clone()]
        );
        assert_eq!(hints("PreferSameNode", &zones), [alone, nowhere]);
    }
}
