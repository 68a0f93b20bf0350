//! `"…".format([…])` (`cel-go/ext/formatting.go`).

use super::super::value::Value;
use super::{Answer, fail, give, time};

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    let ("format", [Value::String(text), Value::List(list)]) = (function, args) else {
        return None;
    };
    match fill(text, &list.items) {
        Ok(filled) => give(filled),
        Err(error) => fail(error),
    }
}

fn fill(text: &str, items: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    let mut used = 0;
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if characters.peek() == Some(&'%') {
            characters.next();
            out.push('%');
            continue;
        }
        let mut precision = None;
        if characters.peek() == Some(&'.') {
            characters.next();
            let mut digits = String::new();
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = digits.parse::<usize>().ok();
        }
        let Some(item) = items.get(used) else {
            return Err(format!("index {used} out of range"));
        };
        used += 1;
        let precision = precision.map(|digits| digits.min(1000));
        let Some(clause) = characters.next() else {
            return Err("unexpected end of string".to_owned());
        };
        out.push_str(&one(clause, item, precision)?);
    }
    Ok(out)
}

fn one(clause: char, item: &Value, precision: Option<usize>) -> Result<String, String> {
    let refused = |wanted: &str| {
        let found = item.type_of().runtime_name().to_owned();
        Err(format!(
            "error during formatting: {wanted}, was given {found}"
        ))
    };
    match (clause, item) {
        ('s', item) => Ok(text(item)),
        ('d', Value::Int(_) | Value::Uint(_)) => Ok(item.to_string()),
        ('d', Value::Double(value)) if !value.is_finite() => Ok(double(*value)),
        ('d', _) => refused("decimal clause can only be used on integers"),
        ('f' | 'e', Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            let number: f64 = item.to_string().parse().unwrap_or(f64::NAN);
            let precision = precision.unwrap_or(6);
            if !number.is_finite() {
                return Ok(double(number));
            }
            Ok(if clause == 'f' {
                format!("{number:.precision$}")
            } else {
                exponent(number, precision)
            })
        }
        ('f', _) => refused("fixed-point clause can only be used on doubles"),
        ('e', _) => refused("scientific clause can only be used on doubles"),
        ('b', Value::Int(value)) if *value < 0 => Ok(format!("-{:b}", value.unsigned_abs())),
        ('b', Value::Int(value)) => Ok(format!("{value:b}")),
        ('b', Value::Uint(value)) => Ok(format!("{value:b}")),
        ('b', Value::Bool(value)) => Ok(u8::from(*value).to_string()),
        ('b', _) => refused("only integers and bools can be formatted as binary"),
        ('o', Value::Int(value)) if *value < 0 => Ok(format!("-{:o}", value.unsigned_abs())),
        ('o', Value::Int(value)) => Ok(format!("{value:o}")),
        ('o', Value::Uint(value)) => Ok(format!("{value:o}")),
        ('o', _) => refused("octal clause can only be used on integers"),
        ('x' | 'X', _) => match hex(item) {
            Some(text) if clause == 'X' => Ok(text.to_uppercase()),
            Some(text) => Ok(text),
            None => refused("only integers, byte buffers, and strings can be formatted as hex"),
        },
        (other, _) => Err(format!(
            "could not parse formatting clause: unrecognized formatting clause \"{other}\""
        )),
    }
}

fn hex(item: &Value) -> Option<String> {
    let of = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            text.extend(
                [byte >> 4, byte & 15]
                    .map(|half| char::from_digit(half.into(), 16).unwrap_or_default()),
            );
            text
        })
    };
    match item {
        Value::Int(value) if *value < 0 => Some(format!("-{:x}", value.unsigned_abs())),
        Value::Int(value) => Some(format!("{value:x}")),
        Value::Uint(value) => Some(format!("{value:x}")),
        Value::String(text) => Some(of(text.as_bytes())),
        Value::Bytes(bytes) => Some(of(bytes)),
        _ => None,
    }
}

fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    match text.split_once('e') {
        Some((digits, power)) => {
            let (sign, power) = match power.strip_prefix('-') {
                Some(power) => ('-', power),
                None => ('+', power),
            };
            format!("{digits}e{sign}{power:0>2}")
        }
        None => text,
    }
}

/// As `%s` writes it.
fn text(item: &Value) -> String {
    match item {
        Value::Timestamp(at) => time::timestamp_text(*at),
        Value::Duration(nanos) => time::duration_text(*nanos),
        Value::List(list) => {
            let items: Vec<String> = list.items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                format!("{}: {}", text(&Value::from(key.clone())), text(value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// As Go's `%g` with the shortest digits.
pub(in crate::cel) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        return match text.split_once("e-") {
            Some((digits, power)) => format!("{digits}e-{power:0>2}"),
            None => text.replace('e', "e+"),
        };
    }
    value.to_string()
}
