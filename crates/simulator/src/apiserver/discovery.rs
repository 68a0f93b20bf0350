//! Discovery documents: `/api`, `/apis` and below, `/version`, `/livez` and its siblings, `/`.
//!
//! Mirrors `apiserver/pkg/endpoints/discovery` with the aggregated form of `apidiscovery.k8s.io/v2`, and
//! `kube-aggregator` for the order of groups.

mod documents;
mod entries;
mod health;
mod negotiate;
#[cfg(test)]
mod tests;

pub use entries::{Entry, GroupEntry, compare_versions, groups};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use machinery::yaml;
use serde::Serialize;

use super::ApiServer;
use crate::request::{Request, Response};
use crate::status_error::ApiError;
use negotiate::Wanted;

const PRIVATE: &str = "no-cache, private";

/// Answers a discovery path; `None` if the path is none.
pub fn respond(api: &ApiServer, request: &Request) -> Option<Response> {
    let path = request.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if !matches!(
        segments.as_slice(),
        [] | ["version" | "api" | "apis"]
            | ["apis", _]
            | ["api", "v1"]
            | ["apis", _, _]
            | ["livez" | "readyz" | "healthz", ..]
    ) {
        return None;
    }
    if request.method != Method::GET && request.method != Method::HEAD {
        return Some(status(&ApiError::method_not_allowed()));
    }
    match segments.as_slice() {
        [] => Some(text("application/json", health::root_paths(&groups(api)))),
        ["version"] => Some(text("application/json", documents::version())),
        ["livez" | "readyz" | "healthz", ..] => Some(health::respond(&segments, request)),
        _ => documents(api, request, &segments),
    }
}

fn documents(api: &ApiServer, request: &Request, segments: &[&str]) -> Option<Response> {
    let groups = groups(api);
    let find = |name: &str| groups.iter().find(|group| group.name == name);
    match segments {
        ["api" | "apis"] if negotiate::wanted(request) == Wanted::Aggregated => {
            let core = segments == ["api"];
            let list: Vec<&GroupEntry> = groups
                .iter()
                .filter(|group| group.name.is_empty() == core)
                .collect();
            Some(aggregated(request, &documents::aggregated(&list)))
        }
        ["api"] => Some(plain(
            request,
            &documents::api_versions(api.options().advertise),
        )),
        ["apis"] => Some(plain(request, &documents::group_list(&groups))),
        ["apis", name] => find(name)
            .filter(|group| !name.is_empty() && !group.versions.is_empty())
            .map(|group| plain(request, &documents::group(group))),
        ["api", version] | ["apis", "", version] => {
            let entries = find("")?
                .versions
                .iter()
                .find(|(name, _)| name == version)?;
            Some(plain(
                request,
                &documents::resources("", version, &entries.1),
            ))
        }
        ["apis", group, version] => {
            let found = find(group)?
                .versions
                .iter()
                .find(|(name, _)| name == version);
            found.map(|(_, entries)| plain(request, &documents::resources(group, version, entries)))
        }
        _ => None,
    }
}

/// A document as JSON, or as YAML where asked for.
fn plain(request: &Request, document: &impl Serialize) -> Response {
    if negotiate::wanted(request) == Wanted::Yaml {
        let value = serde_json::to_value(document).unwrap_or_default();
        return text("application/yaml", yaml::to_string(&value));
    }
    let mut body = serde_json::to_string(document).unwrap_or_default();
    body.push('\n');
    text("application/json", body)
}

fn aggregated(request: &Request, document: &impl Serialize) -> Response {
    let mut body = serde_json::to_string(document).unwrap_or_default();
    body.push('\n');
    let etag = format!("\"{}\"", super::openapi::hash(body.as_bytes()));
    let matches = request
        .header(header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag));
    let mut response = with_type(
        negotiate::AGGREGATED_V2,
        if matches { String::new() } else { body },
    );
    response.status = if matches { 304 } else { 200 };
    set(&mut response.headers, header::CACHE_CONTROL, "public");
    set(&mut response.headers, header::ETAG, &etag);
    set(&mut response.headers, header::VARY, "Accept");
    response
}

fn text(content_type: &str, body: String) -> Response {
    let mut response = with_type(content_type, body);
    set(&mut response.headers, header::CACHE_CONTROL, PRIVATE);
    response
}

fn with_type(content_type: &str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, content_type);
    Response {
        status: 200,
        headers,
        body: Bytes::from(body),
    }
}

fn status(error: &ApiError) -> Response {
    let mut body = serde_json::to_string(&error.to_status()).unwrap_or_default();
    body.push('\n');
    Response {
        status: error.code,
        ..text("application/json", body)
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
