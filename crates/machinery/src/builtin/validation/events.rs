//! Validation of events, core v1 and events.k8s.io/v1.

use serde_json::Value;

use super::read::{At, Errors};
use super::{FieldError, NameRule, meta, pod};
use crate::names;

/// Where the two versions differ in the names of fields.
struct Fields {
    object: &'static str,
    controller: &'static str,
    strict: bool,
}

fn fields(group: &str) -> Fields {
    if group.is_empty() {
        Fields {
            object: "involvedObject",
            controller: "reportingComponent",
            strict: false,
        }
    } else {
        Fields {
            object: "regarding",
            controller: "reportingController",
            strict: true,
        }
    }
}

/// A new event with its metadata.
pub fn create(group: &str, event: &At<'_>, errors: &mut Errors) {
    let fields = fields(group);
    legacy(&fields, event, errors);
    if !fields.strict {
        return;
    }
    meta::builtin_create(event, NameRule::Subdomain, true, errors);
    series(event, errors);
    if !event.child("eventTime").is_set() {
        errors.push(event.child("eventTime").required(""));
    }
    let kind = event.child("type").text();
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(FieldError::invalid(
            "type",
            "",
            format!("has invalid value: {kind}"),
        ));
    }
    for (key, name) in [
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("deprecatedSource", "source"),
    ] {
        let at = event.renamed(key, name);
        if !at.is_empty() && at.value() != &Value::from(0) {
            errors.push(at.invalid_as("", "needs to be unset"));
        }
    }
}

/// An updated event: through events.k8s.io only its series moves.
pub fn update(group: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let fields = fields(group);
    legacy(&fields, new, errors);
    if !fields.strict {
        return;
    }
    meta::builtin_update(new, old, errors);
    if new.child("series").value() != old.child("series").value() {
        series(new, errors);
    }
    for (key, name) in [
        ("reason", "reason"),
        ("note", "message"),
        ("reason", "reason"),
        ("type", "type"),
        ("action", "action"),
        ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ] {
        new.renamed(key, name)
            .immutable(old.child(key).value(), "string", errors);
    }
}

fn series(event: &At<'_>, errors: &mut Errors) {
    let Some(series) = event.child("series").set() else {
        return;
    };
    if series.child("count").int() < 2 {
        errors.push(FieldError::invalid(
            "series.count",
            "",
            "should be at least 2",
        ));
    }
    if !series.child("lastObservedTime").is_set() {
        errors.push(FieldError::required("series.lastObservedTime", ""));
    }
}

fn legacy(fields: &Fields, event: &At<'_>, errors: &mut Errors) {
    let namespace = event.child("metadata").child("namespace").text();
    let involved = event
        .child(fields.object)
        .child("namespace")
        .moved("involvedObject.namespace");
    let timed = event.child("eventTime").is_set();
    let matches = match (involved.text(), timed) {
        ("", true) => matches!(namespace, "default" | "kube-system"),
        ("", false) => matches!(namespace, "" | "default"),
        (other, false) => other == namespace,
        (_, true) => true,
    };
    if !matches {
        errors.push(involved.invalid_as(involved.text(), "does not match event.namespace"));
    }
    if timed {
        required_texts(fields, event, errors);
    }
    for complaint in names::dns1123_subdomain(namespace) {
        errors.push(FieldError::invalid("namespace", namespace, complaint));
    }
}

fn required_texts(fields: &Fields, event: &At<'_>, errors: &mut Errors) {
    let controller = event.child(fields.controller);
    if controller.is_empty() {
        errors.push(controller.required(""));
    }
    pod::qualified_name(&controller, errors);
    let note = if fields.strict {
        event.renamed("note", "message")
    } else {
        event.child("message")
    };
    for (at, limit) in [
        (event.child("reportingInstance"), 128),
        (event.child("action"), 128),
        (event.child("reason"), 128),
        (note, 1024),
    ] {
        if limit == 128 && at.is_empty() {
            errors.push(at.required(""));
        }
        if at.text().len() > limit {
            errors.push(at.invalid_as("", format!("can have at most {limit} characters")));
        }
    }
}
