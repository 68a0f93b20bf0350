//! What controllers are told of: a committed change.

use std::sync::{Arc, OnceLock};

use machinery::meta::{self, OwnerReference};
use serde_json::Value;

use crate::apiserver::resource::Resource;

/// One committed change of the store. Resources are in their storage version (`autoscaling/v2`, core `events`).
#[derive(Debug, Clone)]
pub struct Change {
    /// Revision of the change.
    pub revision: u64,
    /// What kind of object.
    pub resource: Resource,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The object before; `None` if it was created.
    pub before: Option<Arc<Value>>,
    /// The object after; `None` if it was deleted.
    pub after: Option<Arc<Value>>,
    /// Who controls it before and after: read once, though half a dozen controllers ask.
    controllers: OnceLock<[Option<OwnerReference>; 2]>,
}

impl Change {
    /// What became of an object of `resource`, between two states of it.
    pub(crate) fn new(
        revision: u64,
        resource: Resource,
        (namespace, name): (&str, &str),
        (before, after): (Option<Arc<Value>>, Option<Arc<Value>>),
    ) -> Self {
        Self {
            revision,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            before,
            after,
            controllers: OnceLock::new(),
        }
    }

    /// Who controls the object before and after.
    pub(crate) fn controllers(&self) -> &[Option<OwnerReference>; 2] {
        let of = |object: &Option<Arc<Value>>| object.as_deref().and_then(meta::controller_of);
        self.controllers
            .get_or_init(|| [of(&self.before), of(&self.after)])
    }

    /// The last state of the object, if this change deleted it.
    pub fn deleted(&self) -> Option<&Arc<Value>> {
        if self.after.is_none() {
            self.before.as_ref()
        } else {
            None
        }
    }

    /// The newest state of the object: after the change, or the last one if it was deleted.
    pub fn object(&self) -> Option<&Arc<Value>> {
        self.after.as_ref().or(self.before.as_ref())
    }
}
