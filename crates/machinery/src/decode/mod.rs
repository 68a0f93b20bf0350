//! Request bodies as Go's decoder reads them.
//!
//! Promises the value that a Go struct would hold after `json.Unmarshal`, printed again; the strict errors (unknown and
//! duplicate fields) in body order; and Go's error texts. Mirrors `sigs.k8s.io/json` and
//! `k8s.io/apimachinery/pkg/runtime/serializer/json`.

mod again;
mod convert;
mod empties;
mod normal;
pub mod number;
mod parse;
mod scalar;
mod walk;
mod zero;

use serde_json::Value;

use crate::schema::{TypeId, TypeRef, TypeTable};
use crate::yaml;
use parse::Node;
use walk::Walker;

pub use empties::Empties;
pub(crate) use empties::Part;
pub use normal::{is_normal, is_normal_beside};
pub use parse::MAX_DEPTH;
pub(crate) use scalar::plain_float;
pub use scalar::quote;

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The normalised object.
    pub value: Value,
    /// Strict errors, `unknown field "spec.foo"` or `duplicate field "data.a"`, in Go's order.
    pub strict: Vec<String>,
    /// What was sent empty, and is left out of the value.
    pub empty: Empties,
}

impl Decoded {
    /// Whether it is that value, and nothing was said about it.
    pub fn is_just(&self, value: &Value) -> bool {
        self.value == *value && self.strict.is_empty() && self.empty.is_empty()
    }
}

/// Why a body cannot be decoded. The text is Go's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON (or YAML): `unexpected end of JSON input`, …
    #[error("{0}")]
    Syntax(String),
    /// A value of the wrong type: `json: cannot unmarshal number into Go struct field ConfigMap.data of type string`.
    #[error("{0}")]
    Type(String),
}

/// Decodes a JSON body into a built-in type.
pub fn decode(table: &TypeTable, ty: TypeId, body: &[u8]) -> Result<Decoded, DecodeError> {
    let node = parse::parse(body).map_err(DecodeError::Syntax)?;
    decode_node(table, &TypeRef::Struct(ty), &node)
}

/// Go's word for the type of a JSON value.
pub fn json_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(text) if number::notation_in(text).is_some() => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Decodes a YAML body into a built-in type; a key given twice is one strict error ahead of the others.
pub fn decode_yaml(table: &TypeTable, ty: TypeId, body: &[u8]) -> Result<Decoded, DecodeError> {
    let document = yaml_document(body)?;
    let mut decoded = decode_node(table, &TypeRef::Struct(ty), &Node::of(&document.value))?;
    decoded.strict.splice(0..0, yaml_strict(&document));
    Ok(decoded)
}

/// Decodes a YAML body without a type.
pub fn decode_yaml_untyped(body: &[u8]) -> Result<Decoded, DecodeError> {
    let mut document = yaml_document(body)?;
    number::settle(&mut document.value);
    let strict = yaml_strict(&document).into_iter().collect();
    Ok(Decoded {
        value: document.value,
        strict,
        empty: Empties::default(),
    })
}

fn yaml_document(body: &[u8]) -> Result<yaml::Document, DecodeError> {
    yaml::parse_bytes(body).map_err(|error| DecodeError::Syntax(error.to_string()))
}

/// The one error go-yaml makes of all duplicate keys.
fn yaml_strict(document: &yaml::Document) -> Option<String> {
    let lines = document.duplicates.join("\n  ");
    (!lines.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {lines}"))
}

/// Decodes a JSON body without a type (custom resources): duplicate keys are reported, numbers are int64 or float64.
pub fn decode_untyped(body: &[u8]) -> Result<Decoded, DecodeError> {
    untyped_of(body, false)
}

/// [`decode_untyped`] with numbers as they were written, see [`number`].
pub fn decode_kept(body: &[u8]) -> Result<Decoded, DecodeError> {
    untyped_of(body, true)
}

fn untyped_of(body: &[u8], keeps: bool) -> Result<Decoded, DecodeError> {
    let node = parse::parse(body).map_err(DecodeError::Syntax)?;
    let mut walker = Walker::new(TypeTable::builtin());
    walker.keeps = keeps;
    let value = walker.untyped_strict(&node);
    if let Some(error) = walker.saved {
        return Err(DecodeError::Type(error));
    }
    Ok(Decoded {
        value,
        strict: walker.strict,
        empty: Empties::default(),
    })
}

/// What Go's struct would print for this object: unknown fields dropped, zero values as Go has them.
pub fn normalise(ty: TypeId, value: &Value) -> Result<Value, DecodeError> {
    normalise_strict(ty, value).map(|decoded| decoded.value)
}

/// [`normalise`] with a type of another table.
pub fn normalise_in(table: &TypeTable, ty: TypeId, value: &Value) -> Result<Value, DecodeError> {
    decode_node(table, &TypeRef::Struct(ty), &Node::of(value)).map(|decoded| decoded.value)
}

/// [`normalise`] with the unknown fields by path (`unknown field "spec.foo"`, sorted by key at each level).
pub fn normalise_strict(ty: TypeId, value: &Value) -> Result<Decoded, DecodeError> {
    let node = Node::of(value);
    decode_node(TypeTable::builtin(), &TypeRef::Struct(ty), &node)
}

fn decode_node(table: &TypeTable, ty: &TypeRef, node: &Node<'_>) -> Result<Decoded, DecodeError> {
    let mut walker = Walker::new(table);
    // An error of a type's own decoder wins over an earlier type error, as in Go.
    let value = walker.value(node, ty).map_err(DecodeError::Type)?;
    match walker.saved {
        Some(error) => Err(DecodeError::Type(error)),
        None => Ok(Decoded {
            value,
            strict: walker.strict,
            empty: walker.empty,
        }),
    }
}

/// Converts an untyped object (the result of a strategic merge patch) as Go's unstructured converter does.
///
/// Its errors differ from [`normalise`]'s: `cannot restore slice from map`, `unrecognized type: int32`. The strict
/// errors are sorted.
pub fn from_unstructured(ty: TypeId, value: &Value) -> Result<Decoded, DecodeError> {
    convert::from_unstructured(TypeTable::builtin(), ty, value).map_err(DecodeError::Type)
}

#[cfg(test)]
mod tests;
