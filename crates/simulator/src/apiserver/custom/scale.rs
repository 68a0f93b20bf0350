//! Replica counts found through the scale subresource's paths. Mirrors
//! `apiextensions-apiserver/pkg/registry/customresource/validator.go`.

use machinery::builtin::validation::FieldError;
use serde_json::Value;

/// The error of the count at a path such as `.spec.replicas`, if any; an absent count is fine.
pub(super) fn replicas_error(object: &Value, path: &str) -> Option<FieldError> {
    let mut value = object;
    let mut walked = String::new();
    for segment in path.trim_start_matches('.').split('.') {
        walked = format!("{walked}.{segment}");
        match value {
            Value::Object(map) => match map.get(segment) {
                Some(next) => value = next,
                None => return None,
            },
            other => {
                let text = accessor_error(&walked, other, "map[string]interface{}");
                return Some(FieldError::invalid(path, 0, text));
            }
        }
    }
    match value.as_i64() {
        None => Some(FieldError::invalid(
            path,
            0,
            accessor_error(path, value, "int64"),
        )),
        Some(count @ ..0) => Some(FieldError::invalid(
            path,
            count,
            "should be a non-negative integer",
        )),
        Some(count) if count > i64::from(i32::MAX) => Some(FieldError::invalid(
            path,
            count,
            format!("should be less than or equal to {}", i32::MAX),
        )),
        Some(_) => None,
    }
}

fn accessor_error(path: &str, value: &Value, expected: &str) -> String {
    let (shown, kind) = match value {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(bool) => (bool.to_string(), "bool"),
        Value::Number(number) => (
            match number.as_f64() {
                Some(float) if number.is_f64() => machinery::go_json::show_float(float),
                _ => number.to_string(),
            },
            if number.is_f64() { "float64" } else { "int64" },
        ),
        Value::String(text) => (text.clone(), "string"),
        Value::Array(_) => (value.to_string(), "[]interface {}"),
        Value::Object(_) => (value.to_string(), "map[string]interface {}"),
    };
    format!("{path} accessor error: {shown} is of the type {kind}, expected {expected}")
}
