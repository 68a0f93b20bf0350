//! POST to `/token` of a `ServiceAccount` (`pkg/registry/core/serviceaccount/storage/token.go`).

use std::sync::Arc;

use jiff::Timestamp;
use machinery::builtin::validation::FieldError;
use machinery::{meta, time};
use serde_json::{Value, json};

use super::ApiServer;
use super::admission::{Attributes, Operation};
use super::body::read_typed;
use super::handle::Call;
use super::negotiate::{ACCEPTED, Transform};
use super::options::create_options;
use super::owners::Author;
use super::registry::Served;
use super::resource::{Resource, known, qualified};
use super::store::key;
use super::target::Target;
use super::tokens::{Claims, ISSUER};
use super::write::{Writer, ensure_namespace};
use crate::request::Reply;
use crate::status_error::{ApiError, Details};

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";
/// Seconds a token holds unless the request says otherwise.
const SECONDS: i64 = 3600;

impl ApiServer {
    /// Makes a token for the `ServiceAccount` a call names.
    pub(crate) fn token(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = create_options(call.request)?;
        let mut body = read_typed(
            call.request,
            (GROUP, "v1", KIND),
            options.field_validation,
            &mut call.warnings,
        )?;
        if call.form.transform != Transform::Plain {
            return Err(ApiError::not_acceptable(ACCEPTED));
        }
        let (served, target) = (call.served.clone(), call.target.clone());
        ensure_namespace(&served, &target.namespace, &mut body)?;
        let mut writer = call.writer(options.dry_run);
        let result = self.admit_token(&served, &target, &mut body, &mut writer);
        call.warnings = writer.warnings;
        let account = result?;
        let seconds = body
            .pointer("/spec/expirationSeconds")
            .and_then(Value::as_i64);
        let audiences = audiences_of(&body);
        let claims = Claims {
            account: &account,
            audiences: &audiences,
            seconds: seconds.unwrap_or(SECONDS),
            bound: self.bound_to(&account, &body)?,
            id: call.entropy.uid(),
        };
        let (token, expires) = self.issue_token(&claims, call.now);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("kind".to_owned(), json!(KIND));
            fields.insert("apiVersion".to_owned(), json!(format!("{GROUP}/v1")));
            let status = json!({"token": token, "expirationTimestamp": time::rfc3339(expires)});
            fields.insert("status".to_owned(), status);
        }
        Ok(call.value(201, &body, (GROUP, "v1", KIND)))
    }

    /// What a request goes through before a token is made: it comes back complete, with its `ServiceAccount`.
    fn admit_token(
        &self,
        served: &Arc<Served>,
        target: &Target,
        body: &mut Value,
        writer: &mut Writer<'_>,
    ) -> Result<Value, ApiError> {
        let place = (target.namespace.as_str(), target.name.as_str());
        if let (Some(own), Some(manager)) = (
            super::registry::token_request_type(),
            writer.manager.clone(),
        ) {
            let author = Author {
                manager: &manager,
                subresource: "token",
                now: writer.now,
            };
            self.own(&own, author, None, body);
        }
        self.admit_namespace(&served.resource, place.0, place.1)?;
        let mut warnings = std::mem::take(&mut writer.warnings);
        let attributes = Attributes::of(Operation::Create, served, place, writer);
        let attributes = attributes.map(|found| found.about("token", Some((GROUP, "v1", KIND))));
        let mutated = attributes.as_ref().map_or(Ok(()), |attributes| {
            self.mutate(attributes, Some(body), &mut |_, _| Ok(()), &mut warnings)
        });
        let result = mutated.and_then(|()| {
            let account = self.complete(served, place, body, writer.now)?;
            if let Some(attributes) = &attributes {
                self.validate(attributes, Some(body), &mut warnings)?;
            }
            Ok(account)
        });
        writer.warnings = warnings;
        result
    }

    /// Sets what a request leaves to the server, and refuses one that is about another account or can't be fulfilled.
    fn complete(
        &self,
        served: &Served,
        (namespace, name): (&str, &str),
        body: &mut Value,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        for (field, given, own) in [
            ("name", meta::name(body), name),
            ("namespace", meta::namespace(body), namespace),
        ] {
            if !given.is_empty() && given != own {
                let text = format!("must match the service account {field} if specified");
                let error = FieldError::invalid(format!("metadata.{field}"), given, text);
                return Err(invalid(name, error));
            }
        }
        let found = self.store.get(&served.table, &key(namespace, name));
        let account = found.ok_or_else(|| ApiError::not_found(&served.resource, name))?;
        let account = account.value.as_ref().clone();
        let (given, uid) = (meta::uid(body).to_owned(), meta::uid(&account));
        if !given.is_empty() && given != uid {
            let text = format!(
                "the UID in the token request ({given}) does not match the UID of the service account ({uid})"
            );
            return Err(conflict(KIND, GROUP, name, &text));
        }
        let audiences = audiences_of(body);
        for (field, value) in [
            ("name", name),
            ("namespace", namespace),
            ("uid", uid),
            ("creationTimestamp", &time::rfc3339(now)),
        ] {
            meta::set(body, field, json!(value));
        }
        if let Some(fields) = body.as_object_mut() {
            let status = json!({"token": "", "expirationTimestamp": null});
            fields.insert("status".to_owned(), status);
            let spec = fields.entry("spec").or_insert_with(|| json!({}));
            if let Some(spec) = spec.as_object_mut() {
                spec.entry("expirationSeconds")
                    .or_insert_with(|| json!(SECONDS));
                spec.insert("audiences".to_owned(), json!(audiences));
            }
        }
        let seconds = body.pointer("/spec/expirationSeconds");
        check_seconds(seconds.and_then(Value::as_i64).unwrap_or(SECONDS))?;
        Ok(account)
    }

    /// The objects a token is to end with, by the claim that names them.
    fn bound_to(
        &self,
        account: &Value,
        body: &Value,
    ) -> Result<Vec<(&'static str, Value)>, ApiError> {
        let Some(reference) = body
            .pointer("/spec/boundObjectRef")
            .filter(|reference| reference.is_object())
        else {
            return Ok(Vec::new());
        };
        let text = |field: &str| {
            let found = reference.get(field).and_then(Value::as_str);
            found.unwrap_or_default()
        };
        let (kind, version, name) = (text("kind"), text("apiVersion"), text("name"));
        let resources: [(&str, Resource, &'static str); 3] = [
            ("Pod", known::PODS, "pod"),
            ("Secret", known::SECRETS, "secret"),
            ("Node", known::NODES, "node"),
        ];
        let resource = resources.into_iter().find(|(own, _, _)| *own == kind);
        let Some((_, resource, claim)) = resource.filter(|_| !version.contains('/')) else {
            let group_version = version
                .split_once('/')
                .map_or_else(|| format!("/{version}"), |(g, v)| format!("{g}/{v}"));
            let text = format!("cannot bind token to object of type {group_version}, Kind={kind}");
            return Err(ApiError::bad_request(text));
        };
        let namespace = if resource.namespaced {
            meta::namespace(account)
        } else {
            ""
        };
        let table = format!("/{}", resource.plural);
        let Some(found) = self.store.get(&table, &key(namespace, name)) else {
            return Err(ApiError::not_found(&resource, name));
        };
        let object = found.value.as_ref().clone();
        let own = object.pointer("/spec/serviceAccountName");
        if claim == "pod" && own.and_then(Value::as_str) != Some(meta::name(account)) {
            let name = meta::name(account);
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount {name:?} to pod running with different serviceaccount name."
            )));
        }
        let uid = text("uid");
        if !uid.is_empty() && uid != meta::uid(&object) {
            let text = format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            );
            return Err(conflict(kind, "", name, &text));
        }
        let node = object.pointer("/spec/nodeName").and_then(Value::as_str);
        let node = node.filter(|node| claim == "pod" && !node.is_empty());
        let node = node.map(|name| match self.store.get("/nodes", name) {
            Some(found) => found.value.as_ref().clone(),
            // Whoever looks into the token shall see where the pod is to be.
            None => json!({"metadata": {"name": name}}),
        });
        let mut bound = vec![(claim, object.clone())];
        bound.extend(node.map(|node| ("node", node)));
        Ok(bound)
    }
}

fn audiences_of(body: &Value) -> Vec<String> {
    let asked = body.pointer("/spec/audiences").and_then(Value::as_array);
    let asked = asked.into_iter().flatten().filter_map(Value::as_str);
    let mut audiences: Vec<String> = asked.map(str::to_owned).collect();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    audiences
}

fn check_seconds(seconds: i64) -> Result<(), ApiError> {
    let text = if seconds < 600 {
        "may not specify a duration less than 10 minutes"
    } else if seconds > 1 << 32 {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    Err(invalid(
        "",
        FieldError::invalid("spec.expirationSeconds", seconds, text),
    ))
}

/// 422 about a request for a token.
fn invalid(name: &str, error: FieldError) -> ApiError {
    ApiError::invalid_as(&format!("{KIND}.{GROUP}"), GROUP, KIND, name, &[error])
}

/// 409 about something that is named by kind and group.
fn conflict(kind: &str, group: &str, name: &str, text: &str) -> ApiError {
    let qualified = qualified(kind, group);
    let details = Details {
        name: name.to_owned(),
        group: group.to_owned(),
        kind: kind.to_owned(),
        ..Details::default()
    };
    let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {text}");
    ApiError::new(409, "Conflict", message, Some(details))
}
