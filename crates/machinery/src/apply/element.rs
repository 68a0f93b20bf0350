//! How an element of a list is told apart from the others.
//!
//! Mirrors `structured-merge-diff/typed/helpers.go`.

use serde_json::{Map, Value};

use super::path::{Datum, PathElement};
use super::types::{ListForm, Relation};

/// The path element of a list's item; the error is the server's text.
pub(super) fn element_of(list: &ListForm<'_>, item: &Value) -> Result<PathElement, String> {
    match &list.relation {
        Relation::Atomic => Err("invalid indexing of non-associative list".to_owned()),
        Relation::Set => set_element(item),
        Relation::Map(keys) if keys.is_empty() => set_element(item),
        Relation::Map(keys) => keyed_element(list, keys, item),
    }
}

/// Why a list's item has no path element, if it has none.
pub(super) fn element_fault(list: &ListForm<'_>, item: &Value) -> Option<String> {
    let told_apart = match (&list.relation, item) {
        (Relation::Map(keys), Value::Object(fields)) if !keys.is_empty() => {
            let element = list.element.forms().map;
            element.is_some_and(|element| {
                let known =
                    |key: &&str| fields.contains_key(*key) || element.default_of(key).is_some();
                keys.iter().any(known)
            })
        }
        _ => false,
    };
    if told_apart {
        None
    } else {
        element_of(list, item).err()
    }
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => {
            Err("associative list without keys has an element that's a map type".to_owned())
        }
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => {
            Err("associative list without keys has an element that's an explicit null".to_owned())
        }
        scalar => Ok(PathElement::Value(Datum(scalar.clone()))),
    }
}

fn keyed_element(list: &ListForm<'_>, keys: &[&str], item: &Value) -> Result<PathElement, String> {
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let Some(element) = list.element.forms().map else {
        return Err(format!(
            "couldn't find default value for {}: associative list may not have non-map types",
            keys.first().unwrap_or(&"")
        ));
    };
    let mut found = Map::new();
    for key in keys {
        if let Some(value) = fields.get(*key) {
            found.insert((*key).to_owned(), value.clone());
        } else if let Some(value) = element.default_of(key) {
            found.insert((*key).to_owned(), value.into_owned());
        }
    }
    if found.is_empty() {
        let keys: Vec<String> = keys.iter().map(|key| crate::decode::quote(key)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values \
             for any key fields)",
            keys.join(" ")
        ));
    }
    Ok(PathElement::key(found))
}
