//! Where the data of a `PersistentVolume` are, source by source.

use std::sync::LazyLock;

use regex::Regex;

use crate::builtin::validation::pod::{host_path, no_backsteps};
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::storage::driver_name;
use crate::names;

const HOST_AND_PORT: &str = "must be a host:port pair or multiple pairs separated by commas";

fn required(source: &At<'_>, keys: &[&str], errors: &mut Errors) {
    for key in keys {
        if source.child(key).is_empty() {
            errors.push(source.child(key).required(""));
        }
    }
}

/// Which fields of a source must be there; `None` for sources with rules of their own.
fn fields_of(key: &str) -> Option<&'static [&'static str]> {
    Some(match key {
        "rbd" => &["monitors", "image"],
        "cephfs" => &["monitors"],
        "vsphereVolume" => &["volumePath"],
        "photonPersistentDisk" => &["pdID"],
        "portworxVolume" => &["volumeID"],
        "scaleIO" => &["gateway", "system", "volumeName"],
        _ => return None,
    })
}

/// What a source of that name asks of a volume.
pub(super) fn source(key: &str, source: &At<'_>, name: &str, errors: &mut Errors) {
    if let Some(fields) = fields_of(key) {
        required(source, fields, errors);
        return;
    }
    let path = source.child("path");
    match key {
        "hostPath" => host_path(source, errors),
        "local" if path.is_empty() => errors.push(path.required("")),
        "local" => no_backsteps(&path, errors),
        "gcePersistentDisk" => {
            let place = source.path().replace("gcePersistentDisk", "persistentDisk");
            disk(&source.moved(place), "pdName", errors);
        }
        "awsElasticBlockStore" => disk(source, "volumeID", errors),
        "nfs" => {
            required(source, &["server", "path"], errors);
            if !path.text().starts_with('/') {
                errors.push(path.invalid_as(path.text(), "must be an absolute path"));
            }
        }
        "glusterfs" => glusterfs(source, errors),
        "flocker" => flocker(source, errors),
        "quobyte" => quobyte(source, errors),
        "iscsi" => iscsi(source, name, errors),
        "cinder" => {
            required(source, &["volumeID"], errors);
            if let Some(secret) = source.child("secretRef").set() {
                required(&secret, &["name", "namespace"], errors);
            }
        }
        "fc" => fibre_channel(source, errors),
        "flexVolume" => flex(source, errors),
        "azureFile" => {
            required(source, &["secretName", "shareName"], errors);
            if source.child("secretNamespace").is_set() {
                required(source, &["secretNamespace"], errors);
            }
        }
        "azureDisk" => azure_disk(source, errors),
        "storageos" => storageos(source, errors),
        "csi" => csi(source, errors),
        _ => {}
    }
}

fn disk(source: &At<'_>, id: &str, errors: &mut Errors) {
    required(source, &[id], errors);
    let partition = source.child("partition");
    if !(0..=255).contains(&partition.int()) {
        errors.push(partition.invalid("must be between 1 and 255, inclusive"));
    }
}

fn unit(number: &At<'_>, errors: &mut Errors) {
    if !(0..=255).contains(&number.int()) {
        errors.push(number.invalid("must be between 0 and 255, inclusive"));
    }
}

fn glusterfs(source: &At<'_>, errors: &mut Errors) {
    required(source, &["endpoints", "path"], errors);
    let namespace = source.child("endpointsNamespace");
    if namespace.is_set() && namespace.is_empty() {
        errors.push(
            namespace.invalid("if the endpointnamespace is set, it must be a valid namespace name"),
        );
    } else if namespace.is_set() {
        namespace.complain(names::dns1123_label(namespace.text()), errors);
    }
}

fn flocker(source: &At<'_>, errors: &mut Errors) {
    let (name, id) = (source.child("datasetName"), source.child("datasetUUID"));
    match (name.is_empty(), id.is_empty()) {
        (true, true) => {
            errors.push(source.required("one of datasetName and datasetUUID is required"));
        }
        (false, false) => errors.push(source.invalid_as(
            "resource",
            "datasetName and datasetUUID can not be specified simultaneously",
        )),
        (true, false) | (false, true) => {}
    }
    if name.text().contains('/') {
        errors.push(name.invalid("must not contain '/'"));
    }
}

fn quobyte(source: &At<'_>, errors: &mut Errors) {
    let (registry, tenant) = (source.child("registry"), source.child("tenant"));
    if registry.is_empty() {
        errors.push(registry.required(HOST_AND_PORT));
    } else if tenant.text().len() >= 65 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(tenant.required(detail));
    } else {
        let pairs = registry.text().split(',');
        for _ in pairs.filter(|pair| !pair.starts_with('[') && pair.matches(':').count() != 1) {
            errors.push(registry.invalid(HOST_AND_PORT));
        }
    }
    required(source, &["volume"], errors);
}

/// Forms of the names of SCSI devices, by what they begin with.
static SCSI_NAMES: LazyLock<Vec<(&str, Option<Regex>)>> = LazyLock::new(|| {
    vec![
        (
            "iqn",
            Regex::new(r"iqn\.\d{4}-\d{2}\.([[:alnum:]\-.]+)(:[^,;*&$|\s]+)$").ok(),
        ),
        ("eui", Regex::new(r"^eui.[[:alnum:]]{16}$").ok()),
        ("naa", Regex::new(r"^naa.[[:alnum:]]{32}$").ok()),
    ]
});

fn is_scsi_name(name: &str) -> bool {
    SCSI_NAMES.iter().any(|(prefix, form)| {
        name.starts_with(prefix) && form.as_ref().is_none_or(|form| form.is_match(name))
    })
}

fn iscsi(source: &At<'_>, name: &str, errors: &mut Errors) {
    required(source, &["targetPortal"], errors);
    let (portal, initiator) = (source.child("targetPortal"), source.child("initiatorName"));
    if initiator.is_set() && name.len() + 1 + portal.text().len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is \
                      specified.";
        errors.push(
            portal
                .moved(source.path_of("targetportal"))
                .invalid_as(portal.text(), detail),
        );
    }
    let target = source.child("iqn");
    if target.is_empty() {
        errors.push(target.required(""));
    } else if !is_scsi_name(target.text()) {
        errors.push(target.invalid("must be valid format"));
    }
    unit(&source.child("lun"), errors);
    let secret = source.child("secretRef");
    let asks = ["chapAuthDiscovery", "chapAuthSession"]
        .iter()
        .any(|key| source.child(key).is_true());
    if asks && !secret.is_set() {
        errors.push(secret.required(""));
    }
    if secret.is_set() {
        required(&secret, &["name"], errors);
    }
    if initiator.is_set() && !is_scsi_name(initiator.text()) {
        let at = initiator.moved(source.path_of("initiatorname"));
        errors.push(at.invalid("must be valid format"));
    }
}

fn fibre_channel(source: &At<'_>, errors: &mut Errors) {
    let (targets, ids, lun) = (
        source.child("targetWWNs"),
        source.child("wwids"),
        source.child("lun"),
    );
    match (targets.is_empty(), ids.is_empty()) {
        (true, true) => {
            errors.push(targets.required("must specify either targetWWNs or wwids, but not both"));
        }
        (false, false) => {
            errors
                .push(targets.invalid("targetWWNs and wwids can not be specified simultaneously"));
        }
        (true, false) | (false, true) => {}
    }
    if targets.is_empty() {
        return;
    }
    if lun.is_set() {
        unit(&lun, errors);
    } else {
        errors.push(lun.required("lun is required if targetWWNs is specified"));
    }
}

fn flex(source: &At<'_>, errors: &mut Errors) {
    required(source, &["driver"], errors);
    for (key, option) in source.child("options").entries() {
        let domain = key.split_once('/').map_or(key, |(domain, _)| domain);
        let dotted = format!(".{}", domain.to_lowercase());
        if dotted.ends_with(".kubernetes.io") || dotted.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(option.invalid_as(key, detail));
        }
    }
}

fn azure_disk(source: &At<'_>, errors: &mut Errors) {
    required(source, &["diskName", "diskURI"], errors);
    let (caching, kind, uri) = (
        source.child("cachingMode"),
        source.child("kind"),
        source.child("diskURI"),
    );
    let modes = ["None", "ReadOnly", "ReadWrite"];
    if caching.is_set() && !modes.contains(&caching.text()) {
        errors.push(caching.not_supported(&modes));
    }
    let kinds = ["Dedicated", "Managed", "Shared"];
    if kind.is_set() && !kinds.contains(&kind.text()) {
        errors.push(kind.not_supported(&kinds));
    }
    let (prefix, form) = if kind.text() == "Managed" {
        (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        )
    } else {
        (
            "https://",
            "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
        )
    };
    if kind.is_set() && !uri.text().starts_with(prefix) {
        errors.push(uri.not_supported(&[form]));
    }
}

fn storageos(source: &At<'_>, errors: &mut Errors) {
    let (name, namespace) = (source.child("volumeName"), source.child("volumeNamespace"));
    if name.is_empty() {
        errors.push(name.required(""));
    } else {
        name.complain(names::dns1123_label(name.text()), errors);
    }
    if !namespace.is_empty() {
        namespace.complain(names::dns1123_label(namespace.text()), errors);
    }
    if let Some(secret) = source.child("secretRef").set() {
        required(&secret, &["name", "namespace"], errors);
    }
}

fn csi(source: &At<'_>, errors: &mut Errors) {
    driver_name(&source.child("driver"), errors);
    required(source, &["volumeHandle"], errors);
    for key in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let Some(secret) = source.child(key).set() else {
            continue;
        };
        let (name, namespace) = (secret.child("name"), secret.child("namespace"));
        if name.is_empty() {
            errors.push(name.required(""));
        } else {
            name.complain(names::dns1123_subdomain(name.text()), errors);
        }
        if namespace.is_empty() {
            errors.push(namespace.required(""));
        } else {
            namespace.complain(names::dns1123_label(namespace.text()), errors);
        }
    }
}
