//! The scale subresource: `autoscaling/v1` Scale over a workload or a custom resource.

use std::sync::Arc;

use machinery::builtin::validation::FieldError;
use machinery::labels::{Selector, format_label_selector};
use machinery::meta;
use serde_json::{Map, Value, json};

use super::ApiServer;
use super::body::read_typed;
use super::handle::Call;
use super::options::{FieldValidation, write_options};
use super::registry::Served;
use super::write::UpdateTarget;
use super::{patch, reply};
use crate::request::Reply;
use crate::status_error::ApiError;

/// Group, version and kind of a Scale.
pub(crate) const SCALE: (&str, &str, &str) = ("autoscaling", "v1", "Scale");

/// `.spec.replicas` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn spec_path(served: &Served) -> String {
    served
        .custom()
        .and_then(|custom| custom.scale.as_ref())
        .map_or_else(
            || "/spec/replicas".to_owned(),
            |scale| pointer(&scale.spec_replicas),
        )
}

/// The Scale of an object.
pub(crate) fn scale_of(served: &Served, object: &Value) -> Value {
    let integer = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let (status_path, selector) =
        if let Some(scale) = served.custom().and_then(|custom| custom.scale.as_ref()) {
            let path = pointer(&scale.label_selector);
            let text = if path.is_empty() {
                None
            } else {
                object.pointer(&path).and_then(Value::as_str)
            };
            (
                pointer(&scale.status_replicas),
                text.unwrap_or_default().to_owned(),
            )
        } else {
            let selector = object
                .pointer("/spec/selector")
                .cloned()
                .unwrap_or_default();
            let text = if selector.get("matchLabels").is_some()
                || selector.get("matchExpressions").is_some()
            {
                format_label_selector(&selector)
            } else {
                Selector::from_set(&meta::string_map(Some(&selector))).to_string()
            };
            ("/status/replicas".to_owned(), text)
        };
    let mut metadata = Map::new();
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object.pointer(&format!("/metadata/{key}")) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let mut spec = Map::new();
    let wanted = integer(&spec_path(served));
    if wanted != 0 {
        spec.insert("replicas".to_owned(), json!(wanted));
    }
    let mut status = Map::new();
    status.insert("replicas".to_owned(), json!(integer(&status_path)));
    if !selector.is_empty() {
        status.insert("selector".to_owned(), json!(selector));
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
}

fn set_pointer(object: &mut Value, pointer: &str, value: Value) {
    let mut here = object;
    for part in pointer.split('/').skip(1) {
        if !here.is_object() {
            *here = json!({});
        }
        let Some(fields) = here.as_object_mut() else {
            return;
        };
        here = fields.entry(part).or_insert(Value::Null);
    }
    *here = value;
}

impl ApiServer {
    /// GET, PUT and PATCH of a scale.
    pub(crate) fn scale(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        if matches!(call.request.method.as_str(), "GET" | "HEAD") {
            let entry = self.stored(call)?;
            let object = reply::in_version(&call.served, &entry.value);
            return Ok(call.value(200, &scale_of(&call.served, &object), SCALE));
        }
        let put = call.request.method == http::Method::PUT;
        let options = write_options(
            call.request,
            if put { "UpdateOptions" } else { "PatchOptions" },
        )?;
        let body = if put {
            Some(read_typed(
                call.request,
                SCALE,
                options.field_validation,
                &mut call.warnings,
            )?)
        } else {
            None
        };
        let patch = if put {
            None
        } else {
            Some(patch::read(call.request, &call.served)?)
        };
        if let Some(body) = &body {
            let given = meta::name(body);
            if given != call.target.name {
                let name = &call.target.name;
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({name})"
                )));
            }
        }
        let (served, target, namespace) = (
            call.served.clone(),
            call.target.clone(),
            call.namespace().to_owned(),
        );
        let uid = body.as_ref().map(meta::uid).unwrap_or_default().to_owned();
        let update = UpdateTarget {
            served: &served,
            namespace: &namespace,
            name: &target.name,
            subresource: "scale",
            uid: &uid,
            may_create: false,
        };
        let mut writer = call.writer(options.dry_run);
        let result = self.update(update, &mut writer, &mut |server, old, writer| {
            let before = scale_of(&served, old);
            let mut scale = match (&body, &patch) {
                (Some(body), _) => body.clone(),
                (None, Some(patch)) => apply(
                    patch,
                    &before,
                    options.field_validation,
                    &mut writer.warnings,
                )?,
                (None, None) => before.clone(),
            };
            let place = (namespace.as_str(), target.name.as_str());
            server.admit_scale(&served, place, (&mut scale, &before), writer)?;
            rescaled(&served, old, &scale)
        });
        call.warnings = writer.warnings;
        let entry = result?.entry;
        let object = reply::in_version(&served, &entry.value);
        Ok(call.value(200, &scale_of(&served, &object), SCALE))
    }
}

/// A patch of the Scale itself.
fn apply(
    patch: &patch::Patch,
    before: &Value,
    mode: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let scale = super::registry::scale_type().ok_or_else(|| ApiError::unsupported("Scale"))?;
    patch.apply(&scale, before, mode, warnings)
}

/// The object with the replicas (and the precondition) of a Scale.
fn rescaled(served: &Arc<Served>, old: &Value, scale: &Value) -> Result<Value, ApiError> {
    let replicas = scale
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let name = meta::name(old);
    if replicas < 0 {
        return Err(if served.custom().is_some() {
            let error = FieldError::invalid(
                ".spec.replicas",
                replicas,
                "should be a non-negative integer",
            );
            ApiError::invalid(&served.resource, name, &[error])
        } else {
            let error = FieldError::invalid(
                "spec.replicas",
                replicas,
                "must be greater than or equal to 0",
            );
            ApiError::invalid_as("Scale.autoscaling", "autoscaling", "Scale", name, &[error])
        });
    }
    let mut new = old.clone();
    let version = meta::resource_version(scale);
    if !version.is_empty() {
        meta::set_resource_version(&mut new, version);
    }
    set_pointer(&mut new, &spec_path(served), json!(replicas));
    Ok(new)
}
