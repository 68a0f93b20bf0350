//! EndpointSlices: addresses stay in the slice they are in, new ones go where there is room, then into new slices.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use runtime::{Effect, Propagation};
use serde_json::{Value, json};

use super::nodes::NodeAddress;
use super::objects::{object, target, update, with_metadata};
use super::{ENDPOINT_SLICE, Making};
use crate::operator::writes::delete;

/// Endpoints of a slice, at most.
const MOST: usize = 512;

/// Name of the Service, as the server's own slices say it.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Who looks after a slice; the server's own controllers leave it alone then.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// We do.
pub(super) const MANAGER: &str = "prometheus-operator";

/// A slice as it shall be.
struct Slice<'a> {
    stored: Option<&'a Value>,
    is_v4: bool,
    endpoints: Vec<&'a NodeAddress>,
}

impl Slice<'_> {
    fn takes(&self, address: &NodeAddress) -> bool {
        self.is_v4 == address.is_v4 && self.endpoints.len() < MOST
    }
}

/// The writes for the slices of a Service, which is given by its uid: what is stored is what of them is ours.
pub fn slices(
    making: Making,
    service_uid: &str,
    stored: &[Value],
    addresses: &[NodeAddress],
) -> Vec<Effect> {
    let by_address: BTreeMap<&str, &NodeAddress> = addresses
        .iter()
        .map(|one| (one.address.as_str(), one))
        .collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut slices: Vec<Slice> = Vec::new();
    for slice in stored {
        let is_v4 = slice.get("addressType").and_then(Value::as_str) == Some("IPv4");
        let endpoints = slice.get("endpoints").and_then(Value::as_array);
        let kept = endpoints.into_iter().flatten().filter_map(|endpoint| {
            let [address] = endpoint.get("addresses")?.as_array()?.as_slice() else {
                return None;
            };
            let address = *by_address.get(address.as_str()?)?;
            placed.insert(&address.address).then_some(address)
        });
        slices.push(Slice {
            stored: Some(slice),
            is_v4,
            endpoints: kept.collect(),
        });
    }
    for address in by_address_in_order(addresses, &by_address) {
        if !placed.insert(&address.address) {
            continue;
        }
        match slices.iter_mut().find(|slice| slice.takes(address)) {
            Some(slice) => slice.endpoints.push(address),
            None => slices.push(Slice {
                stored: None,
                is_v4: address.is_v4,
                endpoints: vec![address],
            }),
        }
    }
    let writes = slices.iter();
    writes
        .filter_map(|slice| write(making, service_uid, slice))
        .collect()
}

/// Each address once: of nodes that share one, the last counts.
fn by_address_in_order<'a>(
    addresses: &'a [NodeAddress],
    by_address: &BTreeMap<&'a str, &'a NodeAddress>,
) -> Vec<&'a NodeAddress> {
    let each = addresses.iter();
    each.filter_map(|one| by_address.get(one.address.as_str()).copied())
        .collect()
}

fn write(making: Making, service_uid: &str, slice: &Slice) -> Option<Effect> {
    let endpoints: Value = slice.endpoints.iter().map(|one| endpoint(one)).collect();
    let metadata = metadata(making, service_uid);
    let Some(stored) = slice.stored else {
        let address_type = if slice.is_v4 { "IPv4" } else { "IPv6" };
        let mut object = object("discovery.k8s.io/v1", "EndpointSlice", metadata);
        object.insert("addressType".to_owned(), json!(address_type));
        object.insert("endpoints".to_owned(), endpoints);
        object.insert("ports".to_owned(), making.endpoint_ports());
        return Some(Effect::create(ENDPOINT_SLICE, Value::Object(object)));
    };
    if slice.endpoints.is_empty() {
        let is_going = meta::deletion_timestamp(stored).is_some();
        return (!is_going).then(|| delete(&ENDPOINT_SLICE, stored, Propagation::Background));
    }
    let mut target = with_metadata(stored, &metadata);
    let owners = metadata.get("ownerReferences").cloned().unwrap_or_default();
    meta::set(&mut target, "ownerReferences", owners);
    if let Some(fields) = target.as_object_mut() {
        fields.insert("endpoints".to_owned(), endpoints);
        fields.insert("ports".to_owned(), making.endpoint_ports());
    }
    update(&ENDPOINT_SLICE, stored, target)
}

fn metadata(making: Making, service_uid: &str) -> Value {
    let name = &making.options.service.name;
    let mut metadata = making.metadata();
    // By these two the slices are found again, whatever labels are given.
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        labels.insert(SERVICE_NAME.to_owned(), json!(name));
        labels.insert(MANAGED_BY.to_owned(), json!(MANAGER));
    }
    if let Some(fields) = metadata.as_object_mut() {
        let owner = json!({
            "apiVersion": "v1", "kind": "Service", "name": name, "uid": service_uid,
            "controller": true, "blockOwnerDeletion": true,
        });
        fields.insert("generateName".to_owned(), json!(format!("{name}-")));
        fields.insert("ownerReferences".to_owned(), json!([owner]));
    }
    metadata
}

fn endpoint(address: &NodeAddress) -> Value {
    json!({
        "addresses": [address.address],
        "conditions": {"ready": true},
        "nodeName": address.node,
        "targetRef": target(address),
    })
}

#[cfg(test)]
mod tests {
    use super::super::objects::tests::{address, options, sent, settings};
    use super::*;

    fn made(stored: &[Value], addresses: &[NodeAddress]) -> Vec<Effect> {
        let (options, settings) = (options(), settings());
        let making = Making {
            options: &options,
            settings: &settings,
        };
        slices(making, "service-uid", stored, addresses)
    }

    /// Addresses of what is written, by slice.
    fn addresses_of(object: &Value) -> Vec<&str> {
        let endpoints = object["endpoints"].as_array().unwrap().iter();
        endpoints
            .map(|one| one["addresses"][0].as_str().unwrap())
            .collect()
    }

    fn stored(name: &str, effect: Effect) -> Value {
        let mut object = sent(Some(effect));
        meta::set(&mut object, "name", json!(name));
        meta::set(&mut object, "uid", json!(format!("uid-{name}")));
        object
    }

    #[test]
    fn each_family_gets_a_slice_that_its_service_owns() {
        let nodes = [address("a", "10.0.0.1"), address("a", "fd00::1")];
        let made = made(&[], &nodes);
        assert_eq!(made.len(), 2);
        let first = sent(Some(made[0].clone()));
        let expected = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "namespace": "kube-system", "generateName": "kubelet-", "annotations": {"note": "b"},
                "labels": {
                    "k8s-app": "kubelet", "app.kubernetes.io/name": "kubelet", "app.kubernetes.io/managed-by": "prometheus-operator", "team": "a",
                    SERVICE_NAME: "kubelet", MANAGED_BY: "prometheus-operator",
                },
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "kubelet", "uid": "service-uid", "controller": true, "blockOwnerDeletion": true}],
            },
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "nodeName": "a",
                "targetRef": {"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "uid-a"}}],
            "ports": [
                {"name": "https-metrics", "port": 10250, "protocol": "TCP"},
                {"name": "cadvisor", "port": 4194, "protocol": "TCP"},
                {"name": "http-metrics", "port": 10255, "protocol": "TCP"},
            ],
        });
        assert_eq!(first, expected);
        assert_eq!(sent(Some(made[1].clone()))["addressType"], "IPv6");
    }

    #[test]
    fn addresses_stay_where_they_are_and_new_ones_fill_up() {
        let many: Vec<NodeAddress> = (0..MOST + 2)
            .map(|index| {
                address(
                    &format!("n{index:04}"),
                    &format!("10.0.{}.{}", index / 256, index % 256),
                )
            })
            .collect();
        let first = made(&[], &many);
        assert_eq!(first.len(), 2);
        let slices: Vec<Value> = first
            .into_iter()
            .zip(["x", "y"])
            .map(|(effect, name)| stored(name, effect))
            .collect();
        assert_eq!(addresses_of(&slices[1]), ["10.0.2.0", "10.0.2.1"]);
        assert_eq!(made(&slices, &many), [], "a second look writes nothing");

        // One of the full slice goes: its place is taken, the other slice isn't touched.
        let mut changed: Vec<NodeAddress> = many[1..].to_vec();
        changed.push(address("z", "10.9.9.9"));
        let writes = made(&slices, &changed);
        assert_eq!(writes.len(), 1);
        let written = sent(Some(writes[0].clone()));
        assert_eq!(meta::name(&written), "x");
        assert_eq!(addresses_of(&written).last(), Some(&"10.9.9.9"));

        // All of the other go: it is deleted.
        let writes = made(&slices, &many[..MOST]);
        let [Effect::Delete { key, options, .. }] = writes.as_slice() else {
            panic!("{writes:?}");
        };
        assert_eq!(
            (key.name.as_str(), options.uid.as_deref()),
            ("y", Some("uid-y"))
        );
    }

    #[test]
    fn slices_of_older_settings_get_ports_labels_and_owner_again() {
        let nodes = [address("a", "10.0.0.1")];
        let effect = made(&[], &nodes).remove(0);
        let mut old = stored("x", effect);
        old["ports"] = json!([{"name": "https-metrics", "port": 10250, "protocol": "TCP"}]);
        old["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("k8s-app");
        old["metadata"]["ownerReferences"][0]["uid"] = json!("before");
        old["endpoints"][0]["targetRef"]["uid"] = json!("before");
        let written = sent(made(&[old], &nodes).pop());
        assert_eq!(written["ports"].as_array().unwrap().len(), 3);
        assert_eq!(meta::label(&written, "k8s-app"), Some("kubelet"));
        assert_eq!(
            written["metadata"]["ownerReferences"][0]["uid"],
            "service-uid"
        );
        assert_eq!(written["endpoints"][0]["targetRef"]["uid"], "uid-a");
    }

    #[test]
    fn an_address_that_two_nodes_share_is_listed_once() {
        let nodes = [address("a", "10.0.0.1"), address("b", "10.0.0.1")];
        let effect = made(&[], &nodes);
        let object = sent(effect.into_iter().next());
        assert_eq!(object["endpoints"].as_array().unwrap().len(), 1);
        assert_eq!(object["endpoints"][0]["nodeName"], "b");
    }
}
