//! Facts about kinds that decide how the server treats them (`pkg/registry/*/*/strategy.go` and `storage.go`).

use super::registry::Served;

/// What a client may do with a kind, and what the server keeps for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `metadata.generation` is counted by the server.
    pub generation: bool,
    /// A PUT without resourceVersion overwrites.
    pub unconditional_update: bool,
    /// A PUT of an absent object creates it.
    pub create_on_update: bool,
    /// DELETE answers the object instead of a Status.
    pub returns_deleted: bool,
    /// Dependents are orphaned unless the request says otherwise.
    pub orphans_by_default: bool,
    /// The collector ignores the kind.
    pub not_collected: bool,
}

/// The facts of a resource.
pub(crate) fn facts(served: &Served) -> Facts {
    let resource = &served.resource;
    if served.custom().is_some() {
        return Facts {
            generation: true,
            unconditional_update: false,
            create_on_update: false,
            returns_deleted: false,
            orphans_by_default: false,
            not_collected: false,
        };
    }
    let (group, kind) = (resource.group.as_ref(), resource.kind.as_ref());
    Facts {
        generation: has_generation(group, kind),
        unconditional_update: !needs_resource_version(group, kind),
        create_on_update: matches!(
            (group, kind),
            ("", "Service" | "Endpoints" | "LimitRange")
                | (_, "Event")
                | ("coordination.k8s.io", _)
                | ("rbac.authorization.k8s.io", _)
                | ("node.k8s.io", "RuntimeClass")
        ),
        returns_deleted: matches!(
            (group, kind),
            (
                "",
                "Pod"
                    | "PodTemplate"
                    | "Service"
                    | "ServiceAccount"
                    | "ResourceQuota"
                    | "PersistentVolume"
                    | "PersistentVolumeClaim"
                    | "Namespace"
            ) | (
                "storage.k8s.io",
                "StorageClass"
                    | "CSIDriver"
                    | "CSINode"
                    | "VolumeAttachment"
                    | "VolumeAttributesClass"
            ) | ("resource.k8s.io", _)
        ),
        orphans_by_default: matches!(
            (group, kind),
            ("", "ReplicationController") | ("batch", "Job")
        ),
        not_collected: kind == "Event",
    }
}

fn has_generation(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Pod" | "PodTemplate" | "ReplicationController"),
        "apps" => kind != "ControllerRevision",
        "batch"
        | "discovery.k8s.io"
        | "admissionregistration.k8s.io"
        | "flowcontrol.apiserver.k8s.io" => true,
        "apiextensions.k8s.io" | "scheduling.k8s.io" | "policy" => true,
        "networking.k8s.io" => matches!(kind, "Ingress" | "IngressClass" | "NetworkPolicy"),
        "resource.k8s.io" => matches!(kind, "ResourceSlice" | "DeviceClass"),
        _ => false,
    }
}

fn needs_resource_version(group: &str, kind: &str) -> bool {
    match group {
        "coordination.k8s.io"
        | "policy"
        | "admissionregistration.k8s.io"
        | "apiextensions.k8s.io" => true,
        "node.k8s.io" | "apiregistration.k8s.io" => true,
        "storage.k8s.io" => matches!(
            kind,
            "CSIDriver" | "CSIStorageCapacity" | "VolumeAttachment" | "CSINode"
        ),
        _ => false,
    }
}

/// Parts of an object, beside `spec`, whose change raises the generation of a built-in kind, and the whole rule.
pub(crate) fn raises_generation(
    served: &Served,
    old: &serde_json::Value,
    new: &serde_json::Value,
) -> bool {
    let differs = |pointer: &str| old.pointer(pointer) != new.pointer(pointer);
    if let Some(custom) = served.custom() {
        let rest = |object: &serde_json::Value| {
            let fields = object.as_object().into_iter().flatten();
            fields
                .filter(|(key, _)| {
                    key.as_str() != "metadata" && !(custom.status && key.as_str() == "status")
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<Vec<_>>()
        };
        return rest(old) != rest(new);
    }
    match (
        served.resource.group.as_ref(),
        served.resource.kind.as_ref(),
    ) {
        ("", "PodTemplate") => differs("/template"),
        ("apps", "Deployment") => differs("/spec") || differs("/metadata/annotations"),
        ("discovery.k8s.io", _) => {
            differs("/metadata/labels") || without_metadata(old) != without_metadata(new)
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => differs("/webhooks"),
        ("scheduling.k8s.io", _) => false,
        _ => differs("/spec"),
    }
}

fn without_metadata(object: &serde_json::Value) -> Vec<(&String, &serde_json::Value)> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.as_str() != "metadata")
        .collect()
}
