//! Reading request bodies: media types, versions and kinds, strictness, defaults
//! (`apiserver/pkg/endpoints/handlers/create.go`, `apimachinery/pkg/runtime/serializer`).

mod custom;
mod kinds;
mod type_meta;
mod typed;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use machinery::builtin::defaults;
use machinery::builtin::strategy::job;
use machinery::builtin::validation::FieldError;
use machinery::decode::{self, DecodeError, Decoded, Empties, number};
use machinery::hash::hexadecimal;
use machinery::schema::{TypeId, TypeTable};
use machinery::{meta, protobuf};
use serde_json::Value;

use custom::admit_custom;
pub(crate) use custom::{MAY_BE_EMPTY, custom_type_errors, merged_custom, own_custom};
use kinds::{PatchedType, check_kind, wrong_version};
pub(crate) use kinds::{Reads, internal_package};
use type_meta::TypeMeta;
pub(crate) use typed::{delete_body, read_typed};

use super::handle::Call;
use super::options::{FieldValidation, WriteOptions};
use super::owners;
use super::registry::{Backing, Served};
use super::resource::known;
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
        body: machinery::go_json::to_vec(&value, None).into(),
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
        Some(_) => hexadecimal(head),
    };
    if body.len() > SHOWN {
        format!("{text} ...")
    } else {
        text
    }
}

fn unrecognised(kind: &str, cause: &str, body: &[u8]) -> ApiError {
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {cause} ({})",
        summary(body)
    ))
}

/// apiVersion and kind of a body, read before anything else (`SimpleMetaFactory.Interpret`).
fn type_meta(body: &[u8], yaml: bool) -> Result<(String, String), String> {
    let (api_version, kind) = type_meta_texts(body, yaml)?;
    check_group_version(&api_version).map(|()| (api_version, kind))
}

fn type_meta_texts(body: &[u8], yaml: bool) -> Result<(String, String), String> {
    let texts = |value: &Value| {
        (
            meta::api_version(value).to_owned(),
            meta::kind(value).to_owned(),
        )
    };
    if yaml {
        let decoded = decode::decode_yaml_untyped(body).map_err(|error| error.to_string())?;
        return type_meta_of(&decoded.value).map(|()| texts(&decoded.value));
    }
    if let Ok(found) = serde_json::from_slice::<TypeMeta>(body)
        && body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
    {
        return Ok((
            found.api_version.unwrap_or_default(),
            found.kind.unwrap_or_default(),
        ));
    }
    // serde_json stops at 128 levels and at texts that are not UTF-8; Go doesn't.
    let decoded = decode::decode_untyped(body).map_err(|error| unread_type(&error.to_string()))?;
    type_meta_of(&decoded.value).map(|()| texts(&decoded.value))
}

/// Whether the type of a value can be told; `null` has none.
pub(super) fn type_meta_of(value: &Value) -> Result<(), String> {
    if value.is_null() || typed::has_type_meta(value) {
        return check_group_version(meta::api_version(value));
    }
    Err(unread_type(&type_meta_error(value)))
}

/// A version has at most one group.
fn check_group_version(api_version: &str) -> Result<(), String> {
    if api_version.matches('/').count() < 2 {
        return Ok(());
    }
    Err(format!("unexpected GroupVersion string: {api_version}"))
}

fn unread_type(cause: &str) -> String {
    format!("couldn't get version/kind; json parse error: {cause}")
}

fn type_meta_error(value: &Value) -> String {
    const GO: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let word = match value {
        Value::Object(fields) => {
            let (name, wrong) = ["apiVersion", "kind"]
                .into_iter()
                .find_map(|name| {
                    let wrong = |value: &&Value| !value.is_string() && !value.is_null();
                    Some((name, fields.get(name).filter(wrong)?))
                })
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
    let resource = &served.resource;
    let said = (resource.kind.as_ref(), resource.version.as_ref());
    report_strict_of(said, strict, mode, warnings)
}

/// The same for an object of that kind and version.
fn report_strict_of(
    (kind, version): (&str, &str),
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
            let cause = format!("strict decoding error: {}", strict.join(", "));
            Err(cannot_handle(kind, version, kind, &cause))
        }
    }
}

fn cannot_handle(kind: &str, version: &str, expected: &str, cause: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {expected}: {cause}"
    ))
}

/// Reads the body of a create or update of the call's resource: decoded, defaulted, in the requested version.
pub(crate) fn read(call: &mut Call<'_>, options: WriteOptions) -> Result<Value, ApiError> {
    let (request, served) = (call.request, call.served.clone());
    let mode = options.field_validation;
    let yaml = is_yaml(request)?;
    let resource = &served.resource;
    let (api_version, kind) = type_meta(&request.body, yaml)
        .map_err(|cause| unrecognised(&resource.kind, &cause, &request.body))?;
    match &served.backing {
        Backing::Builtin { type_id, .. } => {
            check_kind(&served, &api_version, &kind)?;
            read_builtin(call, *type_id, yaml, mode)
        }
        Backing::Custom(_) => {
            let said = (api_version.as_str(), kind.as_str());
            read_custom(&served, request, said, mode, &mut call.warnings)
        }
    }
}

/// Reads a custom object. It is read as what it says it is, and whether that is what the path says is asked at the end
/// (`schemaCoercingDecoder`, and the handlers of creates and updates).
fn read_custom(
    served: &Served,
    request: &Request,
    (api_version, kind): (&str, &str),
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let yaml = is_yaml(request)?;
    let resource = &served.resource;
    let decoded = if yaml {
        decode::decode_yaml_untyped(&request.body)
    } else {
        decode::decode_untyped(&request.body)
    }
    .map_err(|error| match error {
        DecodeError::Syntax(cause) => unrecognised(&resource.kind, &cause, &request.body),
        DecodeError::Type(cause) => {
            let version = meta::group_version(api_version).1;
            cannot_handle(kind, version, &resource.kind, &cause)
        }
    })?;
    if kind.is_empty() {
        return Err(without_kind(
            request,
            served,
            api_version,
            &decoded.value,
            mode,
        ));
    }
    let version = meta::group_version(api_version).1;
    let (mut object, strict) = admit_custom(served, decoded)
        .map_err(|cause| cannot_handle(kind, version, &resource.kind, &cause))?;
    report_strict_of((kind, version), &strict, mode, warnings)?;
    let expected = resource.api_version();
    if api_version != expected {
        return Err(wrong_version(api_version, &expected));
    }
    owners::keep_reset_of(&request.body, yaml, &mut object);
    Ok(object)
}

fn kind_is_missing(shown: &str) -> String {
    format!("Object 'Kind' is missing in '{shown}'")
}

/// 400: a custom object without a kind. Who wants no fields validated lets the object read itself, which forgets what
/// was sent and not what it was to be (`json.Serializer.Decode`).
fn without_kind(
    request: &Request,
    served: &Served,
    api_version: &str,
    value: &Value,
    mode: FieldValidation,
) -> ApiError {
    let body = String::from_utf8_lossy(&request.body);
    let kind = &served.resource.kind;
    if mode != FieldValidation::Ignore {
        return unrecognised(kind, &kind_is_missing(&body), &request.body);
    }
    let version = match api_version {
        "" => served.resource.version.as_ref(),
        given => meta::group_version(given).1,
    };
    let cause = if is_yaml(request).unwrap_or_default() {
        kind_is_missing(&machinery::go_json::to_string(value, None))
    } else {
        kind_is_missing(body.trim_ascii())
    };
    cannot_handle(kind, version, kind, &cause)
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
    call: &mut Call<'_>,
    type_id: TypeId,
    yaml: bool,
    mode: FieldValidation,
) -> Result<Value, ApiError> {
    let (request, served) = (call.request, &call.served);
    let table = TypeTable::builtin();
    let decoded = if yaml {
        decode::decode_yaml(table, type_id, &request.body)
    } else {
        decode::decode(table, type_id, &request.body)
    };
    let kind = &served.resource.kind;
    let Decoded {
        value,
        strict,
        empty,
    } = decoded
        .map_err(|error| cannot_handle(kind, &served.resource.version, kind, &error.to_string()))?;
    report_strict(served, &strict, mode, &mut call.warnings)?;
    let mut object = value;
    // An empty list of policies is one that was given; most others are taken for none.
    if served.resource.group == "autoscaling" {
        empty.put_into(&mut object);
    }
    call.shares_labels = shares_labels(served, &object);
    let mut object = defaulted(served, object);
    if served.resource.group == "autoscaling" {
        empty.take_from(&mut object);
    }
    call.empty = empty;
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

/// Whether defaults make the labels of an object those of its template.
pub(crate) fn shares_labels(served: &Served, value: &Value) -> bool {
    served.resource == known::JOBS && job::shares_labels(value)
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
        empty: Empties::default(),
    }
}

/// A patched custom object as it is read.
fn patched_custom(served: &Served, value: &Value) -> Result<Decoded, String> {
    if let Some(error) = number::too_large(value) {
        return Err(error);
    }
    let empty = Empties::default();
    let read = Decoded {
        value: number::plain(value.clone()),
        strict: Vec::new(),
        empty: empty.clone(),
    };
    admit_custom(served, read).map(|(value, strict)| Decoded {
        value,
        strict,
        empty,
    })
}

/// Whether what was made of an object is of its built-in type as it is. Of an object as it is stored, that is so.
pub(crate) fn is_normal(served: &Served, value: &Value, of: &Value) -> bool {
    served.type_id().is_some_and(|type_id| {
        if served.is_storage_version() {
            decode::is_normal_beside(type_id, value, of)
        } else {
            decode::is_normal(type_id, value)
        }
    })
}

/// Turns a patched object into one of the resource's type: 422 about the patch if it is none.
/// `old` is what was patched, `reads` how Go reads the result of such a patch. What it has that is empty comes with it.
pub(crate) fn patched(
    served: &Served,
    (value, old): (Value, &Value),
    reads: Reads,
    shown: impl FnOnce(&Value) -> String,
    duplicates: &[String],
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(Value, Empties), ApiError> {
    let refuse = |shown: String, cause: &str| {
        ApiError::invalid_as(
            "",
            "",
            "",
            "",
            &[FieldError::invalid("patch", shown, cause)],
        )
    };
    // A type is a text, however a number in its place was written.
    let odd = |key: &&str| value.get(key).and_then(number::notation).is_some();
    let settled = ["apiVersion", "kind"].iter().any(odd);
    let value = if settled { number::plain(value) } else { value };
    let kind = meta::kind(&value);
    if served.type_id().is_none() && kind.is_empty() && type_meta_of(&value).is_ok() {
        let shown = shown(&value);
        let cause = kind_is_missing(&shown);
        return Err(refuse(shown, &cause));
    }
    let outcome = match served.type_id() {
        Some(type_id) => match reads.type_of(served, &value) {
            PatchedType::Own if duplicates.is_empty() && is_normal(served, &value, old) => {
                debug_assert!(
                    reads
                        .read(type_id, &value)
                        .is_ok_and(|read| read.is_just(&value))
                );
                return Ok((defaulted(served, value), Empties::default()));
            }
            PatchedType::Own => reads
                .read(type_id, &value)
                .map_err(|error| error.to_string()),
            PatchedType::Internal => Ok(internal(&value)),
            PatchedType::Other(cause) => Err(cause),
        },
        None => type_meta_of(&value).and_then(|()| patched_custom(served, &value)),
    };
    let decoded = match outcome {
        Ok(decoded) => decoded,
        Err(cause) => return Err(refuse(shown(&value), &cause)),
    };
    let strict: Vec<String> = duplicates.iter().cloned().chain(decoded.strict).collect();
    match mode {
        FieldValidation::Strict if !strict.is_empty() => {
            let cause = format!("strict decoding error: {}", strict.join(", "));
            return Err(refuse(shown(&value), &cause));
        }
        FieldValidation::Warn => warnings.extend(strict),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    let mut object = if served.type_id().is_some() {
        defaulted(served, decoded.value)
    } else {
        decoded.value
    };
    owners::keep_reset(owners::asks_for_reset(&value), &mut object);
    Ok((object, decoded.empty))
}
