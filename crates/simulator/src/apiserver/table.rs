//! Tables: what `kubectl get` prints.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::registry::Served;
use crate::status_error::ApiError;

/// How a client wants its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// `v1` or `v1beta1` of meta.k8s.io.
    pub version: String,
    /// `includeObject`: `Metadata`, `None` or `Object`.
    pub include_object: String,
    /// Column definitions are printed (in a watch only with the first event).
    pub headers: bool,
}

/// A Table of these objects (in the served version). `list_metadata` is the list's, or the object's own for a get.
pub fn table(
    served: &Served,
    objects: &[Arc<Value>],
    list_metadata: &Value,
    options: &TableOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let _ = (served, objects, list_metadata, options, now);
    Err(ApiError::unsupported("a Table"))
}
