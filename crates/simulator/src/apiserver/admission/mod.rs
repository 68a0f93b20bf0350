//! Admission that others decide over: webhooks and policies. What the server itself admits or refuses is in `admit.rs`.
//!
//! Mirrors `apiserver/pkg/admission/plugin/webhook`. A write hands over what it is about as [`Attributes`]; nothing here
//! changes the store. A webhook whose answer is not there yet ends the run with [`ApiError::pending`].

mod authorizer;
mod configurations;
mod connect;
mod expressions;
mod owner_permissions;
mod policies;
mod review;
mod rules;
mod types;
mod webhooks;
mod writes;

use std::sync::Arc;

use serde_json::{Map, Value, json};

pub(crate) use configurations::CONFIGURATIONS;
pub(crate) use writes::Versions;

use super::ApiServer;
use super::registry::Served;
use super::resource::Resource;
use super::write::Writer;
use crate::request::User;
use crate::status_error::{ApiError, Cause, Details};

/// What a request does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// It is new.
    Create,
    /// It changes.
    Update,
    /// It goes.
    Delete,
    /// Somebody connects to it.
    Connect,
}

impl Operation {
    /// The name in rules and reviews.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }

    fn options_kind(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Delete => "DeleteOptions",
            Self::Connect => "",
        }
    }
}

/// Group, version and kind of an object that isn't of its resource's kind, such as a Scale.
pub(crate) type Gvk = (&'static str, &'static str, &'static str);

/// A round of questions to mutating webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// The first one.
    First,
    /// The first one about an object whose `managedFields` have a time of this write. A real server knows it to the
    /// nanosecond until a patch is applied, and takes any patch for a change for that.
    Timed,
    /// Once more in the same write.
    Again,
}

/// What a write is about (`apiserver/pkg/admission/attributes.go`).
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a> {
    /// What it does.
    pub operation: Operation,
    /// The resource as the request named it.
    pub requested: &'a Arc<Served>,
    /// The same resource in the version the objects are in.
    pub served: &'a Arc<Served>,
    /// The subresource, or empty.
    pub subresource: &'a str,
    /// What the objects are if not of the resource's kind.
    pub kind: Option<Gvk>,
    /// The namespace; of a Namespace its own name.
    pub namespace: &'a str,
    /// The name; empty before it is generated and for collections.
    pub name: &'a str,
    /// The object as it is stored.
    pub old: Option<&'a Value>,
    /// Options of the request, without kind and apiVersion.
    pub options: Map<String, Value>,
    /// Nothing is to be stored.
    pub dry_run: bool,
    /// The stored object is not stored yet: its revision is one that it may get.
    pub foreseen: bool,
    /// How mutating webhooks are asked.
    pub round: Round,
    /// Who asks for it.
    pub user: &'a User,
}

impl<'a> Attributes<'a> {
    /// Attributes of a write; `None` if it is the server's own, which nobody is asked about.
    pub(crate) fn of(
        operation: Operation,
        served: &'a Arc<Served>,
        (namespace, name): (&'a str, &'a str),
        writer: &Writer<'a>,
    ) -> Option<Self> {
        let user = writer.user.filter(|_| writer.admits)?;
        let own = served.resource.group.is_empty() && served.resource.kind == "Namespace";
        Some(Self {
            operation,
            requested: served,
            served,
            subresource: "",
            kind: None,
            namespace: if own { name } else { namespace },
            name,
            old: None,
            options: writer.options.clone(),
            dry_run: writer.dry_run,
            foreseen: false,
            round: Round::First,
            user,
        })
    }

    /// The same about the resource as the request named it.
    pub(crate) fn requested_as(mut self, requested: &'a Arc<Served>) -> Self {
        self.requested = requested;
        self
    }

    /// The same about a subresource, whose objects may be of a kind of their own.
    pub(crate) fn about(mut self, subresource: &'a str, kind: Option<Gvk>) -> Self {
        self.subresource = subresource;
        self.kind = kind;
        self
    }

    /// The same with the stored object.
    pub(crate) fn replacing(mut self, old: &'a Value) -> Self {
        self.old = Some(old);
        self
    }

    fn resource(&self) -> &Resource {
        &self.requested.resource
    }

    /// The options with kind and apiVersion, made for who is asked: most writes ask nobody.
    fn all_options(&self) -> Value {
        if self.operation == Operation::Connect {
            return Value::Null;
        }
        let mut options = self.options.clone();
        let kind = self.operation.options_kind();
        options.insert("kind".to_owned(), json!(kind));
        options.insert("apiVersion".to_owned(), json!("meta.k8s.io/v1"));
        Value::Object(options)
    }

    /// Configurations of admission are never judged by admission.
    fn is_exempt(&self) -> bool {
        let resource = self.resource();
        resource.group == "admissionregistration.k8s.io"
    }
}

impl ApiServer {
    /// Whether writes are judged by what users have configured.
    pub(crate) fn is_judged(&self) -> bool {
        let bound = self.store().table(policies::BINDINGS);
        self.asks_outside() || bound.is_some_and(|table| !table.is_empty())
    }

    /// Asks mutating webhooks. `own` is the server's own admission, run once more after a webhook changed the object.
    pub(crate) fn mutate(
        &self,
        attributes: &Attributes<'_>,
        object: Option<&mut Value>,
        own: &mut dyn FnMut(&Self, &mut Value) -> Result<(), ApiError>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if attributes.is_exempt() {
            return Ok(());
        }
        self.mutating_webhooks(attributes, object, own, warnings)
    }

    /// Asks everybody who may refuse.
    pub(crate) fn validate(
        &self,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if attributes.is_exempt() {
            return Ok(());
        }
        if let Some(object) = object {
            self.owner_permissions(attributes, object)?;
        }
        self.policies(attributes, object, warnings)?;
        self.validating_webhooks(attributes, object, warnings)
    }

    /// Asks about a body that is posted to a subresource; it may come back changed.
    pub(crate) fn admit_body(
        &self,
        attributes: &Attributes<'_>,
        body: &mut Value,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        self.mutate(attributes, Some(body), &mut |_, _| Ok(()), warnings)?;
        self.validate(attributes, Some(body), warnings)
    }

    /// Asks about a deletion.
    pub(crate) fn admit_delete(
        &self,
        attributes: &Attributes<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        self.mutate(attributes, None, &mut |_, _| Ok(()), warnings)?;
        self.validate(attributes, None, warnings)
    }
}

/// 500 with reason and cause, as `NewInternalError` makes it.
pub(crate) fn internal_error(text: &str) -> ApiError {
    let details = Details {
        causes: vec![Cause {
            message: text.to_owned(),
            ..Cause::default()
        }],
        ..Details::default()
    };
    let message = format!("Internal error occurred: {text}");
    ApiError::new(500, "InternalError", message, Some(details))
}

/// Adds a Warning once.
fn warn(warnings: &mut Vec<String>, text: &str) {
    if !warnings.iter().any(|known| known == text) {
        warnings.push(text.to_owned());
    }
}
