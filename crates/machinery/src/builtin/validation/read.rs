//! A place inside an object: its value together with the path that error messages name it by.

use serde_json::{Map, Value};

use super::{BadValue, ErrorKind, FieldError, internal};
use crate::cel::admission::Unusable;
use crate::quantity::Quantity;

/// The errors found so far, in order.
pub type Errors = Vec<FieldError>;

static NULL: Value = Value::Null;

/// A value and its path; the value is null where the object has none.
#[derive(Clone, Debug)]
pub struct At<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> At<'a> {
    /// The value at a path that is already known.
    pub fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self {
            path: path.into(),
            value,
        }
    }

    /// A field of this object: `path.key`.
    pub fn child(&self, key: &str) -> Self {
        Self {
            path: self.path_of(key),
            value: self.value.get(key).unwrap_or(&NULL),
        }
    }

    /// A field that another path names: the value of `key`, reported as `path.name`.
    pub fn renamed(&self, key: &str, name: &str) -> Self {
        Self {
            path: self.path_of(name),
            value: self.value.get(key).unwrap_or(&NULL),
        }
    }

    /// The same value under another path.
    pub fn moved(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: self.value,
        }
    }

    /// The path of a child that may not exist.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            // One of the most frequent things there are: no formatting.
            [&self.path, ".", key].concat()
        }
    }

    fn path_of_entry(&self, key: &str) -> String {
        [&self.path, "[", key, "]"].concat()
    }

    /// An entry of this map: `path[key]`.
    pub fn key(&self, key: &str) -> Self {
        Self {
            path: self.path_of_entry(key),
            value: self.value.get(key).unwrap_or(&NULL),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value, null where there is none.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Whether there is a value: Go's pointer is not nil.
    pub fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// This place if it has a value.
    pub fn set(self) -> Option<Self> {
        self.is_set().then_some(self)
    }

    /// The text, `""` if there is none.
    pub fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    /// The number, 0 if there is none.
    pub fn int(&self) -> i64 {
        self.value.as_i64().unwrap_or_default()
    }

    /// Whether the value is `true`.
    pub fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    /// The elements of the list with paths `path[i]`.
    pub fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items
            .iter()
            .enumerate()
            .map(|(index, value)| Self {
                path: format!("{}[{index}]", self.path),
                value,
            })
            .collect()
    }

    /// The entries of the map with paths `path[key]`, by key.
    pub fn entries(&self) -> Vec<(&'a str, Self)> {
        let map = self.value.as_object();
        let entry = |(key, value): (&'a String, &'a Value)| {
            (
                key.as_str(),
                Self {
                    path: self.path_of_entry(key),
                    value,
                },
            )
        };
        map.map_or_else(Vec::new, |map| map.iter().map(entry).collect())
    }

    /// The map, if it is one.
    pub fn map(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object()
    }

    /// Whether this map has the key, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.map().is_some_and(|map| map.contains_key(key))
    }

    /// Whether Go's `len` of the value is 0.
    pub fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// `Required value` here.
    pub fn required(&self, detail: &str) -> FieldError {
        FieldError::required(&self.path, detail)
    }

    /// `Forbidden: …` here.
    pub fn forbidden(&self, detail: impl Into<String>) -> FieldError {
        FieldError::forbidden(&self.path, detail)
    }

    /// `Invalid value: …` with this very value, text or number.
    pub fn invalid(&self, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, self.value, detail)
    }

    /// `Invalid value: …` with another value.
    pub fn invalid_as(&self, value: impl Into<BadValue>, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, value, detail)
    }

    /// This value is an expression that can't be used; `value` is how it is shown.
    pub fn unusable(&self, value: impl Into<BadValue>, why: Unusable) -> FieldError {
        match why {
            Unusable::Invalid(detail) => self.invalid_as(value, detail),
            Unusable::Internal(detail) => {
                FieldError::new(ErrorKind::Internal, &self.path, BadValue::Omitted, detail)
            }
        }
    }

    /// `Invalid value: …` with this value as Go prints the internal struct of that type.
    pub fn invalid_struct(&self, go_type: &str, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(&self.path, self.dump(go_type), detail)
    }

    /// This value as Go prints the internal type: `core.PodSpec`, `*int`, `[]core.Volume`, ….
    pub fn dump(&self, go_type: &str) -> BadValue {
        BadValue::Json(internal::to_json(go_type, self.value))
    }

    /// This value; a missing one is an empty text.
    fn bad_value(&self) -> BadValue {
        if self.is_set() {
            self.value.into()
        } else {
            "".into()
        }
    }

    /// `Duplicate value: …` with this value.
    pub fn duplicate(&self) -> FieldError {
        FieldError::new(ErrorKind::Duplicate, &self.path, self.bad_value(), "")
    }

    /// `Not found: …` with this value.
    pub fn not_found(&self) -> FieldError {
        FieldError::new(ErrorKind::NotFound, &self.path, self.text(), "")
    }

    /// `Unsupported value: …` with this value.
    pub fn not_supported(&self, supported: &[&str]) -> FieldError {
        FieldError::not_supported(&self.path, self.text(), supported)
    }

    /// One `Invalid value` per complaint about this text.
    pub fn complain(&self, complaints: Vec<String>, errors: &mut Errors) {
        errors.extend(
            complaints
                .into_iter()
                .map(|complaint| self.invalid_as(self.text(), complaint)),
        );
    }

    /// A number that must not be negative; a missing one is 0.
    pub fn not_negative(&self, errors: &mut Errors) {
        if self.int() < 0 {
            errors.push(self.invalid("must be greater than or equal to 0"));
        }
    }

    /// A number that must be positive; a missing one is 0.
    pub fn positive(&self, errors: &mut Errors) {
        if self.int() <= 0 {
            errors.push(self.invalid_as(self.int(), "must be greater than zero"));
        }
    }

    /// A text that must be one of these; an empty one is required.
    pub fn one_of(&self, supported: &[&str], errors: &mut Errors) {
        if self.text().is_empty() {
            errors.push(self.required(""));
        } else if !supported.contains(&self.text()) {
            errors.push(self.not_supported(supported));
        }
    }

    /// A text that must be one of these, also if it is empty.
    pub fn known(&self, supported: &[&str], errors: &mut Errors) {
        if !supported.contains(&self.text()) {
            errors.push(self.not_supported(supported));
        }
    }

    /// A field that an update may not change; `go_type` prints the new value.
    pub fn immutable(&self, old: &Value, go_type: &str, errors: &mut Errors) {
        if !same(self.value, old) {
            let value = if go_type == "string" {
                self.text().into()
            } else {
                self.dump(go_type)
            };
            errors.push(self.invalid_as(value, "field is immutable"));
        }
    }
}

/// Go's semantic equality: nil and empty lists or maps are the same, at any depth. Empty maps are written as empty lists
/// here (`decode::Empties`).
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(items), Value::Array(others)) => {
            items.len() == others.len()
                && items
                    .iter()
                    .zip(others)
                    .all(|(one, other)| same(one, other))
        }
        (Value::Object(map), Value::Object(others)) => same_fields(map, others),
        _ => one == other || (is_nothing(one) && is_nothing(other)),
    }
}

/// Fields that hold quantities, or maps of them, in the types of built-in objects.
const QUANTITIES: [&str; 6] = [
    "capacity",
    "divisor",
    "limits",
    "overhead",
    "requests",
    "sizeLimit",
];

/// Whether quantities are the same, however they are written.
fn same_quantities(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            let read = |text: &str| Quantity::parse(text).ok();
            read(one)
                .zip(read(other))
                .is_some_and(|(one, other)| one.cmp(&other).is_eq())
        }
        (Value::Object(map), Value::Object(others)) => {
            let equal = |(key, value): (&String, &Value)| {
                others
                    .get(key)
                    .is_some_and(|other| same_quantities(value, other))
            };
            map.len() == others.len() && map.iter().all(equal)
        }
        _ => false,
    }
}

/// [`same`] of the fields of two objects.
pub fn same_fields(fields: &Map<String, Value>, others: &Map<String, Value>) -> bool {
    let equal = |(key, value): (&String, &Value)| {
        let other = others.get(key).unwrap_or(&NULL);
        same(value, other) || QUANTITIES.contains(&key.as_str()) && same_quantities(value, other)
    };
    let known = |(key, value): (&String, &Value)| fields.contains_key(key) || is_nothing(value);
    fields.iter().all(equal) && others.iter().all(known)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
    }
}

#[test]
fn what_is_empty_is_as_good_as_nothing() {
    use serde_json::json;
    let one = json!({"a": [{"b": [], "c": 1}], "d": {}});
    assert!(same(&one, &json!({"a": [{"c": 1}], "d": {}, "e": []})));
    assert!(!same(&one, &json!({"a": [{"c": 1}]})));
    assert!(!same(&one, &json!({"a": [{"c": 2}], "d": {}})));
    assert!(!same(&one, &json!({"a": [{"c": 1}, {}], "d": {}})));
}

#[test]
fn quantities_are_the_same_however_they_are_written() {
    use serde_json::json;
    let limits = |cpu: &str| json!({"resources": {"limits": {"cpu": cpu, "memory": "1Gi"}}});
    assert!(same(&limits("1k"), &limits("1e3")));
    assert!(!same(&limits("1k"), &limits("1001")));
    let labels = |value: &str| json!({"labels": {"a": value}});
    assert!(!same(&labels("1k"), &labels("1e3")));
}
