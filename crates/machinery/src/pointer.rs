//! Reading JSON values by pointer, with Go's zero value where nothing is, as upstream's structs would answer.

use serde_json::Value;

/// The value at a JSON pointer without escapes. Does not allocate, unlike [`Value::pointer`]: controllers ask this all the time.
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    let (mut value, mut rest) = (object, pointer);
    while let Some((_, from)) = split(rest) {
        let (key, after) = split(from).map_or((from, ""), |(key, _)| {
            (key, from.get(key.len()..).unwrap_or_default())
        });
        value = match value {
            Value::Object(map) => map.get(key)?,
            Value::Array(list) => list.get(key.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        rest = after;
    }
    Some(value)
}

/// What stands before the first `/`, and behind it. Pointers are short: looking at each byte is quicker than a search.
fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == b'/')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The string at a JSON pointer, `""` where there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    at(object, pointer).and_then(Value::as_str).unwrap_or("")
}

/// The integer at a JSON pointer, if there is one.
pub fn integer(object: &Value, pointer: &str) -> Option<i64> {
    at(object, pointer).and_then(Value::as_i64)
}

/// The integer at a JSON pointer, 0 where there is none.
pub fn count(object: &Value, pointer: &str) -> i64 {
    integer(object, pointer).unwrap_or(0)
}

/// Whether the boolean at a JSON pointer is there and true.
pub fn flag(object: &Value, pointer: &str) -> bool {
    at(object, pointer)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The list at a JSON pointer, empty where there is none.
pub fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
