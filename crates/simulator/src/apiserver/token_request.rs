//! POST to `/token` of a `ServiceAccount` (`pkg/registry/core/serviceaccount/storage/token.go`).

use machinery::builtin::validation::FieldError;
use machinery::{meta, time};
use serde_json::{Value, json};

use super::ApiServer;
use super::body::read_typed;
use super::handle::Call;
use super::options::create_options;
use super::owners::Author;
use super::resource::{Resource, known};
use super::store::key;
use super::tokens::{Claims, ISSUER};
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
        let account = self.stored(call)?.value.clone();
        let (served, target) = (call.served.clone(), call.target.clone());
        let place = (target.namespace.as_str(), target.name.as_str());
        let posted = ("token", (GROUP, "v1", KIND));
        let mut writer = call.writer(options.dry_run);
        if let (Some(own), Some(manager)) = (
            super::registry::token_request_type(),
            writer.manager.clone(),
        ) {
            let author = Author {
                manager: &manager,
                subresource: "token",
                now: writer.now,
            };
            self.own(&own, author, None, &mut body);
        }
        let result = self.admit_posted(&served, place, posted, &mut body, &mut writer);
        call.warnings = writer.warnings;
        result?;
        let uid = meta::uid(&account);
        if !matches!(meta::uid(&body), "") && meta::uid(&body) != uid {
            let text = format!(
                "the UID in the token request ({}) does not match the UID of the service account ({uid})",
                meta::uid(&body)
            );
            return Err(conflict(KIND, GROUP, meta::name(&account), &text));
        }
        let seconds = body.pointer("/spec/expirationSeconds");
        let seconds = seconds.and_then(Value::as_i64).unwrap_or(SECONDS);
        check_seconds(seconds)?;
        let audiences = audiences_of(&body);
        let bound = self.bound_to(&account, &body)?;
        let claims = Claims {
            account: &account,
            audiences: &audiences,
            seconds,
            bound,
            id: call.entropy.uid(),
        };
        let (token, expires) = self.issue_token(&claims, call.now);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("kind".to_owned(), json!(KIND));
            fields.insert("apiVersion".to_owned(), json!(format!("{GROUP}/v1")));
            let mut metadata = json!({
                "name": meta::name(&account), "namespace": meta::namespace(&account), "uid": uid,
                "creationTimestamp": time::rfc3339(call.now),
            });
            let owned = fields
                .get("metadata")
                .and_then(|metadata| metadata.get("managedFields"))
                .cloned();
            if let (Some(owned), Some(metadata)) = (owned, metadata.as_object_mut()) {
                metadata.insert("managedFields".to_owned(), owned);
            }
            fields.insert("metadata".to_owned(), metadata);
            let status = json!({"token": token, "expirationTimestamp": time::rfc3339(expires)});
            fields.insert("status".to_owned(), status);
            let spec = fields.entry("spec").or_insert_with(|| json!({}));
            if let Some(spec) = spec.as_object_mut() {
                spec.insert("expirationSeconds".to_owned(), json!(seconds));
                spec.insert("audiences".to_owned(), json!(audiences));
            }
        }
        Ok(call.value(201, &body, (GROUP, "v1", KIND)))
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
            return Err(conflict(&resource.plural, "", name, &text));
        }
        let node = object.pointer("/spec/nodeName").and_then(Value::as_str);
        let node = node.filter(|_| claim == "pod");
        let node = node.and_then(|node| self.store.get("/nodes", node));
        let mut bound = vec![(claim, object.clone())];
        bound.extend(node.map(|node| ("node", node.value.as_ref().clone())));
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
    let error = FieldError::invalid("spec.expirationSeconds", seconds, text);
    Err(ApiError::invalid_as(
        &format!("{KIND}.{GROUP}"),
        GROUP,
        KIND,
        "",
        &[error],
    ))
}

/// 409 about something that is named by kind and group.
fn conflict(kind: &str, group: &str, name: &str, text: &str) -> ApiError {
    let qualified = if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}.{group}")
    };
    let details = Details {
        name: name.to_owned(),
        group: group.to_owned(),
        kind: kind.to_owned(),
        ..Details::default()
    };
    let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {text}");
    ApiError::new(409, "Conflict", message, Some(details))
}
