//! One write that a plan asks for, as data.

use std::fmt;

use machinery::meta;
use serde_json::{Value, json};

use crate::patch::Patch;
use crate::resource::{ObjectKey, ResourceRef};

/// What a create does when the name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// The plan stops there; [`Failure::existing`](crate::plan::Failure::existing) carries the object that is in the way.
    #[default]
    Fail,
    /// The effect counts as done.
    Accept,
}

/// What a patch, update or eviction does when the object does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfMissing {
    /// The plan stops there.
    #[default]
    Fail,
    /// The effect counts as done.
    Skip,
}

/// What happens to the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector deletes them afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

impl Propagation {
    /// Spelling in `DeleteOptions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// Preconditions and manner of a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Delete only the object with this uid.
    pub uid: Option<String>,
    /// Delete only this state of it.
    pub resource_version: Option<String>,
    /// Server's default if absent.
    pub propagation: Option<Propagation>,
    /// Seconds; server's default if absent.
    pub grace_period_seconds: Option<i64>,
}

impl DeleteOptions {
    /// The body of the request; `None` when everything is the server's default.
    pub fn body(&self) -> Option<Value> {
        let Self {
            uid,
            resource_version,
            propagation,
            grace_period_seconds,
        } = self;
        let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        let mut preconditions = serde_json::Map::new();
        if let Some(uid) = uid {
            preconditions.insert("uid".to_owned(), json!(uid));
        }
        if let Some(version) = resource_version {
            preconditions.insert("resourceVersion".to_owned(), json!(version));
        }
        let fields = body.as_object_mut()?;
        if !preconditions.is_empty() {
            fields.insert("preconditions".to_owned(), Value::Object(preconditions));
        }
        if let Some(propagation) = propagation {
            fields.insert("propagationPolicy".to_owned(), json!(propagation.as_str()));
        }
        if let Some(seconds) = grace_period_seconds {
            fields.insert("gracePeriodSeconds".to_owned(), json!(seconds));
        }
        (fields.len() > 2).then_some(body)
    }
}

/// Type of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// Information.
    Normal,
    /// Something is wrong.
    Warning,
}

impl EventType {
    /// Spelling in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// The `involvedObject` of an Event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectReference {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `namespace`; empty for cluster resources.
    pub namespace: String,
    /// `name`.
    pub name: String,
    /// `uid`.
    pub uid: String,
    /// `resourceVersion`; empty means absent.
    pub resource_version: String,
}

impl ObjectReference {
    /// The reference that client-go's recorder makes of an object.
    pub fn of(resource: &ResourceRef, object: &Value) -> Self {
        Self {
            api_version: resource.api_version(),
            kind: resource.kind.to_string(),
            namespace: meta::namespace(object).to_owned(),
            name: meta::name(object).to_owned(),
            uid: meta::uid(object).to_owned(),
            resource_version: meta::resource_version(object).to_owned(),
        }
    }

    /// As JSON, without empty fields.
    pub fn to_value(&self) -> Value {
        let Self {
            api_version,
            kind,
            namespace,
            name,
            uid,
            resource_version,
        } = self;
        let fields = [
            ("apiVersion", api_version),
            ("kind", kind),
            ("name", name),
            ("namespace", namespace),
            ("resourceVersion", resource_version),
            ("uid", uid),
        ];
        fields
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(field, text)| (field, json!(text)))
            .collect()
    }
}

/// An Event that is no effect of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub regarding: ObjectReference,
    /// Normal or Warning.
    pub kind: EventType,
    /// `PascalCase` word that people filter by.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// One write. Effects are performed in order; the first that fails ends the plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// POST to the collection; namespace and name are the object's own.
    Create {
        /// Resource of the object.
        resource: ResourceRef,
        /// The whole object.
        object: Value,
        /// What to do when the name is taken.
        if_exists: IfExists,
    },
    /// PUT of the object, under its `metadata.resourceVersion`.
    Update {
        /// Resource of the object.
        resource: ResourceRef,
        /// The whole object.
        object: Value,
        /// Such as `status` or `scale`.
        subresource: Option<&'static str>,
    },
    /// PATCH of the object.
    Patch {
        /// Resource of the object.
        resource: ResourceRef,
        /// Which object.
        key: ObjectKey,
        /// Such as `status` or `scale`.
        subresource: Option<&'static str>,
        /// What to change.
        patch: Patch,
        /// What to do when there is no such object.
        if_missing: IfMissing,
    },
    /// DELETE of the object. An object that is gone already counts as done.
    Delete {
        /// Resource of the object.
        resource: ResourceRef,
        /// Which object.
        key: ObjectKey,
        /// Preconditions and manner.
        options: DeleteOptions,
    },
    /// POST to a pod's eviction subresource. A pod that is gone already counts as done.
    Evict {
        /// Which pod.
        key: ObjectKey,
        /// Evict only the pod with this uid.
        uid: Option<String>,
    },
    /// An Event, written in the background as client-go does.
    Event {
        /// What it is about.
        regarding: ObjectReference,
        /// What else had to do with it; the core API doesn't tell.
        related: Option<Box<ObjectReference>>,
        /// Normal or Warning.
        kind: EventType,
        /// `PascalCase` word that people filter by.
        reason: String,
        /// The sentence.
        message: String,
    },
}

impl Effect {
    /// Create, stopping the plan when the name is taken.
    pub fn create(resource: ResourceRef, object: Value) -> Self {
        Self::Create {
            resource,
            object,
            if_exists: IfExists::Fail,
        }
    }

    /// Replace the object.
    pub fn update(resource: ResourceRef, object: Value) -> Self {
        Self::Update {
            resource,
            object,
            subresource: None,
        }
    }

    /// Replace the object's status.
    pub fn update_status(resource: ResourceRef, object: Value) -> Self {
        Self::Update {
            resource,
            object,
            subresource: Some("status"),
        }
    }

    /// Patch the object.
    pub fn patch(resource: ResourceRef, key: ObjectKey, patch: Patch) -> Self {
        Self::Patch {
            resource,
            key,
            subresource: None,
            patch,
            if_missing: IfMissing::Fail,
        }
    }

    /// JSON merge patch of the object.
    pub fn merge_patch(resource: ResourceRef, key: ObjectKey, body: Value) -> Self {
        Self::patch(resource, key, Patch::Merge(body))
    }

    /// Delete the object with this uid.
    pub fn delete(resource: ResourceRef, key: ObjectKey, uid: impl Into<String>) -> Self {
        let options = DeleteOptions {
            uid: Some(uid.into()),
            ..DeleteOptions::default()
        };
        Self::Delete {
            resource,
            key,
            options,
        }
    }

    /// A Normal event.
    pub fn event(
        regarding: ObjectReference,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Event {
            regarding,
            related: None,
            kind: EventType::Normal,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// A Warning event.
    pub fn warning(
        regarding: ObjectReference,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Event {
            regarding,
            related: None,
            kind: EventType::Warning,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// An event that another object had to do with too; other effects stay as they are.
    #[must_use]
    pub fn related_to(mut self, object: ObjectReference) -> Self {
        if let Self::Event { related, .. } = &mut self {
            *related = Some(Box::new(object));
        }
        self
    }

    /// The object written to: its resource and key. `None` for events.
    pub fn target(&self) -> Option<(ResourceRef, ObjectKey)> {
        match self {
            Self::Create {
                resource, object, ..
            }
            | Self::Update {
                resource, object, ..
            } => Some((resource.clone(), ObjectKey::of(object))),
            Self::Patch { resource, key, .. } | Self::Delete { resource, key, .. } => {
                Some((resource.clone(), key.clone()))
            }
            Self::Evict { key, .. } => Some((crate::resource::POD, key.clone())),
            Self::Event { .. } => None,
        }
    }
}

/// `Kind/subresource namespace/name`.
fn write_target(
    f: &mut fmt::Formatter<'_>,
    resource: &ResourceRef,
    subresource: Option<&str>,
    key: &ObjectKey,
) -> fmt::Result {
    f.write_str(&resource.kind)?;
    if let Some(subresource) = subresource {
        write!(f, "/{subresource}")?;
    }
    write!(f, " {key}")
}

/// One line, as `carrick plan` prints it.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create {
                resource,
                object,
                if_exists: _,
            } => {
                f.write_str("create ")?;
                write_target(f, resource, None, &ObjectKey::of(object))
            }
            Self::Update {
                resource,
                object,
                subresource,
            } => {
                f.write_str("update ")?;
                write_target(f, resource, *subresource, &ObjectKey::of(object))
            }
            Self::Patch {
                resource,
                key,
                subresource,
                patch,
                if_missing: _,
            } => {
                f.write_str("patch  ")?;
                write_target(f, resource, *subresource, key)?;
                write!(f, " ({}) {}", patch.dialect(), patch.body())
            }
            Self::Delete {
                resource,
                key,
                options,
            } => {
                f.write_str("delete ")?;
                write_target(f, resource, None, key)?;
                match options.propagation {
                    Some(propagation) => write!(f, " ({})", propagation.as_str()),
                    None => Ok(()),
                }
            }
            Self::Evict { key, uid: _ } => write!(f, "evict  Pod {key}"),
            Self::Event {
                regarding,
                related: _,
                kind,
                reason,
                message,
            } => write!(
                f,
                "event  {} {} on {} {}: {message}",
                kind.as_str(),
                reason,
                regarding.kind,
                ObjectKey::new(regarding.namespace.clone(), regarding.name.clone()),
            ),
        }
    }
}
