//! `PersistentVolumeClaims`. Volumes are in `volumes`.

use serde_json::{Map, Value, json};

use crate::builtin::validation::pod::quantity_value;
use crate::builtin::validation::read::{At, Errors, same, same_fields};
use crate::builtin::validation::{FieldError, diff, internal, meta};
use crate::names;
use crate::quantity::Quantity;

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
pub(super) const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
const IMMUTABLE: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/// The spec of a claim, also inside templates.
pub fn claim_spec(spec: &At<'_>, errors: &mut Errors) {
    let modes = spec.child("accessModes");
    if modes.is_empty() {
        errors.push(modes.required("at least 1 access mode is required"));
    }
    meta::label_selector(&spec.child("selector"), errors);
    access_modes(&modes, errors);
    let storage = spec.child("resources").child("requests").child("storage");
    let storage = storage.moved(format!("{}[storage]", spec.child("resources").path()));
    if storage.is_set() {
        positive("storage", &storage, errors);
    } else {
        errors.push(storage.required(""));
    }
    for key in ["storageClassName", "volumeMode"] {
        let field = spec.child(key);
        if key == "volumeMode" && field.is_set() && !VOLUME_MODES.contains(&field.text()) {
            errors.push(field.not_supported(&VOLUME_MODES));
        } else if key == "storageClassName" && !field.is_empty() {
            field.complain(names::dns1123_subdomain(field.text()), errors);
        }
    }
    data_sources(spec, errors);
    let class = spec.child("volumeAttributesClassName");
    if !class.is_empty() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
}

/// Known modes, of which one is for a volume alone.
pub(super) fn access_modes(modes: &At<'_>, errors: &mut Errors) {
    let (mut single, mut other) = (false, false);
    for mode in modes.items() {
        let known = ACCESS_MODES.contains(&mode.text());
        if !known {
            errors.push(mode.moved(modes.path()).not_supported(&ACCESS_MODES));
        }
        single |= mode.text() == "ReadWriteOncePod";
        other |= known && mode.text() != "ReadWriteOncePod";
    }
    if single && other {
        errors.push(modes.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

fn positive(name: &str, at: &At<'_>, errors: &mut Errors) {
    match Quantity::parse(at.text()) {
        Ok(quantity) if quantity.sign() <= 0 => {
            errors.push(at.invalid("must be greater than zero"));
        }
        _ => quantity_value(name, at, errors),
    }
}

fn data_sources(spec: &At<'_>, errors: &mut Errors) {
    let (source, reference) = (spec.child("dataSource"), spec.child("dataSourceRef"));
    for at in [&source, &reference] {
        if at.is_set() {
            data_source(at, errors);
        }
    }
    let namespace = reference.child("namespace");
    if !namespace.is_empty() {
        namespace.complain(names::dns1123_label(namespace.text()), errors);
    }
    let name = |at: &At<'_>| ["apiGroup", "kind", "name"].map(|key| at.child(key).value().clone());
    let detail = if !namespace.is_empty() && source.is_set() {
        "may not be specified when dataSourceRef.namespace is specified"
    } else if namespace.is_empty()
        && source.is_set()
        && reference.is_set()
        && name(&source) != name(&reference)
    {
        "must match dataSourceRef"
    } else {
        return;
    };
    errors.push(spec.invalid_as(super::super::BadValue::Json("{}".to_owned()), detail));
}

fn data_source(source: &At<'_>, errors: &mut Errors) {
    for key in ["name", "kind"] {
        if source.child(key).is_empty() {
            errors.push(source.child(key).required(""));
        }
    }
    let (group, kind) = (source.child("apiGroup"), source.child("kind"));
    if group.is_empty() {
        if kind.text() != "PersistentVolumeClaim" {
            let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            errors.push(source.invalid_as(kind.text(), detail));
        }
    } else {
        group.complain(names::dns1123_subdomain(group.text()), errors);
    }
}

/// An updated claim: bound ones may ask for more.
pub fn claim_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_create(new, super::NameRule::Subdomain, true, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    claim_spec(&spec, errors);
    let (Some(now), Some(before)) = (spec.map(), old_spec.map()) else {
        return;
    };
    let (mut now, mut before) = (now.clone(), before.clone());
    if old_spec.child("volumeName").is_empty() {
        take(&mut before, &now, "volumeName");
    }
    if !old_spec.child("storageClassName").is_set() && spec.child("storageClassName").is_set() {
        now.remove("storageClassName");
    }
    if new.child("status").child("phase").text() == "Bound" {
        let size = old_spec
            .child("resources")
            .child("requests")
            .child("storage")
            .value()
            .clone();
        if let Some(requests) = now
            .get_mut("resources")
            .and_then(|resources| resources.get_mut("requests"))
            .filter(|requests| !requests.is_null())
        {
            // A map that was sent empty is kept as an empty list.
            match requests.as_object_mut() {
                Some(requests) => _ = requests.insert("storage".to_owned(), size),
                None => *requests = json!({"storage": size}),
            }
        }
        take(&mut now, &before, "volumeAttributesClassName");
    }
    if !same_fields(&now, &before) {
        let pretty = |spec: Map<String, Value>| {
            internal::to_json_pretty("core.PersistentVolumeClaimSpec", &Value::Object(spec))
        };
        let difference = diff::unified(&pretty(before), &pretty(now));
        errors.push(spec.forbidden(format!("{IMMUTABLE}\n{difference}")));
    }
    // What isn't there is 0.
    let size = |at: &At<'_>| {
        let size = Quantity::parse(at.child("storage").text());
        size.or_else(|_| Quantity::parse("0")).ok()
    };
    let requested = size(&spec.child("resources").child("requests"));
    let smaller = requested < size(&old_spec.child("resources").child("requests"));
    let capacity = size(&old.child("status").child("capacity"));
    if smaller && requested <= capacity {
        let path = spec.child("resources").child("requests").child("storage");
        errors.push(path.forbidden("field can not be less than status.capacity"));
    }
    let mode = spec.child("volumeMode");
    if !same(mode.value(), old_spec.child("volumeMode").value()) {
        errors.push(
            mode.moved("volumeMode")
                .invalid_as(mode.dump("*string"), "field is immutable"),
        );
    }
}

fn take(target: &mut Map<String, Value>, source: &Map<String, Value>, key: &str) {
    match source.get(key) {
        Some(value) => target.insert(key.to_owned(), value.clone()),
        None => target.remove(key),
    };
}

const RESIZE_STATUSES: [&str; 5] = [
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

/// The status of a claim: how large it is and becomes.
pub fn status(status: &At<'_>, errors: &mut Errors) {
    for (_, size) in status.child("capacity").entries() {
        basic_resource(&size, errors);
    }
    let statuses = status.child("allocatedResourceStatuses");
    for (key, value) in statuses.entries() {
        resource_key(&statuses, key, errors);
        if !RESIZE_STATUSES.contains(&value.text()) {
            errors.push(FieldError::not_supported(
                statuses.path(),
                key,
                &RESIZE_STATUSES,
            ));
        }
    }
    let allocated = status.child("allocatedResources");
    for (key, size) in allocated.entries() {
        let before = errors.len();
        resource_key(&allocated, key, errors);
        if errors.len() == before {
            basic_resource(&size, errors);
        }
        if errors.len() == before {
            quantity_value("storage", &size, errors);
        }
    }
}

/// Of the resources of Kubernetes' own, storage alone.
fn resource_key(map: &At<'_>, key: &str, errors: &mut Errors) {
    let complaints = names::label_key(key);
    if complaints.is_empty() && (!key.contains('/') || key.contains("kubernetes.io/")) {
        if key != "storage" {
            errors.push(FieldError::not_supported(map.path(), key, &["storage"]));
        }
        return;
    }
    for complaint in complaints {
        errors.push(map.invalid_as(key, complaint));
    }
}

/// A size that is not negative.
pub(super) fn basic_resource(size: &At<'_>, errors: &mut Errors) {
    let value = Quantity::parse(size.text()).map_or(0, |size| size.value());
    if value < 0 {
        errors.push(size.invalid_as(value, "must be a valid resource quantity"));
    }
}

#[test]
fn a_bound_claim_may_be_sent_with_no_requests_at_all() {
    let claim = |requests: Value| {
        let resources = json!({"requests": requests});
        json!({"metadata": {"name": "c", "namespace": "n", "resourceVersion": "1"}, "status": {"phase": "Bound"},
            "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "v", "resources": resources}})
    };
    // A map that was sent empty.
    let (old, new) = (claim(json!({"storage": "1Gi"})), claim(json!([])));
    let mut errors = Errors::new();
    claim_update(&At::new("", &new), &At::new("", &old), &mut errors);
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "spec.resources[storage]: Required value",
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
        ]
    );
}
