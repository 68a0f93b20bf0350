//! Reading request bodies: media types, versions and kinds, strictness, defaults
//! (`apiserver/pkg/endpoints/handlers/create.go`, `apimachinery/pkg/runtime/serializer`).

mod custom;
mod kinds;
mod typed;

use std::fmt::Write as _;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use machinery::builtin::defaults;
use machinery::builtin::validation::FieldError;
use machinery::decode::{self, DecodeError, Decoded};
use machinery::schema::{TypeId, TypeTable};
use machinery::{meta, protobuf};
use serde_json::Value;

pub(crate) use custom::{MAY_BE_EMPTY, admit_custom, custom_type_errors, merged_custom};
pub(crate) use kinds::internal_package;
use kinds::{PatchedType, check_kind, patched_type, wrong_version};
pub(crate) use typed::{delete_body, read_typed};

use super::options::FieldValidation;
use super::owners;
use super::registry::{Backing, Served};
use crate::request::Request;
use crate::status_error::ApiError;

const TYPES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// Media type of a body without parameters; absent means JSON.
pub(crate) fn media_type(request: &Request) -> &str {
    let header = request.header(CONTENT_TYPE).unwrap_or_default();
    let media = header.split(';').next().unwrap_or_default().trim();
    if media.is_empty() {
        "application/json"
    } else {
        media
    }
}

/// The request with its binary body turned into JSON; `None` if the body is not binary.
pub(crate) fn from_protobuf(request: &Request) -> Result<Option<Request>, ApiError> {
    if media_type(request) != "application/vnd.kubernetes.protobuf" || request.body.is_empty() {
        return Ok(None);
    }
    let value = protobuf::decode(&request.body)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let mut converted = Request {
        body: value.to_string().into(),
        ..request.clone()
    };
    converted
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Some(converted))
}

/// 415 with the media types a create or update takes.
fn unknown_media_type() -> ApiError {
    ApiError::unsupported_media_type(format!(
        "the body of the request was in an unknown format - accepted media types include: {TYPES}"
    ))
}

/// Whether the body of a create can be read at all, which is asked before anything else of it.
pub(crate) fn check_media_type(request: &Request) -> Result<(), ApiError> {
    is_yaml(request).map(|_| ())
}

fn is_yaml(request: &Request) -> Result<bool, ApiError> {
    match media_type(request) {
        "application/json" => Ok(false),
        "application/yaml" => Ok(true),
        _ => Err(unknown_media_type()),
    }
}

/// A body as an unrecognised one is shown (`summarizeData`).
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let head = body.get(..SHOWN).unwrap_or(body);
    let text = match body.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => hex(head),
    };
    if body.len() > SHOWN {
        format!("{text} ...")
    } else {
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unrecognised(kind: &str, cause: &str, body: &[u8]) -> ApiError {
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {cause} ({})",
        summary(body)
    ))
}

#[derive(serde::Deserialize)]
struct TypeMeta {
    #[serde(rename = "apiVersion", default)]
    api_version: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

/// apiVersion and kind of a body, read before anything else.
fn type_meta(body: &[u8], yaml: bool) -> Result<(String, String), String> {
    if yaml {
        let decoded = decode::decode_yaml_untyped(body).map_err(|error| error.to_string())?;
        return Ok((
            meta::api_version(&decoded.value).to_owned(),
            meta::kind(&decoded.value).to_owned(),
        ));
    }
    if let Ok(found) = serde_json::from_slice::<TypeMeta>(body)
        && body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
    {
        return Ok((
            found.api_version.unwrap_or_default(),
            found.kind.unwrap_or_default(),
        ));
    }
    if decode::decode_untyped(body).is_ok_and(|decoded| decoded.value.is_null()) {
        return Ok((String::new(), String::new()));
    }
    // serde_json stops at 128 levels and at texts that are not UTF-8; Go doesn't.
    let cause = match decode::decode_untyped(body) {
        Err(error) => error.to_string(),
        Ok(decoded) if typed::has_type_meta(&decoded.value) => {
            return Ok((
                meta::api_version(&decoded.value).to_owned(),
                meta::kind(&decoded.value).to_owned(),
            ));
        }
        Ok(decoded) => type_meta_error(&decoded.value),
    };
    Err(format!(
        "couldn't get version/kind; json parse error: {cause}"
    ))
}

fn type_meta_error(value: &Value) -> String {
    const GO: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let word = match value {
        Value::Object(fields) => {
            let (name, wrong) = ["apiVersion", "kind"]
                .into_iter()
                .find_map(|name| Some((name, fields.get(name).filter(|value| !value.is_string())?)))
                .unwrap_or(("kind", &Value::Null));
            return format!(
                "json: cannot unmarshal {} into Go struct field .{name} of type string",
                decode::json_word(wrong)
            );
        }
        other => decode::json_word(other),
    };
    format!("json: cannot unmarshal {word} into Go value of type {GO}")
}

/// Reports strict errors as the mode wants it.
pub(crate) fn report_strict(
    served: &Served,
    strict: &[String],
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    match mode {
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            warnings.extend(strict.iter().flat_map(|text| single_complaints(text)));
            Ok(())
        }
        FieldValidation::Strict if strict.is_empty() => Ok(()),
        FieldValidation::Strict => {
            let text = strict.join(", ");
            let words = if text.starts_with("yaml: ") {
                "error strict decoding YAML"
            } else {
                "strict decoding error"
            };
            let resource = &served.resource;
            Err(cannot_handle(
                &resource.kind,
                &resource.version,
                &resource.kind,
                &format!("{words}: {text}"),
            ))
        }
    }
}

fn cannot_handle(kind: &str, version: &str, expected: &str, cause: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {expected}: {cause}"
    ))
}

/// Reads the body of a create or update of that resource: decoded, defaulted, in the requested version.
pub(crate) fn read_object(
    served: &Served,
    request: &Request,
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let yaml = is_yaml(request)?;
    let resource = &served.resource;
    let (api_version, kind) = type_meta(&request.body, yaml)
        .map_err(|cause| unrecognised(&resource.kind, &cause, &request.body))?;
    match &served.backing {
        Backing::Builtin { type_id, .. } => {
            check_kind(served, &api_version, &kind)?;
            read_builtin(served, *type_id, request, yaml, mode, warnings)
        }
        Backing::Custom(_) => {
            if kind.is_empty() {
                let body = String::from_utf8_lossy(&request.body);
                let cause = format!("Object 'Kind' is missing in '{body}'");
                return Err(unrecognised(&resource.kind, &cause, &request.body));
            }
            let decoded = if yaml {
                decode::decode_yaml_untyped(&request.body)
            } else {
                decode::decode_untyped(&request.body)
            }
            .map_err(|error| unrecognised(&resource.kind, &error.to_string(), &request.body))?;
            let is_said = decoded
                .value
                .get("apiVersion")
                .is_some_and(Value::is_string);
            if is_said && api_version != resource.api_version() {
                return Err(wrong_version(&api_version, &resource.api_version()));
            }
            if decoded.value.get("apiVersion").is_some_and(Value::is_null) {
                let cause =
                    ".apiVersion accessor error: <nil> is of the type <nil>, expected string";
                return Err(cannot_handle(&resource.kind, "", &resource.kind, cause));
            }
            let (mut object, strict) = admit_custom(served, decoded)?;
            report_strict(served, &strict, mode, warnings)?;
            owners::keep_reset_of(&request.body, yaml, &mut object);
            Ok(object)
        }
    }
}

/// Complaints about YAML, one by one.
pub(crate) fn single_complaints(text: &str) -> Vec<String> {
    const YAML: &str = "yaml: unmarshal errors:\n  ";
    let plain = text.strip_prefix("error converting YAML to JSON: ");
    match plain.unwrap_or(text).strip_prefix(YAML) {
        Some(lines) => lines.split("\n  ").map(str::to_owned).collect(),
        None => vec![text.to_owned()],
    }
}

fn read_builtin(
    served: &Served,
    type_id: TypeId,
    request: &Request,
    yaml: bool,
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let table = TypeTable::builtin();
    let decoded = if yaml {
        decode::decode_yaml(table, type_id, &request.body)
    } else {
        decode::decode(table, type_id, &request.body)
    };
    let kind = &served.resource.kind;
    let Decoded { value, strict } = decoded
        .map_err(|error| cannot_handle(kind, &served.resource.version, kind, &error.to_string()))?;
    report_strict(served, &strict, mode, warnings)?;
    let mut object = defaulted(served, value);
    owners::keep_reset_of(&request.body, yaml, &mut object);
    Ok(object)
}

/// Sets kind, apiVersion and defaults of a built-in object.
pub(crate) fn defaulted(served: &Served, mut value: Value) -> Value {
    let resource = &served.resource;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("kind".to_owned(), Value::from(resource.kind.as_ref()));
        fields.insert("apiVersion".to_owned(), Value::from(resource.api_version()));
    }
    defaults::apply(
        &resource.group,
        &resource.version,
        &resource.kind,
        &mut value,
    );
    value
}

/// What the internal type of a kind reads of an object, whose fields have other names there: nothing.
fn internal(value: &Value) -> Decoded {
    let fields = value.as_object().into_iter().flatten();
    let unknown = fields
        .map(|(key, _)| key)
        .filter(|key| !matches!(key.as_str(), "apiVersion" | "kind"));
    Decoded {
        value: Value::Object(serde_json::Map::new()),
        strict: unknown
            .map(|key| format!("unknown field \"{key}\""))
            .collect(),
    }
}

/// Turns a patched object into one of the resource's type: 422 about the patch if it is none.
/// `read` is how Go reads the result of such a patch.
pub(crate) fn patched(
    served: &Served,
    value: &Value,
    read: fn(TypeId, &Value) -> Result<Decoded, DecodeError>,
    shown: impl FnOnce(&Value) -> String,
    duplicates: &[String],
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let refuse = |shown: String, cause: &str| {
        ApiError::invalid_as(
            "",
            "",
            "",
            "",
            &[FieldError::invalid("patch", shown, cause)],
        )
    };
    let outcome = match served.type_id() {
        Some(type_id) => match patched_type(served, value) {
            PatchedType::Own => read(type_id, value).map_err(|error| error.to_string()),
            PatchedType::Internal => Ok(internal(value)),
            PatchedType::Other(cause) => Err(cause),
        },
        None => admit_custom(
            served,
            Decoded {
                value: value.clone(),
                strict: Vec::new(),
            },
        )
        .map(|(value, strict)| Decoded { value, strict })
        .map_err(|error| {
            // Of a patched object it isn't said what it was read as.
            let cause = error.message.split_once(" cannot be handled as a ");
            let cause = cause.and_then(|(_, rest)| rest.split_once(": "));
            cause.map_or(error.message.clone(), |(_, cause)| cause.to_owned())
        }),
    };
    let decoded = match outcome {
        Ok(decoded) => decoded,
        Err(cause) => return Err(refuse(shown(value), &cause)),
    };
    let strict: Vec<String> = duplicates.iter().cloned().chain(decoded.strict).collect();
    match mode {
        FieldValidation::Strict if !strict.is_empty() => {
            let cause = format!("strict decoding error: {}", strict.join(", "));
            return Err(refuse(shown(value), &cause));
        }
        FieldValidation::Warn => warnings.extend(strict),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    let mut object = if served.type_id().is_some() {
        defaulted(served, decoded.value)
    } else {
        decoded.value
    };
    owners::keep_reset(value, &mut object);
    Ok(object)
}
