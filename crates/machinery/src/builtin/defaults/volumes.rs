//! Defaults of volumes in pods and of persistent volumes.

use serde_json::{Map, Value, json};

use super::{pod, resources};
use crate::builtin::edit::{child, each, set, set_zero, text};

type Object = Map<String, Value>;

/// The mode of files in volumes made from API objects: 0644.
const FILE_MODE: i32 = 0o644;

/// A volume of a pod; one without any source is an `emptyDir`.
pub fn volume(volume: &mut Object) {
    if volume
        .iter()
        .all(|(key, value)| key == "name" || value.is_null())
    {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = child(volume, "image") {
        let policy = pod::pull_policy(text(image, "reference"));
        set_zero(image, "pullPolicy", policy);
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = child(volume, source) {
            set(source, "defaultMode", FILE_MODE);
        }
    }
    if let Some(downward) = child(volume, "downwardAPI") {
        downward_items(downward);
    }
    if let Some(projected) = child(volume, "projected") {
        each(projected, "sources", |source| {
            if let Some(downward) = child(source, "downwardAPI") {
                downward_items(downward);
            }
            if let Some(token) = child(source, "serviceAccountToken") {
                set(token, "expirationSeconds", 3600);
            }
        });
    }
    if let Some(template) =
        child(volume, "ephemeral").and_then(|source| child(source, "volumeClaimTemplate"))
        && let Some(spec) = child(template, "spec")
    {
        claim_spec(spec);
    }
    persistent_source(volume);
}

/// The sources that volumes and persistent volumes share.
pub fn persistent_source(volume: &mut Object) {
    if let Some(host) = child(volume, "hostPath") {
        set(host, "type", "");
    }
    if let Some(iscsi) = child(volume, "iscsi") {
        set_zero(iscsi, "iscsiInterface", "default");
    }
    if let Some(rbd) = child(volume, "rbd") {
        set_zero(rbd, "pool", "rbd");
        set_zero(rbd, "user", "admin");
        set_zero(rbd, "keyring", "/etc/ceph/keyring");
    }
    if let Some(disk) = child(volume, "azureDisk") {
        set(disk, "cachingMode", "ReadWrite");
        set(disk, "fsType", "ext4");
        set(disk, "readOnly", false);
        set(disk, "kind", "Shared");
    }
    if let Some(scale_io) = child(volume, "scaleIO") {
        set_zero(scale_io, "storageMode", "ThinProvisioned");
        set_zero(scale_io, "fsType", "xfs");
    }
}

/// The spec of a `PersistentVolumeClaim`, also inside templates.
pub fn claim_spec(spec: &mut Object) {
    set(spec, "volumeMode", "Filesystem");
    if let Some(requirements) = child(spec, "resources") {
        resources::requirements(requirements);
    }
}

/// A whole `PersistentVolumeClaim`.
pub fn claim(claim: &mut Object) {
    if let Some(status) = crate::builtin::edit::ensure(claim, "status") {
        set_zero(status, "phase", "Pending");
        resources::round(status, "capacity");
        resources::round(status, "allocatedResources");
    }
    if let Some(spec) = child(claim, "spec") {
        claim_spec(spec);
    }
}

fn downward_items(source: &mut Object) {
    each(source, "items", |item| {
        if let Some(field) = child(item, "fieldRef") {
            set_zero(field, "apiVersion", "v1");
        }
    });
}
