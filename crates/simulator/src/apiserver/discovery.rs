//! Discovery documents: `/api`, `/apis` and below, `/version`, `/livez` and its siblings, `/`.
//!
//! Mirrors `apiserver/pkg/endpoints/discovery` with the aggregated form of `apidiscovery.k8s.io/v2`, and
//! `kube-aggregator` for the order of groups.

mod documents;
mod entries;
pub(crate) mod health;
mod negotiate;
#[cfg(test)]
mod tests;

pub use entries::{Entry, GroupEntry, Subresource, compare_versions, groups};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use machinery::yaml;
use serde::Serialize;

use super::ApiServer;
use super::negotiate::{Conversions, Encoding, Route};
use crate::request::{Request, Response};
use crate::status_error::ApiError;

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a discovery path; `None` if the path is none.
///
/// # Errors
/// 405 or 406 where the route has methods or media types of its own.
pub fn respond(api: &ApiServer, request: &Request) -> Option<Result<Response, ApiError>> {
    let path = request.path.strip_suffix('/').unwrap_or(&request.path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        [] => Some(Ok(text(
            request,
            "application/json",
            health::root_paths(&groups(api)),
        ))),
        ["version"] => Some(version(request)),
        ["version", ..] => Some(Err(ApiError::unknown_resource())),
        ["livez" | "readyz" | "healthz", ..] => {
            Some(Ok(health::respond(api.instruments(), request)))
        }
        ["api" | "apis"] | ["api" | "apis", _] | ["apis", _, _] => {
            documents(api, request, &segments)
        }
        _ => None,
    }
}

/// Routes of their own take GET alone; what the aggregator answers takes any method.
fn routed(request: &Request) -> Result<(), ApiError> {
    if request.method == Method::GET {
        Ok(())
    } else {
        Err(ApiError::method_not_allowed())
    }
}

fn version(request: &Request) -> Result<Response, ApiError> {
    routed(request)?;
    let media_type = "application/json";
    super::negotiate::one_of(request, &[media_type])?;
    Ok(text(request, media_type, documents::version()))
}

/// Which version of Kubernetes this is, as a metric (`component-base/metrics/prometheus/version`).
pub(super) fn build_info(out: &mut metrics::Exposition) {
    let help = "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, \
                build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.";
    out.gauge("kubernetes_build_info", help, &documents::build(), 1.0);
}

fn documents(
    api: &ApiServer,
    request: &Request,
    segments: &[&str],
) -> Option<Result<Response, ApiError>> {
    let groups = groups(api);
    let find = |name: &str| groups.iter().find(|group| group.name == name);
    let version = |group: &GroupEntry, version: &str| {
        let found = group.versions.iter().find(|(name, _)| name == version);
        found.map(|(version, entries)| {
            let document = documents::resources(&group.name, version, entries);
            // Definitions are answered by a handler of their own, without a route.
            let custom = !api.registry().is_builtin_group(&group.name);
            if !custom {
                routed(request)?;
            }
            plain(request, &document, !custom)
        })
    };
    match segments {
        ["api" | "apis"] => {
            let core = segments == ["api"];
            if core && let Err(error) = routed(request) {
                return Some(Err(error));
            }
            let whole = core || !request.path.ends_with('/');
            if whole && negotiate::wants_aggregated(request) {
                let list: Vec<&GroupEntry> = groups
                    .iter()
                    .filter(|group| group.name.is_empty() == core)
                    .collect();
                return Some(Ok(aggregated(request, &documents::aggregated(&list))));
            }
            Some(if core {
                let document = documents::api_versions(api.options().advertise);
                plain(request, &document, true)
            } else {
                plain(request, &documents::group_list(&groups), false)
            })
        }
        ["apis", name] => find(name)
            .filter(|group| !name.is_empty() && !group.versions.is_empty())
            .map(|group| plain(request, &documents::group(group), false)),
        ["api", name] => version(find("")?, name),
        ["apis", group, name] if !group.is_empty() => version(find(group)?, name),
        _ => None,
    }
}

/// A document in the form that is asked for; a `routed` one has another text for what it can't be.
fn plain(request: &Request, document: &impl Serialize, routed: bool) -> Result<Response, ApiError> {
    let route = Route {
        routed,
        streams: false,
        conversions: Conversions::None,
    };
    let form = super::negotiate::negotiate(request, route)?;
    let body = match form.encoding {
        Encoding::Yaml => yaml::to_string(&serde_json::to_value(document).unwrap_or_default()),
        Encoding::Json => json(document, form.pretty),
    };
    Ok(text(request, &form.content_type, body))
}

/// As Go's two encoders do it: only the compact form ends its line.
fn json(document: &impl Serialize, pretty: bool) -> String {
    if pretty {
        return serde_json::to_string_pretty(document).unwrap_or_default();
    }
    serde_json::to_string(document).unwrap_or_default() + "\n"
}

fn aggregated(request: &Request, document: &impl Serialize) -> Response {
    let body = json(document, super::negotiate::pretty(request));
    // The same for who gets it on several lines.
    let compact = json(document, false);
    let etag = format!("\"{}\"", super::openapi::hash(compact.as_bytes()));
    let known = request.header(header::IF_NONE_MATCH) == Some(etag.as_str());
    let mut response = if known {
        let mut response = text(request, negotiate::AGGREGATED_V2, String::new());
        response.status = 304;
        response.headers.remove(header::CONTENT_TYPE);
        response
    } else {
        text(request, negotiate::AGGREGATED_V2, body)
    };
    set(&mut response.headers, header::CACHE_CONTROL, "public");
    set(&mut response.headers, header::ETAG, &etag);
    set(&mut response.headers, header::VARY, "Accept");
    response
}

fn text(request: &Request, content_type: &str, body: String) -> Response {
    super::reply::response(request, 200, Bytes::from(body), content_type, &[])
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
