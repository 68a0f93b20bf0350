//! Who may do what: what a request asks for, the decision about it, and the text of a refusal
//! (`apiserver/pkg/endpoints/request/requestinfo.go`, `handlers/responsewriters/errors.go`).

use machinery::decode::quote;

use super::ApiServer;
use super::rbac::index::Decision;
use super::rbac::rule::{Asked, Attributes, ResourceAsked};
use super::registry::Served;
use super::target::Target;
use crate::request::{Request, User};
use crate::status_error::{ApiError, Details};

/// What a request asks for, with what had to be computed for it.
pub(crate) struct Wanted<'a> {
    verb: String,
    target: Option<&'a Target>,
    path: &'a str,
    /// Name of the object, from the path or from a field selector.
    name: String,
}

impl<'a> Wanted<'a> {
    /// Reads a request; `target` is what its path names.
    pub fn of(request: &'a Request, target: Option<&'a Target>) -> Self {
        let name = target.map(|target| target.name.clone()).unwrap_or_default();
        let (verb, selected) = match request.method.as_str() {
            method if target.is_none() => (method.to_ascii_lowercase(), None),
            "POST" => ("create".to_owned(), None),
            "PUT" => ("update".to_owned(), None),
            "PATCH" => ("patch".to_owned(), None),
            "DELETE" if name.is_empty() => ("deletecollection".to_owned(), None),
            "DELETE" => ("delete".to_owned(), None),
            "GET" | "HEAD" if !name.is_empty() => ("get".to_owned(), None),
            "GET" | "HEAD" => {
                let watch = super::options::boolean(request, "watch") == Some(true);
                let verb = if watch { "watch" } else { "list" };
                (verb.to_owned(), selected_name(request))
            }
            _ => (String::new(), None),
        };
        Self {
            verb,
            target,
            path: &request.path,
            name: selected.unwrap_or(name),
        }
    }

    /// As rules look at it.
    pub fn attributes(&self) -> Attributes<'_> {
        let object = match self.target {
            None => Asked::Path(self.path),
            Some(target) => Asked::Resource(ResourceAsked {
                group: &target.group,
                resource: &target.plural,
                subresource: target.subresource.split('/').next().unwrap_or_default(),
                namespace: &target.namespace,
                name: &self.name,
            }),
        };
        Attributes {
            verb: &self.verb,
            object,
        }
    }
}

/// The one name a field selector leaves, if it is one that could stand in a path.
fn selected_name(request: &Request) -> Option<String> {
    let selector = request.query_value("fieldSelector")?;
    let selector = machinery::fields::Selector::parse(selector).ok()?;
    let name = selector.required_value("metadata.name")?;
    let in_path = !matches!(name, "" | "." | "..") && !name.contains(['/', '%']);
    in_path.then(|| name.to_owned())
}

impl ApiServer {
    /// Whether somebody may do something, and why.
    pub(crate) fn decide(&self, user: &User, wanted: &Attributes<'_>) -> Decision {
        if user.is_admin() {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }
        self.rbac.decide(user, wanted)
    }

    /// 403 unless somebody may do something.
    pub(crate) fn authorize(&self, user: &User, wanted: &Attributes<'_>) -> Result<(), ApiError> {
        let decision = self.decide(user, wanted);
        if decision.allowed {
            return Ok(());
        }
        Err(forbidden(user, wanted, &decision.reason))
    }

    /// The second check of a write that turns out to create its object, as an apply or a PUT may: 403 unless the user may
    /// create it. Here alone `create` matches rules that are limited to names.
    pub(crate) fn authorize_create(
        &self,
        user: &User,
        served: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<(), ApiError> {
        let object = ResourceAsked {
            group: &served.resource.group,
            resource: &served.resource.plural,
            namespace,
            name,
            ..ResourceAsked::default()
        };
        let wanted = Attributes {
            verb: "create",
            object: Asked::Resource(object),
        };
        self.authorize(user, &wanted)
    }
}

/// 403: somebody may not do something. The reason comes last, if there is one.
pub(crate) fn forbidden(user: &User, wanted: &Attributes<'_>, reason: &str) -> ApiError {
    let (verb, user) = (wanted.verb, quote(&user.name));
    let because = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    let resource = match wanted.object {
        Asked::Path(path) => {
            let text = escaped(&format!("User {user} cannot {verb} path {}", quote(path)));
            let message = format!("forbidden: {text}{because}");
            let details = Some(Details::default());
            return ApiError::new(403, "Forbidden", message, details).with_no_sniff();
        }
        Asked::Resource(resource) => resource,
    };
    let mut with_subresource = resource.resource.to_owned();
    if !resource.subresource.is_empty() {
        with_subresource = format!("{with_subresource}/{}", resource.subresource);
    }
    let place = if resource.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {}", quote(resource.namespace))
    };
    let mut subject = resource.resource.to_owned();
    if !resource.group.is_empty() {
        subject = format!("{subject}.{}", resource.group);
    }
    if !resource.name.is_empty() {
        subject = format!("{subject} {}", quote(resource.name));
    }
    let text = escaped(&format!(
        "User {user} cannot {verb} resource {} in API group {} {place}",
        quote(&with_subresource),
        quote(resource.group)
    ));
    let details = Details {
        name: resource.name.to_owned(),
        group: resource.group.to_owned(),
        kind: resource.resource.to_owned(),
        ..Details::default()
    };
    let message = format!("{subject} is forbidden: {text}{because}");
    ApiError::new(403, "Forbidden", message, Some(details)).with_no_sniff()
}

/// As a browser may show it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
