//! Validation of what binds policies of validating and mutating admission
//! (`pkg/apis/admissionregistration/validation/validation.go`).

use std::collections::BTreeSet;

use super::meta;
use super::names::path_segment;
use super::policies::match_resources;
use super::read::{At, Errors};
use crate::names;

/// What binds a policy.
pub(super) fn binding(object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    bound(&spec, |_, _| {}, errors);
    validation_actions(&spec.child("validationActions"), errors);
}

/// What bindings of both kinds say: which policy they are for, with which parameters, and for what. `resources` looks
/// at the resources that are matched, after all else about these.
pub(super) fn bound(
    spec: &At<'_>,
    resources: impl FnOnce(&At<'_>, &mut Errors),
    errors: &mut Errors,
) {
    policy_name(&spec.child("policyName"), errors);
    let reference = spec.child("paramRef");
    if reference.is_set() {
        param_ref(&reference, errors);
    }
    let matched = spec.child("matchResources");
    if matched.is_set() {
        match_resources(&matched, errors);
        resources(&matched, errors);
    }
}

/// Which policy a binding is for.
fn policy_name(name: &At<'_>, errors: &mut Errors) {
    if name.text().is_empty() {
        errors.push(name.required(""));
    } else {
        name.complain(names::dns1123_subdomain(name.text()), errors);
    }
}

/// Where a binding's parameters are.
fn param_ref(reference: &At<'_>, errors: &mut Errors) {
    let (name, selector) = (reference.child("name"), reference.child("selector"));
    let both = "name and selector are mutually exclusive";
    if !name.text().is_empty() {
        name.complain(path_segment(name.text(), false), errors);
        if selector.is_set() {
            errors.push(name.forbidden(both));
        }
    }
    if selector.is_set() {
        meta::label_selector(&selector, errors);
        if !name.text().is_empty() {
            errors.push(selector.forbidden(both));
        }
    } else if name.text().is_empty() {
        errors.push(reference.required("one of name or selector must be specified"));
    }
    let action = reference.child("parameterNotFoundAction");
    if action.text().is_empty() {
        errors.push(action.required(""));
    } else if !matches!(action.text(), "Allow" | "Deny") {
        errors.push(action.not_supported(&["Deny", "Allow"]));
    }
}

fn validation_actions(actions: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for action in actions.items() {
        if !matches!(action.text(), "Audit" | "Deny" | "Warn") {
            errors.push(action.not_supported(&["Audit", "Deny", "Warn"]));
        }
        if !seen.insert(action.text()) {
            errors.push(action.duplicate());
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        errors.push(actions.invalid(
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response \
             and headers serves no purpose)",
        ));
    }
    if seen.is_empty() {
        errors.push(actions.required("at least one validation action is required"));
    }
}
