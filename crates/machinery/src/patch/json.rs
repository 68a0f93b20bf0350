//! JSON patch (RFC 6902) with the leniencies of the Go library that the API server uses.
//!
//! Differences from the RFC: `replace` of an absent key adds it, a missing `value` is null, negative indices count
//! from the end, what stands before the first `/` of a path is ignored, `test` of an absent key against null holds, and
//! `copy` of an absent key writes null. Mirrors `gopkg.in/evanphx/json-patch.v4`.

mod body;

use std::num::{IntErrorKind, ParseIntError};

use serde_json::{Map, Value};

use super::PatchError;
use super::bounds::{self, Spent};

pub use body::{parse, parse_loosely};

/// The most operations a patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// Applies a patch body to a document: all or nothing.
pub fn apply(document: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    let operations = parse(patch)?.operations;
    apply_operations(document, &operations)
}

/// A decoded patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPatch {
    /// The operations, objects or null.
    pub operations: Vec<Value>,
    /// Strict errors (`json patch unknown field "[0].foo"`), duplicates and unknown fields in body order.
    pub strict: Vec<String>,
}

/// Applies decoded operations in order; the first that fails ends it.
pub fn apply_operations(document: &Value, operations: &[Value]) -> Result<Value, PatchError> {
    let mut document = document.clone();
    let mut spent = Spent::default();
    for operation in operations {
        let nothing = Map::new();
        let fields = operation.as_object().unwrap_or(&nothing);
        one(&mut document, fields, &mut spent).map_err(PatchError::CannotApply)?;
    }
    Ok(document)
}

fn one(document: &mut Value, fields: &Map<String, Value>, spent: &mut Spent) -> Result<(), String> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let value = || fields.get("value").cloned().unwrap_or_default();
    let operation = text("op").unwrap_or("unknown");
    if !matches!(
        operation,
        "add" | "remove" | "replace" | "move" | "test" | "copy"
    ) {
        return Err(format!("Unexpected kind: {operation}"));
    }
    let path = text("path").ok_or_else(|| match operation {
        "add" | "remove" => format!("{operation} operation failed to decode path: missing value"),
        _ => format!("{operation} operation failed to decode path: operation missing path field: missing value"),
    })?;
    let from = || {
        text("from").ok_or_else(|| {
            format!("{operation} operation failed to decode from: operation, missing from field: missing value")
        })
    };
    match operation {
        "add" => add(document, path, value(), spent),
        "remove" => remove(document, path, spent),
        "replace" => replace(document, path, value()),
        "move" => shift(document, from()?, path, spent),
        "copy" => {
            let from = from()?;
            let absent = || missing("copy", "from path", from);
            let found = get(document, from, absent, |error| {
                format!("error in copy for from: '{from}': {error}")
            })?;
            let found = found.cloned();
            let (holder, key) = container(document, path)
                .ok_or_else(|| missing("copy", "destination path", path))?;
            spent.copy(found.as_ref())?;
            let value = found.unwrap_or_default();
            bounds::check_depth(path, &value)?;
            put(holder, key, value, spent)
                .map_err(|error| format!("error while adding value during copy: {error}"))
        }
        _ => test(document, path, &value()),
    }
}

fn missing(operation: &str, what: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing {what}: {path}: missing value")
}

fn invalid_index(index: i64) -> String {
    format!("Unable to access invalid index: {index}: invalid index referenced")
}

fn unescape(part: &str) -> String {
    // One pass: `~01` is `~1`, not `/`.
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('~') {
        out.push_str(before);
        rest = if let Some(after) = after.strip_prefix('1') {
            out.push('/');
            after
        } else if let Some(after) = after.strip_prefix('0') {
            out.push('~');
            after
        } else {
            out.push('~');
            after
        };
    }
    out.push_str(rest);
    out
}

/// The keys of a path; `None` without any `/`.
pub(super) fn keys(path: &str) -> Option<(Vec<String>, String)> {
    let mut parts: Vec<String> = path.split('/').skip(1).map(unescape).collect();
    let last = parts.pop()?;
    Some((parts, last))
}

/// The position an existing element has.
fn position(key: &str, len: usize) -> Result<usize, String> {
    within(index(key)?, len)
}

/// The number that a key of a list is.
fn index(key: &str) -> Result<i64, String> {
    key.parse().map_err(|error: ParseIntError| {
        let what = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing \"{key}\": {what}")
    })
}

/// The position that an index stands for among so many; negative ones count from the end.
fn within(index: i64, len: usize) -> Result<usize, String> {
    let at = if index < 0 {
        index + i64::try_from(len).unwrap_or(i64::MAX)
    } else {
        index
    };
    match usize::try_from(at) {
        Ok(at) if at < len => Ok(at),
        _ => Err(invalid_index(index)),
    }
}

/// The object or list that holds the last key of a path.
fn container<'d>(document: &'d mut Value, path: &str) -> Option<(&'d mut Value, String)> {
    let (parents, last) = keys(path)?;
    let mut at = document;
    for key in parents {
        let next = match at {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(items) => {
                let position = position(&key, items.len()).ok();
                position.and_then(|position| items.get_mut(position))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        at = next?;
    }
    (at.is_object() || at.is_array()).then_some((at, last))
}

/// What stands at a path: an absent key of an object is `None`, an absent index an error.
fn get<'d>(
    document: &'d mut Value,
    path: &str,
    absent: impl FnOnce() -> String,
    wrap: impl FnOnce(String) -> String,
) -> Result<Option<&'d Value>, String> {
    let (holder, key) = container(document, path).ok_or_else(absent)?;
    match holder {
        Value::Array(items) => {
            let at = position(&key, items.len()).map_err(wrap)?;
            Ok(items.get(at))
        }
        other => Ok(other.get(&key)),
    }
}

fn add(document: &mut Value, path: &str, value: Value, spent: &mut Spent) -> Result<(), String> {
    bounds::check_depth(path, &value)?;
    let (holder, key) =
        container(document, path).ok_or_else(|| missing("add", "path", &format!("{path:?}")))?;
    put(holder, key, value, spent)
        .map_err(|error| format!("error in add for path: '{path}': {error}"))
}

/// Puts a value into what is to hold it.
fn put(holder: &mut Value, key: String, value: Value, spent: &mut Spent) -> Result<(), String> {
    match holder {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = index(&key)
                .map_err(|error| format!("value was not a proper array index: '{key}': {error}"))?;
            let at = within(index, items.len() + 1)?;
            spent.shift(items.len() - at)?;
            items.insert(at, value);
        }
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// Moves a value. What can't be taken away is named by its key alone.
fn shift(document: &mut Value, from: &str, path: &str, spent: &mut Spent) -> Result<(), String> {
    let (holder, key) =
        container(document, from).ok_or_else(|| missing("move", "from path", from))?;
    let moved = take(holder, &key, spent)
        .map_err(|error| format!("error in move for path: '{key}': {error}"))?;
    let (holder, key) =
        container(document, path).ok_or_else(|| missing("move", "destination path", path))?;
    spent.shift(bounds::count(&moved))?;
    bounds::check_depth(path, &moved)?;
    put(holder, key, moved, spent)
        .map_err(|error| format!("error in move for path: '{path}': {error}"))
}

fn remove(document: &mut Value, path: &str, spent: &mut Spent) -> Result<(), String> {
    let (holder, key) =
        container(document, path).ok_or_else(|| missing("remove", "path", &format!("{path:?}")))?;
    let taken = take(holder, &key, spent);
    taken.map_err(|error| format!("error in remove for path: '{path}': {error}"))?;
    Ok(())
}

/// Takes an element away from what holds it.
fn take(holder: &mut Value, key: &str, spent: &mut Spent) -> Result<Value, String> {
    match holder {
        Value::Array(items) => {
            let at = position(key, items.len())?;
            spent.shift(items.len() - at)?;
            Ok(items.remove(at))
        }
        Value::Object(map) => map
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Value::Null),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    bounds::check_depth(path, &value)?;
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            // As in the library, which prints an error that isn't there.
            return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
        }
        *document = value;
        return Ok(());
    }
    let (holder, key) =
        container(document, path).ok_or_else(|| missing("replace", "path", path))?;
    match holder {
        Value::Array(items) => {
            let at = position(&key, items.len()).map_err(|_| {
                format!(
                    "replace operation does not apply: doc is missing key: {path}: missing value"
                )
            })?;
            if let Some(item) = items.get_mut(at) {
                *item = value;
            }
        }
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn test(document: &mut Value, path: &str, expected: &Value) -> Result<(), String> {
    let found = if path.is_empty() {
        Some(&*document)
    } else {
        get(
            document,
            path,
            || format!("test operation does not apply: is missing path: {path}: missing value"),
            |error| format!("error in test for path: '{path}': {error}"),
        )?
    };
    if found.unwrap_or(&Value::Null) == expected {
        return Ok(());
    }
    Err(format!("testing value {path} failed: test failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(document: &Value, patch: &Value) -> Result<Value, PatchError> {
        apply(document, patch.to_string().as_bytes())
    }

    #[test]
    fn the_six_operations_work() {
        let document = json!({"a": {"b": [1, 2, 3]}, "c~d": 1, "e/f": 2});
        let cases = [
            (
                json!([{"op": "add", "path": "/a/b/1", "value": 9}]),
                json!([1, 9, 2, 3]),
            ),
            (
                json!([{"op": "add", "path": "/a/b/-", "value": 9}]),
                json!([1, 2, 3, 9]),
            ),
            (json!([{"op": "remove", "path": "/a/b/0"}]), json!([2, 3])),
            (
                json!([{"op": "replace", "path": "/a/b/2", "value": 0}]),
                json!([1, 2, 0]),
            ),
            (
                json!([{"op": "move", "from": "/a/b/0", "path": "/a/b/2"}]),
                json!([2, 3, 1]),
            ),
            (
                json!([{"op": "copy", "from": "/c~0d", "path": "/a/b/0"}]),
                json!([1, 1, 2, 3]),
            ),
            (
                json!([{"op": "test", "path": "/e~1f", "value": 2}]),
                json!([1, 2, 3]),
            ),
        ];
        for (patch, expected) in cases {
            assert_eq!(
                patched(&document, &patch).unwrap()["a"]["b"],
                expected,
                "{patch}"
            );
        }
    }

    #[test]
    fn it_is_as_lenient_as_the_go_library() {
        let document = json!({"a": [1, 2]});
        let cases = [
            (
                json!([{"op": "replace", "path": "/n", "value": 1}]),
                json!({"a": [1, 2], "n": 1}),
            ),
            (
                json!([{"op": "add", "path": "/n"}]),
                json!({"a": [1, 2], "n": null}),
            ),
            (
                json!([{"op": "remove", "path": "/a/-1"}]),
                json!({"a": [1]}),
            ),
            (
                json!([{"op": "add", "path": "/a/-1", "value": 3}]),
                json!({"a": [1, 2, 3]}),
            ),
            (
                json!([{"op": "test", "path": "/n", "value": null}]),
                document.clone(),
            ),
            (
                json!([{"op": "copy", "from": "/n", "path": "/m"}]),
                json!({"a": [1, 2], "m": null}),
            ),
            (json!([]), document.clone()),
        ];
        for (patch, expected) in cases {
            assert_eq!(patched(&document, &patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let document = json!({"a": [1], "s": "x"});
        let patches = [
            json!([{"op": "test", "path": "/s", "value": "y"}]),
            json!([{"op": "nope", "path": "/s"}]),
            json!([{"op": "add"}]),
            json!([{"op": "add", "path": "/n/m", "value": 1}]),
            json!([{"op": "add", "path": "/a/3", "value": 1}]),
            json!([{"op": "remove", "path": "/n"}]),
            json!([{"op": "add", "path": "", "value": {}}]),
            json!([{"op": "add", "path": "/n", "value": 1}, {"op": "remove", "path": "/m"}]),
        ];
        for patch in patches {
            let result = patched(&document, &patch);
            assert!(
                matches!(result, Err(PatchError::CannotApply(_))),
                "{patch}: {result:?}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_words_of_the_go_library() {
        let document = json!({"a": [1], "o": {"n": null}});
        let told = |patch: Value| match patched(&document, &json!([patch])) {
            Err(PatchError::CannotApply(text)) => text,
            other => format!("{other:?}"),
        };
        for (patch, text) in [
            (
                json!({"op": "move", "from": "/o/x", "path": "/o/y"}),
                "error in move for path: 'x': Unable to remove nonexistent key: x: missing value",
            ),
            (
                json!({"op": "move", "from": "/a/x", "path": "/o/y"}),
                "error in move for path: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                json!({"op": "move", "from": "/o/n", "path": "/p/y"}),
                "move operation does not apply: doc is missing destination path: /p/y: missing value",
            ),
            (
                json!({"op": "move", "from": "/o/n", "path": "/a/7"}),
                "error in move for path: '/a/7': Unable to access invalid index: 7: invalid index referenced",
            ),
            (
                json!({"op": "copy", "from": "/a/99999999999999999999", "path": "/o/y"}),
                "error in copy for from: '/a/99999999999999999999': strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            (
                json!({"op": "copy", "from": "/a/0", "path": "/p/y"}),
                "copy operation does not apply: doc is missing destination path: /p/y: missing value",
            ),
            (
                json!({"op": "copy", "from": "/a/0", "path": "/a/x"}),
                "error while adding value during copy: value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                json!({"op": "add", "path": "/a/+9", "value": 1}),
                "error in add for path: '/a/+9': Unable to access invalid index: 9: invalid index referenced",
            ),
            (
                json!({"op": "test", "path": "/a/3", "value": 1}),
                "error in test for path: '/a/3': Unable to access invalid index: 3: invalid index referenced",
            ),
            (
                json!({"op": "test", "value": 1}),
                "test operation failed to decode path: operation missing path field: missing value",
            ),
            (
                json!({"op": "remove"}),
                "remove operation failed to decode path: missing value",
            ),
        ] {
            assert_eq!(told(patch), text);
        }
    }

    #[test]
    fn malformed_patches_are_told_in_go_words() {
        let told: Vec<String> = [r#"{"op":"add"}"#, "{", "[1]", r#"[{"op":1}]"#]
            .into_iter()
            .map(|body| apply(&json!({}), body.as_bytes()).unwrap_err().to_string())
            .collect();
        assert_eq!(
            told,
            [
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
                "error decoding patch: unexpected end of JSON input",
                "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
                "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
            ]
        );
    }
}
