//! What the controllers read of an object's metadata, and the small value types of the API.
//!
//! `managedFields` is never kept: it is most of an object's size and no controller reads it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::schema::{ApiSchema, Omit, api_object};

api_object! {
    /// The metadata a controller needs, unknown parts left out.
    pub struct ObjectMeta {
        optional {
            /// Name, unique within the namespace.
            "name" name: String,
            /// Namespace, empty for cluster-scoped objects.
            "namespace" namespace: String,
            /// Identity over time.
            "uid" uid: String,
            /// Version for optimistic locking.
            "resourceVersion" resource_version: String,
            /// Counts changes of the spec.
            "generation" generation: i64,
            /// When the object was created.
            "creationTimestamp" creation_timestamp: Option<Time>,
            /// When deletion was asked for.
            "deletionTimestamp" deletion_timestamp: Option<Time>,
            /// Labels.
            "labels" labels: BTreeMap<String, String>,
            /// Annotations.
            "annotations" annotations: BTreeMap<String, String>,
            /// Owners.
            "ownerReferences" owner_references: Vec<OwnerReference>,
            /// Who must act before the object goes.
            "finalizers" finalizers: Vec<String>,
        }
    }

    /// A reference to an owner.
    pub struct OwnerReference {
        required {
            /// Group and version of the owner.
            "apiVersion" api_version: String,
            /// Kind of the owner.
            "kind" kind: String,
            /// Name of the owner.
            "name" name: String,
            /// UID of the owner.
            "uid" uid: String,
        }
        optional {
            /// Whether this owner is the managing controller.
            "controller" controller: Option<bool>,
            /// Whether the owner waits for this object in foreground deletion.
            "blockOwnerDeletion" block_owner_deletion: Option<bool>,
        }
    }

    /// Labels and annotations put on pods or runs.
    pub struct PodTemplateMetadata {
        optional {
            /// Labels to set.
            "labels" labels: BTreeMap<String, String>,
            /// Annotations to set.
            "annotations" annotations: BTreeMap<String, String>,
        }
    }

    /// Labels and annotations of the AnalysisRuns that are created.
    pub struct AnalysisRunMetadata {
        optional {
            /// Labels to set.
            "labels" labels: BTreeMap<String, String>,
            /// Annotations to set.
            "annotations" annotations: BTreeMap<String, String>,
        }
    }

    /// A selector over labels; all requirements must hold.
    pub struct LabelSelector {
        optional {
            /// Labels that must have exactly these values.
            "matchLabels" match_labels: BTreeMap<String, String>,
            /// Further requirements.
            "matchExpressions" match_expressions: Vec<LabelSelectorRequirement> as super::crds::atomic_list::<LabelSelectorRequirement>(),
        }
    }

    /// One requirement of a selector.
    pub struct LabelSelectorRequirement {
        required {
            /// Label key.
            "key" key: String,
            /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
            "operator" operator: String,
        }
        optional {
            /// Values for `In` and `NotIn`.
            "values" values: Vec<String> as super::crds::atomic_list::<String>(),
        }
    }
}

impl ObjectMeta {
    /// The owner that manages this object.
    pub fn controller_of(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .find(|owner| owner.controller == Some(true))
    }
}

/// A moment with second precision, as `metav1.Time`: RFC 3339 in UTC on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Timestamp);

impl Time {
    /// Seconds since the epoch, fractions dropped.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl ApiSchema for Time {
    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }
}

/// A number or a text, as `intstr.IntOrString`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text, often a percentage.
    String(Box<str>),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::String(text) => f.write_str(text),
        }
    }
}

impl IntOrString {
    /// Go's `IntValue`: the number, or the text read as one, 0 if it isn't.
    pub fn int_value(&self) -> i32 {
        match self {
            Self::Int(number) => *number,
            Self::String(text) => text
                .parse::<i64>()
                .map_or(0, |number| i32::try_from(number).unwrap_or(0)),
        }
    }
}

impl ApiSchema for IntOrString {
    fn schema() -> Value {
        machinery::schema::openapi::int_or_string()
    }
}

impl Omit for IntOrString {
    fn omit(&self) -> bool {
        false
    }
}

/// JSON kept as compact text: a tenth of the memory of a parsed tree, nothing lost.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Keeps `value`; keys come out sorted.
    pub fn new(value: &Value) -> Self {
        Self(value.to_string().into_boxed_str())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tree, parsed anew on each call.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// True if nothing was set: absent, `null` or `{}`.
    pub fn is_empty(&self) -> bool {
        matches!(&*self.0, "null" | "{}")
    }
}

impl Default for RawJson {
    fn default() -> Self {
        Self("null".into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::new(&value))
    }
}

impl ApiSchema for RawJson {
    fn schema() -> Value {
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

impl Omit for RawJson {
    fn omit(&self) -> bool {
        &*self.0 == "null"
    }
}
