//! Uniqueness in lists of type set and map, and embedded resources. Mirrors
//! `apiextensions-apiserver/pkg/apiserver/schema/{listtype,objectmeta}`.

use machinery::builtin::validation::FieldError;
use machinery::names;
use serde_json::{Map, Value};

use super::schema::Schema;

/// Duplicates in sets and maps.
pub(super) fn duplicates(schema: &Schema, path: &str, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match value {
        Value::Array(list) => {
            let no_object = |item: &&Value| !item.is_null() && !item.is_object();
            let keys: Vec<Value> = match schema.list_type.as_str() {
                "set" => list.clone(),
                "map" => match list.iter().enumerate().find(|(_, item)| no_object(item)) {
                    Some((index, item)) => {
                        let detail = "must be an object for an array of list-type map";
                        let field = format!("{path}[{index}]");
                        errors.push(FieldError::invalid(field, item, detail));
                        Vec::new()
                    }
                    None => list.iter().map(|item| key_of(schema, item)).collect(),
                },
                _ => Vec::new(),
            };
            // Of equal elements the second is told, and no further one.
            for (index, key) in keys.iter().enumerate() {
                let before = keys.iter().take(index).filter(|other| *other == key);
                if before.count() == 1 {
                    errors.push(FieldError::duplicate(format!("{path}[{index}]"), key));
                }
            }
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    errors.extend(duplicates(items, &format!("{path}[{index}]"), item));
                }
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(property) = schema.properties.get(key) {
                    errors.extend(duplicates(property, &join(path, key), value));
                } else if let Some(additional) = schema.additional() {
                    errors.extend(duplicates(additional, &format!("{path}[{key}]"), value));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    errors
}

/// The keys of an element.
fn key_of(schema: &Schema, item: &Value) -> Value {
    let keys = schema.list_map_keys.iter();
    let keys = keys.filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
    Value::Object(keys.collect::<Map<_, _>>())
}

/// Errors of embedded resources: they need apiVersion and kind.
pub(super) fn embedded(schema: &Schema, path: &str, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match value {
        Value::Object(map) => {
            if schema.embedded {
                errors.extend(type_meta(path, map));
            }
            for (key, value) in map {
                if let Some(property) = schema.properties.get(key) {
                    errors.extend(embedded(property, &join(path, key), value));
                } else if let Some(additional) = schema.additional() {
                    errors.extend(embedded(additional, &format!("{path}[{key}]"), value));
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    errors.extend(embedded(items, &format!("{path}[{index}]"), item));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    errors
}

fn type_meta(path: &str, map: &Map<String, Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in ["apiVersion", "kind"] {
        let child = join(path, field);
        match map.get(field) {
            None => errors.push(FieldError::required(child, "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(child, "", "must not be empty"));
            }
            Some(Value::String(text)) if field == "apiVersion" && text.matches('/').count() > 1 => {
                let detail = format!("unexpected GroupVersion string: {text}");
                errors.push(FieldError::invalid(child, text.as_str(), detail));
            }
            Some(Value::String(text)) if field == "kind" => {
                let complaints = names::dns1035_label(&text.to_lowercase());
                if !complaints.is_empty() {
                    let detail = format!(
                        "may have mixed case, but should otherwise match: {}",
                        complaints.join(",")
                    );
                    errors.push(FieldError::invalid(child, text.as_str(), detail));
                }
            }
            Some(Value::String(_)) => {}
            Some(other) => errors.push(FieldError::invalid(child, other, "must be a string")),
        }
    }
    errors
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
