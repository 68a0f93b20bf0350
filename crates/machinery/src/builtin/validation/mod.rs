//! Validation of the built-in kinds with kube-apiserver's texts and order (`pkg/apis/*/validation`).
//!
//! Objects are normalised, defaulted and prepared (`strategy`). Kinds without rules of their own here have their
//! metadata checked. Errors that need other objects (allocation of addresses, quotas, …) are the server's.

mod admission;
mod api_service;
mod apps;
mod autoscaling;
mod batch;
mod bindings;
mod common;
mod core;
mod diff;
mod error;
mod events;
mod flow;
mod groups;
mod internal;
pub mod meta;
mod mutation;
mod names;
mod net;
mod networking;
mod node;
mod pod;
mod policies;
mod rbac;
mod read;
mod resource;
mod service;
mod storage;
pub mod warnings;

pub use error::{Allowance, BadValue, ErrorKind, FieldError};
pub use names::NameRule;
pub use read::same;
use read::{At, Errors};
use serde_json::Value;

use crate::ordered::distinct;
use crate::schema::TypeTable;

/// Errors of a service's addresses and families alone, which are looked at before any is allocated.
#[must_use]
pub fn service_addresses(service: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    service::addresses(&At::new("", service), &mut errors);
    errors
}

/// Errors of a new object after defaulting and `strategy::prepare_for_create`; empty when it is valid.
#[must_use]
pub fn validate_create(group: &str, version: &str, kind: &str, object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let at = At::new("", object);
    let namespaced = is_namespaced(group, version, kind);
    match (group, kind) {
        ("batch", "Job") => batch::job_create(&at, &mut errors),
        ("" | "events.k8s.io", "Event") => events::create(group, &at, &mut errors),
        ("", "Pod") => pod::create(&at, &mut errors),
        ("rbac.authorization.k8s.io", _) => rbac::create(kind, &at, &mut errors),
        ("policy", "PodDisruptionBudget") => {
            autoscaling::disruption_budget(&at.child("spec"), &mut errors);
        }
        ("autoscaling", "Scale") => autoscaling::scale(&at, &mut errors),
        ("apiregistration.k8s.io", _) => api_service::create(&at, &mut errors),
        _ => {
            meta::builtin_create(&at, NameRule::of(group, kind), namespaced, &mut errors);
            create_rest(group, kind, &at, &mut errors);
        }
    }
    meta::drop_finalizers(group, &mut errors);
    if errors.is_empty() {
        meta::path_names(&at, namespaced, &mut errors);
    }
    errors
}

/// Errors of an event, new or changed, that came through events.k8s.io and is in its stored form, that of core v1.
#[must_use]
pub fn validate_strict_event(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let new = At::new("", new);
    let old = old.map(|old| At::new("", old));
    if let Some(old) = &old {
        meta::common_update(&new, old, true, &mut errors);
    }
    events::strict(&new, old.as_ref(), &mut errors);
    if old.is_none() && errors.is_empty() {
        meta::path_names(&new, true, &mut errors);
    }
    errors
}

/// Errors of where a conversion webhook is (`clientConfig`), with paths below `path`.
#[must_use]
pub fn validate_webhook_client(path: &str, config: &Value) -> Vec<FieldError> {
    let (mut errors, at) = (Errors::new(), At::new(path, config));
    admission::client(&at, &mut errors);
    errors
}

/// Errors of the certificates a webhook is trusted by (`caBundle` of a `clientConfig`), with paths below `path`.
#[must_use]
pub fn validate_webhook_trust(path: &str, config: &Value) -> Vec<FieldError> {
    let (mut errors, at) = (Errors::new(), At::new(path, config));
    admission::ca_bundle(&at.child("caBundle"), &mut errors);
    errors
}

/// Whether an `AppArmor` profile would be let through as a field.
#[must_use]
pub fn is_app_armor_profile(profile: &Value) -> bool {
    let mut errors = Errors::new();
    pod::app_armor(&At::new("", profile), &mut errors);
    errors.is_empty()
}

/// Errors of labels, with `path` as their field.
#[must_use]
pub fn validate_labels(path: &str, labels: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    meta::labels(&At::new(path, labels), &mut errors);
    errors
}

/// Errors of annotations, with `path` as their field.
#[must_use]
pub fn validate_annotations(path: &str, annotations: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    meta::annotations(&At::new(path, annotations), &mut errors);
    errors
}

fn create_rest(group: &str, kind: &str, object: &At<'_>, errors: &mut Errors) {
    match group {
        "" => core::create(kind, object, errors),
        "apps" => apps::create(kind, object, errors),
        "batch" => batch::cron_job_create(object, errors),
        "autoscaling" => autoscaling::autoscaler(&object.child("spec"), errors),
        "networking.k8s.io" => networking::create(kind, object, errors),
        "storage.k8s.io" => storage::create(kind, object, errors),
        "resource.k8s.io" => resource::create(kind, object, errors),
        "flowcontrol.apiserver.k8s.io" => flow::object(kind, object, errors),
        _ => groups::create(kind, object, errors),
    }
}

/// Errors of an update through the main endpoint, after `strategy::prepare_for_update`. What the server checks for all
/// kinds comes first, so one wrong field of metadata may be reported twice; [`message`] says it once.
#[must_use]
pub fn validate_update(
    group: &str,
    version: &str,
    kind: &str,
    new: &Value,
    old: &Value,
) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let (new, old) = (At::new("", new), At::new("", old));
    let namespaced = is_namespaced(group, version, kind);
    meta::common_update(&new, &old, namespaced, &mut errors);
    match (group, kind) {
        ("" | "events.k8s.io", "Event") => events::update(group, &new, &old, &mut errors),
        ("", _) => core::update(kind, &new, &old, &mut errors),
        ("apps", _) => apps::update(kind, &new, &old, &mut errors),
        ("batch", "Job") => batch::job_update(&new, &old, &mut errors),
        ("batch", "CronJob") => batch::cron_job_update(&new, &old, &mut errors),
        ("autoscaling", "Scale") => autoscaling::scale(&new, &mut errors),
        ("autoscaling", _) => {
            meta::builtin_update(&new, &old, &mut errors);
            autoscaling::autoscaler(&new.child("spec"), &mut errors);
        }
        ("policy", "PodDisruptionBudget") => {
            autoscaling::disruption_budget(&new.child("spec"), &mut errors);
        }
        ("networking.k8s.io", _) => networking::update(kind, &new, &old, &mut errors),
        ("rbac.authorization.k8s.io", _) => rbac::update(kind, &new, &old, &mut errors),
        _ => update_rest((group, kind), &new, &old, namespaced, &mut errors),
    }
    meta::drop_finalizers(group, &mut errors);
    errors
}

fn update_rest(
    (group, kind): (&str, &str),
    new: &At<'_>,
    old: &At<'_>,
    namespaced: bool,
    errors: &mut Errors,
) {
    match group {
        "storage.k8s.io" => storage::update(kind, new, old, namespaced, errors),
        "resource.k8s.io" => resource::update(kind, new, old, namespaced, errors),
        "flowcontrol.apiserver.k8s.io" => {
            meta::builtin_create(new, NameRule::of(group, kind), namespaced, errors);
            flow::object(kind, new, errors);
        }
        "apiregistration.k8s.io" => {
            meta::builtin_update(new, old, errors);
            api_service::create(new, errors);
        }
        "admissionregistration.k8s.io" => {
            meta::builtin_create(new, NameRule::of(group, kind), namespaced, errors);
            admission::configuration(kind, new, errors);
        }
        _ => groups::update(kind, new, old, namespaced, errors),
    }
}

/// Errors of an update of a pod through `/ephemeralcontainers` or `/resize`, after `strategy::prepare_for_update`.
#[must_use]
pub fn validate_pod_part_update(subresource: &str, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let (new, old) = (At::new("", new), At::new("", old));
    meta::common_update(&new, &old, true, &mut errors);
    if subresource == "resize" {
        pod::resize(&new, &old, &mut errors);
    } else {
        pod::ephemeral_containers(&new, &old, &mut errors);
    }
    errors
}

/// Errors of an update through `/status`, after `strategy::prepare_for_update`.
#[must_use]
pub fn validate_status_update(
    group: &str,
    version: &str,
    kind: &str,
    new: &Value,
    old: &Value,
) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let (new, old) = (At::new("", new), At::new("", old));
    meta::common_update(&new, &old, is_namespaced(group, version, kind), &mut errors);
    let status = new.child("status");
    match (group, kind) {
        ("", _) => core::status_update(kind, &new, &old, &mut errors),
        ("apps", _) => apps::status_update(kind, &new, &old, &mut errors),
        ("batch", "Job") => batch::job_status_update(&new, &old, &mut errors),
        ("batch", _) => {}
        ("policy", "PodDisruptionBudget") => {
            autoscaling::disruption_budget_status(&status, &mut errors);
        }
        ("autoscaling", _) => {
            meta::builtin_update(&new, &old, &mut errors);
            autoscaling::autoscaler_status(&status, &mut errors);
        }
        ("networking.k8s.io", "Ingress") => {
            meta::builtin_update(&new, &old, &mut errors);
            networking::ingress_status(&new, &mut errors);
        }
        ("storage.k8s.io", "VolumeAttachment") => {
            storage::attachment_update(&new, &old, &mut errors);
        }
        ("resource.k8s.io", "ResourceClaim") => resource::status_update(&new, &old, &mut errors),
        ("flowcontrol.apiserver.k8s.io", _) => flow::status(&status, &mut errors),
        ("apiregistration.k8s.io", _) => {
            meta::builtin_update(&new, &old, &mut errors);
            api_service::status(&status, &mut errors);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            policies::status_update(&new, &mut errors);
        }
        _ => meta::builtin_update(&new, &old, &mut errors),
    }
    meta::drop_finalizers(group, &mut errors);
    errors
}

/// Errors of an update of a Namespace through `/finalize`.
#[must_use]
pub fn validate_finalize_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let (new, old) = (At::new("", new), At::new("", old));
    meta::common_update(&new, &old, false, &mut errors);
    core::finalize_update(&new, &old, &mut errors);
    errors
}

/// Errors of a pod template (`metadata`, `spec`) found at `path`, for kinds that embed one.
#[must_use]
pub fn pod_template(template: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Errors::new();
    pod::template(&At::new(path, template), &mut errors);
    errors
}

/// Errors of a `LabelSelector` found at `path`.
#[must_use]
pub fn label_selector(selector: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Errors::new();
    meta::label_selector(&At::new(path, selector), &mut errors);
    errors
}

/// All errors as a Status message has them: one alone, several in brackets, each text once.
pub fn message(errors: &[FieldError]) -> String {
    let texts = distinct(errors.iter().map(ToString::to_string).collect());
    match texts.as_slice() {
        [only] => only.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

fn is_namespaced(group: &str, version: &str, kind: &str) -> bool {
    let resources = TypeTable::builtin().resources().iter();
    let mut found = resources.filter(|resource| {
        // What tells most first.
        resource.kind == kind && resource.group == group && resource.version == version
    });
    found.next().is_none_or(|resource| resource.namespaced)
}
