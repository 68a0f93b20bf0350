//! Zero values of Go types, and when `omitempty` and `omitzero` leave a field out.

use serde_json::{Number, Value};

use crate::schema::{Field, Omit, TypeRef, TypeTable};

/// Go leaves the field out when it holds this value.
pub(super) fn omitted(field: &Field, value: &Value, table: &TypeTable) -> bool {
    match field.omit {
        Omit::Never => false,
        Omit::Empty => is_empty(field, value),
        Omit::Zero => is_empty(field, value) || *value == zero_field(table, field),
    }
}

/// Whether a field that is left out is an empty list or map, not nil.
pub(super) fn was_empty(field: &Field, value: &Value) -> bool {
    !field.pointer && matches!(field.ty, TypeRef::List(_) | TypeRef::Map(_)) && !value.is_null()
}

fn is_empty(field: &Field, value: &Value) -> bool {
    if field.pointer {
        return value.is_null();
    }
    match (&field.ty, value) {
        (TypeRef::String(_) | TypeRef::Bytes, Value::String(text)) => text.is_empty(),
        (TypeRef::Bool, Value::Bool(flag)) => !flag,
        (TypeRef::Int(..) | TypeRef::Float, Value::Number(number)) => is_zero(number),
        (TypeRef::List(_), Value::Array(items)) => items.is_empty(),
        (TypeRef::Map(_), Value::Object(map)) => map.is_empty(),
        (TypeRef::Bytes | TypeRef::List(_) | TypeRef::Map(_), value) => value.is_null(),
        _ => false,
    }
}

fn is_zero(number: &Number) -> bool {
    number.as_f64() == Some(0.0)
}

/// What Go prints for the zero value of a field that is never left out.
pub(super) fn zero_field(table: &TypeTable, field: &Field) -> Value {
    if field.pointer {
        Value::Null
    } else {
        zero(table, &field.ty)
    }
}

/// What Go prints for the zero value of a type.
pub(super) fn zero(table: &TypeTable, ty: &TypeRef) -> Value {
    match ty {
        TypeRef::String(_) => Value::String(String::new()),
        TypeRef::Bool => Value::Bool(false),
        TypeRef::Int(..) | TypeRef::Float | TypeRef::IntOrString => Value::from(0),
        TypeRef::Quantity => Value::from("0"),
        TypeRef::Duration => Value::from("0s"),
        TypeRef::Bytes
        | TypeRef::Time
        | TypeRef::MicroTime
        | TypeRef::Any
        | TypeRef::SchemaOr(..)
        | TypeRef::List(_)
        | TypeRef::Map(_) => Value::Null,
        TypeRef::Struct(id) => {
            let fields = table.info(*id).all_fields();
            let present = fields.iter().filter(|field| !field.may_be_absent());
            Value::Object(
                present
                    .map(|field| (field.json.clone(), zero_field(table, field)))
                    .collect(),
            )
        }
    }
}
