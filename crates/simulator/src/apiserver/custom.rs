//! Custom resources: what a CustomResourceDefinition makes the server serve.
//!
//! Mirrors `apiextensions-apiserver`: `pkg/apis/apiextensions/validation`, `pkg/apiserver/schema`,
//! `pkg/apiserver/validation` and the naming and establishing controllers.

mod conversion;
mod correlation;
mod definition;
mod embedded;
mod field_path;
mod finalizers;
mod formats;
mod lists;
mod names;
mod printer;
mod prune;
#[cfg(test)]
mod rule_tests;
mod rules;
mod scale;
mod schema;
mod structural;
#[cfg(test)]
mod tests;
mod validate;
#[cfg(test)]
mod validate_tests;

use std::sync::Arc;

use machinery::builtin::validation::{ErrorKind, FieldError};
use serde_json::Value;

use super::resource::Resource;
use super::table::PrinterColumn;
use embedded::Malformed;
use schema::Schema;

pub use conversion::Conversion;
pub use definition::{prepare_definition, validate_definition};
pub use finalizers::finalizer_warnings;
pub use formats::format_warnings;
pub use names::{Termination, advance, condition_status, set_terminating};

/// JSON paths of the scale subresource (`.spec.replicas`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    /// Where the wanted number is.
    pub spec_replicas: String,
    /// Where the observed number is.
    pub status_replicas: String,
    /// Where the label selector text is, or empty.
    pub label_selector: String,
}

/// One served version of an established definition, compiled.
#[derive(Debug, Clone)]
pub struct CustomVersion {
    /// Group, version, kind, plural, scope.
    pub resource: Resource,
    /// Singular name.
    pub singular: String,
    /// List kind.
    pub list_kind: String,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// The version objects are stored in.
    pub storage_version: String,
    /// Has a status subresource.
    pub status: bool,
    /// Has a scale subresource.
    pub scale: Option<ScalePaths>,
    /// JSON paths (without the leading dot) of fields that field selectors may name.
    pub selectable_fields: Vec<String>,
    /// Warning sent with every request to this version.
    pub deprecation_warning: Option<String>,
    /// The definition's deletion has begun: creates are refused.
    pub terminating: bool,
    /// How its objects become those of other versions.
    pub(crate) conversion: Arc<Conversion>,
    columns: Vec<PrinterColumn>,
    schema: Arc<Schema>,
    rules: Option<Arc<rules::Rules>>,
    source: Arc<Value>,
}

impl CustomVersion {
    /// Prunes unknown fields, drops nulls and sets defaults. Returns what was pruned as strict errors
    /// (`unknown field "spec.x"`), sorted. Fields of the object's own `metadata` are not looked at.
    ///
    /// # Errors
    /// If metadata of an embedded resource is malformed.
    pub fn prune_and_default(&self, object: &mut Value) -> Result<Vec<String>, FieldError> {
        let removed = prune::prune(object, &self.schema);
        prune::drop_nulls(object, &self.schema);
        let unknown = embedded::coerce(object, &self.schema, Malformed::Refused)?;
        prune::set_defaults(object, &self.schema);
        let removed = removed.iter().map(|path| format!("unknown field {path:?}"));
        Ok(removed.chain(unknown).collect())
    }

    /// Sets defaults, and nothing else.
    pub fn set_defaults(&self, object: &mut Value) {
        prune::set_defaults(object, &self.schema);
    }

    /// Errors of the object against the schema, with ratcheting against the old one; what rules say of unchanged values is a
    /// warning. `metadata` is validated elsewhere.
    pub fn validate(
        &self,
        new: &Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Vec<FieldError> {
        let mut errors = validate::validate(&self.schema, "", new, old);
        if let Some(paths) = &self.scale {
            errors.extend(scale::replicas_error(new, &paths.spec_replicas));
            errors.extend(scale::replicas_error(new, &paths.status_replicas));
            errors.extend(scale::selector_error(new, &paths.label_selector));
        }
        self.check_beyond_schema(new, old, &mut errors, warnings);
        errors
    }

    /// What is looked at beside the schema's types, and so of objects of a wrong kind too: embedded metadata, lists that are
    /// sets or maps, and rules, unless errors so far keep them from being asked.
    pub fn check_beyond_schema(
        &self,
        new: &Value,
        old: Option<&Value>,
        errors: &mut Vec<FieldError>,
        warnings: &mut Vec<String>,
    ) {
        errors.extend(embedded::errors(&self.schema, "", new));
        self.check_status_beyond_schema(new, old, errors, warnings);
    }

    /// The same of an update through `/status`, where nobody looks at embedded metadata.
    pub fn check_status_beyond_schema(
        &self,
        new: &Value,
        old: Option<&Value>,
        errors: &mut Vec<FieldError>,
        warnings: &mut Vec<String>,
    ) {
        errors.extend(self.duplicates(new, old));
        self.check_rules(new, old, errors, warnings);
    }

    /// Errors of an update through `/status`: only the status is looked at, and messages name its fields without
    /// `status.` in front.
    pub fn validate_status(
        &self,
        new: &Value,
        old: &Value,
        warnings: &mut Vec<String>,
    ) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some((schema, status)) = self.schema.properties.get("status").zip(new.get("status"))
        {
            for mut error in validate::validate(schema, "", status, old.get("status")) {
                error.field = match error.field.as_str() {
                    "<nil>" => "status".to_owned(),
                    field => format!("status.{field}"),
                };
                errors.push(error);
            }
        }
        if let Some(paths) = &self.scale {
            errors.extend(scale::replicas_error(new, &paths.status_replicas));
            errors.extend(scale::selector_error(new, &paths.label_selector));
        }
        self.check_status_beyond_schema(new, Some(old), &mut errors, warnings);
        errors
    }

    /// Rules are not evaluated on an object of another shape than they expect, and the server says so.
    fn check_rules(
        &self,
        new: &Value,
        old: Option<&Value>,
        errors: &mut Vec<FieldError>,
        warnings: &mut Vec<String>,
    ) {
        let Some(rules) = &self.rules else {
            return;
        };
        let blocking = errors.iter().any(|error| {
            matches!(
                error.kind,
                ErrorKind::NotSupported
                    | ErrorKind::Required
                    | ErrorKind::TooLong
                    | ErrorKind::TooMany
                    | ErrorKind::TypeInvalid
            )
        });
        if blocking {
            errors.push(FieldError::invalid(
                "<nil>",
                &Value::Null,
                "some validation rules were not checked because the object was invalid; correct the existing errors to \
                 complete validation",
            ));
            return;
        }
        let found = rules.check(&self.schema, new, old);
        errors.extend(found.errors);
        warnings.extend(found.warnings);
    }

    fn duplicates(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if old.is_some_and(|old| !lists::duplicates(&self.schema, "", old).is_empty()) {
            return Vec::new();
        }
        lists::duplicates(&self.schema, "", new)
    }

    /// The schema as the definition has it (`openAPIV3Schema`).
    pub fn open_api_schema(&self) -> &Value {
        &self.source
    }

    /// Columns of its tables, after the name.
    pub(crate) fn printer_columns(&self) -> &[PrinterColumn] {
        &self.columns
    }
}

/// The served versions of a definition; empty unless it is established.
pub fn served_versions(definition: &Value) -> Vec<CustomVersion> {
    if condition_status(definition, "Established") != Some("True") {
        return Vec::new();
    }
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let served = |version: &&Value| {
        version
            .get("served")
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    let conversion = Arc::new(Conversion::of(definition));
    versions
        .into_iter()
        .flatten()
        .filter(served)
        .map(|version| compile(definition, version, &conversion))
        .collect()
}

fn compile(definition: &Value, version: &Value, conversion: &Arc<Conversion>) -> CustomVersion {
    let text = |pointer: &str| {
        definition
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let texts = |pointer: &str| -> Vec<String> {
        let list = definition.pointer(pointer).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let name = version
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let kind = text("/status/acceptedNames/kind");
    let source = version
        .pointer("/schema/openAPIV3Schema")
        .cloned()
        .unwrap_or_default();
    CustomVersion {
        resource: Resource {
            group: text("/spec/group").into(),
            version: name.clone().into(),
            kind: kind.clone().into(),
            plural: text("/status/acceptedNames/plural").into(),
            namespaced: text("/spec/scope") == "Namespaced",
        },
        singular: text("/status/acceptedNames/singular"),
        list_kind: text("/status/acceptedNames/listKind"),
        short_names: texts("/status/acceptedNames/shortNames"),
        categories: texts("/status/acceptedNames/categories"),
        storage_version: storage_version(definition),
        status: version
            .pointer("/subresources/status")
            .is_some_and(|status| !status.is_null()),
        scale: version
            .pointer("/subresources/scale")
            .filter(|scale| !scale.is_null())
            .map(scale_paths),
        selectable_fields: selectable_fields(version),
        deprecation_warning: deprecation(definition, version, &name, &kind),
        terminating: definition
            .pointer("/metadata/deletionTimestamp")
            .is_some_and(|at| !at.is_null()),
        conversion: conversion.clone(),
        columns: printer::columns(version),
        schema: Arc::new(Schema::compile(&source)),
        rules: rules::Rules::compile(&source).map(Arc::new),
        source: Arc::new(source),
    }
}

fn storage_version(definition: &Value) -> String {
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let storage = |version: &&Value| {
        version
            .get("storage")
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    let version = versions.into_iter().flatten().find(storage);
    version
        .and_then(|version| version.get("name")?.as_str())
        .unwrap_or_default()
        .to_owned()
}

fn scale_paths(scale: &Value) -> ScalePaths {
    let text = |key: &str| {
        scale
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    ScalePaths {
        spec_replicas: text("specReplicasPath"),
        status_replicas: text("statusReplicasPath"),
        label_selector: text("labelSelectorPath"),
    }
}

fn selectable_fields(version: &Value) -> Vec<String> {
    let fields = version.get("selectableFields").and_then(Value::as_array);
    let paths = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field.get("jsonPath")?.as_str());
    paths
        .map(|path| path.trim_start_matches('.').to_owned())
        .collect()
}

/// The declared warning, or one that names a newer served version.
fn deprecation(definition: &Value, version: &Value, name: &str, kind: &str) -> Option<String> {
    if !version
        .get("deprecated")
        .and_then(Value::as_bool)
        .unwrap_or_default()
    {
        return None;
    }
    if let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) {
        return Some(warning.to_owned());
    }
    let group = definition
        .pointer("/spec/group")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let flag = |version: &Value, key: &str| {
        version
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    let newer = versions
        .into_iter()
        .flatten()
        .filter(|other| flag(other, "served") && !flag(other, "deprecated"))
        .filter_map(|other| other.get("name")?.as_str())
        .filter(|other| super::discovery::compare_versions(other, name).is_lt())
        .min_by(|a, b| super::discovery::compare_versions(a, b));
    let instead = newer
        .map(|newer| format!("; use {group}/{newer} {kind}"))
        .unwrap_or_default();
    Some(format!("{group}/{name} {kind} is deprecated{instead}"))
}
