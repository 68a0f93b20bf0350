//! Uniqueness in lists of type set and map (`apiextensions-apiserver/pkg/apiserver/schema/listtype`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use machinery::builtin::validation::FieldError;
use machinery::ordered::ByValue;
use serde_json::{Map, Value};

use super::schema::Schema;

/// Duplicates in sets and maps.
pub(super) fn duplicates(schema: &Schema, path: &str, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match value {
        Value::Array(list) => {
            let no_object = |item: &&Value| !item.is_null() && !item.is_object();
            let keys: Cow<'_, [Value]> = match schema.list_type.as_str() {
                "set" => Cow::from(list),
                "map" => match list.iter().enumerate().find(|(_, item)| no_object(item)) {
                    Some((index, item)) => {
                        let detail = "must be an object for an array of list-type map";
                        let field = format!("{path}[{index}]");
                        errors.push(FieldError::invalid(field, item, detail));
                        Cow::default()
                    }
                    None => list.iter().map(|item| key_of(schema, item)).collect(),
                },
                _ => Cow::default(),
            };
            // Of equal elements the second is told, and no further one.
            let mut counts: BTreeMap<ByValue<&Value>, usize> = BTreeMap::new();
            for (index, key) in keys.iter().enumerate() {
                let count = counts.entry(ByValue(key)).or_default();
                *count += 1;
                if *count == 2 {
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

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
