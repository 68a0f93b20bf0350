//! Reviews: who somebody is, and what somebody may do
//! (`pkg/registry/{authentication/tokenreview,authorization/…}`, `pkg/apis/authorization/validation`).

mod validation;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ApiServer;
use super::handle::Call;
use super::rbac::index::{Absent, Held, together};
use super::rbac::rule::{Asked, Attributes, ResourceAsked, Rule};
use super::tokens::ISSUER;
use crate::request::User;
use crate::status_error::ApiError;
use validation::About;

impl ApiServer {
    /// Refuses a review that can't be answered.
    pub(crate) fn check_review(kind: &str, body: &Value) -> Result<(), ApiError> {
        match kind {
            "TokenReview" if text(body, "/spec/token").is_empty() => {
                let text = "token is required for TokenReview in authentication";
                Err(ApiError::bad_request(text))
            }
            "SelfSubjectRulesReview" if text(body, "/spec/namespace").is_empty() => {
                Err(ApiError::bad_request("no namespace on request"))
            }
            "SelfSubjectAccessReview" => validation::check(body, About::Oneself),
            "SubjectAccessReview" => validation::check(body, About::Somebody),
            "LocalSubjectAccessReview" => validation::check(body, About::Locally),
            _ => Ok(()),
        }
    }

    /// Fills in the status of a review.
    pub(crate) fn answer_review(&self, call: &Call<'_>, body: &mut Value) {
        let status = match call.served.resource.kind.as_ref() {
            "SelfSubjectReview" => {
                let made = machinery::time::rfc3339(call.now);
                set(body, "metadata", json!({"creationTimestamp": made}));
                json!({"userInfo": user_info(call.user)})
            }
            "TokenReview" => self.review_token(call, body),
            "SelfSubjectRulesReview" => {
                let namespace = text(body, "/spec/namespace");
                let status = rules_status(&self.rbac.rules_of(call.user, namespace));
                set(body, "metadata", json!({}));
                set(body, "spec", json!({}));
                status
            }
            "SelfSubjectAccessReview" => self.decided(call.user, body),
            _ => self.decided(&subject_of(body), body),
        };
        set(body, "status", status);
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
        let attributes = body.pointer("/spec/resourceAttributes");
        if let Some(attributes) = attributes.and_then(Value::as_object) {
            let error = validation::evaluation_error(attributes);
            if !error.is_empty() {
                set(&mut status, "evaluationError", json!(error));
            }
        }
        status
    }

    fn review_token(&self, call: &Call<'_>, body: &Value) -> Value {
        let token = text(body, "/spec/token");
        let mut audiences = texts(body.pointer("/spec/audiences"));
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        match self.authenticate(token, &audiences, call.now) {
            Ok(bearer) => json!({
                "authenticated": true, "user": user_info(&bearer.user), "audiences": bearer.audiences,
            }),
            Err(error) => json!({"user": {}, "error": error}),
        }
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

/// A user as `authentication/v1` has it.
pub(crate) fn user_info(user: &User) -> Value {
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
    let errors: Vec<_> = held.absent.iter().map(Absent::in_lists).collect();
    if !errors.is_empty() {
        set(&mut status, "evaluationError", json!(together(&errors)));
    }
    status
}
