//! Validation of the core group other than pods, services and nodes (`pkg/apis/core/validation`).

mod claims;
mod config;
mod endpoints;
mod limits;
mod quota;
mod sources;
mod volumes;

pub use claims::claim_spec;
pub(super) use volumes::inline as inline_volume;

use super::common::{always_restarting, label_map, mismatch, not_negative};
use super::names::NameRule;
use super::read::{At, Errors};
use super::{apps, meta, node, pod, service};

/// The rest of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    match kind {
        "ConfigMap" => config::config_map(object, errors),
        "Secret" => config::secret(object, errors),
        "Service" => service::create(object, errors),
        "PodTemplate" => pod::template(&object.child("template"), errors),
        "ReplicationController" => replication_controller(&object.child("spec"), errors),
        "Namespace" => {
            let finalizers = object.child("spec").child("finalizers");
            for finalizer in finalizers.items() {
                namespace_finalizer(&finalizer.moved(finalizers.path()), errors);
            }
        }
        "Node" => node::create(object, errors),
        "Endpoints" => endpoints::endpoints(object, None, errors),
        "LimitRange" => limits::limit_range(object, errors),
        "ResourceQuota" => {
            quota::spec(&object.child("spec"), errors);
            quota::status(&object.child("status"), errors);
        }
        "PersistentVolumeClaim" => claim_spec(&object.child("spec"), errors),
        "PersistentVolume" => volumes::volume(object, errors),
        _ => {}
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if kind == "Pod" {
        pod::update(new, old, errors);
        return;
    }
    match kind {
        "LimitRange" | "PersistentVolume" | "Namespace" | "Node" => {
            meta::builtin_create(new, NameRule::of("", kind), kind == "LimitRange", errors);
            create(kind, new, errors);
        }
        _ => meta::builtin_update(new, old, errors),
    }
    match kind {
        "ConfigMap" => config::config_map_update(new, old, errors),
        "Secret" => config::secret_update(new, old, errors),
        "Service" => service::update(new, old, errors),
        "Namespace" => meta::builtin_update(new, old, errors),
        "Node" => {
            meta::builtin_update(new, old, errors);
            node::update(new, old, errors);
        }
        "PersistentVolumeClaim" => claims::claim_update(new, old, errors),
        "PersistentVolume" => volumes::update(new, old, errors),
        "ResourceQuota" => quota::update(new, old, errors),
        "Endpoints" => {
            meta::builtin_create(new, NameRule::Subdomain, true, errors);
            endpoints::endpoints(new, Some(old), errors);
        }
        "ServiceAccount" => meta::builtin_create(new, NameRule::Subdomain, true, errors),
        "PodTemplate" | "ReplicationController" => create(kind, new, errors),
        _ => {}
    }
}

/// An update through `/status`.
pub fn status_update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if kind == "Pod" {
        pod::status_update(new, old, errors);
        return;
    }
    meta::builtin_update(new, old, errors);
    let status = new.child("status");
    match kind {
        "Namespace" => {
            let phase = status.renamed("phase", "Phase");
            let deleting = new.child("metadata").child("deletionTimestamp").is_set();
            let (expected, state) = if deleting {
                ("Terminating", "is not empty")
            } else {
                ("Active", "is empty")
            };
            if phase.text() != expected {
                let detail = format!("may only be '{expected}' if `deletionTimestamp` {state}");
                errors.push(phase.invalid_as(phase.text(), detail));
            }
        }
        "Node" => node::update(new, old, errors),
        "Service" => service::load_balancer_status(new, errors),
        "ReplicationController" => apps::replica_status(&status, errors),
        "ResourceQuota" => quota::status(&status, errors),
        "PersistentVolumeClaim" => claims::status(&status, errors),
        _ => {}
    }
}

/// An update of a namespace through `/finalize`.
pub fn finalize_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    for finalizer in new.child("spec").child("finalizers").items() {
        namespace_finalizer(&finalizer, errors);
    }
}

fn namespace_finalizer(finalizer: &At<'_>, errors: &mut Errors) {
    finalizer.complain(crate::names::label_key(finalizer.text()), errors);
    let known = matches!(
        finalizer.text(),
        "kubernetes" | "orphan" | "foregroundDeletion"
    );
    if !finalizer.text().contains('/') && !known {
        errors.push(
            finalizer
                .invalid("name is neither a standard finalizer name nor is it fully qualified"),
        );
    }
}

fn replication_controller(spec: &At<'_>, errors: &mut Errors) {
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    spec.child("minReadySeconds").not_negative(errors);
    if selector.is_empty() {
        errors.push(selector.required(""));
    }
    if spec.child("replicas").is_set() {
        not_negative(spec, &["replicas"], errors);
    } else {
        errors.push(spec.child("replicas").required(""));
    }
    if !template.is_set() {
        errors.push(template.required(""));
        return;
    }
    let labels = template.child("metadata").child("labels");
    let (wanted, own) = (label_map(&selector), label_map(&labels));
    if !wanted
        .iter()
        .all(|(key, value)| own.get(key) == Some(value))
    {
        mismatch(&labels, errors);
    }
    pod::template(&template, errors);
    always_restarting(&template, "ReplicationController", errors);
}
