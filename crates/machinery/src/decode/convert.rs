//! Untyped objects into Go structs, as the unstructured converter of apimachinery does it.
//!
//! Mirrors `k8s.io/apimachinery/pkg/runtime/converter.go`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::empties::Empties;
use super::parse::Node;
use super::walk::{Step, Walker, untyped};
use super::zero::{omitted, was_empty, zero, zero_field};
use super::{Decoded, scalar};
use crate::schema::{TypeId, TypeRef, TypeTable};

/// The converted object, or the first error in Go's field order.
pub(super) fn from_unstructured<'v>(
    table: &'v TypeTable,
    ty: TypeId,
    value: &'v Value,
) -> Result<Decoded, String> {
    let mut converter = Converter {
        table,
        path: String::new(),
        place: Vec::new(),
        strict: Vec::new(),
        empty: Empties::default(),
    };
    let value = converter.value(value, &TypeRef::Struct(ty))?;
    let (mut strict, empty) = (converter.strict, converter.empty);
    strict.sort();
    Ok(Decoded {
        value,
        strict,
        empty,
    })
}

struct Converter<'v> {
    table: &'v TypeTable,
    path: String,
    /// The same path with what the text of it leaves out: keys of maps.
    place: Vec<Step<'v>>,
    strict: Vec<String>,
    empty: Empties,
}

impl<'v> Converter<'v> {
    fn value(&mut self, value: &'v Value, ty: &TypeRef) -> Result<Value, String> {
        if value.is_null() {
            return Ok(zero(self.table, ty));
        }
        match (ty, value) {
            (TypeRef::Struct(id), Value::Object(map)) => self.structure(map, *id),
            (TypeRef::Struct(_), _) => Err(format!("cannot restore struct from: {}", kind(value))),
            (TypeRef::Map(element), Value::Object(map)) => {
                let entries = map.iter().map(|(key, value)| {
                    self.place.push(Step::Key(key));
                    let value = self.value(value, element)?;
                    self.place.pop();
                    Ok((key.clone(), value))
                });
                entries
                    .collect::<Result<Map<_, _>, String>>()
                    .map(Value::Object)
            }
            (TypeRef::Map(_), _) => Err(format!("cannot restore map from {}", kind(value))),
            (TypeRef::List(element), Value::Array(items)) => self.list(items, element),
            (TypeRef::List(_) | TypeRef::Bytes, _) if !is_text_for(ty, value) => {
                Err(format!("cannot restore slice from {}", kind(value)))
            }
            (TypeRef::Bytes, Value::String(text)) => scalar::base64(text)
                .map(Value::String)
                .map_err(|error| format!("error decoding from json: {error}")),
            (TypeRef::String(name) | TypeRef::Int(_, name), _) => simple(value, ty, name),
            (TypeRef::Bool, _) => simple(value, ty, "bool"),
            (TypeRef::Float, _) => simple(value, ty, "float64"),
            (TypeRef::Any, _) => Ok(untyped(&Node::of(value))),
            _ => Walker::new(self.table).value(&Node::of(value), ty),
        }
    }

    fn structure(&mut self, map: &'v Map<String, Value>, id: TypeId) -> Result<Value, String> {
        let info = self.table.info(id);
        let length = self.path.len();
        let mut out = Map::new();
        for field in info.all_fields() {
            let value = match map.get(&field.json) {
                None | Some(Value::Null) => zero_field(self.table, field),
                Some(value) => {
                    self.push(&field.json);
                    self.place.push(Step::Key(&field.json));
                    let converted = self.value(value, &field.ty)?;
                    if was_empty(field, &converted) && omitted(field, &converted, self.table) {
                        self.empty.note(self.place.iter().map(Step::part));
                    }
                    self.place.pop();
                    self.path.truncate(length);
                    converted
                }
            };
            if !omitted(field, &value, self.table) {
                out.insert(field.json.clone(), value);
            }
        }
        for key in map.keys().filter(|key| info.field(key).is_none()) {
            self.push(key);
            self.strict.push(format!("unknown field \"{}\"", self.path));
            self.path.truncate(length);
        }
        Ok(Value::Object(out))
    }

    fn list(&mut self, items: &'v [Value], element: &TypeRef) -> Result<Value, String> {
        let length = self.path.len();
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let _ = write!(self.path, "[{index}]");
            self.place.push(Step::Index(index));
            out.push(self.value(item, element)?);
            self.place.pop();
            self.path.truncate(length);
        }
        Ok(Value::Array(out))
    }

    fn push(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }
}

/// Bytes are written as text.
fn is_text_for(ty: &TypeRef, value: &Value) -> bool {
    matches!(ty, TypeRef::Bytes) && value.is_string()
}

/// Strings, booleans and numbers: conversions within these groups only.
fn simple(value: &Value, ty: &TypeRef, go_type: &str) -> Result<Value, String> {
    let unrecognized = || Err(format!("unrecognized type: {}", kind_of_type(ty)));
    let cannot = || Err(format!("cannot convert {} to {go_type}", kind(value)));
    match (ty, value) {
        (TypeRef::String(_), Value::String(_)) | (TypeRef::Bool, Value::Bool(_)) => {
            Ok(value.clone())
        }
        (TypeRef::Float, Value::Number(number)) => {
            let float = number.as_f64().and_then(scalar::plain_float);
            Ok(float.map_or_else(|| value.clone(), Value::Number))
        }
        (TypeRef::Int(bits, _), Value::Number(number)) => {
            match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Ok(wrapped(number, *bits)),
                (None, Some(float)) => {
                    whole(float).map_or_else(cannot, |number| Ok(wrapped(number, *bits)))
                }
                (None, None) => cannot(),
            }
        }
        // Go can convert an integer to a string, so that the other message is used.
        (TypeRef::String(_), Value::Number(number)) if !number.is_f64() => cannot(),
        _ => unrecognized(),
    }
}

/// A float without a fraction as an integer: the smallest one where it is too large for any, as on amd64.
fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0).then(|| format!("{float:.0}").parse().unwrap_or(i64::MIN))
}

/// Go's integer conversion drops the upper bits.
fn wrapped(number: i64, bits: u8) -> Value {
    if bits >= 64 {
        return Value::from(number);
    }
    let [a, b, c, d, ..] = number.to_le_bytes();
    Value::from(i32::from_le_bytes([a, b, c, d]))
}

/// `reflect.Kind` of decoded JSON.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

/// `reflect.Kind` of a simple type.
fn kind_of_type(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::Bool => "bool",
        TypeRef::Int(32, _) => "int32",
        TypeRef::Int(..) => "int64",
        TypeRef::Float => "float64",
        _ => "string",
    }
}
