//! Arithmetic and conversions (`cel-go/common/types/{int,uint,double,overflow}.go`).

use std::sync::Arc;

use super::super::value::Value;
use super::{Answer, fail, give, time};
use crate::go_number::parse_float;
use crate::quantity::{Format, Quantity};

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("-_", [Value::Int(a)]) => int(a.checked_neg()),
        ("-_", [Value::Double(a)]) => give(Value::Double(-a)),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [Value::Int(a), Value::Int(b)]) => {
            if *b == 0 && function == "_/_" {
                return fail("division by zero");
            }
            if *b == 0 && function == "_%_" {
                return fail("modulus by zero");
            }
            int(match function {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            })
        }
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [Value::Uint(a), Value::Uint(b)]) => {
            if *b == 0 && function == "_/_" {
                return fail("division by zero");
            }
            if *b == 0 && function == "_%_" {
                return fail("modulus by zero");
            }
            let result = match function {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map_or_else(
                || fail("unsigned integer overflow"),
                |value| give(Value::Uint(value)),
            )
        }
        ("_+_", [Value::Double(a), Value::Double(b)]) => give(Value::Double(a + b)),
        ("_-_", [Value::Double(a), Value::Double(b)]) => give(Value::Double(a - b)),
        ("_*_", [Value::Double(a), Value::Double(b)]) => give(Value::Double(a * b)),
        ("_/_", [Value::Double(a), Value::Double(b)]) => give(Value::Double(a / b)),
        _ => quantity(function, args),
    }
}

fn int(value: Option<i64>) -> Answer {
    value.map_or_else(|| fail("integer overflow"), give)
}

fn quantity(function: &str, args: &[Value]) -> Answer {
    let made = |quantity: Quantity| give(Value::Quantity(Arc::new(quantity)));
    match (function, args) {
        ("quantity", [Value::String(text)]) => match Quantity::parse(text) {
            Ok(quantity) => made(quantity),
            Err(error) => fail(error.to_string()),
        },
        ("isQuantity", [Value::String(text)]) => give(Quantity::parse(text).is_ok()),
        ("sign", [Value::Quantity(a)]) => give(i64::from(a.sign())),
        ("isGreaterThan", [Value::Quantity(a), Value::Quantity(b)]) => give(a.cmp(b).is_gt()),
        ("isLessThan", [Value::Quantity(a), Value::Quantity(b)]) => give(a.cmp(b).is_lt()),
        ("compareTo", [Value::Quantity(a), Value::Quantity(b)]) => give(a.cmp(b) as i64),
        ("asApproximateFloat", [Value::Quantity(a)]) => give(Value::Double(a.as_f64())),
        ("asInteger", [Value::Quantity(a)]) => a
            .as_i64()
            .map_or_else(|| fail("cannot convert value to integer"), give),
        ("isInteger", [Value::Quantity(a)]) => give(a.as_i64().is_some()),
        ("add", [Value::Quantity(a), Value::Quantity(b)]) => made(a.add(b)),
        ("sub", [Value::Quantity(a), Value::Quantity(b)]) => made(a.sub(b)),
        ("add", [Value::Quantity(a), Value::Int(b)]) => {
            made(a.add(&Quantity::from_int(*b, Format::DecimalSi)))
        }
        ("sub", [Value::Quantity(a), Value::Int(b)]) => {
            made(a.sub(&Quantity::from_int(*b, Format::DecimalSi)))
        }
        _ => None,
    }
}

pub(super) fn convert(function: &str, args: &[Value]) -> Answer {
    let [value] = args else {
        return None;
    };
    match function {
        "int" => to_int(value),
        "uint" => to_uint(value),
        "double" => to_double(value),
        "bool" => match value {
            Value::Bool(_) => give(value.clone()),
            Value::String(text) => match text.as_ref() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => give(true),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => give(false),
                _ => no_conversion("bool"),
            },
            _ => None,
        },
        "bytes" => match value {
            Value::Bytes(_) => give(value.clone()),
            Value::String(text) => give(Value::Bytes(text.as_bytes().into())),
            _ => None,
        },
        "string" => to_string(value),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn to_int(value: &Value) -> Answer {
    match value {
        Value::Int(value) => give(*value),
        Value::Uint(value) => int(i64::try_from(*value).ok()),
        Value::Double(value) => {
            let fits = *value > i64::MIN as f64 && *value < i64::MAX as f64;
            int(fits.then_some(*value as i64))
        }
        Value::String(text) => match text.parse::<i64>() {
            Ok(value) => give(value),
            Err(_) => no_conversion("int"),
        },
        Value::Timestamp(at) => give(at.as_second()),
        Value::Duration(nanos) => give(*nanos),
        _ => None,
    }
}

/// A text that is none of the type.
pub(super) fn no_conversion(to: &str) -> Answer {
    fail(format!("type conversion error from 'string' to '{to}'"))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn to_uint(value: &Value) -> Answer {
    let result = match value {
        Value::Uint(value) => Some(*value),
        Value::Int(value) => u64::try_from(*value).ok(),
        Value::Double(value) => {
            (*value >= 0.0 && *value < u64::MAX as f64).then_some(*value as u64)
        }
        Value::String(text) => match text.parse::<u64>() {
            // Go takes no sign here, not even that of a number that has none.
            Ok(value) if !text.starts_with('+') => Some(value),
            Ok(_) | Err(_) => return no_conversion("uint"),
        },
        _ => return None,
    };
    result.map_or_else(
        || fail("unsigned integer overflow"),
        |value| give(Value::Uint(value)),
    )
}

#[allow(clippy::cast_precision_loss)]
fn to_double(value: &Value) -> Answer {
    match value {
        Value::Double(_) => give(value.clone()),
        Value::Int(value) => give(Value::Double(*value as f64)),
        Value::Uint(value) => give(Value::Double(*value as f64)),
        Value::String(text) => match parse_float(text) {
            Some(value) => give(Value::Double(value)),
            None => no_conversion("double"),
        },
        _ => None,
    }
}

fn to_string(value: &Value) -> Answer {
    match value {
        Value::String(_) => give(value.clone()),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => give(text),
            Err(_) => fail("invalid UTF-8 in bytes, cannot convert to string"),
        },
        Value::Timestamp(at) => give(at.to_string()),
        Value::Duration(nanos) => give(time::duration_text(*nanos)),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Ip(_)
        | Value::Cidr(_) => give(value.to_string()),
        _ => None,
    }
}
