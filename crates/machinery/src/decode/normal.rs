//! Whether a value is what Go would print of it already, so that it need not be decoded.

use serde_json::Value;

use super::number::{notation_in, read, shown};
use super::parse::Node;
use super::walk::{RAW, Walker};
use super::zero::omitted;
use crate::schema::{TypeId, TypeInfo, TypeRef, TypeTable};

/// Whether [`super::normalise_strict`] would answer with this very value, without strict errors and without anything
/// empty. False where that would have to be tried.
pub fn is_normal(ty: TypeId, value: &Value) -> bool {
    let table = TypeTable::builtin();
    is_structure(table, table.info(ty), value)
}

fn is_structure(table: &TypeTable, info: &TypeInfo, value: &Value) -> bool {
    let Value::Object(map) = value else {
        return false;
    };
    let fields = info.all_fields();
    let mut always = 0;
    for (key, value) in map {
        let found = info.position(key).and_then(|position| fields.get(position));
        let Some(field) = found else {
            return false;
        };
        let null_pointer = field.pointer && value.is_null();
        let normal = null_pointer || is_value(table, info, &field.ty, value);
        if !normal || omitted(field, value, table) {
            return false;
        }
        always += usize::from(!field.may_be_absent());
    }
    always == info.always_present()
}

/// A value of a type within that struct.
fn is_value(table: &TypeTable, within: &TypeInfo, ty: &TypeRef, value: &Value) -> bool {
    match (ty, value) {
        (TypeRef::Struct(id), value) => is_structure(table, table.info(*id), value),
        (
            TypeRef::List(_)
            | TypeRef::Map(_)
            | TypeRef::Any
            | TypeRef::Bytes
            | TypeRef::Time
            | TypeRef::MicroTime,
            Value::Null,
        )
        | (TypeRef::Bool, Value::Bool(_)) => true,
        (TypeRef::List(element), Value::Array(items)) => items
            .iter()
            .all(|item| is_value(table, within, element, item)),
        (TypeRef::Map(element), Value::Object(entries)) => entries
            .values()
            .all(|entry| is_value(table, within, element, entry)),
        (TypeRef::String(_), Value::String(text)) => notation_in(text).is_none(),
        (TypeRef::Int(bits, _), Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| (number << (64 - bits)) >> (64 - bits) == number),
        (TypeRef::Any, value) => !RAW.contains(&within.short_name()) && is_untyped(value),
        (
            TypeRef::Bytes
            | TypeRef::Quantity
            | TypeRef::IntOrString
            | TypeRef::Time
            | TypeRef::MicroTime
            | TypeRef::Duration,
            Value::String(_) | Value::Number(_),
        ) => {
            let node = Node::of(value);
            let mut walker = Walker::new(table);
            walker.value(&node, ty).as_ref() == Ok(value) && walker.saved.is_none()
        }
        (
            TypeRef::String(_)
            | TypeRef::Bool
            | TypeRef::Int(..)
            | TypeRef::Float
            | TypeRef::Bytes
            | TypeRef::Quantity
            | TypeRef::IntOrString
            | TypeRef::Time
            | TypeRef::MicroTime
            | TypeRef::Duration
            | TypeRef::SchemaOr(..)
            | TypeRef::List(_)
            | TypeRef::Map(_),
            _,
        ) => false,
    }
}

/// A value that `map[string]any` holds as it is.
fn is_untyped(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some() || read(&shown(number)) == *value,
        Value::String(text) => notation_in(text).is_none(),
        Value::Array(items) => items.iter().all(is_untyped),
        Value::Object(entries) => entries.values().all(is_untyped),
    }
}
