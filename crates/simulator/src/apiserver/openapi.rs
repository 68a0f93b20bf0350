//! `OpenAPI` documents: `/openapi/v2`, `/openapi/v3` and below.
//!
//! Built-in schemas come from `k8s-openapi`, with list types, merge keys and defaults from the type table; those of
//! definitions are merged in. Mirrors `kube-openapi/pkg/{handler,handler3}`. The hash in URLs and `ETag`s is that of what
//! a document is made from, so that the index costs nothing.

mod convert;
mod custom;
mod document;
mod gnostic;
mod kept;
mod kinds;
mod operation;
mod paths;
mod plain;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::{ApiServer, reply};
use crate::request::{Request, Response};
pub(crate) use kept::Kept;

const JSON: &str = "application/json";
/// Swagger in protobuf. The `@` of its old name has no place in a `Content-Type`.
const GNOSTIC: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const PRIVATE: &str = "no-cache, private";

/// Upper-case hexadecimal SHA-512, as in `ETag`s and hashed URLs.
pub fn hash(document: &[u8]) -> String {
    use sha2::{Digest, Sha512};
    Sha512::digest(document)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

/// Answers an `OpenAPI` path, whatever the method; `None` if the path is none.
pub fn respond(api: &mut ApiServer, request: &Request) -> Option<Response> {
    match request.path.strip_prefix("/openapi/")? {
        "v2" => Some(version_2(api, request)),
        "v3" => Some(index(api)),
        rest => rest
            .strip_prefix("v3/")
            .map(|place| version_3(api, request, place)),
    }
}

/// `/openapi/v3`: where each document is. The reference sends it as text.
fn index(api: &mut ApiServer) -> Response {
    let mut response = headed(200, "text/plain; charset=utf-8");
    response.body = Kept::of(api).index();
    set(&mut response.headers, header::ACCEPT_RANGES, "bytes");
    response
}

fn version_3(api: &mut ApiServer, request: &Request, place: &str) -> Response {
    let Some(document) = Kept::of(api).at(place) else {
        return headed(404, "");
    };
    let hash = document.hash.clone();
    if !accepts_json(request) {
        let mut response = headed(406, "");
        set(&mut response.headers, header::VARY, "Accept");
        return response;
    }
    let etag = format!("\"{hash}\"");
    let wanted = request.query_value("hash").filter(|hash| !hash.is_empty());
    let mut response = match wanted {
        Some(wanted) if wanted != hash => {
            let mut response = headed(301, JSON);
            let right = format!("/openapi/v3/{place}?hash={hash}");
            set(&mut response.headers, header::LOCATION, &right);
            response
        }
        _ if is_known(request, &etag) => headed(304, ""),
        _ => {
            let mut response = headed(200, JSON);
            response.body = document.body();
            set(&mut response.headers, header::ACCEPT_RANGES, "bytes");
            response
        }
    };
    set(&mut response.headers, header::ETAG, &etag);
    set(&mut response.headers, header::VARY, "Accept");
    if wanted == Some(hash.as_str()) {
        let for_ever = "public, immutable";
        set(&mut response.headers, header::CACHE_CONTROL, for_ever);
        let end = "Thu, 31 Dec 2099 23:59:59 UTC";
        set(&mut response.headers, header::EXPIRES, end);
    }
    response
}

fn version_2(api: &mut ApiServer, request: &Request) -> Response {
    let (json, gnostic) = (accepts_json(request), accepts_gnostic(request));
    if !json && !gnostic {
        let mut response = headed(406, "");
        varies(&mut response.headers);
        return response;
    }
    let kept = Kept::of(api);
    let content_type = if json { JSON } else { GNOSTIC };
    let etag = kept::tag(kept, content_type);
    let mut response = if is_known(request, &etag) {
        headed(304, "")
    } else {
        let mut response = headed(200, content_type);
        let swagger = kept.swagger(json);
        let compressed = reply::takes_gzip(request).then(|| swagger.compressed());
        response.body = match compressed.flatten() {
            Some(compressed) => {
                set(&mut response.headers, header::CONTENT_ENCODING, "gzip");
                compressed
            }
            None => swagger.plain.clone(),
        };
        set(&mut response.headers, header::ACCEPT_RANGES, "bytes");
        response
    };
    set(&mut response.headers, header::ETAG, &etag);
    varies(&mut response.headers);
    response
}

/// What the second version of the document depends on, one by one.
fn varies(headers: &mut HeaderMap) {
    set(headers, header::VARY, "Accept-Encoding");
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
}

/// Whether JSON will do: protobuf alone will not.
fn accepts_json(request: &Request) -> bool {
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    accept.trim().is_empty()
        || accept.split(',').any(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            matches!(media_type, JSON | "application/*" | "*/*")
        })
}

/// Whether a client asks for the protobuf form, by its old or its new name.
fn accepts_gnostic(request: &Request) -> bool {
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    accept.split(',').map(str::trim).any(|range| {
        range.starts_with(GNOSTIC)
            || range.starts_with("application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    })
}

fn is_known(request: &Request, etag: &str) -> bool {
    let known = request.header(header::IF_NONE_MATCH).unwrap_or_default();
    known.split(',').map(str::trim).any(|tag| {
        // A document is the same whether a cache calls it so weakly or strongly.
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

/// A response without a body; an empty content type is none.
fn headed(status: u16, content_type: &str) -> Response {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        set(&mut headers, header::CONTENT_TYPE, content_type);
    }
    set(&mut headers, header::CACHE_CONTROL, PRIVATE);
    Response {
        status,
        headers,
        body: Bytes::new(),
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The form of a document: what references and unions look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Swagger 2.0.
    V2,
    /// OpenAPI 3.0.
    V3,
}

impl Form {
    /// A reference to a schema by model name.
    fn reference(self, name: &str) -> Value {
        Value::from(match self {
            Self::V2 => format!("#/definitions/{name}"),
            Self::V3 => format!("#/components/schemas/{name}"),
        })
    }
}
