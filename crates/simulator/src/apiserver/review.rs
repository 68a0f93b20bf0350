//! Requests that store nothing: bindings, access and token reviews, component statuses.

use serde_json::{Value, json};

use super::ApiServer;
use super::body::read_typed;
use super::handle::Call;
use super::options::FieldValidation;
use super::reply::{self, ListMeta};
use crate::request::Reply;
use crate::status_error::ApiError;

impl ApiServer {
    /// Answers a request for a kind that is never stored; `None` for all others.
    pub(crate) fn review(&mut self, call: &mut Call<'_>) -> Option<Result<Reply, ApiError>> {
        let resource = call.served.resource.clone();
        let get = matches!(call.request.method.as_str(), "GET" | "HEAD");
        match (resource.group.as_ref(), resource.kind.as_ref()) {
            ("", "ComponentStatus") if get && call.target.name.is_empty() => {
                let metadata = ListMeta {
                    resource_version: self.revision().to_string(),
                    ..ListMeta::default()
                };
                let body = reply::list_body(
                    &call.served,
                    &[],
                    &metadata,
                    call.request,
                    &call.form,
                    call.now,
                );
                Some(body.map(|body| {
                    Reply::Full(reply::response(
                        call.request,
                        200,
                        body,
                        &call.form.content_type,
                        &call.warnings,
                    ))
                }))
            }
            ("", "ComponentStatus") if get => {
                Some(Err(ApiError::not_found(&resource, &call.target.name)))
            }
            ("authentication.k8s.io" | "authorization.k8s.io", _) | ("", "Binding") => {
                if call.request.method != http::Method::POST || !call.target.name.is_empty() {
                    return Some(Err(ApiError::method_not_allowed()));
                }
                Some(self.post_review(call))
            }
            _ => None,
        }
    }

    fn post_review(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let resource = call.served.resource.clone();
        let names = (
            resource.group.as_ref(),
            resource.version.as_ref(),
            resource.kind.as_ref(),
        );
        let mut body = read_typed(
            call.request,
            names,
            FieldValidation::Warn,
            &mut call.warnings,
        )?;
        let user = json!({"username": call.user.name, "groups": call.user.groups});
        let status = match resource.kind.as_ref() {
            "Binding" => {
                let namespace = call.target.namespace.clone();
                let name = machinery::meta::name(&body).to_owned();
                let mut writer = call.writer(false);
                self.bind(&namespace, &name, &body, &mut writer)?;
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
                return Ok(Reply::Full(reply::status_response(
                    call.request,
                    201,
                    &status,
                    &[],
                )));
            }
            "SelfSubjectReview" => json!({"userInfo": user}),
            "SelfSubjectAccessReview" => {
                check_attributes(&body, false)?;
                json!({"allowed": call.user.is_admin(), "reason": self_reason(call)})
            }
            "SelfSubjectRulesReview" => json!({
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": false,
            }),
            "TokenReview" => {
                let token = body
                    .pointer("/spec/token")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                match self.token_user(token, call.now) {
                    Some(user) => json!({
                        "authenticated": true, "user": {"username": user.name, "groups": user.groups},
                        "audiences": ["https://kubernetes.default.svc.cluster.local"],
                    }),
                    None => json!({"user": {}, "error": "invalid bearer token"}),
                }
            }
            _ => {
                check_attributes(&body, true)?;
                let groups = body.pointer("/spec/groups").and_then(Value::as_array);
                let admin = groups.is_some_and(|groups| groups.contains(&json!("system:masters")));
                if !admin {
                    return Err(ApiError::unsupported(
                        "an access review of a user outside system:masters (RBAC)",
                    ));
                }
                json!({"allowed": true})
            }
        };
        if let Some(fields) = body.as_object_mut() {
            fields.insert("kind".to_owned(), json!(resource.kind));
            fields.insert("apiVersion".to_owned(), json!(resource.api_version()));
            fields.insert("status".to_owned(), status);
        }
        Ok(call.value(201, &body, names))
    }
}

fn self_reason(call: &Call<'_>) -> &'static str {
    if call.user.is_admin() {
        ""
    } else {
        "RBAC is not supported by this version of Carrick"
    }
}

/// 422 unless the review asks about exactly one thing, and about somebody.
fn check_attributes(body: &Value, somebody: bool) -> Result<(), ApiError> {
    use machinery::builtin::validation::{BadValue, FieldError};
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
        errors.push(FieldError::invalid(
            name,
            BadValue::Json("null".to_owned()),
            text,
        ));
    }
    if somebody && field("user").is_none() && field("groups").is_none() {
        errors.push(FieldError::invalid(
            "spec.user",
            "",
            "at least one of user or group must be specified",
        ));
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
