//! Where a field is: path elements, how messages spell them and how `fieldsV1` does.
//!
//! Mirrors `structured-merge-diff/fieldpath/{element,path,serialize-pe}.go` and the order of `value/value.go`.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

use crate::decode::quote;
use crate::go_json;
use crate::patch::go_value;

/// A JSON value with an order: numbers (whole and broken ones by size), then strings, booleans, lists, maps, null.
#[derive(Debug, Clone)]
pub struct Datum(pub Value);

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A field of a struct or a key of a map: `f:image`.
    Field(String),
    /// An element of a list of type `map`, by its key fields in order of their names: `k:{"name":"c"}`.
    Key(Vec<(String, Datum)>),
    /// An element of a list of type `set`: `v:"example.com/x"`.
    Value(Datum),
    /// An element of an atomic list: `i:3`.
    Index(i64),
}

/// The way to a field from the top of its object.
pub type Path = Vec<PathElement>;

/// A path element's text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Shorter than its type and the colon.
    #[error("key must be 2 characters long:")]
    Short,
    /// No colon behind the type.
    #[error("missing colon: {0}")]
    NoColon(String),
    /// The content does not fit the type.
    #[error("parsing key as path element: {0}")]
    Content(String),
}

impl PartialEq for Datum {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Datum {}

impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Datum {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// Whether two values are the same; `1` and `1.0` are.
pub fn equal(one: &Value, other: &Value) -> bool {
    compare(one, other) == Ordering::Equal
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .partial_cmp(&b.as_f64())
                .unwrap_or(Ordering::Equal),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => compare_lists(a, b),
        (Value::Object(a), Value::Object(b)) => compare_maps(a, b),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn compare_lists(one: &[Value], other: &[Value]) -> Ordering {
    one.iter()
        .zip(other)
        .map(|(a, b)| compare(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| one.len().cmp(&other.len()))
}

fn compare_maps(one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    one.iter()
        .zip(other)
        .map(|((key, a), (other_key, b))| key.cmp(other_key).then_with(|| compare(a, b)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| one.len().cmp(&other.len()))
}

/// A value in a message: strings quoted as Go does, numbers as `%v` prints them.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Null => f.write_str("null"),
            Value::String(text) => f.write_str(&quote(text)),
            other => f.write_str(&go_value(other)),
        }
    }
}

/// The spelling of messages: `.image`, `[name="c"]`, `[="x"]`, `[3]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                write!(f, "[{}]", fields.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path in a message: `.spec.containers[name="c"].image`.
pub fn path_text(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}

impl PathElement {
    /// A field of that name.
    pub fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The key of `fieldsV1`: `f:image`, `k:{"name":"c"}`, `v:"x"`, `i:3`.
    pub fn to_key(&self) -> String {
        match self {
            Self::Field(name) => ["f:", name].concat(),
            Self::Key(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{}:{}", json_text(name), json(&value.0)))
                    .collect();
                format!("k:{{{}}}", fields.join(","))
            }
            Self::Value(value) => format!("v:{}", json(&value.0)),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads a key of `fieldsV1`; nothing for a type of element that is not known here, which is to be left out.
    pub fn from_key(text: &str) -> Result<Option<Self>, PathError> {
        let mut bytes = text.bytes();
        let (Some(kind), Some(colon)) = (bytes.next(), bytes.next()) else {
            return Err(PathError::Short);
        };
        let content = text.get(2..).unwrap_or_default();
        if colon != b':' {
            return Err(PathError::NoColon(text.to_owned()));
        }
        match kind {
            b'f' => Ok(Some(Self::field(content))),
            b'v' => serde_json::from_str(content)
                .map(|value| Some(Self::Value(Datum(value))))
                .map_err(|error| PathError::Content(error.to_string())),
            b'k' => serde_json::from_str::<Map<String, Value>>(content)
                .map(|fields| Some(Self::key(fields)))
                .map_err(|error| PathError::Content(error.to_string())),
            b'i' => content
                .parse()
                .map(|index| Some(Self::Index(index)))
                .map_err(|_| PathError::Content(format!("parsing {content:?}: invalid syntax"))),
            _ => Ok(None),
        }
    }

    /// The element whose key fields have these values.
    pub fn key(fields: Map<String, Value>) -> Self {
        let mut fields: Vec<(String, Datum)> = fields
            .into_iter()
            .map(|(name, value)| (name, Datum(value)))
            .collect();
        fields.sort();
        Self::Key(fields)
    }
}

/// A value as Go's encoder writes it.
fn json(value: &Value) -> String {
    go_json::to_string(value, None)
}

/// A string in quotes without Go's escaping for HTML, as upstream writes keys of objects.
pub(super) fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_are_spelt_as_a_server_does() {
        let key = PathElement::key(
            json!({"protocol": "TCP", "containerPort": 80})
                .as_object()
                .unwrap()
                .clone(),
        );
        let set = PathElement::Value(Datum(json!("example.com/\"x\"<")));
        assert_eq!(key.to_key(), r#"k:{"containerPort":80,"protocol":"TCP"}"#);
        assert_eq!(key.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert_eq!(set.to_key(), r#"v:"example.com/\"x\"\u003c""#);
        assert_eq!(set.to_string(), r#"[="example.com/\"x\"<"]"#);
        assert_eq!(PathElement::field("a.b/c").to_key(), "f:a.b/c");
        assert_eq!(PathElement::Index(3).to_key(), "i:3");
        for element in [key, set, PathElement::field(""), PathElement::Index(-1)] {
            let read = PathElement::from_key(&element.to_key()).unwrap();
            assert_eq!(read, Some(element));
        }
    }

    #[test]
    fn elements_that_cannot_be_read_are_refused_and_unknown_ones_left_out() {
        assert_eq!(PathElement::from_key("x:1"), Ok(None));
        assert_eq!(PathElement::from_key("f"), Err(PathError::Short));
        assert!(matches!(
            PathElement::from_key("fa"),
            Err(PathError::NoColon(_))
        ));
        for text in ["i:x", "v:", "v:1 2", "k:[]", "k:{"] {
            assert!(PathElement::from_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_come_before_text_and_are_compared_by_size() {
        let mut values = [
            json!(null),
            json!("a"),
            json!(443),
            json!(true),
            json!(80),
            json!(80.5),
        ]
        .map(Datum);
        values.sort();
        let order: Vec<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(order, ["80", "80.5", "443", "\"a\"", "true", "null"]);
        assert!(equal(&json!({"a": [1]}), &json!({"a": [1.0]})));
        assert!(!equal(&json!({"a": [1]}), &json!({"a": [1, 1]})));
    }
}
