//! An object that workloads select, as caches keep it: whole but for its status, and with what every pass over every
//! workload asks of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use runtime::{Meta, ObjectReference, Projection, ResourceRef, Whole};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::binding::Binding;
use super::bindings::Holder;
use super::references::{self, Reference};

/// An object, what it refers to, and what it says of who uses it: read once for each version.
#[derive(Debug)]
pub struct Selectable {
    whole: Whole,
    references: BTreeSet<Reference>,
    bindings: Box<[Binding]>,
    holder: Option<Arc<Holder>>,
}

impl Selectable {
    /// The whole object, without its status.
    pub fn whole(&self) -> &Whole {
        &self.whole
    }

    /// Secrets and `ConfigMap`s it refers to.
    pub fn references(&self) -> &BTreeSet<Reference> {
        &self.references
    }

    /// What it says of who uses it, once it is known of which kind it is.
    pub fn holder(&self) -> Option<&Arc<Holder>> {
        self.holder.as_ref()
    }
}

impl Projection for Selectable {
    fn meta(&self) -> &Meta {
        self.whole.meta()
    }

    fn complete(&mut self, resource: &Arc<ResourceRef>) {
        self.whole.complete(resource);
        let meta = self.whole.meta();
        let reference = ObjectReference {
            api_version: resource.api_version(),
            kind: resource.kind.to_string(),
            namespace: meta.key.namespace.clone(),
            name: meta.key.name.clone(),
            uid: meta.uid.to_string(),
            resource_version: String::new(),
        };
        self.holder = Some(Arc::new(Holder {
            resource: Arc::clone(resource),
            reference,
            version: meta.version.to_string(),
            generation: meta.generation,
            bindings: std::mem::take(&mut self.bindings),
        }));
    }
}

impl<'de> Deserialize<'de> for Selectable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        let bindings = Binding::all(&object);
        let references = references::of(&object);
        // Nothing else of its status is asked for.
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        let whole = Whole::deserialize(object).map_err(D::Error::custom)?;
        Ok(Self {
            whole,
            references,
            bindings,
            holder: None,
        })
    }
}
