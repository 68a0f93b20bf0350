//! Projections that any kind can have: everything, or nothing but metadata.

use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Projection;
use super::meta::{Meta, MetaOnly, WireMeta};
use crate::error::Error;
use crate::packed::Packed;
use crate::resource::ResourceRef;

/// A whole object, kept as compressed JSON text without `managedFields`: a tree of values costs about ten times as much as the
/// text alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    meta: Meta,
    json: Packed,
    resource: Option<Arc<ResourceRef>>,
}

impl Whole {
    /// The object as a value, with `apiVersion` and `kind` (lists of built-in kinds come without them).
    pub fn value(&self) -> Value {
        let mut value = serde_json::from_slice(&self.json.unpacked()).unwrap_or_default();
        if let (Value::Object(fields), Some(resource)) = (&mut value, &self.resource) {
            fields.insert(
                "apiVersion".to_owned(),
                Value::String(resource.api_version()),
            );
            fields.insert("kind".to_owned(), Value::String(resource.kind.to_string()));
        }
        value
    }

    /// The object as a typed view.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.json.unpacked()).map_err(|source| Error::Decode {
            what: self.meta.key.to_string(),
            source,
        })
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let meta = match value.get_mut("metadata") {
            Some(metadata) => {
                if let Some(fields) = metadata.as_object_mut() {
                    fields.remove("managedFields");
                }
                WireMeta::deserialize(&*metadata)
                    .map_err(D::Error::custom)?
                    .into()
            }
            None => Meta::default(),
        };
        let json = serde_json::to_vec(&value).map_err(D::Error::custom)?;
        Ok(Self {
            meta,
            json: Packed::new(&json),
            resource: None,
        })
    }
}

impl Projection for Whole {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn complete(&mut self, resource: &Arc<ResourceRef>) {
        self.resource = Some(Arc::clone(resource));
    }
}

/// Metadata only.
impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MetaOnly::deserialize(deserializer).map(|object| object.metadata.into())
    }
}

impl Projection for Meta {
    const METADATA_ONLY: bool = true;

    fn meta(&self) -> &Meta {
        self
    }
}
