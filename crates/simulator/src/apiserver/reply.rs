//! Rendering: objects, lists and errors in the form a client takes.

mod lists;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY, WARNING,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use machinery::schema::{TypeId, TypeTable};
use machinery::{go_json, meta, yaml};
use serde_json::{Value, json};

use super::convert;
use super::negotiate::{Encoding, Form, Transform, error_form};
use super::registry::Served;
use super::store::Entry;
use super::table::{TableOptions, partial, table};
use super::warning;
use crate::request::{Request, Response};
use crate::status_error::ApiError;

pub(crate) use lists::{ListMeta, list_body};
pub(super) use lists::{frame_of_shared, list_item, list_of, not_an_object, write_shared};

/// Bodies above this are compressed for clients that take gzip.
pub(super) const GZIP_FROM: usize = 128 * 1024;

/// The object in the version of `served`.
pub(crate) fn in_version(served: &Served, value: &Arc<Value>) -> Arc<Value> {
    if convert::is_in(served, value) {
        value.clone()
    } else {
        Arc::new(convert::from_storage(served, value))
    }
}

/// The object as compact JSON in the version of `served`.
pub(crate) fn object_json(served: &Served, entry: &Entry) -> Bytes {
    if convert::is_in(served, &entry.value) {
        return entry.json(|value| go_json::to_vec(value, served.type_id()));
    }
    let converted = convert::from_storage(served, &entry.value);
    go_json::to_vec(&converted, served.type_id()).into()
}

/// The line of a watch that shows an entry as what it is; the same one for everybody who sees whole objects in their
/// storage version.
pub(crate) fn shared_line(served: &Served, entry: &Entry) -> Bytes {
    entry.line(|value| go_json::to_vec(value, served.type_id()))
}

/// A value of that type as the form wants it, with a newline after compact JSON.
pub(crate) fn encode(value: &Value, type_id: Option<TypeId>, form: &Form) -> Bytes {
    encode_as(value, type_id, form.encoding, form.pretty)
}

fn encode_as(value: &Value, type_id: Option<TypeId>, encoding: Encoding, pretty: bool) -> Bytes {
    let mut body = match encoding {
        Encoding::Yaml => return yaml::to_string(value).into(),
        // As Go's two encoders do it: only the compact form ends its line.
        Encoding::Json if pretty => return go_json::to_vec_pretty(value, type_id).into(),
        Encoding::Json => go_json::to_vec(value, type_id),
    };
    body.push(b'\n');
    body.into()
}

/// A type of `meta.k8s.io`.
pub(crate) fn meta_type(kind: &str, version: &str) -> Option<TypeId> {
    let table = TypeTable::builtin();
    table
        .type_of("meta.k8s.io", version, kind)
        .or_else(|| table.type_named(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}")))
}

/// Go's type of the object or list, for messages.
pub(crate) fn go_type(served: &Served, list: bool) -> String {
    let suffix = if list { "List" } else { "" };
    if served.custom().is_some() {
        return format!("*unstructured.Unstructured{suffix}");
    }
    format!(
        "*{}.{}{suffix}",
        super::body::internal_package(&served.resource.group),
        served.resource.kind
    )
}

/// How a request wants its tables.
pub(crate) fn table_options(
    request: &Request,
    form: &Form,
    headers: bool,
) -> Result<TableOptions, ApiError> {
    let include_object = match request.query_value("includeObject") {
        None | Some("") => "Metadata",
        Some(known @ ("Metadata" | "Object" | "None")) => known,
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: \
                 must be 'Metadata', 'Object', 'None', or empty"
            )));
        }
    };
    Ok(TableOptions {
        version: form.meta_version.clone(),
        include_object: include_object.to_owned(),
        headers,
    })
}

/// One object as the form wants it.
pub(crate) fn object_body(
    served: &Served,
    entry: &Entry,
    request: &Request,
    form: &Form,
    now: Timestamp,
) -> Result<Bytes, ApiError> {
    match form.transform {
        Transform::Plain if form.encoding == Encoding::Json && !form.pretty => {
            let json = object_json(served, entry);
            let mut body = Vec::with_capacity(json.len() + 1);
            body.extend_from_slice(&json);
            body.push(b'\n');
            Ok(body.into())
        }
        Transform::Plain => Ok(encode(
            &in_version(served, &entry.value),
            served.type_id(),
            form,
        )),
        Transform::Table => {
            let value = table_of(served, entry, &table_options(request, form, true)?, now)?;
            Ok(encode(&value, meta_type("Table", &form.meta_version), form))
        }
        Transform::PartialObject => {
            let value = partial(&entry.value, &form.meta_version);
            Ok(encode(
                &value,
                meta_type("PartialObjectMetadata", &form.meta_version),
                form,
            ))
        }
        // An object without a type could be a list; what is in it is looked for.
        Transform::PartialList if served.custom().is_some() => {
            Err(ApiError::internal("content is not a list"))
        }
        Transform::PartialList => Err(not_a_list(&go_type(served, false))),
    }
}

/// 406: the metadata of a list were asked for.
pub(crate) fn not_a_list(go_type: &str) -> ApiError {
    ApiError::not_acceptable(format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({go_type})"
    ))
}

/// A header of fixed text.
pub(crate) fn set_header(headers: &mut HeaderMap, name: http::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

/// Headers of every reply.
pub(crate) fn headers(content_type: &str, warnings: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set_header(&mut headers, CONTENT_TYPE, content_type);
    set_header(&mut headers, CACHE_CONTROL, "no-cache, private");
    for value in warning::values(warnings) {
        set_header(&mut headers, WARNING, &value);
    }
    headers
}

/// A whole response, compressed if it is large and the client takes gzip.
pub(crate) fn response(
    request: &Request,
    status: u16,
    body: Bytes,
    content_type: &str,
    warnings: &[String],
) -> Response {
    let mut headers = headers(content_type, warnings);
    let gzip = body.len() > GZIP_FROM && takes_gzip(request);
    let body = match gzip.then(|| compress(&body)).flatten() {
        Some(compressed) => {
            set_compressed(&mut headers);
            compressed
        }
        None => body,
    };
    Response {
        status,
        headers,
        body,
    }
}

/// Says that the body is compressed.
pub(super) fn set_compressed(headers: &mut HeaderMap) {
    set_header(headers, CONTENT_ENCODING, "gzip");
    set_header(headers, VARY, "Accept-Encoding");
}

/// Whether the client takes compressed bodies.
pub(crate) fn takes_gzip(request: &Request) -> bool {
    request
        .header(ACCEPT_ENCODING)
        .is_some_and(|accepted| accepted.split(',').any(|name| name.trim() == "gzip"))
}

/// A body in gzip's form.
pub(crate) fn compress(body: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// A Status (success or failure) as a response.
pub(crate) fn status_response(
    request: &Request,
    code: u16,
    status: &Value,
    warnings: &[String],
) -> Response {
    let (encoding, pretty) = error_form(request);
    let body = encode_as(status, meta_type("Status", "v1"), encoding, pretty);
    let content_type = match encoding {
        Encoding::Json => "application/json",
        Encoding::Yaml => "application/yaml",
    };
    response(request, code, body, content_type, warnings)
}

/// A failure as a response.
pub(crate) fn error_response(request: &Request, error: &ApiError, warnings: &[String]) -> Response {
    if error.plain_text {
        let body = Bytes::from(error.message.clone().into_bytes());
        let text = "text/plain; charset=utf-8";
        let mut response = response(request, error.code, body, text, warnings);
        set_header(&mut response.headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        return response;
    }
    let mut response = status_response(request, error.code, &error.to_status(), warnings);
    if error.no_sniff {
        set_header(&mut response.headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    let seconds = error
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    if error.retry_header && seconds > 0 {
        set_header(&mut response.headers, RETRY_AFTER, &seconds.to_string());
    }
    response
}

/// A failure before anything else was looked at.
pub(crate) fn error_response_without_warnings(request: &Request, error: &ApiError) -> Response {
    error_response(request, error, &[])
}

/// 429 while as many requests are under way as allowed; plain text, as the filter before all handlers writes it.
pub(crate) fn too_many_in_flight(request: &Request) -> Response {
    let text = "Too many requests, please try again later.\n";
    let mut response = response(
        request,
        429,
        Bytes::from_static(text.as_bytes()),
        "text/plain; charset=utf-8",
        &[],
    );
    set_header(&mut response.headers, RETRY_AFTER, "1");
    response
}

/// The table of one object.
fn table_of(
    served: &Served,
    entry: &Entry,
    options: &TableOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let object = in_version(served, &entry.value);
    let metadata = json!({"resourceVersion": meta::resource_version(&object)});
    table(served, &[object], &metadata, options, now)
}

/// Refuses a form that no event could have.
pub(crate) fn check_event_form(request: &Request, form: &Form) -> Result<(), ApiError> {
    match form.transform {
        Transform::Table => table_options(request, form, false).map(|_| ()),
        Transform::Plain | Transform::PartialObject | Transform::PartialList => Ok(()),
    }
}

/// One object of a watch event as the form wants it; JSON only.
pub(crate) fn event_object(
    served: &Served,
    entry: &Entry,
    request: &Request,
    form: &Form,
    headers: bool,
    now: Timestamp,
) -> Result<Bytes, ApiError> {
    match form.transform {
        Transform::Plain => Ok(object_json(served, entry)),
        Transform::Table => {
            let value = table_of(served, entry, &table_options(request, form, headers)?, now)?;
            Ok(go_json::to_vec(&value, meta_type("Table", &form.meta_version)).into())
        }
        Transform::PartialList => Err(not_a_list(&go_type(served, false))),
        Transform::PartialObject => {
            let value = partial(&entry.value, &form.meta_version);
            Ok(go_json::to_vec(
                &value,
                meta_type("PartialObjectMetadata", &form.meta_version),
            )
            .into())
        }
    }
}
