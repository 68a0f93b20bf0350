//! The part of an object's metadata that every cache keeps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::resource::ObjectKey;

/// Owner of an object, as its `ownerReferences` name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `kind` of the owner.
    pub kind: Box<str>,
    /// `name` of the owner.
    pub name: Box<str>,
    /// `uid` of the owner.
    pub uid: Box<str>,
    /// Whether it is the managing controller.
    pub controller: bool,
}

/// Compact metadata: managed fields and annotations are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Namespace and name.
    pub key: ObjectKey,
    /// `uid`.
    pub uid: Box<str>,
    /// `resourceVersion` as a number; 0 when absent or no number.
    pub version: u64,
    /// `generation`; 0 when absent.
    pub generation: i64,
    /// `creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `deletionTimestamp`.
    pub deleted: Option<Timestamp>,
    /// `labels`, in key order.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// `ownerReferences`.
    pub owners: Box<[Owner]>,
}

impl Meta {
    /// Value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| &**label == name)
            .map(|(_, value)| &**value)
    }

    /// The managing controller.
    pub fn controller(&self) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.controller)
    }
}

/// Metadata as it comes off the wire; what a projection's wire form holds as `metadata`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireMeta {
    /// `name`.
    pub name: String,
    /// `namespace`.
    pub namespace: String,
    /// `uid`.
    pub uid: Box<str>,
    /// `resourceVersion`.
    pub resource_version: String,
    /// `generation`.
    pub generation: i64,
    /// `creationTimestamp`.
    pub creation_timestamp: Option<Timestamp>,
    /// `deletionTimestamp`.
    pub deletion_timestamp: Option<Timestamp>,
    /// `labels`.
    pub labels: Option<BTreeMap<Box<str>, Box<str>>>,
    /// `annotations`; not kept in [`Meta`], a projection takes those it needs.
    pub annotations: Option<BTreeMap<Box<str>, Box<str>>>,
    /// `ownerReferences`.
    pub owner_references: Option<Vec<WireOwner>>,
}

/// An owner reference as it comes off the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireOwner {
    kind: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    controller: Option<bool>,
}

impl WireMeta {
    /// Value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(|value| &**value)
    }
}

impl From<WireMeta> for Meta {
    fn from(wire: WireMeta) -> Self {
        let owner = |wire: WireOwner| Owner {
            kind: wire.kind,
            name: wire.name,
            uid: wire.uid,
            controller: wire.controller.unwrap_or_default(),
        };
        let mut name = wire.name;
        let mut namespace = wire.namespace;
        name.shrink_to_fit();
        namespace.shrink_to_fit();
        Self {
            key: ObjectKey { namespace, name },
            uid: wire.uid,
            version: wire.resource_version.parse().unwrap_or_default(),
            generation: wire.generation,
            created: wire.creation_timestamp,
            deleted: wire.deletion_timestamp,
            labels: wire.labels.unwrap_or_default().into_iter().collect(),
            owners: wire
                .owner_references
                .unwrap_or_default()
                .into_iter()
                .map(owner)
                .collect(),
        }
    }
}

/// An object of which nothing but the metadata is read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct MetaOnly {
    #[serde(default)]
    pub(crate) metadata: WireMeta,
}
