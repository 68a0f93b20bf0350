//! Checks that several groups share.

use std::collections::BTreeMap;

use serde_json::Value;

use super::BadValue;
use super::read::{At, Errors};
use crate::labels::Selector;
use crate::names;

const MISMATCH: &str = "`selector` does not match template `labels`";
const ABOVE_REPLICAS: &str = "cannot be greater than status.replicas";

/// An integer or percentage that is not negative.
pub fn positive_int_or_percent(at: &At<'_>, errors: &mut Errors) {
    if at.value().is_string() {
        for complaint in names::percent(at.text()) {
            errors.push(at.invalid_as(at.dump("intorstring"), complaint));
        }
    } else {
        at.not_negative(errors);
    }
}

/// A percentage, if it is one, of at most 100.
pub fn at_most_100_percent(at: &At<'_>, errors: &mut Errors) {
    if at.value().is_string() && names::percent(at.text()).is_empty() && int_or_percent(at) > 100 {
        errors.push(at.invalid_as(at.dump("intorstring"), "must not be greater than 100%"));
    }
}

/// The number of an integer or percentage.
pub fn int_or_percent(at: &At<'_>) -> i64 {
    match at.value() {
        Value::String(text) => text
            .strip_suffix('%')
            .unwrap_or(text)
            .parse()
            .ok()
            .filter(|number| *number >= 0)
            .unwrap_or_default(),
        _ => at.int(),
    }
}

/// The labels of a template as a map.
pub fn label_map(labels: &At<'_>) -> BTreeMap<String, String> {
    labels
        .entries()
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.text().to_owned()))
        .collect()
}

/// A template's labels that a selector does not match.
pub fn mismatch(labels: &At<'_>, errors: &mut Errors) {
    let shown = if labels.is_set() && labels.is_empty() {
        BadValue::Json("{}".to_owned())
    } else {
        labels.dump("map string")
    };
    errors.push(labels.invalid_as(shown, MISMATCH));
}

/// Whether a label selector matches the labels; an absent one matches nothing, a broken one is an error.
pub fn selects(selector: &At<'_>, labels: &At<'_>) -> Option<bool> {
    if !selector.is_set() {
        return Some(false);
    }
    Selector::from_label_selector(selector.value())
        .ok()
        .map(|parsed| parsed.matches(&label_map(labels)))
}

/// Neither labels nor expressions.
pub fn is_empty_selector(selector: &At<'_>) -> bool {
    selector.child("matchLabels").is_empty() && selector.child("matchExpressions").is_empty()
}

/// Numbers of a status that must not be negative.
pub fn not_negative(status: &At<'_>, keys: &[&str], errors: &mut Errors) {
    for key in keys {
        status.child(key).not_negative(errors);
    }
}

/// Numbers of a status that count some of its replicas.
pub fn within_replicas(status: &At<'_>, keys: &[&str], errors: &mut Errors) {
    let replicas = status.child("replicas").int();
    for key in keys {
        let count = status.child(key);
        if count.int() > replicas {
            errors.push(count.invalid_as(count.int(), ABOVE_REPLICAS));
        }
    }
}

/// Available replicas are ready ones; `ready` names the field in the message.
pub fn available_is_ready(status: &At<'_>, ready: &str, errors: &mut Errors) {
    let available = status.child("availableReplicas");
    if available.int() > status.child("readyReplicas").int() {
        let detail = format!("cannot be greater than {ready}");
        errors.push(available.invalid_as(available.int(), detail));
    }
}

/// `status.collisionCount` only grows.
pub fn collisions_grow(status: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (count, before) = (status.child("collisionCount"), old.child("collisionCount"));
    if before.is_set() && (!count.is_set() || count.int() < before.int()) {
        errors.push(count.invalid_as(count.int(), "cannot be decremented"));
    }
}

/// Restart policy and deadline that workloads with replicas allow.
pub fn always_restarting(template: &At<'_>, kind: &str, errors: &mut Errors) {
    let spec = template.child("spec");
    let policy = spec.child("restartPolicy");
    if policy.text() != "Always" {
        errors.push(policy.not_supported(&["Always"]));
    }
    let deadline = spec.child("activeDeadlineSeconds");
    if deadline.is_set() {
        errors
            .push(deadline.forbidden(format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
}
