//! Requests and limits of containers and pods.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::Context;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{ErrorKind, FieldError};
use crate::names;
use crate::quantity::Quantity;

/// Resources without a domain that the server knows.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
/// Resources that are counted.
const INTEGER: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// `resources` of a container.
pub fn container(context: &Context<'_>, resources: &At<'_>, errors: &mut Errors) {
    requirements(resources, container_resource_name, errors);
    claims(context, &resources.child("claims"), errors);
}

/// A list of limits without requests, such as a pod's `overhead`.
pub fn limits_only(limits: &At<'_>, errors: &mut Errors) {
    for (name, quantity) in limits.entries() {
        let at = quantity.moved(format!("{}.limits[{name}]", limits.path()));
        container_resource_name(name, &at, errors);
        quantity_value(name, &at, errors);
    }
}

/// `resources` of the pod itself.
pub fn pod_level(context: &Context<'_>, errors: &mut Errors) {
    let Some(resources) = context.spec.child("resources").set() else {
        return;
    };
    if context.spec.child("os").child("name").text() == "windows" {
        errors.push(resources.forbidden("may not be set for a windows pod"));
        return;
    }
    if let Some(claims) = resources.child("claims").set() {
        errors.push(claims.forbidden("claims may not be set for Resources at pod-level"));
    }
    requirements(&resources, pod_resource_name, errors);
    let limits = resources.child("limits");
    for (index, container) in context.spec.child("containers").items().iter().enumerate() {
        for (name, limit) in container.child("resources").child("limits").entries() {
            let (Some(own), Some(pod)) = (quantity(&limit), quantity(&limits.key(name))) else {
                continue;
            };
            if own > pod {
                let path = format!("{}.containers[{index}][{name}].limits", resources.path());
                let detail = format!("must be less than or equal to pod limits of {pod}");
                errors.push(FieldError::invalid(path, own.to_string(), detail));
            }
        }
    }
}

fn requirements(
    resources: &At<'_>,
    name_rule: fn(&str, &At<'_>, &mut Errors),
    errors: &mut Errors,
) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    let (mut basic, mut huge) = (false, false);
    for (name, limit) in limits.entries() {
        name_rule(name, &limit, errors);
        quantity_value(name, &limit, errors);
        huge_pages(name, &limit, errors);
        huge |= name.starts_with("hugepages-");
        basic |= matches!(name, "cpu" | "memory");
    }
    for (name, request) in requests.entries() {
        name_rule(name, &request, errors);
        quantity_value(name, &request, errors);
        match (quantity(&limits.key(name)), quantity(&request)) {
            (Some(limit), Some(own)) => {
                let (equal, text) = (overcommit_allowed(name), own.to_string());
                if !equal && own != limit {
                    let detail = format!("must be equal to {name} limit of {limit}");
                    errors.push(requests.invalid_as(text, detail));
                } else if own > limit {
                    let detail = format!("must be less than or equal to {name} limit of {limit}");
                    errors.push(requests.invalid_as(text, detail));
                }
            }
            _ if !overcommit_allowed(name) => {
                errors.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            _ => {}
        }
        huge_pages(name, &request, errors);
        huge |= name.starts_with("hugepages-");
        basic |= matches!(name, "cpu" | "memory");
    }
    if huge && !basic {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
}

fn quantity(at: &At<'_>) -> Option<Quantity> {
    Quantity::parse(at.value().as_str()?).ok()
}

/// A quantity that is not negative, and whole where the resource is counted.
pub fn quantity_value(name: &str, at: &At<'_>, errors: &mut Errors) {
    let Some(value) = quantity(at) else { return };
    if value.sign() < 0 {
        errors.push(at.invalid("must be greater than or equal to 0"));
    }
    if (INTEGER.contains(&name) || is_extended(name)) && value.milli_value() % 1000 != 0 {
        errors.push(at.invalid("must be an integer"));
    }
}

fn huge_pages(name: &str, at: &At<'_>, errors: &mut Errors) {
    let Some(size) = name.strip_prefix("hugepages-") else {
        return;
    };
    let Some(value) = quantity(at) else { return };
    let whole = Quantity::parse(size)
        .is_ok_and(|size| size.sign() > 0 && value.value() % size.value() == 0);
    if !whole {
        errors.push(at.invalid_as(
            value.to_string(),
            format!("{value} is not positive integer multiple of {name}"),
        ));
    }
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::label_key(&format!("requests.{name}")).is_empty()
}

/// Whether limits of a resource may exceed its requests.
pub fn overcommit_allowed(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

/// The name of any resource: standard or with a domain.
pub fn resource_name(name: &str, at: &At<'_>, errors: &mut Errors) {
    let complaints = names::label_key(name);
    if complaints.is_empty() {
        let huge = name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
        if !name.contains('/') && !STANDARD.contains(&name) && !huge {
            errors.push(at.invalid_as(name, "must be a standard resource type or fully qualified"));
        }
    } else {
        errors.extend(
            complaints
                .into_iter()
                .map(|complaint| at.invalid_as(name, complaint)),
        );
    }
}

/// The name of a resource of containers.
pub fn container_resource_name(name: &str, at: &At<'_>, errors: &mut Errors) {
    resource_name(name, at, errors);
    if !name.contains('/') {
        let known = matches!(name, "cpu" | "memory" | "ephemeral-storage")
            || name.starts_with("hugepages-");
        if !known {
            errors.push(at.invalid_as(name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(at.invalid_as(name, "doesn't follow extended resource name standard"));
    }
}

fn pod_resource_name(name: &str, at: &At<'_>, errors: &mut Errors) {
    let before = errors.len();
    resource_name(name, at, errors);
    let known = matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    if errors.len() == before && !known {
        errors.push(FieldError::not_supported(
            at.path(),
            name,
            &["cpu", "hugepages-", "memory"],
        ));
    }
}

/// Whether some text begins like that.
fn starts_one(texts: &BTreeSet<String>, begin: &str) -> bool {
    let bounds = (Bound::Included(begin), Bound::Unbounded);
    let mut from = texts.range::<str, _>(bounds);
    from.next().is_some_and(|text| text.starts_with(begin))
}

/// Names of claims as an error shows them.
fn shown(claims: &BTreeSet<&str>) -> String {
    if claims.is_empty() {
        return " which is empty".to_owned();
    }
    let names: Vec<&str> = claims.iter().copied().collect();
    format!(": {}", names.join(", "))
}

/// Claims of a container name entries of the pod's `resourceClaims`.
fn claims(context: &Context<'_>, claims: &At<'_>, errors: &mut Errors) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for claim in claims.items() {
        let (name, request) = (claim.child("name").text(), claim.child("request"));
        if name.is_empty() {
            errors.push(claim.required(""));
            continue;
        }
        let key = if request.is_empty() {
            name.to_owned()
        } else {
            format!("{name}/{}", request.text())
        };
        if seen.contains(name) {
            errors.push(FieldError::duplicate(claim.path(), name));
        } else {
            if !request.is_empty() {
                request.complain(names::dns1123_label(request.text()), errors);
            }
            if seen.contains(&key) || request.is_empty() && starts_one(&seen, &format!("{name}/")) {
                errors.push(FieldError::duplicate(claim.path(), key.clone()));
            }
            seen.insert(key);
        }
        if context.claims.contains(name) {
            continue;
        }
        let known = context.shown_claims.get_or_init(|| shown(&context.claims));
        if context.allowance.takes(known.len()) {
            let detail = format!("must be one of the names in pod.spec.resourceClaims{known}");
            errors.push(FieldError::new(
                ErrorKind::NotFound,
                claim.path(),
                name,
                detail,
            ));
        }
    }
}
