//! Replica counts and the selector, found through the scale subresource's paths. Mirrors
//! `apiextensions-apiserver/pkg/registry/customresource/validator.go`.

use machinery::builtin::validation::FieldError;
use serde_json::Value;

/// What is at a path such as `.spec.replicas`, if anything. The error is Go's.
fn nested<'a>(object: &'a Value, path: &str) -> Result<Option<&'a Value>, String> {
    let mut value = object;
    let mut walked = String::new();
    for segment in path.trim_start_matches('.').split('.') {
        walked = format!("{walked}.{segment}");
        match value {
            Value::Object(map) => match map.get(segment) {
                Some(next) => value = next,
                None => return Ok(None),
            },
            Value::Null => return Ok(None),
            other => return Err(accessor_error(&walked, other, "map[string]interface{}")),
        }
    }
    Ok(Some(value))
}

/// The error of the count at a path such as `.spec.replicas`, if any; an absent count is fine.
pub(super) fn replicas_error(object: &Value, path: &str) -> Option<FieldError> {
    let value = match nested(object, path) {
        Ok(value) => value?,
        Err(text) => return Some(FieldError::invalid(path, 0, text)),
    };
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

/// The error of the selector's text at a path such as `.status.selector`, if any; an absent one is fine, and so is no path.
pub(super) fn selector_error(object: &Value, path: &str) -> Option<FieldError> {
    if path.is_empty() {
        return None;
    }
    let text = match nested(object, path) {
        Ok(None | Some(Value::String(_))) => return None,
        Ok(Some(value)) => accessor_error(path, value, "string"),
        Err(text) => text,
    };
    Some(FieldError::invalid(path, "", text))
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
