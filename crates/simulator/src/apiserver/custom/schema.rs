//! A version's schema, compiled: what pruning, defaulting and validation look at.

use std::collections::BTreeMap;

use machinery::go_regex;
use regex::Regex;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::formats;

/// One node of a schema (`JSONSchemaProps`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of JSONSchemaProps"
)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    pub kind: String,
    pub format: String,
    pub nullable: bool,
    #[serde(deserialize_with = "present")]
    pub default: Option<Value>,
    #[serde(rename = "enum")]
    pub allowed: Vec<Value>,
    pub properties: BTreeMap<String, Schema>,
    pub additional_properties: Option<Additional>,
    pub items: Option<Box<Schema>>,
    pub required: Vec<String>,
    pub maximum: Option<Number>,
    pub exclusive_maximum: bool,
    pub minimum: Option<Number>,
    pub exclusive_minimum: bool,
    pub multiple_of: Option<Number>,
    pub max_length: Option<usize>,
    pub min_length: Option<usize>,
    #[serde(deserialize_with = "pattern")]
    pub pattern: Option<Pattern>,
    pub max_items: Option<usize>,
    pub min_items: Option<usize>,
    pub max_properties: Option<usize>,
    pub min_properties: Option<usize>,
    pub all_of: Vec<Schema>,
    pub any_of: Vec<Schema>,
    pub one_of: Vec<Schema>,
    pub not: Option<Box<Schema>>,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub preserve_unknown: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub embedded: bool,
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub int_or_string: bool,
    #[serde(rename = "x-kubernetes-list-type")]
    pub list_type: String,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub list_map_keys: Vec<String>,
    /// There are embedded resources in what was compiled; known of the whole alone.
    #[serde(skip)]
    pub embeds: bool,
}

/// What texts must match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As it was written.
    pub text: String,
    /// Compiled.
    pub regex: Regex,
}

/// `additionalProperties`: a boolean or a schema.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Additional {
    /// Anything, or nothing.
    Allowed(bool),
    /// Values of this shape.
    Schema(Box<Schema>),
}

impl Schema {
    /// Compiles a schema; one the server would not have accepted is taken as one without any rule.
    pub(super) fn compile(schema: &Value) -> Self {
        let mut compiled = Self::read(schema);
        compiled.forget_unknown_formats();
        compiled
    }

    /// The schema that a default has to fit: there a format that nobody checks is one, and that a value may be a number or
    /// a text is a mark that restricts nothing (`pkg/apiserver/schema/kubeopenapi.go`).
    pub(super) fn of_default(schema: &Value) -> Self {
        let mut read = Self::read(schema);
        read.forget_int_or_string();
        read
    }

    fn read(schema: &Value) -> Self {
        let read: Self = serde_json::from_value(schema.clone()).unwrap_or_default();
        Self {
            embeds: read.has_embedded(),
            ..read
        }
    }

    /// A format that nobody checks is none.
    fn forget_unknown_formats(&mut self) {
        let kind = if self.int_or_string {
            ""
        } else {
            self.kind.as_str()
        };
        if !formats::is_known(kind, &self.format) {
            self.format.clear();
        }
        self.below_mut().for_each(Self::forget_unknown_formats);
    }

    fn forget_int_or_string(&mut self) {
        self.int_or_string = false;
        self.below_mut().for_each(Self::forget_int_or_string);
    }

    /// The schemas right inside of it.
    fn below_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        let additional = match &mut self.additional_properties {
            Some(Additional::Schema(schema)) => Some(schema.as_mut()),
            Some(Additional::Allowed(_)) | None => None,
        };
        let below = self.properties.values_mut();
        let below = below.chain(self.items.as_deref_mut()).chain(additional);
        let below = below.chain(&mut self.all_of).chain(&mut self.any_of);
        below.chain(&mut self.one_of).chain(self.not.as_deref_mut())
    }

    fn has_embedded(&self) -> bool {
        let inner = self.properties.values().chain(self.items.as_deref());
        self.embedded || inner.chain(self.additional()).any(Self::has_embedded)
    }

    /// The schema of values under keys that are no properties.
    pub(super) fn additional(&self) -> Option<&Schema> {
        match &self.additional_properties {
            Some(Additional::Schema(schema)) => Some(schema),
            Some(Additional::Allowed(_)) | None => None,
        }
    }

    /// The schema of the value under a key, whether by property or additional.
    pub(super) fn member(&self, key: &str) -> Option<&Schema> {
        self.properties.get(key).or_else(|| self.additional())
    }

    /// Whether a null here stands for nothing at all.
    pub(super) fn drops(&self, value: &Value) -> bool {
        value.is_null() && !self.nullable
    }
}

/// A default of `null` is none, every other value counts.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(|value| Some(value).filter(|value| !value.is_null()))
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pattern>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.is_empty());
    Ok(text.and_then(|text| {
        let regex = go_regex::compile(&text).ok()?;
        Some(Pattern { text, regex })
    }))
}
