//! What scalars mean: as go-yaml v2 resolves them (YAML 1.1 booleans and octals), tags included (`resolve.go`).

use serde_json::{Number, Value};

use super::YamlError;

/// The value of a scalar; `tag` is the end of its tag, such as `int`, and `core` says that it is one of YAML's own.
pub(super) fn scalar(
    text: &str,
    plain: bool,
    tag: Option<(&str, bool)>,
) -> Result<Value, YamlError> {
    let wanted = match tag {
        None if plain => return told(text, resolve(text)),
        Some(("binary", true)) => return binary(text),
        Some((wanted @ ("bool" | "int" | "float" | "null" | "timestamp"), true)) => wanted,
        // In quotes, called a text, or called what nobody knows: it stays what it is.
        None | Some(_) => return Ok(Value::from(text)),
    };
    let value = resolve(text);
    let found = match &value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        _ if text == "<<" => "merge",
        _ if is_special_float(text) => "float",
        _ if wanted == "timestamp" && is_timestamp(text) => "timestamp",
        _ => "str",
    };
    match (wanted, found) {
        ("float", "int") => Ok(value.as_f64().map_or(value, Value::from)),
        _ if wanted == found => told(text, value),
        _ => Err(YamlError::at(
            0,
            format!("cannot decode !!{found} `{text}` as a !!{wanted}"),
        )),
    }
}

/// The value of a scalar where a text is wanted: it stays as it is written, whatever it would mean elsewhere (`decode.go`,
/// strings). Nothing at all stays nothing.
pub(super) fn text(text: &str, plain: bool, tag: Option<(&str, bool)>) -> Result<Value, YamlError> {
    match scalar(text, plain, tag) {
        Ok(Value::Null) => Ok(Value::Null),
        Ok(value) if tag == Some(("binary", true)) => Ok(value),
        // What JSON has no number for is a text all the same.
        Err(error) if !error.json => Err(error),
        Ok(_) | Err(_) => Ok(Value::from(text)),
    }
}

/// A value that JSON has: infinities are none.
fn told(text: &str, value: Value) -> Result<Value, YamlError> {
    if !value.is_string() || !is_special_float(text) {
        return Ok(value);
    }
    let word = match text {
        _ if text.to_ascii_lowercase().ends_with("nan") => "NaN",
        _ if text.starts_with('-') => "-Inf",
        _ => "+Inf",
    };
    Err(YamlError::no_json(format!(
        "json: unsupported value: {word}"
    )))
}

/// Bytes as the text that JSON makes of them.
fn binary(text: &str) -> Result<Value, YamlError> {
    use base64::Engine;
    // Go's decoder passes over ends of lines, and over nothing else.
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|_| YamlError::at(0, "!!binary value contains invalid base64 data"))?;
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        // A character for each byte, as Go's encoder does it.
        shown.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    Ok(Value::from(shown))
}

/// Whether a plain scalar with this text would be read as a text.
pub(super) fn resolves_to_text(text: &str) -> bool {
    resolve(text).is_string() && text != "<<" && !is_timestamp(text) && !is_special_float(text)
}

/// What a plain scalar means. Timestamps stay texts, as in the conversion to JSON; so do infinities, which JSON lacks.
fn resolve(text: &str) -> Value {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        _ => {}
    }
    let number = match text.bytes().next() {
        Some(b'.') => text
            .parse::<f64>()
            .ok()
            .filter(|_| is_float(text))
            .and_then(Number::from_f64),
        Some(b'+' | b'-' | b'0'..=b'9') if !is_timestamp(text) => number(&text.replace('_', "")),
        _ => None,
    };
    number.map_or_else(|| Value::from(text), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && let Ok(value) = u64::from_str_radix(digits, radix)
    {
        if !negative {
            return Some(Number::from(value));
        }
        if let Ok(value) = i64::try_from(-i128::from(value)) {
            return Some(Number::from(value));
        }
    }
    text.parse::<f64>()
        .ok()
        .filter(|_| is_float(text))
        .and_then(Number::from_f64)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = text
        .split_once(['e', 'E'])
        .map_or((text, None), |(mantissa, exponent)| {
            (mantissa, Some(exponent))
        });
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

fn is_special_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(text, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

/// `2006-1-2`, alone or with a time after `T`, `t` or a blank.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    };
    let number = |part: &str, most: u32| {
        !part.is_empty() && part.len() <= 2 && part.parse::<u32>().is_ok_and(|value| value <= most)
    };
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date.as_slice() else {
        return false;
    };
    if year.len() != 4
        || !year.bytes().all(|byte| byte.is_ascii_digit())
        || !number(month, 12)
        || !number(day, 31)
    {
        return false;
    }
    let Some(time) = time else { return true };
    let clock_end = time
        .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
        .unwrap_or(time.len());
    let (clock, zone) = time.split_at(clock_end);
    let clock: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = clock.as_slice() else {
        return false;
    };
    let second = second.split_once('.').map_or(*second, |(second, _)| second);
    let zoned = zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']));
    let blank = text.contains(' ');
    number(hour, 23)
        && number(minute, 59)
        && number(second, 59)
        && (zoned != blank || (blank && zone.is_empty()))
}
