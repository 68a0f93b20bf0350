//! JSON patch (RFC 6902) with the leniencies of the Go library that the API server uses.
//!
//! Mirrors `gopkg.in/evanphx/json-patch.v4`.

use serde_json::Value;

use super::PatchError;

/// The most operations a patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// Applies a patch body to a document: all or nothing.
pub fn apply(document: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    todo!("{document:?} {patch:?}")
}
