//! The reader: events of `granit-parser`, what go-yaml v2 refuses refused, keys turned into texts as `sigs.k8s.io/yaml`
//! does.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::aliases::Aliases;
use super::indentation::Indentation;
use super::scalar::{self, scalar};
use super::{Document, YamlError, directives, words};
use crate::decode::MAX_DEPTH;

/// Every document, empty ones as null.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, YamlError> {
    read(text, usize::MAX, None)
}

/// The first document; what comes after it is not looked at, as in go-yaml.
pub(super) fn first(text: &str, texts: Texts<'_>) -> Result<Option<Document>, YamlError> {
    directives::check(text)?;
    Ok(read(text, 1, texts)?.into_iter().next())
}

/// Which scalars are texts, by the keys on the way to them; `None` where that is nobody's to say.
pub(super) type Texts<'a> = Option<&'a dyn Fn(&[&str]) -> bool>;

fn read(text: &str, most: usize, texts: Texts<'_>) -> Result<Vec<Document>, YamlError> {
    words::check_characters(text)?;
    let mut builder = Builder {
        texts,
        ..Builder::default()
    };
    let mut indentation = Indentation::new(text);
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| words::of_parser(text, &error))?;
        indentation.event(&event, &span)?;
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
        /// How many nodes there were before.
        nodes: usize,
    },
    Map {
        map: Map<String, Value>,
        merged: Vec<Value>,
        key: Option<Key>,
        anchor: usize,
        /// Where it begins.
        line: usize,
        /// How many nodes there were before.
        nodes: usize,
    },
}

enum Key {
    Text(String),
    /// No text, and nothing that JSON could have in its place.
    Null,
    Merge,
}

#[derive(Default)]
struct Builder<'a> {
    texts: Texts<'a>,
    documents: Vec<Document>,
    open: Vec<Open>,
    /// Values with how many nodes they are.
    anchors: BTreeMap<usize, (Value, usize)>,
    aliases: Aliases,
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

fn excessive() -> YamlError {
    YamlError::at(0, "document contains excessive aliasing")
}

/// The end of a tag, and whether it is one of YAML's own.
fn told(tag: &Tag) -> (&str, bool) {
    (tag.suffix(), tag.handle() == "tag:yaml.org,2002:")
}

/// How many lists and maps are around the innermost value, the value's own included.
fn depth(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
    }
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), YamlError> {
        match event {
            Event::DocumentEnd => {
                let value = std::mem::take(&mut self.root);
                self.documents.push(Document {
                    value,
                    duplicates: std::mem::take(&mut self.duplicates),
                });
                self.anchors.clear();
                self.aliases = Aliases::default();
            }
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain
                    && text == "<<"
                    && tag.is_none()
                    && self.expects_key()
                {
                    self.set_key(Key::Merge);
                    return Ok(());
                }
                self.aliases.read(1);
                let tag = tag.as_deref().map(told);
                let value = self.scalar(&text, style == ScalarStyle::Plain, tag)?;
                self.value(value, (anchor, 1), line)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                let nodes = self.aliases.read(1);
                self.open.push(Open::List {
                    items: Vec::new(),
                    anchor,
                    line,
                    nodes,
                });
            }
            Event::MappingStart(_, anchor, _) => {
                let nodes = self.aliases.read(1);
                self.open.push(Open::Map {
                    map: Map::new(),
                    merged: Vec::new(),
                    key: None,
                    anchor,
                    line,
                    nodes,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List {
                    items,
                    anchor,
                    line,
                    nodes,
                }) => {
                    let nodes = self.aliases.since(nodes);
                    self.value(Value::Array(items), (anchor, nodes), line)?;
                }
                Some(Open::Map {
                    map,
                    merged,
                    anchor,
                    line,
                    nodes,
                    ..
                }) => {
                    let nodes = self.aliases.since(nodes);
                    let map = with_merged(map, merged)?;
                    self.value(Value::Object(map), (anchor, nodes), line)?;
                }
                None => {}
            },
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor);
                let (value, nodes) =
                    known.map_or((&Value::Null, 1), |(value, nodes)| (value, *nodes));
                self.repeated += weight(value);
                let deep = depth(value) + self.open.len() > MAX_DEPTH;
                self.aliases.read(1);
                if self.aliases.repeat(nodes) || self.repeated > MOST_REPEATED || deep {
                    return Err(excessive());
                }
                let value = value.clone();
                self.value(value, (0, nodes), line)?;
            }
            // markers and comments: nothing of the data
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &self,
        text: &str,
        plain: bool,
        tag: Option<(&str, bool)>,
    ) -> Result<Value, YamlError> {
        if self.wants_text() {
            scalar::text(text, plain, tag)
        } else {
            scalar(text, plain, tag)
        }
    }

    /// Whether the next scalar is a text: a key, or what stands in the place of one.
    fn wants_text(&self) -> bool {
        let Some(texts) = self.texts else {
            return false;
        };
        if self.expects_key() {
            return true;
        }
        let mut path = Vec::with_capacity(self.open.len());
        for open in &self.open {
            match open {
                Open::Map {
                    key: Some(Key::Text(key)),
                    ..
                } => path.push(key.as_str()),
                // What is merged stands where it is merged into.
                Open::Map { .. } | Open::List { .. } => {}
            }
        }
        texts(&path)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn set_key(&mut self, next: Key) {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(next);
        }
    }

    /// A value, and of how many nodes it is made.
    fn value(
        &mut self,
        value: Value,
        (anchor, nodes): (usize, usize),
        line: usize,
    ) -> Result<(), YamlError> {
        if anchor != 0 {
            self.anchored += weight(&value);
            if self.anchored > MOST_ANCHORED {
                return Err(excessive());
            }
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        if self.expects_key() {
            let key = match &value {
                Value::Null => Key::Null,
                other => Key::Text(key_text(other).ok_or_else(|| {
                    // Go's reader doesn't say where it is.
                    YamlError::at(0, format!("invalid map key: {}", go_syntax(other)))
                })?),
            };
            self.set_key(key);
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
                Some(Key::Null) => {
                    return Err(YamlError::no_json(format!(
                        "unsupported map key of type: %!s(<nil>), key: <nil>, value: {}",
                        go_syntax(&value)
                    )));
                }
                None => {}
            },
        }
        Ok(())
    }
}

/// `<<` entries: what the map itself has wins, earlier entries win over later ones.
fn with_merged(
    mut map: Map<String, Value>,
    merged: Vec<Value>,
) -> Result<Map<String, Value>, YamlError> {
    let no_map = || YamlError::at(0, "map merge requires map or sequence of maps as the value");
    for source in merged {
        let sources = match source {
            Value::Array(list) => list,
            other => vec![other],
        };
        for entry in sources {
            let Value::Object(entry) = entry else {
                return Err(no_map());
            };
            for (key, value) in entry {
                map.entry(key).or_insert(value);
            }
        }
    }
    Ok(map)
}

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

/// Keys become texts, as in the conversion to JSON.
fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
