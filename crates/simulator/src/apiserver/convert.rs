//! Objects that are served in more than one version: events of two groups, `HorizontalPodAutoscaler` v1 and v2, versions
//! of custom resources.

use machinery::meta;
use serde_json::{Map, Value, json};

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
        ("autoscaling", "v1") => hpa_to_v1(&mut value),
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
            hpa_to_v2(&mut value);
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

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

fn is_cpu(metric: &Value) -> bool {
    metric.get("type").and_then(Value::as_str) == Some("Resource")
        && metric.pointer("/resource/name").and_then(Value::as_str) == Some("cpu")
}

/// v1 knows one metric, the utilisation of CPU; the rest travels in annotations.
fn hpa_to_v1(value: &mut Value) {
    let mut notes: Vec<(&str, Value)> = Vec::new();
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        if let Some(Value::Array(metrics)) = spec.remove("metrics") {
            let mut others = Vec::new();
            for metric in metrics {
                match metric.pointer("/resource/target/averageUtilization") {
                    Some(target)
                        if is_cpu(&metric)
                            && !spec.contains_key("targetCPUUtilizationPercentage") =>
                    {
                        spec.insert("targetCPUUtilizationPercentage".to_owned(), target.clone());
                    }
                    Some(_) | None => others.push(metric),
                }
            }
            if !others.is_empty() {
                notes.push((METRICS, Value::Array(others)));
            }
        }
        if let Some(behavior) = spec.remove("behavior") {
            notes.push((BEHAVIOR, behavior));
        }
    }
    if let Some(status) = value.get_mut("status").and_then(Value::as_object_mut) {
        status.entry("currentReplicas").or_insert_with(|| json!(0));
        if let Some(Value::Array(metrics)) = status.remove("currentMetrics") {
            let cpu = metrics.iter().find(|metric| is_cpu(metric));
            if let Some(current) =
                cpu.and_then(|metric| metric.pointer("/resource/current/averageUtilization"))
            {
                status.insert(
                    "currentCPUUtilizationPercentage".to_owned(),
                    current.clone(),
                );
            }
            let others: Vec<Value> = metrics
                .iter()
                .filter(|metric| !is_cpu(metric))
                .cloned()
                .collect();
            if !others.is_empty() {
                notes.push((CURRENT, Value::Array(others)));
            }
        }
        if let Some(conditions) = status.remove("conditions") {
            notes.push((CONDITIONS, conditions));
        }
    }
    for (key, note) in notes {
        meta::set_annotation(value, key, &note.to_string());
    }
}

fn hpa_to_v2(value: &mut Value) {
    let note = |value: &Value, key: &str| {
        meta::annotation(value, key).and_then(|text| serde_json::from_str(text).ok())
    };
    let (metrics, behavior): (Option<Value>, Option<Value>) =
        (note(value, METRICS), note(value, BEHAVIOR));
    let (current, conditions): (Option<Value>, Option<Value>) =
        (note(value, CURRENT), note(value, CONDITIONS));
    for key in [METRICS, BEHAVIOR, CURRENT, CONDITIONS] {
        meta::remove_annotation(value, key);
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        let mut list = metrics
            .and_then(|metrics| metrics.as_array().cloned())
            .unwrap_or_default();
        if let Some(target) = spec.remove("targetCPUUtilizationPercentage") {
            let target = json!({"type": "Utilization", "averageUtilization": target});
            list.insert(
                0,
                json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}),
            );
        }
        if !list.is_empty() {
            spec.insert("metrics".to_owned(), list.into());
        }
        insert(spec, "behavior", behavior);
    }
    if let Some(status) = value.get_mut("status").and_then(Value::as_object_mut) {
        let mut list = current
            .and_then(|metrics| metrics.as_array().cloned())
            .unwrap_or_default();
        if let Some(now) = status.remove("currentCPUUtilizationPercentage") {
            let now = json!({"averageUtilization": now});
            list.insert(
                0,
                json!({"type": "Resource", "resource": {"name": "cpu", "current": now}}),
            );
        }
        let list = if list.is_empty() {
            Value::Null
        } else {
            list.into()
        };
        status.insert("currentMetrics".to_owned(), list);
        insert(status, "conditions", conditions);
    }
}

fn insert(fields: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), value);
    }
}
