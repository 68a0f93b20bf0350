//! Facts about kinds that decide how the server treats them (`pkg/registry/*/*/strategy.go` and `storage.go`).

use machinery::builtin::validation::same;
use serde_json::Value;

use super::registry::Served;

static NOTHING: Value = Value::Null;

/// Group and kind of a built-in resource.
fn builtin(served: &Served) -> Option<(&str, &str)> {
    served.type_id().map(|_| {
        (
            served.resource.group.as_ref(),
            served.resource.kind.as_ref(),
        )
    })
}

/// `metadata.generation` is counted by the server.
pub(crate) fn counts_generation(served: &Served) -> bool {
    let Some((group, kind)) = builtin(served) else {
        return true;
    };
    match group {
        "" => matches!(kind, "Pod" | "PodTemplate" | "ReplicationController"),
        "apps" => kind != "ControllerRevision",
        "networking.k8s.io" => matches!(kind, "Ingress" | "IngressClass" | "NetworkPolicy"),
        "resource.k8s.io" => matches!(kind, "ResourceSlice" | "DeviceClass"),
        "storage.k8s.io" => kind == "CSIDriver",
        _ => matches!(
            group,
            "batch"
                | "discovery.k8s.io"
                | "admissionregistration.k8s.io"
                | "flowcontrol.apiserver.k8s.io"
                | "apiextensions.k8s.io"
                | "scheduling.k8s.io"
                | "policy"
        ),
    }
}

/// The generation of a new object: some kinds get one only once they change.
pub(crate) fn first_generation(served: &Served) -> Option<i64> {
    let later = builtin(served) == Some(("storage.k8s.io", "CSIDriver"));
    (counts_generation(served) && !later).then_some(1)
}

/// A PUT without resourceVersion overwrites.
pub(crate) fn unconditional_update(served: &Served) -> bool {
    let Some((group, kind)) = builtin(served) else {
        return false;
    };
    match group {
        "storage.k8s.io" => !matches!(
            kind,
            "CSIDriver" | "CSIStorageCapacity" | "VolumeAttachment" | "CSINode"
        ),
        _ => !matches!(
            group,
            "coordination.k8s.io"
                | "policy"
                | "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "node.k8s.io"
                | "apiregistration.k8s.io"
        ),
    }
}

/// A PUT of an absent object creates it.
pub(crate) fn create_on_update(served: &Served) -> bool {
    builtin(served).is_some_and(|(group, kind)| match group {
        "" => matches!(kind, "Service" | "Endpoints" | "LimitRange" | "Event"),
        _ => matches!(
            group,
            "events.k8s.io" | "coordination.k8s.io" | "rbac.authorization.k8s.io" | "node.k8s.io"
        ),
    })
}

/// DELETE answers the object instead of a Status.
pub(crate) fn answers_deleted(served: &Served) -> bool {
    builtin(served).is_some_and(|(group, kind)| {
        returns_deleted(group, kind) || (group, kind) == ("", "Namespace")
    })
}

/// DELETE of that built-in kind is said to answer the object.
pub(crate) fn returns_deleted(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(
            kind,
            "Pod"
                | "PodTemplate"
                | "Service"
                | "ServiceAccount"
                | "ResourceQuota"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
        ),
        "storage.k8s.io" => kind != "CSIStorageCapacity",
        _ => group == "resource.k8s.io",
    }
}

/// Dependents are orphaned unless the request says otherwise.
pub(crate) fn orphans_by_default(served: &Served) -> bool {
    matches!(
        builtin(served),
        Some(("", "ReplicationController") | ("batch", "Job"))
    )
}

/// The collector looks after the kind.
pub(crate) fn is_collected(served: &Served) -> bool {
    !matches!(builtin(served), Some((_, "Event")))
}

/// Whether an update raises the generation, where there is one.
pub(crate) fn raises_generation(served: &Served, old: &Value, new: &Value) -> bool {
    let differs = |pointer: &str| {
        let (old, new) = (old.pointer(pointer), new.pointer(pointer));
        !same(old.unwrap_or(&NOTHING), new.unwrap_or(&NOTHING))
    };
    // By Go's `reflect.DeepEqual`, for which what is empty isn't nil.
    let differs_at_all = |pointer: &str| old.pointer(pointer) != new.pointer(pointer);
    if let Some(custom) = served.custom() {
        return rest(old, custom.status) != rest(new, custom.status);
    }
    match (
        served.resource.group.as_ref(),
        served.resource.kind.as_ref(),
    ) {
        ("", "PodTemplate") => differs("/template"),
        ("apps", "Deployment") => differs("/spec") || differs("/metadata/annotations"),
        ("discovery.k8s.io", _) => {
            let labels = |slice: &Value| slice.pointer("/metadata/labels").and_then(filled);
            let rest = |slice: &Value| {
                let rest = rest(slice, false).into_iter();
                let rest = rest.filter_map(|(key, value)| Some((key.clone(), filled(value)?)));
                rest.collect::<Vec<_>>()
            };
            labels(old) != labels(new) || rest(old) != rest(new)
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => differs_at_all("/webhooks"),
        ("networking.k8s.io", "NetworkPolicy") => differs_at_all("/spec"),
        ("scheduling.k8s.io", _) => false,
        _ => differs("/spec"),
    }
}

/// A value without empty lists and objects, which are as good as none (`apiequality.Semantic`).
fn filled(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().map(filled).collect()),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.filter_map(|(key, value)| Some((key.clone(), filled(value)?)));
            let fields: serde_json::Map<String, Value> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

/// All of an object but its metadata, and its status if that is left out.
fn rest(object: &Value, without_status: bool) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| {
            key.as_str() != "metadata" && !(without_status && key.as_str() == "status")
        })
        .collect()
}

/// What the server says about kinds of its own that have a successor, or none.
pub(super) fn deprecated(served: &Served) -> Option<&'static str> {
    match (
        served.resource.group.as_ref(),
        served.resource.kind.as_ref(),
    ) {
        ("", "Endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        }
        ("", "ComponentStatus") => Some("v1 ComponentStatus is deprecated in v1.19+"),
        _ => None,
    }
}
