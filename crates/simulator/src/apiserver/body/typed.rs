//! Bodies with a type of their own: `DeleteOptions`, and those of subresources.

use machinery::builtin::defaults;
use machinery::decode;
use machinery::meta;
use machinery::schema::TypeTable;
use serde_json::Value;

use super::kinds::is_registered;
use super::{cannot_handle, internal_package, is_yaml, type_meta, unrecognised};
use crate::apiserver::options::FieldValidation;
use crate::request::Request;
use crate::status_error::ApiError;

/// Reads the body of a DELETE: `DeleteOptions` in JSON or YAML.
pub(crate) fn delete_body(request: &Request) -> Result<Value, ApiError> {
    let yaml = is_yaml(request)?;
    let (api_version, kind) = type_meta(&request.body, yaml).map_err(ApiError::bad_request)?;
    if !kind.is_empty() && kind != "DeleteOptions" {
        return Err(ApiError::bad_request(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    let table = TypeTable::builtin();
    let Some(type_id) = table.type_of("meta.k8s.io", "v1", "DeleteOptions") else {
        return Err(ApiError::unsupported("kind DeleteOptions"));
    };
    let decoded = if yaml {
        decode::decode_yaml(table, type_id, &request.body)
    } else {
        decode::decode(table, type_id, &request.body)
    };
    // What is unknown in it is passed over, in every mode.
    decoded
        .map(|decoded| decoded.value)
        .map_err(|error| ApiError::bad_request(error.to_string()))
}

/// Versions of such a type that are read as the newest, with the same fields.
const OLDER: [(&str, &str, &str); 1] = [("policy", "v1beta1", "Eviction")];

/// Reads the body of a subresource with a type of its own (`Scale`, `Binding`, `Eviction`, …), defaulted.
pub(crate) fn read_typed(
    request: &Request,
    (group, version, kind): (&str, &str, &str),
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let yaml = is_yaml(request)?;
    let table = TypeTable::builtin();
    let Some(type_id) = table.type_of(group, version, kind) else {
        return Err(ApiError::unsupported(&format!("kind {kind}")));
    };
    let (api_version, given) = type_meta(&request.body, yaml)
        .map_err(|cause| unrecognised(kind, &cause, &request.body))?;
    let (own_group, own_version) = meta::group_version(&api_version);
    let is_older = OLDER.contains(&(own_group, own_version, kind));
    let elsewhere =
        !api_version.is_empty() && (own_group, own_version) != (group, version) && !is_older;
    if !given.is_empty() && (given != kind || elsewhere) {
        if !api_version.is_empty() && !is_registered(own_group, own_version, &given) {
            let cause = format!(
                "no kind {given:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
            );
            return Err(cannot_handle(&given, version, kind, &cause));
        }
        let cause = format!(
            "converting ({version}.{given}) to ({}.{kind}): unknown conversion",
            internal_package(group)
        );
        return Err(cannot_handle(&given, version, kind, &cause));
    }
    let decoded = if yaml {
        decode::decode_yaml(table, type_id, &request.body)
    } else {
        decode::decode(table, type_id, &request.body)
    };
    let mut decoded =
        decoded.map_err(|error| cannot_handle(kind, version, kind, &error.to_string()))?;
    match mode {
        FieldValidation::Strict if !decoded.strict.is_empty() => {
            let cause = format!("strict decoding error: {}", decoded.strict.join(", "));
            return Err(cannot_handle(kind, version, kind, &cause));
        }
        FieldValidation::Warn => warnings.append(&mut decoded.strict),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    defaults::apply(group, version, kind, &mut decoded.value);
    Ok(decoded.value)
}

/// Whether a value is an object whose apiVersion and kind are texts or absent.
pub(super) fn has_type_meta(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| {
        ["apiVersion", "kind"].into_iter().all(|name| {
            fields
                .get(name)
                .is_none_or(|value| value.is_string() || value.is_null())
        })
    })
}
