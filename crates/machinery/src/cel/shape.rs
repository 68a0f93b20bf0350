//! What a structural schema says about data, for expressions: its type, the values it is read as, and how large it may get
//! (`apiserver/pkg/cel/common/{schemas,valuesunstructured}.go`, `pkg/cel/{types,limits,escaping}.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use serde_json::Value as Json;

use super::library::time;
use super::types::{Object, Type};
use super::value::{Key, ListKind, Value};
use crate::patch::go_type;

/// Bytes of the largest request.
const LARGEST: u64 = 3 * 1024 * 1024;
/// Words of the language, which are no names.
pub(crate) const RESERVED: [&str; 22] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "",
];

/// A schema, as far as expressions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// What kind of data.
    pub kind: Kind,
    /// `null` is a value of it.
    pub nullable: bool,
    /// The most elements, entries or bytes it can have.
    pub max: u64,
    /// The fewest bytes it takes as JSON.
    pub min_bytes: u64,
}

/// What kind of data a schema is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Named fields, with what is hidden from expressions left out.
    Object(BTreeMap<String, Shape>),
    /// Any keys, values of one shape.
    Map(Box<Shape>),
    /// Elements of one shape.
    List(Box<Shape>, ListKind),
    /// Text.
    String,
    /// Text that encodes bytes.
    Bytes,
    /// Text that is a duration.
    Duration,
    /// Text that is a date.
    Date,
    /// Text that is a point in time.
    DateTime,
    /// Numbers.
    Double,
    /// Whole numbers.
    Int,
    /// Truth values.
    Bool,
    /// Whole numbers or text.
    IntOrString,
    /// Not known to expressions, which can compare it at most.
    Hidden,
}

fn text<'a>(schema: &'a Json, key: &str) -> &'a str {
    schema.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn flag(schema: &Json, key: &str) -> bool {
    schema.get(key).and_then(Json::as_bool).unwrap_or_default()
}

fn number(schema: &Json, key: &str) -> Option<u64> {
    let value = schema.get(key)?.as_i64()?;
    Some(u64::try_from(value).unwrap_or_default())
}

/// The most bytes of so many characters. A schema may name any number, and what Go makes of one that is too large is kept.
fn bytes_of(characters: u64) -> u64 {
    characters.wrapping_mul(4)
}

impl Shape {
    /// The shape of a structural schema; `root` for that of a whole resource, whose kind, apiVersion and name are always
    /// there.
    pub fn of(schema: &Json, root: bool) -> Self {
        let nullable = flag(schema, "nullable");
        if flag(schema, "x-kubernetes-int-or-string") {
            let max = number(schema, "maxLength").map_or(LARGEST - 2, bytes_of);
            return Self::leaf(Kind::IntOrString, nullable, max, 1);
        }
        match text(schema, "type") {
            "array" => Self::array(schema, nullable),
            "object" => Self::object(schema, nullable, root),
            "string" => Self::string(schema, nullable),
            "boolean" => Self::leaf(Kind::Bool, nullable, 1, 4),
            "number" => Self::leaf(Kind::Double, nullable, 1, 1),
            "integer" => Self::leaf(Kind::Int, nullable, 1, 1),
            _ => Self::leaf(Kind::Hidden, nullable, 0, 0),
        }
    }

    /// Whether nothing is known of data of a schema, which makes its shape hidden.
    pub fn hides(schema: &Json) -> bool {
        let within = |key: &str| schema.get(key).filter(|inner| inner.is_object());
        if flag(schema, "x-kubernetes-int-or-string") {
            return false;
        }
        match text(schema, "type") {
            "array" => within("items").is_none_or(Self::hides),
            "object" => within("additionalProperties").is_some_and(Self::hides),
            "string" | "boolean" | "number" | "integer" => false,
            _ => true,
        }
    }

    fn leaf(kind: Kind, nullable: bool, max: u64, min_bytes: u64) -> Self {
        Self {
            kind,
            nullable,
            max,
            min_bytes,
        }
    }

    fn array(schema: &Json, nullable: bool) -> Self {
        let Some(items) = schema.get("items").filter(|items| items.is_object()) else {
            return Self::leaf(Kind::Hidden, nullable, 0, 0);
        };
        let embedded = flag(items, "x-kubernetes-embedded-resource");
        let items = Self::of(items, embedded);
        let max = number(schema, "maxItems").unwrap_or((LARGEST - 2) / (items.min_bytes + 1));
        let list = match text(schema, "x-kubernetes-list-type") {
            "set" => ListKind::Set,
            "map" => {
                let keys = schema
                    .get("x-kubernetes-list-map-keys")
                    .and_then(Json::as_array);
                let keys = keys.into_iter().flatten().filter_map(Json::as_str);
                ListKind::Map(keys.filter_map(escape).collect())
            }
            _ => ListKind::Atomic,
        };
        Self::leaf(Kind::List(Box::new(items), list), nullable, max, 2)
    }

    fn object(schema: &Json, nullable: bool, root: bool) -> Self {
        let additional = schema
            .get("additionalProperties")
            .filter(|value| value.is_object());
        if let Some(values) = additional {
            let embedded = flag(values, "x-kubernetes-embedded-resource");
            let values = Self::of(values, embedded);
            let max =
                number(schema, "maxProperties").unwrap_or((LARGEST - 2) / (values.min_bytes + 6));
            return Self::leaf(Kind::Map(Box::new(values)), nullable, max, 2);
        }
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let mut fields = BTreeMap::new();
        let mut min_bytes = 2;
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let shape = Self::of(property, flag(property, "x-kubernetes-embedded-resource"));
            if !shape.is_hidden()
                && required.contains(name.as_str())
                && property.get("default").is_none_or(Json::is_null)
            {
                min_bytes += name.len() as u64 + shape.min_bytes + 4;
            }
            fields.insert(name.clone(), shape);
        }
        if (root || flag(schema, "x-kubernetes-embedded-resource")) && !is_resource(&fields) {
            let name = || Self::leaf(Kind::String, false, LARGEST - 2, 2);
            fields.insert("kind".to_owned(), name());
            fields.insert("apiVersion".to_owned(), name());
            let metadata = [("name", name()), ("generateName", name())];
            let metadata = metadata.map(|(key, shape)| (key.to_owned(), shape));
            let metadata = Kind::Object(metadata.into());
            fields.insert("metadata".to_owned(), Self::leaf(metadata, false, 0, 2));
        }
        Self::leaf(Kind::Object(fields), nullable, 0, min_bytes)
    }

    /// A text, as far as it is one.
    fn is_text(&self) -> bool {
        match self.kind {
            Kind::String | Kind::Bytes | Kind::Duration | Kind::Date | Kind::DateTime => true,
            Kind::Object(_)
            | Kind::Map(_)
            | Kind::List(..)
            | Kind::Double
            | Kind::Int
            | Kind::Bool
            | Kind::IntOrString
            | Kind::Hidden => false,
        }
    }

    fn string(schema: &Json, nullable: bool) -> Self {
        let (kind, max, min) = match text(schema, "format") {
            "byte" => (
                Kind::Bytes,
                number(schema, "maxLength").unwrap_or(LARGEST - 2),
                2,
            ),
            "duration" => (Kind::Duration, 32, 3),
            "date" => (Kind::Date, 12, 12),
            "date-time" => (Kind::DateTime, 32, 21),
            _ => {
                let longest = schema.get("enum").and_then(Json::as_array).map(|values| {
                    let lengths = values.iter().filter_map(Json::as_str).map(str::len);
                    lengths.max().unwrap_or_default() as u64
                });
                let max = number(schema, "maxLength")
                    .map(bytes_of)
                    .or(longest)
                    .unwrap_or(LARGEST - 2);
                (Kind::String, max, 2)
            }
        };
        Self::leaf(kind, nullable, max, min)
    }

    /// Expressions cannot look at it: nothing is known of the data.
    pub fn is_hidden(&self) -> bool {
        match &self.kind {
            Kind::Hidden => true,
            Kind::List(inner, _) | Kind::Map(inner) => inner.is_hidden(),
            _ => false,
        }
    }

    /// The type of the data; `name` for objects, whose fields are named after it.
    pub fn type_named(&self, name: &str) -> Type {
        match &self.kind {
            Kind::Object(shapes) => {
                let fields = shapes
                    .iter()
                    .filter(|(_, shape)| !shape.is_hidden())
                    .filter_map(|(key, shape)| {
                        let key = escape(key)?;
                        let inner = shape.type_named(&format!("{name}.{key}"));
                        Some((key, inner))
                    });
                let mut fields: BTreeMap<String, Type> = fields.collect();
                // Words of the language are fields under their own name as well.
                for word in RESERVED {
                    if let Some(known) = fields.get(&format!("__{word}__")).cloned()
                        && shapes.contains_key(word)
                    {
                        fields.insert(word.to_owned(), known);
                    }
                }
                Type::Object(Object::new(name, fields))
            }
            Kind::Map(values) => Type::map_of(values.type_named(&format!("{name}.@elem"))),
            Kind::List(items, _) => Type::list(items.type_named(&format!("{name}.@idx"))),
            Kind::String => Type::String,
            Kind::Bytes => Type::Bytes,
            Kind::Duration => Type::Duration,
            Kind::Date | Kind::DateTime => Type::Timestamp,
            Kind::Double => Type::Double,
            Kind::Int => Type::Int,
            Kind::Bool => Type::Bool,
            Kind::IntOrString | Kind::Hidden => Type::Dyn,
        }
    }

    /// Reads data; what does not fit is an error for whoever looks at it.
    pub fn value(&self, data: &Json) -> Value {
        if data.is_null() {
            return if self.nullable {
                Value::Null
            } else {
                broken("invalid data, got null for schema with nullable=false")
            };
        }
        match (&self.kind, data) {
            (Kind::Object(fields), Json::Object(map)) => {
                // A null in an object is as if it were not there.
                let known = |key: &str, data: &Json| {
                    let field = fields.get(key);
                    field.filter(|shape| !shape.is_hidden() && !data.is_null())
                };
                let words = map.iter().filter_map(|(key, data)| {
                    let shape = known(key, data)?;
                    let word = RESERVED.contains(&key.as_str());
                    word.then(|| (key.clone(), shape.value(data)))
                });
                let entries = map.iter().filter_map(|(key, data)| {
                    match known(key, data) {
                        Some(shape) => Some((escape(key)?, shape.value(data))),
                        // Cannot be read under this name, and counts when objects are compared.
                        None => Some((format!("{key}\0"), hidden(data))),
                    }
                });
                Value::map(entries.chain(words))
            }
            (Kind::Map(values), Json::Object(map)) => {
                let entries = map
                    .iter()
                    .map(|(key, data)| (Key::String(key.as_str().into()), values.value(data)));
                Value::Map(Arc::new(entries.collect()))
            }
            (Kind::List(items, kind), Json::Array(list)) => Value::List(super::value::List {
                items: list.iter().map(|data| items.value(data)).collect(),
                kind: kind.clone(),
            }),
            (Kind::Double, Json::Number(number)) => {
                number.as_f64().map_or_else(|| hidden(data), Value::Double)
            }
            (Kind::Int | Kind::IntOrString, Json::Number(number)) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => broken(&self.mismatch(data)),
            },
            (Kind::Bool, Json::Bool(value)) => Value::Bool(*value),
            (Kind::Hidden, _) => hidden(data),
            (_, Json::String(text)) => self.text(text),
            _ => broken(&self.mismatch(data)),
        }
    }

    fn text(&self, text: &str) -> Value {
        match self.kind {
            Kind::String | Kind::IntOrString => Value::from(text),
            Kind::Bytes => match base64::engine::general_purpose::STANDARD.decode(text) {
                Ok(bytes) => Value::Bytes(bytes.into()),
                Err(error) => broken(&format!("Invalid byte formatted string {text}: {error}")),
            },
            Kind::Duration => match time::format_duration(text) {
                Some(nanos) => Value::Duration(nanos),
                None => broken(&format!(
                    "Invalid duration {text}: unable to parse {text} as duration"
                )),
            },
            Kind::Date => match time::date(text) {
                Some(at) => Value::Timestamp(at),
                None => broken(&format!("Invalid date formatted string {text}")),
            },
            Kind::DateTime => match time::date_time(text) {
                Some(at) => Value::Timestamp(at),
                None => broken(&format!("Invalid date-time formatted string {text}")),
            },
            _ => broken(&self.mismatch(&Json::from(text))),
        }
    }

    fn mismatch(&self, data: &Json) -> String {
        let found = go_type(data);
        match &self.kind {
            Kind::Object(_) | Kind::Map(_) => {
                "invalid data, expected a map for the provided schema with type=object".to_owned()
            }
            Kind::List(..) => {
                "invalid data, expected an array for the provided schema with type=array".to_owned()
            }
            Kind::IntOrString => {
                "invalid data, expected XIntOrString value to be either a string or integer"
                    .to_owned()
            }
            Kind::Double => format!("invalid data, expected float, got {found}"),
            Kind::Int => format!("invalid data, expected int, got {found}"),
            Kind::Bool => format!("invalid data, expected bool, got {found}"),
            _ => format!("invalid data, expected string, got {found}"),
        }
    }

    /// The most elements, entries or bytes of what is at a path of names in expressions, `@items`, `@values` and `@keys`; what
    /// has no size has 0 of them. `None` if nothing is known to be there.
    pub(super) fn most_at(&self, path: &[String]) -> Option<u64> {
        let Some((step, rest)) = path.split_first() else {
            return Some(match self.kind {
                Kind::Bool | Kind::Int | Kind::Double | Kind::Object(_) => 0,
                _ => self.max,
            });
        };
        match (&self.kind, step.as_str()) {
            (Kind::List(inner, _) | Kind::Map(inner), "@items" | "@values") => inner.most_at(rest),
            (Kind::Map(_), "@keys") => rest.is_empty().then_some(0),
            (Kind::Object(fields), name) => {
                let known = fields.iter().find(|(key, shape)| {
                    !shape.is_hidden() && escape(key).as_deref() == Some(name)
                });
                known?.1.most_at(rest)
            }
            _ => None,
        }
    }

    /// How often data of at least this size can occur in a request.
    pub fn max_cardinality(&self) -> u64 {
        LARGEST / (self.min_bytes + 1)
    }
}

/// Whether what every resource has is among the fields.
fn is_resource(fields: &BTreeMap<String, Shape>) -> bool {
    let is_text = |fields: &BTreeMap<String, Shape>, key: &str| {
        let field = fields.get(key);
        field.is_some_and(Shape::is_text)
    };
    let named = match fields.get("metadata").map(|metadata| &metadata.kind) {
        Some(Kind::Object(metadata)) => {
            is_text(metadata, "name") && is_text(metadata, "generateName")
        }
        _ => false,
    };
    named && is_text(fields, "kind") && is_text(fields, "apiVersion")
}

fn broken(text: &str) -> Value {
    Value::Broken(text.into())
}

fn hidden(data: &Json) -> Value {
    Value::Foreign("".into(), Arc::new(data.clone()))
}

/// Data without a schema: whole numbers are `int`, others `double`.
pub fn untyped(data: &Json) -> Value {
    match data {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Double(number.as_f64().unwrap_or_default()),
            Value::Int,
        ),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => Value::list(list.iter().map(untyped)),
        Json::Object(map) => Value::map(map.iter().map(|(key, data)| (key.clone(), untyped(data)))),
    }
}

/// The name a property has in expressions, or `None` if it cannot be named there.
pub fn escape(property: &str) -> Option<String> {
    let mut characters = property.chars();
    let first = characters.next()?;
    let fits = (first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'));
    if !fits {
        return None;
    }
    if RESERVED.contains(&property) {
        return Some(format!("__{property}__"));
    }
    let escaped = property
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    Some(escaped)
}
