//! `HorizontalPodAutoscaler` in version 1: one metric is a field, everything else travels in annotations, in forms of
//! their own (`kubernetes/pkg/apis/autoscaling/v1/conversion.go`).

use machinery::schema::TypeTable;
use machinery::{go_json, meta};
use serde_json::{Map, Value, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// Annotations that stand for fields, also those of versions before.
pub(super) const ANNOTATIONS: [&str; 6] = [
    METRICS,
    BEHAVIOR,
    CURRENT,
    CONDITIONS,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

/// The utilisation an autoscaler of version 1 aims at, in percent, if it says nothing.
const DEFAULT_UTILISATION: i64 = 80;

/// What a field of version 1 is where version 2 has nothing there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// Left out.
    Omitted,
    /// An empty text.
    Empty,
    /// The quantity 0.
    Zero,
}
use Absent::{Empty, Omitted, Zero};

/// A field of version 1 and where version 2 has it.
type Field = (&'static str, &'static str, Absent);
/// The fields of one sort of metric, in Go's order.
type Sort = (&'static str, &'static [Field]);

const SPEC: [Sort; 5] = [
    (
        "object",
        &[
            ("target", "/describedObject", Omitted),
            ("metricName", "/metric/name", Empty),
            ("targetValue", "/target/value", Zero),
            ("selector", "/metric/selector", Omitted),
            ("averageValue", "/target/averageValue", Omitted),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", "/metric/name", Empty),
            ("targetAverageValue", "/target/averageValue", Zero),
            ("selector", "/metric/selector", Omitted),
        ],
    ),
    (
        "resource",
        &[
            ("name", "/name", Empty),
            (
                "targetAverageUtilization",
                "/target/averageUtilization",
                Omitted,
            ),
            ("targetAverageValue", "/target/averageValue", Omitted),
        ],
    ),
    (
        "containerResource",
        &[
            ("name", "/name", Empty),
            (
                "targetAverageUtilization",
                "/target/averageUtilization",
                Omitted,
            ),
            ("targetAverageValue", "/target/averageValue", Omitted),
            ("container", "/container", Empty),
        ],
    ),
    (
        "external",
        &[
            ("metricName", "/metric/name", Empty),
            ("metricSelector", "/metric/selector", Omitted),
            ("targetValue", "/target/value", Omitted),
            ("targetAverageValue", "/target/averageValue", Omitted),
        ],
    ),
];

const STATUS: [Sort; 5] = [
    (
        "object",
        &[
            ("target", "/describedObject", Omitted),
            ("metricName", "/metric/name", Empty),
            ("currentValue", "/current/value", Zero),
            ("selector", "/metric/selector", Omitted),
            ("averageValue", "/current/averageValue", Omitted),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", "/metric/name", Empty),
            ("currentAverageValue", "/current/averageValue", Zero),
            ("selector", "/metric/selector", Omitted),
        ],
    ),
    (
        "resource",
        &[
            ("name", "/name", Empty),
            (
                "currentAverageUtilization",
                "/current/averageUtilization",
                Omitted,
            ),
            ("currentAverageValue", "/current/averageValue", Zero),
        ],
    ),
    (
        "containerResource",
        &[
            ("name", "/name", Empty),
            (
                "currentAverageUtilization",
                "/current/averageUtilization",
                Omitted,
            ),
            ("currentAverageValue", "/current/averageValue", Zero),
            ("container", "/container", Empty),
        ],
    ),
    (
        "external",
        &[
            ("metricName", "/metric/name", Empty),
            ("metricSelector", "/metric/selector", Omitted),
            ("currentValue", "/current/value", Zero),
            ("currentAverageValue", "/current/averageValue", Omitted),
        ],
    ),
];

/// A map as text, in the order given.
fn text_of<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields = fields.into_iter();
    let fields: Vec<String> = fields
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn list_of(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().collect();
    format!("[{}]", texts.join(","))
}

/// A value as Go prints its type.
fn typed(value: &Value, type_name: &str) -> String {
    go_json::to_string(value, TypeTable::builtin().type_named(type_name))
}

fn field_text(key: &str, value: &Value) -> String {
    match key {
        "target" => typed(
            value,
            "io.k8s.api.autoscaling.v2.CrossVersionObjectReference",
        ),
        "selector" | "metricSelector" => {
            typed(value, "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector")
        }
        _ => go_json::to_string(value, None),
    }
}

/// Metrics as version 1 has them in an annotation.
fn metrics_text(metrics: &[Value], sorts: &[Sort]) -> String {
    list_of(metrics.iter().map(|metric| {
        let kind = metric.get("type").unwrap_or(&Value::Null);
        let mut fields = vec![("type", go_json::to_string(kind, None))];
        for (sort, known) in sorts {
            let Some(inner) = metric.get(*sort).filter(|inner| inner.is_object()) else {
                continue;
            };
            let inner = known.iter().filter_map(|(key, place, absent)| {
                let value = inner.pointer(place).filter(|value| !value.is_null());
                let text = match (value, absent) {
                    (Some(value), _) => field_text(key, value),
                    (None, Empty) => "\"\"".to_owned(),
                    (None, Zero) => "\"0\"".to_owned(),
                    (None, Omitted) => return None,
                };
                Some((*key, text))
            });
            fields.push((sort, text_of(inner)));
        }
        text_of(fields)
    }))
}

/// Metrics of an annotation of version 1 as version 2 has them.
fn metrics_of(text: &str, sorts: &[Sort], spec: bool) -> Option<Vec<Value>> {
    let metrics: Vec<Value> = serde_json::from_str(text).ok()?;
    let converted = metrics.iter().map(|metric| {
        let mut out = json!({"type": metric.get("type").cloned().unwrap_or_default()});
        for (sort, known) in sorts {
            let Some(inner) = metric.get(*sort).filter(|inner| inner.is_object()) else {
                continue;
            };
            let mut made = json!({});
            for (key, place, absent) in *known {
                let value = inner.get(*key).filter(|value| !value.is_null()).cloned();
                let value = value.or_else(|| (*absent == Zero).then(|| json!("0")));
                if let Some(value) = value {
                    put(&mut made, place, value);
                }
            }
            if spec {
                aim(sort, &mut made);
            }
            put(&mut out, &format!("/{sort}"), made);
        }
        out
    });
    Some(converted.collect())
}

/// Says which of the values a metric aims at: only version 2 does.
fn aim(sort: &str, metric: &mut Value) {
    let has = |key: &str| metric.pointer(&format!("/target/{key}")).is_some();
    let kind = match sort {
        "object" if has("averageValue") => "AverageValue",
        "object" => "Value",
        "external" if has("value") => "Value",
        "resource" | "containerResource" if has("averageUtilization") => "Utilization",
        _ => "AverageValue",
    };
    let nothing = metric.pointer("/target/value") == Some(&json!("0"));
    if sort == "object"
        && kind == "AverageValue"
        && nothing
        && let Some(Value::Object(target)) = metric.get_mut("target")
    {
        target.remove("value");
    }
    put(metric, "/target/type", json!(kind));
}

/// Puts a value at a place, in maps that are made for it.
fn put(into: &mut Value, place: &str, value: Value) {
    let mut at = into;
    for key in place.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry(key).or_insert(Value::Null);
    }
    *at = value;
}

/// The fields of the behaviour as the server's own type has them, which has no names for JSON.
const RULES: [(&str, &str); 4] = [
    ("StabilizationWindowSeconds", "stabilizationWindowSeconds"),
    ("SelectPolicy", "selectPolicy"),
    ("Policies", "policies"),
    ("Tolerance", "tolerance"),
];
const POLICY: [(&str, &str); 3] = [
    ("Type", "type"),
    ("Value", "value"),
    ("PeriodSeconds", "periodSeconds"),
];
const DIRECTIONS: [(&str, &str); 2] = [("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown")];

fn behavior_text(behavior: &Value) -> String {
    let of = |value: &Value, key: &str| value.get(key).cloned().unwrap_or_default();
    text_of(DIRECTIONS.map(|(name, key)| {
        let rules = of(behavior, key);
        if rules.is_null() {
            return (name, "null".to_owned());
        }
        let fields = RULES.map(|(name, key)| {
            let value = of(&rules, key);
            let text = match value.as_array() {
                Some(policies) => list_of(policies.iter().map(|policy| {
                    let fields = POLICY
                        .map(|(name, key)| (name, go_json::to_string(&of(policy, key), None)));
                    text_of(fields)
                })),
                None => go_json::to_string(&value, None),
            };
            (name, text)
        });
        (name, text_of(fields))
    }))
}

/// Names of the server's own type, in any case as Go reads them, back to those of version 2.
fn behavior_of(text: &str) -> Option<Value> {
    let read: Value = serde_json::from_str(text).ok()?;
    let renamed = |value: &Value, names: &[(&str, &str)]| -> Map<String, Value> {
        let fields = value.as_object().into_iter().flatten();
        let known = fields.filter_map(|(key, value)| {
            let mut names = names.iter();
            let (_, own) = names.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
            (!value.is_null()).then(|| ((*own).to_owned(), value.clone()))
        });
        known.collect()
    };
    let mut behavior = renamed(&read, &DIRECTIONS);
    for rules in behavior.values_mut() {
        let mut fields = renamed(rules, &RULES);
        if let Some(Value::Array(policies)) = fields.get_mut("policies") {
            for policy in policies {
                *policy = Value::Object(renamed(policy, &POLICY));
            }
        }
        *rules = Value::Object(fields);
    }
    (!behavior.is_empty()).then_some(Value::Object(behavior))
}

/// Whether it is the metric that version 1 has a field for.
fn is_utilisation(metric: &Value, place: &str) -> bool {
    metric.get("type").and_then(Value::as_str) == Some("Resource")
        && metric.pointer("/resource/name").and_then(Value::as_str) == Some("cpu")
        && metric.pointer(place).is_some_and(Value::is_number)
}

const TARGET: &str = "/resource/target/averageUtilization";
const NOW: &str = "/resource/current/averageUtilization";

/// An object of version 2 as one of version 1.
pub(super) fn to_v1(value: &mut Value) {
    for key in ANNOTATIONS {
        meta::remove_annotation(value, key);
    }
    let mut notes: Vec<(&str, String)> = Vec::new();
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        if let Some(Value::Array(metrics)) = spec.remove("metrics") {
            let (own, others): (Vec<Value>, Vec<Value>) = metrics
                .into_iter()
                .partition(|metric| is_utilisation(metric, TARGET));
            if let Some(target) = own.first().and_then(|metric| metric.pointer(TARGET)) {
                spec.insert("targetCPUUtilizationPercentage".to_owned(), target.clone());
            }
            if !others.is_empty() {
                notes.push((METRICS, metrics_text(&others, &SPEC)));
            }
        }
        if let Some(behavior) = spec.remove("behavior") {
            notes.push((BEHAVIOR, behavior_text(&behavior)));
        }
    }
    if let Some(status) = value.get_mut("status").and_then(Value::as_object_mut) {
        status.entry("currentReplicas").or_insert_with(|| json!(0));
        if let Some(Value::Array(metrics)) = status.remove("currentMetrics") {
            let own = metrics.iter().rfind(|metric| is_utilisation(metric, NOW));
            if let Some(now) = own.and_then(|metric| metric.pointer(NOW)) {
                let key = "currentCPUUtilizationPercentage";
                status.insert(key.to_owned(), now.clone());
            }
            if !metrics.is_empty() {
                notes.push((CURRENT, metrics_text(&metrics, &STATUS)));
            }
        }
        if let Some(Value::Array(conditions)) = status.remove("conditions")
            && !conditions.is_empty()
        {
            let name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition";
            let texts = conditions.iter().map(|condition| typed(condition, name));
            notes.push((CONDITIONS, list_of(texts)));
        }
    }
    for (key, note) in notes {
        meta::set_annotation(value, key, &note);
    }
}

/// An object of version 1 as one of version 2.
pub(super) fn to_v2(value: &mut Value) {
    let note = |key: &str| meta::annotation(value, key).map(str::to_owned);
    let metrics = note(METRICS).and_then(|text| metrics_of(&text, &SPEC, true));
    let behavior = note(BEHAVIOR).and_then(|text| behavior_of(&text));
    let current = note(CURRENT).and_then(|text| metrics_of(&text, &STATUS, false));
    let conditions: Option<Value> =
        note(CONDITIONS).and_then(|text| serde_json::from_str(&text).ok());
    for key in ANNOTATIONS {
        meta::remove_annotation(value, key);
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        let mut list = metrics.unwrap_or_default();
        let target = spec.remove("targetCPUUtilizationPercentage");
        let target = target.or_else(|| list.is_empty().then(|| json!(DEFAULT_UTILISATION)));
        if let Some(target) = target {
            let target = json!({"type": "Utilization", "averageUtilization": target});
            list.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        }
        spec.insert("metrics".to_owned(), list.into());
        if let Some(behavior) = behavior {
            spec.insert("behavior".to_owned(), behavior);
        }
    }
    if let Some(status) = value.get_mut("status").and_then(Value::as_object_mut) {
        // Version 2 leaves out that there are none.
        if status.get("currentReplicas").and_then(Value::as_i64) == Some(0) {
            status.remove("currentReplicas");
        }
        let now = status.remove("currentCPUUtilizationPercentage").map(|now| {
            let now = json!({"averageUtilization": now});
            json!([{"type": "Resource", "resource": {"name": "cpu", "current": now}}])
        });
        // What the annotation says is more than the field does.
        let current = current.map(Value::from).or(now);
        status.insert("currentMetrics".to_owned(), current.unwrap_or_default());
        if let Some(conditions) = conditions {
            status.insert("conditions".to_owned(), conditions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_from_version_1() {
        let selector = json!({"matchLabels": {"a": "b"}});
        let of = json!({"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"});
        let metrics = json!([
            {"type": "Object", "object": {"describedObject": of, "metric": {"name": "m", "selector": selector}, "target": {"type": "Value", "value": "7"}}},
            {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": {"type": "Utilization", "averageUtilization": 60}}},
            {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        ]);
        let policies = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}]);
        let before = json!({
            "metadata": {"annotations": {"own": "x"}},
            "spec": {"metrics": metrics, "behavior": {"scaleUp": {"selectPolicy": "Max", "policies": policies}}},
            "status": {"currentReplicas": 1, "currentMetrics": [
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 33, "averageValue": "5m"}}},
            ], "conditions": [{"type": "AbleToScale", "status": "True"}]},
        });
        let mut value = before.clone();
        to_v1(&mut value);
        assert_eq!(value["spec"]["targetCPUUtilizationPercentage"], 60);
        assert_eq!(value["status"]["currentCPUUtilizationPercentage"], 33);
        let note = |key: &str| meta::annotation(&value, key).unwrap_or_default().to_owned();
        assert_eq!(
            note(CURRENT),
            r#"[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":33,"currentAverageValue":"5m"}}]"#
        );
        assert_eq!(
            note(BEHAVIOR),
            r#"{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}"#
        );
        to_v2(&mut value);
        assert_eq!(value, before);
    }

    #[test]
    fn version_2_leaves_out_that_there_are_no_replicas() {
        let before = json!({"spec": {"maxReplicas": 3, "metrics": []}, "status": {"desiredReplicas": 0, "currentMetrics": null}});
        let mut value = before.clone();
        to_v1(&mut value);
        assert_eq!(value["status"]["currentReplicas"], 0);
        to_v2(&mut value);
        assert_eq!(value["status"], before["status"]);
    }

    #[test]
    fn an_autoscaler_that_aims_at_nothing_aims_at_the_default() {
        let mut value = json!({"spec": {"maxReplicas": 3}});
        to_v2(&mut value);
        assert_eq!(
            value["spec"]["metrics"],
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}])
        );
    }
}
