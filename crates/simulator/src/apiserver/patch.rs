//! Patches of three formats (`apiserver/pkg/endpoints/handlers/patch.go`).

use machinery::decode::{self, Decoded, Empties};
use machinery::go_json;
use machinery::patch::json::JsonPatch;
use machinery::patch::{self, PatchError, Touched};
use serde_json::Value;

use super::body::{self, Reads};
use super::handle::apply::is_apply;
use super::options::FieldValidation;
use super::registry::Served;
use super::target::Target;
use crate::request::Request;
use crate::status_error::{ApiError, Details};

/// A patch that was read.
pub(crate) enum Patch {
    /// `application/json-patch+json`, with its strict errors.
    Json(JsonPatch),
    /// `application/merge-patch+json`, with its strict errors.
    Merge(Decoded),
    /// `application/strategic-merge-patch+json`, with its strict errors.
    Strategic(Decoded),
}

const CUSTOM_TYPES: &str = "the body of the request was in an unknown format - accepted media types include: \
application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

const GO_MAP: &str = "map[string]interface {}";
const MERGE_ERROR: &str = "error decoding patch: ";

/// The format a patch says it has.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
}

/// The format of a request's patch, which is looked at before anything else of it.
pub(crate) fn format(request: &Request, served: &Served) -> Result<Format, ApiError> {
    let builtin = served.type_id().is_some();
    match body::media_type(request) {
        "application/json-patch+json" => Ok(Format::Json),
        "application/merge-patch+json" => Ok(Format::Merge),
        "application/strategic-merge-patch+json" if builtin => Ok(Format::Strategic),
        _ if builtin => Err(bare_415()),
        _ => Err(ApiError::unsupported_media_type(CUSTOM_TYPES)),
    }
}

/// Whether a patch has a format that is known: the router asks before it asks what the answer can be, and so does the
/// handler of custom resources.
pub(crate) fn check_media_type(
    request: &Request,
    served: &Served,
    target: &Target,
) -> Result<(), ApiError> {
    let patched = request.method == http::Method::PATCH && !target.name.is_empty();
    if !patched || is_apply(request) || !takes_patches(served, &target.subresource) {
        return Ok(());
    }
    format(request, served).map(|_| ())
}

/// Whether there is a route for patches.
fn takes_patches(served: &Served, subresource: &str) -> bool {
    match subresource {
        "" => served.has_verb("patch"),
        "status" | "scale" | "approval" | "ephemeralcontainers" | "resize" => true,
        _ => served.custom().is_some(),
    }
}

/// Reads the patch of a request.
pub(crate) fn read(
    request: &Request,
    format: Format,
    mode: FieldValidation,
) -> Result<Patch, ApiError> {
    match format {
        Format::Json => {
            if mode == FieldValidation::Ignore {
                let patch = patch::json::parse_loosely(&request.body);
                return patch.map(Patch::Json).map_err(|error| refused(&error));
            }
            let patch = patch::json::parse(&request.body).map_err(|error| refused(&error))?;
            let values = patch.operations.iter().filter_map(|one| one.get("value"));
            fits(values, "struct field jsonPatchOp.value")?;
            Ok(Patch::Json(patch))
        }
        Format::Merge => read_merge(request, mode).map(Patch::Merge),
        Format::Strategic => read_map(request).map(Patch::Strategic),
    }
}

/// A merge patch: who wants no fields validated lets it be read by the library alone, which also takes a list
/// (`doMergePatch` of `evanphx/json-patch`).
fn read_merge(request: &Request, mode: FieldValidation) -> Result<Decoded, ApiError> {
    let bad = || ApiError::bad_request("Invalid JSON Patch");
    let decoded = if mode == FieldValidation::Ignore {
        decode::decode_kept(&request.body).map_err(|_| bad())?
    } else {
        let decoded = decode::decode_kept(&request.body)
            .map_err(|error| ApiError::bad_request(format!("{MERGE_ERROR}{error}")))?;
        if !decoded.value.is_object() && !decoded.value.is_null() {
            return Err(not_a(GO_MAP, &decoded.value, MERGE_ERROR));
        }
        fits([&decoded.value], "value")?;
        decoded
    };
    match &decoded.value {
        Value::Object(_) | Value::Array(_) => Ok(decoded),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(bad()),
    }
}

/// 400: who wants fields validated has a patch read, and Go's floats hold its numbers.
fn fits<'v>(values: impl IntoIterator<Item = &'v Value>, place: &str) -> Result<(), ApiError> {
    let Some(error) = values.into_iter().find_map(decode::number::too_large) else {
        return Ok(());
    };
    let error = error.replacen("Go value", &format!("Go {place}"), 1);
    Err(ApiError::bad_request(format!("{MERGE_ERROR}{error}")))
}

/// What the router says of a media type no handler takes.
fn bare_415() -> ApiError {
    ApiError::unsupported_media_type("415: Unsupported Media Type").with_details(Details::default())
}

fn not_a(go: &str, value: &Value, prefix: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{prefix}json: cannot unmarshal {} into Go value of type {go}",
        machinery::decode::json_word(value)
    ))
}

/// A strategic merge patch; `null` is an empty one.
fn read_map(request: &Request) -> Result<Decoded, ApiError> {
    let mut decoded = decode::decode_untyped(&request.body)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    match decoded.value {
        Value::Object(_) => {}
        Value::Null => decoded.value = Value::Object(serde_json::Map::new()),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(not_a(GO_MAP, &decoded.value, ""));
        }
    }
    Ok(decoded)
}

impl Patch {
    /// The patched object: decoded, defaulted, in the version of `served`. What it has that is empty comes with it.
    pub fn apply(
        &self,
        served: &Served,
        old: &Value,
        mode: FieldValidation,
        warnings: &mut Vec<String>,
    ) -> Result<(Value, Empties), ApiError> {
        let shown = |value: &Value, touched: Touched| match served.type_id() {
            Some(type_id) => go_json::to_string_touched(value, type_id, &touched),
            None => go_json::to_string(value, None),
        };
        match self {
            Self::Json(patch) => {
                let value = patch::json::apply_operations(old, &patch.operations)
                    .map_err(|error| refused(&error))?;
                body::patched(
                    served,
                    (value, old),
                    Reads::Text,
                    |value| shown(value, Touched::by_operations(&patch.operations)),
                    &patch.strict,
                    mode,
                    warnings,
                )
            }
            Self::Merge(patch) => {
                // A list takes the place of all, without the nulls in it.
                let whole = patch.value.is_array();
                let under = if whole { &Value::Null } else { old };
                let value = patch::merge::apply(under, &patch.value);
                body::patched(
                    served,
                    (value, old),
                    Reads::Text,
                    |value| {
                        let touched = if whole {
                            Touched::Replaced
                        } else {
                            Touched::by_merge(old, &patch.value)
                        };
                        shown(value, touched)
                    },
                    &patch.strict,
                    mode,
                    warnings,
                )
            }
            Self::Strategic(patch) => {
                let Some(type_id) = served.type_id() else {
                    return Err(ApiError::unsupported_media_type(CUSTOM_TYPES));
                };
                let mut left = patch.value.clone();
                let mut value = patch::strategic::apply_leaving(old, &mut left, type_id)
                    .map_err(|error| refused(&error))?;
                if let Some(fields) = value.as_object_mut() {
                    // Nobody asks for the type of a map, as long as it is a text.
                    let resource = &served.resource;
                    let own = [
                        ("kind", resource.kind.to_string()),
                        ("apiVersion", resource.api_version()),
                    ];
                    for (key, own) in own {
                        if fields.get(key).is_none_or(Value::is_string) {
                            fields.insert(key.to_owned(), Value::from(own));
                        }
                    }
                }
                let shown = |_: &Value| patch::go_value(&left);
                body::patched(
                    served,
                    (value, old),
                    Reads::Map,
                    shown,
                    &patch.strict,
                    mode,
                    warnings,
                )
            }
        }
    }
}

fn refused(error: &PatchError) -> ApiError {
    match error {
        PatchError::Malformed(text) => ApiError::bad_request(text.clone()),
        PatchError::CannotApply(_) => {
            let text = "the server rejected our request due to an error in our request";
            ApiError::new(422, "Invalid", text, Some(Details::default()))
        }
        PatchError::TooManyOperations { .. } => {
            ApiError::new(413, "RequestEntityTooLarge", error.to_string(), None)
        }
        PatchError::Internal(text) => ApiError::internal(text.clone()),
    }
}
