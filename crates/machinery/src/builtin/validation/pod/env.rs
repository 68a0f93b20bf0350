//! Environment variables and references to fields, resources, `ConfigMaps`, Secrets and files.

use crate::builtin::validation::meta;
use crate::builtin::validation::read::{At, Errors};
use crate::names;
use crate::quantity::Quantity;

const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields that volumes of the downward API may show.
pub const VOLUME_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const SIZES: [&str; 13] = [
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
];

/// `env` of a container.
pub fn variables(env: &At<'_>, errors: &mut Errors) {
    for variable in env.items() {
        let name = variable.child("name");
        if name.is_empty() {
            errors.push(name.required(""));
        } else {
            name.complain(names::relaxed_env_var_name(name.text()), errors);
        }
        value_from(&variable, errors);
    }
}

fn value_from(variable: &At<'_>, errors: &mut Errors) {
    let Some(source) = variable.child("valueFrom").set() else {
        return;
    };
    let mut sources = 0;
    if let Some(field) = source.child("fieldRef").set() {
        sources += 1;
        field_ref(&field, &FIELDS, errors);
    }
    if let Some(resource) = source.child("resourceFieldRef").set() {
        sources += 1;
        resource_field_ref(&resource, false, errors);
    }
    for key in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(reference) = source.child(key).set() {
            sources += 1;
            key_ref(&reference, errors);
        }
    }
    if let Some(file) = source.child("fileKeyRef").set() {
        sources += 1;
        file_ref(&file, errors);
    }
    let detail = match sources {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !variable.child("value").is_empty() => {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(source.invalid_as("", detail));
}

/// `envFrom` of a container.
pub fn sources(list: &At<'_>, errors: &mut Errors) {
    for source in list.items() {
        let prefix = source.child("prefix");
        if !prefix.is_empty() {
            prefix.complain(names::relaxed_env_var_name(prefix.text()), errors);
        }
        let mut sources = 0;
        for key in ["configMapRef", "secretRef"] {
            let Some(reference) = source.child(key).set() else {
                continue;
            };
            sources += 1;
            let name = reference.child("name");
            if name.is_empty() {
                errors.push(name.required(""));
            } else {
                name.complain(names::dns1123_subdomain(name.text()), errors);
            }
        }
        match sources {
            0 => errors
                .push(list.invalid_as("", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors
                .push(list.invalid_as("", "may not have more than one field specified at a time")),
        }
    }
}

fn key_ref(reference: &At<'_>, errors: &mut Errors) {
    let (name, key) = (reference.child("name"), reference.child("key"));
    name.complain(names::dns1123_subdomain(name.text()), errors);
    if key.is_empty() {
        errors.push(key.required(""));
    } else {
        key.complain(names::config_map_key(key.text()), errors);
    }
}

fn file_ref(reference: &At<'_>, errors: &mut Errors) {
    let (key, volume, path) = (
        reference.child("key"),
        reference.child("volumeName"),
        reference.child("path"),
    );
    if key.is_empty() {
        errors.push(key.required(""));
    } else {
        key.complain(names::relaxed_env_var_name(key.text()), errors);
    }
    if volume.is_empty() {
        errors.push(volume.required(""));
    } else {
        volume.complain(names::dns1123_label(volume.text()), errors);
    }
    if path.is_empty() {
        errors.push(path.required(""));
    } else {
        super::volumes::no_backsteps(&path, errors);
    }
}

/// A reference to a field of the pod itself.
pub fn field_ref(reference: &At<'_>, supported: &[&str], errors: &mut Errors) {
    let (version, path) = (reference.child("apiVersion"), reference.child("fieldPath"));
    for field in [&version, &path] {
        if field.is_empty() {
            errors.push(field.required(""));
            return;
        }
    }
    if version.text() != "v1" {
        let detail = format!(
            "error converting fieldPath: unsupported pod version: {}",
            version.text()
        );
        errors.push(path.invalid(detail));
        return;
    }
    let subscript = path
        .text()
        .strip_suffix("']")
        .and_then(|text| text.split_once("['"));
    match subscript {
        Some(("metadata.annotations", key)) => {
            for complaint in names::label_key(&key.to_lowercase()) {
                errors.push(reference.invalid_as(key.to_lowercase(), complaint));
            }
        }
        Some(("metadata.labels", key)) => meta::label_name(reference, key, errors),
        Some(_) => unconvertible(&path, errors),
        None if !convertible(path.text()) => unconvertible(&path, errors),
        None if !supported.contains(&path.text()) => errors.push(path.not_supported(supported)),
        None => {}
    }
}

/// Field labels of a pod that the server knows at all (`ConvertDownwardAPIFieldLabel`).
fn convertible(path: &str) -> bool {
    FIELDS.contains(&path)
        || VOLUME_FIELDS.contains(&path)
        || matches!(
            path,
            "spec.restartPolicy" | "spec.schedulerName" | "status.phase" | "spec.host"
        )
}

fn unconvertible(path: &At<'_>, errors: &mut Errors) {
    let detail = format!(
        "error converting fieldPath: field label not supported: {}",
        path.text()
    );
    errors.push(path.invalid(detail));
}

/// A reference to requests or limits of a container; volumes must name the container.
pub fn resource_field_ref(reference: &At<'_>, volume: bool, errors: &mut Errors) {
    let (container, resource) = (
        reference.child("containerName"),
        reference.child("resource"),
    );
    let name = resource.text();
    let huge = name.starts_with("limits.hugepages-") || name.starts_with("requests.hugepages-");
    if volume && container.is_empty() {
        errors.push(container.required(""));
    } else if resource.is_empty() {
        errors.push(resource.required(""));
    } else if !RESOURCES.contains(&name) && !huge {
        errors.push(resource.not_supported(&RESOURCES));
    }
    let divisor = reference.child("divisor");
    let text = divisor.text();
    if Quantity::parse(text).is_ok_and(|quantity| quantity.is_zero()) || divisor.is_empty() {
        return;
    }
    let (what, sizes): (&str, &[&str]) = match name {
        "limits.cpu" | "requests.cpu" => ("the cpu resource", &["1m", "1"]),
        "limits.memory" | "requests.memory" => ("the memory resource", &SIZES),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            ("the local ephemeral storage resource", &SIZES)
        }
        _ if huge => ("the hugepages resource", &SIZES),
        _ => return,
    };
    if !sizes.contains(&text) {
        let list = if sizes.len() == 2 {
            "1m and 1".to_owned()
        } else {
            sizes.join(", ")
        };
        errors.push(divisor.invalid_as(
            name,
            format!("only divisor's values {list} are supported with {what}"),
        ));
    }
}
