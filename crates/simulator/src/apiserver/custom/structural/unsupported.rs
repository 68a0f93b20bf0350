//! What OpenAPI has and this API doesn't (`specStandardValidatorV3.validate`, `validateUnsupportedFields`).

use serde_json::Value;

use super::children;

/// Fields, and what is said of them.
pub(super) const UNSUPPORTED: [(&str, &str); 6] = [
    ("id", "id is not supported"),
    ("additionalItems", "additionalItems is not supported"),
    ("patternProperties", "patternProperties is not supported"),
    ("definitions", "definitions is not supported"),
    ("dependencies", "dependencies is not supported"),
    ("$ref", "$ref is not supported"),
];

/// Whether a field is there that OpenAPI has and this API doesn't.
pub(super) fn is_unsupported(schema: &Value, key: &str) -> bool {
    match schema.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Object(map)) => {
            !map.is_empty() || key != "patternProperties" && key != "definitions"
        }
        Some(Value::String(text)) => !text.is_empty() || key == "$ref",
        // `additionalItems: false` is something, too.
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => true,
    }
}

/// Whether it, or a schema in it, has something of which no structural schema can be made (`NewStructural`).
pub(super) fn has_unsupported(schema: &Value) -> bool {
    UNSUPPORTED
        .iter()
        .any(|(key, _)| is_unsupported(schema, key))
        || schema
            .get("items")
            .and_then(Value::as_array)
            .is_some_and(|items| !items.is_empty())
        || children(schema, "")
            .iter()
            .any(|(_, child)| has_unsupported(child))
}
