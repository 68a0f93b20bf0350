//! Classes of characters, and escapes.

use regex::Regex;

use super::{literal, refused, until};

const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// `[…]`; what follows it.
pub(super) fn brackets<'a>(text: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut rest = text.get(1..).unwrap_or_default();
    out.push('[');
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some(after) = named(rest, out)? {
            rest = after;
            continue;
        }
        if let Some(after) = unicode(rest, out)? {
            rest = after;
            continue;
        }
        if let Some((class, after)) = perl(rest) {
            out.push_str(class);
            rest = after;
            continue;
        }
        let range = rest;
        let (low, after) = character(rest, text)?;
        rest = after;
        let mut high = low;
        if let Some(after) = rest.strip_prefix('-')
            && !after.is_empty()
            && !after.starts_with(']')
        {
            let (found, after) = character(after, text)?;
            (high, rest) = (found, after);
            if high < low {
                let part = until(range, rest);
                return Err(refused("invalid character class range", part));
            }
        }
        literal(out, low);
        out.push('-');
        literal(out, high);
    }
    out.push(']');
    Ok(rest.get(1..).unwrap_or_default())
}

fn character<'a>(text: &'a str, class: &str) -> Result<(char, &'a str), String> {
    match text.chars().next() {
        None => Err(refused("missing closing ]", class)),
        Some('\\') => escaped(text),
        Some(c) => Ok((c, text.get(c.len_utf8()..).unwrap_or_default())),
    }
}

/// `[:alpha:]` within brackets.
fn named<'a>(text: &'a str, out: &mut String) -> Result<Option<&'a str>, String> {
    let Some((name, rest)) = text
        .strip_prefix("[:")
        .and_then(|inner| inner.split_once(":]"))
    else {
        return Ok(None);
    };
    let whole = until(text, rest);
    if !NAMED.contains(&name.trim_start_matches('^')) || name.starts_with("^^") {
        return Err(refused("invalid character class range", whole));
    }
    out.push_str(whole);
    Ok(Some(rest))
}

/// `\pL`, `\p{Greek}` and their opposites.
pub(super) fn unicode<'a>(text: &'a str, out: &mut String) -> Result<Option<&'a str>, String> {
    let Some(inner) = text.strip_prefix("\\p").or(text.strip_prefix("\\P")) else {
        return Ok(None);
    };
    let Some(first) = inner.chars().next() else {
        return Ok(None);
    };
    let mut negated = text.starts_with("\\P");
    let (name, rest) = if first == '{' {
        let Some((name, rest)) = inner.get(1..).and_then(|inner| inner.split_once('}')) else {
            return Err(refused("invalid character class range", text));
        };
        (name, rest)
    } else {
        let end = first.len_utf8();
        let (name, rest) = inner.split_at_checked(end).unwrap_or_default();
        (name, rest)
    };
    let table = name.strip_prefix('^').unwrap_or(name);
    negated ^= table.len() < name.len();
    let class = match table {
        "Any" => "\\x{0}-\\x{10ffff}".to_owned(),
        _ => format!("\\p{{{table}}}"),
    };
    // Names are spelt as Unicode spells them, while the crate takes any spelling.
    let spelt = table.starts_with(|c: char| c.is_ascii_uppercase())
        && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !spelt || Regex::new(&format!("[{class}]")).is_err() {
        let part = until(text, rest);
        return Err(refused("invalid character class range", part));
    }
    let sign = if negated { "^" } else { "" };
    for part in ["[", sign, &class, "]"] {
        out.push_str(part);
    }
    Ok(Some(rest))
}

/// `\d` and its like.
pub(super) fn perl(text: &str) -> Option<(&'static str, &str)> {
    let class = match text.get(..2)? {
        "\\d" => "[0-9]",
        "\\D" => "[^0-9]",
        "\\s" => "[\\t\\n\\f\\r\\x20]",
        "\\S" => "[^\\t\\n\\f\\r\\x20]",
        "\\w" => "[0-9A-Za-z_]",
        "\\W" => "[^0-9A-Za-z_]",
        _ => return None,
    };
    Some((class, text.get(2..)?))
}

/// A character that is escaped, and what follows it.
pub(super) fn escaped(text: &str) -> Result<(char, &str), String> {
    let mut characters = text.chars();
    characters.next();
    let Some(c) = characters.next() else {
        return Err(refused("trailing backslash at end of expression", ""));
    };
    let rest = characters.as_str();
    let octal = |c: char| ('0'..='7').contains(&c);
    let found = match c {
        '1'..='7' if !rest.starts_with(octal) => None,
        '0'..='7' => {
            let end = rest.chars().take(2).take_while(|c| octal(*c)).count();
            let value = until(text, rest.get(end..).unwrap_or_default()).get(1..);
            let value = value.and_then(|digits| u32::from_str_radix(digits, 8).ok());
            return Ok((
                value.and_then(char::from_u32).unwrap_or_default(),
                rest.get(end..).unwrap_or_default(),
            ));
        }
        'x' => return hexadecimal(text, rest),
        'a' => Some('\u{7}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    };
    found.map(|c| (c, rest)).ok_or_else(|| {
        let part = until(text, rest);
        refused("invalid escape sequence", part)
    })
}

/// `\x7F` and `\x{10FFFF}`.
fn hexadecimal<'a>(text: &'a str, rest: &'a str) -> Result<(char, &'a str), String> {
    let bad = |rest: &str| Err(refused("invalid escape sequence", until(text, rest)));
    let mut characters = rest.chars();
    let Some(first) = characters.next() else {
        return bad(rest);
    };
    if first != '{' {
        let second = characters.next();
        let rest = characters.as_str();
        let value = first.to_digit(16).zip(second.and_then(|c| c.to_digit(16)));
        let value = value.and_then(|(high, low)| char::from_u32(high * 16 + low));
        return match value {
            Some(c) => Ok((c, rest)),
            None => bad(rest),
        };
    }
    let mut value = 0_u32;
    let mut digits = 0;
    loop {
        let next = characters.next();
        let rest = characters.as_str();
        match next.map(|c| (c, c.to_digit(16))) {
            Some(('}', _)) if digits > 0 => {
                // Halves of pairs are no characters; Go's texts have none either.
                return Ok((char::from_u32(value).unwrap_or('\u{fffd}'), rest));
            }
            Some((_, Some(digit))) if value * 16 + digit <= u32::from(char::MAX) => {
                value = value * 16 + digit;
                digits += 1;
            }
            _ => return bad(rest),
        }
    }
}
