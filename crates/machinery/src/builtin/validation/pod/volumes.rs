//! Volumes of a pod: every source the server knows, in its order.

use std::collections::{BTreeMap, BTreeSet};

use super::env::{VOLUME_FIELDS, field_ref, resource_field_ref};
use super::remote;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{core, meta};
use crate::names;
use crate::quantity::Quantity;

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

/// The sources in the order they are looked at, the name used in "more than one" errors where it is another, and the
/// fields that must not be empty.
const SOURCES: [(&str, &str, &[&str]); 30] = [
    ("emptyDir", "", &[]),
    ("hostPath", "", &[]),
    ("gitRepo", "", &["repository"]),
    ("gcePersistentDisk", "", &["pdName"]),
    ("awsElasticBlockStore", "", &["volumeID"]),
    ("secret", "", &["secretName"]),
    ("nfs", "", &["server", "path"]),
    ("iscsi", "", &["targetPortal", "iqn"]),
    ("glusterfs", "", &["endpoints", "path"]),
    ("flocker", "", &[]),
    ("persistentVolumeClaim", "", &["claimName"]),
    ("rbd", "", &["monitors", "image"]),
    ("cinder", "", &["volumeID"]),
    ("cephfs", "cephFS", &["monitors"]),
    ("quobyte", "", &[]),
    ("downwardAPI", "downwarAPI", &[]),
    ("fc", "", &[]),
    ("flexVolume", "", &["driver"]),
    ("configMap", "", &["name"]),
    ("azureFile", "", &["secretName", "shareName"]),
    ("vsphereVolume", "", &["volumePath"]),
    ("photonPersistentDisk", "", &["pdID"]),
    ("portworxVolume", "", &["volumeID"]),
    ("azureDisk", "", &["diskName", "diskURI"]),
    ("storageos", "", &["volumeName"]),
    ("projected", "", &[]),
    ("scaleIO", "", &["gateway", "system", "volumeName"]),
    ("csi", "", &["driver"]),
    ("ephemeral", "", &["volumeClaimTemplate"]),
    ("image", "", &["reference"]),
];

/// `volumes`; returns the valid ones by name.
pub fn volumes<'a>(
    list: &At<'a>,
    metadata: Option<&At<'_>>,
    errors: &mut Errors,
) -> BTreeMap<&'a str, At<'a>> {
    let pod = metadata.map_or("", |metadata| metadata.child("name").text());
    let items = list.items();
    let created: BTreeSet<String> = items
        .iter()
        .filter(|volume| !pod.is_empty() && volume.child("ephemeral").is_set())
        .map(|volume| format!("{pod}-{}", volume.child("name").text()))
        .collect();
    let mut valid = BTreeMap::new();
    for volume in items {
        let before = errors.len();
        source(&volume, pod, errors);
        let name = volume.child("name");
        if name.is_empty() {
            errors.push(name.required(""));
        } else {
            name.complain(names::dns1123_label(name.text()), errors);
        }
        if valid.contains_key(name.text()) {
            errors.push(name.duplicate());
        }
        let claim = volume.child("persistentVolumeClaim").child("claimName");
        if errors.len() == before {
            valid.insert(name.text(), volume);
        }
        if created.contains(claim.text()) {
            errors.push(
                claim.invalid("must not reference a PVC that gets created for an ephemeral volume"),
            );
        }
    }
    valid
}

fn source(volume: &At<'_>, pod: &str, errors: &mut Errors) {
    let mut found = false;
    for (key, other_name, required) in SOURCES {
        let Some(source) = volume.child(key).set() else {
            continue;
        };
        if found {
            let name = if other_name.is_empty() {
                key
            } else {
                other_name
            };
            errors.push(
                source
                    .moved(volume.path_of(name))
                    .forbidden("may not specify more than 1 volume type"),
            );
            continue;
        }
        found = true;
        let source = if key == "gcePersistentDisk" {
            source.moved(volume.path_of("persistentDisk"))
        } else {
            source
        };
        for field in required {
            if source.child(field).is_empty() {
                errors.push(source.child(field).required(""));
            }
        }
        details(key, volume, &source, pod, errors);
    }
    if !found {
        errors.push(volume.required("must specify a volume type"));
    }
}

fn details(key: &str, volume: &At<'_>, source: &At<'_>, pod: &str, errors: &mut Errors) {
    match key {
        "emptyDir" => {
            let limit = source.child("sizeLimit");
            if Quantity::parse(limit.text()).is_ok_and(|limit| limit.sign() < 0) {
                errors.push(limit.forbidden("SizeLimit field must be a valid resource quantity"));
            }
        }
        "hostPath" => host_path(source, errors),
        "gitRepo" => local_descending(&source.child("directory"), errors),
        "secret" | "configMap" => {
            mode(&source.child("defaultMode"), errors);
            for item in source.child("items").items() {
                key_to_path(&item, errors);
            }
        }
        "nfs" => {
            let path = source.child("path");
            if !path.text().starts_with('/') {
                errors.push(path.invalid_as(path.text(), "must be an absolute path"));
            }
        }
        "downwardAPI" => {
            mode(&source.child("defaultMode"), errors);
            for item in source.child("items").items() {
                downward_file(&item.moved(source.path()), errors);
            }
        }
        "projected" => projected(source, errors),
        "ephemeral" => ephemeral(volume, source, pod, errors),
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let partition = source.child("partition");
            if !(0..=255).contains(&partition.int()) {
                errors.push(partition.invalid("must be between 1 and 255, inclusive"));
            }
        }
        "iscsi" | "fc" | "flocker" | "quobyte" | "csi" => remote::details(key, source, errors),
        "image" => {
            source
                .child("pullPolicy")
                .one_of(&["Always", "IfNotPresent", "Never"], errors);
        }
        _ => {}
    }
}

/// A path of the node.
pub fn host_path(source: &At<'_>, errors: &mut Errors) {
    let (path, kind) = (source.child("path"), source.child("type"));
    if path.is_empty() {
        errors.push(path.required(""));
        return;
    }
    no_backsteps(&path, errors);
    if kind.is_set() && !HOST_PATH_TYPES.contains(&kind.text()) {
        errors.push(kind.not_supported(&HOST_PATH_TYPES));
    }
}

fn ephemeral(volume: &At<'_>, source: &At<'_>, pod: &str, errors: &mut Errors) {
    if let Some(template) = source.child("volumeClaimTemplate").set() {
        meta::of_template(&template.child("metadata"), errors);
        core::claim_spec(&template.child("spec"), errors);
    }
    let name = volume.child("name");
    if !pod.is_empty() && !name.is_empty() {
        let claim = format!("{pod}-{}", name.text());
        for complaint in names::dns1123_subdomain(&claim) {
            errors.push(name.invalid(format!("PVC name \"{claim}\": {complaint}")));
        }
    }
}

fn projected(source: &At<'_>, errors: &mut Errors) {
    mode(&source.child("defaultMode"), errors);
    let mut paths = BTreeSet::new();
    for part in source.child("sources").items() {
        let mut kinds = 0;
        for key in ["secret", "configMap"] {
            let Some(object) = part.child(key).set() else {
                continue;
            };
            kinds += 1;
            let name = object.child("name");
            if name.is_empty() {
                errors.push(name.required(""));
            }
            for item in object.child("items").items() {
                key_to_path(&item, errors);
                let path = item.child("path").text();
                if !path.is_empty() && !paths.insert(path) {
                    errors.push(source.invalid_as(name.text(), "conflicting duplicate paths"));
                }
            }
        }
        if let Some(downward) = part.child("downwardAPI").set() {
            kinds += 1;
            for item in downward.child("items").items() {
                downward_file(&item.moved(downward.path()), errors);
                let path = item.child("path").text();
                if !path.is_empty() && !paths.insert(path) {
                    errors.push(source.invalid_as(path, "conflicting duplicate paths"));
                }
            }
        }
        if let Some(token) = part.child("serviceAccountToken").set() {
            kinds += 1;
            self::token(source, &token, errors);
        }
        for key in ["clusterTrustBundle", "podCertificate"] {
            kinds += usize::from(part.child(key).is_set());
        }
        if kinds > 1 {
            errors.push(part.forbidden("may not specify more than 1 volume type per source"));
        }
    }
}

fn token(source: &At<'_>, token: &At<'_>, errors: &mut Errors) {
    let seconds = token.child("expirationSeconds");
    if seconds.int() < 600 {
        errors.push(seconds.invalid_as(
            seconds.int(),
            "may not specify a duration less than 10 minutes",
        ));
    }
    if seconds.int() > 1 << 32 {
        errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
    }
    let path = token.child("path").moved(source.path_of("path"));
    if path.is_empty() {
        errors.push(path.required(""));
    } else {
        local_path(&path, errors);
    }
}

fn key_to_path(item: &At<'_>, errors: &mut Errors) {
    for key in ["key", "path"] {
        if item.child(key).is_empty() {
            errors.push(item.child(key).required(""));
        }
    }
    local_path(&item.child("path"), errors);
    mode(&item.child("mode"), errors);
}

fn downward_file(file: &At<'_>, errors: &mut Errors) {
    let path = file.child("path");
    if path.is_empty() {
        errors.push(path.required(""));
    }
    local_path(&path, errors);
    let (field, resource) = (file.child("fieldRef"), file.child("resourceFieldRef"));
    if field.is_set() {
        field_ref(&field, &VOLUME_FIELDS, errors);
        if resource.is_set() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(file.invalid_as("resource", detail));
        }
    } else if resource.is_set() {
        resource_field_ref(&resource, true, errors);
    } else {
        errors.push(file.required("one of fieldRef and resourceFieldRef is required"));
    }
    mode(&file.child("mode"), errors);
}

fn mode(mode: &At<'_>, errors: &mut Errors) {
    if mode.is_set() && !(0..=0o777).contains(&mode.int()) {
        errors.push(mode.invalid(MODE));
    }
}

/// A relative path without `..`.
pub fn local_descending(path: &At<'_>, errors: &mut Errors) {
    if path.text().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    no_backsteps(path, errors);
}

/// A path without an element `..`.
pub fn no_backsteps(path: &At<'_>, errors: &mut Errors) {
    if path.text().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
}

/// A relative path that stays inside and does not begin with `..`, which the kubelet keeps for itself.
fn local_path(path: &At<'_>, errors: &mut Errors) {
    local_descending(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        errors.push(path.invalid("must not start with '..'"));
    }
}
