//! Writes as data, what a decision wants done, and the one place that performs them.

use jiff::Timestamp;
use serde_json::Value;

use super::event::{Note, Recorder};
use super::object;
use crate::apiserver::resource::Resource;
use crate::session::{DeleteOptions, Session};
use crate::status_error::ApiError;

/// One write of a built-in controller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    /// Create this object.
    Create(Resource, Value),
    /// Replace this object; its resourceVersion is the precondition.
    Update(Resource, Value),
    /// Replace this object's status (and, where the kind lets it, its annotations).
    UpdateStatus(Resource, Value),
    /// Delete.
    Delete(Target, DeleteOptions),
    /// Record an event about an object.
    Event(Note),
}

/// The object a write is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its resource.
    pub(crate) resource: Resource,
    /// Its namespace, `""` for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

impl Target {
    /// The target of a write on a live object.
    pub(crate) fn of(resource: Resource, object: &Value) -> Self {
        Self {
            resource,
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
        }
    }
}

/// What a controller works with during a step: the session, and its event recorder.
pub(crate) struct Work<'s, 'a> {
    /// The API server, as this controller.
    pub(crate) session: &'s mut Session<'a>,
    /// Events of this controller.
    pub(crate) recorder: &'s mut Recorder,
}

impl Work<'_, '_> {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.session.now()
    }

    /// Performs writes in order and stops at the first that fails. What is to be deleted and is gone already counts as deleted.
    pub(crate) fn perform(&mut self, writes: Vec<Write>) -> Result<(), ApiError> {
        for write in writes {
            self.perform_one(write)?;
        }
        Ok(())
    }

    fn perform_one(&mut self, write: Write) -> Result<(), ApiError> {
        match write {
            Write::Create(resource, object) => self.session.create(&resource, object).map(drop),
            Write::Update(resource, object) => self.session.update(&resource, object).map(drop),
            Write::UpdateStatus(resource, object) => {
                self.session.update_status(&resource, object).map(drop)
            }
            Write::Delete(target, options) => {
                match self.session.delete(
                    &target.resource,
                    &target.namespace,
                    &target.name,
                    &options,
                ) {
                    Ok(_) => Ok(()),
                    Err(error) if is_not_found(&error) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Write::Event(note) => {
                self.recorder.record(self.session, &note);
                Ok(())
            }
        }
    }
}

/// Whether the object is absent.
pub(crate) fn is_not_found(error: &ApiError) -> bool {
    error.code == 404
}

/// Whether the object is there already.
pub(crate) fn is_already_exists(error: &ApiError) -> bool {
    error.reason == "AlreadyExists"
}

/// Whether nothing can be created because the namespace is going away.
pub(crate) fn is_namespace_terminating(error: &ApiError) -> bool {
    error
        .details
        .as_ref()
        .is_some_and(|d| d.causes.iter().any(|c| c.reason == "NamespaceTerminating"))
}
