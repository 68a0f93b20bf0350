//! Defaults of the groups with few of them: apiextensions, apiregistration, authentication, discovery, flowcontrol, networking, rbac,
//! resource, scheduling and storage. Kind names do not repeat among these groups.

use serde_json::{Map, Value, json};

use super::{resources, volumes};
use crate::builtin::edit::{at, child, each, ensure, set, set_zero, text};

type Object = Map<String, Value>;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Sets the defaults of a kind of one of these groups.
pub fn apply(kind: &str, object: &mut Value) {
    match kind {
        "CustomResourceDefinition" => custom_resource_definition(object),
        "EndpointSlice" => with(object, "", |slice| {
            each(slice, "ports", |port| {
                set(port, "name", "");
                set(port, "protocol", "TCP");
            });
        }),
        "APIService" => with(object, "/spec/service", |service| set(service, "port", 443)),
        "FlowSchema" => with(object, "/spec", |spec| {
            set_zero(spec, "matchingPrecedence", 1000);
        }),
        "PriorityLevelConfiguration" => with(object, "/spec", priority_level),
        "NetworkPolicy" => with(object, "/spec", network_policy),
        "IngressClass" => with(object, "/spec/parameters", |parameters| {
            set(parameters, "scope", "Cluster");
        }),
        "RoleBinding" | "ClusterRoleBinding" => with(object, "", binding),
        "PriorityClass" => with(object, "", |class| {
            set(class, "preemptionPolicy", "PreemptLowerPriority");
        }),
        "StorageClass" => with(object, "", |class| {
            set(class, "reclaimPolicy", "Delete");
            set(class, "volumeBindingMode", "Immediate");
        }),
        "CSIDriver" => with(object, "/spec", csi_driver),
        "VolumeAttachment" => with(object, "/spec/source/inlineVolumeSpec", |spec| {
            resources::round(spec, "capacity");
            volumes::persistent_source(spec);
        }),
        "ResourceClaim" => with(object, "/spec/devices", devices),
        "ResourceClaimTemplate" => with(object, "/spec/spec/devices", devices),
        "TokenRequest" => with(object, "/spec", |spec| set(spec, "expirationSeconds", 3600)),
        _ => {}
    }
}

fn with(object: &mut Value, pointer: &str, edit: impl FnOnce(&mut Object)) {
    if let Some(part) = at(object, pointer) {
        edit(part);
    }
}

fn custom_resource_definition(object: &mut Value) {
    let stored = object
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .and_then(|versions| {
            versions
                .iter()
                .find(|version| version.get("storage") == Some(&Value::Bool(true)))
        })
        .and_then(|version| version.get("name").cloned());
    with(object, "/spec", |spec| {
        if let Some(names) = ensure(spec, "names") {
            let kind = text(names, "kind").to_owned();
            if !kind.is_empty() {
                set_zero(names, "singular", kind.to_lowercase());
                set_zero(names, "listKind", format!("{kind}List"));
            }
        }
        set(spec, "conversion", json!({"strategy": "None"}));
        if let Some(service) = child(spec, "conversion")
            .and_then(|conversion| child(conversion, "webhook"))
            .and_then(|webhook| child(webhook, "clientConfig"))
            .and_then(|config| child(config, "service"))
        {
            set(service, "port", 443);
        }
    });
    if let (Some(object), Some(stored)) = (object.as_object_mut(), stored)
        && let Some(status) = ensure(object, "status")
    {
        let empty = status
            .get("storedVersions")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty);
        if empty {
            status.insert("storedVersions".to_owned(), json!([stored]));
        }
    }
}

fn priority_level(spec: &mut Object) {
    if let Some(limited) = child(spec, "limited") {
        set(limited, "nominalConcurrencyShares", 30);
        set(limited, "lendablePercent", 0);
        if let Some(queuing) =
            child(limited, "limitResponse").and_then(|response| child(response, "queuing"))
        {
            set_zero(queuing, "handSize", 8);
            set_zero(queuing, "queues", 64);
            set_zero(queuing, "queueLengthLimit", 50);
        }
    }
    if let Some(exempt) = child(spec, "exempt") {
        set(exempt, "nominalConcurrencyShares", 0);
        set(exempt, "lendablePercent", 0);
    }
}

fn network_policy(spec: &mut Object) {
    let has = |key: &str| {
        spec.get(key)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    if !has("policyTypes") {
        let types = if has("egress") {
            json!(["Ingress", "Egress"])
        } else {
            json!(["Ingress"])
        };
        spec.insert("policyTypes".to_owned(), types);
    }
    for direction in ["ingress", "egress"] {
        each(spec, direction, |rule| {
            each(rule, "ports", |port| set(port, "protocol", "TCP"));
        });
    }
}

fn binding(binding: &mut Object) {
    if let Some(role) = child(binding, "roleRef") {
        set_zero(role, "apiGroup", RBAC);
    }
    each(binding, "subjects", |subject| {
        if matches!(text(subject, "kind"), "User" | "Group") {
            set_zero(subject, "apiGroup", RBAC);
        }
    });
}

fn csi_driver(spec: &mut Object) {
    set(spec, "attachRequired", true);
    set(spec, "podInfoOnMount", false);
    set(spec, "storageCapacity", false);
    set(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    set(spec, "volumeLifecycleModes", json!(["Persistent"]));
    set(spec, "requiresRepublish", false);
    set(spec, "seLinuxMount", false);
}

fn devices(devices: &mut Object) {
    each(devices, "requests", |request| {
        if let Some(exactly) = child(request, "exactly") {
            device_request(exactly);
        }
        each(request, "firstAvailable", device_request);
    });
}

fn device_request(request: &mut Object) {
    set_zero(request, "allocationMode", "ExactCount");
    if text(request, "allocationMode") == "ExactCount" {
        set_zero(request, "count", 1);
    }
    each(request, "tolerations", |toleration| {
        set_zero(toleration, "operator", "Equal");
    });
}
