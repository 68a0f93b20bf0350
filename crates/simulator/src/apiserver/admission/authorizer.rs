//! The `authorizer` of expressions: who may do what, asked of this server
//! (`apiserver/pkg/cel/library/authz.go`).

use std::sync::Arc;

use machinery::cel::admission::{
    AUTHORIZER, CHECK_COST, DECISION, GROUP_CHECK, PATH_CHECK, RESOURCE_CHECK,
};
use machinery::cel::{EvalError, Host, Value as Cel};
use machinery::names;
use serde_json::{Value, json};

use super::Attributes;
use crate::apiserver::ApiServer;
use crate::apiserver::rbac::rule::{Asked, Attributes as Wanted, ResourceAsked};
use crate::request::User;

/// Answers for one request.
#[derive(Clone, Copy)]
pub(super) struct Authorizer<'a> {
    server: &'a ApiServer,
    user: &'a User,
}

fn foreign(name: &str, data: Value) -> Cel {
    Cel::Foreign(Arc::from(name), Arc::new(data))
}

fn text<'a>(data: &'a Value, key: &str) -> &'a str {
    data.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The same data with one more field.
fn with(data: &Value, key: &str, value: &str) -> Value {
    let mut data = data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.insert(key.to_owned(), json!(value));
    }
    data
}

impl<'a> Authorizer<'a> {
    /// For what the request's user may do.
    pub(super) fn new(server: &'a ApiServer, attributes: &Attributes<'a>) -> Self {
        Self {
            server,
            user: attributes.user,
        }
    }

    /// `authorizer`.
    pub(super) fn value() -> Cel {
        foreign(AUTHORIZER, json!({}))
    }

    /// `authorizer.requestResource`.
    pub(super) fn request_resource(attributes: &Attributes<'_>) -> Cel {
        let resource = attributes.resource();
        foreign(
            RESOURCE_CHECK,
            json!({
                "group": resource.group, "resource": resource.plural, "subresource": attributes.subresource,
                "namespace": attributes.namespace, "name": attributes.name,
            }),
        )
    }

    fn check(&self, data: &Value, verb: &str, object: Asked<'_>) -> Cel {
        let other;
        let user = match (text(data, "accountNamespace"), text(data, "account")) {
            ("", _) => self.user,
            (namespace, name) => {
                other = User::service_account(namespace, name);
                &other
            }
        };
        let decision = self.server.decide(user, &Wanted { verb, object });
        foreign(
            DECISION,
            json!({"allowed": decision.allowed, "reason": decision.reason}),
        )
    }

    fn resource(&self, data: &Value, verb: &str) -> Cel {
        let resource = ResourceAsked {
            group: text(data, "group"),
            resource: text(data, "resource"),
            subresource: text(data, "subresource"),
            namespace: text(data, "namespace"),
            name: text(data, "name"),
        };
        self.check(data, verb, Asked::Resource(resource))
    }
}

/// Whose permissions are asked about from now on.
fn account(data: &Value, namespace: &str, name: &str) -> Result<Cel, EvalError> {
    if !names::dns1123_subdomain(name).is_empty() {
        return Err(EvalError::failed("Invalid service account name"));
    }
    if !names::dns1123_label(namespace).is_empty() {
        return Err(EvalError::failed("Invalid service account namespace"));
    }
    let data = with(data, "accountNamespace", namespace);
    Ok(foreign(AUTHORIZER, with(&data, "account", name)))
}

impl Host for Authorizer<'_> {
    fn call(&self, function: &str, arguments: &[Cel]) -> Option<Result<Cel, EvalError>> {
        let (Cel::Foreign(kind, data), rest) = arguments.split_first()? else {
            return None;
        };
        let texts: Vec<&str> = rest.iter().map_while(Cel::as_str).collect();
        Some(match (kind.as_ref(), function, texts.as_slice()) {
            (AUTHORIZER, "path", [path]) if path.trim().is_empty() => {
                Err(EvalError::failed("path must not be empty"))
            }
            (AUTHORIZER, "path", [path]) => Ok(foreign(PATH_CHECK, with(data, "path", path))),
            (AUTHORIZER, "group", [group]) => Ok(foreign(GROUP_CHECK, with(data, "group", group))),
            (AUTHORIZER, "serviceAccount", [namespace, name]) => account(data, namespace, name),
            (GROUP_CHECK, "resource", [resource]) if resource.trim().is_empty() => {
                Err(EvalError::failed("resource must not be empty"))
            }
            (GROUP_CHECK, "resource", [resource]) => {
                Ok(foreign(RESOURCE_CHECK, with(data, "resource", resource)))
            }
            (
                RESOURCE_CHECK,
                "subresource" | "namespace" | "name" | "fieldSelector" | "labelSelector",
                [value],
            ) => Ok(foreign(RESOURCE_CHECK, with(data, function, value))),
            (RESOURCE_CHECK, "check", [verb]) => Ok(self.resource(data, verb)),
            (PATH_CHECK, "check", [verb]) => {
                Ok(self.check(data, verb, Asked::Path(text(data, "path"))))
            }
            (DECISION, "allowed", []) => {
                Ok(Cel::Bool(data.get("allowed") == Some(&Value::Bool(true))))
            }
            (DECISION, "reason", []) => Ok(Cel::String(text(data, "reason").into())),
            // The server decides by rules of its own, which never fails.
            (DECISION, "errored", []) => Ok(Cel::Bool(false)),
            (DECISION, "error", []) => Ok(Cel::String("".into())),
            _ => return None,
        })
    }

    fn cost(&self, function: &str, arguments: &[Cel]) -> Option<u64> {
        let Cel::Foreign(..) = arguments.first()? else {
            return None;
        };
        Some(if function == "check" { CHECK_COST } else { 1 })
    }
}
