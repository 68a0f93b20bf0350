//! Request bodies as Go's decoder reads them.
//!
//! Promises the value that a Go struct would hold after `json.Unmarshal`, printed again; the strict errors (unknown and
//! duplicate fields) in body order; and Go's error texts. Mirrors `sigs.k8s.io/json` and
//! `k8s.io/apimachinery/pkg/runtime/serializer/json`.

use serde_json::Value;

use crate::schema::{TypeId, TypeTable};

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The normalised object.
    pub value: Value,
    /// Strict errors, `unknown field "spec.foo"` or `duplicate field "data.a"`, in Go's order.
    pub strict: Vec<String>,
}

/// Why a body cannot be decoded. The text is Go's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Neither JSON nor YAML: `unexpected end of JSON input`, …
    #[error("{0}")]
    Syntax(String),
    /// A value of the wrong type: `json: cannot unmarshal number into Go struct field ConfigMap.data of type string`.
    #[error("{0}")]
    Type(String),
}

/// Decodes a JSON or YAML body into a built-in type.
pub fn decode(table: &TypeTable, ty: TypeId, body: &[u8]) -> Result<Decoded, DecodeError> {
    todo!("{table:?} {ty:?} {body:?}")
}

/// Decodes a JSON or YAML body without a type (custom resources): duplicates are reported, numbers are int64 or float64.
pub fn decode_untyped(body: &[u8]) -> Result<Decoded, DecodeError> {
    todo!("{body:?}")
}

/// What Go's struct would print for this object: unknown fields dropped, zero values as Go has them.
pub fn normalise(ty: TypeId, value: &Value) -> Result<Value, DecodeError> {
    todo!("{ty:?} {value:?}")
}

/// [`normalise`] with the unknown fields by path (`unknown field "spec.foo"`, sorted by key at each level).
pub fn normalise_strict(ty: TypeId, value: &Value) -> Result<Decoded, DecodeError> {
    todo!("{ty:?} {value:?}")
}
