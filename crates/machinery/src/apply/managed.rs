//! `metadata.managedFields`: who owns which fields, read and written as a server does.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/internal/managedfields.go`.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::path::json_text;
use super::set::{FieldSet, FieldsError};
use crate::decode::quote;
use crate::time;

/// What a manager did to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Any other write.
    Update,
}

impl Operation {
    /// As in the entry: `Apply`, `Update`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells one entry from another: for `Apply` without the version. Copies are the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity(Arc<IdentityParts>);

/// The parts of an [`Identity`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentityParts {
    /// As upstream keys its map, which decides the order of conflicts and of the oldest entries.
    text: String,
    /// Name of the manager.
    pub manager: String,
    /// What it did.
    pub operation: Operation,
    /// `apps/v1`; empty for `Apply`.
    pub api_version: String,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: String,
}

impl Identity {
    /// The identity of a manager's entry.
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = match operation {
            Operation::Apply => "",
            Operation::Update => api_version,
        };
        let parts = [
            ("manager", manager),
            ("operation", operation.as_str()),
            ("apiVersion", api_version),
            ("subresource", subresource),
        ];
        let mut text = String::with_capacity(96);
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            // Every write makes one: no formatting.
            text.push_str(if text.is_empty() { "{\"" } else { ",\"" });
            text.push_str(name);
            text.push_str("\":");
            text.push_str(&json_text(value));
        }
        text.push('}');
        Self(Arc::new(IdentityParts {
            text,
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }))
    }

    /// The manager in a message: `"m" with subresource "status" using v1`.
    pub(super) fn message(&self) -> String {
        let mut out = quote(&self.manager);
        if !self.subresource.is_empty() {
            out.push_str(" with subresource ");
            out.push_str(&quote(&self.subresource));
        }
        if self.operation == Operation::Update {
            out.push_str(" using ");
            out.push_str(&self.api_version);
        }
        out
    }
}

impl Deref for Identity {
    type Target = IdentityParts;

    fn deref(&self) -> &IdentityParts {
        &self.0
    }
}

/// What an entry says beside its identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owned {
    /// The version whose field names are meant: `apps/v1`.
    pub api_version: String,
    /// RFC 3339, or empty where the write changed nothing.
    pub time: String,
    /// The fields.
    pub fields: FieldSet,
}

/// All entries of an object.
pub type Managers = BTreeMap<Identity, Owned>;

/// An entry that cannot be read. Its text is the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManagedError {
    /// Neither `Apply` nor `Update`.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    NoVersion,
    /// No `fieldsType`.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoType(usize),
    /// Another `fieldsType` than `FieldsV1`.
    #[error("invalid fieldsType {} in managed fields entry {index}", quote(.found))]
    Type {
        /// Which entry, from 0.
        index: usize,
        /// What it says.
        found: String,
    },
    /// The fields themselves.
    #[error("error decoding set: {0}")]
    Fields(#[from] FieldsError),
}

/// Reads `metadata.managedFields`; entries of one identity: the last one counts.
pub fn decode(entries: &[Value]) -> Result<Managers, ManagedError> {
    let mut out = Managers::new();
    for (index, entry) in entries.iter().enumerate() {
        let (identity, owned) = decode_entry(index, entry)?;
        out.insert(identity, owned);
    }
    Ok(out)
}

fn decode_entry(index: usize, entry: &Value) -> Result<(Identity, Owned), ManagedError> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(ManagedError::Operation),
    };
    if text("apiVersion").is_empty() {
        return Err(ManagedError::NoVersion);
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(ManagedError::NoType(index)),
        other => {
            let found = other.to_owned();
            return Err(ManagedError::Type { index, found });
        }
    }
    let fields = match entry.get("fieldsV1") {
        None => FieldSet::new(),
        Some(fields) => FieldSet::from_value(fields)?,
    };
    let identity = Identity::new(
        text("manager"),
        operation,
        text("apiVersion"),
        text("subresource"),
    );
    let owned = Owned {
        api_version: text("apiVersion").to_owned(),
        time: text("time").to_owned(),
        fields,
    };
    Ok((identity, owned))
}

/// The entries of an object, which is how a request asks for, or without any.
pub fn entries(object: &Value) -> &[Value] {
    let field = object
        .get("metadata")
        .and_then(|metadata| metadata.get("managedFields"));
    field.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a request with that field asks for tracking to begin anew: `[]` or `[{}]`.
pub(super) fn asks_for_reset(given: &Value) -> bool {
    match given {
        Value::Array(entries) => match entries.as_slice() {
            [] => true,
            [entry] => entry.as_object().is_some_and(Map::is_empty),
            _ => false,
        },
        _ => false,
    }
}

/// Seconds of a time, 0 where there is none.
pub(super) fn seconds(text: &str) -> i64 {
    time::parse(text).map_or(0, jiff::Timestamp::as_second)
}

/// The entries in the server's order: `Apply` first, then by time, manager, version and subresource.
pub fn encode(managers: &Managers) -> Vec<Value> {
    encode_with(managers, |_, _| None)
}

/// The same with the entries that `written` has, which are as they would be encoded.
pub(super) fn encode_with(
    managers: &Managers,
    mut written: impl FnMut(&Identity, &Owned) -> Option<Value>,
) -> Vec<Value> {
    let mut sorted: Vec<(&Identity, &Owned)> = managers.iter().collect();
    if sorted.len() > 1 {
        sorted.sort_by_cached_key(|(identity, owned)| {
            (
                identity.operation,
                seconds(&owned.time),
                identity.manager.as_str(),
                owned.api_version.as_str(),
                identity.subresource.as_str(),
            )
        });
    }
    sorted
        .into_iter()
        .map(|(identity, owned)| {
            written(identity, owned).unwrap_or_else(|| encode_entry(identity, owned))
        })
        .collect()
}

/// Whether an entry is that of an identity.
pub(super) fn is_of(entry: &Value, identity: &Identity, api_version: &str) -> bool {
    let has =
        |key: &str, text: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default() == text;
    has("manager", &identity.manager)
        && has("operation", identity.operation.as_str())
        && has("apiVersion", api_version)
        && has("subresource", &identity.subresource)
}

/// The entry with another time.
pub(super) fn timed(mut entry: Value, time: &str) -> Value {
    if let Some(fields) = entry.as_object_mut() {
        if time.is_empty() {
            fields.remove("time");
        } else {
            fields.insert("time".to_owned(), json!(time));
        }
    }
    entry
}

fn encode_entry(identity: &Identity, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let texts = [
        ("manager", identity.manager.as_str()),
        ("operation", identity.operation.as_str()),
        ("apiVersion", &owned.api_version),
        ("time", &owned.time),
        ("subresource", &identity.subresource),
    ];
    for (name, text) in texts {
        if !text.is_empty() {
            entry.insert(name.to_owned(), json!(text));
        }
    }
    entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
    entry.insert("fieldsV1".to_owned(), owned.fields.to_value());
    Value::Object(entry)
}

/// Puts the entries into an object; without any, the field goes.
pub fn put(object: &mut Value, managers: &Managers) {
    put_entries(object, encode(managers));
}

pub(super) fn put_entries(object: &mut Value, entries: Vec<Value>) {
    if entries.is_empty() {
        take(object);
        return;
    }
    crate::meta::set(object, "managedFields", Value::Array(entries));
}

/// Removes the field, and answers what it was.
pub(super) fn take(object: &mut Value) -> Option<Value> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    metadata.remove("managedFields")
}
