//! Volumes on demand: the default class of a laptop's cluster, and the provisioner that serves it.
//!
//! Mirrors `provisionClaim` of `pv_controller.go`; the provisioner itself does what kind's `local-path` and minikube's `hostpath` do.

use serde_json::{Value, json};

use super::bind::reference;
use super::facts::{CLASSES, PROVISIONED_BY, PROVISIONER, VOLUMES};
use super::tell;
use crate::apiserver::resource::known;
use crate::builtin::control::Key;
use crate::builtin::object::{self, text};
use crate::builtin::write::{Work, is_already_exists};
use crate::status_error::ApiError;

/// Name of the simulated provisioner.
pub(crate) const NAME: &str = "carrick.dev/simulated";
/// Name of the default class.
const CLASS: &str = "standard";

/// The key under which the default class is made, once. No claim has it: a claim's namespace has no slash.
pub(crate) fn class_key() -> Key {
    ("/".to_owned(), CLASS.to_owned())
}

/// Makes the default class unless there is one of its name.
pub(crate) fn make_class(work: &mut Work<'_, '_>) -> Result<(), ApiError> {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": NAME, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
    });
    match work.session.create(&CLASSES, class) {
        Ok(_) => Ok(()),
        Err(error) if is_already_exists(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Notes on a claim who is to make its volume; if that is the simulated provisioner, it does.
pub(crate) fn provision(
    work: &mut Work<'_, '_>,
    claim: &Value,
    class: &Value,
) -> Result<(), ApiError> {
    let provisioner = text(class, "/provisioner");
    if provisioner == "kubernetes.io/no-provisioner" {
        return Ok(());
    }
    let mut noted = claim.clone();
    for key in PROVISIONER {
        object::set(
            &mut noted,
            &["metadata", "annotations", key],
            json!(provisioner),
        );
    }
    if noted != *claim {
        work.session
            .update(&known::PERSISTENT_VOLUME_CLAIMS, noted)?;
        // The change brings the claim back here.
        return Ok(());
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system \
         administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    tell(work, claim, false, "ExternalProvisioning", message);
    if provisioner != NAME {
        return Ok(());
    }
    let volume = volume(claim, class);
    let name = object::name(&volume).to_owned();
    match work.session.create(&VOLUMES, volume) {
        Ok(_) => {
            let message = format!("Successfully provisioned volume {name}");
            tell(work, claim, false, "ProvisioningSucceeded", message);
            Ok(())
        }
        Err(error) if is_already_exists(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A volume made for a claim.
fn volume(claim: &Value, class: &Value) -> Value {
    let name = format!("pvc-{}", object::uid(claim));
    let path = format!(
        "/var/local-path-provisioner/{name}_{}_{}",
        object::namespace(claim),
        object::name(claim)
    );
    let policy = match text(class, "/reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}},
        "spec": {
            "accessModes": claim.pointer("/spec/accessModes"), "storageClassName": object::name(class),
            "capacity": {"storage": text(claim, "/spec/resources/requests/storage")},
            "persistentVolumeReclaimPolicy": policy, "claimRef": reference(claim),
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        },
    });
    if let Some(mode) = claim.pointer("/spec/volumeMode") {
        object::set(&mut volume, &["spec", "volumeMode"], mode.clone());
    }
    if let Some(options) = class.pointer("/mountOptions") {
        object::set(&mut volume, &["spec", "mountOptions"], options.clone());
    }
    volume
}
