//! YAML as Kubernetes reads and writes it: YAML 1.1 scalars as in go-yaml v2, output as `sigs.k8s.io/yaml`.

mod aliases;
mod directives;
mod indentation;
mod parse;
mod scalar;
mod stream;
mod words;
mod write;

use serde_json::Value;

pub use stream::{Piece, pieces};

/// Why a text is no YAML, or none that JSON could be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", if *json { "" } else { "yaml: " }, if *line == 0 { String::new() } else { format!("line {line}: ") })]
pub struct YamlError {
    /// Line in the text, from 1; 0 where nobody says which.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// It is YAML, and no JSON.
    pub json: bool,
}

impl YamlError {
    /// What is wrong with the text as YAML, at a line or somewhere (0).
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            json: false,
        }
    }

    /// What JSON has nothing for.
    fn no_json(message: String) -> Self {
        Self {
            line: 0,
            message,
            json: true,
        }
    }
}

/// One document and what a strict reader would complain about.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The document as JSON; keys are texts.
    pub value: Value,
    /// Keys that came twice: `line 5: key "data" already set in map`. The last one won.
    pub duplicates: Vec<String>,
}

/// All documents of a text; empty ones (comments only) are left out. JSON documents may follow each other without `---`.
pub fn parse_documents(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut documents = Vec::new();
    for piece in pieces(text) {
        let read = parse::documents(piece.text).map_err(|error| YamlError {
            line: piece.line(error.line),
            ..error
        });
        documents.extend(read?);
    }
    Ok(documents
        .into_iter()
        .map(|document| document.value)
        .filter(|value| !value.is_null())
        .collect())
}

/// The first document of bytes, null if there is none. Texts are UTF-8 alone.
pub fn parse_bytes(bytes: &[u8]) -> Result<Document, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let wrong = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        // What can't begin a character, or what doesn't go on as it began (`yaml_parser_update_buffer`).
        YamlError::at(
            0,
            match (wrong, error.error_len()) {
                (0x80..=0xbf | 0xf8.., _) => "invalid leading UTF-8 octet",
                (_, None) => "incomplete UTF-8 octet sequence",
                (_, Some(_)) => "invalid trailing UTF-8 octet",
            },
        )
    })?;
    parse(text)
}

/// The first document of a text, null if there is none.
pub fn parse(text: &str) -> Result<Document, YamlError> {
    first(text, None)
}

/// As [`parse`], for a format whose fields have types: where a text is wanted, a scalar stays as it is written (`007`,
/// `yes`, `1.50`), as it does where go-yaml fills a `string`; nothing at all stays null. `is_text` is asked with the keys on
/// the way to the scalar; items of a list have the way of the list. Keys are texts everywhere. An alias has the value that its
/// anchor has.
pub fn parse_typed(text: &str, is_text: &dyn Fn(&[&str]) -> bool) -> Result<Document, YamlError> {
    first(text, Some(is_text))
}

fn first(text: &str, texts: parse::Texts<'_>) -> Result<Document, YamlError> {
    let first = parse::first(text, texts)?;
    Ok(first.unwrap_or(Document {
        value: Value::Null,
        duplicates: Vec::new(),
    }))
}

/// The YAML of a value: keys in go-yaml's natural order, lists not indented, lines of about 80 columns, a line feed
/// at the end.
pub fn to_string(value: &Value) -> String {
    write::document(&write::sorted(value))
}

/// A value whose keys keep the order they were put in.
#[derive(Debug, Clone, PartialEq)]
pub enum Ordered {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    /// A list.
    List(Vec<Ordered>),
    /// Keys and their values.
    Map(Vec<(String, Ordered)>),
}

impl Ordered {
    /// As [`to_string`], but keys in their own order.
    pub fn to_yaml(&self) -> String {
        write::document(self)
    }
}

impl From<&Value> for Ordered {
    /// Keys in go-yaml's natural order.
    fn from(value: &Value) -> Self {
        write::sorted(value)
    }
}

/// Objects as a stream of documents, each after a line `---`.
pub fn documents_to_string<'a>(documents: impl IntoIterator<Item = &'a Value>) -> String {
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        text.push_str(&to_string(document));
    }
    text
}

#[cfg(test)]
mod tests;
