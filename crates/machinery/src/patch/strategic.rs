//! Strategic merge patch of the built-in types.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch`.

use serde_json::Value;

use super::PatchError;
use crate::schema::TypeId;

/// Applies a strategic merge patch to an object of a built-in type. The result is not normalised.
pub fn apply(document: &Value, patch: &Value, ty: TypeId) -> Result<Value, PatchError> {
    todo!("{document:?} {patch:?} {ty:?}")
}

/// The patch from `old` to `new`, with `$setElementOrder` and `$retainKeys` as Go writes them.
pub fn two_way_diff(old: &Value, new: &Value, ty: TypeId) -> Result<Value, PatchError> {
    todo!("{old:?} {new:?} {ty:?}")
}
