//! `ResourceQuotas`.

use std::cell::LazyCell;

use crate::builtin::validation::Allowance;
use crate::builtin::validation::pod::{quantity_value, resource_name};
use crate::builtin::validation::read::{At, Errors};

const RESOURCES: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
const COMPUTE: [&str; 7] = [
    "pods",
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
];
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// Limits and scopes of a quota.
pub fn spec(spec: &At<'_>, errors: &mut Errors) {
    resources(&spec.child("hard"), errors);
    scopes(spec, errors);
    selector(spec, errors);
}

/// What a quota says it limits and counts.
pub fn status(status: &At<'_>, errors: &mut Errors) {
    resources(&status.child("hard"), errors);
    resources(&status.child("used"), errors);
}

/// An updated quota keeps its scopes.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    spec(&new.child("spec"), errors);
    let sorted = |object: &At<'_>| {
        let mut scopes: Vec<String> = object
            .child("spec")
            .child("scopes")
            .items()
            .iter()
            .map(|scope| scope.text().to_owned())
            .collect();
        scopes.sort();
        scopes.dedup();
        scopes
    };
    if sorted(new) != sorted(old) {
        let scopes = new.child("spec").child("scopes");
        errors.push(scopes.invalid_as(scopes.dump("[]string"), "field is immutable"));
    }
}

fn resources(list: &At<'_>, errors: &mut Errors) {
    for (name, quantity) in list.entries() {
        resource_name(name, &quantity, errors);
        if !name.contains('/') && !is_quota_resource(name) {
            errors.push(quantity.invalid_as(name, "must be a standard resource for quota"));
        }
        quantity_value(name, &quantity, errors);
    }
}

fn is_quota_resource(name: &str) -> bool {
    RESOURCES.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
}

/// Whether a scope makes sense for a resource.
fn fits(scope: &str, resource: &str) -> bool {
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => COMPUTE.contains(&resource),
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => {
            matches!(resource, "persistentvolumeclaims" | "requests.storage")
        }
        _ => true,
    }
}

fn unfit(spec: &At<'_>, scope: &str) -> usize {
    let hard = spec.child("hard").entries();
    hard.iter()
        .filter(|(name, _)| is_quota_resource(name) && !fits(scope, name))
        .count()
}

fn conflicting(scopes: &[&str]) -> usize {
    let both = |one: &str, other: &str| scopes.contains(&one) && scopes.contains(&other);
    usize::from(both("BestEffort", "NotBestEffort"))
        + usize::from(both("Terminating", "NotTerminating"))
}

fn scopes(spec: &At<'_>, errors: &mut Errors) {
    let list = spec.child("scopes");
    let names: Vec<&str> = list.items().iter().map(At::text).collect();
    let shown = LazyCell::new(|| list.dump("[]string"));
    let allowance = Allowance::default();
    let mut complain = |count: usize, detail: &str| {
        for _ in 0..count {
            if allowance.takes(shown.size()) {
                errors.push(list.invalid_as(shown.clone(), detail));
            }
        }
    };
    for scope in &names {
        complain(usize::from(!SCOPES.contains(scope)), "unsupported scope");
        complain(unfit(spec, scope), "unsupported scope applied to resource");
    }
    complain(conflicting(&names), "conflicting scopes");
}

fn selector(spec: &At<'_>, errors: &mut Errors) {
    let selector = spec.child("scopeSelector");
    let list = selector.child("matchExpressions");
    let path = selector.path().to_owned() + ".matchExpressions";
    let shown = LazyCell::new(|| selector.dump("*core.ScopeSelector"));
    let allowance = Allowance::default();
    let mut names = Vec::new();
    for requirement in list.items() {
        let field = |key: &str| requirement.child(key).moved(format!("{path}.{key}"));
        let (scope, operator, values) = (field("scopeName"), field("operator"), field("values"));
        if !SCOPES.contains(&scope.text()) {
            errors.push(scope.invalid_as(scope.text(), "unsupported scope"));
        }
        for _ in 0..unfit(spec, scope.text()) {
            if allowance.takes(shown.size()) {
                errors
                    .push(list.invalid_as(shown.clone(), "unsupported scope applied to resource"));
            }
        }
        if SCOPES.contains(&scope.text())
            && !matches!(scope.text(), "PriorityClass" | "VolumeAttributesClass")
            && operator.text() != "Exists"
        {
            errors.push(operator.invalid_as(operator.text(), "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"));
        }
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => errors.push(values.required(
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(values.invalid(
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(operator.invalid_as(other, "not a valid selector operator")),
        }
        names.push(scope.text());
    }
    let scopes = spec.child("scopes").moved(path);
    for _ in 0..conflicting(&names) {
        errors.push(scopes.invalid_as(scopes.dump("[]string"), "conflicting scopes"));
    }
}
