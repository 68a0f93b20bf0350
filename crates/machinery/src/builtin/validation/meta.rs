//! Validation of `metadata` (`apimachinery/pkg/api/validation/objectmeta.go`).

use serde_json::Value;

use super::FieldError;

/// Errors of a custom resource's `metadata`; names are DNS subdomains. `old` is given for updates.
pub fn validate_custom_resource_meta(
    _new: &Value,
    _old: Option<&Value>,
    _namespaced: bool,
) -> Vec<FieldError> {
    Vec::new()
}
