//! The scale subresource: `autoscaling/v1` Scale over a workload or a custom resource.

mod shown;

use std::sync::Arc;

use machinery::apply::PathElement;
use machinery::apply::managed;
use machinery::apply::scale::{ReplicasPaths, to_parent, to_scale};
use machinery::builtin::validation::FieldError;
use machinery::builtin::validation::meta::validate_custom_resource_meta;
use machinery::labels::{Selector, format_label_selector};
use machinery::meta;
use serde_json::{Map, Value, json};

use super::ApiServer;
use super::body::read_typed;
use super::handle::apply::{Configuration, is_apply};
use super::handle::{Call, check_names};
use super::options::{FieldValidation, WriteOptions, write_options};
use super::owners::Author;
use super::registry::Served;
use super::write::{UpdateTarget, Writer};
use super::{patch, reply};
use crate::request::{Reply, Request};
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

/// A custom resource without the count can't be scaled (`apiextensions-apiserver/pkg/registry/customresource/etcd.go`).
fn check_count(served: &Served, object: &Value) -> Result<(), ApiError> {
    let Some(scale) = served.custom().and_then(|custom| custom.scale.as_ref()) else {
        return Ok(());
    };
    if object.pointer(&pointer(&scale.spec_replicas)).is_some() {
        return Ok(());
    }
    Err(super::admission::internal_error(&format!(
        "the spec replicas field {:?} does not exist",
        scale.spec_replicas
    )))
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
            let object = self.read(&call.served, &entry.value)?;
            check_count(&call.served, &object)?;
            return call.scale(&scale_of(&call.served, &object));
        }
        let put = call.request.method == http::Method::PUT;
        let options = write_options(
            call.request,
            if put { "UpdateOptions" } else { "PatchOptions" },
        )?;
        let mode = options.field_validation;
        let change = if put {
            let custom = call.served.custom().is_some();
            let body = read_typed(call.request, SCALE, mode, &mut call.warnings)
                .map_err(|error| if custom { without_scale(error) } else { error })?;
            check_names(&call.served, call.namespace(), &call.target.name, &body)?;
            Change::Replace(body)
        } else if is_apply(call.request) {
            Change::Apply(call.request, options)
        } else {
            let format = patch::format(call.request, &call.served)?;
            Change::Patch(call.request, format, mode)
        };
        let (served, target, namespace) = (
            call.served.clone(),
            call.target.clone(),
            call.namespace().to_owned(),
        );
        let uid = match &change {
            Change::Replace(body) => meta::uid(body).to_owned(),
            Change::Patch(..) | Change::Apply(..) => String::new(),
        };
        let update = UpdateTarget {
            served: &served,
            namespace: &namespace,
            name: &target.name,
            subresource: "scale",
            uid: &uid,
            may_create: false,
        };
        let mut writer = call.writer(options.dry_run);
        let manager = writer.manager.take().unwrap_or_default();
        let result = self.update(update, &mut writer, &mut |api, old, writer| {
            api.scaled(update, old, &change, &manager, writer)
        });
        call.warnings = writer.warnings;
        let entry = result?.entry;
        let object = reply::in_version(&served, &entry.value);
        call.scale(&scale_of(&served, &object))
    }
}

/// What a request does to a Scale.
enum Change<'a> {
    /// PUT.
    Replace(Value),
    /// PATCH.
    Patch(&'a Request, patch::Format, FieldValidation),
    /// PATCH as an apply.
    Apply(&'a Request, WriteOptions),
}

/// The reader of custom resources knows no Scale, and says so of whatever it can't read.
fn without_scale(error: ApiError) -> ApiError {
    if error.code == 400 {
        let text =
            "no kind is registered for the type v1.Scale in scheme \"pkg/runtime/scheme.go:111\"";
        return error.with_message(text.to_owned());
    }
    error
}

/// 500: who had the fields before the first apply is settled first, if it is a Scale that is applied.
fn refuse_unmanaged(before: &Value, config: &Configuration<'_>) -> Result<(), ApiError> {
    let is =
        |pointer: &str, what: &str| config.given(pointer).and_then(Value::as_str) == Some(what);
    let scale = is("/apiVersion", "autoscaling/v1") && is("/kind", "Scale");
    if !scale || !managed::entries(before).is_empty() {
        return Ok(());
    }
    Err(ApiError::internal(
        "failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to \
         proper version: request to convert CR to an invalid group/version: autoscaling/v1",
    ))
}

/// 500: what an apply makes of the Scale of a custom resource is given to the resource's own converter, which knows no
/// Scale (`apiextensions-apiserver`, `crConverter`).
fn refuse_applied(
    before: &Value,
    config: &Configuration<'_>,
    after: &Value,
) -> Result<(), ApiError> {
    const REPLICAS: &str = "/spec/replicas";
    // A count of 0 isn't shown in a Scale, so that giving it changes something.
    let same = match config.given(REPLICAS).filter(|given| !given.is_null()) {
        Some(given) => before.pointer(REPLICAS) == Some(given),
        None => before.pointer(REPLICAS) == after.pointer(REPLICAS),
    };
    if same {
        return Ok(());
    }
    Err(ApiError::internal(format!(
        "failed to convert new object (/{}; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an \
         invalid group/version: autoscaling/v1",
        meta::name(after)
    )))
}

impl ApiServer {
    /// An object after a change of its Scale. Whoever owns the replicas is seen through the Scale and goes back with it
    /// (`ScaleREST` and `managedfields.NewScaleHandler`).
    fn scaled(
        &self,
        target: UpdateTarget<'_>,
        old: &Value,
        change: &Change<'_>,
        manager: &str,
        writer: &mut Writer<'_>,
    ) -> Result<Value, ApiError> {
        let served = target.served;
        let place = (target.namespace, target.name);
        let scale = super::registry::scale_type().ok_or_else(|| ApiError::unsupported("Scale"))?;
        let paths = self.replicas_paths(served);
        let parent = managed::decode(managed::entries(old)).unwrap_or_default();
        let mut before = scale_of(served, old);
        managed::put(&mut before, &to_scale(&parent, &paths));
        let author = Author {
            manager,
            subresource: "scale",
            now: writer.now,
        };
        let mut after = match change {
            Change::Replace(body) => body.clone(),
            Change::Patch(request, format, mode) => {
                let patch = patch::read(request, *format, *mode)?;
                patch.apply(&scale, &before, *mode, &mut writer.warnings)?.0
            }
            Change::Apply(request, options) => {
                let config = Configuration::read(request, *options)?;
                if served.custom().is_some() {
                    refuse_unmanaged(&before, &config)?;
                }
                let after = config.apply_to(self, &scale, "scale", &before, writer)?;
                if served.custom().is_some() {
                    refuse_applied(&before, &config, &after)?;
                }
                after
            }
        };
        // The path says whose Scale it is: an object may have another name (see `ApiServer::create`).
        check_names(served, place.0, place.1, &after)?;
        match change {
            Change::Apply(..) => {}
            Change::Replace(_) | Change::Patch(..) => {
                self.own(&scale, author, Some(&before), &mut after);
            }
        }
        self.mutate_scale(served, place, (&mut after, &before), writer)?;
        let mut new = rescaled(served, old, &after)?;
        let own = managed::decode(managed::entries(&after)).unwrap_or_default();
        let version = served.resource.api_version();
        managed::put(&mut new, &to_parent(&parent, &own, &paths, &version));
        Ok(new)
    }

    /// An object after a PUT of its Scale.
    pub(crate) fn replaced_scale(
        &self,
        target: UpdateTarget<'_>,
        old: &Value,
        scale: &Value,
        manager: &str,
        writer: &mut Writer<'_>,
    ) -> Result<Value, ApiError> {
        let change = Change::Replace(scale.clone());
        self.scaled(target, old, &change, manager, writer)
    }

    /// Where each version of a kind keeps its replicas.
    fn replicas_paths(&self, served: &Served) -> ReplicasPaths {
        let path = |served: &Served| {
            let path = spec_path(served);
            let parts = path.split('/').skip(1);
            Some(parts.map(PathElement::field).collect())
        };
        if served.custom().is_none() {
            return [(served.resource.api_version(), path(served))].into();
        }
        let versions = self.registry.custom();
        versions
            .filter(|(other, _)| other.table == served.table)
            .map(|(other, version)| {
                let path = version.scale.as_ref().and_then(|_| path(other));
                (other.resource.api_version(), path)
            })
            .collect()
    }
}

/// The object with the replicas (and the precondition) of a Scale.
fn rescaled(served: &Arc<Served>, old: &Value, scale: &Value) -> Result<Value, ApiError> {
    let replicas = scale
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let name = meta::name(old);
    // Of a custom object its own validation says so, once it is known that nobody else changed it.
    if served.custom().is_none() {
        let mut named = scale.clone();
        for key in ["name", "namespace"] {
            let own = old.pointer(&format!("/metadata/{key}"));
            meta::set(&mut named, key, own.cloned().unwrap_or_default());
        }
        let mut errors = validate_custom_resource_meta(&named, None, true);
        if replicas < 0 {
            let text = "must be greater than or equal to 0";
            errors.push(FieldError::invalid("spec.replicas", replicas, text));
        }
        if !errors.is_empty() {
            let (group, kind) = ("autoscaling", "Scale");
            let what = "Scale.autoscaling";
            return Err(ApiError::invalid_as(what, group, kind, name, &errors));
        }
    }
    let mut new = old.clone();
    let version = meta::resource_version(scale);
    if !version.is_empty() {
        meta::set_resource_version(&mut new, version);
    }
    set_pointer(&mut new, &spec_path(served), json!(replicas));
    Ok(new)
}
