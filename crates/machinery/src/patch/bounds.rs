//! What a JSON patch may not grow beyond: the bytes that its copies add, the elements that it moves, and the depth of what
//! it makes.

use serde_json::Value;

use crate::decode;

/// The most bytes of JSON that the `copy` operations of a patch may add (`JSONPatchMaxCopyBytes`).
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// The most elements of lists that the operations of a patch may move, those they push aside and those below what is moved:
/// ten thousand operations at the head of a list of twenty thousand. The server does nothing else meanwhile.
const MAX_MOVED: usize = 200_000_000;

/// What the operations of a patch have cost by now.
#[derive(Debug, Default)]
pub(super) struct Spent {
    copied: usize,
    moved: usize,
}

impl Spent {
    /// A value is copied, or null.
    pub(super) fn copy(&mut self, value: Option<&Value>) -> Result<(), String> {
        self.copied = self.copied.saturating_add(value.map_or(4, size));
        if self.copied <= MAX_COPIED {
            return Ok(());
        }
        let copied = self.copied;
        Err(format!(
            "Unable to copy, the accumulated size increase of copy operations is {copied}, exceeding the limit {MAX_COPIED}"
        ))
    }

    /// So many elements are moved.
    pub(super) fn shift(&mut self, elements: usize) -> Result<(), String> {
        self.moved = self.moved.saturating_add(elements);
        if self.moved <= MAX_MOVED {
            return Ok(());
        }
        let moved = self.moved;
        Err(format!(
            "Unable to move, the accumulated number of elements moved in lists is {moved}, exceeding the limit {MAX_MOVED}"
        ))
    }
}

/// How many values there are in one, itself included.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
    }
}

/// Bytes of a value as compact JSON, escapes left out.
fn size(value: &Value) -> usize {
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
    fn operations_move_only_so_many_elements() {
        let many = json!({"l": vec![0; 500_000], "o": {}});
        for pair in [
            [
                json!({"op": "add", "path": "/l/0", "value": 1}),
                json!({"op": "remove", "path": "/l/0"}),
            ],
            [
                json!({"op": "move", "from": "/l", "path": "/o/l"}),
                json!({"op": "move", "from": "/o/l", "path": "/l"}),
            ],
        ] {
            let times = |count: usize| pair.iter().cycle().take(count).cloned().collect();
            let operations: Vec<Value> = times(10_000);
            let outcome = apply_operations(&many, &operations);
            assert!(
                matches!(&outcome, Err(PatchError::CannotApply(text)) if text.contains("Unable to move, the accumulated")),
                "{outcome:?}"
            );
            let few: Vec<Value> = times(200);
            assert_eq!(apply_operations(&many, &few).as_ref(), Ok(&many));
        }
        // At the end of a list nothing is pushed aside.
        let last = json!({"op": "add", "path": "/l/-", "value": 1});
        let outcome = apply_operations(&many, &vec![last; 10_000]);
        assert_eq!(outcome.unwrap()["l"].as_array().unwrap().len(), 510_000);
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
