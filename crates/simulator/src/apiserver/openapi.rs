//! `OpenAPI` documents: `/openapi/v2`, `/openapi/v3` and below.
//!
//! Built-in schemas come from `k8s-openapi`, with list types, merge keys and defaults from the type table; those of
//! definitions are merged in. Mirrors `kube-openapi/pkg/{handler,handler3}`. The hash in URLs and `ETag`s is that of what
//! a document is made from, so that the index costs nothing.

mod convert;
mod custom;
mod document;
mod gnostic;
mod kinds;
mod operation;
mod paths;
mod plain;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::{ApiServer, discovery};
use crate::request::{Request, Response};
use document::GroupVersion;
use plain::Plain;

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

/// The group versions with a document, in the order of discovery.
fn group_versions(api: &ApiServer) -> Vec<GroupVersion> {
    let groups = discovery::groups(api);
    let customs: Vec<_> = api
        .registry()
        .custom()
        .map(|(_, version)| version.clone())
        .collect();
    let all = groups.into_iter().flat_map(|group| {
        let name = group.name;
        group
            .versions
            .into_iter()
            .map(move |(version, entries)| (name.clone(), version, entries))
    });
    all.map(|(group, version, entries)| GroupVersion::new(group, version, entries, &customs))
        .collect()
}

/// What is outside of group versions.
fn others(api: &ApiServer) -> Vec<Plain> {
    let groups = discovery::groups(api);
    let builtin = groups
        .iter()
        .map(|group| group.name.as_str())
        .filter(|name| !name.is_empty() && api.registry().is_builtin_group(name));
    plain::all(builtin)
}

/// `/openapi/v3`: where each document is. The reference sends it as text.
fn index(api: &ApiServer) -> Response {
    let versions = group_versions(api);
    let versions = versions
        .iter()
        .map(|document| (document.place(), document.hash()));
    let others = others(api);
    let others = others
        .iter()
        .map(|other| (other.place.clone(), other.hash()));
    let paths: BTreeMap<String, Value> = versions
        .chain(others)
        .map(|(place, hash)| {
            let url = format!("/openapi/v3/{place}?hash={hash}");
            (place, json!({ "serverRelativeURL": url }))
        })
        .collect();
    let mut response = headed(200, "text/plain; charset=utf-8");
    response.body = json!({ "paths": paths }).to_string().into();
    set(&mut response.headers, header::ACCEPT_RANGES, "bytes");
    response
}

/// The document of a place, and its hash.
fn document_at(api: &ApiServer, place: &str) -> Option<(String, Box<dyn Fn() -> Value>)> {
    let versions = group_versions(api).into_iter();
    if let Some(found) = versions.into_iter().find(|known| known.place() == place) {
        return Some((found.hash(), Box::new(move || found.version_3())));
    }
    let found = others(api).into_iter().find(|known| known.place == place)?;
    Some((found.hash(), Box::new(move || found.version_3())))
}

fn version_3(api: &ApiServer, request: &Request, place: &str) -> Response {
    let Some((hash, document)) = document_at(api, place) else {
        return headed(404, "");
    };
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
            response.body = document().to_string().into();
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

fn version_2(api: &ApiServer, request: &Request) -> Response {
    let (json, gnostic) = (accepts_json(request), accepts_gnostic(request));
    if !json && !gnostic {
        let mut response = headed(406, "");
        set(&mut response.headers, header::VARY, "Accept");
        return response;
    }
    let documents = group_versions(api);
    let hashes: String = documents.iter().map(GroupVersion::hash).collect();
    let content_type = if json { JSON } else { GNOSTIC };
    let form = format!("{hashes}{content_type}");
    let etag = format!("\"{}\"", hash(form.as_bytes()));
    let mut response = if is_known(request, &etag) {
        headed(304, "")
    } else {
        let document = document::version_2(&documents, &others(api));
        let body = if json {
            document.to_string().into()
        } else {
            gnostic::document(&document).into()
        };
        let mut response = super::reply::response(request, 200, body, content_type, &[]);
        set(&mut response.headers, header::ACCEPT_RANGES, "bytes");
        response
    };
    set(&mut response.headers, header::ETAG, &etag);
    set(&mut response.headers, header::VARY, "Accept");
    response
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
