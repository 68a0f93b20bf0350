//! How built-in controllers read and write: the same path as HTTP requests, without HTTP.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::apiserver::resource::Resource;
use crate::faults::Faults;
use crate::request::User;
use crate::status_error::ApiError;

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
}

impl Change {
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

/// How dependents are treated when an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Delete them afterwards.
    Background,
    /// Delete them first.
    Foreground,
    /// Leave them alone.
    Orphan,
}

/// Options of a DELETE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds; `None` is the kind's default.
    pub grace_period_seconds: Option<i64>,
    /// `None` is the kind's default.
    pub propagation: Option<Propagation>,
    /// The deprecated boolean.
    pub orphan_dependents: Option<bool>,
    /// Only if the uid is this.
    pub uid: Option<String>,
    /// Only if the resourceVersion is this.
    pub resource_version: Option<String>,
    /// Do everything but store.
    pub dry_run: bool,
}

/// A controller's view of the API server for one step.
pub struct Session<'a> {
    pub(crate) api: &'a mut ApiServer,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) faults: Option<&'a mut (dyn Faults + 'static)>,
    pub(crate) user: User,
    pub(crate) now: Timestamp,
}

impl Session<'_> {
    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Seeded randomness.
    pub fn entropy(&mut self) -> &mut Entropy {
        self.entropy
    }

    /// The newest revision of the store.
    pub fn revision(&self) -> u64 {
        self.api.revision()
    }

    /// One object; the namespace is empty for cluster-scoped ones.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let _ = (resource, namespace, name);
        todo!()
    }

    /// All objects of a resource in key order, in one namespace or in all.
    pub fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let _ = (resource, namespace);
        todo!()
    }

    /// Every resource the server has now, built-in (storage versions) and custom, for collectors.
    pub fn resources(&self) -> Vec<Resource> {
        todo!()
    }

    /// The resource of an apiVersion and kind, as owner references name them.
    pub fn resource_of(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let _ = (api_version, kind);
        todo!()
    }

    /// Creates an object. The namespace is taken from it; `metadata.generateName` works.
    pub fn create(&mut self, resource: &Resource, object: Value) -> Result<Arc<Value>, ApiError> {
        let _ = (resource, object);
        todo!()
    }

    /// Replaces an object; a resourceVersion in it is a precondition.
    pub fn update(&mut self, resource: &Resource, object: Value) -> Result<Arc<Value>, ApiError> {
        let _ = (resource, object);
        todo!()
    }

    /// Replaces an object through its `/status` subresource.
    pub fn update_status(
        &mut self,
        resource: &Resource,
        object: Value,
    ) -> Result<Arc<Value>, ApiError> {
        let _ = (resource, object);
        todo!()
    }

    /// Applies a merge patch, on the main endpoint (`""`) or a subresource (`"status"`, `"scale"`).
    pub fn patch_merge(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
    ) -> Result<Arc<Value>, ApiError> {
        let _ = (resource, namespace, name, subresource, patch);
        todo!()
    }

    /// Deletes an object. `Some` is the object that lives on (finalizers, grace), `None` that it is gone.
    pub fn delete(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Option<Arc<Value>>, ApiError> {
        let _ = (resource, namespace, name, options);
        todo!()
    }

    /// Posts to a subresource with a body of its own: pods `binding` and `eviction`, namespaces `finalize` (a replace).
    pub fn post_subresource(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        body: Value,
    ) -> Result<(), ApiError> {
        let _ = (resource, namespace, name, subresource, body);
        todo!()
    }
}
