//! Addresses and node ports of Services (`pkg/registry/core/service/storage/alloc.go`).

use std::collections::BTreeSet;

use machinery::builtin::strategy::service;
use machinery::builtin::validation::FieldError;
use machinery::meta;
use serde_json::{Map, Value, json};

use super::ApiServer;
use super::registry::Served;
use super::resource::known;
use crate::status_error::ApiError;

/// First three bytes of all service addresses: 10.96.0.0/16, of which the low half is handed out.
const RANGE: &str = "10.96";
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

impl ApiServer {
    /// Gives a Service what it lacks.
    pub(crate) fn allocate(
        &self,
        served: &Served,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        if served.resource != known::SERVICES {
            return Ok(());
        }
        let name = meta::name(object).to_owned();
        let own = old.map(meta::uid).unwrap_or_default().to_owned();
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let mut errors = check_families(spec);
        if service::needs_cluster_ip(spec) {
            self.allocate_address(spec, &own, &mut errors);
        }
        let used = self.used(&own, "/spec/ports", "nodePort");
        allocate_ports(spec, used, &mut errors);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(&served.resource, &name, &errors))
        }
    }

    fn services(&self) -> impl Iterator<Item = &Value> {
        self.objects_of("/services")
    }

    fn used(&self, own: &str, list: &str, field: &str) -> BTreeSet<i64> {
        let others = self.services().filter(|service| meta::uid(service) != own);
        let ports = others
            .filter_map(|service| service.pointer(list).and_then(Value::as_array))
            .flatten();
        ports
            .filter_map(|port| port.get(field).and_then(Value::as_i64))
            .collect()
    }

    fn allocate_address(
        &self,
        spec: &mut Map<String, Value>,
        own: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let wanted = spec
            .get("clusterIP")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if !wanted.is_empty() {
            if wanted != "None" && !in_range(&wanted) && !own_address(self, own, &wanted) {
                let list = json!([wanted]);
                let text = format!(
                    "failed to allocate IP {wanted}: the provided network does not match the current range"
                );
                errors.push(FieldError::invalid("spec.clusterIPs", &list, text));
            }
            let taken = wanted != "None"
                && self.services().any(|service| {
                    meta::uid(service) != own
                        && service.pointer("/spec/clusterIP").and_then(Value::as_str)
                            == Some(wanted.as_str())
                });
            if taken {
                let list = json!([wanted]);
                let text =
                    format!("failed to allocate IP {wanted}: provided IP is already allocated");
                errors.push(FieldError::invalid("spec.clusterIPs", &list, text));
            }
            families(spec, wanted == "None");
            return;
        }
        let used: BTreeSet<String> = self
            .services()
            .filter_map(|service| service.pointer("/spec/clusterIP").and_then(Value::as_str))
            .map(str::to_owned)
            .collect();
        let free = (1..=255_u16)
            .flat_map(|third| (1..=254_u16).map(move |fourth| (third, fourth)))
            .map(|(third, fourth)| format!("{RANGE}.{third}.{fourth}"))
            .find(|address| !used.contains(address));
        let Some(address) = free else {
            errors.push(FieldError::invalid(
                "spec.clusterIPs",
                &json!([]),
                "failed to allocate a serviceIP: range is full",
            ));
            return;
        };
        spec.insert("clusterIP".to_owned(), json!(address));
        spec.insert("clusterIPs".to_owned(), json!([address]));
        families(spec, false);
    }
}

/// Whether an address can be handed out.
fn in_range(address: &str) -> bool {
    address
        .strip_prefix(RANGE)
        .is_some_and(|rest| rest.starts_with('.'))
}

fn own_address(api: &ApiServer, own: &str, address: &str) -> bool {
    api.services().any(|service| {
        meta::uid(service) == own
            && service.pointer("/spec/clusterIP").and_then(Value::as_str) == Some(address)
    })
}

fn has_selector(spec: &Map<String, Value>) -> bool {
    let selector = spec.get("selector").and_then(Value::as_object);
    selector.is_some_and(|selector| !selector.is_empty())
}

/// The address families of a Service in a cluster with IPv4 only.
fn families(spec: &mut Map<String, Value>, headless: bool) {
    let both = headless && !has_selector(spec);
    if !spec.contains_key("ipFamilies") {
        spec.insert("ipFamilies".to_owned(), json!(["IPv4"]));
    }
    let policy = if both {
        "RequireDualStack"
    } else {
        "SingleStack"
    };
    if both && spec.get("ipFamilies") == Some(&json!(["IPv4"])) {
        spec.insert("ipFamilies".to_owned(), json!(["IPv4", "IPv6"]));
    }
    spec.entry("ipFamilyPolicy")
        .or_insert_with(|| json!(policy));
}

/// The cluster has IPv4 alone; a Service without a selector may claim both families all the same.
fn check_families(spec: &Map<String, Value>) -> Vec<FieldError> {
    let headless = spec.get("clusterIP") == Some(&json!("None"));
    if headless && !has_selector(spec) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if spec.get("ipFamilyPolicy") == Some(&json!("RequireDualStack")) {
        let text = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            &json!("RequireDualStack"),
            text.to_owned(),
        ));
    }
    let families = spec.get("ipFamilies").and_then(Value::as_array);
    for (index, family) in families.into_iter().flatten().enumerate() {
        if family == "IPv6" {
            let path = format!("spec.ipFamilies[{index}]");
            let text = "not configured on this cluster".to_owned();
            errors.push(FieldError::invalid(path, family, text));
        }
    }
    errors
}

fn allocate_ports(
    spec: &mut Map<String, Value>,
    mut used: BTreeSet<i64>,
    errors: &mut Vec<FieldError>,
) {
    let needs = service::needs_node_port(spec)
        && spec
            .get("allocateLoadBalancerNodePorts")
            .and_then(Value::as_bool)
            .unwrap_or(true);
    let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut) else {
        return;
    };
    for (index, port) in ports.iter().enumerate() {
        let wanted = port.get("nodePort").and_then(Value::as_i64).unwrap_or(0);
        if wanted != 0 && !NODE_PORTS.contains(&wanted) {
            let field = format!("spec.ports[{index}].nodePort");
            let text =
                "provided port is not in the valid range. The range of valid ports is 30000-32767";
            errors.push(FieldError::invalid(field, wanted, text));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        if let Some(wanted) = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|port| used.contains(port))
        {
            let field = format!("spec.ports[{index}].nodePort");
            errors.push(FieldError::invalid(
                field,
                wanted,
                "provided port is already allocated",
            ));
        }
    }
    used.extend(
        ports
            .iter()
            .filter_map(|port| port.get("nodePort").and_then(Value::as_i64)),
    );
    if !needs {
        return;
    }
    for port in ports.iter_mut() {
        let missing = port.get("nodePort").and_then(Value::as_i64).unwrap_or(0) == 0;
        if let (true, Some(fields)) = (missing, port.as_object_mut())
            && let Some(free) = NODE_PORTS.into_iter().find(|free| !used.contains(free))
        {
            used.insert(free);
            fields.insert("nodePort".to_owned(), json!(free));
        }
    }
}
