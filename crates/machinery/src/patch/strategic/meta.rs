//! What the types say about patching: strategy and merge key of a field, and errors about both.

use serde_json::{Map, Value};

use crate::decode::quote;
use crate::patch::{PatchError, go_value};
use crate::schema::{Field, TypeRef, TypeTable};

/// How a field is patched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta<'t> {
    /// Type of the value, of an element for lists.
    pub ty: &'t TypeRef,
    /// `merge`, `replace` or empty.
    pub strategy: &'t str,
    /// Key of the list's elements, or empty.
    pub key: &'t str,
    /// Unions: `$retainKeys` is written.
    pub retain_keys: bool,
}

pub(super) fn internal(text: String) -> PatchError {
    PatchError::Internal(text)
}

pub(super) fn no_merge_key(map: &Map<String, Value>, key: &str) -> PatchError {
    let map = go_map(map);
    PatchError::Internal(format!(
        "map: {map} does not contain declared merge key: {key}"
    ))
}

pub(super) fn bad_directive(directive: &Value, map: &Map<String, Value>) -> PatchError {
    let (directive, map) = (go_value(directive), go_map(map));
    PatchError::Internal(format!("unknown patch type: {directive} in map: {map}"))
}

pub(super) fn bad_type(expected: &str, got: &Value) -> PatchError {
    let got = go_type(got);
    PatchError::Internal(format!("expected a {expected}, but received a {got}"))
}

pub(super) const MAP: &str = "map[string]interface {}";
pub(super) const LIST: &str = "[]interface {}";

/// `reflect.TypeOf` of decoded JSON; values of different names have different types.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => LIST,
        Value::Object(_) => MAP,
    }
}

fn go_map(map: &Map<String, Value>) -> String {
    go_value(&Value::Object(map.clone()))
}

/// The field of a struct.
pub(super) fn field<'t>(
    table: &'t TypeTable,
    ty: &TypeRef,
    json: &str,
) -> Result<Meta<'t>, PatchError> {
    let structure = match ty {
        TypeRef::Struct(id) => *id,
        TypeRef::Quantity
        | TypeRef::IntOrString
        | TypeRef::Time
        | TypeRef::MicroTime
        | TypeRef::Duration
        | TypeRef::Any
        | TypeRef::SchemaOr(..) => {
            return Err(internal(no_field(special_name(ty), json)));
        }
        TypeRef::String(_)
        | TypeRef::Bool
        | TypeRef::Int(..)
        | TypeRef::Float
        | TypeRef::Bytes
        | TypeRef::List(_)
        | TypeRef::Map(_) => {
            let kind = kind(ty);
            return Err(internal(format!(
                "merging an object in json but data type is not struct, instead is: {kind}"
            )));
        }
    };
    let info = table.info(structure);
    let found = info
        .field(json)
        .or_else(|| {
            info.all_fields()
                .iter()
                .find(|field| field.json.eq_ignore_ascii_case(json))
        })
        .ok_or_else(|| internal(no_field(info.short_name(), json)))?;
    Ok(meta(found))
}

/// The same for a list: the type is that of an element.
pub(super) fn list_field<'t>(
    table: &'t TypeTable,
    ty: &TypeRef,
    json: &str,
) -> Result<Meta<'t>, PatchError> {
    let found = field(table, ty, json)?;
    if let TypeRef::List(element) = found.ty {
        return Ok(Meta {
            ty: element,
            ..found
        });
    }
    let kind = kind(ty);
    Err(internal(format!(
        "expected slice or array type, but got: {kind}"
    )))
}

fn meta(field: &Field) -> Meta<'_> {
    let (retain_keys, strategy) = match field.patch_strategy.as_str() {
        "retainKeys" => (true, ""),
        other => match other.split_once(',') {
            Some((strategy, "retainKeys") | ("retainKeys", strategy)) => (true, strategy),
            _ => (false, other),
        },
    };
    Meta {
        ty: &field.ty,
        strategy,
        key: &field.patch_merge_key,
        retain_keys,
    }
}

fn no_field(structure: &str, json: &str) -> String {
    let json = quote(json);
    format!("unable to find api field in struct {structure} for the json field {json}")
}

fn special_name(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::Quantity => "Quantity",
        TypeRef::IntOrString => "IntOrString",
        TypeRef::Time => "Time",
        TypeRef::MicroTime => "MicroTime",
        TypeRef::Duration => "Duration",
        TypeRef::SchemaOr(..) => "JSONSchemaPropsOrArray",
        _ => "RawExtension",
    }
}

/// `reflect.Kind` of a type.
pub(super) fn kind(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::String(_) => "string",
        TypeRef::Bool => "bool",
        TypeRef::Int(32, _) => "int32",
        TypeRef::Int(..) => "int64",
        TypeRef::Float => "float64",
        TypeRef::Bytes | TypeRef::List(_) => "slice",
        TypeRef::Map(_) => "map",
        TypeRef::Quantity
        | TypeRef::IntOrString
        | TypeRef::Time
        | TypeRef::MicroTime
        | TypeRef::Duration
        | TypeRef::Any
        | TypeRef::SchemaOr(..)
        | TypeRef::Struct(_) => "struct",
    }
}
