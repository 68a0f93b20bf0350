//! Namespaces on their way out: content is deleted, what remains is told, and the last finalizer goes.
//!
//! Mirrors `pkg/controller/namespace`.

mod conditions;

use std::collections::BTreeMap;
use std::sync::Arc;

use conditions::Remaining;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::object::{self, items};
use super::write::{Target, Work, Write};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Propagation, Session};
use crate::status_error::ApiError;

/// Seconds between the DELETE of a namespace and the first look at its content, so that whoever still writes there can stop.
const GRACE: i64 = 5;
/// The finalizer in `spec.finalizers` that stands for the content.
const FINALIZER: &str = "kubernetes";

/// The namespace controller.
pub(crate) struct Namespaces;

impl Control for Namespaces {
    const NAME: &'static str = "namespace-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::NAMESPACES, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::NAMESPACES {
            return vec![control::itself(change)];
        }
        let leaving = |namespace: &Arc<Value>| object::is_terminating(namespace);
        let is_content = !change.namespace.is_empty()
            && session
                .get(&known::NAMESPACES, "", &change.namespace)
                .is_some_and(|n| leaving(&n));
        if is_content {
            vec![(String::new(), change.namespace.clone())]
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(namespace) = work
            .session
            .get(&known::NAMESPACES, "", &key.1)
            .filter(|n| object::is_terminating(n))
        else {
            return Ok(None);
        };
        let finalizers = items(&namespace, "/spec/finalizers");
        if !finalizers.iter().any(|f| f.as_str() == Some(FINALIZER)) {
            return Ok(None);
        }
        let start = object::seconds_after(
            object::time(&namespace, "/metadata/deletionTimestamp").unwrap_or(work.now()),
            GRACE,
        );
        if start > work.now() {
            return Ok(Some(start));
        }
        let errors = delete_content(work, &key.1);
        let remaining = remaining(work.session, &key.1);
        let told = conditions::told(&namespace, &remaining, &errors, work.now());
        if told.as_slice() != items(&namespace, "/status/conditions") {
            let mut wanted = (*namespace).clone();
            object::set(&mut wanted, &["status", "conditions"], json!(told));
            work.perform(vec![Write::UpdateStatus(known::NAMESPACES, wanted)])?;
        }
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        if remaining.resources.is_empty() {
            finalize(work, &key.1)?;
        }
        Ok(None)
    }
}

/// Asks for the deletion of all that has not been asked yet.
fn delete_content(work: &mut Work<'_, '_>, namespace: &str) -> Vec<ApiError> {
    let mut errors = Vec::new();
    for resource in work
        .session
        .resources()
        .into_iter()
        .filter(|r| r.namespaced)
    {
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        for object in work.session.list(&resource, Some(namespace)) {
            if !object::is_terminating(&object) {
                let write = Write::Delete(Target::of(resource.clone(), &object), options.clone());
                errors.extend(work.perform(vec![write]).err());
            }
        }
    }
    errors
}

fn remaining(session: &Session<'_>, namespace: &str) -> Remaining {
    let mut remaining = Remaining {
        resources: BTreeMap::new(),
        finalizers: BTreeMap::new(),
    };
    for resource in session.resources().into_iter().filter(|r| r.namespaced) {
        let objects = session.list(&resource, Some(namespace));
        if objects.is_empty() {
            continue;
        }
        remaining.resources.insert(
            format!("{}.{}", resource.plural, resource.group),
            objects.len(),
        );
        for finalizer in objects
            .iter()
            .flat_map(|o| items(o, "/metadata/finalizers"))
            .filter_map(Value::as_str)
        {
            *remaining
                .finalizers
                .entry(finalizer.to_owned())
                .or_insert(0) += 1;
        }
    }
    remaining
}

fn finalize(work: &mut Work<'_, '_>, name: &str) -> Result<(), ApiError> {
    let Some(namespace) = work.session.get(&known::NAMESPACES, "", name) else {
        return Ok(());
    };
    let mut wanted = (*namespace).clone();
    let left: Vec<&Value> = items(&namespace, "/spec/finalizers")
        .iter()
        .filter(|f| f.as_str() != Some(FINALIZER))
        .collect();
    object::set(&mut wanted, &["spec", "finalizers"], json!(left));
    work.session
        .post_subresource(&known::NAMESPACES, "", name, "finalize", wanted)
}
