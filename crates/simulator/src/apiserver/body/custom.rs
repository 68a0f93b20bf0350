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
pub(crate) fn admit_custom(
    served: &Served,
    decoded: Decoded,
) -> Result<(Value, Vec<String>), ApiError> {
    let Decoded {
        value: mut object,
        mut strict,
    } = decoded;
    let Some(custom) = served.custom() else {
        return Ok((object, strict));
    };
    coerce_metadata(served, &mut object, &mut strict)?;
    if meta::kind(&object) == served.resource.kind {
        let unknown = custom.prune_and_default(&mut object).map_err(|error| {
            let (kind, version) = (&served.resource.kind, &served.resource.version);
            cannot_handle(kind, version, kind, &error.to_string())
        })?;
        strict.extend(unknown);
    } else {
        // What is of another kind is refused later, and isn't pruned before.
        custom.set_defaults(&mut object);
    }
    strict.sort();
    Ok((object, strict))
}

/// Lists and maps of metadata that are stored as they were applied, and read as nothing if they are empty.
pub(crate) const MAY_BE_EMPTY: [&str; 4] =
    ["labels", "annotations", "finalizers", "ownerReferences"];

/// Coerces metadata of a merged custom object and defaults it: nobody decodes it before it is read from the store, so that
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
    coerce_metadata(served, &mut object, &mut Vec::new())?;
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

/// Makes metadata of a custom object what its type says, and names its version.
fn coerce_metadata(
    served: &Served,
    object: &mut Value,
    strict: &mut Vec<String>,
) -> Result<(), ApiError> {
    let kind = &served.resource.kind;
    if let Some(metadata) = object
        .get("metadata")
        .filter(|metadata| !metadata.is_null())
        .cloned()
    {
        let type_id =
            TypeTable::builtin().type_named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        if let Some(type_id) = type_id {
            let decoded = decode::normalise_strict(type_id, &metadata).map_err(|error| {
                cannot_handle(kind, &served.resource.version, kind, &error.to_string())
            })?;
            strict.extend(
                decoded
                    .strict
                    .iter()
                    .map(|text| text.replacen('"', "\"metadata.", 1)),
            );
            if let Some(fields) = object.as_object_mut() {
                fields.insert("metadata".to_owned(), decoded.value);
            }
        }
    }
    if let Some(fields) = object.as_object_mut() {
        fields
            .entry("apiVersion")
            .or_insert_with(|| Value::from(served.resource.api_version()));
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
