//! EndpointSlices for Endpoints that somebody writes by hand, of Services without a selector.
//!
//! Mirrors `pkg/controller/endpointslicemirroring`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{MANAGED_BY, SERVICE_LABEL};
use super::tolerate_terminating;
use super::trigger::TRIGGER;
use crate::apiserver::resource::known;
use crate::builtin::control::{self, Control, Key};
use crate::builtin::event::Note;
use crate::builtin::object::{self, items, text};
use crate::builtin::write::{Target, Work, Write};
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Who looks after the slices.
const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Addresses of a subset that are mirrored at most.
const MOST: usize = 1000;

/// The mirroring controller.
pub(crate) struct Mirroring;

impl Control for Mirroring {
    const NAME: &'static str = "endpointslicemirroring-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let mut keys = control::keys(session, &known::ENDPOINTS, None);
        keys.extend(control::keys(session, &known::SERVICES, None));
        keys
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if [known::ENDPOINTS, known::SERVICES].contains(&change.resource) {
            return vec![control::itself(change)];
        }
        if change.resource != known::ENDPOINT_SLICES {
            return Vec::new();
        }
        let slices = [&change.before, &change.after].into_iter().flatten();
        slices
            .filter(|slice| label(slice, MANAGED_BY).as_deref() == Some(MANAGER))
            .filter_map(|slice| Some((change.namespace.clone(), label(slice, SERVICE_LABEL)?)))
            .collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let mut existing = work.session.list(&known::ENDPOINT_SLICES, Some(namespace));
        existing.retain(|slice| {
            label(slice, SERVICE_LABEL).as_ref() == Some(name)
                && label(slice, MANAGED_BY).as_deref() == Some(MANAGER)
        });
        let service = work.session.get(&known::SERVICES, namespace, name);
        let has_no_selector = service.is_some_and(|s| s.pointer("/spec/selector").is_none());
        let endpoints = work.session.get(&known::ENDPOINTS, namespace, name);
        let writes = match endpoints.filter(|e| has_no_selector && is_mirrored(e)) {
            Some(endpoints) => decide(&endpoints, &existing),
            None => existing.iter().map(|slice| delete(slice)).collect(),
        };
        tolerate_terminating(work.perform(writes))
    }
}

fn label(object: &Value, key: &str) -> Option<String> {
    object::labels(object).remove(key)
}

fn is_mirrored(endpoints: &Value) -> bool {
    label(endpoints, SKIP).as_deref() != Some("true")
        && object::annotation(endpoints, LEADER).is_none()
}

fn delete(slice: &Value) -> Write {
    let target = Target::of(known::ENDPOINT_SLICES, slice);
    Write::Delete(target, DeleteOptions::default())
}

/// What is in one slice: the kind of its addresses, its ports, and its endpoints by address.
struct Wanted {
    kind: &'static str,
    ports: Vec<Value>,
    endpoints: BTreeMap<IpAddr, Value>,
}

/// Slices that Endpoints ask for, the addresses that are none, and how many were too many.
fn wanted(endpoints: &Value) -> (Vec<Wanted>, usize, usize) {
    let mut slices: BTreeMap<(String, &'static str), Wanted> = BTreeMap::new();
    let (mut invalid, mut skipped) = (0, 0);
    for subset in items(endpoints, "/subsets") {
        let ports: Vec<Value> = items(subset, "/ports").iter().map(port).collect();
        let ports_key = json!(ports).to_string();
        let mut added = 0;
        let ready = items(subset, "/addresses").iter().map(|one| (one, true));
        let unready = items(subset, "/notReadyAddresses").iter();
        for (address, is_ready) in ready.chain(unready.map(|one| (one, false))) {
            if added >= MOST {
                skipped += 1;
                continue;
            }
            let Ok(ip) = text(address, "/ip").parse::<IpAddr>() else {
                invalid += 1;
                continue;
            };
            added += 1;
            let kind = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            let slice = slices
                .entry((ports_key.clone(), kind))
                .or_insert_with(|| Wanted {
                    kind,
                    ports: ports.clone(),
                    endpoints: BTreeMap::new(),
                });
            slice.endpoints.insert(ip, endpoint(address, ip, is_ready));
        }
    }
    (slices.into_values().collect(), invalid, skipped)
}

fn port(port: &Value) -> Value {
    let mut made = json!({
        "name": text(port, "/name"), "port": object::count(port, "/port"), "protocol": text(port, "/protocol"),
    });
    if let Some(protocol) = port.get("appProtocol") {
        object::set(&mut made, &["appProtocol"], protocol.clone());
    }
    made
}

fn endpoint(address: &Value, ip: IpAddr, is_ready: bool) -> Value {
    let mut endpoint = json!({"addresses": [ip.to_string()], "conditions": {"ready": is_ready}});
    for key in ["targetRef", "nodeName", "hostname"] {
        if let Some(value) = address.get(key).filter(|value| !value.is_null()) {
            object::set(&mut endpoint, &[key], value.clone());
        }
    }
    endpoint
}

fn decide(endpoints: &Value, existing: &[Arc<Value>]) -> Vec<Write> {
    let (wanted, invalid, skipped) = wanted(endpoints);
    let mut writes = Vec::new();
    if invalid > 0 {
        let text =
            format!("Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices");
        writes.push(Note::warning(endpoints, "InvalidIPAddress", text));
    }
    if skipped > 0 {
        let text = format!(
            "A max of {MOST} addresses can be mirrored to EndpointSlices per Endpoints subset. {skipped} addresses were skipped"
        );
        writes.push(Note::warning(endpoints, "TooManyAddressesToMirror", text));
    }
    let mut used = BTreeSet::new();
    let mut left = Vec::new();
    for slice in wanted {
        let made = new_slice(endpoints, &slice);
        let same = existing.iter().find(|old| {
            !used.contains(object::name(old))
                && text(old, "/addressType") == slice.kind
                && ports_of(old) == slice.ports
        });
        match same {
            Some(old) => {
                used.insert(object::name(old));
                writes.extend(replace(old, &made, &slice));
            }
            None => left.push((made, slice)),
        }
    }
    // A slice that is not wanted any more is written anew before another one is made.
    for (made, slice) in left {
        let spare = existing.iter().find(|old| {
            !used.contains(object::name(old)) && text(old, "/addressType") == slice.kind
        });
        match spare {
            Some(old) => {
                used.insert(object::name(old));
                writes.extend(replace(old, &made, &slice));
            }
            None if object::is_terminating(endpoints) => {}
            None => writes.push(Write::Create(known::ENDPOINT_SLICES, made)),
        }
    }
    let rest = existing
        .iter()
        .filter(|old| !used.contains(object::name(old)));
    writes.extend(rest.map(|slice| delete(slice)));
    writes
}

fn ports_of(slice: &Value) -> Vec<Value> {
    items(slice, "/ports").iter().map(port).collect()
}

/// An update of a slice, unless it is right as it is. In which order its endpoints stand counts for nothing.
fn replace(old: &Value, made: &Value, slice: &Wanted) -> Option<Write> {
    let mut found: Vec<&Value> = items(old, "/endpoints").iter().collect();
    found.sort_by_key(|endpoint| text(endpoint, "/addresses/0").parse::<IpAddr>().ok());
    let is_same = ["labels", "annotations", "ownerReferences"]
        .iter()
        .all(|key| {
            let at = format!("/metadata/{key}");
            made.pointer(&at) == old.pointer(&at)
        });
    if is_same && ports_of(old) == slice.ports && found.into_iter().eq(slice.endpoints.values()) {
        return None;
    }
    let mut new = made.clone();
    object::remove(&mut new, &["metadata", "generateName"]);
    for key in ["name", "resourceVersion", "uid"] {
        let value = old.pointer(&format!("/metadata/{key}")).cloned();
        object::set(&mut new, &["metadata", key], value.unwrap_or_default());
    }
    Some(Write::Update(known::ENDPOINT_SLICES, new))
}

fn new_slice(endpoints: &Value, slice: &Wanted) -> Value {
    let mut labels = object::labels(endpoints);
    labels.insert(SERVICE_LABEL.to_owned(), object::name(endpoints).to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let mut annotations = object::string_map(endpoints, "/metadata/annotations");
    annotations.remove(TRIGGER);
    annotations.remove(LAST_APPLIED);
    let mut metadata = json!({
        "generateName": format!("{}-", object::name(endpoints)), "namespace": object::namespace(endpoints),
        "labels": labels, "ownerReferences": [object::controller_reference(endpoints)],
    });
    if !annotations.is_empty() {
        object::set(&mut metadata, &["annotations"], json!(annotations));
    }
    let of_slice: Vec<&Value> = slice.endpoints.values().collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
        "addressType": slice.kind, "ports": slice.ports, "endpoints": of_slice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_what_is_written_by_hand() {
        let endpoints = json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "ext", "namespace": "d", "uid": "u", "annotations": {LAST_APPLIED: "{}", "note": "m"}},
            "subsets": [{"addresses": [{"ip": "192.0.2.9"}, {"ip": "192.0.2.1", "hostname": "h"}, {"ip": "2001:db8::1"}],
                "notReadyAddresses": [{"ip": "192.0.2.4"}], "ports": [{"port": 80, "name": "http", "protocol": "TCP"}]}]});
        let made = decide(&endpoints, &[]);
        let [Write::Create(_, four), Write::Create(_, six)] = &made[..] else {
            panic!("{made:?}")
        };
        assert_eq!(
            (&four["addressType"], &six["addressType"]),
            (&json!("IPv4"), &json!("IPv6"))
        );
        assert_eq!(four["metadata"]["annotations"], json!({"note": "m"}));
        assert_eq!(
            four["endpoints"],
            json!([
                {"addresses": ["192.0.2.1"], "conditions": {"ready": true}, "hostname": "h"},
                {"addresses": ["192.0.2.4"], "conditions": {"ready": false}},
                {"addresses": ["192.0.2.9"], "conditions": {"ready": true}},
            ])
        );
        let existing = [four, six].map(|slice| {
            let mut slice = slice.clone();
            slice["metadata"]["name"] = slice["addressType"].clone();
            Arc::new(slice)
        });
        assert_eq!(decide(&endpoints, &existing), []);
        let mut fewer = endpoints;
        fewer["subsets"][0]["ports"][0]["port"] = json!(81);
        fewer["subsets"][0]["addresses"] = json!([]);
        let changed = decide(&fewer, &existing);
        assert!(
            matches!(&changed[..], [Write::Update(_, new), Write::Delete(gone, _)]
                if new["metadata"]["name"] == "IPv4" && gone.name == "IPv6"),
            "{changed:?}"
        );
    }
}
