//! Validation of rbac.authorization.k8s.io/v1 (`pkg/apis/rbac/validation`).

use super::names::path_segment;
use super::read::{At, Errors};
use super::{BadValue, FieldError, NameRule, meta};
use crate::names;

const GROUP: &str = "rbac.authorization.k8s.io";

fn is_namespaced(kind: &str) -> bool {
    matches!(kind, "Role" | "RoleBinding")
}

/// A new role or binding with its metadata.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let namespaced = is_namespaced(kind);
    meta::builtin_create(object, NameRule::PathSegment, namespaced, errors);
    match kind {
        "Role" | "ClusterRole" => {
            for rule in object.child("rules").items() {
                policy_rule(&rule, namespaced, errors);
            }
            if let Some(aggregation) = object.child("aggregationRule").set() {
                let selectors = aggregation.child("clusterRoleSelectors");
                if selectors.is_empty() {
                    let detail =
                        "at least one clusterRoleSelector required if aggregationRule is non-nil";
                    errors.push(selectors.required(detail));
                }
                for selector in selectors.items() {
                    let before = errors.len();
                    meta::label_selector(&selector, errors);
                    if errors.len() > before {
                        let null = BadValue::Json("null".to_owned());
                        errors.push(selector.invalid_as(null, "invalid label selector."));
                    }
                }
            }
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            role_ref(&object.child("roleRef"), namespaced, errors);
            for subject in object.child("subjects").items() {
                self::subject(&subject, namespaced, errors);
            }
        }
        _ => {}
    }
}

/// An updated role or binding; what a binding refers to never changes.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    create(kind, new, errors);
    meta::builtin_update(new, old, errors);
    let role = new.child("roleRef");
    if kind.ends_with("Binding") && role.value() != old.child("roleRef").value() {
        errors.push(role.invalid_struct("rbac.RoleRef", "cannot change roleRef"));
    }
}

fn policy_rule(rule: &At<'_>, namespaced: bool, errors: &mut Errors) {
    if rule.child("verbs").is_empty() {
        errors.push(
            rule.child("verbs")
                .required("verbs must contain at least one value"),
        );
    }
    let urls = rule.child("nonResourceURLs");
    if !urls.is_empty() {
        if namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if ["apiGroups", "resources", "resourceNames"]
            .iter()
            .any(|key| !rule.child(key).is_empty())
        {
            errors.push(
                urls.invalid("rules cannot apply to both regular resources and non-resource URLs"),
            );
        }
        return;
    }
    for (key, detail) in [
        (
            "apiGroups",
            "resource rules must supply at least one api group",
        ),
        (
            "resources",
            "resource rules must supply at least one resource",
        ),
    ] {
        if rule.child(key).is_empty() {
            errors.push(rule.child(key).required(detail));
        }
    }
}

fn role_ref(role: &At<'_>, namespaced: bool, errors: &mut Errors) {
    let (group, kind, name) = (
        role.child("apiGroup"),
        role.child("kind"),
        role.child("name"),
    );
    if group.text() != GROUP {
        errors.push(group.not_supported(&[GROUP]));
    }
    let kinds: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    if !kinds.contains(&kind.text()) {
        errors.push(kind.not_supported(kinds));
    }
    if name.is_empty() {
        errors.push(name.required(""));
    } else {
        name.complain(path_segment(name.text(), false), errors);
    }
}

fn subject(subject: &At<'_>, namespaced: bool, errors: &mut Errors) {
    let (kind, name, group) = (
        subject.child("kind"),
        subject.child("name"),
        subject.child("apiGroup"),
    );
    if name.is_empty() {
        errors.push(name.required(""));
    }
    match kind.text() {
        "ServiceAccount" => {
            if !name.is_empty() {
                name.complain(names::dns1123_subdomain(name.text()), errors);
            }
            if !group.is_empty() {
                errors.push(group.not_supported(&[""]));
            }
            let namespace = subject.child("namespace");
            if !namespaced && namespace.is_empty() {
                errors.push(namespace.required(""));
            }
        }
        "User" | "Group" => {
            if group.text() != GROUP {
                errors.push(FieldError::not_supported(
                    group.path(),
                    group.text(),
                    &[GROUP],
                ));
            }
        }
        _ => errors.push(kind.not_supported(&["ServiceAccount", "User", "Group"])),
    }
}
