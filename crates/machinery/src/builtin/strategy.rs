//! What the registry strategies' `PrepareForCreate` and `PrepareForUpdate` do to an object: reset what a client may
//! not write on this endpoint and fill in what is derived from the object alone. Generation and metadata are the
//! server's; admission that needs other objects is the server's too.

use serde_json::Value;

/// Prepares a new object for validation and storage. `metadata.uid` is already set (a Job's selector needs it).
pub fn prepare_for_create(_group: &str, _version: &str, _kind: &str, _object: &mut Value) {}

/// Prepares an updated object: what this endpoint may not change is taken from `old`.
/// `subresource` is `None` for the main endpoint, else `status`, `finalize`, `approval`, ….
pub fn prepare_for_update(
    _group: &str,
    _version: &str,
    _kind: &str,
    _new: &mut Value,
    _old: &Value,
    _subresource: Option<&str>,
) {
}
