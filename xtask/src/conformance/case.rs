//! One recorded call.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One recorded call: a line of a file.
#[derive(Clone, Debug)]
pub struct Case {
    /// The whole line.
    pub line: Value,
    /// Objects that `$ref` may mean, by `Kind/namespace/name`.
    store: BTreeMap<String, Value>,
}

impl Case {
    /// Reads a line.
    pub fn new(line: Value) -> Self {
        let mut store = BTreeMap::new();
        for list in ["$client", "$store"] {
            for object in line["in"][list].as_array().into_iter().flatten() {
                let text = |pointer: &str| {
                    object
                        .pointer(pointer)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let key = format!(
                    "{}/{}/{}",
                    text("/kind"),
                    text("/metadata/namespace"),
                    text("/metadata/name")
                );
                store.insert(key, object.clone());
            }
        }
        Self { line, store }
    }

    /// Its name, unique within the file.
    pub fn name(&self) -> &str {
        self.line["case"].as_str().unwrap_or_default()
    }

    /// The upstream function, empty if the file is no list of calls.
    pub fn function(&self) -> &str {
        self.line["fn"].as_str().unwrap_or_default()
    }

    /// An argument, references resolved; null if it was nil.
    pub fn arg(&self, name: &str) -> Value {
        self.resolve(&self.line["in"][name])
    }

    /// An argument read as far as possible.
    pub fn read<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        rollouts::api::decode::lenient(&self.arg(name)).object
    }

    /// An argument that may be nil.
    pub fn read_option<T: DeserializeOwned + Default>(&self, name: &str) -> Option<T> {
        let value = self.arg(name);
        (!value.is_null()).then(|| rollouts::api::decode::lenient(&value).object)
    }

    /// A list of arguments, nil entries dropped.
    pub fn read_list<T: DeserializeOwned + Default>(&self, name: &str) -> Vec<T> {
        let list = self.arg(name);
        let entries = list
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| !entry.is_null());
        entries
            .map(|entry| rollouts::api::decode::lenient(entry).object)
            .collect()
    }

    /// A number.
    pub fn number(&self, name: &str) -> i32 {
        self.line["in"][name]
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or_default()
    }

    /// A text.
    pub fn text(&self, name: &str) -> String {
        self.line["in"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The time of the call.
    pub fn now(&self) -> jiff::Timestamp {
        self.line["now"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// What upstream returned, references resolved.
    pub fn out(&self, pointer: &str) -> Value {
        self.resolve(self.line["out"].pointer(pointer).unwrap_or(&Value::Null))
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                if let Some(found) = fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|key| self.store.get(key))
                {
                    return found.clone();
                }
                Value::Object(
                    fields
                        .iter()
                        .map(|(key, field)| (key.clone(), self.resolve(field)))
                        .collect(),
                )
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.resolve(item)).collect())
            }
            other => other.clone(),
        }
    }

    /// Compares results by name; nil, absent and empty are one.
    pub fn expect(&self, results: &[(&str, Value)]) -> Result<(), String> {
        for (name, ours) in results {
            let theirs = self.out(&format!("/{name}"));
            same(name, &theirs, ours)?;
        }
        Ok(())
    }
}

/// Compares two values without their nulls and empty parts.
pub fn same(what: &str, theirs: &Value, ours: &Value) -> Result<(), String> {
    let (theirs, ours) = (bare(theirs), bare(ours));
    if theirs == ours {
        return Ok(());
    }
    Err(format!(
        "{what}: upstream {}, ours {}",
        show(theirs.as_ref()),
        show(ours.as_ref())
    ))
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// A value without nulls, empty lists, maps and texts; floats to ten digits.
fn bare(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Array(items) => {
            let items: Vec<Value> = items
                .iter()
                .map(|item| bare(item).unwrap_or_default())
                .collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .filter_map(|(key, field)| Some((key.clone(), bare(field)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() => Value::String(format!("{float:.10e}")),
            Some(_) | None => Value::String(number.to_string()),
        }),
    }
}

/// Reads a file of recorded calls, gzipped or not: one value a line, or why that line is none.
pub fn read_lines(path: &Path) -> Result<Vec<serde_json::Result<Value>>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(bytes)?;
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(serde_json::from_str).collect())
}
