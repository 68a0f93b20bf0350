//! Building JSON trees without panics, whatever shape is there already.

use serde_json::{Map, Value};

/// Puts a value at a path of keys. What lies in the way and is no object is replaced by one.
pub fn put(root: &mut Value, path: &[&str], value: Value) {
    match path.split_first() {
        None => *root = value,
        Some((key, rest)) => put(child(root, key), rest, value),
    }
}

/// The value of a key, null if it is new. What is no object becomes one.
pub fn child<'a>(parent: &'a mut Value, key: &str) -> &'a mut Value {
    if !parent.is_object() {
        *parent = Value::Object(Map::new());
    }
    match parent {
        Value::Object(fields) => fields.entry(key).or_insert(Value::Null),
        // Not reached: it has just been made an object.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            parent
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_made_where_there_is_none_and_other_fields_stay() {
        let mut tree = json!({"a": {"x": 1}, "b": "text"});
        put(&mut tree, &["a", "y", "z"], json!(2));
        put(&mut tree, &["b", "c"], json!(3));
        assert_eq!(tree, json!({"a": {"x": 1, "y": {"z": 2}}, "b": {"c": 3}}));
    }
}
