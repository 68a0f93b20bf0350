//! Matchers of Alertmanager as texts: those that every version reads (`pkg/labels/parse.go`), and from 0.27 on those with any
//! names too (`matcher/parse`), of which one has to take them.

use super::Reader;
use crate::config::version::Since;

/// Since when names may hold any character.
pub(super) const ANY_NAME: Since = (0, 27, 0);

/// One or several matchers: `{a="b", c=~"d"}`.
pub(super) fn check(text: &str, reader: &Reader) -> Result<(), String> {
    match classic(text, reader) {
        Err(_) if reader.supports(ANY_NAME) && modern(text, reader) => Ok(()),
        classic => classic,
    }
}

/// Go's `\s`.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\u{c}'])
}

fn classic(text: &str, reader: &Reader) -> Result<(), String> {
    let bare = text.strip_prefix('{').unwrap_or(text);
    let bare = bare.strip_suffix('}').unwrap_or(bare);
    let mut parts = split_outside_quotes(bare);
    if parts.last().is_some_and(|part| part.trim().is_empty()) {
        parts.pop();
    }
    parts
        .iter()
        .try_for_each(|part| classic_matcher(part, reader))
}

fn classic_matcher(text: &str, reader: &Reader) -> Result<(), String> {
    let bad = || format!("bad matcher format: {text}; write it as name=\"value\"");
    let bare = trim(text);
    let end = bare
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .unwrap_or(bare.len());
    let (name, rest) = bare.split_at_checked(end).ok_or_else(bad)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = trim(rest);
    let (operator, value) = ["=~", "!~", "!=", "="]
        .iter()
        .find_map(|operator| Some((*operator, rest.strip_prefix(operator)?)))
        .ok_or_else(bad)?;
    let value = unquoted(trim(value)).ok_or_else(|| {
        format!("matcher value contains unescaped double quote: {value}; write it as \\\"")
    })?;
    check_value(operator, &value, reader)
}

fn check_value(operator: &str, value: &str, reader: &Reader) -> Result<(), String> {
    if operator.ends_with('~') {
        reader.pattern(&format!("^(?:{value})$"))
    } else {
        Ok(())
    }
}

fn split_outside_quotes(text: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            ',' if !quoted => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            // A comma within quotes says nothing of what follows.
            ',' => {}
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

/// The text between quotes, or without any; `None` for quotes that don't fit.
fn unquoted(text: &str) -> Option<String> {
    let (inner, closes) = match text.strip_prefix('"') {
        Some(rest) => (rest.strip_suffix('"')?, true),
        None => (text, false),
    };
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None if closes => return None,
                None => value.push('\\'),
            },
            '"' => return None,
            c => value.push(c),
        }
    }
    Some(value)
}

/// A token of the newer grammar.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Operator(&'static str),
    /// A name or a value.
    Text(String),
}

/// Whether the newer grammar takes it: matchers between commas, the last of which may be followed by nothing, in braces or not.
fn modern(text: &str, reader: &Reader) -> bool {
    let Some(tokens) = tokens(text) else {
        return false;
    };
    let inner = match (tokens.first(), tokens.last()) {
        (None, _) => return true,
        (Some(Token::Open), Some(Token::Close)) => {
            tokens.get(1..tokens.len() - 1).unwrap_or_default()
        }
        (Some(Token::Open), _) | (_, Some(Token::Close)) => return false,
        _ if tokens == [Token::Comma] => return false,
        _ => tokens.as_slice(),
    };
    if inner.is_empty() {
        return true;
    }
    let mut parts: Vec<&[Token]> = inner.split(|token| *token == Token::Comma).collect();
    if parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts.iter().all(|part| match part {
        [
            Token::Text(_),
            Token::Operator(operator),
            Token::Text(value),
        ] => check_value(operator, value, reader).is_ok(),
        _ => false,
    })
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..)?;
        let (token, left) = match first {
            '{' => (Token::Open, after),
            '}' => (Token::Close, after),
            ',' => (Token::Comma, after),
            '=' | '!' => {
                let known = ["=~", "!~", "!=", "="];
                let operator = known.into_iter().find(|one| rest.starts_with(one))?;
                (Token::Operator(operator), rest.get(operator.len()..)?)
            }
            '"' => {
                let end = closing(after)?;
                let (quoted, left) = after.split_at_checked(end)?;
                (Token::Text(go_unquoted(quoted)?), left.get(1..)?)
            }
            c if c.is_whitespace() => {
                rest = after;
                continue;
            }
            c if is_reserved(c) => return None,
            _ => {
                let end = rest.find(is_reserved).unwrap_or(rest.len());
                let (bare, left) = rest.split_at_checked(end)?;
                (Token::Text(bare.to_owned()), left)
            }
        };
        found.push(token);
        rest = left;
    }
    Some(found)
}

fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Where the quote is that ends a text.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    let found = text.char_indices().find(|(_, c)| match c {
        '"' => !std::mem::take(&mut escaped),
        '\\' => {
            escaped = !escaped;
            false
        }
        _ => {
            escaped = false;
            false
        }
    });
    found.map(|(at, _)| at)
}

/// What is between double quotes (`strconv.Unquote`), if it is UTF-8.
fn go_unquoted(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = rest.get(first.len_utf8()..)?;
        match first {
            '\n' => return None,
            '\\' => {}
            c => {
                bytes.extend(c.to_string().bytes());
                continue;
            }
        }
        let escape = rest.chars().next()?;
        rest = rest.get(escape.len_utf8()..)?;
        let mut digits = |many: usize, base: u32| {
            let (digits, left) = rest.split_at_checked(many)?;
            rest = left;
            let valid = digits.chars().all(|c| c.is_digit(base));
            u32::from_str_radix(digits, base).ok().filter(|_| valid)
        };
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' | '"' => bytes.push(u8::try_from(escape).ok()?),
            'x' => bytes.push(u8::try_from(digits(2, 16)?).ok()?),
            'u' | 'U' => {
                let many = if escape == 'u' { 4 } else { 8 };
                let c = char::from_u32(digits(many, 16)?)?;
                bytes.extend(c.to_string().bytes());
            }
            '0'..='7' => {
                let high = escape.to_digit(8)?;
                bytes.push(u8::try_from(high * 64 + digits(2, 8)?).ok()?);
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
