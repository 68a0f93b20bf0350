//! `PersistentVolumes`, also those that are written out in a `VolumeAttachment`.

use serde_json::Value;

use super::claims::{VOLUME_MODES, access_modes, basic_resource};
use super::sources;
use crate::builtin::validation::pod::node_selector;
use crate::builtin::validation::read::{At, Errors, same};
use crate::builtin::validation::{FieldError, NameRule, diff, internal, meta};
use crate::names;
use crate::quantity::Quantity;

/// The fields of a `PersistentVolume` that name where it is, and how a second one of them is called.
const SOURCES: [(&str, &str); 22] = [
    ("hostPath", "hostPath"),
    ("gcePersistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", "awsElasticBlockStore"),
    ("glusterfs", "glusterfs"),
    ("flocker", "flocker"),
    ("nfs", "nfs"),
    ("rbd", "rbd"),
    ("quobyte", "quobyte"),
    ("cephfs", "cephFS"),
    ("iscsi", "iscsi"),
    ("cinder", "cinder"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk"),
    ("scaleIO", "scaleIO"),
    ("local", "local"),
    ("storageos", "storageos"),
    ("csi", "csi"),
];

const IN_LINE: &str = "in the context of inline volumes";

/// A volume; metadata is already checked.
pub fn volume(volume: &At<'_>, errors: &mut Errors) {
    let name = volume.child("metadata").child("name");
    spec(&volume.child("spec"), name.text(), errors);
}

/// An updated volume: its source never changes, but for a Secret that it can get.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_create(new, NameRule::Subdomain, false, errors);
    volume(new, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    let (mut now, before) = (source_of(&spec), source_of(&old_spec));
    let had_secret = before.pointer("/csi/controllerExpandSecretRef").is_some();
    if before.get("csi").is_some()
        && !had_secret
        && let Some(csi) = now.get_mut("csi").and_then(Value::as_object_mut)
    {
        csi.remove("controllerExpandSecretRef");
    }
    if !same(&now, &before) {
        let pretty =
            |source: &Value| internal::to_json_pretty("core.PersistentVolumeSource", source);
        let difference = diff::unified(&pretty(&before), &pretty(&now));
        errors.push(FieldError::forbidden(
            "spec.persistentvolumesource",
            format!("spec.persistentvolumesource is immutable after creation\n{difference}"),
        ));
    }
    let mode = spec.child("volumeMode");
    mode.moved("volumeMode")
        .immutable(old_spec.child("volumeMode").value(), "*string", errors);
    let affinity = spec.child("nodeAffinity");
    if old_spec.child("nodeAffinity").is_set() {
        node_affinity(
            &affinity.moved("nodeAffinity"),
            &old_spec.child("nodeAffinity"),
            errors,
        );
    }
    let class = spec.child("volumeAttributesClassName");
    if old_spec.child("volumeAttributesClassName").is_set() && !class.is_set() {
        errors.push(class.forbidden("update from non-nil value to nil is forbidden"));
    }
}

/// Where a volume can be used stays, but labels of nodes may become those that took their place.
fn node_affinity(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let mut before = old.value().clone();
    let terms = before.pointer_mut("/required/nodeSelectorTerms");
    let terms = terms.and_then(Value::as_array_mut).into_iter().flatten();
    for (place, term) in terms.enumerate() {
        for list in ["matchExpressions", "matchFields"] {
            let requirements = term.get_mut(list).and_then(Value::as_array_mut);
            for (index, requirement) in requirements.into_iter().flatten().enumerate() {
                let key = format!("/required/nodeSelectorTerms/{place}/{list}/{index}/key");
                let now = new.value().pointer(&key).and_then(Value::as_str);
                let was = requirement.get("key").and_then(Value::as_str);
                // A label that hasn't become any may also go.
                let renamed = successor(was.unwrap_or_default());
                if let (Some(now), Some(fields)) = (now, requirement.as_object_mut())
                    && renamed == now
                {
                    fields.insert("key".to_owned(), Value::from(now));
                }
            }
        }
    }
    if !same(new.value(), &before) {
        let detail = "field is immutable, except for updating from beta label to GA";
        errors.push(new.invalid_struct("*core.VolumeNodeAffinity", detail));
    }
}

/// What a beta label of nodes has become; nothing for others.
fn successor(label: &str) -> &'static str {
    match label {
        "failure-domain.beta.kubernetes.io/zone" => "topology.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region" => "topology.kubernetes.io/region",
        "beta.kubernetes.io/os" => "kubernetes.io/os",
        "beta.kubernetes.io/arch" => "kubernetes.io/arch",
        "beta.kubernetes.io/instance-type" => "node.kubernetes.io/instance-type",
        _ => "",
    }
}

fn source_of(spec: &At<'_>) -> Value {
    let fields = SOURCES
        .iter()
        .filter_map(|(key, _)| Some(((*key).to_owned(), spec.child(key).set()?.value().clone())));
    Value::Object(fields.collect())
}

/// The spec of a volume of its own.
fn spec(spec: &At<'_>, name: &str, errors: &mut Errors) {
    modes(spec, errors);
    capacity(&spec.child("capacity"), errors);
    let policy = spec.child("persistentVolumeReclaimPolicy");
    let policies = ["Delete", "Recycle", "Retain"];
    if !policy.is_empty() && !policies.contains(&policy.text()) {
        errors.push(policy.not_supported(&policies));
    }
    if let Some(affinity) = spec.child("nodeAffinity").set() {
        let required = affinity.child("required");
        if required.is_set() {
            node_selector(&required, errors);
        } else {
            errors.push(required.required("must specify required node constraints"));
        }
    }
    sources(spec, name, errors);
    if policy.text() == "Recycle" && is_root(spec.child("hostPath").child("path").text()) {
        errors.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
    }
    let class = spec.child("storageClassName");
    if !class.is_empty() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
    let mode = spec.child("volumeMode");
    if mode.is_set() && !VOLUME_MODES.contains(&mode.text()) {
        errors.push(mode.not_supported(&VOLUME_MODES));
    }
    let attributes = spec.child("volumeAttributesClassName");
    if !attributes.is_set() {
        return;
    }
    if attributes.is_empty() {
        errors.push(attributes.required("an empty string is disallowed"));
    } else {
        attributes.complain(names::dns1123_subdomain(attributes.text()), errors);
    }
    if !spec.child("csi").is_set() {
        let detail = "has to be specified when using volumeAttributesClassName";
        errors.push(spec.child("csi").required(detail));
    }
}

/// The spec of a volume that is written out where it is attached.
pub fn inline(spec: &At<'_>, errors: &mut Errors) {
    let refuse = |key: &str, errors: &mut Errors| {
        if !spec.child(key).is_empty() {
            let detail = format!("may not be specified {IN_LINE}");
            errors.push(spec.child(key).forbidden(detail));
        }
    };
    refuse("claimRef", errors);
    refuse("capacity", errors);
    if !spec.child("csi").is_set() {
        let detail = format!("has to be specified {IN_LINE}");
        errors.push(spec.child("csi").required(&detail));
    }
    modes(spec, errors);
    let policy = spec.child("persistentVolumeReclaimPolicy");
    if !policy.is_empty() && policy.text() != "Retain" {
        errors.push(policy.forbidden(format!("may only be Retain {IN_LINE}")));
    }
    if spec.child("nodeAffinity").is_set() {
        let detail = format!("may not be specified {IN_LINE}");
        errors.push(spec.child("nodeAffinity").forbidden(detail));
    }
    sources(spec, "", errors);
    if policy.text() == "Recycle" && is_root(spec.child("hostPath").child("path").text()) {
        errors.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
    }
    refuse("storageClassName", errors);
    let mode = spec.child("volumeMode");
    if mode.is_set() && mode.text() != "Filesystem" {
        let detail = format!("may not specify volumeMode other than Filesystem {IN_LINE}");
        errors.push(mode.forbidden(detail));
    }
}

/// Whether a path is that of everything once it is cleaned of what leads nowhere.
fn is_root(path: &str) -> bool {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let depth = parts.fold(0_usize, |depth, part| {
        if part == ".." {
            depth.saturating_sub(1)
        } else {
            depth + 1
        }
    });
    path.starts_with('/') && depth == 0
}

fn modes(spec: &At<'_>, errors: &mut Errors) {
    let modes = spec.child("accessModes");
    if modes.is_empty() {
        errors.push(modes.required(""));
    }
    access_modes(&modes, errors);
}

fn capacity(capacity: &At<'_>, errors: &mut Errors) {
    if capacity.is_empty() {
        errors.push(capacity.required(""));
    }
    let sizes = capacity.entries();
    if !capacity.key("storage").is_set() || sizes.len() > 1 {
        errors.push(FieldError::not_supported(
            capacity.path(),
            capacity.dump("map quantity"),
            &["storage"],
        ));
    }
    for (_, size) in sizes {
        basic_resource(&size, errors);
        if Quantity::parse(size.text()).is_ok_and(|size| size.sign() <= 0) {
            errors.push(size.invalid("must be greater than zero"));
        }
    }
}

fn sources(spec: &At<'_>, name: &str, errors: &mut Errors) {
    let mut found = false;
    for (key, second) in SOURCES {
        let Some(source) = spec.child(key).set() else {
            continue;
        };
        if found && key != "flexVolume" {
            let detail = "may not specify more than 1 volume type";
            errors.push(source.moved(spec.path_of(second)).forbidden(detail));
            continue;
        }
        found = true;
        sources::source(key, &source, name, errors);
        if key == "local" && !spec.child("nodeAffinity").is_set() {
            let affinity = spec.child("nodeAffinity");
            errors.push(affinity.required("Local volume requires node affinity"));
        }
    }
    if !found {
        errors.push(spec.required("must specify a volume type"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(source: &Value) -> Vec<String> {
        let mut spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]});
        for (key, value) in source.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let mut errors = Errors::new();
        super::spec(&At::new("spec", &spec), "v", &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_source_has_fields_of_its_own() {
        for (source, text) in [
            (
                json!({"nfs": {"path": "/"}}),
                "spec.nfs.server: Required value",
            ),
            (
                json!({"gcePersistentDisk": {"pdName": "p", "partition": 256}}),
                "spec.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive",
            ),
            (
                json!({"hostPath": {"path": "/"}, "cephfs": {"monitors": ["m"]}}),
                "spec.cephFS: Forbidden: may not specify more than 1 volume type",
            ),
            (
                json!({"hostPath": {"path": "/a/.."}, "persistentVolumeReclaimPolicy": "Recycle"}),
                "spec.hostPath.path: Invalid value: \"/a/..\": must not contain '..'",
            ),
            (
                json!({"iscsi": {"targetPortal": "p", "iqn": "iqn.x"}}),
                "spec.iscsi.iqn: Invalid value: \"iqn.x\": must be valid format",
            ),
        ] {
            assert_eq!(said(&source).first().map(String::as_str), Some(text));
        }
        let good = json!({"iscsi": {"targetPortal": "p", "iqn": "iqn.2020-01.example:x"}});
        assert_eq!(said(&good), [""; 0]);
    }

    #[test]
    fn a_root_is_one_however_it_is_written() {
        for root in ["/", "//", "/./", "/a/.."] {
            assert!(is_root(root), "{root}");
        }
        for other in ["", "/a", "a/.."] {
            assert!(!is_root(other), "{other}");
        }
    }
}
