//! Warnings of kinds that nothing runs from: volumes and their classes, endpoints, nodes, quotas.

use super::super::read::At;
use super::addresses::{address, network};
use super::pod::{deprecated, label_key};
use crate::quantity::Quantity;

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const BETA_ANNOTATIONS: [(&str, &str); 2] = [
    (
        BETA_CLASS,
        "deprecated since v1.8; use \"storageClassName\" attribute instead",
    ),
    (
        "volume.beta.kubernetes.io/mount-options",
        "deprecated since v1.31; use \"mountOptions\" attribute instead",
    ),
];
/// Plugins for volumes that are gone or going.
const PLUGINS: [(&str, &str); 6] = [
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];
const RECYCLE: &str = "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended \
                       approach is to use dynamic provisioning.";

/// Warnings of every write of an object of such a kind.
pub(super) fn always(group: &str, kind: &str, object: &At<'_>, warnings: &mut Vec<String>) {
    match (group, kind) {
        ("", "PersistentVolume") => volume(object, warnings),
        ("", "PersistentVolumeClaim") => annotations(object, &BETA_ANNOTATIONS[..1], warnings),
        ("", "Endpoints") => {
            if managed_by(object, "endpoints.kubernetes.io/managed-by") == "endpoint-controller" {
                return;
            }
            for subset in object.child("subsets").items() {
                for list in ["addresses", "notReadyAddresses"] {
                    for item in subset.child(list).items() {
                        address(&item.child("ip"), warnings);
                    }
                }
            }
        }
        ("discovery.k8s.io", "EndpointSlice") => slice(object, warnings),
        ("", "Node") => node(&object.child("spec"), warnings),
        ("storage.k8s.io", "StorageClass") => {
            for term in object.child("allowedTopologies").items() {
                for expression in term.child("matchLabelExpressions").items() {
                    let key = expression.child("key");
                    if let Some(message) = deprecated(key.text()) {
                        warnings.push(format!("{}: {message}", key.path()));
                    }
                }
            }
        }
        ("storage.k8s.io", "CSIStorageCapacity") => {
            let topology = object.child("nodeTopology");
            for expression in topology.child("matchExpressions").items() {
                label_key(&expression.child("key"), warnings);
            }
            let labels = topology.child("matchLabels");
            for (label, _) in labels.entries() {
                if let Some(message) = deprecated(label) {
                    warnings.push(format!("{}: {message}", labels.path_of(label)));
                }
            }
        }
        ("node.k8s.io", "RuntimeClass") => {
            let selector = object.child("scheduling").child("nodeSelector");
            for (label, _) in selector.entries() {
                if let Some(message) = deprecated(label) {
                    warnings.push(format!("{}: {message}", selector.path()));
                }
            }
        }
        _ => {}
    }
}

/// Warnings of a new object of such a kind.
pub(super) fn created(group: &str, kind: &str, object: &At<'_>, warnings: &mut Vec<String>) {
    match (group, kind) {
        ("", "ResourceQuota") => quota(&object.child("spec").child("hard"), warnings),
        ("discovery.k8s.io", "EndpointSlice") if object.child("addressType").text() == "FQDN" => {
            warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
        }
        _ => {}
    }
}

fn managed_by<'a>(object: &At<'a>, label: &str) -> &'a str {
    let labels = object.child("metadata").child("labels");
    labels.key(label).text()
}

fn annotations(object: &At<'_>, deprecated: &[(&str, &str)], warnings: &mut Vec<String>) {
    let annotations = object.child("metadata").child("annotations");
    for (key, message) in deprecated {
        let annotation = annotations.key(key);
        if annotation.is_set() {
            warnings.push(format!("{}: {message}", annotation.path()));
        }
    }
}

fn volume(object: &At<'_>, warnings: &mut Vec<String>) {
    annotations(object, &BETA_ANNOTATIONS, warnings);
    let spec = object.child("spec");
    if spec.child("persistentVolumeReclaimPolicy").text() == "Recycle" {
        warnings.push(RECYCLE.to_owned());
    }
    let required = spec.child("nodeAffinity").child("required");
    for term in required.child("nodeSelectorTerms").items() {
        for expression in term.child("matchExpressions").items() {
            label_key(&expression.child("key"), warnings);
        }
    }
    for (name, message) in PLUGINS {
        // One of them is written in another way where it is looked up.
        let key = if name == "storageOS" {
            "storageos"
        } else {
            name
        };
        if spec.child(key).is_set() {
            warnings.push(format!("spec.{name}: {message}"));
        }
    }
}

fn slice(object: &At<'_>, warnings: &mut Vec<String>) {
    let by = managed_by(object, "endpointslice.kubernetes.io/managed-by");
    if by.ends_with("-controller.k8s.io") && by.starts_with("endpointslice") {
        return;
    }
    for endpoint in object.child("endpoints").items() {
        for item in endpoint.child("addresses").items() {
            address(&item, warnings);
        }
    }
}

fn node(spec: &At<'_>, warnings: &mut Vec<String>) {
    if spec.child("configSource").is_set() {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !spec.child("externalID").is_empty() {
        let text = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
        warnings.push(text.to_owned());
    }
    for item in spec.child("podCIDRs").items() {
        network(&item, warnings);
    }
}

/// Requests that may be more than their limits.
fn quota(hard: &At<'_>, warnings: &mut Vec<String>) {
    for resource in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let (mut requests, limits) = (format!("requests.{resource}"), format!("limits.{resource}"));
        if !hard.key(&requests).is_set() && matches!(resource, "cpu" | "memory") {
            resource.clone_into(&mut requests);
        }
        let (request, limit) = (hard.key(&requests), hard.key(&limits));
        let (Ok(most), Ok(least)) = (
            Quantity::parse(request.text()),
            Quantity::parse(limit.text()),
        ) else {
            continue;
        };
        if most > least {
            let (request, limit) = (request.text(), limit.text());
            warnings.push(format!(
                "ResourceQuota {requests} ({request}) should be less than {limits} ({limit})"
            ));
        }
    }
}

#[test]
fn a_volume_that_is_recycled_is_warned_of() {
    let volume = serde_json::json!({"metadata": {"annotations": {BETA_CLASS: "x"}}, "spec": {
        "persistentVolumeReclaimPolicy": "Recycle", "rbd": {},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "beta.kubernetes.io/os"}]}]}}}});
    let mut warnings = Vec::new();
    always("", "PersistentVolume", &At::new("", &volume), &mut warnings);
    assert_eq!(
        warnings,
        [
            "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" attribute instead",
            RECYCLE,
            "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use \
             \"kubernetes.io/os\" instead",
            "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
        ]
    );
    let quota = serde_json::json!({"spec": {"hard": {"cpu": "2", "limits.cpu": "1500m", "requests.memory": "1Gi", "limits.memory": "1Gi"}}});
    let mut warnings = Vec::new();
    created("", "ResourceQuota", &At::new("", &quota), &mut warnings);
    assert_eq!(
        warnings,
        ["ResourceQuota cpu (2) should be less than limits.cpu (1500m)"]
    );
}
