//! One claim: to which volume it belongs, or why it has none.
//!
//! Mirrors `syncUnboundClaim`, `syncBoundClaim` and `bind` of `pv_controller.go`.

use serde_json::{Value, json};

use super::facts::{self, BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, VOLUMES};
use super::{provision, set_phase, tell};
use crate::apiserver::resource::known;
use crate::builtin::object::{self, annotation, text};
use crate::builtin::write::{Work, Write};
use crate::status_error::ApiError;

/// A claim without a final volume.
pub(crate) fn sync_unbound(work: &mut Work<'_, '_>, claim: &Value) -> Result<(), ApiError> {
    let wanted = text(claim, "/spec/volumeName");
    if !wanted.is_empty() {
        return match work.session.get(&VOLUMES, "", wanted) {
            Some(volume)
                if !facts::is_reserved(&volume) || facts::is_reserved_for(&volume, claim) =>
            {
                bind(work, &volume, claim)
            }
            Some(_) => {
                let message = format!("volume {wanted:?} already bound to a different claim.");
                tell(work, claim, true, "FailedBinding", message);
                Ok(())
            }
            None => Ok(()),
        };
    }
    let class = facts::class_of(work.session, claim);
    let waits =
        facts::waits_for_consumer(class.as_deref()) && annotation(claim, SELECTED_NODE).is_none();
    let volumes = facts::volumes(work);
    if let Some(volume) = facts::best(claim, &volumes, waits) {
        return bind(work, volume, claim);
    }
    if waits {
        tell_waiting(work, claim);
        return Ok(());
    }
    let name = facts::class_name(claim);
    match class {
        Some(class) => provision::provision(work, claim, &class),
        None if name.is_empty() => {
            let message =
                "no persistent volumes available for this claim and no storage class is set";
            tell(work, claim, false, "FailedBinding", message.to_owned());
            Ok(())
        }
        None => {
            let message = format!("storageclass.storage.k8s.io {name:?} not found");
            tell(work, claim, true, "ProvisioningFailed", message);
            Ok(())
        }
    }
}

fn tell_waiting(work: &mut Work<'_, '_>, claim: &Value) {
    let pods = work
        .session
        .list(&known::PODS, Some(object::namespace(claim)));
    let waiting = pods
        .iter()
        .filter(|p| text(p, "/spec/nodeName").is_empty())
        .find(|p| facts::uses(p, claim));
    match waiting {
        None => {
            let message = "waiting for first consumer to be created before binding";
            tell(
                work,
                claim,
                false,
                "WaitForFirstConsumer",
                message.to_owned(),
            );
        }
        Some(pod) => {
            let message = format!("waiting for pod {} to be scheduled", object::name(pod));
            tell(work, claim, false, "WaitForPodScheduled", message);
        }
    }
}

/// A claim that was bound: it keeps its volume, or has lost it.
pub(crate) fn sync_bound(work: &mut Work<'_, '_>, claim: &Value) -> Result<(), ApiError> {
    let name = text(claim, "/spec/volumeName");
    if name.is_empty() {
        let message =
            "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        return lose(work, claim, "ClaimLost", message);
    }
    match work.session.get(&VOLUMES, "", name) {
        None => {
            let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            lose(work, claim, "ClaimLost", message)
        }
        Some(volume) if !facts::is_reserved(&volume) || facts::is_reserved_for(&volume, claim) => {
            bind(work, &volume, claim)
        }
        Some(_) => {
            let message = "Two claims are bound to the same volume, this one is bound incorrectly";
            lose(work, claim, "ClaimMisbound", message)
        }
    }
}

fn lose(
    work: &mut Work<'_, '_>,
    claim: &Value,
    reason: &str,
    message: &str,
) -> Result<(), ApiError> {
    if text(claim, "/status/phase") == "Lost" {
        return Ok(());
    }
    let mut wanted = claim.clone();
    object::set(&mut wanted, &["status"], json!({"phase": "Lost"}));
    work.perform(vec![Write::UpdateStatus(
        known::PERSISTENT_VOLUME_CLAIMS,
        wanted,
    )])?;
    tell(work, claim, true, reason, message.to_owned());
    Ok(())
}

/// Binds both sides: the volume first, then its phase, then the claim, then its status.
fn bind(work: &mut Work<'_, '_>, volume: &Value, claim: &Value) -> Result<(), ApiError> {
    let volume = reserve(work, volume, claim)?;
    set_phase(work, &volume, "Bound", None)?;
    let mut bound = claim.clone();
    if text(claim, "/spec/volumeName").is_empty() {
        let name = object::name(&volume);
        object::set(&mut bound, &["spec", "volumeName"], json!(name));
        object::set(
            &mut bound,
            &["metadata", "annotations", BOUND_BY_CONTROLLER],
            json!("yes"),
        );
    }
    if annotation(claim, BIND_COMPLETED).is_none() {
        object::set(
            &mut bound,
            &["metadata", "annotations", BIND_COMPLETED],
            json!("yes"),
        );
    }
    if bound != *claim {
        let stored = work
            .session
            .update(&known::PERSISTENT_VOLUME_CLAIMS, bound)?;
        bound = (*stored).clone();
    }
    let mut status = bound.get("status").cloned().unwrap_or_else(|| json!({}));
    object::set(&mut status, &["phase"], json!("Bound"));
    for (key, from) in [
        ("accessModes", "/spec/accessModes"),
        ("capacity", "/spec/capacity"),
    ] {
        let known = status.get(key).is_some() && text(&bound, "/status/phase") == "Bound";
        if let Some(value) = volume.pointer(from).filter(|_| !known) {
            object::set(&mut status, &[key], value.clone());
        }
    }
    if bound.get("status") == Some(&status) {
        return Ok(());
    }
    object::set(&mut bound, &["status"], status);
    work.perform(vec![Write::UpdateStatus(
        known::PERSISTENT_VOLUME_CLAIMS,
        bound,
    )])
}

/// The volume with a reference to the claim.
fn reserve(work: &mut Work<'_, '_>, volume: &Value, claim: &Value) -> Result<Value, ApiError> {
    if text(volume, "/spec/claimRef/uid") == object::uid(claim) {
        return Ok(volume.clone());
    }
    let mut reserved = volume.clone();
    if !facts::is_reserved(volume) {
        object::set(
            &mut reserved,
            &["metadata", "annotations", BOUND_BY_CONTROLLER],
            json!("yes"),
        );
    }
    object::set(&mut reserved, &["spec", "claimRef"], reference(claim));
    let stored = work.session.update(&VOLUMES, reserved)?;
    Ok((*stored).clone())
}

/// The reference to a claim that a volume carries.
pub(crate) fn reference(claim: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": object::namespace(claim), "name": object::name(claim),
        "uid": object::uid(claim), "resourceVersion": text(claim, "/metadata/resourceVersion"),
    })
}
