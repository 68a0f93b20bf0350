//! Projections: the few fields the rollout controllers read of kinds they don't own.
//!
//! Caches hold these instead of whole objects (style.md section 5). Each view is made from the object's JSON and is
//! total: a malformed field is left out, an object without a name gives none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::Meta;
use runtime::cache::WireMeta;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::decode::lenient;
use crate::api::{ObjectMeta, Rollout};
pub use crate::replicas::ReplicaSetView;

/// String map as labels and annotations use it.
pub type Strings = BTreeMap<String, String>;

/// What a cache can keep of an object.
pub trait View: Sized + Send + Sync + 'static {
    /// Reads an object as far as possible.
    fn read(object: &Value) -> Self;
}

/// A view in a cache. Decoding never fails: one malformed object must not stop a watch.
#[derive(Debug, Clone)]
pub struct Cached<V> {
    meta: Meta,
    /// The view.
    pub view: V,
}

impl<'de, V: View> Deserialize<'de> for Cached<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let meta = object
            .get("metadata")
            .and_then(|meta| WireMeta::deserialize(meta).ok())
            .unwrap_or_default();
        Ok(Self {
            meta: meta.into(),
            view: V::read(&object),
        })
    }
}

impl<V: View> runtime::Projection for Cached<V> {
    fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl View for Rollout {
    fn read(object: &Value) -> Self {
        lenient::<Self>(object).object.compact()
    }
}

impl View for ReplicaSetView {
    fn read(object: &Value) -> Self {
        Self::from_value(object)
    }
}

impl View for PodView {
    fn read(object: &Value) -> Self {
        Self::from_object(object).unwrap_or_default()
    }
}

impl View for ServiceView {
    fn read(object: &Value) -> Self {
        Self::from_object(object).unwrap_or_default()
    }
}

/// What the controller reads of a Pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodView {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Since when the pod's `Ready` condition is `True`.
    pub ready_since: Option<Timestamp>,
}

/// What the controller reads of a Service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceView {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// `spec.selector`.
    pub selector: Strings,
}

/// What the controller reads of the object named by `spec.workloadRef`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkloadView {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// `spec.replicas` of a Deployment or ReplicaSet; absent is 1.
    pub replicas: i32,
    /// The pod template.
    pub template: Option<Value>,
    /// The label selector; a PodTemplate has none.
    pub selector: Option<Value>,
}

impl PodView {
    /// Projects a Pod; `None` without a name.
    pub fn from_object(object: &Value) -> Option<Self> {
        let conditions = object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let ready = conditions.and_then(|all| {
            all.iter()
                .find(|c| text(c, "type") == "Ready" && text(c, "status") == "True")
        });
        let since = ready.map(|c| {
            text(c, "lastTransitionTime")
                .parse()
                .unwrap_or(Timestamp::UNIX_EPOCH)
        });
        Some(Self {
            metadata: metadata(object)?,
            ready_since: since,
        })
    }
}

impl ServiceView {
    /// Projects a Service; `None` without a name.
    pub fn from_object(object: &Value) -> Option<Self> {
        Some(Self {
            metadata: metadata(object)?,
            selector: strings(object.pointer("/spec/selector")),
        })
    }

    /// The pod template hash that it selects, or "".
    pub fn hash(&self) -> &str {
        self.selector
            .get(crate::api::labels::POD_TEMPLATE_HASH)
            .map_or("", String::as_str)
    }
}

impl WorkloadView {
    /// Projects a Deployment, ReplicaSet or PodTemplate; `None` without a name.
    pub fn from_object(object: &Value) -> Option<Self> {
        let template = object
            .pointer("/spec/template")
            .or_else(|| object.get("template"));
        let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64);
        Some(Self {
            metadata: metadata(object)?,
            replicas: replicas.and_then(|n| i32::try_from(n).ok()).unwrap_or(1),
            template: template.filter(|t| t.is_object()).cloned(),
            selector: object
                .pointer("/spec/selector")
                .filter(|s| s.is_object())
                .cloned(),
        })
    }
}

/// The metadata of an object; `None` without a name.
pub fn metadata(object: &Value) -> Option<ObjectMeta> {
    let read: ObjectMeta = lenient(object.get("metadata")?).object;
    (!read.name.is_empty()).then_some(read)
}

/// A string map out of JSON; entries that are no strings are left out.
pub fn strings(value: Option<&Value>) -> Strings {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
