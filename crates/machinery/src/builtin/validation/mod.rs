//! Validation of the built-in kinds with kube-apiserver's texts and order (`pkg/apis/*/validation`).

mod error;
pub mod meta;

pub use error::{BadValue, ErrorKind, FieldError};
use serde_json::Value;

/// Errors of a new object after defaulting and `strategy::prepare_for_create`; empty when it is valid.
pub fn validate_create(
    _group: &str,
    _version: &str,
    _kind: &str,
    _object: &Value,
) -> Vec<FieldError> {
    Vec::new()
}

/// Errors of an update through the main endpoint, after `strategy::prepare_for_update`.
pub fn validate_update(
    _group: &str,
    _version: &str,
    _kind: &str,
    _new: &Value,
    _old: &Value,
) -> Vec<FieldError> {
    Vec::new()
}

/// Errors of an update through `/status`, after `strategy::prepare_for_update`.
pub fn validate_status_update(
    _group: &str,
    _version: &str,
    _kind: &str,
    _new: &Value,
    _old: &Value,
) -> Vec<FieldError> {
    Vec::new()
}

/// Errors of a pod template (`metadata`, `spec`) found at `path`, for kinds that embed one.
pub fn pod_template(_template: &Value, _path: &str) -> Vec<FieldError> {
    Vec::new()
}
