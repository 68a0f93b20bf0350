//! Custom resources: what a CustomResourceDefinition makes the server serve.

use machinery::builtin::validation::FieldError;
use serde_json::Value;

use super::resource::Resource;

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
}

impl CustomVersion {
    /// Prunes unknown fields, drops nulls and sets defaults. Returns what was pruned as strict errors
    /// (`unknown field "spec.x"`), sorted.
    pub fn prune_and_default(&self, object: &mut Value) -> Vec<String> {
        let _ = object;
        Vec::new()
    }

    /// Errors of the object against the schema, with ratcheting against the old one. `metadata` is validated elsewhere.
    pub fn validate(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let _ = (new, old);
        Vec::new()
    }
}

/// The served versions of a definition; empty unless its names are accepted and it is established.
pub fn served_versions(definition: &Value) -> Vec<CustomVersion> {
    let _ = definition;
    Vec::new()
}

/// What the server sets in a definition before it validates it (finalizer, names, `storedVersions`, condition list).
pub fn prepare_definition(new: &mut Value, old: Option<&Value>) {
    let _ = (new, old);
}

/// Errors of a definition's spec, beside its metadata.
pub fn validate_definition(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let _ = (new, old);
    Vec::new()
}
