//! Defaults of the core group other than pods' (`pkg/apis/core/v1/defaults.go`).

use serde_json::{Map, Value, json};

use super::{pod, pod_template, resources, volumes};
use crate::builtin::edit::{at, child, each, ensure, set, set_zero, text};

type Object = Map<String, Value>;

/// Sets the defaults of a core kind.
pub fn apply(kind: &str, object: &mut Value) {
    match kind {
        "Pod" => return pod::pod(object),
        "PodTemplate" => return object.get_mut("template").map_or((), pod_template),
        "ReplicationController" => return replication_controller(object),
        _ => {}
    }
    let Some(object) = object.as_object_mut() else {
        return;
    };
    match kind {
        "Secret" => secret(object),
        "Service" => service(object),
        "Endpoints" => each(object, "subsets", |subset| {
            each(subset, "ports", |port| set_zero(port, "protocol", "TCP"));
        }),
        "Namespace" => namespace(object),
        "Node" => node(object),
        "PersistentVolume" => persistent_volume(object),
        "PersistentVolumeClaim" => volumes::claim(object),
        "LimitRange" => {
            if let Some(spec) = child(object, "spec") {
                each(spec, "limits", limit);
            }
        }
        "ResourceQuota" => {
            for part in ["spec", "status"] {
                if let Some(part) = child(object, part) {
                    resources::round(part, "hard");
                    resources::round(part, "used");
                }
            }
        }
        _ => {}
    }
}

fn replication_controller(object: &mut Value) {
    let labels = object
        .pointer("/spec/template/metadata/labels")
        .filter(|labels| labels.is_object())
        .cloned();
    if let (Some(spec), Some(labels)) = (at(object, "/spec"), &labels) {
        set(spec, "selector", labels.clone());
    }
    if let (Some(metadata), Some(labels)) = (at(object, "/metadata"), labels) {
        set(metadata, "labels", labels);
    }
    if let Some(spec) = at(object, "/spec") {
        set(spec, "replicas", 1);
        if let Some(template) = spec.get_mut("template") {
            pod_template(template);
        }
    }
}

/// `stringData` is write-only: it ends in `data`, base64 encoded.
fn secret(object: &mut Object) {
    use base64::Engine as _;
    set_zero(object, "type", "Opaque");
    let Some(Value::Object(texts)) = object.remove("stringData") else {
        return;
    };
    if let Some(data) = ensure(object, "data") {
        for (key, value) in texts {
            let bytes = value.as_str().unwrap_or_default();
            data.insert(
                key,
                base64::engine::general_purpose::STANDARD
                    .encode(bytes)
                    .into(),
            );
        }
    }
}

fn service(object: &mut Object) {
    let Some(spec) = ensure(object, "spec") else {
        return;
    };
    set_zero(spec, "sessionAffinity", "None");
    match text(spec, "sessionAffinity") {
        "None" => {
            spec.remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let seconds = spec
                .get("sessionAffinityConfig")
                .and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
            if seconds.is_none_or(Value::is_null) {
                spec.insert(
                    "sessionAffinityConfig".to_owned(),
                    json!({"clientIP": {"timeoutSeconds": 10800}}),
                );
            }
        }
        _ => {}
    }
    set_zero(spec, "type", "ClusterIP");
    each(spec, "ports", |port| {
        set_zero(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or(json!(0));
        set_zero(port, "targetPort", number);
    });
    let kind = text(spec, "type").to_owned();
    let external_ips = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|ips| !ips.is_empty());
    if kind == "LoadBalancer" || kind == "NodePort" || (kind == "ClusterIP" && external_ips) {
        set_zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
        if let Some(balancer) =
            child(object, "status").and_then(|status| child(status, "loadBalancer"))
        {
            each(balancer, "ingress", |ingress| {
                if !text(ingress, "ip").is_empty() {
                    set(ingress, "ipMode", "VIP");
                }
            });
        }
    }
}

fn namespace(object: &mut Object) {
    if let Some(metadata) = child(object, "metadata") {
        let name = text(metadata, "name").to_owned();
        if !name.is_empty()
            && let Some(labels) = ensure(metadata, "labels")
        {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
        }
    }
    ensure(object, "spec");
    if let Some(status) = ensure(object, "status") {
        set_zero(status, "phase", "Active");
    }
}

fn node(object: &mut Object) {
    if let Some(spec) = child(object, "spec") {
        node_cidrs(spec);
    }
    if let Some(status) = child(object, "status") {
        if let Some(capacity) = status.get("capacity").cloned() {
            set(status, "allocatable", capacity);
        }
        resources::round(status, "capacity");
        resources::round(status, "allocatable");
    }
}

/// `podCIDR` is the first of `podCIDRs` in the internal type, and counts where both are given and differ.
fn node_cidrs(spec: &mut Object) {
    let first = spec
        .get("podCIDRs")
        .and_then(|cidrs| cidrs.pointer("/0"))
        .cloned();
    match (spec.get("podCIDR").cloned(), first) {
        (Some(cidr), first) if cidr != "" && Some(&cidr) != first.as_ref() => {
            spec.insert("podCIDRs".to_owned(), json!([cidr]));
        }
        (_, Some(cidr)) => {
            spec.insert("podCIDR".to_owned(), cidr);
        }
        (_, None) => {}
    }
}

fn persistent_volume(object: &mut Object) {
    if let Some(status) = ensure(object, "status") {
        set_zero(status, "phase", "Pending");
    }
    if let Some(spec) = child(object, "spec") {
        set_zero(spec, "persistentVolumeReclaimPolicy", "Retain");
        set(spec, "volumeMode", "Filesystem");
        resources::round(spec, "capacity");
        volumes::persistent_source(spec);
    }
}

/// Limits of containers: the default limit comes from `max`, the default request from it and from `min`.
fn limit(item: &mut Object) {
    if text(item, "type") == "Container" {
        fill(item, "default", "max");
        fill(item, "defaultRequest", "default");
        fill(item, "defaultRequest", "min");
    }
    for list in [
        "max",
        "min",
        "default",
        "defaultRequest",
        "maxLimitRequestRatio",
    ] {
        resources::round(item, list);
    }
}

fn fill(item: &mut Object, target: &str, source: &str) {
    let Some(quantities) = item.get(source).and_then(Value::as_object).cloned() else {
        return;
    };
    if let Some(list) = ensure(item, target) {
        for (name, quantity) in quantities {
            set(list, &name, quantity);
        }
    }
}
