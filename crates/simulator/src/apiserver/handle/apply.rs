//! PATCH of `application/apply-patch+yaml`: server-side apply, which also creates
//! (`apiserver/pkg/endpoints/handlers/patch.go`, `applyPatcher`).

use machinery::apply::{ApplyError, Conflicts, conflict};
use machinery::decode::{self, Decoded, Empties};
use machinery::meta;
use serde_json::{Map, Value};

use super::{Call, check_names};
use crate::apiserver::ApiServer;
use crate::apiserver::body::{
    defaulted, media_type, merged_custom, shares_labels, single_complaints,
};
use crate::apiserver::options::{FieldValidation, WriteOptions, write_options};
use crate::apiserver::owners::Author;
use crate::apiserver::registry::Served;
use crate::apiserver::write::{UpdateTarget, Writer};
use crate::request::{Reply, Request};
use crate::status_error::{ApiError, Cause, Details};

/// The media type of an applied configuration, which JSON is as well.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";

const CONVERTING: &str = "error converting YAML to JSON: ";

/// Whether a request is an apply.
pub(crate) fn is_apply(request: &Request) -> bool {
    request.method == http::Method::PATCH && media_type(request) == APPLY
}

/// An applied configuration that was read.
pub(crate) struct Configuration<'a> {
    value: Value,
    strict: Vec<String>,
    manager: &'a str,
    options: WriteOptions,
}

impl<'a> Configuration<'a> {
    /// Reads the configuration of a request.
    pub fn read(request: &'a Request, options: WriteOptions) -> Result<Self, ApiError> {
        let refuse = |text: String| ApiError::bad_request(format!("error decoding YAML: {text}"));
        let Decoded { value, strict, .. } =
            decode::decode_yaml_untyped(&request.body).map_err(|error| {
                // Go's reader counts the first line as none.
                let text = error.to_string().replacen("yaml: line 1: ", "yaml: ", 1);
                refuse(format!("{CONVERTING}{text}"))
            })?;
        let value = match value {
            Value::Null => Value::Object(Map::new()),
            Value::Object(_) => value,
            other => {
                let word = decode::json_word(&other);
                return Err(refuse(format!(
                    "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {word} into Go value of type \
                     map[string]interface {{}}"
                )));
            }
        };
        Ok(Self {
            value,
            strict: strict
                .into_iter()
                .map(|text| format!("{CONVERTING}{text}"))
                .collect(),
            manager: request.query_value("fieldManager").unwrap_or_default(),
            options,
        })
    }

    /// The value that is applied at a JSON pointer.
    pub fn given(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The object it is applied to, merged, in the version of `served`; `Null` is created.
    pub fn apply_to(
        &self,
        api: &ApiServer,
        served: &Served,
        subresource: &str,
        old: &Value,
        writer: &mut Writer<'_>,
    ) -> Result<Value, ApiError> {
        let author = Author {
            manager: self.manager,
            subresource,
            now: writer.now,
        };
        let old = (!old.is_null()).then_some(old);
        let applied = api
            .merge(served, author, old, &self.value, self.options.force)
            .map_err(|error| refused(&error))?;
        writer.hollow =
            served.custom().is_some() && subresource.is_empty() && is_hollow(&applied.object);
        writer.shares_labels = shares_labels(served, &applied.object);
        let (object, empty) = completed(served, &self.value, applied.object)?;
        writer.empty = empty;
        match self.options.field_validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => {
                let complaints = self.strict.iter().flat_map(|text| single_complaints(text));
                writer.warnings.extend(complaints);
            }
            FieldValidation::Strict if self.strict.is_empty() => {}
            FieldValidation::Strict => {
                let text = self.strict.join(", ");
                return Err(ApiError::bad_request(format!(
                    "error strict decoding YAML: {text}"
                )));
            }
        }
        Ok(object)
    }
}

/// Whether metadata has parts that are stored and that nobody reads.
fn is_hollow(object: &Value) -> bool {
    let metadata = object.get("metadata").and_then(Value::as_object);
    let mut parts = metadata.into_iter().flat_map(Map::values);
    parts.any(|part| match part {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    })
}

/// A merged object as a decoder would have read it: without what was emptied, which comes with it, defaulted.
fn completed(served: &Served, config: &Value, merged: Value) -> Result<(Value, Empties), ApiError> {
    let Some(type_id) = served.type_id() else {
        return merged_custom(served, merged).map(|object| (object, Empties::default()));
    };
    let resource = &served.resource;
    let decoded = decode::from_unstructured(type_id, &merged).map_err(|error| {
        let slash = if resource.group.is_empty() { "/" } else { "" };
        let (version, kind) = (resource.api_version(), &resource.kind);
        ApiError::internal(format!(
            "failed to convert new object ({}/{}; {slash}{version}, Kind={kind}) to proper version: unable to convert unstructured object to \
             {slash}{version}, Kind={kind}: {error}",
            meta::namespace(config),
            meta::name(config),
        ))
    })?;
    Ok((defaulted(served, decoded.value), decoded.empty))
}

fn refused(error: &ApplyError) -> ApiError {
    match error {
        ApplyError::Conflicts(conflicts) => conflicting(conflicts),
        ApplyError::BadRequest(text) => ApiError::bad_request(text.clone()),
        ApplyError::Internal(text) => ApiError::internal(text.clone()),
    }
}

/// 409: others own fields with other values.
fn conflicting(conflicts: &Conflicts) -> ApiError {
    let causes = conflicts.0.iter().map(|one| Cause {
        reason: conflict::CAUSE.to_owned(),
        message: one.message(),
        field: one.field(),
    });
    let details = Details {
        causes: causes.collect(),
        ..Details::default()
    };
    ApiError::new(409, "Conflict", conflicts.to_string(), Some(details))
}

impl ApiServer {
    /// An apply of an object, or through a subresource that is the object itself.
    pub(super) fn apply_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = write_options(call.request, "PatchOptions")?;
        let request = call.request;
        let (served, target) = (call.served.clone(), call.target.clone());
        let namespace = call.namespace().to_owned();
        let update = UpdateTarget {
            served: &served,
            namespace: &namespace,
            name: &target.name,
            subresource: &target.subresource,
            uid: "",
            may_create: true,
        };
        let mut writer = call.writer(options.dry_run);
        writer.manager = None;
        let result = self.update(update, &mut writer, &mut |api, old, writer| {
            let config = Configuration::read(request, options)?;
            let object = config.apply_to(api, &served, &target.subresource, old, writer)?;
            if old.is_null() {
                let uid = meta::uid(&object);
                if !uid.is_empty() {
                    let text = format!(
                        "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                    );
                    return Err(ApiError::conflict(&served.resource, &target.name, &text));
                }
            }
            check_names(&served, &namespace, &target.name, &object)?;
            Ok(object)
        });
        call.warnings = writer.warnings;
        let updated = result?;
        call.object(if updated.created { 201 } else { 200 }, &updated.entry)
    }
}
