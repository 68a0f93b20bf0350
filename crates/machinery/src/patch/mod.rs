//! The three patch formats a Kubernetes API server takes: JSON, merge and strategic merge.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/patch.go` and the libraries below it.

mod bounds;
pub mod json;
pub mod merge;
pub mod strategic;
mod touched;

use serde_json::{Map, Value};

use crate::decode::{self, DecodeError};
use crate::go_json;

pub use touched::Touched;

/// Why a patch was refused. The text is the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// 400: the patch is no patch (`error decoding patch: …`, `invalid patch format of retainKeys`).
    #[error("{0}")]
    Malformed(String),
    /// 422 with the generic text: a JSON patch that does not fit the document; here the library's own words.
    #[error("{0}")]
    CannotApply(String),
    /// 413: more operations than allowed.
    #[error(
        "Request entity too large: The allowed maximum operations in a JSON patch is {allowed}, got {got}"
    )]
    TooManyOperations {
        /// The limit.
        allowed: usize,
        /// How many the patch has.
        got: usize,
    },
    /// 500 without a reason.
    #[error("{0}")]
    Internal(String),
}

/// A patch that is a JSON object, with the strict errors (duplicate keys) of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchBody {
    /// The patch.
    pub patch: Value,
    /// `duplicate field "data.a"`, in body order.
    pub strict: Vec<String>,
}

/// Reads an object; the error is Go's, for a `map[string]interface{}`. JSON `null` is an empty patch.
fn object(body: &[u8]) -> Result<PatchBody, DecodeError> {
    let decode::Decoded { value, strict, .. } = decode::decode_untyped(body)?;
    let what = match value {
        Value::Object(_) => {
            return Ok(PatchBody {
                patch: value,
                strict,
            });
        }
        Value::Null => {
            return Ok(PatchBody {
                patch: Value::Object(Map::new()),
                strict,
            });
        }
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(DecodeError::Type(format!(
        "json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
    )))
}

/// The type of a decoded value as Go's `%T` prints it.
pub fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%v` prints it: `map[a:1 b:[x y]]`, `<nil>`.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => go_json::show_float(float),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}:{}", go_value(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}
