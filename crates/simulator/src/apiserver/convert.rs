//! Objects that are served in more than one version: events of two groups, `HorizontalPodAutoscaler` v1 and v2, versions
//! of custom resources.

mod autoscaler;

use machinery::meta;
use serde_json::{Value, json};

use super::registry::Served;

/// Whether a stored object is in the version of `served`; a custom one may be in a version that used to be stored, or was
/// converted already.
pub(crate) fn is_in(served: &Served, value: &Value) -> bool {
    match served.custom() {
        Some(custom) => custom.conversion.is_in(value, &served.resource.version),
        None => served.is_storage_version(),
    }
}

/// A stored object in the version of `served`.
pub(crate) fn from_storage(served: &Served, value: &Value) -> Value {
    if let Some(custom) = served.custom() {
        let conversion = &custom.conversion;
        if conversion.is_in(value, &served.resource.version) {
            return value.clone();
        }
        return conversion.renamed(conversion.read(value), &served.resource.version);
    }
    let mut value = value.clone();
    if served.is_storage_version() {
        return value;
    }
    match (
        served.resource.group.as_ref(),
        served.resource.version.as_ref(),
    ) {
        ("events.k8s.io", _) => rename(&mut value, &EVENT_FIELDS, false),
        ("autoscaling", "v1") => autoscaler::to_v1(&mut value),
        _ => {}
    }
    set_version(served, &mut value, &served.resource.api_version());
    value
}

/// An object in the version of `served` as it is stored.
pub(crate) fn to_storage(served: &Served, mut value: Value) -> Value {
    if served.is_storage_version() {
        return value;
    }
    if let Some(custom) = served.custom() {
        return custom.conversion.renamed(value, &served.storage_version);
    }
    let group = match (
        served.resource.group.as_ref(),
        served.resource.version.as_ref(),
    ) {
        ("events.k8s.io", _) => {
            rename(&mut value, &EVENT_FIELDS, true);
            ""
        }
        ("autoscaling", "v1") => {
            autoscaler::to_v2(&mut value);
            "autoscaling"
        }
        (group, _) => group,
    };
    let api_version = if group.is_empty() {
        served.storage_version.clone()
    } else {
        format!("{group}/{}", served.storage_version)
    };
    set_version(served, &mut value, &api_version);
    value
}

fn set_version(served: &Served, value: &mut Value, api_version: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), json!(api_version));
        if served.type_id().is_some() {
            fields.insert("kind".to_owned(), json!(served.resource.kind));
        }
    }
}

/// Fields of events.k8s.io/v1 and their names in core/v1.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingController", "reportingComponent"),
];

fn rename(value: &mut Value, names: &[(&str, &str)], to_stored: bool) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for (outer, stored) in names {
        let (from, to) = if to_stored {
            (outer, stored)
        } else {
            (stored, outer)
        };
        if let Some(moved) = fields.remove(*from) {
            fields.insert((*to).to_owned(), moved);
        }
    }
    let (instance, other) = ("reportingInstance", "reportingController");
    if to_stored {
        fields
            .entry("reportingComponent")
            .or_insert_with(|| json!(""));
        fields.entry(instance).or_insert_with(|| json!(""));
        fields.entry("involvedObject").or_insert_with(|| json!({}));
        fields.entry("source").or_insert_with(|| json!({}));
        for time in ["firstTimestamp", "lastTimestamp", "eventTime"] {
            fields.entry(time).or_insert(Value::Null);
        }
    } else {
        fields.retain(|key, value| !((key == other || key == instance) && value == ""));
    }
}

/// On every `DaemonSet`.
pub(crate) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Whether an annotation of a built-in kind stands for a field that a version doesn't have: the server's own version has
/// the field instead.
pub(crate) fn is_of_version(object: &Value, annotation: &str) -> bool {
    let group = meta::api_version(object).split('/').next();
    match (group.unwrap_or_default(), meta::kind(object)) {
        ("apps", "DaemonSet") => annotation == TEMPLATE_GENERATION,
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::ANNOTATIONS.contains(&annotation),
        _ => false,
    }
}
