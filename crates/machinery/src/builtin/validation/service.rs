//! Validation of services (`ValidateServiceCreate`, `ValidateServiceUpdate`).

mod addresses;

use std::collections::BTreeSet;

use self::addresses::{changes, cluster_ips};
use super::pod::{port_number_or_name, qualified_name};
use super::read::{At, Errors};
use super::{FieldError, meta, net};
use crate::names;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const FIXED: &str = "may not change once set";
const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// A new service; metadata is already checked. Cluster addresses and node ports are the server's to allocate.
pub fn create(service: &At<'_>, errors: &mut Errors) {
    validate(service, None, errors);
}

/// An updated service; metadata is already checked.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    changes(&spec, &old_spec, errors);
    load_balancer_class(&spec, Some(&old_spec), errors);
    let port = spec.child("healthCheckNodePort");
    if needs_health_check(&spec)
        && needs_health_check(&old_spec)
        && port.int() != old_spec.child("healthCheckNodePort").int()
    {
        errors.push(port.forbidden("field is immutable"));
    }
    validate(new, Some(&old_spec), errors);
}

/// What is looked at before addresses are allocated.
pub fn addresses(service: &At<'_>, errors: &mut Errors) {
    cluster_ips(&service.child("spec"), errors);
}

fn is_headless(spec: &At<'_>) -> bool {
    let ips = spec.child("clusterIPs").items();
    ips.len() == 1 && ips.iter().all(|ip| ip.text() == "None")
}

fn externally_accessible(spec: &At<'_>) -> bool {
    let kind = spec.child("type").text();
    matches!(kind, "LoadBalancer" | "NodePort")
        || kind == "ClusterIP" && !spec.child("externalIPs").is_empty()
}

fn needs_health_check(spec: &At<'_>) -> bool {
    spec.child("type").text() == "LoadBalancer"
        && spec.child("externalTrafficPolicy").text() == "Local"
}

fn validate(service: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let annotations = service.child("metadata").child("annotations");
    let (hints, mode) = (
        annotations.key("service.kubernetes.io/topology-aware-hints"),
        annotations.key("service.kubernetes.io/topology-mode"),
    );
    if hints.is_set() && mode.is_set() && hints.text() != mode.text() {
        let detail = "must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified";
        errors.push(mode.invalid(detail));
    }
    let spec = service.child("spec");
    let kind = spec.child("type");
    if spec.child("ports").is_empty() && !is_headless(&spec) && kind.text() != "ExternalName" {
        errors.push(spec.child("ports").required(""));
    }
    type_fields(&spec, errors);
    ports(&spec, errors);
    meta::labels(&spec.child("selector"), errors);
    session_affinity(&spec, errors);
    cluster_ips(&spec, errors);
    let known = old.map(|old| old.child("externalIPs").items());
    let known: BTreeSet<&str> = known.iter().flatten().map(At::text).collect();
    for ip in spec.child("externalIPs").items() {
        if known.contains(ip.text()) {
            continue;
        }
        let before = errors.len();
        net::legacy_ip(&ip, errors);
        if errors.len() == before {
            net::endpoint_ip(&ip, errors);
        }
    }
    kind.one_of(&TYPES, errors);
    port_numbers(&spec, errors);
    source_ranges(&spec, &annotations, old, errors);
    let allocate = spec.child("allocateLoadBalancerNodePorts");
    if allocate.is_set() && kind.text() != "LoadBalancer" {
        errors.push(allocate.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    if !allocate.is_set() && kind.text() == "LoadBalancer" {
        errors.push(FieldError::required("allocateLoadBalancerNodePorts", ""));
    }
    load_balancer_class(&spec, None, errors);
    traffic(&spec, errors);
}

fn type_fields(spec: &At<'_>, errors: &mut Errors) {
    match spec.child("type").text() {
        kind @ ("LoadBalancer" | "NodePort") if is_headless(spec) => {
            let first = FieldError::invalid(
                "spec.clusterIPs[0]",
                "None",
                format!("may not be set to 'None' for {kind} services"),
            );
            errors.push(first);
        }
        "ExternalName" => {
            for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let field = spec.child(key);
                if !field.is_empty() {
                    errors.push(field.forbidden("may not be set for ExternalName services"));
                }
            }
            let name = spec.child("externalName");
            let text = name.text().strip_suffix('.').unwrap_or(name.text());
            if text.is_empty() {
                errors.push(name.required(""));
            }
            for complaint in names::dns1123_subdomain(text)
                .into_iter()
                .filter(|_| !text.is_empty())
            {
                errors.push(name.invalid_as(text, complaint));
            }
        }
        _ => {}
    }
}

fn ports(spec: &At<'_>, errors: &mut Errors) {
    let ports = spec.child("ports").items();
    let mut seen = BTreeSet::new();
    for port in &ports {
        let (name, number) = (port.child("name"), port.child("port"));
        if !name.is_empty() {
            name.complain(names::dns1123_label(name.text()), errors);
            if !seen.insert(name.text()) {
                errors.push(name.duplicate());
            }
        } else if ports.len() > 1 {
            errors.push(name.required(""));
        }
        for complaint in names::port_number(number.int()) {
            errors.push(number.invalid_as(number.int(), complaint));
        }
        port.child("protocol").one_of(&PROTOCOLS, errors);
        port_number_or_name(&port.child("targetPort"), errors);
        if let Some(protocol) = port.child("appProtocol").set() {
            qualified_name(&protocol, errors);
        }
    }
}

fn session_affinity(spec: &At<'_>, errors: &mut Errors) {
    let (affinity, config) = (
        spec.child("sessionAffinity"),
        spec.child("sessionAffinityConfig"),
    );
    affinity.one_of(&["ClientIP", "None"], errors);
    match affinity.text() {
        "ClientIP" => {
            let client = config.child("clientIP");
            let timeout = client.child("timeoutSeconds");
            match [&config, &client, &timeout]
                .into_iter()
                .find(|at| !at.is_set())
            {
                Some(missing) => {
                    errors.push(missing.required("when session affinity type is ClientIP"));
                }
                None if !(1..=86400).contains(&timeout.int()) => {
                    errors.push(timeout.invalid("must be greater than 0 and less than 86400"));
                }
                None => {}
            }
        }
        "None" if config.is_set() => {
            errors.push(config.forbidden("must not be set when session affinity is None"));
        }
        _ => {}
    }
}

fn port_numbers(spec: &At<'_>, errors: &mut Errors) {
    let ports = spec.child("ports").items();
    if spec.child("type").text() == "ClusterIP" {
        for port in ports
            .iter()
            .map(|port| port.child("nodePort"))
            .filter(|port| port.int() != 0)
        {
            errors.push(port.forbidden("may not be used when `type` is 'ClusterIP'"));
        }
    }
    let mut seen = BTreeSet::new();
    for port in &ports {
        let node = port.child("nodePort");
        if node.int() != 0 && !seen.insert((port.child("protocol").text(), node.int())) {
            errors.push(node.duplicate());
        }
    }
    let mut seen = BTreeSet::new();
    for port in &ports {
        let (protocol, number) = (port.child("protocol").text(), port.child("port").int());
        if !seen.insert((protocol, number)) {
            let key = serde_json::json!({"protocol": protocol, "port": number});
            errors.push(FieldError::duplicate(
                port.path(),
                At::new("", &key).dump("core.ServicePort"),
            ));
        }
    }
}

fn source_ranges(spec: &At<'_>, annotations: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let ranges = spec
        .child("loadBalancerSourceRanges")
        .moved("spec.LoadBalancerSourceRanges");
    let annotation = annotations.key(RANGES);
    let used = if ranges.is_empty() {
        &annotation
    } else {
        &ranges
    };
    if !used.is_set() || used.is_empty() && ranges.is_empty() && !annotation.is_set() {
        return;
    }
    if spec.child("type").text() != "LoadBalancer" {
        errors.push(used.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    if ranges.is_empty() {
        for text in annotation
            .text()
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            net::legacy_cidr(&annotation, text, errors);
        }
        return;
    }
    let before = old
        .map(|old| old.child("loadBalancerSourceRanges").items())
        .unwrap_or_default();
    let before: BTreeSet<&str> = before.iter().map(|old| old.text().trim()).collect();
    for range in ranges.items() {
        let text = range.text().trim();
        if !before.contains(text) {
            net::legacy_cidr(&range, text, errors);
        }
    }
}

fn load_balancer_class(spec: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let class = spec.child("loadBalancerClass");
    let balances = |spec: &At<'_>| spec.child("type").text() == "LoadBalancer";
    if old.is_some_and(|old| {
        balances(old) && balances(spec) && old.child("loadBalancerClass").value() != class.value()
    }) {
        errors.push(class.invalid_as(class.dump("*string"), FIXED));
    }
    if !class.is_set() {
        return;
    }
    if balances(spec) {
        qualified_name(&class, errors);
    } else {
        errors.push(class.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
}

fn traffic(spec: &At<'_>, errors: &mut Errors) {
    let external = spec.child("externalTrafficPolicy");
    if externally_accessible(spec) {
        external.one_of(&["Cluster", "Local"], errors);
    } else if !external.is_empty() {
        errors.push(external.invalid("may only be set for externally-accessible services"));
    }
    let port = spec.child("healthCheckNodePort");
    if !needs_health_check(spec) {
        if port.int() != 0 {
            let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            errors.push(port.invalid(detail));
        }
    } else if port.int() == 0 {
        errors.push(port.required(""));
    } else {
        errors.extend(
            names::port_number(port.int())
                .into_iter()
                .map(|complaint| port.invalid(complaint)),
        );
    }
    let internal = spec.child("internalTrafficPolicy");
    if internal.is_set() {
        if !["Cluster", "Local"].contains(&internal.text()) {
            errors.push(internal.not_supported(&["Cluster", "Local"]));
        }
    } else if matches!(
        spec.child("type").text(),
        "NodePort" | "LoadBalancer" | "ClusterIP"
    ) {
        errors.push(internal.required(""));
    }
    let distribution = spec.child("trafficDistribution");
    let supported = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    if distribution.is_set() && !supported.contains(&distribution.text()) {
        errors.push(distribution.not_supported(&supported));
    }
}

/// `status.loadBalancer` of a service.
pub fn load_balancer_status(service: &At<'_>, errors: &mut Errors) {
    let ingress = service
        .child("status")
        .child("loadBalancer")
        .child("ingress");
    if service.child("spec").child("type").text() != "LoadBalancer" {
        if !ingress.is_empty() {
            errors.push(ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'"));
        }
        return;
    }
    for point in ingress.items() {
        let (ip, mode, hostname) = (
            point.child("ip"),
            point.child("ipMode"),
            point.child("hostname"),
        );
        if !ip.is_empty() {
            net::legacy_ip(&ip, errors);
        }
        match (mode.is_set(), ip.is_empty()) {
            (false, false) => errors.push(mode.required("must be specified when `ip` is set")),
            (true, true) => {
                errors.push(mode.forbidden("may not be specified when `ip` is not set"));
            }
            (true, false) if !["Proxy", "VIP"].contains(&mode.text()) => {
                errors.push(mode.not_supported(&["Proxy", "VIP"]));
            }
            (true | false, _) => {}
        }
        hostname_only(&hostname, errors);
    }
}

/// A name in DNS that is not an address.
pub fn hostname_only(hostname: &At<'_>, errors: &mut Errors) {
    if hostname.is_empty() {
        return;
    }
    hostname.complain(names::dns1123_subdomain(hostname.text()), errors);
    if net::parse_sloppy(hostname.text()).is_some() {
        errors.push(hostname.invalid("must be a DNS name, not an IP address"));
    }
}
