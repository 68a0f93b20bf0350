//! The functions: cel-go's own and Kubernetes' (`cel-go/common/stdlib`, `ext`, `apiserver/pkg/cel/library`).

pub(super) mod cost;
pub(super) mod format;
mod lists;
pub(super) mod named;
pub(super) mod net;
mod numbers;
pub(super) mod semver;
mod standard;
mod strings;
pub(super) mod time;
pub(super) mod url;

use super::declarations::PARTS;
use super::error::EvalError;
use super::value::Value;

/// What a function says, or `None` if these are no arguments of its.
type Answer = Option<Result<Value, EvalError>>;

#[allow(clippy::unnecessary_wraps)] // the shape of an answer
fn fail(text: impl Into<String>) -> Answer {
    Some(Err(EvalError::failed(text)))
}

#[allow(clippy::unnecessary_wraps)] // the shape of an answer
fn give(value: impl Into<Value>) -> Answer {
    Some(Ok(value.into()))
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Calls a function; a receiver is the first argument.
pub(super) fn call(function: &str, args: &[Value]) -> Result<Value, EvalError> {
    let libraries = [
        standard::call,
        numbers::call,
        numbers::convert,
        time::call,
        strings::call,
        lists::call,
        format::call,
        url::call,
        net::call,
        semver::call,
        named::call,
    ];
    let mut answers = libraries.iter().map(|library| library(function, args));
    answers
        .find_map(|answer| answer)
        .unwrap_or_else(|| Err(no_overload(function, args)))
}

/// Functions without one implementation for all of their overloads say what they were called with
/// (`MaybeNoSuchOverload` of `cel-go/common/decls`); of those only parts of times are told apart here.
fn no_overload(function: &str, args: &[Value]) -> EvalError {
    if !PARTS.contains(&function) {
        return EvalError::no_overload();
    }
    let types = args.iter().map(Value::type_of);
    let types: Vec<_> = types.map(|found| found.runtime_name().to_owned()).collect();
    EvalError::failed(format!(
        "no such overload: {function}({})",
        types.join(", ")
    ))
}
