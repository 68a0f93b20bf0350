//! One write that a plan asks for, as data.

mod text;

use machinery::meta;
use serde_json::{Value, json};

use crate::packed::Packed;
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
    /// A create that fails if the name is taken, or an update, of a large object: see [`Effect::packed`].
    Packed {
        /// Resource of the object.
        resource: ResourceRef,
        /// Which object.
        key: ObjectKey,
        /// Whether it is there already.
        is_update: bool,
        /// The whole object, as JSON.
        object: Packed,
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

    /// The same effect, if it creates or updates an object and would stop the plan, with an object of compressed text: plans of
    /// many large objects would take many times what is sent at once. Its answer isn't kept.
    #[must_use]
    pub fn packed(self) -> Self {
        let (resource, object, is_update) = match self {
            Self::Create {
                resource,
                object,
                if_exists: IfExists::Fail,
            } => (resource, object, false),
            Self::Update {
                resource,
                object,
                subresource: None,
            } => (resource, object, true),
            Self::Create { .. }
            | Self::Update { .. }
            | Self::Packed { .. }
            | Self::Patch { .. }
            | Self::Delete { .. }
            | Self::Evict { .. }
            | Self::Event { .. } => return self,
        };
        Self::Packed {
            resource,
            key: ObjectKey::of(&object),
            is_update,
            object: Packed::new(object.to_string().as_bytes()),
        }
    }

    /// Whether it makes an object.
    pub fn creates(&self) -> bool {
        match self {
            Self::Create { .. } => true,
            Self::Packed { is_update, .. } => !is_update,
            Self::Update { .. }
            | Self::Patch { .. }
            | Self::Delete { .. }
            | Self::Evict { .. }
            | Self::Event { .. } => false,
        }
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
            Self::Packed { resource, key, .. }
            | Self::Patch { resource, key, .. }
            | Self::Delete { resource, key, .. } => Some((resource.clone(), key.clone())),
            Self::Evict { key, .. } => Some((crate::resource::POD, key.clone())),
            Self::Event { .. } => None,
        }
    }
}
