//! The routes of built-in resources: which methods they take, and what they can answer with
//! (`apiserver/pkg/endpoints/installer.go`, `emicklei/go-restful`'s `detectRoute`).

use http::Method;

use super::negotiate::{Conversions, Route};
use super::registry::{Backing, Served};
use super::target::Target;
use crate::request::Request;
use crate::status_error::ApiError;

/// Groups whose statuses are shown as no table: their storage for it has no converter.
const WITHOUT_STATUS_TABLES: [&str; 4] = [
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
];

/// Whether there is a route with that method, which is asked before the media types of the request. Custom resources
/// have a handler of their own, which looks at them in another order.
///
/// # Errors
/// 405 if a built-in resource has none.
pub(super) fn check_method(
    request: &Request,
    served: &Served,
    target: &Target,
) -> Result<(), ApiError> {
    let across = served.resource.namespaced && target.namespace.is_empty();
    let verb = match (request.method.as_str(), target.name.is_empty()) {
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("POST", true) if !across => "create",
        ("POST", false) if !target.subresource.is_empty() => "create",
        ("PUT", false) => "update",
        ("PATCH", false) => "patch",
        ("DELETE", true) if !across => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "",
    };
    let Backing::Builtin { entry, .. } = &served.backing else {
        return Ok(());
    };
    let verbs = if target.subresource.is_empty() {
        Some(&entry.verbs)
    } else {
        let name = target.subresource.split('/').next().unwrap_or_default();
        let found = entry.subresources.iter().find(|known| known.name == name);
        found.map(|known| &known.verbs)
    };
    if verbs.is_some_and(|verbs| verbs.iter().any(|known| known == verb)) {
        return Ok(());
    }
    // Across namespaces there are lists alone.
    let listed = entry.verbs.iter().any(|known| known == "list");
    if across && target.name.is_empty() && !listed {
        return Err(ApiError::unknown_resource());
    }
    // What is only ever made has no routes for single ones.
    let made_only = entry.verbs.iter().all(|known| known == "create");
    if made_only && target.subresource.is_empty() && !target.name.is_empty() {
        return Err(ApiError::unknown_resource());
    }
    Err(ApiError::method_not_allowed())
}

/// What a route can answer with.
pub(super) fn of(request: &Request, served: &Served, target: &Target) -> Route {
    let builtin = served.type_id().is_some();
    Route {
        routed: builtin,
        streams: request.method == Method::GET && target.name.is_empty(),
        conversions: if builtin && !has_table(served, target) {
            Conversions::Metadata
        } else {
            Conversions::All
        },
    }
}

/// Whether a built-in resource or subresource can be shown as a table.
fn has_table(served: &Served, target: &Target) -> bool {
    let group: &str = &served.resource.group;
    match target.subresource.as_str() {
        "" => served.has_verb("list"),
        "scale" => true,
        "status" => !WITHOUT_STATUS_TABLES.contains(&group),
        _ => false,
    }
}

/// What a method on one object is called.
pub(crate) fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}
