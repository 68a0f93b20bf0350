//! Validation of networking.k8s.io/v1 (`pkg/apis/networking/validation`).

use serde_json::Value;

use super::names::path_segment;
use super::read::{At, Errors};
use super::{FieldError, NameRule, meta, net, service};
use crate::names;

const CLASS: &str = "kubernetes.io/ingress.class";
const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const SUFFIXES: [&str; 2] = ["/..", "/."];

/// The rest of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    match kind {
        "Ingress" => {
            ingress(&spec, errors);
            let class = object.child("metadata").child("annotations").key(CLASS);
            let name = spec.child("ingressClassName");
            if class.is_set() && name.is_set() && class.text() != name.text() {
                let at = class.moved(format!("annotations.{CLASS}"));
                errors.push(at.invalid("must match `ingressClassName` when both are specified"));
            }
        }
        "IngressClass" => ingress_class(&spec, errors),
        "NetworkPolicy" => network_policy(&spec, None, errors),
        "IPAddress" => ip_address(&spec.child("parentRef"), errors),
        "ServiceCIDR" => service_cidrs(&spec.child("cidrs"), errors),
        _ => {}
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if kind == "IPAddress" {
        meta::builtin_create(new, NameRule::IpAddress, false, errors);
        create(kind, new, errors);
    }
    meta::builtin_update(new, old, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    match kind {
        "Ingress" => {
            meta::builtin_create(new, NameRule::Subdomain, true, errors);
            ingress(&spec, errors);
        }
        "IngressClass" => {
            spec.child("controller").immutable(
                old_spec.child("controller").value(),
                "string",
                errors,
            );
            meta::builtin_create(new, NameRule::Subdomain, false, errors);
            ingress_class(&spec, errors);
        }
        "NetworkPolicy" => network_policy(&spec, Some(&old_spec), errors),
        "IPAddress" => spec.child("parentRef").immutable(
            old_spec.child("parentRef").value(),
            "*networking.ParentReference",
            errors,
        ),
        "ServiceCIDR" => {
            let (cidrs, before) = (spec.child("cidrs"), old_spec.child("cidrs"));
            service_cidrs_update(&cidrs, &before, errors);
        }
        _ => {}
    }
}

/// What an address is for.
fn ip_address(parent: &At<'_>, errors: &mut Errors) {
    if !parent.is_set() {
        errors.push(parent.required(""));
        return;
    }
    let group = parent.child("group");
    if !group.is_empty() {
        group.complain(names::dns1123_subdomain(group.text()), errors);
    }
    for key in ["resource", "name", "namespace"] {
        let field = parent.child(key);
        if !field.is_empty() {
            field.complain(path_segment(field.text(), false), errors);
        } else if key != "namespace" {
            errors.push(field.required(""));
        }
    }
}

fn service_cidrs(cidrs: &At<'_>, errors: &mut Errors) {
    let items = cidrs.items();
    if items.is_empty() {
        errors.push(cidrs.required("at least one CIDR required"));
        return;
    }
    if items.len() > 2 {
        let spec = Value::Object(
            [("cidrs".to_owned(), cidrs.value().clone())]
                .into_iter()
                .collect(),
        );
        let shown = At::new("", &spec).dump("*networking.ServiceCIDRSpec");
        errors.push(cidrs.invalid_as(shown, "may only hold up to 2 values"));
        return;
    }
    for cidr in &items {
        net::strict_cidr(cidr, errors);
    }
    let families = items.iter().map(|cidr| net::family_of_cidr(cidr.text()));
    if let [Some(one), Some(other)] = families.collect::<Vec<_>>().as_slice()
        && one == other
    {
        errors.push(cidrs.invalid(
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        ));
    }
}

/// A second range may come, of the other family; none goes or changes.
fn service_cidrs_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (items, olds) = (new.items(), old.items());
    let changed = |errors: &mut Errors| {
        for (item, old) in items.iter().zip(&olds) {
            item.immutable(old.value(), "string", errors);
        }
    };
    match (olds.len(), items.len()) {
        (1, 2) => {
            changed(errors);
            service_cidrs(new, errors);
        }
        (before, now) if before == now => changed(errors),
        _ => errors.push(new.invalid_as(new.dump("[]string"), "field is immutable")),
    }
}

/// An update of an Ingress through `/status`.
pub fn ingress_status(new: &At<'_>, errors: &mut Errors) {
    for point in new
        .child("status")
        .child("loadBalancer")
        .child("ingress")
        .items()
    {
        if !point.child("ip").is_empty() {
            net::legacy_ip(&point.child("ip"), errors);
        }
        service::hostname_only(&point.child("hostname"), errors);
    }
}

fn ingress(spec: &At<'_>, errors: &mut Errors) {
    let (rules, backend) = (spec.child("rules"), spec.child("defaultBackend"));
    if rules.is_empty() && !backend.is_set() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(spec.invalid_as(rules.dump("[]networking.IngressRule"), detail));
    }
    if backend.is_set() {
        self::backend(&backend, errors);
    }
    for rule in rules.items() {
        host(&rule.child("host"), errors);
        if let Some(http) = rule.child("http").set() {
            let paths = http.child("paths");
            if paths.is_empty() {
                errors.push(paths.required(""));
            }
            for path in paths.items() {
                ingress_path(&path, errors);
            }
        }
    }
    for tls in spec.child("tls").items() {
        for host in tls.child("hosts").items() {
            dns_name(&host, errors);
        }
        let secret = tls.child("secretName");
        if !secret.is_empty() {
            secret.complain(names::dns1123_subdomain(secret.text()), errors);
        }
    }
    if let Some(class) = spec.child("ingressClassName").set() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
}

fn host(host: &At<'_>, errors: &mut Errors) {
    if host.is_empty() {
        return;
    }
    if net::parse_sloppy(host.text()).is_some() {
        errors.push(host.invalid("must be a DNS name, not an IP address"));
    }
    dns_name(host, errors);
}

fn dns_name(host: &At<'_>, errors: &mut Errors) {
    let complaints = if host.text().contains('*') {
        names::wildcard_dns1123_subdomain(host.text())
    } else {
        names::dns1123_subdomain(host.text())
    };
    host.complain(complaints, errors);
}

fn ingress_path(path: &At<'_>, errors: &mut Errors) {
    let (kind, text) = (path.child("pathType"), path.child("path"));
    if !kind.is_set() {
        errors.push(kind.required("pathType must be specified"));
        return;
    }
    let absolute = text.text().starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if !absolute {
                errors.push(text.invalid_as(text.text(), "must be an absolute path"));
            }
            for part in SEQUENCES
                .into_iter()
                .filter(|part| text.text().contains(part))
            {
                errors.push(text.invalid(format!("must not contain '{part}'")));
            }
            for part in SUFFIXES
                .into_iter()
                .filter(|part| text.text().ends_with(part))
            {
                errors.push(text.invalid(format!("cannot end with '{part}'")));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !absolute {
                errors.push(text.invalid("must be an absolute path"));
            }
        }
        _ => errors.push(kind.not_supported(&["Exact", "ImplementationSpecific", "Prefix"])),
    }
    backend(&path.child("backend"), errors);
}

fn backend(backend: &At<'_>, errors: &mut Errors) {
    let (resource, service) = (backend.child("resource"), backend.child("service"));
    match (resource.is_set(), service.is_set()) {
        (true, true) => {
            errors.push(backend.invalid_as("", "cannot set both resource and service backends"));
        }
        (true, false) => reference(&resource, errors),
        (false, true) => service_backend(backend, &service, errors),
        (false, false) => {
            errors.push(backend.invalid_as("", "resource or service backend is required"));
        }
    }
}

fn service_backend(backend: &At<'_>, service: &At<'_>, errors: &mut Errors) {
    let name = service.child("name");
    if name.is_empty() {
        errors.push(name.required(""));
    } else {
        name.complain(names::dns1123_label(name.text()), errors);
    }
    let (port_name, number) = (
        service.child("port").child("name"),
        service.child("port").child("number"),
    );
    match (!port_name.is_empty(), number.int() != 0) {
        (true, true) => {
            errors.push(backend.invalid_as("", "cannot set both port name & port number"));
        }
        (true, false) => port_name.complain(names::port_name(port_name.text()), errors),
        (false, true) => {
            errors.extend(
                names::port_number(number.int())
                    .into_iter()
                    .map(|complaint| number.invalid(complaint)),
            );
        }
        (false, false) => errors.push(backend.required("port name or number is required")),
    }
}

/// Group, kind and name of a referenced object.
fn reference(reference: &At<'_>, errors: &mut Errors) {
    if let Some(group) = reference.child("apiGroup").set() {
        group.complain(names::dns1123_subdomain(group.text()), errors);
    }
    for key in ["kind", "name"] {
        let field = reference.child(key);
        if field.is_empty() {
            errors.push(field.required(""));
        } else {
            field.complain(path_segment(field.text(), false), errors);
        }
    }
}

fn ingress_class(spec: &At<'_>, errors: &mut Errors) {
    let controller = spec.child("controller");
    if controller.text().len() > 250 {
        errors.push(FieldError::too_long(controller.path(), 250));
    }
    super::batch::domain_path(&controller, errors);
    let Some(parameters) = spec.child("parameters").set() else {
        return;
    };
    reference(&parameters, errors);
    let (scope, namespace) = (parameters.child("scope"), parameters.child("namespace"));
    match scope.text() {
        "Namespace" if !namespace.is_set() => {
            errors.push(namespace.required("`parameters.scope` is set to 'Namespace'"));
        }
        "Namespace" => namespace.complain(names::dns1123_label(namespace.text()), errors),
        "Cluster" if namespace.is_set() => {
            errors.push(namespace.forbidden("`parameters.scope` is set to 'Cluster'"));
        }
        "Cluster" => {}
        _ if !scope.is_set() => errors.push(scope.required("")),
        _ => errors.push(scope.not_supported(&["Cluster", "Namespace"])),
    }
}

fn network_policy(spec: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    meta::label_selector(&spec.child("podSelector"), errors);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.child(direction).items() {
            for port in rule.child("ports").items() {
                policy_port(&port, errors);
            }
            for peer in rule.child(peers).items() {
                policy_peer(&peer, old, errors);
            }
        }
    }
    let types = spec.child("policyTypes");
    if types.items().len() > 2 {
        errors.push(types.invalid("may not specify more than two policyTypes"));
        return;
    }
    for kind in types.items() {
        if !["Ingress", "Egress"].contains(&kind.text()) {
            errors.push(kind.not_supported(&["Ingress", "Egress"]));
        }
    }
}

fn policy_port(port: &At<'_>, errors: &mut Errors) {
    let (protocol, number, end) = (
        port.child("protocol"),
        port.child("port"),
        port.child("endPort"),
    );
    if protocol.is_set() && !["TCP", "UDP", "SCTP"].contains(&protocol.text()) {
        errors.push(protocol.not_supported(&["TCP", "UDP", "SCTP"]));
    }
    if number.value().is_string() {
        if end.is_set() {
            errors.push(end.invalid("may not be specified when `port` is non-numeric"));
        }
        number.complain(names::port_name(number.text()), errors);
    } else if number.is_set() {
        errors.extend(
            names::port_number(number.int())
                .into_iter()
                .map(|complaint| number.invalid(complaint)),
        );
        if end.is_set() {
            if end.int() < number.int() {
                errors
                    .push(end.invalid_as(number.int(), "must be greater than or equal to `port`"));
            }
            errors.extend(
                names::port_number(end.int())
                    .into_iter()
                    .map(|complaint| end.invalid(complaint)),
            );
        }
    } else if end.is_set() {
        errors.push(end.invalid("may not be specified when `port` is not specified"));
    }
}

fn policy_peer(peer: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let mut peers = 0;
    for key in ["podSelector", "namespaceSelector"] {
        if let Some(selector) = peer.child(key).set() {
            peers += 1;
            meta::label_selector(&selector, errors);
        }
    }
    let block = peer.child("ipBlock");
    if block.is_set() {
        peers += 1;
        ip_block(&block, old, errors);
    }
    if peers == 0 {
        errors.push(peer.required("must specify a peer"));
    } else if peers > 1 && block.is_set() {
        errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
    }
}

/// CIDRs that the old policy had already stay allowed.
fn ip_block(block: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let known = old.map(|old| old.value().to_string()).unwrap_or_default();
    let check = |at: &At<'_>, errors: &mut Errors| {
        if !known.contains(&format!("\"{}\"", at.text())) {
            net::legacy_cidr(at, at.text(), errors);
        }
    };
    let cidr = block.child("cidr");
    if cidr.is_empty() {
        errors.push(cidr.required(""));
        return;
    }
    check(&cidr, errors);
    if net::is_strict_subset(cidr.text(), cidr.text()).is_none() {
        return;
    }
    for except in block.child("except").items() {
        check(&except, errors);
        if net::is_strict_subset(except.text(), cidr.text()) == Some(false) {
            errors.push(except.invalid("must be a strict subset of `cidr`"));
        }
    }
}
