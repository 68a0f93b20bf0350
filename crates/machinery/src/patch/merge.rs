//! JSON merge patch (RFC 7386), and the patch between two documents.
//!
//! Mirrors `gopkg.in/evanphx/json-patch.v4` `merge.go`.

use serde_json::{Map, Value};

use super::{PatchBody, PatchError, object};

/// Decodes a patch body: an object, or the API server's 400.
pub fn parse(body: &[u8]) -> Result<PatchBody, PatchError> {
    let parsed = object(body)
        .map_err(|error| PatchError::Malformed(format!("error decoding patch: {error}")))?;
    if body.trim_ascii() == b"null" {
        return Err(PatchError::Malformed("Invalid JSON Patch".to_owned()));
    }
    Ok(parsed)
}

/// The document with the patch merged into it: null deletes, arrays are replaced.
pub fn apply(document: &Value, patch: &Value) -> Value {
    let mut merged = document.clone();
    merge(&mut merged, patch);
    merged
}

fn merge(current: &mut Value, patch: &Value) {
    match (&mut *current, patch) {
        (Value::Object(map), Value::Object(changes)) => merge_maps(map, changes),
        // The Go library leaves nulls inside a list that replaces an object.
        (Value::Object(_), other) => *current = other.clone(),
        (_, other) => *current = without_nulls(other),
    }
}

fn merge_maps(map: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        if change.is_null() {
            map.remove(key);
            continue;
        }
        match map.get_mut(key) {
            Some(current) if !current.is_null() => merge(current, change),
            _ => {
                map.insert(key.clone(), without_nulls(change));
            }
        }
    }
}

/// Null members removed, null list elements kept.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// The merge patch that turns `old` into `new`; an empty object if they are equal.
pub fn diff(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => Value::Object(diff_maps(old, new)),
        (old, new) if old == new => Value::Object(Map::new()),
        (_, new) => new.clone(),
    }
}

fn diff_maps(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(before), after) if before == after => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                let inner = diff_maps(before, after);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys() {
        if !new.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_deletes_and_lists_are_replaced() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (
                json!({"a": [1]}),
                json!({"a": [2, null]}),
                json!({"a": [2, null]}),
            ),
            (
                json!({"a": "x"}),
                json!({"a": {"b": null, "c": 1}}),
                json!({"a": {"c": 1}}),
            ),
            (
                json!({}),
                json!({"a": {"b": {"c": null}}}),
                json!({"a": {"b": {}}}),
            ),
            (
                json!({"a": {"b": 1}}),
                json!({"a": {"c": 2}}),
                json!({"a": {"b": 1, "c": 2}}),
            ),
        ];
        for (document, patch, expected) in cases {
            assert_eq!(apply(&document, &patch), expected, "{document} {patch}");
        }
    }

    #[test]
    fn a_diff_leads_from_old_to_new() {
        let old = json!({"a": {"b": 1, "c": 2}, "l": [1], "s": 1});
        let new = json!({"a": {"b": 1, "d": 3}, "l": [2], "s": 1});
        let patch = diff(&old, &new);
        assert_eq!(patch, json!({"a": {"c": null, "d": 3}, "l": [2]}));
        assert_eq!(apply(&old, &patch), new);
        assert_eq!(diff(&old, &old), json!({}));
    }

    #[test]
    fn malformed_patches_are_told_in_go_words() {
        let told: Vec<String> = ["[]", "\"x\"", "", "{", "null"]
            .into_iter()
            .map(|body| parse(body.as_bytes()).unwrap_err().to_string())
            .collect();
        assert_eq!(
            told,
            [
                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
                "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}",
                "error decoding patch: unexpected end of JSON input",
                "error decoding patch: unexpected end of JSON input",
                "Invalid JSON Patch",
            ]
        );
    }
}
