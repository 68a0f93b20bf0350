//! Tokens.

use super::Wrong;
use crate::unquote::{Escaped, escape};

/// A token and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A word: a name or a keyword.
    Word(String),
    /// A number.
    Number(f64),
    /// A duration, in seconds.
    Duration(f64),
    /// A quoted text, without quotes and escapes.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end.
    End,
}

/// Signs, longer ones before their beginnings.
const SIGNS: [&str; 27] = [
    "==", "=~", "!=", "!~", "<=", ">=", "</", ">/", "=", "<", ">", "+", "-", "*", "/", "%", "^",
    "(", ")", "{", "}", "[", "]", ",", "@", ":", "!",
];

/// Where the lexer is: in braces every word is a name, in brackets a colon stands alone.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    Braces,
    Brackets,
}

/// The tokens of a text; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut place = Place::Outside;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let wrong = |text: String| Wrong { at: Some(at), text };
        let Some(first) = rest.chars().next() else {
            break;
        };
        let second = rest.chars().nth(1);
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        if first == '#' {
            at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            continue;
        }
        let is_number =
            first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit()));
        let (kind, length) = if is_number && place != Place::Braces {
            number(rest).map_err(wrong)?
        } else if first == '_'
            || first.is_ascii_alphabetic()
            || (first == ':' && place == Place::Outside)
        {
            let within = |c: char| {
                c == '_' || c.is_ascii_alphanumeric() || (c == ':' && place == Place::Outside)
            };
            let length = rest.find(|c| !within(c)).unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or_default().to_owned();
            (word_of(word, place), length)
        } else if matches!(first, '"' | '\'' | '`') {
            let (text, length) = quoted(rest, first).map_err(wrong)?;
            (Kind::Text(text), length)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| wrong(format!("unexpected character: {first:?}")))?;
            place = after(sign, place).map_err(wrong)?;
            (Kind::Sign(sign), sign.len())
        };
        tokens.push(Token { at, kind });
        at += length;
    }
    let unclosed = match place {
        Place::Outside => None,
        Place::Braces => Some("unexpected end of input inside braces"),
        Place::Brackets => Some("unclosed left bracket"),
    };
    if let Some(text) = unclosed {
        return Err(Wrong {
            at: Some(at),
            text: text.to_owned(),
        });
    }
    tokens.push(Token {
        at,
        kind: Kind::End,
    });
    Ok(tokens)
}

fn after(sign: &str, place: Place) -> Result<Place, String> {
    match (sign, place) {
        ("{", Place::Outside) => Ok(Place::Braces),
        ("}", Place::Braces) | ("]", Place::Brackets) => Ok(Place::Outside),
        ("[", Place::Outside) => Ok(Place::Brackets),
        ("{" | "[" | "]", _) | ("}" | "!" | "=~" | "!~", Place::Outside | Place::Brackets) => {
            Err(format!("unexpected {sign:?}"))
        }
        ("=" | "!=" | "=~" | "!~" | ",", Place::Braces) | (_, Place::Outside | Place::Brackets) => {
            Ok(place)
        }
        (_, Place::Braces) => Err(format!("unexpected character inside braces: {sign:?}")),
    }
}

fn word_of(word: String, place: Place) -> Kind {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "inf" if place != Place::Braces => Kind::Number(f64::INFINITY),
        "nan" if place != Place::Braces => Kind::Number(f64::NAN),
        _ => Kind::Word(word),
    }
}

/// A number or a duration and its length.
fn number(rest: &str) -> Result<(Kind, usize), String> {
    let bad = |length: usize| {
        let text = rest.get(..length).unwrap_or(rest);
        format!("bad number or duration syntax: {text:?}")
    };
    let within = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let mut length = rest.find(|c| !within(c)).unwrap_or(rest.len());
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let upto = |length: usize| rest.get(..length).unwrap_or_default();
    // The sign of an exponent belongs to the number.
    if !hexadecimal
        && upto(length).ends_with(['e', 'E'])
        && rest
            .get(length..)
            .is_some_and(|after| after.starts_with(['+', '-']))
        && !upto(length).contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))
    {
        let after = rest.get(length + 1..).unwrap_or_default();
        length += 1 + after.find(|c| !within(c)).unwrap_or(after.len());
    }
    let text = upto(length);
    if let Some(value) = value(text) {
        return Ok((Kind::Number(value), length));
    }
    let milliseconds = crate::duration::milliseconds(text).map_err(|_| bad(length))?;
    #[allow(
        clippy::cast_precision_loss,
        reason = "Prometheus keeps durations as floating-point seconds too"
    )]
    let seconds = milliseconds as f64 / 1000.0;
    Ok((Kind::Duration(seconds), length))
}

fn value(text: &str) -> Option<f64> {
    let misplaced = text.ends_with('_') || text.contains("__") || text.contains("_.");
    if misplaced || text.contains("._") || text.contains("_e") || text.contains("e_") {
        return None;
    }
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    if let Some(hexadecimal) = lower.strip_prefix("0x") {
        #[allow(clippy::cast_precision_loss, reason = "all numbers are floating-point")]
        return i64::from_str_radix(hexadecimal, 16)
            .ok()
            .map(|number| number as f64);
    }
    let octal = digits.strip_prefix('0').filter(|octal| {
        !octal.is_empty() && octal.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
    });
    if let Some(octal) = octal {
        #[allow(clippy::cast_precision_loss, reason = "all numbers are floating-point")]
        return i64::from_str_radix(octal, 8)
            .ok()
            .map(|number| number as f64);
    }
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let number = digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite());
    number.filter(|_| plain)
}

/// A quoted text without quotes and escapes, and its length.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut bytes = Vec::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                // Go keeps bytes that are no text, we can't.
                let text = String::from_utf8(bytes);
                let text = text.map_err(|_| "string with bytes that are no UTF-8".to_owned())?;
                return Ok((text, at + 1));
            }
            '\\' if quote != '`' => escape(&mut chars, quote)?.write(&mut bytes),
            '\n' if quote != '`' => return Err("unterminated quoted string".to_owned()),
            c => Escaped::Char(c).write(&mut bytes),
        }
    }
    Err(if quote == '`' {
        "unterminated raw string".to_owned()
    } else {
        "unterminated quoted string".to_owned()
    })
}
