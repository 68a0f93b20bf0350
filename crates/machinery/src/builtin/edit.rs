//! Small edits of JSON objects that the defaulters are written with.

use serde_json::{Map, Value};

/// The object at a JSON pointer, if there is one.
pub fn at<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut)
}

/// The object under `key`, if there is one.
pub fn child<'a>(
    object: &'a mut Map<String, Value>,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

/// The object under `key`, made empty where it is absent or null; `None` if something else is there.
pub fn ensure<'a>(
    object: &'a mut Map<String, Value>,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    set(object, key, Value::Object(Map::new()));
    child(object, key)
}

/// Sets a pointer field that is nil: absent or null.
pub fn set(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if object.get(key).is_none_or(Value::is_null) {
        object.insert(key.to_owned(), value.into());
    }
}

/// Sets a plain field that has Go's zero value: absent, null, `""` or `0`.
pub fn set_zero(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    let zero = match object.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(_) => false,
    };
    if zero {
        object.insert(key.to_owned(), value.into());
    }
}

/// Calls `edit` for every object of the list under `key`.
pub fn each(
    object: &mut Map<String, Value>,
    key: &str,
    mut edit: impl FnMut(&mut Map<String, Value>),
) {
    if let Some(items) = object.get_mut(key).and_then(Value::as_array_mut) {
        items
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(&mut edit);
    }
}

/// The string under `key`, `""` if there is none.
pub fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
