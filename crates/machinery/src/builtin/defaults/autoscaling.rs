//! Defaults of `HorizontalPodAutoscaler`, autoscaling/v1 and v2.

use serde_json::{Map, Value, json};

use crate::builtin::edit::{at, ensure, set};

type Object = Map<String, Value>;

/// Sets the defaults of an autoscaling kind.
pub fn apply(version: &str, kind: &str, object: &mut Value) {
    if kind != "HorizontalPodAutoscaler" {
        return;
    }
    if version == "v1" {
        cpu_target(object);
    }
    let Some(spec) = at(object, "/spec") else {
        return;
    };
    set(spec, "minReplicas", 1);
    if version == "v1" {
        return;
    }
    if spec
        .get("metrics")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        spec.insert(
            "metrics".to_owned(),
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
        );
    }
    if let Some(behavior) = spec.get_mut("behavior").and_then(Value::as_object_mut) {
        rules(
            behavior,
            "scaleUp",
            json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15}]}),
        );
        rules(
            behavior,
            "scaleDown",
            json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}),
        );
    }
}

/// autoscaling/v1 gets its CPU target in the conversion, unless other metrics travel in an annotation.
fn cpu_target(object: &mut Value) {
    let others = object
        .pointer("/metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics")
        .is_some();
    if let (Some(spec), false) = (at(object, "/spec"), others) {
        set(spec, "targetCPUUtilizationPercentage", 80);
    }
}

fn rules(behavior: &mut Object, direction: &str, defaults: Value) {
    let (Some(rules), Value::Object(defaults)) = (ensure(behavior, direction), defaults) else {
        return;
    };
    for (key, value) in defaults {
        // Go fills in a list that isn't there; an empty one is an error.
        if key == "policies" && rules.get(&key).is_some_and(Value::is_array) {
            continue;
        }
        set(rules, &key, value);
    }
}
