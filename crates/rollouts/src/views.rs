//! Projections: the few fields the rollout controllers read of kinds they don't own.
//!
//! Caches hold these instead of whole objects (style.md section 5). Each view is made from the object's JSON and is
//! total: a malformed field is left out, an object without a name gives none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use runtime::Meta;
use runtime::cache::WireMeta;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::decode::lenient;
use crate::api::labels::LAST_APPLIED_CONFIGURATION;
use crate::api::{ObjectMeta, Rollout};
use crate::malformed;
pub use crate::replicas::ReplicaSetView;
use crate::rollout::observe::service_names;

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
        let object = unmanaged(deserializer)?;
        Ok(Self {
            meta: meta_of(&object),
            view: V::read(&object),
        })
    }
}

impl<V: View> runtime::Projection for Cached<V> {
    fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// An object of a kind that comes by the thousand: kept as JSON text and decoded when it is looked at, because decoded
/// it takes several times the room.
#[derive(Debug, Clone)]
pub struct Packed<V> {
    meta: Meta,
    json: Box<[u8]>,
    names: Box<[Box<str>]>,
    malformed: bool,
    kind: PhantomData<fn() -> V>,
}

/// What can be kept packed.
pub trait Pack: DeserializeOwned + Default + 'static {
    /// Takes out of an object what is never read, and what is malformed; answers whether anything was.
    fn prune(_object: &mut Value) -> bool {
        false
    }

    /// What an object can be found by in an index, besides its metadata.
    fn names(_object: &Value) -> Vec<String> {
        Vec::new()
    }
}

impl<V: Pack> Packed<V> {
    /// The object, decoded as far as possible.
    pub fn view(&self) -> V {
        serde_json::from_slice(&self.json).unwrap_or_else(|_| {
            let object: Value = serde_json::from_slice(&self.json).unwrap_or_default();
            lenient(&object).object
        })
    }

    /// Whether the stored object has malformed parts, which are not in the view.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// What it can be found by, see [`Pack::names`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}

impl<'de, V: Pack> Deserialize<'de> for Packed<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = unmanaged(deserializer)?;
        let malformed = V::prune(&mut object);
        let names = V::names(&object).into_iter().map(String::into_boxed_str);
        Ok(Self {
            meta: meta_of(&object),
            names: names.collect(),
            malformed,
            json: object.to_string().into_bytes().into_boxed_slice(),
            kind: PhantomData,
        })
    }
}

impl<V: Pack> runtime::Projection for Packed<V> {
    fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Pack for Rollout {
    /// The annotation repeats the whole manifest; what is malformed is left out.
    fn prune(object: &mut Value) -> bool {
        let mut malformed = false;
        if let Cow::Owned(sound) = malformed::without(object) {
            *object = sound;
            malformed = true;
        }
        let annotations = object.pointer_mut("/metadata/annotations");
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED_CONFIGURATION);
        }
        malformed
    }

    /// `Kind/namespace/name` of the Services that it names and of the workload that it takes its template from.
    fn names(object: &Value) -> Vec<String> {
        let rollout = lenient::<Self>(object).object;
        let namespace = &rollout.metadata.namespace;
        let services = service_names(&rollout).into_iter();
        let mut names: Vec<String> = services
            .map(|name| format!("Service/{namespace}/{name}"))
            .collect();
        let workload = rollout.spec.workload_ref.as_ref();
        names.extend(workload.map(|w| format!("{}/{namespace}/{}", w.kind, w.name)));
        names
    }
}

impl Pack for ReplicaSetView {}

/// An object without `managedFields`, which are most of it and which nobody reads.
fn unmanaged<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    deserializer.deserialize_any(Unmanaged { depth: 0 })
}

/// Metadata, as far as it is sound.
fn meta_of(object: &Value) -> Meta {
    let meta = object.get("metadata");
    meta.and_then(|meta| WireMeta::deserialize(meta).ok())
        .unwrap_or_default()
        .into()
}

/// Reads an object, or its metadata at depth 1, into a tree.
struct Unmanaged {
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Unmanaged {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unmanaged {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = serde_json::Map::new();
        while let Some(field) = map.next_key::<String>()? {
            let value = match (self.depth, field.as_str()) {
                (0, "metadata") => map.next_value_seed(Self { depth: 1 })?,
                (1, "managedFields") => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => map.next_value()?,
            };
            fields.insert(field, value);
        }
        Ok(Value::Object(fields))
    }

    // Metadata that is no object is as good as none.
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, _text: &str) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
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
    /// What changes with the spec, but not with the status.
    pub fn state(&self) -> String {
        let ObjectMeta {
            uid,
            generation,
            resource_version,
            ..
        } = &self.metadata;
        match generation {
            // A PodTemplate has none.
            0 => format!("{uid}/{resource_version}"),
            _ => format!("{uid}#{generation}"),
        }
    }

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
