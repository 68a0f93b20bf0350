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
mod paths;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use super::{ApiServer, discovery};
use crate::request::{Request, Response};
use document::GroupVersion;

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

/// Answers an `OpenAPI` path; `None` if the path is none.
pub fn respond(api: &mut ApiServer, request: &Request) -> Option<Response> {
    let path = request.path.trim_end_matches('/');
    let rest = path.strip_prefix("/openapi/")?;
    if request.method != Method::GET && request.method != Method::HEAD {
        return Some(plain(
            405,
            "text/plain; charset=utf-8",
            "Method Not Allowed\n".to_owned(),
        ));
    }
    match rest.split_once('/') {
        None if rest == "v2" => Some(version_2(api, request)),
        None if rest == "v3" => Some(index(api)),
        Some(("v3", place)) => Some(version_3(api, request, place)),
        _ => None,
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

/// `/openapi/v3`: where each document is. The reference sends it as text.
fn index(api: &ApiServer) -> Response {
    let mut paths = Map::new();
    for document in group_versions(api) {
        let place = document.place();
        let url = format!("/openapi/v3/{place}?hash={}", document.hash());
        paths.insert(place, json!({ "serverRelativeURL": url }));
    }
    plain(
        200,
        "text/plain; charset=utf-8",
        json!({ "paths": paths }).to_string(),
    )
}

fn version_3(api: &ApiServer, request: &Request, place: &str) -> Response {
    let Some(document) = group_versions(api)
        .into_iter()
        .find(|document| document.place() == place)
    else {
        return plain(404, "text/plain; charset=utf-8", String::new());
    };
    if !accepts_json(request) {
        return plain(406, "text/plain; charset=utf-8", String::new());
    }
    let hash = document.hash();
    let etag = format!("\"{hash}\"");
    match request.query_value("hash") {
        Some(wanted) if wanted != hash => {
            let mut response = plain(301, JSON, String::new());
            set(
                &mut response.headers,
                header::LOCATION,
                &format!("/openapi/v3/{place}?hash={hash}"),
            );
            set(&mut response.headers, header::ETAG, &etag);
            response
        }
        wanted => {
            let known = is_known(request, &etag);
            let body = if known {
                String::new()
            } else {
                document.version_3().to_string()
            };
            let mut response = plain(if known { 304 } else { 200 }, JSON, body);
            set(&mut response.headers, header::ETAG, &etag);
            set(&mut response.headers, header::VARY, "Accept");
            if wanted.is_some() {
                set(
                    &mut response.headers,
                    header::CACHE_CONTROL,
                    "public, immutable",
                );
                set(
                    &mut response.headers,
                    header::EXPIRES,
                    "Thu, 31 Dec 2099 23:59:59 GMT",
                );
            }
            response
        }
    }
}

fn version_2(api: &ApiServer, request: &Request) -> Response {
    let (json, gnostic) = (accepts_json(request), accepts_gnostic(request));
    if !json && !gnostic {
        return plain(406, "text/plain; charset=utf-8", String::new());
    }
    let documents = group_versions(api);
    let hashes: String = documents.iter().map(GroupVersion::hash).collect();
    let content_type = if json { JSON } else { GNOSTIC };
    let form = format!("{hashes}{content_type}");
    let etag = format!("\"{}\"", hash(form.as_bytes()));
    let known = is_known(request, &etag);
    let status = if known { 304 } else { 200 };
    let mut response = plain(status, content_type, String::new());
    if !known {
        let document = document::version_2(&documents);
        response.body = if json {
            document.to_string().into()
        } else {
            gnostic::document(&document).into()
        };
    }
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
    request
        .header(header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag))
}

fn plain(status: u16, content_type: &str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, content_type);
    set(&mut headers, header::CACHE_CONTROL, PRIVATE);
    Response {
        status,
        headers,
        body: Bytes::from(body),
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
