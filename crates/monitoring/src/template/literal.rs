//! Numbers and texts in templates: what Go's `strconv` takes (`newNumber`, `Unquote`).

use machinery::go_number::parse_float;

use super::lex::{Item, Kind, scan_number};
use crate::unquote::escape;

/// Whether a number is one.
pub(super) fn check_number(item: Item<'_>) -> Result<(), String> {
    let text = item.text;
    let illegal = || Err(format!("illegal number syntax: {text:?}"));
    match item.kind {
        Kind::Constant => check_constant(text),
        Kind::Complex => {
            let (middle, _) = scan_number(text);
            let parts = text.split_at_checked(middle);
            let parts = parts.and_then(|(real, rest)| Some((real, rest.strip_suffix('i')?)));
            match parts {
                Some((real, imaginary))
                    if parse_float(real).is_some() && parse_float(imaginary).is_some() =>
                {
                    Ok(())
                }
                _ => illegal(),
            }
        }
        _ if is_integer(text) => Ok(()),
        _ => match text.strip_suffix('i').map(parse_float) {
            Some(Some(_)) => Ok(()),
            Some(None) => illegal(),
            None if parse_float(text).is_none() => illegal(),
            None if text.contains(['.', 'e', 'E', 'p', 'P']) => Ok(()),
            None => Err(format!("integer overflow: {text:?}")),
        },
    }
}

/// Whether it is a whole number of 64 bits, in the base that its prefix says.
fn is_integer(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']);
    let (signed, bare) = (bare.is_some(), bare.unwrap_or(text));
    let prefix = bare.get(..2).unwrap_or_default();
    let (radix, digits) = match (prefix, bare.get(2..).unwrap_or_default()) {
        ("0x" | "0X", digits) => (16, digits),
        ("0o" | "0O", digits) => (8, digits),
        ("0b" | "0B", digits) => (2, digits),
        _ => match bare.strip_prefix('0').filter(|digits| !digits.is_empty()) {
            Some(digits) => (8, digits),
            None => (10, bare),
        },
    };
    // A prefix counts as a digit before an underscore.
    let after_digit = digits.len() < bare.len();
    let separated = !digits.ends_with('_')
        && !digits.contains("__")
        && (after_digit || !digits.starts_with('_'));
    let Ok(number) = u64::from_str_radix(&digits.replace('_', ""), radix) else {
        return false;
    };
    let most = if text.starts_with('-') {
        i64::MIN.unsigned_abs()
    } else if signed {
        i64::MAX.unsigned_abs()
    } else {
        u64::MAX
    };
    separated && number <= most
}

/// `'a'`: one character.
fn check_constant(text: &str) -> Result<(), String> {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        None | Some((_, '\'')) => return Err("invalid syntax".to_owned()),
        Some((_, '\\')) => {
            escape(&mut chars, '\'').map_err(|_| "invalid syntax")?;
        }
        Some(_) => {}
    }
    match (chars.next(), chars.next()) {
        (Some((_, '\'')), None) => Ok(()),
        _ => Err(format!("malformed character constant: {text}")),
    }
}

/// A text without its quotes; what is no UTF-8 then is replaced.
pub(super) fn unquoted(item: Item<'_>) -> Result<String, String> {
    let inner = item.text.get(1..item.text.len().saturating_sub(1));
    let inner = inner.unwrap_or_default();
    if item.kind == Kind::Raw {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.char_indices();
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => escape(&mut chars, '"')
                .map_err(|_| "invalid syntax")?
                .write(&mut bytes),
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
