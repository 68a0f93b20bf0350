//! What happens to an object on its way into the store, kind by kind: preparation, validation, its stored form.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::builtin::validation::{self, BadValue, FieldError};
use machinery::builtin::{defaults, strategy};
use machinery::decode::{Empties, number};
use machinery::ordered::{ByValue, are_first};
use machinery::{meta, pointer, time};
use serde_json::Value;

use super::ApiServer;
use super::facts;
use super::registry::Served;
use super::resource::known;
use super::{body, certificates, custom};
use crate::status_error::ApiError;

/// What nobody is shown of a Service that only is another name, and was defaulted before it became one
/// (`pkg/registry/core/service/storage/storage.go`).
fn drop_unread(served: &Served, object: &mut Value) {
    if served.resource != known::SERVICES {
        return;
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && spec.get("type").and_then(Value::as_str) == Some("ExternalName")
    {
        spec.remove("internalTrafficPolicy");
    }
}

/// Etcd refuses larger values.
const OBJECT_LIMIT: usize = 1_572_864;

/// 500 if the object is too large to be stored.
pub(crate) fn check_size(object: &Value) -> Result<(), ApiError> {
    // A cheap lower bound first: most objects are small.
    fn weight(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len() + 2,
            Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
            Value::Object(fields) => {
                fields
                    .iter()
                    .map(|(key, value)| key.len() + 4 + weight(value))
                    .sum::<usize>()
                    + 2
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        }
    }
    if weight(object) > OBJECT_LIMIT {
        return Err(ApiError::internal("etcdserver: request is too large"));
    }
    Ok(())
}

/// Drops repeated owner references with a Warning that says `when` they were there.
pub(crate) fn deduplicate_owners(object: &mut Value, when: &str, warnings: &mut Vec<String>) {
    let metadata = object.get_mut("metadata");
    let owners = metadata.and_then(|metadata| metadata.get_mut("ownerReferences"));
    let Some(owners) = owners.and_then(Value::as_array_mut) else {
        return;
    };
    let first = are_first(owners.iter().map(ByValue));
    let again = owners.iter().zip(&first).filter(|(_, first)| !**first);
    let uids = again.map(|(owner, _)| pointer::text(owner, "/uid").to_owned());
    let repeated: BTreeSet<String> = uids.collect();
    if !repeated.is_empty() {
        let mut first = first.into_iter();
        owners.retain(|_| first.next().unwrap_or(true));
        let uids: Vec<String> = repeated.into_iter().collect();
        warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            uids.join(", ")
        ));
    }
}

/// The form an object comes back in from etcd. A built-in one is without empty lists, and defaulted once more, which matters
/// for what preparation filled in (a Job takes the labels of its template); floats without a fraction of a custom one are
/// integers, as they are written.
///
/// Returns how it is read again.
pub(crate) fn stored_form(served: &Served, object: &mut Value) -> Reading {
    if served.type_id().is_none() {
        return if number::settle(object) {
            Reading::Otherwise
        } else {
            Reading::Alike
        };
    }
    let resource = &served.resource;
    if strategy::as_stored(&resource.group, &resource.kind, object) {
        return Reading::Otherwise;
    }
    if *resource == known::JOBS {
        let labelled = |job: &Value| job.pointer("/metadata/labels").is_some();
        let before = labelled(object);
        defaults::apply(&resource.group, &resource.version, &resource.kind, object);
        return if labelled(object) == before {
            Reading::Alike
        } else {
            Reading::Filled
        };
    }
    // The phase of a new claim.
    if *resource == known::PERSISTENT_VOLUME_CLAIMS {
        return Reading::Filled;
    }
    Reading::Alike
}

/// How an object is read that was stored. One that isn't read as it was stored is written by the next update, if nothing else
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As it was stored.
    Alike,
    /// With what defaults fill in, if it is new.
    Filled,
    /// As something else: a zero without its sign, none of the bytes for a null.
    Otherwise,
}

/// What an object was sent with that is empty, as far as the endpoint takes it and it is handled in the version it came in.
pub(crate) fn standing_empties(
    (requested, served): (&Arc<Served>, &Arc<Served>),
    subresource: &str,
    mut empty: Empties,
) -> Empties {
    if empty.is_empty() {
        return empty;
    }
    let resource = &served.resource;
    let reset = strategy::resets_status(&resource.group, &resource.kind);
    // Definitions are looked at as documents of their own.
    let definition = *resource == known::CUSTOM_RESOURCE_DEFINITIONS;
    let same = Arc::ptr_eq(requested, served) && !definition;
    empty.retain(|key| match subresource {
        "" => same && (key != "status" || !reset),
        "status" => same && key == "status",
        _ => false,
    });
    empty
}

/// Resets what a client may not write and fills in what follows from the object.
pub(crate) fn prepare_create(served: &Served, object: &mut Value, warnings: &mut Vec<String>) {
    let resource = &served.resource;
    if *resource == known::PODS {
        warnings.extend(strategy::carry_over_app_armor(object));
    }
    match served.custom() {
        None => {
            strategy::prepare_for_create(
                &resource.group,
                &resource.version,
                &resource.kind,
                object,
            );
            drop_unread(served, object);
        }
        Some(version) => {
            if let (true, Some(fields)) = (version.status, object.as_object_mut()) {
                fields.remove("status");
            }
        }
    }
    if *resource == known::CUSTOM_RESOURCE_DEFINITIONS {
        custom::prepare_definition(object, None);
    }
    if *resource == known::NAMESPACES {
        let name = meta::name(object).to_owned();
        meta::set_label(object, "kubernetes.io/metadata.name", &name);
    }
    if let Some(generation) = facts::first_generation(served) {
        meta::set_generation(object, generation);
    }
}

/// Takes from the old object what this endpoint may not change.
pub(crate) fn prepare_update(served: &Served, subresource: &str, new: &mut Value, old: &Value) {
    let resource = &served.resource;
    let Some(custom) = served.custom() else {
        let subresource = Some(subresource)
            .filter(|subresource| !subresource.is_empty() && *subresource != "scale");
        strategy::prepare_for_update(
            &resource.group,
            &resource.version,
            &resource.kind,
            new,
            old,
            subresource,
        );
        if *resource == known::CUSTOM_RESOURCE_DEFINITIONS && subresource.is_none() {
            custom::prepare_definition(new, Some(old));
        }
        drop_unread(served, new);
        return;
    };
    if subresource == "status" {
        let status = new.get("status").cloned();
        let owners = new.pointer("/metadata/managedFields").cloned();
        *new = old.clone();
        set_or_remove(new, "status", status);
        match owners {
            Some(owners) => meta::set(new, "managedFields", owners),
            None => {
                meta::metadata_mut(new).remove("managedFields");
            }
        }
    } else if custom.status {
        set_or_remove(new, "status", old.get("status").cloned());
    }
}

fn set_or_remove(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(fields) = object.as_object_mut() {
        match value {
            Some(value) => fields.insert(key.to_owned(), value),
            None => fields.remove(key),
        };
    }
}

/// Times that an object gets where it says none: taints of devices are as old as the write that brings them.
pub(crate) fn default_times(served: &Served, object: &mut Value, now: Timestamp) {
    if served.resource.group != "resource.k8s.io" || served.resource.kind != "ResourceSlice" {
        return;
    }
    let devices = object
        .pointer_mut("/spec/devices")
        .and_then(Value::as_array_mut);
    let taints = devices.into_iter().flatten().filter_map(|device| {
        let taints = device.get_mut("taints")?;
        taints.as_array_mut()
    });
    for taint in taints.flatten().filter_map(Value::as_object_mut) {
        let added = taint.entry("timeAdded").or_insert(Value::Null);
        if added.is_null() {
            *added = Value::from(time::rfc3339(now));
        }
    }
}

/// When a volume came into its phase, where the one who writes its status doesn't say so.
pub(crate) fn note_phase(
    served: &Served,
    subresource: &str,
    new: &mut Value,
    old: &Value,
    now: Timestamp,
) {
    const SINCE: &str = "lastPhaseTransitionTime";
    let resource = &served.resource;
    let volume = resource.group.is_empty() && resource.kind == "PersistentVolume";
    if !volume || subresource != "status" {
        return;
    }
    let at = |object: &Value, key: &str| {
        let found = object.get("status").and_then(|status| status.get(key));
        found.filter(|value| !value.is_null()).cloned()
    };
    let (given, had) = (at(new, SINCE), at(old, SINCE));
    let since = if at(new, "phase") == at(old, "phase") {
        given.or(had)
    } else if given.is_none() || given == had {
        Some(Value::from(time::rfc3339(now)))
    } else {
        given
    };
    let status = new.get_mut("status").and_then(Value::as_object_mut);
    if let (Some(status), Some(since)) = (status, since) {
        status.insert(SINCE.to_owned(), since);
    }
}

/// Whether objects of that resource are events that came through their own group, which asks more of them.
fn are_strict_events(requested: &Served) -> bool {
    requested.resource.group == "events.k8s.io"
}

/// Errors of a new object, in its stored version if it is a built-in one.
pub(crate) fn validate_create(
    (requested, served): (&Served, &Served),
    object: &Value,
    warnings: &mut Vec<String>,
) -> Vec<FieldError> {
    let resource = &served.resource;
    if let Some(custom) = served.custom() {
        let mut errors = body::custom_type_errors(served, object);
        if !errors.is_empty() {
            custom.validate_structure(object, None, &mut errors, warnings);
            return errors;
        }
        errors.extend(validation::meta::validate_custom_resource_meta(
            object,
            None,
            resource.namespaced,
        ));
        errors.extend(custom.validate(object, None, warnings));
        if errors.is_empty() {
            warnings.extend(custom::finalizer_warnings(object, None));
        }
        return errors;
    }
    if are_strict_events(requested) {
        return validation::validate_strict_event(object, None);
    }
    let mut errors =
        validation::validate_create(&resource.group, &resource.version, &resource.kind, object);
    if *resource == known::CUSTOM_RESOURCE_DEFINITIONS {
        errors.extend(custom::validate_definition(object, None));
    }
    if certificates::are_requests(served) {
        errors.extend(certificates::validate("", object, None));
    }
    if errors.is_empty() {
        if *resource == known::CUSTOM_RESOURCE_DEFINITIONS {
            warnings.extend(custom::format_warnings(object, None));
        }
        warnings.extend(validation::warnings::on_create(
            &resource.group,
            &resource.kind,
            object,
        ));
    }
    errors
}

impl ApiServer {
    /// Errors that count here. Where pods are processes of this computer, their endpoints are loopback addresses, which
    /// nobody but the server's own controllers may set; others may leave them where they are.
    pub(crate) fn standing(
        &self,
        served: &Served,
        old: Option<&Value>,
        is_own: bool,
        errors: Vec<FieldError>,
    ) -> Vec<FieldError> {
        let endpoints = [known::ENDPOINTS, known::ENDPOINT_SLICES].contains(&served.resource);
        if !endpoints || self.options.containers.is_none() {
            return errors;
        }
        let there = |address: &BadValue| match address {
            BadValue::Text(address) => old.is_some_and(|old| mentions(old, address)),
            BadValue::Omitted | BadValue::Json(_) => false,
        };
        errors
            .into_iter()
            .filter(|error| {
                let loopback = error.detail.starts_with("may not be in the loopback range");
                !(loopback && (is_own || there(&error.bad_value)))
            })
            .collect()
    }
}

/// Whether a text stands anywhere in a value.
fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Errors of an updated object.
pub(crate) fn validate_update(
    (requested, served): (&Served, &Served),
    subresource: &str,
    new: &Value,
    old: &Value,
    warnings: &mut Vec<String>,
) -> Vec<FieldError> {
    let resource = &served.resource;
    let (group, version, kind) = (&resource.group, &resource.version, &resource.kind);
    if let Some(custom) = served.custom() {
        let mut errors = body::custom_type_errors(served, new);
        if !errors.is_empty() {
            let namespaced = resource.namespaced;
            let mut common = validation::meta::validate_updated_meta(new, old, namespaced);
            common.append(&mut errors);
            custom.validate_structure(new, Some(old), &mut common, warnings);
            return common;
        }
        errors.extend(validation::meta::validate_custom_resource_meta(
            new,
            Some(old),
            resource.namespaced,
        ));
        errors.extend(if subresource == "status" {
            custom.validate_status(new, old, warnings)
        } else {
            custom.validate(new, Some(old), warnings)
        });
        if errors.is_empty() {
            warnings.extend(custom::finalizer_warnings(new, Some(old)));
        }
        return errors;
    }
    if are_strict_events(requested) {
        return validation::validate_strict_event(new, Some(old));
    }
    if certificates::are_requests(served) {
        let mut errors = validation::validate_status_update(group, version, kind, new, old);
        errors.extend(certificates::validate(subresource, new, Some(old)));
        return errors;
    }
    if subresource == "status" {
        let errors = validation::validate_status_update(group, version, kind, new, old);
        if errors.is_empty() {
            warnings.extend(validation::warnings::on_status_update(group, kind, new));
        }
        return errors;
    }
    if *resource == known::NAMESPACES && subresource == "finalize" {
        return validation::validate_finalize_update(new, old);
    }
    if *resource == known::PODS && matches!(subresource, "ephemeralcontainers" | "resize") {
        return validation::validate_pod_part_update(subresource, new, old);
    }
    if matches!(subresource, "finalize" | "approval" | "binding") {
        return Vec::new();
    }
    let mut errors = validation::validate_update(group, version, kind, new, old);
    if *resource == known::CUSTOM_RESOURCE_DEFINITIONS {
        errors.extend(custom::validate_definition(new, Some(old)));
    }
    if errors.is_empty() {
        if *resource == known::CUSTOM_RESOURCE_DEFINITIONS {
            warnings.extend(custom::format_warnings(new, Some(old)));
        }
        warnings.extend(validation::warnings::on_update(group, kind, new, old));
    }
    errors
}

/// Whether an update removes the last thing that kept a terminating object.
pub(crate) fn deletes(served: &Served, new: &Value, old: &Value) -> bool {
    let finalizers = |pointer: &str| {
        new.pointer(pointer)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    meta::deletion_timestamp(old).is_some()
        && meta::deletion_grace_period_seconds(old).unwrap_or(0) == 0
        && !finalizers("/metadata/finalizers")
        && !(served.resource == known::NAMESPACES && finalizers("/spec/finalizers"))
}
