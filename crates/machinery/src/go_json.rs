//! JSON text as Go's `encoding/json` writes it.
//!
//! Promises Go's field order for typed values, sorted keys otherwise, Go's escaping of `<`, `>`, `&`, U+2028 and
//! U+2029, and Go's float format. Mirrors `encoding/json` `encode.go`.

use serde_json::Value;

use crate::schema::TypeId;

/// Compact text. With a type, known fields come in Go order, others sorted after them; without one, sorted.
pub fn to_vec(value: &Value, ty: Option<TypeId>) -> Vec<u8> {
    todo!("{value:?} {ty:?}")
}

/// The same, indented by two spaces as `json.MarshalIndent(v, "", "  ")` does.
pub fn to_vec_pretty(value: &Value, ty: Option<TypeId>) -> Vec<u8> {
    todo!("{value:?} {ty:?}")
}

/// Appends a quoted and escaped string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    todo!("{out:?} {text}")
}
