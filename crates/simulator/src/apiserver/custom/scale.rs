//! Replica counts and the selector, found through the scale subresource's paths. Mirrors
//! `apiextensions-apiserver/pkg/registry/customresource/validator.go`.

use machinery::builtin::validation::FieldError;
use machinery::patch::{go_type, go_value};
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
    let kind = go_type(value);
    let shown = go_value(value);
    format!("{path} accessor error: {shown} is of the type {kind}, expected {expected}")
}

#[test]
fn what_cannot_be_read_is_shown_as_go_prints_it() {
    let told = |value: Value| accessor_error(".status.replicas", &value, "int64");
    let map = ".status.replicas accessor error: map[a:1] is of the type map[string]interface {}, expected int64";
    assert_eq!(told(serde_json::json!({"a": 1})), map);
    let list =
        ".status.replicas accessor error: [x y] is of the type []interface {}, expected int64";
    assert_eq!(told(serde_json::json!(["x", "y"])), list);
}
