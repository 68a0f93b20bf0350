//! Defaults of the built-in kinds, as `pkg/apis/*/v1/defaults.go`, the generated defaulters and the conversions
//! between served and internal versions set them. Objects are normalised, so an absent field is Go's zero value.

mod admission;
mod autoscaling;
mod core;

mod groups;
mod pod;
mod resources;
mod volumes;
mod workloads;

use serde_json::Value;

use super::edit;

/// Sets every default that kube-apiserver sets when it decodes an object of this kind.
/// `group` is empty for the core group. Kinds without defaults, and unknown kinds, stay as they are.
pub fn apply(group: &str, version: &str, kind: &str, object: &mut Value) {
    match group {
        "" => core::apply(kind, object),
        "apps" | "batch" => workloads::apply(kind, object),
        "autoscaling" => autoscaling::apply(version, kind, object),
        "admissionregistration.k8s.io" => admission::apply(kind, object),
        "apiextensions.k8s.io"
        | "apiregistration.k8s.io"
        | "discovery.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "networking.k8s.io"
        | "rbac.authorization.k8s.io"
        | "resource.k8s.io"
        | "scheduling.k8s.io"
        | "storage.k8s.io"
        | "authentication.k8s.io" => groups::apply(kind, object),
        _ => {}
    }
}

/// Defaults of a pod template (`metadata` and `spec`) inside a workload.
pub fn pod_template(template: &mut Value) {
    if let Some(template) = template.as_object_mut() {
        edit::set(template, "metadata", serde_json::json!({}));
        edit::set(template, "spec", serde_json::json!({}));
    }
    if let Some(spec) = edit::at(template, "/spec") {
        pod::spec(spec);
    }
}
