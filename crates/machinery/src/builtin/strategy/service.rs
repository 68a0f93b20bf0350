//! Services: fields that follow from others (`pkg/registry/core/service/strategy.go`, `storage/storage.go`). Allocation
//! of cluster addresses and node ports needs all services and is the server's.

use serde_json::{Map, Value, json};

use crate::builtin::edit::{each, text};

type Object = Map<String, Value>;

/// An update through the main endpoint, before anything is allocated: what was allocated and the client left out comes
/// back, `clusterIP` and `clusterIPs` follow each other.
pub fn take_over(new: &mut Object, old: &Object) {
    patch_allocated(new, old);
    sync_cluster_ips(new, Some(old));
}

/// Whether a service of this spec has a cluster address (`None` counts).
#[must_use]
pub fn needs_cluster_ip(spec: &Object) -> bool {
    text(spec, "type") != "ExternalName"
}

/// Whether the ports of a service of this spec have node ports.
#[must_use]
pub fn needs_node_port(spec: &Object) -> bool {
    matches!(text(spec, "type"), "NodePort" | "LoadBalancer")
}

/// Whether a service of this spec has a health check node port.
#[must_use]
pub fn needs_health_check_port(spec: &Object) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn externally_accessible(spec: &Object) -> bool {
    let kind = text(spec, "type");
    let external = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|ips| !ips.is_empty());
    matches!(kind, "LoadBalancer" | "NodePort") || (kind == "ClusterIP" && external)
}

fn specs<'a>(new: &'a mut Object, old: &'a Object) -> Option<(&'a mut Object, &'a Object)> {
    Some((
        new.get_mut("spec")?.as_object_mut()?,
        old.get("spec")?.as_object()?,
    ))
}

/// An update through the main endpoint, once everything is allocated: values that only the old type needs go.
pub(super) fn drop_type_dependent(new: &mut Object, old: &Object) {
    let Some((spec, old_spec)) = specs(new, old) else {
        return;
    };
    let same = |spec: &Object, key: &str| spec.get(key) == old_spec.get(key);
    let mut gone = Vec::new();
    if needs_cluster_ip(old_spec) && !needs_cluster_ip(spec) {
        if same(spec, "clusterIP") && same(spec, "clusterIPs") {
            gone.extend(["clusterIP", "clusterIPs"]);
        }
        gone.extend(
            ["ipFamilies", "ipFamilyPolicy"]
                .into_iter()
                .filter(|key| same(spec, key)),
        );
    }
    if needs_health_check_port(old_spec)
        && !needs_health_check_port(spec)
        && same(spec, "healthCheckNodePort")
    {
        gone.push("healthCheckNodePort");
    }
    if text(old_spec, "type") == "LoadBalancer" && text(spec, "type") != "LoadBalancer" {
        let keys = ["allocateLoadBalancerNodePorts", "loadBalancerClass"];
        gone.extend(keys.into_iter().filter(|key| same(spec, key)));
    }
    if externally_accessible(old_spec)
        && !externally_accessible(spec)
        && same(spec, "externalTrafficPolicy")
    {
        gone.push("externalTrafficPolicy");
    }
    for key in gone {
        spec.remove(key);
    }
    if needs_node_port(old_spec) && !needs_node_port(spec) {
        let old_ports = node_ports(old_spec);
        if node_ports(spec).iter().all(|port| old_ports.contains(port)) {
            each(spec, "ports", |port| {
                port.remove("nodePort");
            });
        }
    }
    if text(spec, "type") != "LoadBalancer"
        && let Some(status) = new.get_mut("status").and_then(Value::as_object_mut)
    {
        status.insert("loadBalancer".to_owned(), json!({}));
    }
}

fn patch_allocated(new: &mut Object, old: &Object) {
    let Some((spec, old_spec)) = specs(new, old) else {
        return;
    };
    if needs_cluster_ip(old_spec) && needs_cluster_ip(spec) {
        if text(spec, "clusterIP").is_empty() {
            super::keep(spec, old_spec, "clusterIP");
        }
        if list(spec, "clusterIPs").is_empty() && !list(old_spec, "clusterIPs").is_empty() {
            super::keep(spec, old_spec, "clusterIPs");
        }
    }
    if needs_node_port(old_spec) && needs_node_port(spec) {
        let taken = node_ports(spec);
        each(spec, "ports", |port| {
            if node_port(port) != 0 {
                return;
            }
            let before = list(old_spec, "ports")
                .iter()
                .rev()
                .find(|old| name(old) == text(port, "name"));
            let number = before.and_then(Value::as_object).map_or(0, node_port);
            if number != 0 && !taken.contains(&number) {
                port.insert("nodePort".to_owned(), number.into());
            }
        });
    }
    if needs_health_check_port(old_spec) && needs_health_check_port(spec) {
        let unset = spec
            .get("healthCheckNodePort")
            .and_then(Value::as_i64)
            .unwrap_or_default()
            == 0;
        if unset {
            super::keep(spec, old_spec, "healthCheckNodePort");
        }
    }
}

/// Keeps `clusterIP` the first of `clusterIPs` for clients that know only one of them.
pub fn sync_cluster_ips(new: &mut Object, old: Option<&Object>) {
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let single = text(spec, "clusterIP").to_owned();
    let Some(old_spec) = old
        .and_then(|old| old.get("spec"))
        .and_then(Value::as_object)
    else {
        if !single.is_empty() && list(spec, "clusterIPs").is_empty() {
            spec.insert("clusterIPs".to_owned(), json!([single]));
        }
        return;
    };
    let old_single = text(old_spec, "clusterIP");
    if !list(old_spec, "clusterIPs").is_empty()
        && list(spec, "clusterIPs").is_empty()
        && single == old_single
    {
        super::keep(spec, old_spec, "clusterIPs");
    }
    if single != old_single && list(spec, "clusterIPs") == list(old_spec, "clusterIPs") {
        if !old_single.is_empty() && single.is_empty() {
            spec.remove("clusterIPs");
        } else {
            spec.insert("clusterIPs".to_owned(), json!([single]));
        }
    }
}

fn list<'a>(object: &'a Object, key: &str) -> &'a [Value] {
    object
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn name(port: &Value) -> &str {
    port.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn node_port(port: &Object) -> i64 {
    port.get("nodePort")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn node_ports(spec: &Object) -> Vec<i64> {
    list(spec, "ports")
        .iter()
        .filter_map(Value::as_object)
        .map(node_port)
        .filter(|port| *port != 0)
        .collect()
}
