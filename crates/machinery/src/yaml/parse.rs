//! The reader: events of `granit-parser`, scalars resolved as go-yaml v2 does (YAML 1.1 booleans and octals), keys
//! turned into texts as `sigs.k8s.io/yaml` does.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use super::{Document, YamlError};
use crate::decode::MAX_DEPTH;

/// Every document, empty ones as null.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, YamlError> {
    read(text, usize::MAX)
}

/// The first document; what comes after it is not looked at, as in go-yaml.
pub(super) fn first(text: &str) -> Result<Option<Document>, YamlError> {
    Ok(read(text, 1)?.into_iter().next())
}

fn read(text: &str, most: usize) -> Result<Vec<Document>, YamlError> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| YamlError {
            line: error.marker().line(),
            message: error.to_string(),
        })?;
        builder.event(event, span.start.line())?;
        if builder.documents.len() >= most {
            break;
        }
    }
    Ok(builder.documents)
}

/// A collection being read.
enum Open {
    List {
        items: Vec<Value>,
        anchor: usize,
        /// Where it begins.
        line: usize,
    },
    Map {
        map: Map<String, Value>,
        merged: Vec<Value>,
        key: Option<Key>,
        anchor: usize,
        /// Where it begins.
        line: usize,
    },
}

enum Key {
    Text(String),
    Merge,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Document>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Value>,
    root: Value,
    duplicates: Vec<String>,
    /// What aliases have repeated so far, by weight.
    repeated: usize,
    /// What anchors hold a copy of, by weight.
    anchored: usize,
}

/// More than this by aliases is no manifest but an attack on memory.
const MOST_REPEATED: usize = 100_000;
/// More than this under anchors is, too: anchors within each other each hold all that is below them.
const MOST_ANCHORED: usize = 1_000_000;

/// How much a value is: one for each value in it, and one more for every 64 bytes of text.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => {
            1 + fields
                .iter()
                .map(|(key, value)| key.len() / 64 + weight(value))
                .sum::<usize>()
        }
        Value::String(text) => 1 + text.len() / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

fn excessive(line: usize) -> YamlError {
    YamlError {
        line,
        message: "document contains excessive aliasing".to_owned(),
    }
}

/// How many lists and maps are around the innermost value, the value's own included.
fn depth(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
    }
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), YamlError> {
        match event {
            Event::DocumentEnd => {
                let value = std::mem::take(&mut self.root);
                self.documents.push(Document {
                    value,
                    duplicates: std::mem::take(&mut self.duplicates),
                });
                self.anchors.clear();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_ref().map(|tag| tag.suffix().to_owned());
                if style == ScalarStyle::Plain
                    && text == "<<"
                    && tag.is_none()
                    && self.expects_key()
                {
                    self.set_key(Key::Merge);
                    return Ok(());
                }
                let value = scalar(&text, style, tag.as_deref());
                self.value(value, anchor, line)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open.push(Open::List {
                items: Vec::new(),
                anchor,
                line,
            }),
            Event::MappingStart(_, anchor, _) => {
                self.open.push(Open::Map {
                    map: Map::new(),
                    merged: Vec::new(),
                    key: None,
                    anchor,
                    line,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List {
                    items,
                    anchor,
                    line,
                }) => {
                    self.value(Value::Array(items), anchor, line)?;
                }
                Some(Open::Map {
                    map,
                    merged,
                    anchor,
                    line,
                    ..
                }) => {
                    self.value(Value::Object(with_merged(map, merged)), anchor, line)?;
                }
                None => {}
            },
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor);
                self.repeated += known.map_or(1, weight);
                let deep = known.map_or(0, depth) + self.open.len() > MAX_DEPTH;
                if self.repeated > MOST_REPEATED || deep {
                    return Err(excessive(line));
                }
                let value = known.cloned().unwrap_or_default();
                self.value(value, 0, line)?;
            }
            // markers and comments: nothing of the data
            _ => {}
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn set_key(&mut self, next: Key) {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(next);
        }
    }

    fn value(&mut self, value: Value, anchor: usize, line: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            self.anchored += weight(&value);
            if self.anchored > MOST_ANCHORED {
                return Err(excessive(line));
            }
            self.anchors.insert(anchor, value.clone());
        }
        if self.expects_key() {
            let key = key_text(&value).ok_or_else(|| YamlError {
                // Go's reader doesn't say where it is.
                line: 0,
                message: format!("invalid map key: {}", go_syntax(&value)),
            })?;
            self.set_key(Key::Text(key));
            return Ok(());
        }
        match self.open.last_mut() {
            None => self.root = value,
            Some(Open::List { items, .. }) => items.push(value),
            Some(Open::Map {
                map, merged, key, ..
            }) => match key.take() {
                Some(Key::Text(text)) => {
                    if map.contains_key(&text) {
                        // The line is the value's, which may begin on one of its own.
                        let complaint = format!("line {line}: key {text:?} already set in map");
                        self.duplicates.push(complaint);
                    }
                    map.insert(text, value);
                }
                Some(Key::Merge) => merged.push(value),
                None => {}
            },
        }
        Ok(())
    }
}

/// `<<` entries: what the map itself has wins, earlier entries win over later ones.
fn with_merged(mut map: Map<String, Value>, merged: Vec<Value>) -> Map<String, Value> {
    for source in merged {
        let sources = match source {
            Value::Array(list) => list,
            other => vec![other],
        };
        for entry in sources {
            if let Value::Object(entry) = entry {
                for (key, value) in entry {
                    map.entry(key).or_insert(value);
                }
            }
        }
    }
    map
}

/// Keys become texts, as in the conversion to JSON.
/// Go's `%#v` of what was read.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => crate::go_json::show_float(float),
            Some(_) | None => number.to_string(),
        },
        Value::String(text) => crate::decode::quote(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}:{}", crate::decode::quote(key), go_syntax(value))
            };
            let entries: Vec<String> = map.iter().map(entry).collect();
            format!(
                "map[interface {{}}]interface {{}}{{{}}}",
                entries.join(", ")
            )
        }
    }
}

fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    match tag {
        Some("str") => Value::from(text),
        Some("binary") => binary(text).map_or_else(|| Value::from(text), Value::from),
        Some("float") => resolve(text)
            .as_f64()
            .map_or_else(|| Value::from(text), Value::from),
        Some(_) => resolve(text),
        None if style == ScalarStyle::Plain => resolve(text),
        None => Value::from(text),
    }
}

fn binary(text: &str) -> Option<String> {
    use base64::Engine;
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    String::from_utf8(bytes).ok()
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
