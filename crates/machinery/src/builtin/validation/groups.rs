//! Validation of the small groups: coordination, discovery, scheduling and node.

use std::collections::BTreeSet;

use super::pod::{container_resource_name, qualified_name, quantity_value, tolerations};
use super::read::{At, Errors, same};
use super::{FieldError, NameRule, admission, meta, net};
use crate::names;

const MAX_PRIORITY: i64 = 1_000_000_000;

/// The rest of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    match kind {
        "Lease" => lease(&object.child("spec"), errors),
        "EndpointSlice" => endpoint_slice(object, None, errors),
        "PriorityClass" => priority_class(object, errors),
        "RuntimeClass" => runtime_class(object, errors),
        _ => admission::configuration(kind, object, errors),
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, namespaced: bool, errors: &mut Errors) {
    if kind == "EndpointSlice" {
        meta::builtin_create(new, NameRule::Subdomain, true, errors);
        endpoint_slice(new, Some(old), errors);
        new.child("addressType")
            .immutable(old.child("addressType").value(), "string", errors);
        return;
    }
    if kind == "RuntimeClass" {
        meta::builtin_create(new, NameRule::Subdomain, namespaced, errors);
        create(kind, new, errors);
    }
    meta::builtin_update(new, old, errors);
    let fixed = |key: &str, go_type: &str, errors: &mut Errors| {
        new.child(key)
            .immutable(old.child(key).value(), go_type, errors);
    };
    match kind {
        "Lease" => lease(&new.child("spec"), errors),
        "PriorityClass" => {
            if new.child("value").int() != old.child("value").int() {
                errors.push(
                    new.child("value")
                        .forbidden("may not be changed in an update."),
                );
            }
            fixed("preemptionPolicy", "*string", errors);
        }
        "RuntimeClass" => fixed("handler", "string", errors),
        _ => admission::configuration(kind, new, errors),
    }
}

fn lease(spec: &At<'_>, errors: &mut Errors) {
    let (duration, transitions) = (
        spec.child("leaseDurationSeconds"),
        spec.child("leaseTransitions"),
    );
    if duration.is_set() && duration.int() <= 0 {
        errors.push(duration.invalid("must be greater than 0"));
    }
    if transitions.int() < 0 {
        errors.push(transitions.invalid("must be greater than or equal to 0"));
    }
    let (strategy, holder) = (spec.child("strategy"), spec.child("preferredHolder"));
    if strategy.is_set() {
        lease_strategy(&strategy, errors);
    }
    if !holder.is_empty() && strategy.is_empty() {
        errors.push(holder.forbidden("may only be specified if `strategy` is defined"));
    }
}

/// A known name, or somebody's with a domain; the path has its last part twice.
fn lease_strategy(strategy: &At<'_>, errors: &mut Errors) {
    let at = strategy.moved(strategy.path_of("strategy"));
    if at.text().contains('/') {
        at.complain(names::label_key(at.text()), errors);
    } else if at.text() != "OldestEmulationVersion" {
        errors.push(at.not_supported(&["OldestEmulationVersion"]));
    }
}

fn endpoint_slice(slice: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let kind = slice.child("addressType");
    kind.one_of(&["FQDN", "IPv4", "IPv6"], errors);
    slice_ports(&slice.child("ports"), errors);
    let endpoints = slice.child("endpoints");
    if old.is_some_and(|old| same(old.child("endpoints").value(), endpoints.value())) {
        return;
    }
    let items = endpoints.items();
    if items.len() > 1000 {
        errors.push(FieldError::too_many(endpoints.path(), items.len(), 1000));
        return;
    }
    for endpoint in items {
        self::endpoint(&endpoint, kind.text(), errors);
    }
}

fn endpoint(endpoint: &At<'_>, kind: &str, errors: &mut Errors) {
    let addresses = endpoint.child("addresses");
    let items = addresses.items();
    if items.is_empty() {
        errors.push(addresses.required("must contain at least 1 address"));
    } else if items.len() > 100 {
        errors.push(FieldError::too_many(addresses.path(), items.len(), 100));
    }
    for address in items {
        slice_address(&addresses, &address, kind, errors);
    }
    if let Some(node) = endpoint.child("nodeName").set() {
        node.complain(names::dns1123_subdomain(node.text()), errors);
    }
    let topology = endpoint.child("deprecatedTopology");
    let count = topology.entries().len();
    if count > 16 {
        errors.push(FieldError::too_many(topology.path(), count, 16));
    }
    meta::labels(&topology, errors);
    if let Some(hostname) = endpoint.child("hostname").set() {
        hostname.complain(names::dns1123_label(hostname.text()), errors);
    }
    let hints = endpoint.child("hints");
    for (list, rule) in [
        ("forZones", names::label_value as fn(&str) -> Vec<String>),
        ("forNodes", names::dns1123_subdomain),
    ] {
        let list = hints.child(list);
        let items = list.items();
        if items.len() > 8 {
            errors.push(FieldError::too_many(list.path(), items.len(), 8));
            return;
        }
        let mut seen = BTreeSet::new();
        for name in items.iter().map(|item| item.child("name")) {
            if !seen.insert(name.text()) {
                errors.push(name.duplicate());
            }
            name.complain(rule(name.text()), errors);
        }
    }
}

fn slice_address(list: &At<'_>, address: &At<'_>, kind: &str, errors: &mut Errors) {
    let before = errors.len();
    match kind {
        "IPv4" => net::legacy_ip(address, errors),
        "IPv6" => net::strict_ip(address, errors),
        "FQDN" => {
            fully_qualified(address, errors);
            return;
        }
        _ => return,
    }
    if errors.len() > before {
        return;
    }
    let six = address.text().contains(':');
    if six != (kind == "IPv6") {
        errors.push(list.invalid_as(address.text(), format!("must be an {kind} address")));
    }
    net::endpoint_ip(address, errors);
}

fn fully_qualified(address: &At<'_>, errors: &mut Errors) {
    if address.is_empty() {
        errors.push(address.required(""));
        return;
    }
    let text = address.text().strip_suffix('.').unwrap_or(address.text());
    let complaints = names::dns1123_subdomain(text);
    if !complaints.is_empty() {
        errors.push(address.invalid_as(text, complaints.join(",")));
        return;
    }
    if text.split('.').count() < 2 {
        errors.push(address.invalid_as(
            text,
            "should be a domain with at least two segments separated by dots",
        ));
        return;
    }
    for label in text.split('.') {
        let complaints = names::dns1123_label(label);
        if !complaints.is_empty() {
            errors.push(address.invalid_as(text, complaints.join(",")));
        }
    }
}

fn slice_ports(ports: &At<'_>, errors: &mut Errors) {
    let items = ports.items();
    if items.len() > 20_000 {
        errors.push(FieldError::too_many(ports.path(), items.len(), 20_000));
        return;
    }
    let mut seen = BTreeSet::new();
    for port in items {
        let name = port.child("name");
        if !name.is_empty() {
            name.complain(names::dns1123_label(name.text()), errors);
        }
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let protocol = port.child("protocol");
        if !protocol.is_set() {
            errors.push(protocol.required(""));
        } else if !["SCTP", "TCP", "UDP"].contains(&protocol.text()) {
            errors.push(protocol.not_supported(&["SCTP", "TCP", "UDP"]));
        }
        if let Some(protocol) = port.child("appProtocol").set() {
            qualified_name(&protocol, errors);
        }
    }
}

fn priority_class(class: &At<'_>, errors: &mut Errors) {
    let (name, value) = (class.child("metadata").child("name"), class.child("value"));
    if name.text().starts_with("system-") {
        let expected = match name.text() {
            "system-node-critical" => Some(2_000_001_000),
            "system-cluster-critical" => Some(2_000_000_000),
            _ => None,
        };
        let error = match expected {
            None => format!("{} is not a known system priority class", name.text()),
            Some(expected) if value.int() != expected => {
                format!("value of {} PriorityClass must be {expected}", name.text())
            }
            Some(_) if class.child("globalDefault").is_true() => {
                format!(
                    "globalDefault of {} PriorityClass must be false",
                    name.text()
                )
            }
            Some(_) => String::new(),
        };
        if !error.is_empty() {
            let detail = "priority class names with 'system-' prefix are reserved for system use only. error: ";
            errors.push(name.forbidden(format!("{detail}{error}")));
        }
    } else if value.int() > MAX_PRIORITY {
        errors.push(value.forbidden(format!(
            "maximum allowed value of a user defined priority is {MAX_PRIORITY}"
        )));
    }
    if let Some(policy) = class.child("preemptionPolicy").set() {
        policy.one_of(&["PreemptLowerPriority", "Never"], errors);
    }
}

fn runtime_class(class: &At<'_>, errors: &mut Errors) {
    let handler = class.child("handler");
    if handler.is_empty() {
        errors.push(handler.required(""));
    } else {
        handler.complain(names::dns1123_label(handler.text()), errors);
    }
    let overhead = class.child("overhead");
    for (name, quantity) in overhead.child("podFixed").entries() {
        let at = quantity.moved(format!("overhead.limits[{name}]"));
        container_resource_name(name, &at, errors);
        quantity_value(name, &at, errors);
    }
    let scheduling = class.child("scheduling");
    meta::labels(&scheduling.child("nodeSelector"), errors);
    let list = scheduling.child("tolerations");
    tolerations(&list, errors);
    let mut seen = BTreeSet::new();
    for one in list.items() {
        if !seen.insert(["key", "operator", "value", "effect"].map(|key| one.child(key).text())) {
            let shown = one.dump("core.Toleration");
            errors.push(FieldError::duplicate(one.path(), shown));
        }
    }
}
