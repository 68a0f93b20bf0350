//! Who may do what. RBAC is not here yet: members of `system:masters` may do everything, everybody else nothing but
//! read what is open to all authenticated users.

use http::HeaderName;

use super::target::Target;
use crate::request::{Request, User};
use crate::status_error::{ApiError, Details};

const IMPERSONATION: [&str; 3] = ["impersonate-user", "impersonate-group", "impersonate-uid"];

/// Impersonation is refused: it means nothing without RBAC.
pub(crate) fn check_impersonation(request: &Request) -> Result<(), ApiError> {
    let asked = IMPERSONATION
        .iter()
        .any(|name| request.headers.contains_key(HeaderName::from_static(name)));
    if asked {
        Err(ApiError::unsupported("impersonation"))
    } else {
        Ok(())
    }
}

/// Paths every authenticated user may read.
fn is_open(path: &str) -> bool {
    [
        "/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz",
    ]
    .iter()
    .any(|open| {
        path.strip_prefix(open)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn verb(request: &Request, target: &Target) -> &'static str {
    let watch = super::options::boolean(request, "watch") == Some(true);
    match (request.method.as_str(), target.name.is_empty()) {
        ("GET" | "HEAD", _) if watch => "watch",
        ("GET" | "HEAD", true) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "get",
    }
}

const NOTE: &str =
    "RBAC is not supported by this version of Carrick: only members of system:masters have rights";

/// 403 unless the user may do that.
pub(crate) fn authorize(
    user: &User,
    request: &Request,
    target: Option<&Target>,
) -> Result<(), ApiError> {
    if user.is_admin() {
        return Ok(());
    }
    let Some(target) = target else {
        let user = &user.name;
        let method = request.method.as_str().to_ascii_lowercase();
        if method == "get" && is_open(&request.path) {
            return Ok(());
        }
        let message = format!(
            "forbidden: User {user:?} cannot {method} path {:?} ({NOTE})",
            request.path
        );
        return Err(ApiError::new(
            403,
            "Forbidden",
            message,
            Some(Details::default()),
        ));
    };
    authorize_verb(user, verb(request, target), target)
}

/// 403 unless the user may do that to what the path names; an apply that creates needs `create` beside `patch`.
pub(crate) fn authorize_verb(user: &User, verb: &str, target: &Target) -> Result<(), ApiError> {
    if user.is_admin() {
        return Ok(());
    }
    let user = &user.name;
    let mut resource = target.plural.clone();
    if !target.subresource.is_empty() {
        resource = format!("{resource}/{}", target.subresource);
    }
    let place = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", target.namespace)
    };
    let qualified = if target.group.is_empty() {
        target.plural.clone()
    } else {
        format!("{}.{}", target.plural, target.group)
    };
    let subject = if target.name.is_empty() {
        qualified
    } else {
        format!("{qualified} {:?}", target.name)
    };
    let message = format!(
        "{subject} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {:?} {place} ({NOTE})",
        target.group
    );
    let details = Details {
        name: target.name.clone(),
        group: target.group.clone(),
        kind: target.plural.clone(),
        ..Details::default()
    };
    Err(ApiError::new(403, "Forbidden", message, Some(details)))
}
