//! Reading an object for a row: absent fields are zero values, as in Go's structs.

use jiff::Timestamp;
use machinery::{human, quantity, time};
use serde_json::Value;

/// An object and the time its ages are counted to.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    object: &'a Value,
    now: Timestamp,
}

impl<'a> View<'a> {
    pub(super) fn new(object: &'a Value, now: Timestamp) -> Self {
        Self { object, now }
    }

    /// The same clock over another value.
    pub(super) fn of(self, object: &'a Value) -> Self {
        Self { object, ..self }
    }

    pub(super) fn object(self) -> &'a Value {
        self.object
    }

    pub(super) fn get(self, pointer: &str) -> Option<&'a Value> {
        self.object
            .pointer(pointer)
            .filter(|value| !value.is_null())
    }

    pub(super) fn str(self, pointer: &str) -> &'a str {
        self.get(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The text, or another one if it is empty.
    pub(super) fn str_or(self, pointer: &str, otherwise: &'static str) -> &'a str {
        Some(self.str(pointer))
            .filter(|text| !text.is_empty())
            .unwrap_or(otherwise)
    }

    pub(super) fn int(self, pointer: &str) -> i64 {
        self.get(pointer)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    pub(super) fn int_or(self, pointer: &str, otherwise: i64) -> i64 {
        self.get(pointer)
            .and_then(Value::as_i64)
            .unwrap_or(otherwise)
    }

    pub(super) fn bool(self, pointer: &str) -> bool {
        self.get(pointer)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub(super) fn bool_or(self, pointer: &str, otherwise: bool) -> bool {
        self.get(pointer)
            .and_then(Value::as_bool)
            .unwrap_or(otherwise)
    }

    pub(super) fn has(self, pointer: &str) -> bool {
        self.get(pointer).is_some()
    }

    /// The elements of a list.
    pub(super) fn list(
        self,
        pointer: &str,
    ) -> impl DoubleEndedIterator<Item = View<'a>> + ExactSizeIterator {
        let items = self
            .get(pointer)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        items.iter().map(move |item| self.of(item))
    }

    /// Number of elements or keys.
    pub(super) fn len(self, pointer: &str) -> usize {
        match self.get(pointer) {
            Some(Value::Array(list)) => list.len(),
            Some(Value::Object(map)) => map.len(),
            _ => 0,
        }
    }

    pub(super) fn len_cell(self, pointer: &str) -> Value {
        Value::from(self.len(pointer))
    }

    /// The texts of a list of strings.
    pub(super) fn strs(self, pointer: &str) -> Vec<&'a str> {
        self.list(pointer)
            .filter_map(|item| item.object.as_str())
            .collect()
    }

    pub(super) fn name(self) -> Value {
        Value::from(self.str("/metadata/name"))
    }

    /// `metadata.creationTimestamp` as it is written.
    pub(super) fn created_at(self) -> Value {
        Value::from(self.str_or("/metadata/creationTimestamp", "0001-01-01T00:00:00Z"))
    }

    /// How long ago the instant at `pointer` was, as a text.
    pub(super) fn since(self, pointer: &str) -> String {
        human::age(self.instant(pointer), self.now)
    }

    pub(super) fn instant(self, pointer: &str) -> Option<Timestamp> {
        time::parse(self.str(pointer)).ok()
    }

    pub(super) fn now(self) -> Timestamp {
        self.now
    }

    /// The age of the object.
    pub(super) fn age(self) -> Value {
        Value::from(self.since("/metadata/creationTimestamp"))
    }

    /// A quantity in canonical form, `0` if absent.
    pub(super) fn quantity(self, pointer: &str) -> String {
        self.get(pointer)
            .map_or_else(|| "0".to_owned(), quantity_text)
    }
}

/// The canonical text of a quantity given as string or number.
pub(super) fn quantity_text(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    quantity::canonical(&text).unwrap_or(text)
}

/// `a,b,c + 2 more...`: at most `most` items.
pub(super) fn with_more(items: &[String], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(String::as_str).collect();
    let shown = shown.join(",");
    if items.len() > most {
        format!("{shown} + {} more...", items.len() - most)
    } else {
        shown
    }
}

/// Names and images of a pod's containers, each joined by commas.
pub(super) fn containers(view: View<'_>, pointer: &str) -> [Value; 2] {
    let joined = |field: &str| {
        view.list(pointer)
            .map(|container| container.str(field))
            .collect::<Vec<_>>()
            .join(",")
    };
    [Value::from(joined("/name")), Value::from(joined("/image"))]
}
