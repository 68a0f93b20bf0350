//! The pod spec: what is not containers, volumes, scheduling or security.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::{
    Context, affinity, all_containers, containers, resources, scheduling, security, volumes,
    windows,
};
use crate::builtin::validation::meta;
use crate::builtin::validation::net;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{Allowance, FieldError};
use crate::names;

/// A pod spec; `metadata` is given for pods, not for templates.
pub fn spec(spec: &At<'_>, metadata: Option<&At<'_>>, errors: &mut Errors) {
    let grace = spec.child("terminationGracePeriodSeconds");
    if !grace.is_set() {
        errors.push(grace.required(""));
    }
    let volumes = volumes::volumes(&spec.child("volumes"), metadata, errors);
    let claims = spec.child("resourceClaims");
    let context = Context {
        spec: spec.clone(),
        volumes,
        claims: claims
            .items()
            .iter()
            .map(|claim| claim.child("name").text())
            .filter(|name| !name.is_empty())
            .collect(),
        shown_claims: OnceCell::new(),
        allowance: Allowance::default(),
        grace: grace.value().as_i64(),
        host_users: spec.child("hostUsers").value().as_bool().unwrap_or(true),
    };
    resource_claims(&claims, errors);
    containers::regular(&context, errors);
    containers::init(&context, errors);
    containers::ephemeral(&context, errors);
    resources::pod_level(&context, errors);
    host_network_ports(spec, metadata.is_some(), errors);
    spec.child("restartPolicy")
        .one_of(&["Always", "OnFailure", "Never"], errors);
    spec.child("dnsPolicy").one_of(
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        errors,
    );
    meta::labels(&spec.child("nodeSelector"), errors);
    security::pod(spec, errors);
    affinity::affinity(&spec.child("affinity"), errors);
    dns_config(spec, errors);
    for gate in spec.child("readinessGates").items() {
        qualified_name(&gate.child("conditionType"), errors);
    }
    scheduling::gates(&spec.child("schedulingGates"), errors);
    scheduling::spread(&spec.child("topologySpreadConstraints"), errors);
    windows::host_process(spec, errors);
    security::host_users(&context, errors);
    hostname_override(spec, errors);
    names_and_limits(spec, errors);
    file_key_volumes(spec, errors);
}

fn names_and_limits(spec: &At<'_>, errors: &mut Errors) {
    for key in ["serviceAccountName", "nodeName"] {
        if let Some(name) = spec.child(key).set().filter(|name| !name.is_empty()) {
            name.complain(names::dns1123_subdomain(name.text()), errors);
        }
    }
    let deadline = spec.child("activeDeadlineSeconds");
    if deadline.is_set() && !(1..=i64::from(i32::MAX)).contains(&deadline.int()) {
        errors.push(deadline.invalid("must be between 1 and 2147483647, inclusive"));
    }
    for key in ["hostname", "subdomain"] {
        let name = spec.child(key);
        if !name.is_empty() {
            name.complain(names::dns1123_label(name.text()), errors);
        }
    }
    scheduling::tolerations(&spec.child("tolerations"), errors);
    for alias in spec.child("hostAliases").items() {
        net::legacy_ip(&alias.child("ip"), errors);
        for hostname in alias.child("hostnames").items() {
            hostname.complain(names::dns1123_subdomain(hostname.text()), errors);
        }
    }
    let class = spec.child("priorityClassName");
    if !class.is_empty() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
    if let Some(class) = spec.child("runtimeClassName").set() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
    if let Some(policy) = spec.child("preemptionPolicy").set() {
        policy.one_of(&["PreemptLowerPriority", "Never"], errors);
    }
    if let Some(overhead) = spec.child("overhead").set() {
        resources::limits_only(&overhead, errors);
    }
    if let Some(os) = spec.child("os").set() {
        match os.child("name").text() {
            "linux" => linux(spec, errors),
            "windows" => windows::pod(spec, errors),
            "" => errors.push(os.child("name").required("")),
            other => errors.push(FieldError::not_supported(
                os.path(),
                other,
                &["linux", "windows"],
            )),
        }
    }
}

fn linux(spec: &At<'_>, errors: &mut Errors) {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers = lists.iter().flat_map(|list| spec.child(list).items());
    for holder in std::iter::once(spec.moved(spec.path())).chain(containers) {
        let options = holder.child("securityContext").child("windowsOptions");
        if options.is_set() {
            errors.push(options.forbidden("windows options cannot be set for a linux pod"));
        }
    }
}

/// With host networking, ports of a pod must be the node's own.
fn host_network_ports(spec: &At<'_>, is_pod: bool, errors: &mut Errors) {
    if !spec.child("hostNetwork").is_true() {
        return;
    }
    for container in spec.child("containers").items() {
        for port in container.child("ports").items() {
            let host = port.child("hostPort");
            if (is_pod || host.int() != 0) && host.int() != port.child("containerPort").int() {
                errors.push(host.invalid_as(
                    host.int(),
                    "must match `containerPort` when `hostNetwork` is true",
                ));
            }
        }
    }
}

fn resource_claims(claims: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for claim in claims.items() {
        let name = claim.child("name");
        if name.is_empty() {
            errors.push(name.required(""));
        } else if seen.insert(name.text()) {
            name.complain(names::dns1123_label(name.text()), errors);
        } else {
            errors.push(name.duplicate());
        }
        let sources = [
            claim.child("resourceClaimName"),
            claim.child("resourceClaimTemplateName"),
        ];
        let detail = match sources.iter().filter(|source| source.is_set()).count() {
            0 => Some("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
            1 => None,
            _ => Some(
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            ),
        };
        if let Some(detail) = detail {
            errors.push(claim.invalid_struct("core.PodResourceClaim", detail));
        }
        for source in sources.iter().filter(|source| source.is_set()) {
            source.complain(names::dns1123_subdomain(source.text()), errors);
        }
    }
}

fn dns_config(spec: &At<'_>, errors: &mut Errors) {
    let config = spec.child("dnsConfig");
    let nameservers = config.child("nameservers");
    if spec.child("dnsPolicy").text() == "None" {
        if !config.is_set() {
            errors.push(config.required("must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        }
        if nameservers.is_empty() {
            errors.push(
                nameservers
                    .required("must provide at least one DNS nameserver when `dnsPolicy` is None"),
            );
            return;
        }
    }
    if nameservers.items().len() > 3 {
        errors.push(nameservers.invalid("must not have more than 3 nameservers"));
    }
    for server in nameservers.items() {
        net::legacy_ip(&server, errors);
    }
    let searches = config.child("searches");
    if searches.items().len() > 32 {
        errors.push(searches.invalid("must not have more than 32 search paths"));
    }
    let texts: Vec<&str> = searches.items().iter().map(At::text).collect();
    if texts.join(" ").len() > 2048 {
        errors.push(searches.invalid(
            "must not have more than 2048 characters (including spaces) in the search list",
        ));
    }
    for search in searches
        .items()
        .iter()
        .filter(|search| search.text() != ".")
    {
        let text = search.text().strip_suffix('.').unwrap_or(search.text());
        for complaint in subdomain_with_underscore(text) {
            errors.push(search.invalid_as(text, complaint));
        }
    }
    for option in config.child("options").items() {
        if option.child("name").is_empty() {
            errors.push(option.required("must not be empty"));
        }
    }
}

fn subdomain_with_underscore(text: &str) -> Vec<String> {
    let plain = text.replace('_', "-");
    let label = |part: &str| {
        let edge = |c: Option<char>| {
            c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        edge(part.chars().next()) && edge(part.chars().last())
    };
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let mut complaints = Vec::new();
    if text.len() > names::SUBDOMAIN_MAX_LENGTH {
        complaints.push("must be no more than 253 characters".to_owned());
    }
    if !plain.chars().all(inside) || !text.split('.').all(label) {
        complaints.push(names::regex_error(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
            r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*",
            &["example.com"],
        ));
    }
    complaints
}

fn hostname_override(spec: &At<'_>, errors: &mut Errors) {
    let Some(name) = spec.child("hostnameOverride").set() else {
        return;
    };
    if spec.child("setHostnameAsFQDN").is_true() {
        errors.push(name.forbidden("may not be specified when setHostnameAsFQDN is true"));
    }
    if spec.child("hostNetwork").is_true() {
        errors.push(name.forbidden("may not be specified when hostNetwork is true"));
    }
    if name.text().len() > 64 {
        errors.push(FieldError::too_long(name.path(), 64));
    }
    name.complain(names::dns1123_subdomain(name.text()), errors);
}

/// Environment variables from files read them from an `emptyDir`.
fn file_key_volumes(spec: &At<'_>, errors: &mut Errors) {
    let volumes = spec.child("volumes").items();
    for container in all_containers(spec) {
        for variable in container.child("env").items() {
            let Some(reference) = variable.child("valueFrom").child("fileKeyRef").set() else {
                continue;
            };
            let name = reference.child("volumeName");
            match volumes
                .iter()
                .rfind(|volume| volume.child("name").text() == name.text())
            {
                None => errors.push(name.not_found()),
                Some(volume) if !volume.child("emptyDir").is_set() => {
                    errors.push(name.invalid("referenced volume must be of type emptyDir"));
                }
                Some(_) => {}
            }
        }
    }
}

/// A name with an optional domain before a slash.
pub fn qualified_name(at: &At<'_>, errors: &mut Errors) {
    meta::label_name(at, at.text(), errors);
}

/// A port given by number or by name.
pub fn port_number_or_name(port: &At<'_>, errors: &mut Errors) {
    if port.value().is_string() {
        port.complain(names::port_name(port.text()), errors);
    } else {
        for complaint in names::port_number(port.int()) {
            errors.push(port.invalid_as(port.int(), complaint));
        }
    }
}
