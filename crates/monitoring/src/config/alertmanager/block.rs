//! A mapping of the document, written as upstream writes it: what is empty is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::alertmanager_config::KeyValue;

/// A mapping under construction.
#[derive(Debug, Default)]
pub(super) struct Block(Map<String, Value>);

impl Block {
    /// A text, if it isn't empty.
    pub(super) fn text(mut self, key: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.0.insert(key.to_owned(), json!(text));
        }
        self
    }

    /// An optional text, if it is there and not empty.
    pub(super) fn maybe(self, key: &str, text: Option<&String>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    /// A value, if there is one.
    pub(super) fn put(mut self, key: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), value.into());
        }
        self
    }

    /// A switch that is only written when it is on.
    pub(super) fn on(self, key: &str, on: Option<bool>) -> Self {
        self.put(key, on.filter(|on| *on))
    }

    /// A list, if it has items.
    pub(super) fn list<T: Into<Value>>(self, key: &str, items: Vec<T>) -> Self {
        self.put(key, Some(items).filter(|items| !items.is_empty()))
    }

    /// A map, if it has entries.
    pub(super) fn map(self, key: &str, map: &BTreeMap<String, String>) -> Self {
        self.put(key, Some(json!(map)).filter(|_| !map.is_empty()))
    }

    /// A map from a list of keys and values; the last of equal keys counts.
    pub(super) fn pairs(self, key: &str, pairs: &[KeyValue]) -> Self {
        let map = pairs
            .iter()
            .map(|pair| (pair.key.clone(), pair.value.clone()));
        self.map(key, &map.collect())
    }

    /// The fields of another mapping.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The mapping as a value, unless it is empty.
    pub(super) fn filled(self) -> Option<Value> {
        Some(self.0)
            .filter(|fields| !fields.is_empty())
            .map(Value::Object)
    }

    /// The mapping as a value.
    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}
