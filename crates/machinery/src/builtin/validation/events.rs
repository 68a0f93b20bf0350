//! Validation of events, core v1 and events.k8s.io/v1.

use super::read::{At, Errors};
use super::{FieldError, NameRule, meta, pod};
use crate::names;

/// What fields are called in an event, and how strictly it is looked at.
struct Fields {
    object: &'static str,
    controller: &'static str,
    note: &'static str,
    source: &'static str,
    first: &'static str,
    last: &'static str,
    count: &'static str,
    strict: bool,
}

/// As core v1 has them, which is also how events are stored.
const CORE: Fields = Fields {
    object: "involvedObject",
    controller: "reportingComponent",
    note: "message",
    source: "source",
    first: "firstTimestamp",
    last: "lastTimestamp",
    count: "count",
    strict: false,
};

const EVENTS: Fields = Fields {
    object: "regarding",
    controller: "reportingController",
    note: "note",
    source: "deprecatedSource",
    first: "deprecatedFirstTimestamp",
    last: "deprecatedLastTimestamp",
    count: "deprecatedCount",
    strict: true,
};

fn fields(group: &str) -> Fields {
    if group.is_empty() { CORE } else { EVENTS }
}

/// A new event with its metadata.
pub fn create(group: &str, event: &At<'_>, errors: &mut Errors) {
    create_as(&fields(group), event, errors);
}

/// An event, new or changed, that came through events.k8s.io and is in its stored form.
pub fn strict(event: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let fields = Fields {
        strict: true,
        ..CORE
    };
    match old {
        None => create_as(&fields, event, errors),
        Some(old) => update_as(&fields, event, old, errors),
    }
}

fn create_as(fields: &Fields, event: &At<'_>, errors: &mut Errors) {
    legacy(fields, event, errors);
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
    let source = event.child(fields.source);
    let has_source = !source.child("component").is_empty() || !source.child("host").is_empty();
    for (is_set, name) in [
        (event.child(fields.first).is_set(), "firstTimestamp"),
        (event.child(fields.last).is_set(), "lastTimestamp"),
        (event.child(fields.count).int() != 0, "count"),
        (has_source, "source"),
    ] {
        if is_set {
            errors.push(FieldError::invalid(name, "", "needs to be unset"));
        }
    }
}

/// An updated event: through events.k8s.io only its series moves.
pub fn update(group: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    update_as(&fields(group), new, old, errors);
}

fn update_as(fields: &Fields, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    legacy(fields, new, errors);
    if !fields.strict {
        return;
    }
    meta::builtin_update(new, old, errors);
    if new.child("series").value() != old.child("series").value() {
        series(new, errors);
    }
    for (key, name, go_type) in [
        (fields.object, "involvedObject", "core.ObjectReference"),
        ("reason", "reason", "string"),
        (fields.note, "message", "string"),
        (fields.source, "source", "core.EventSource"),
        (fields.first, "firstTimestamp", "time"),
        (fields.last, "lastTimestamp", "time"),
        (fields.count, "count", "int"),
        ("reason", "reason", "string"),
        ("type", "type", "string"),
        ("eventTime", "eventTime", "time"),
        ("action", "action", "string"),
        ("related", "related", "*core.ObjectReference"),
        (fields.controller, "reportingController", "string"),
        ("reportingInstance", "reportingInstance", "string"),
    ] {
        new.renamed(key, name)
            .immutable(old.child(key).value(), go_type, errors);
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
    let name = if fields.strict {
        "reportingController"
    } else {
        "reportingComponent"
    };
    let controller = event.renamed(fields.controller, name);
    if controller.is_empty() {
        errors.push(controller.required(""));
    }
    pod::qualified_name(&controller, errors);
    let note = event.renamed(fields.note, "message");
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
