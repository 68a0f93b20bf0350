//! What an object says it is while mutating webhooks change it (`admission/conversion.go`,
//! `webhook/mutating/dispatcher.go`).

use std::sync::Arc;

use machinery::meta;
use serde_json::Value;

use super::Attributes;
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

/// What says of an object what it is.
pub(super) const TYPE_FIELDS: [&str; 2] = ["apiVersion", "kind"];

/// The object of a round as webhooks see it, kept in one version for as long as the next one wants that
/// (`VersionedAttributes`).
#[derive(Debug, Default)]
pub(super) struct Chain {
    version: Option<Arc<Served>>,
    /// A patch was applied in that version.
    pub patched: bool,
}

impl Chain {
    /// A custom object as it is told to somebody: conversion says again what kind it is, and lasts only if a patch is applied
    /// to what it made (`ConvertToGVK`). `None` if that is the object itself.
    pub(super) fn told(
        &self,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
    ) -> Option<Value> {
        let object = object.filter(|_| !self.patched && is_custom(attributes))?;
        let kind = &attributes.served.resource.kind;
        if meta::kind(object) == kind.as_ref() {
            return None;
        }
        let mut told = object.clone();
        let fields = told.as_object_mut()?;
        fields.insert("kind".to_owned(), kind.to_string().into());
        Some(told)
    }

    /// Goes on in the version of `about`. Tells whether that is another one, into which the object is converted anew.
    pub(super) fn enters(&mut self, about: &Arc<Served>) -> bool {
        let known = self.version.replace(about.clone());
        let enters = known.is_none_or(|known| known.resource != about.resource);
        if enters {
            self.patched = false;
        }
        enters
    }
}

fn is_custom(attributes: &Attributes<'_>) -> bool {
    attributes.kind.is_none() && attributes.served.custom().is_some()
}

/// Says again what an object is that a webhook left without that (`ConvertToGVK` of `webhook/generic/conversion.go`).
pub(super) fn restore_type(attributes: &Attributes<'_>, object: &mut Value) {
    let own = match attributes.kind {
        Some(("", version, kind)) => [version.to_owned(), kind.to_owned()],
        Some((group, version, kind)) => [format!("{group}/{version}"), kind.to_owned()],
        None => {
            let resource = &attributes.served.resource;
            [resource.api_version(), resource.kind.to_string()]
        }
    };
    // A custom one is what it says it is, or refused.
    let Some(fields) = object.as_object_mut().filter(|_| !is_custom(attributes)) else {
        return;
    };
    for (field, own) in TYPE_FIELDS.into_iter().zip(own) {
        fields.entry(field).or_insert_with(|| own.into());
    }
}

/// A custom object that webhooks changed goes on only in a version of its own group, which is told at the end of a round
/// (`Dispatch` of `webhook/mutating/dispatcher.go`, `crConverter`).
pub(super) fn check_version(
    attributes: &Attributes<'_>,
    object: Option<&Value>,
) -> Result<(), ApiError> {
    let Some(object) = object.filter(|_| is_custom(attributes)) else {
        return Ok(());
    };
    let resource = &attributes.served.resource;
    let (group, version) = meta::group_version(meta::api_version(object));
    if version.is_empty() || group == resource.group {
        return Ok(());
    }
    let (kind, wanted) = (meta::kind(object), resource.api_version());
    Err(ApiError::internal(format!(
        "{group}/{version}, Kind={kind} is unstructured and is not suitable for converting to {wanted:?}"
    )))
}
