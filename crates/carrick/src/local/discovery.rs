//! Discovery in Kubernetes as Prometheus does it, for builds that can't: what an element of `kubernetes_sd_configs` finds, as the
//! content of a file for `file_sd_configs`, with the same `__meta_kubernetes_…` labels.
//!
//! Mirrors `discovery/kubernetes` of Prometheus.

mod roles;

use std::collections::BTreeMap;

use runtime::client::Client;
use runtime::error::Error;
use runtime::resource::{POD, ResourceRef, SERVICE};
use serde_json::Value;

/// `v1/Endpoints`.
pub const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");
const ENDPOINT_SLICE: ResourceRef =
    ResourceRef::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");
const INGRESS: ResourceRef =
    ResourceRef::namespaced("networking.k8s.io", "v1", "Ingress", "ingresses");
const NODE: ResourceRef = ResourceRef::cluster("", "v1", "Node", "nodes");

/// What a discovery has read, by plural.
#[derive(Debug, Clone, Default)]
pub struct Seen(BTreeMap<String, Vec<Value>>);

impl Seen {
    fn of(&self, resource: &ResourceRef) -> &[Value] {
        let found = self.0.get(resource.plural.as_ref());
        found.map(Vec::as_slice).unwrap_or_default()
    }

    fn find(&self, resource: &ResourceRef, namespace: &str, name: &str) -> Option<&Value> {
        self.of(resource).iter().find(|object| {
            machinery::meta::namespace(object) == namespace && machinery::meta::name(object) == name
        })
    }
}

/// The kinds that a configuration reads, each with the name that its selectors have for it.
fn reads(config: &Value) -> Vec<(&'static str, ResourceRef)> {
    let mut reads = match config.get("role").and_then(Value::as_str) {
        Some("endpoints") => vec![("endpoints", ENDPOINTS), ("service", SERVICE), ("pod", POD)],
        Some("endpointslice") => vec![
            ("endpointslice", ENDPOINT_SLICE),
            ("service", SERVICE),
            ("pod", POD),
        ],
        Some("pod") => vec![("pod", POD)],
        Some("service") => vec![("service", SERVICE)],
        Some("ingress") => vec![("ingress", INGRESS)],
        Some("node") => vec![("node", NODE)],
        _ => Vec::new(),
    };
    if attaches_node(config) {
        reads.push(("node", NODE));
    }
    reads
}

fn attaches_node(config: &Value) -> bool {
    config.pointer("/attach_metadata/node") == Some(&Value::Bool(true))
}

/// The label selector for a role.
fn selector<'a>(config: &'a Value, role: &str) -> &'a str {
    let all = config.get("selectors").and_then(Value::as_array);
    let mut of_role = all
        .into_iter()
        .flatten()
        .filter(|one| one.get("role").and_then(Value::as_str) == Some(role));
    let label = of_role.find_map(|one| one.get("label")?.as_str());
    label.unwrap_or_default()
}

/// Reads what a configuration needs with the rights of the client. `own` is the pod's namespace.
pub async fn read(client: &Client, config: &Value, own: &str) -> Result<Seen, Error> {
    let names = config
        .pointer("/namespaces/names")
        .and_then(Value::as_array);
    let mut namespaces: Vec<&str> = names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if config.pointer("/namespaces/own_namespace") == Some(&Value::Bool(true)) {
        namespaces.push(own);
    }
    if namespaces.is_empty() {
        namespaces.push("");
    }
    let mut seen = Seen::default();
    for (role, resource) in reads(config) {
        let whole = [""];
        let scopes = if resource.namespaced {
            namespaces.as_slice()
        } else {
            &whole
        };
        let list = seen.0.entry(resource.plural.to_string()).or_default();
        for namespace in scopes {
            let found = client.list(&resource, namespace, selector(config, role));
            list.extend(found.await?);
        }
    }
    Ok(seen)
}

/// The groups of targets: one for each, since their labels differ.
pub fn groups(config: &Value, seen: &Seen) -> Vec<Value> {
    let nodes = attaches_node(config);
    match config.get("role").and_then(Value::as_str) {
        Some("endpoints") => roles::endpoints(seen, nodes),
        Some("endpointslice") => roles::endpoint_slices(seen, nodes),
        Some("pod") => roles::pods(seen, nodes),
        Some("service") => roles::services(seen),
        Some("ingress") => roles::ingresses(seen),
        Some("node") => roles::nodes(seen),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
