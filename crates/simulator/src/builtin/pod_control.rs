//! Creating and deleting pods on behalf of an owner, with the events every such controller records.
//!
//! Mirrors `RealPodControl` of `pkg/controller/controller_utils.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::event::Note;
use super::object;
use super::replica_set::decide::{Claim, adopted_references, claim, released_references};
use super::write::{Work, is_namespace_terminating, is_not_found};
use crate::apiserver::resource::known;
use crate::session::DeleteOptions;
use crate::status_error::ApiError;
use machinery::labels::Selector;

/// Creates a pod. The owner gets event `SuccessfulCreate`, or `FailedCreate` unless its namespace is going away.
pub(crate) fn create(work: &mut Work<'_, '_>, owner: &Value, pod: Value) -> Result<(), ApiError> {
    match work.session.create(&known::PODS, pod) {
        Ok(pod) => work.perform(vec![Note::normal(
            owner,
            "SuccessfulCreate",
            format!("Created pod: {}", object::name(&pod)),
        )]),
        Err(error) => {
            if !is_namespace_terminating(&error) {
                work.perform(vec![Note::warning(
                    owner,
                    "FailedCreate",
                    format!("Error creating: {error}"),
                )])?;
            }
            Err(error)
        }
    }
}

/// Deletes a pod. The owner gets event `SuccessfulDelete` or `FailedDelete`, and none for a pod that is gone already.
pub(crate) fn delete(work: &mut Work<'_, '_>, owner: &Value, name: &str) -> Result<(), ApiError> {
    match work.session.delete(
        &known::PODS,
        object::namespace(owner),
        name,
        &DeleteOptions::default(),
    ) {
        Ok(_) => work.perform(vec![Note::normal(
            owner,
            "SuccessfulDelete",
            format!("Deleted pod: {name}"),
        )]),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => {
            work.perform(vec![Note::warning(
                owner,
                "FailedDelete",
                format!("Error deleting: {error}"),
            )])?;
            Err(error)
        }
    }
}

/// Adopts or releases a pod where needed; the pod if it is the owner's now.
pub(crate) fn claimed(
    work: &mut Work<'_, '_>,
    owner: &Value,
    selector: &Selector,
    pod: Arc<Value>,
) -> Result<Option<Arc<Value>>, ApiError> {
    let verdict = claim(owner, selector, &pod);
    let references = match verdict {
        Claim::Keep => return Ok(Some(pod)),
        Claim::Ignore => return Ok(None),
        Claim::Adopt => adopted_references(owner, &pod),
        Claim::Release => released_references(owner, &pod),
    };
    let body = json!({"metadata": {"uid": object::uid(&pod), "ownerReferences": references}});
    match work.session.patch_merge(
        &known::PODS,
        object::namespace(&pod),
        object::name(&pod),
        "",
        &body,
    ) {
        Ok(patched) => Ok((verdict == Claim::Adopt).then_some(patched)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
