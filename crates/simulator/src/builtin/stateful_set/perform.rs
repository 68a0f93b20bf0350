//! Performs the steps of a pass, with upstream's events.
//!
//! Mirrors `stateful_pod_control.go`.

use serde_json::Value;

use super::claims;
use super::decide::Step;
use super::identity;
use crate::apiserver::resource::known;
use crate::builtin::event::Note;
use crate::builtin::object;
use crate::builtin::write::{Work, is_already_exists, is_not_found};
use crate::session::DeleteOptions;
use crate::status_error::ApiError;

/// Performs steps in order and stops at the first that fails. `set` has the template of the update revision.
pub(crate) fn perform(
    work: &mut Work<'_, '_>,
    set: &Value,
    steps: Vec<Step>,
) -> Result<(), ApiError> {
    for step in steps {
        match step {
            Step::Create(pod) => create(work, set, &pod)?,
            Step::Claims(pod) => {
                create_claims(work, set, &pod)?;
                let result = own_claims(work, set, &pod);
                tell_failure(work, set, "Update", object::name(&pod), result)?;
            }
            Step::Own(pod) => own_claims(work, set, &pod)?,
            Step::Correct(pod) => {
                let result = correct(work, set, &pod);
                tell(work, set, "Update", object::name(&pod), result)?;
            }
            Step::Delete(name) => {
                let result = delete(work, set, &name);
                tell(work, set, "Delete", &name, result)?;
            }
        }
    }
    Ok(())
}

/// Records how something ended for a pod, and hands the result on.
fn tell(
    work: &mut Work<'_, '_>,
    set: &Value,
    verb: &str,
    pod: &str,
    result: Result<(), ApiError>,
) -> Result<(), ApiError> {
    if result.is_err() {
        return tell_failure(work, set, verb, pod, result);
    }
    let message = format!(
        "{verb} Pod {pod} in StatefulSet {} successful",
        object::name(set)
    );
    work.perform(vec![Note::normal(
        set,
        &format!("Successful{verb}"),
        message,
    )])
}

fn tell_failure(
    work: &mut Work<'_, '_>,
    set: &Value,
    verb: &str,
    pod: &str,
    result: Result<(), ApiError>,
) -> Result<(), ApiError> {
    if let Err(error) = &result {
        let message = format!(
            "{verb} Pod {pod} in StatefulSet {} failed error: {error}",
            object::name(set)
        );
        work.perform(vec![Note::warning(set, &format!("Failed{verb}"), message)])?;
    }
    result
}

fn create(work: &mut Work<'_, '_>, set: &Value, pod: &Value) -> Result<(), ApiError> {
    let name = object::name(pod);
    let result = create_claims(work, set, pod);
    tell_failure(work, set, "Create", name, result)?;
    let result = match work.session.create(&known::PODS, pod.clone()) {
        Ok(created) => {
            let owned = own_claims(work, set, &created);
            tell_failure(work, set, "Update", name, owned)?;
            Ok(())
        }
        Err(error) if is_already_exists(&error) => return Err(error),
        Err(error) => Err(error),
    };
    tell(work, set, "Create", name, result)
}

/// Creates the claims a pod lacks. One that is being deleted is an error: the pod must not use it.
fn create_claims(work: &mut Work<'_, '_>, set: &Value, pod: &Value) -> Result<(), ApiError> {
    let mut failures = Vec::new();
    for claim in claims::wanted(set, pod) {
        let name = object::name(&claim).to_owned();
        let existing = work.session.get(
            &known::PERSISTENT_VOLUME_CLAIMS,
            object::namespace(set),
            &name,
        );
        if let Some(existing) = existing {
            if object::is_terminating(&existing) {
                failures.push(format!("pvc {name} is being deleted"));
            }
            continue;
        }
        let result = work.session.create(&known::PERSISTENT_VOLUME_CLAIMS, claim);
        let pod = object::name(pod);
        let note = match &result {
            Ok(_) => Note::normal(
                set,
                "SuccessfulCreate",
                format!(
                    "Create Claim {name} Pod {pod} in StatefulSet {} success",
                    object::name(set)
                ),
            ),
            Err(error) => Note::warning(
                set,
                "FailedCreate",
                format!(
                    "Create Claim {name} for Pod {pod} in StatefulSet {} failed error: {error}",
                    object::name(set)
                ),
            ),
        };
        work.perform(vec![note])?;
        if let Err(error) = result {
            failures.push(format!("failed to create PVC {name}: {error}"));
        }
    }
    match failures.as_slice() {
        [] => Ok(()),
        [one] => Err(ApiError::internal(one.as_str())),
        several => Err(ApiError::internal(format!("[{}]", several.join(", ")))),
    }
}

fn own_claims(work: &mut Work<'_, '_>, set: &Value, pod: &Value) -> Result<(), ApiError> {
    let namespace = object::namespace(set);
    for wanted in claims::wanted(set, pod) {
        let name = object::name(&wanted);
        let Some(claim) = work
            .session
            .get(&known::PERSISTENT_VOLUME_CLAIMS, namespace, name)
        else {
            continue;
        };
        if claims::has_foreign_controller(&claim, set, pod) {
            let message = format!(
                "PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, the retention \
                 policy is ignored for this claim"
            );
            work.perform(vec![Note::warning(set, "ConflictingController", message)])?;
        }
        if let Some(owned) = claims::with_owner(&claim, set, pod) {
            work.session
                .update(&known::PERSISTENT_VOLUME_CLAIMS, owned)?;
        }
    }
    Ok(())
}

fn correct(work: &mut Work<'_, '_>, set: &Value, pod: &Value) -> Result<(), ApiError> {
    let corrected = identity::corrected(set, pod);
    create_claims(work, set, pod)?;
    own_claims(work, set, pod)?;
    work.session.update(&known::PODS, corrected).map(drop)
}

fn delete(work: &mut Work<'_, '_>, set: &Value, name: &str) -> Result<(), ApiError> {
    let namespace = object::namespace(set);
    match work
        .session
        .delete(&known::PODS, namespace, name, &DeleteOptions::default())
    {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
