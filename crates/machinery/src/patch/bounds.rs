//! What a JSON patch may not grow beyond: the bytes that its copies add, and the depth of what it makes.

use serde_json::Value;

use crate::decode;

/// The most bytes of JSON that the `copy` operations of a patch may add (`JSONPatchMaxCopyBytes`).
pub(super) const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Bytes of a value as compact JSON, escapes left out.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| 1 + size(item)).sum::<usize>(),
        Value::Object(map) => {
            2 + map
                .iter()
                .map(|(key, value)| key.len() + 4 + size(value))
                .sum::<usize>()
        }
    }
}

/// How many lists and objects are around the innermost value, the value's own included.
fn depth(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
    }
}

/// Whether a value at a path would be nested deeper than anything that is read.
pub(super) fn check_depth(path: &str, value: &Value) -> Result<(), String> {
    if path.matches('/').count() + depth(value) > decode::MAX_DEPTH {
        return Err("exceeded max depth".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::patch::PatchError;
    use crate::patch::json::apply_operations;

    #[test]
    fn copies_that_double_the_document_end_at_a_limit() {
        let operations: Vec<Value> =
            std::iter::once(json!({"op": "add", "path": "/a", "value": {"b": 1}}))
                .chain(
                    (0..60)
                        .map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/x{n}")})),
                )
                .collect();
        let outcome = apply_operations(&json!({}), &operations);
        assert!(
            matches!(&outcome, Err(PatchError::CannotApply(text)) if text.starts_with("Unable to copy")),
            "{outcome:?}"
        );
        let few = operations.get(..8).unwrap();
        assert!(apply_operations(&json!({}), few).is_ok());
    }

    #[test]
    fn operations_cannot_nest_deeper_than_what_is_read() {
        let inner = |depth: usize| -> Value {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            decode::decode_untyped(text.as_bytes()).unwrap().value
        };
        let steps = |count: usize| -> Vec<Value> {
            (0..count)
                .map(|n| {
                    let path = format!("/a{}", "/0".repeat(n * 399));
                    json!({"op": "add", "path": path, "value": inner(399)})
                })
                .collect()
        };
        assert!(apply_operations(&json!({}), &steps(1)).is_ok());
        let outcome = apply_operations(&json!({}), &steps(2));
        assert_eq!(
            outcome,
            Err(PatchError::CannotApply("exceeded max depth".to_owned()))
        );
    }
}
