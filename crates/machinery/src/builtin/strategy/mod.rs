//! What the registry strategies' `PrepareForCreate` and `PrepareForUpdate` do to an object: reset what a client may
//! not write on this endpoint and fill in what is derived from the object alone. Generation and the rest of metadata
//! are the server's; so is what needs other objects, the user or the time of day.

mod app_armor;
mod claim;
mod gates;
pub mod job;
mod pod;
pub mod service;

use serde_json::{Map, Value, json};

use crate::builtin::edit::{child, ensure, text};

pub use app_armor::{carry_over as carry_over_app_armor, profile_of as app_armor_profile};
pub use pod::qos_class;

type Object = Map<String, Value>;

/// Prepares a new object for validation and storage. Name, `metadata.uid` and `metadata.creationTimestamp` are already
/// set: a Job's selector and a `PersistentVolume`'s status are made from them.
pub fn prepare_for_create(group: &str, version: &str, kind: &str, object: &mut Value) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    if let Some(status) = new_status(group, version, kind, object) {
        object.insert("status".to_owned(), status);
    }
    drop_disabled(group, kind, object);
    match (group, kind) {
        ("", "Pod") => pod::create(object),
        ("", "Namespace") => namespace(object),
        ("", "ServiceAccount") => secret_references(object),
        ("", "PersistentVolumeClaim") => {
            if let Some(spec) = child(object, "spec") {
                data_sources(spec, None);
            }
        }
        ("apps", "DaemonSet") => template_generation(object, None),
        ("batch", "Job") => job::generate_selector(object),
        ("discovery.k8s.io", "EndpointSlice") => drop_topology(object, None),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => stored_versions(object),
        _ => {}
    }
}

/// What a write makes of an object: the stored form knows no empty lists, so they come back as null, and of bytes by name
/// no null, which comes back as none. Raw JSON inside built-in objects (revision data, schemas) is left alone.
///
/// Tells whether there was such a null: it is stored as something else than what it comes back as (`MarshalTo` of generated
/// code leaves it out of its entry).
pub fn as_stored(group: &str, kind: &str, object: &mut Value) -> bool {
    let raw: &[&str] = match (group, kind) {
        ("apps", "ControllerRevision") => &["data"],
        ("apiextensions.k8s.io", _) => &["versions"],
        _ => &["fieldsV1"],
    };
    forget_empty_lists(object, raw);
    let bytes = match (group, kind) {
        ("", "ConfigMap") => "binaryData",
        ("", "Secret") => "data",
        _ => return false,
    };
    let values = object.get_mut(bytes).and_then(Value::as_object_mut);
    let values = values.into_iter().flat_map(|values| values.iter_mut());
    let mut nulls = false;
    for (_, value) in values.filter(|(_, value)| value.is_null()) {
        *value = json!("");
        nulls = true;
    }
    nulls
}

fn forget_empty_lists(value: &mut Value, raw: &[&str]) {
    match value {
        Value::Array(items) if items.is_empty() => *value = Value::Null,
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| forget_empty_lists(item, raw)),
        Value::Object(map) => {
            for (key, item) in map
                .iter_mut()
                .filter(|(key, _)| !raw.contains(&key.as_str()))
            {
                if key != "managedFields" {
                    forget_empty_lists(item, raw);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Prepares an updated object: what this endpoint may not change is taken from `old`.
/// `subresource` is `None` for the main endpoint, else `status`, `finalize`, `approval`, `ephemeralcontainers`, ….
pub fn prepare_for_update(
    group: &str,
    _version: &str,
    kind: &str,
    new: &mut Value,
    old: &Value,
    subresource: Option<&str>,
) {
    let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object()) else {
        return;
    };
    match subresource {
        None => main_update(group, kind, new, old),
        Some("status") => status_update(group, kind, new, old),
        Some("finalize") => keep(new, old, "status"),
        Some("approval") => approval(new, old),
        Some("ephemeralcontainers") => pod::keep_all_but(new, old, false, |new, spec| {
            match new
                .get("spec")
                .and_then(|spec| spec.get("ephemeralContainers"))
            {
                Some(containers) => {
                    spec.insert("ephemeralContainers".to_owned(), containers.clone())
                }
                None => spec.remove("ephemeralContainers"),
            };
        }),
        Some("resize") => pod::keep_all_but(new, old, true, pod::resized),
        Some(_) => {}
    }
}

/// Forgets fields behind gates that are off: no stored object has them.
fn drop_disabled(group: &str, kind: &str, object: &mut Object) {
    if matches!(
        group,
        "" | "apps" | "batch" | "coordination.k8s.io" | "storage.k8s.io" | "resource.k8s.io"
    ) {
        gates::drop_disabled(kind, object);
    }
}

fn main_update(group: &str, kind: &str, new: &mut Object, old: &Object) {
    if resets_status(group, kind) {
        keep(new, old, "status");
    }
    drop_disabled(group, kind, new);
    match (group, kind) {
        ("", "Namespace") => {
            if let (Some(new), Some(old)) = (
                ensure(new, "spec"),
                old.get("spec").and_then(Value::as_object),
            ) {
                keep(new, old, "finalizers");
            }
        }
        ("", "ServiceAccount") => secret_references(new),
        ("", "Secret") if text(new, "type").is_empty() => keep(new, old, "type"),
        ("", "PersistentVolumeClaim") => {
            let old_spec = old.get("spec").and_then(Value::as_object);
            if let Some(spec) = child(new, "spec") {
                data_sources(spec, old_spec);
            }
        }
        ("", "Service") => service::drop_type_dependent(new, old),
        ("apps", "DaemonSet") => template_generation(new, Some(old)),
        ("certificates.k8s.io", "CertificateSigningRequest") => keep(new, old, "spec"),
        ("discovery.k8s.io", "EndpointSlice") => drop_topology(new, Some(old)),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => stored_versions(new),
        _ => {}
    }
}

fn status_update(group: &str, kind: &str, new: &mut Object, old: &Object) {
    keep(new, old, "spec");
    if (group, kind) == ("resource.k8s.io", "ResourceClaim") {
        claim::drop_deallocated_devices(new, old);
    }
    match (group, kind) {
        ("", "Pod") => pod::status_update(new, old),
        ("apps", "Deployment") => keep_metadata(new, old, &["labels"]),
        ("apps", "DaemonSet") => keep_template_generation(new, old),
        ("flowcontrol.apiserver.k8s.io", _) => keep_metadata_but_managed_fields(new, old),
        ("admissionregistration.k8s.io" | "resource.k8s.io" | "storagemigration.k8s.io", _)
        | ("networking.k8s.io", "ServiceCIDR")
        | ("storage.k8s.io", "VolumeAttachment")
        | ("certificates.k8s.io", "PodCertificateRequest") => {
            keep_metadata(
                new,
                old,
                &[
                    "labels",
                    "annotations",
                    "finalizers",
                    "ownerReferences",
                    "deletionTimestamp",
                ],
            );
        }
        _ => {}
    }
}

/// The status of a new object: Go's zero value with what the strategy sets; `None` where create keeps the client's.
fn new_status(group: &str, version: &str, kind: &str, object: &Object) -> Option<Value> {
    if !resets_status(group, kind) || (group, kind) == ("", "Node") {
        return None;
    }
    let status = match (group, kind) {
        ("", "Namespace") => json!({"phase": "Active"}),
        ("", "Pod" | "PersistentVolumeClaim") => json!({"phase": "Pending"}),
        ("", "PersistentVolume") => {
            let created = object
                .get("metadata")
                .and_then(|metadata| metadata.get("creationTimestamp"));
            match created.filter(|created| !created.is_null()) {
                Some(created) => json!({"phase": "Pending", "lastPhaseTransitionTime": created}),
                None => json!({"phase": "Pending"}),
            }
        }
        ("", "Service") | ("networking.k8s.io", "Ingress") => json!({"loadBalancer": {}}),
        ("", "ReplicationController") | ("apps", "ReplicaSet") => json!({"replicas": 0}),
        ("apps", "StatefulSet") => json!({"replicas": 0, "availableReplicas": 0}),
        ("apps", "DaemonSet") => json!({
            "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}),
        ("autoscaling", "HorizontalPodAutoscaler") if version == "v1" => {
            json!({"currentReplicas": 0, "desiredReplicas": 0})
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            json!({"desiredReplicas": 0, "currentMetrics": null})
        }
        ("policy", "PodDisruptionBudget") => {
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0})
        }
        ("storage.k8s.io", "VolumeAttachment") => json!({"attached": false}),
        ("apiregistration.k8s.io", "APIService") => available(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null})
        }
        _ => json!({}),
    };
    Some(status)
}

/// What the server itself serves is there as soon as somebody says so; of another server its own controller has to say it.
fn available(object: &Object) -> Value {
    let at = |object: &Object, within: &str, key: &str| {
        let inner = object.get(within).and_then(|inner| inner.get(key));
        inner.filter(|value| !value.is_null()).cloned()
    };
    if at(object, "spec", "service").is_some() {
        return json!({});
    }
    let since = at(object, "metadata", "creationTimestamp");
    json!({"conditions": [{
        "type": "Available", "status": "True", "lastTransitionTime": since, "reason": "Local",
        "message": "Local APIServices are always available",
    }]})
}

/// Whether the main endpoint of a kind ignores `status`.
pub fn resets_status(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        (
            "",
            "Pod"
                | "Namespace"
                | "Node"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
                | "ReplicationController"
                | "ResourceQuota"
                | "Service"
        ) | (
            "apps",
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet"
        ) | ("batch", "Job" | "CronJob")
            | ("autoscaling", "HorizontalPodAutoscaler")
            | ("policy", "PodDisruptionBudget")
            | ("networking.k8s.io", "Ingress" | "ServiceCIDR")
            | ("storage.k8s.io", "VolumeAttachment")
            | (
                "flowcontrol.apiserver.k8s.io",
                "FlowSchema" | "PriorityLevelConfiguration"
            )
            | ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")
            | (
                "certificates.k8s.io",
                "CertificateSigningRequest" | "PodCertificateRequest"
            )
            | ("resource.k8s.io", "ResourceClaim" | "DeviceTaintRule")
            | ("storagemigration.k8s.io", "StorageVersionMigration")
            | ("apiregistration.k8s.io", "APIService")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// Takes `key` from the old object: its value or its absence.
fn keep(new: &mut Object, old: &Object, key: &str) {
    match old.get(key) {
        // Most of the time it is what it was: to look is cheaper than to copy.
        Some(value) if new.get(key) == Some(value) => {}
        Some(value) => {
            new.insert(key.to_owned(), value.clone());
        }
        None => {
            new.remove(key);
        }
    }
}

fn keep_metadata(new: &mut Object, old: &Object, keys: &[&str]) {
    if let (Some(new), Some(old)) = (
        child(new, "metadata"),
        old.get("metadata").and_then(Value::as_object),
    ) {
        for key in keys {
            keep(new, old, key);
        }
    }
}

/// The status endpoints of flow control keep all of `metadata` except the bookkeeping of this very request.
fn keep_metadata_but_managed_fields(new: &mut Object, old: &Object) {
    let managed = new
        .get("metadata")
        .and_then(|metadata| metadata.get("managedFields"))
        .cloned();
    keep(new, old, "metadata");
    if let (Some(metadata), Some(managed)) = (child(new, "metadata"), managed) {
        metadata.insert("managedFields".to_owned(), managed);
    }
}

fn namespace(object: &mut Object) {
    let Some(spec) = ensure(object, "spec") else {
        return;
    };
    let mut finalizers = spec
        .get("finalizers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == "kubernetes") {
        finalizers.push(json!("kubernetes"));
    }
    spec.insert("finalizers".to_owned(), finalizers.into());
}

/// Of the secrets a service account lists only the names count.
fn secret_references(object: &mut Object) {
    crate::builtin::edit::each(object, "secrets", |reference| {
        reference.retain(|key, _| key == "name");
    });
}

/// `dataSource` and `dataSourceRef` describe the same thing; garbage in the old field is dropped (KEP-1495).
fn data_sources(spec: &mut Object, old: Option<&Object>) {
    let set = |spec: &Object, key: &str| spec.get(key).is_some_and(|value| !value.is_null());
    // Sources in other namespaces are a feature that is off by default.
    let elsewhere = spec.get("dataSourceRef").is_some_and(|reference| {
        let namespace = reference.get("namespace").and_then(Value::as_str);
        namespace.is_some_and(|namespace| !namespace.is_empty())
    });
    if elsewhere && !old.is_some_and(|old| set(old, "dataSourceRef")) {
        spec.remove("dataSourceRef");
    }
    let in_use = old.is_some_and(|old| set(old, "dataSource") || set(old, "dataSourceRef"));
    if !in_use && !set(spec, "dataSourceRef") {
        let known = spec.get("dataSource").is_some_and(|source| {
            let kind = source
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let group = source
                .get("apiGroup")
                .and_then(Value::as_str)
                .unwrap_or_default();
            matches!(
                (kind, group),
                ("PersistentVolumeClaim", "") | ("VolumeSnapshot", "snapshot.storage.k8s.io")
            )
        });
        if !known {
            spec.remove("dataSource");
        }
    }
    if set(spec, "dataSource") && !set(spec, "dataSourceRef") {
        let source = spec.get("dataSource").cloned().unwrap_or_default();
        spec.insert("dataSourceRef".to_owned(), source);
    } else if set(spec, "dataSourceRef") && !set(spec, "dataSource") {
        let reference = spec.get("dataSourceRef").cloned().unwrap_or_default();
        let namespace = reference
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let (Value::Object(mut source), "") = (reference.clone(), namespace) {
            source.remove("namespace");
            spec.insert("dataSource".to_owned(), source.into());
        }
    }
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// apps/v1 carries a DaemonSet's template generation in an annotation: it counts changes of the template.
fn template_generation(new: &mut Object, old: Option<&Object>) {
    let read = |object: &Object| {
        let annotations = object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let text = annotations
            .and_then(|annotations| annotations.get(TEMPLATE_GENERATION))
            .and_then(Value::as_str);
        text.and_then(|text| text.parse::<i64>().ok())
            .unwrap_or_default()
    };
    let template = |object: &Object| {
        object
            .get("spec")
            .and_then(|spec| spec.get("template"))
            .cloned()
    };
    let generation = match old {
        None => read(new).max(1),
        Some(old) if template(old) == template(new) => read(old),
        Some(old) => read(old) + 1,
    };
    if let Some(annotations) =
        ensure(new, "metadata").and_then(|metadata| ensure(metadata, "annotations"))
    {
        annotations.insert(
            TEMPLATE_GENERATION.to_owned(),
            generation.to_string().into(),
        );
    }
}

fn keep_template_generation(new: &mut Object, old: &Object) {
    let annotations = |object: &Object| {
        object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"))
            .cloned()
    };
    if let Some(value) =
        annotations(old).and_then(|annotations| annotations.get(TEMPLATE_GENERATION).cloned())
        && let Some(annotations) =
            ensure(new, "metadata").and_then(|metadata| ensure(metadata, "annotations"))
    {
        annotations.insert(TEMPLATE_GENERATION.to_owned(), value);
    }
}

/// `deprecatedTopology` cannot be written through v1, except by leaving the endpoints as they are.
fn drop_topology(new: &mut Object, old: Option<&Object>) {
    if old.is_none_or(|old| old.get("endpoints") != new.get("endpoints")) {
        crate::builtin::edit::each(new, "endpoints", |endpoint| {
            endpoint.remove("deprecatedTopology");
        });
    }
}

fn stored_versions(object: &mut Object) {
    let versions = object
        .get("spec")
        .and_then(|spec| spec.get("versions"))
        .and_then(Value::as_array);
    let stored = versions.and_then(|versions| {
        versions
            .iter()
            .find(|version| version.get("storage") == Some(&json!(true)))
    });
    let Some(name) = stored.and_then(|version| version.get("name")).cloned() else {
        return;
    };
    let Some(status) = ensure(object, "status") else {
        return;
    };
    let mut names = status
        .get("storedVersions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if !names.contains(&name) {
        names.push(name);
    }
    status.insert("storedVersions".to_owned(), names.into());
}

/// `/approval` of a certificate request changes its conditions only.
fn approval(new: &mut Object, old: &Object) {
    let conditions = new
        .get("status")
        .and_then(|status| status.get("conditions"))
        .cloned();
    keep(new, old, "spec");
    keep(new, old, "status");
    if let (Some(status), Some(conditions)) = (ensure(new, "status"), conditions) {
        status.insert("conditions".to_owned(), conditions);
    }
}
