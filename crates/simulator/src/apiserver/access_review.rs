//! Reviews: who somebody is, and what somebody may do
//! (`pkg/registry/{authentication/tokenreview,authorization/…}`, `pkg/apis/authorization/validation`).

use std::collections::BTreeMap;

use machinery::builtin::validation::{BadValue, FieldError};
use serde_json::{Map, Value, json};

use super::ApiServer;
use super::handle::Call;
use super::rbac::index::{Held, together};
use super::rbac::rule::{Asked, Attributes, ResourceAsked, Rule};
use super::tokens::ISSUER;
use crate::request::User;
use crate::status_error::ApiError;

impl ApiServer {
    /// Fills in the status of a review.
    pub(crate) fn answer_review(&self, call: &Call<'_>, body: &mut Value) -> Result<(), ApiError> {
        let status = match call.served.resource.kind.as_ref() {
            "SelfSubjectReview" => {
                let made = machinery::time::rfc3339(call.now);
                set(body, "metadata", json!({"creationTimestamp": made}));
                json!({"userInfo": user_info(call.user)})
            }
            "TokenReview" => self.review_token(call, body)?,
            "SelfSubjectRulesReview" => {
                let namespace = text(body, "/spec/namespace");
                if namespace.is_empty() {
                    return Err(ApiError::bad_request("no namespace on request"));
                }
                let status = rules_status(&self.rbac.rules_of(call.user, namespace));
                set(body, "spec", json!({}));
                status
            }
            "SelfSubjectAccessReview" => {
                check_attributes(body, false, None)?;
                self.decided(call.user, body)
            }
            kind => {
                let local =
                    (kind == "LocalSubjectAccessReview").then_some(call.target.namespace.as_str());
                if let Some(namespace) = local {
                    machinery::meta::set_namespace(body, namespace);
                }
                check_attributes(body, true, local)?;
                self.decided(&subject_of(body), body)
            }
        };
        set(body, "status", status);
        Ok(())
    }

    fn decided(&self, user: &User, body: &Value) -> Value {
        let asked = |name: &str| text(body, &format!("/spec/resourceAttributes/{name}"));
        let wanted = if body.pointer("/spec/resourceAttributes").is_some() {
            Attributes {
                verb: asked("verb"),
                object: Asked::Resource(ResourceAsked {
                    group: asked("group"),
                    resource: asked("resource"),
                    subresource: asked("subresource"),
                    namespace: asked("namespace"),
                    name: asked("name"),
                }),
            }
        } else {
            Attributes {
                verb: text(body, "/spec/nonResourceAttributes/verb"),
                object: Asked::Path(text(body, "/spec/nonResourceAttributes/path")),
            }
        };
        let decision = self.decide(user, &wanted);
        let mut status = json!({"allowed": decision.allowed});
        if !decision.reason.is_empty() {
            set(&mut status, "reason", json!(decision.reason));
        }
        status
    }

    fn review_token(&self, call: &Call<'_>, body: &Value) -> Result<Value, ApiError> {
        let token = text(body, "/spec/token");
        if token.is_empty() {
            let text = "token is required for TokenReview in authentication";
            return Err(ApiError::bad_request(text));
        }
        let mut audiences = texts(body.pointer("/spec/audiences"));
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        Ok(match self.authenticate(token, &audiences, call.now) {
            Ok(bearer) => json!({
                "authenticated": true, "user": user_info(&bearer.user), "audiences": bearer.audiences,
            }),
            Err(error) => json!({"user": {}, "error": error}),
        })
    }
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    let items = items.filter_map(Value::as_str);
    items.map(str::to_owned).collect()
}

fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".to_owned(), json!(user.name));
    if !user.uid.is_empty() {
        info.insert("uid".to_owned(), json!(user.uid));
    }
    if !user.groups.is_empty() {
        info.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    info.into()
}

/// The user a `SubjectAccessReview` is about.
fn subject_of(body: &Value) -> User {
    let extra = body.pointer("/spec/extra").and_then(Value::as_object);
    let extra = extra.into_iter().flatten();
    let extra: BTreeMap<String, Vec<String>> = extra
        .map(|(key, values)| (key.clone(), texts(Some(values))))
        .collect();
    User {
        name: text(body, "/spec/user").to_owned(),
        uid: text(body, "/spec/uid").to_owned(),
        groups: texts(body.pointer("/spec/groups")),
        extra,
    }
}

fn rules_status(held: &Held) -> Value {
    let resource = |rule: &Rule| {
        let mut shown = json!({
            "verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources,
        });
        if !rule.resource_names.is_empty() {
            set(&mut shown, "resourceNames", json!(rule.resource_names));
        }
        shown
    };
    let resources = held.rules.iter().filter(|rule| !rule.resources.is_empty());
    let paths = held.rules.iter().filter(|rule| !rule.paths.is_empty());
    let resources: Vec<Value> = resources.map(resource).collect();
    let paths: Vec<Value> = paths
        .map(|rule| json!({"verbs": rule.verbs, "nonResourceURLs": rule.paths}))
        .collect();
    let mut status = json!({
        "resourceRules": resources, "nonResourceRules": paths, "incomplete": false,
    });
    if !held.errors.is_empty() {
        set(
            &mut status,
            "evaluationError",
            json!(together(&held.errors)),
        );
    }
    status
}

/// 422 unless the review asks about exactly one thing, about somebody, and, in a namespace, about that one.
fn check_attributes(body: &Value, somebody: bool, local: Option<&str>) -> Result<(), ApiError> {
    let field = |name: &str| body.pointer(&format!("/spec/{name}"));
    let mut errors = Vec::new();
    let (resource, other) = (
        field("resourceAttributes").is_some(),
        field("nonResourceAttributes").is_some(),
    );
    if resource == other {
        let (name, text) = if resource {
            (
                "spec.nonResourceAttributes",
                "cannot be specified in combination with resourceAttributes",
            )
        } else {
            (
                "spec.resourceAttributes",
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            )
        };
        let null = BadValue::Json("null".to_owned());
        errors.push(FieldError::invalid(name, null, text));
    }
    if somebody && field("user").is_none() && field("groups").is_none() {
        let text = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", text));
    }
    if let Some(namespace) = local {
        let asked = text(body, "/spec/resourceAttributes/namespace");
        if resource && asked != namespace {
            let name = "spec.resourceAttributes.namespace";
            let text = "must match metadata.namespace";
            errors.push(FieldError::invalid(name, asked, text));
        }
        if let Some(asked) = field("nonResourceAttributes") {
            let asked = BadValue::Json(asked.to_string());
            let text = "disallowed on this kind of request";
            errors.push(FieldError::invalid(
                "spec.nonResourceAttributes",
                asked,
                text,
            ));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid_as(
        ".authorization.k8s.io",
        "authorization.k8s.io",
        "",
        "",
        &errors,
    ))
}
