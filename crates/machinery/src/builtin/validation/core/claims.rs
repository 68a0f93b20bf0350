//! `PersistentVolumes` and `PersistentVolumeClaims`.

use serde_json::{Map, Value};

use crate::builtin::validation::pod::{node_selector, quantity_value};
use crate::builtin::validation::read::{At, Errors, same};
use crate::builtin::validation::{BadValue, FieldError, diff, internal, meta};
use crate::names;
use crate::quantity::Quantity;

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
const IMMUTABLE: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/// The fields of a `PersistentVolume` that name where it is.
const SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

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

fn access_modes(modes: &At<'_>, errors: &mut Errors) {
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
            .and_then(Value::as_object_mut)
        {
            requests.insert("storage".to_owned(), size);
        }
        take(&mut now, &before, "volumeAttributesClassName");
    }
    if now != before {
        let pretty = |spec: Map<String, Value>| {
            internal::to_json_pretty("core.PersistentVolumeClaimSpec", &Value::Object(spec))
        };
        let difference = diff::unified(&pretty(before), &pretty(now));
        errors.push(spec.forbidden(format!("{IMMUTABLE}\n{difference}")));
    }
    let size = |at: &At<'_>| Quantity::parse(at.child("storage").text()).ok();
    let requested = size(&spec.child("resources").child("requests"));
    let smaller = requested < size(&old_spec.child("resources").child("requests"));
    let capacity = size(&old.child("status").child("capacity"));
    if smaller
        && capacity.is_some_and(|capacity| requested.is_none_or(|requested| requested <= capacity))
    {
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

/// The spec of a `PersistentVolume`.
pub fn volume_spec(spec: &At<'_>, errors: &mut Errors) {
    let modes = spec.child("accessModes");
    if modes.is_empty() {
        errors.push(modes.required(""));
    }
    access_modes(&modes, errors);
    let capacity = spec.child("capacity");
    if capacity.is_empty() {
        errors.push(capacity.required(""));
    }
    let sizes = capacity.entries();
    if !capacity.key("storage").is_set() || sizes.len() > 1 {
        errors.push(FieldError::not_supported(
            capacity.path(),
            capacity.dump("map quantity"),
            &["storage"],
        ));
    }
    for (_, size) in sizes {
        let sign = Quantity::parse(size.text()).map_or(1, |size| size.sign());
        if sign < 0 {
            let shown = BadValue::Json(size.text().to_owned());
            errors.push(size.invalid_as(shown, "must be a valid resource quantity"));
        }
        if sign <= 0 {
            errors.push(size.invalid("must be greater than zero"));
        }
    }
    let policy = spec.child("persistentVolumeReclaimPolicy");
    if policy.text() == "Recycle" && spec.child("hostPath").child("path").text() == "/" {
        errors.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
    }
    if !policy.is_empty() && !["Delete", "Recycle", "Retain"].contains(&policy.text()) {
        errors.push(policy.not_supported(&["Delete", "Recycle", "Retain"]));
    }
    if let Some(affinity) = spec.child("nodeAffinity").set() {
        match affinity.child("required").set() {
            Some(required) => node_selector(&required, errors),
            None => errors.push(
                affinity
                    .child("required")
                    .required("must specify required node constraints"),
            ),
        }
    }
    volume_source(spec, errors);
    let class = spec.child("storageClassName");
    if !class.is_empty() {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
    let mode = spec.child("volumeMode");
    if mode.is_set() && !VOLUME_MODES.contains(&mode.text()) {
        errors.push(mode.not_supported(&VOLUME_MODES));
    }
}

fn volume_source(spec: &At<'_>, errors: &mut Errors) {
    let mut found = false;
    for key in SOURCES {
        let Some(source) = spec.child(key).set() else {
            continue;
        };
        if found {
            errors.push(source.forbidden("may not specify more than 1 volume type"));
            continue;
        }
        found = true;
        let path = source.child("path");
        match key {
            "hostPath" | "local" if path.is_empty() => errors.push(path.required("")),
            "csi" => {
                for key in ["driver", "volumeHandle"] {
                    if source.child(key).is_empty() {
                        errors.push(source.child(key).required(""));
                    }
                }
            }
            "nfs" => {
                for key in ["server", "path"] {
                    if source.child(key).is_empty() {
                        errors.push(source.child(key).required(""));
                    }
                }
                if !path.text().starts_with('/') {
                    errors.push(path.invalid_as(path.text(), "must be an absolute path"));
                }
            }
            _ => {}
        }
        if key == "local" && !spec.child("nodeAffinity").is_set() {
            errors.push(
                spec.child("nodeAffinity")
                    .required("Local volume requires node affinity"),
            );
        }
    }
    if !found {
        errors.push(spec.required("must specify a volume type"));
    }
}

/// An updated `PersistentVolume`: its source never changes.
pub fn volume_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_create(new, super::NameRule::Subdomain, false, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    volume_spec(&spec, errors);
    let source = |spec: &At<'_>| {
        let fields = SOURCES
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), spec.child(key).set()?.value().clone())));
        Value::Object(fields.collect())
    };
    let (now, before) = (source(&spec), source(&old_spec));
    if now != before {
        let pretty =
            |source: &Value| internal::to_json_pretty("core.PersistentVolumeSource", source);
        let difference = diff::unified(&pretty(&before), &pretty(&now));
        errors.push(FieldError::forbidden(
            "spec.persistentvolumesource",
            format!("spec.persistentvolumesource is immutable after creation\n{difference}"),
        ));
    }
    let mode = spec.child("volumeMode");
    if !same(mode.value(), old_spec.child("volumeMode").value()) {
        errors.push(
            mode.moved("volumeMode")
                .invalid_as(mode.dump("*string"), "field is immutable"),
        );
    }
    let affinity = spec.child("nodeAffinity");
    if old_spec.child("nodeAffinity").is_set()
        && affinity.value() != old_spec.child("nodeAffinity").value()
    {
        let value = affinity.dump("*core.VolumeNodeAffinity");
        errors.push(
            affinity
                .moved("nodeAffinity")
                .invalid_as(value, "field is immutable"),
        );
    }
}
