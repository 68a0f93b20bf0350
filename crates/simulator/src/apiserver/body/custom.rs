//! What a custom object becomes before anybody looks at it: metadata of its type, nothing unknown, defaults.

use machinery::builtin::validation::FieldError;
use machinery::decode::{self, Decoded};
use machinery::meta;
use machinery::schema::TypeTable;
use serde_json::Value;

use super::cannot_handle;
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

/// Coerces metadata of a custom object, prunes and defaults it. Returns it with its strict errors.
///
/// # Errors
/// Why it can't be read, in Go's words.
pub(super) fn admit_custom(
    served: &Served,
    decoded: Decoded,
) -> Result<(Value, Vec<String>), String> {
    let Decoded {
        value: mut object,
        mut strict,
        ..
    } = decoded;
    let Some(custom) = served.custom() else {
        return Ok((object, strict));
    };
    if object.get("apiVersion").is_some_and(Value::is_null) {
        return Err(
            ".apiVersion accessor error: <nil> is of the type <nil>, expected string".to_owned(),
        );
    }
    coerce_metadata(&mut object, &mut strict)?;
    if is_of_kind(served, &object) {
        let mut unknown = custom
            .prune_and_default(&mut object)
            .map_err(|error| error.to_string())?;
        // Repeated keys come first, then what is wrong in metadata, then everything else.
        unknown.sort();
        strict.extend(unknown);
    } else {
        // What is of another kind is refused later, and isn't pruned before.
        custom.set_defaults(&mut object);
    }
    Ok((object, strict))
}

/// A custom object of the server's own, or of somebody who calls it in this process: it needs not say its version.
pub(crate) fn own_custom(served: &Served, mut object: Value) -> Result<Value, ApiError> {
    name_version(served, &mut object);
    let decoded = Decoded {
        value: object,
        strict: Vec::new(),
        empty: decode::Empties::default(),
    };
    admit_custom(served, decoded)
        .map(|(object, _)| object)
        .map_err(ApiError::bad_request)
}

fn name_version(served: &Served, object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields
            .entry("apiVersion")
            .or_insert_with(|| Value::from(served.resource.api_version()));
    }
}

fn is_of_kind(served: &Served, object: &Value) -> bool {
    let (group, _) = meta::group_version(meta::api_version(object));
    meta::kind(object) == served.resource.kind && group == served.resource.group
}

/// Lists and maps of metadata that are stored as they were applied, and read as nothing if they are empty.
pub(crate) const MAY_BE_EMPTY: [&str; 5] = [
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "managedFields",
];

/// Coerces metadata of a custom object that was merged, or that a webhook of admission changed, and defaults it: nobody decodes it before it is read from the store, so that
/// nulls stay, and what is empty in its metadata.
pub(crate) fn merged_custom(served: &Served, mut object: Value) -> Result<Value, ApiError> {
    let empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    let metadata = object.get("metadata").and_then(Value::as_object);
    let emptied: Vec<(String, Value)> = metadata
        .into_iter()
        .flatten()
        .filter(|(key, value)| MAY_BE_EMPTY.contains(&key.as_str()) && empty(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let created = object.pointer("/metadata/creationTimestamp");
    if created.is_some_and(|created| created.as_str().is_some_and(|text| !is_moment(text))) {
        // Nobody reads it: it is the server's to set.
        meta::metadata_mut(&mut object).remove("creationTimestamp");
    }
    let generation = object.pointer("/metadata/generation");
    if generation.is_some_and(|number| number.is_number() && !number.is_i64()) {
        meta::metadata_mut(&mut object).remove("generation");
    }
    let resource = &served.resource;
    coerce_metadata(&mut object, &mut Vec::new()).map_err(|cause| {
        cannot_handle(&resource.kind, &resource.version, &resource.kind, &cause)
    })?;
    name_version(served, &mut object);
    for (key, value) in emptied {
        meta::set(&mut object, &key, value);
    }
    if let Some(custom) = served.custom() {
        custom.set_defaults(&mut object);
    }
    Ok(object)
}

fn is_moment(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

/// Makes metadata of a custom object what its type says.
fn coerce_metadata(object: &mut Value, strict: &mut Vec<String>) -> Result<(), String> {
    let Some(metadata) = object
        .get("metadata")
        .filter(|metadata| !metadata.is_null())
        .cloned()
    else {
        return Ok(());
    };
    let object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let Some(type_id) = TypeTable::builtin().type_named(object_meta) else {
        return Ok(());
    };
    let decoded =
        decode::normalise_strict(type_id, &metadata).map_err(|error| error.to_string())?;
    let unknown = decoded.strict.iter();
    strict.extend(unknown.map(|text| text.replacen('"', "\"metadata.", 1)));
    if let Some(fields) = object.as_object_mut() {
        fields.insert("metadata".to_owned(), decoded.value);
    }
    Ok(())
}

/// What is wrong with a custom object's kind and apiVersion, if anything.
pub(crate) fn custom_type_errors(served: &Served, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (kind, api_version) = (meta::kind(object), meta::api_version(object));
    if kind != served.resource.kind {
        errors.push(FieldError::invalid(
            "kind",
            kind,
            format!("must be {}", served.resource.kind),
        ));
    }
    let expected = served.resource.api_version();
    if api_version != expected {
        errors.push(FieldError::invalid(
            "apiVersion",
            api_version,
            format!("must be {expected}"),
        ));
    }
    errors
}
