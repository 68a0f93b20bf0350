//! `"…".format([…])` (`cel-go/ext/formatting.go`, the first version of it, which Kubernetes has).

use super::super::value::Value;
use super::{Answer, fail, give, time};
use crate::decode::quote;
use crate::go_json::show_float;

/// Digits behind the point.
const PRECISION: usize = 6;
/// A width of more columns is taken for this.
const WIDEST: usize = 1000;
const SUPERSCRIPT: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    let ("format", [Value::String(text), Value::List(list)]) = (function, args) else {
        return None;
    };
    let items = &list.items;
    let filled = fill(text, items.len(), |clause, precision, index| {
        let item = items.get(index).unwrap_or(&Value::Null);
        one(clause, item, precision).map_err(|wanted| {
            let found = item.type_of().runtime_name().to_owned();
            format!("error during formatting: {wanted}, was given {found}")
        })
    });
    match filled {
        Ok(filled) => give(filled),
        Err(error) => fail(error),
    }
}

/// Replaces clauses by what `each` makes of them: the letter, the precision and which argument.
pub(in crate::cel) fn fill<E: From<String>>(
    text: &str,
    items: usize,
    mut each: impl FnMut(char, Option<usize>, usize) -> Result<String, E>,
) -> Result<String, E> {
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
        if used >= items {
            return Err(format!("index {used} out of range").into());
        }
        let Some(clause) = characters.next() else {
            return Err("unexpected end of string".to_owned().into());
        };
        if !"sdfebxXo".contains(clause) {
            return Err(format!(
                "could not parse formatting clause: unrecognized formatting clause \"{clause}\""
            )
            .into());
        }
        let precision = precision.map(|digits| digits.min(WIDEST));
        out.push_str(&each(clause, precision, used)?);
        used += 1;
    }
    Ok(out)
}

/// What a clause can be used on.
pub(in crate::cel) fn wanted(clause: char) -> &'static str {
    match clause {
        'd' => "decimal clause can only be used on integers",
        'f' => "fixed-point clause can only be used on doubles",
        'e' => "scientific clause can only be used on doubles",
        'b' => "only integers and bools can be formatted as binary",
        'o' => "octal clause can only be used on integers",
        'x' | 'X' => "only integers, byte buffers, and strings can be formatted as hex",
        _ => {
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and \
             timestamps"
        }
    }
}

fn one(clause: char, item: &Value, precision: Option<usize>) -> Result<String, &'static str> {
    let made = match (clause, item) {
        ('s', item) => text(item),
        ('d', Value::Int(_) | Value::Uint(_)) => Some(item.to_string()),
        ('f', item) => number(item).map(|number| fixed(number, precision.unwrap_or(PRECISION))),
        ('e', item) => {
            number(item).map(|number| scientific(number, precision.unwrap_or(PRECISION)))
        }
        ('b', Value::Int(value)) if *value < 0 => Some(format!("-{:b}", value.unsigned_abs())),
        ('b', Value::Int(value)) => Some(format!("{value:b}")),
        ('b', Value::Uint(value)) => Some(format!("{value:b}")),
        ('b', Value::Bool(value)) => Some(u8::from(*value).to_string()),
        ('o', Value::Int(value)) if *value < 0 => Some(format!("-{:o}", value.unsigned_abs())),
        ('o', Value::Int(value)) => Some(format!("{value:o}")),
        ('o', Value::Uint(value)) => Some(format!("{value:o}")),
        ('x', item) => hex(item),
        ('X', item) => hex(item).map(|text| text.to_uppercase()),
        _ => None,
    };
    made.ok_or(wanted(clause))
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

/// A number, or a text that says it is none.
fn number(item: &Value) -> Option<f64> {
    match item {
        Value::Double(number) => Some(*number),
        Value::String(text) => match text.as_ref() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// As it is written in English where a number is no number.
fn unusual(number: f64) -> Option<&'static str> {
    match number {
        number if number.is_nan() => Some("NaN"),
        f64::INFINITY => Some("∞"),
        f64::NEG_INFINITY => Some("-∞"),
        _ => None,
    }
}

/// As it is written in English, thousands apart.
fn fixed(number: f64, precision: usize) -> String {
    if let Some(text) = unusual(number) {
        return text.to_owned();
    }
    let text = format!("{:.precision$}", number.abs());
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (text.as_str(), String::new()),
    };
    let mut out = String::new();
    if number.is_sign_negative() {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &fraction
}

/// As it is written in English; what is meant as a precision is a width.
fn scientific(number: f64, width: usize) -> String {
    let text = if let Some(text) = unusual(number) {
        text.to_owned()
    } else {
        let text = format!("{number:.PRECISION$e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = match power.strip_prefix('-') {
            Some(power) => ("⁻", power),
            None => ("", power),
        };
        let raised = format!("{power:0>2}");
        let raised = raised.chars().filter_map(|digit| {
            let digit = digit.to_digit(10)?;
            SUPERSCRIPT.get(digit as usize)
        });
        format!("{digits}×10{sign}{}", raised.collect::<String>())
    };
    format!("{text:>width$}")
}

/// As `%s` writes it; `None` for what has no text.
fn text(item: &Value) -> Option<String> {
    Some(match item {
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(nanos) => time::duration_text(*nanos),
        Value::List(list) => {
            let items: Option<Vec<String>> = list.items.iter().map(literal).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                let key = literal(&Value::from(key.clone()))?;
                Some((key, literal(value)?))
            });
            let mut entries = entries.collect::<Option<Vec<(String, String)>>>()?;
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            let entries = entries.iter().map(|(key, value)| format!("{key}:{value}"));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::Type(_) => item.to_string(),
        Value::Optional(_)
        | Value::Quantity(_)
        | Value::Url(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Semver(_)
        | Value::Format(_)
        | Value::Foreign(..)
        | Value::Broken(_) => return None,
    })
}

/// As it is written in an expression.
fn literal(item: &Value) -> Option<String> {
    Some(match item {
        Value::Timestamp(at) => format!("timestamp({})", quote(&at.to_string())),
        Value::Duration(nanos) => format!("duration({})", quote(&time::duration_text(*nanos))),
        Value::String(text) => quote(text),
        Value::Bytes(bytes) => format!("b{}", quote(&String::from_utf8_lossy(bytes))),
        Value::Double(number) if number.is_finite() => format!("{number:.PRECISION$}"),
        Value::Double(number) => quote(&double(*number)),
        other => text(other)?,
    })
}

/// As Go's `%g` with the shortest digits.
pub(in crate::cel) fn double(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => show_float(value),
    }
}
