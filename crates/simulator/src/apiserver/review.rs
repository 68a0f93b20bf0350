//! Requests that store nothing: bindings, access and token reviews, component statuses.

use serde_json::{Value, json};

use super::ApiServer;
use super::admission::{Attributes, Operation};
use super::body::read_typed;
use super::handle::Call;
use super::negotiate::{ACCEPTED, Transform};
use super::options::create_options;
use super::reply::{self, ListMeta};
use super::write::ensure_namespace;
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
                if !call.target.name.is_empty() {
                    return Some(Err(ApiError::unknown_resource()));
                }
                if call.request.method != http::Method::POST {
                    return Some(Err(ApiError::method_not_allowed()));
                }
                if call.form.transform != Transform::Plain {
                    return Some(Err(ApiError::not_acceptable(ACCEPTED)));
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
        let options = create_options(call.request)?;
        let mut body = read_typed(
            call.request,
            names,
            options.field_validation,
            &mut call.warnings,
        )?;
        if resource.kind == "Binding" {
            let namespace = call.target.namespace.clone();
            let name = machinery::meta::name(&body).to_owned();
            if name.is_empty() {
                return Err(ApiError::bad_request("Name parameter required."));
            }
            let mut writer = call.writer(options.dry_run);
            self.bind(&namespace, &name, &body, &mut writer)?;
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
            return Ok(Reply::Full(reply::status_response(
                call.request,
                201,
                &status,
                &[],
            )));
        }
        self.admit_review(call, options.dry_run, &mut body)?;
        self.answer_review(call, &mut body);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("kind".to_owned(), json!(resource.kind));
            fields.insert("apiVersion".to_owned(), json!(resource.api_version()));
        }
        Ok(call.value(201, &body, names))
    }

    /// What every created object goes through, although this one isn't stored.
    fn admit_review(
        &self,
        call: &mut Call<'_>,
        dry_run: bool,
        body: &mut Value,
    ) -> Result<(), ApiError> {
        let (served, namespace) = (call.served.clone(), call.namespace().to_owned());
        ensure_namespace(&served, &namespace, body)?;
        for key in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            machinery::meta::metadata_mut(body).remove(key);
        }
        let name = machinery::meta::name(body).to_owned();
        let mut writer = call.writer(dry_run);
        self.own_written(&served, "", None, body, &writer);
        let mut warnings = std::mem::take(&mut writer.warnings);
        let place = (namespace.as_str(), name.as_str());
        let attributes = Attributes::of(Operation::Create, &served, place, &writer);
        let mutated = attributes.as_ref().map_or(Ok(()), |attributes| {
            self.mutate(attributes, Some(body), &mut |_, _| Ok(()), &mut warnings)
        });
        let result = mutated
            .and_then(|()| Self::check_review(&served.resource.kind, body))
            .and_then(|()| {
                attributes.as_ref().map_or(Ok(()), |attributes| {
                    self.validate(attributes, Some(body), &mut warnings)
                })
            });
        call.warnings = warnings;
        result
    }
}
