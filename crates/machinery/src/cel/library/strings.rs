//! Texts (`cel-go/ext/strings.go`, `apiserver/pkg/cel/library/regex.go`). Positions count characters.

use crate::go_regex;

use super::super::value::Value;
use super::{Answer, fail, give};

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    let Some(Value::String(text)) = args.first() else {
        return match (function, args) {
            ("_+_", [Value::Bytes(a), Value::Bytes(b)]) => {
                give(Value::Bytes([a.as_ref(), b.as_ref()].concat().into()))
            }
            ("join", [Value::List(list), rest @ ..]) => join(&list.items, rest),
            _ => None,
        };
    };
    match (function, args.get(1..).unwrap_or_default()) {
        ("_+_", [Value::String(other)]) => give(format!("{text}{other}")),
        ("contains", [Value::String(part)]) => give(text.contains(part.as_ref())),
        ("startsWith", [Value::String(part)]) => give(text.starts_with(part.as_ref())),
        ("endsWith", [Value::String(part)]) => give(text.ends_with(part.as_ref())),
        ("lowerAscii", []) => give(text.to_ascii_lowercase()),
        ("upperAscii", []) => give(text.to_ascii_uppercase()),
        ("trim", []) => give(text.trim()),
        ("strings.quote", []) => give(quote(text)),
        ("charAt", [Value::Int(at)]) => char_at(text, *at),
        ("substring", [Value::Int(from)]) => substring(text, *from, None),
        ("substring", [Value::Int(from), Value::Int(to)]) => substring(text, *from, Some(*to)),
        ("indexOf", [Value::String(part), rest @ ..]) => index_of(text, part, rest),
        ("lastIndexOf", [Value::String(part), rest @ ..]) => last_index_of(text, part, rest),
        ("replace", [Value::String(from), Value::String(to)]) => {
            give(text.replace(from.as_ref(), to))
        }
        ("replace", [Value::String(from), Value::String(to), Value::Int(most)]) => {
            match usize::try_from(*most) {
                Ok(most) => give(text.replacen(from.as_ref(), to, most)),
                Err(_) => give(text.replace(from.as_ref(), to)),
            }
        }
        ("split", [Value::String(by)]) => give(split(text, by, -1)),
        ("split", [Value::String(by), Value::Int(most)]) => give(split(text, by, *most)),
        _ => patterns(function, text, args),
    }
}

fn patterns(function: &str, text: &str, args: &[Value]) -> Answer {
    let pattern = args.get(1)?.as_str()?;
    if !matches!(function, "matches" | "find" | "findAll") {
        return None;
    }
    let regex = match go_regex::compile(pattern) {
        Ok(regex) => regex,
        Err(error) if function == "matches" => return fail(error),
        Err(error) => return fail(format!("Illegal regex: {error}")),
    };
    match (function, args.get(2)) {
        ("matches", None) => give(regex.is_match(text)),
        ("find", None) => give(regex.find(text).map_or("", |found| found.as_str())),
        ("findAll", most) => {
            let most = match most {
                Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
                Some(_) => return None,
                None => usize::MAX,
            };
            let found = regex.find_iter(text).take(most);
            give(Value::list(found.map(|found| Value::from(found.as_str()))))
        }
        _ => None,
    }
}

fn out_of_range(at: i64) -> Answer {
    fail(format!("index out of range: {at}"))
}

fn char_at(text: &str, at: i64) -> Answer {
    let length = text.chars().count();
    match usize::try_from(at) {
        Ok(index) if index == length => give(""),
        Ok(index) => match text.chars().nth(index) {
            Some(found) => give(found.to_string()),
            None => out_of_range(at),
        },
        Err(_) => out_of_range(at),
    }
}

fn substring(text: &str, from: i64, to: Option<i64>) -> Answer {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let end = to.unwrap_or(length);
    if to.is_some() && from > end {
        return fail(format!(
            "invalid substring range. start: {from}, end: {end}"
        ));
    }
    if from < 0 || from > length {
        return out_of_range(from);
    }
    if end < 0 || end > length {
        return out_of_range(end);
    }
    let (skip, take) = (
        usize::try_from(from).ok()?,
        usize::try_from(end - from).ok()?,
    );
    give(text.chars().skip(skip).take(take).collect::<String>())
}

fn position(text: &str, byte: Option<usize>) -> Answer {
    let place = byte.map(|byte| text.get(..byte).unwrap_or_default().chars().count());
    place.map_or_else(|| give(-1_i64), give)
}

fn index_of(text: &str, part: &str, rest: &[Value]) -> Answer {
    let from = match rest {
        [] => 0,
        [Value::Int(from)] => *from,
        _ => return None,
    };
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if from < 0 || (from > length && !part.is_empty()) {
        return out_of_range(from);
    }
    let start = text
        .char_indices()
        .nth(usize::try_from(from).ok()?)
        .map_or(text.len(), |(byte, _)| byte);
    let found = text.get(start..).and_then(|tail| tail.find(part));
    position(text, found.map(|byte| byte + start))
}

fn last_index_of(text: &str, part: &str, rest: &[Value]) -> Answer {
    let Some(limit) = rest.first() else {
        return position(text, text.rfind(part));
    };
    let Value::Int(limit) = limit else {
        return None;
    };
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if *limit < 0 || *limit > length {
        return out_of_range(*limit);
    }
    let last = text
        .char_indices()
        .nth(usize::try_from(*limit).ok()?)
        .map_or(text.len(), |(byte, _)| byte);
    let end = (last + part.len()).min(text.len());
    position(text, text.get(..end).and_then(|head| head.rfind(part)))
}

fn split(text: &str, by: &str, most: i64) -> Value {
    let parts: Vec<String> = if by.is_empty() {
        let all: Vec<char> = text.chars().collect();
        match usize::try_from(most) {
            Ok(most) if most < all.len() && most > 0 => {
                let (head, tail) = all.split_at(most - 1);
                let mut parts: Vec<String> = head.iter().map(ToString::to_string).collect();
                parts.push(tail.iter().collect());
                parts
            }
            _ => all.iter().map(ToString::to_string).collect(),
        }
    } else {
        match usize::try_from(most) {
            Ok(most) => text.splitn(most, by).map(str::to_owned).collect(),
            Err(_) => text.split(by).map(str::to_owned).collect(),
        }
    };
    if most == 0 {
        return Value::list([]);
    }
    Value::list(parts.into_iter().map(Value::from))
}

fn join(items: &[Value], rest: &[Value]) -> Answer {
    let by = match rest {
        [] => "",
        [Value::String(by)] => by.as_ref(),
        _ => return None,
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.as_str() {
            Some(text) => texts.push(text),
            None => return fail(format!("join: invalid input: {item}")),
        }
    }
    give(texts.join(by))
}

/// As a literal of the language.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
