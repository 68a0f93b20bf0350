//! Reading API objects as far as possible: one malformed field costs that field, never the object, let alone the watch.
//!
//! Upstream reads unstructured objects in its informers and keeps what decodes (e2e `MalformedRollout`).

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An object, and what had to be left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lenient<T> {
    /// What could be read.
    pub object: T,
    /// One message per field that could not; empty for a sound object.
    pub problems: Vec<String>,
}

/// Reads `value` as a `T` as far as possible.
pub fn lenient<T: DeserializeOwned + Default>(value: &Value) -> Lenient<T> {
    if let Ok(object) = T::deserialize(value) {
        return Lenient {
            object,
            problems: Vec::new(),
        };
    }
    let mut problems = Vec::new();
    let mut fits = |candidate: &Value| {
        T::deserialize(candidate)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let kept = keep(value, "", &|inner| inner, &mut fits, &mut problems).unwrap_or(Value::Null);
    Lenient {
        object: T::deserialize(&kept).unwrap_or_default(),
        problems,
    }
}

/// The largest part of `value` for which `fits` holds once `wrap` has put it in its place.
fn keep(
    value: &Value,
    path: &str,
    wrap: &dyn Fn(Value) -> Value,
    fits: &mut dyn FnMut(&Value) -> Result<(), String>,
    problems: &mut Vec<String>,
) -> Option<Value> {
    let error = match fits(&wrap(value.clone())) {
        Ok(()) => return Some(value.clone()),
        Err(error) => error,
    };
    match value {
        Value::Object(fields) if fits(&wrap(Value::Object(Map::new()))).is_ok() => {
            let mut kept = Map::new();
            for (key, field) in fields {
                let here = kept.clone();
                let place = |inner: Value| {
                    let mut object = here.clone();
                    object.insert(key.clone(), inner);
                    wrap(Value::Object(object))
                };
                if let Some(field) = keep(field, &format!("{path}.{key}"), &place, fits, problems) {
                    kept.insert(key.clone(), field);
                }
            }
            Some(Value::Object(kept))
        }
        Value::Array(items) if fits(&wrap(Value::Array(Vec::new()))).is_ok() => {
            let mut kept: Vec<Value> = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let here = kept.clone();
                let place = |inner: Value| {
                    let mut list = here.clone();
                    list.push(inner);
                    wrap(Value::Array(list))
                };
                if let Some(item) = keep(item, &format!("{path}[{index}]"), &place, fits, problems)
                {
                    kept.push(item);
                }
            }
            Some(Value::Array(kept))
        }
        // Go reads null as "unset" where ours has a plain value.
        Value::Null => None,
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)
        | Value::Array(_) => {
            problems.push(format!("{}: {error}", path.trim_start_matches('.')));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lenient;
    use crate::api::Rollout;

    #[test]
    fn a_malformed_field_costs_that_field_alone() {
        let read = lenient::<Rollout>(&json!({
            "metadata": {"name": "a"},
            "spec": {
                "replicas": "three",
                "minReadySeconds": null,
                "strategy": {"canary": {"steps": [{"setWeight": "x"}, {"setWeight": 20}]}},
            },
        }));
        assert_eq!(read.object.metadata.name, "a");
        assert_eq!(read.object.spec.replicas, None);
        let canary = read.object.spec.strategy.canary.unwrap();
        assert_eq!(
            canary
                .steps()
                .iter()
                .map(|step| step.set_weight)
                .collect::<Vec<_>>(),
            [None, Some(20)]
        );
        assert_eq!(
            read.problems,
            [
                "spec.replicas: invalid type: string \"three\", expected i32",
                "spec.strategy.canary.steps[0].setWeight: invalid type: string \"x\", expected i32",
            ]
        );
    }
}
