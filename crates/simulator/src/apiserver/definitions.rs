//! The life of CustomResourceDefinitions: names, establishing, and the deletion of instances before the definition goes
//! (`apiextensions-apiserver/pkg/controller/{status,establish,finalizer}`). These controllers are part of the API server.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::meta;
use serde_json::Value;

use super::custom::{Termination, advance, set_terminating};
use super::resource::{Resource, known};
use crate::builtin::Builtin;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Keeps a definition until its instances are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Accepts names, establishes, and cleans up.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Some definition is being deleted.
    terminating: bool,
    /// Some write came to nothing, perhaps because a webhook has to be asked first, and is due again.
    unwritten: bool,
}

impl Builtin for Definitions {
    fn name(&self) -> &'static str {
        "customresourcedefinitions"
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        let concerned = changes
            .iter()
            .any(|change| change.resource == known::CUSTOM_RESOURCE_DEFINITIONS);
        if !concerned && !self.terminating && !self.unwritten {
            return None;
        }
        self.terminating = false;
        let all = session.list(&known::CUSTOM_RESOURCE_DEFINITIONS, None);
        let now = session.now();
        let mut failed = false;
        for definition in &all {
            let result = if meta::deletion_timestamp(definition).is_some() {
                self.terminating = true;
                clean_up(session, definition)
            } else {
                let others = all.iter().map(Arc::as_ref);
                match advance(definition, others, now) {
                    Some(next) => session
                        .update_status(&known::CUSTOM_RESOURCE_DEFINITIONS, next)
                        .map(|_| ()),
                    None => Ok(()),
                }
            };
            failed |= result.is_err();
        }
        self.unwritten = failed;
        failed.then(|| {
            now.checked_add(jiff::SignedDuration::from_secs(1))
                .unwrap_or(Timestamp::MAX)
        })
    }
}

/// The resource of a definition's instances, in the version they are stored in.
fn instances_of(definition: &Value) -> Option<Resource> {
    let text = |pointer: &str| {
        definition
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array)?;
    let stored = versions
        .iter()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)))?;
    Some(Resource {
        group: text("/spec/group")?.into(),
        version: stored
            .get("name")
            .and_then(Value::as_str)?
            .to_owned()
            .into(),
        kind: text("/spec/names/kind")?.into(),
        plural: text("/spec/names/plural")?.into(),
        namespaced: text("/spec/scope")? == "Namespaced",
    })
}

fn clean_up(session: &mut Session<'_>, definition: &Arc<Value>) -> Result<(), ApiError> {
    let finalizers = meta::finalizers(definition);
    if !finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
        return Ok(());
    }
    let mut next = Value::clone(definition);
    set_terminating(&mut next, Termination::InProgress, session.now());
    let mut current = definition.clone();
    if next.get("status") != definition.get("status") {
        current = session.update_status(&known::CUSTOM_RESOURCE_DEFINITIONS, next)?;
    }
    if let Some(resource) = instances_of(definition) {
        for instance in session.list(&resource, None) {
            if meta::deletion_timestamp(&instance).is_none() {
                let (namespace, name) = (meta::namespace(&instance), meta::name(&instance));
                session.delete(&resource, namespace, name, &DeleteOptions::default())?;
            }
        }
        if !session.list(&resource, None).is_empty() {
            return Ok(());
        }
    }
    // If nobody else keeps it, this is its end, and who watches sees it as it was stored before.
    let mut last = Value::clone(&current);
    let mut others = finalizers;
    others.retain(|finalizer| finalizer != CLEANUP);
    meta::set_finalizers(&mut last, others);
    set_terminating(&mut last, Termination::Completed, session.now());
    session.update_status(&known::CUSTOM_RESOURCE_DEFINITIONS, last)?;
    Ok(())
}
