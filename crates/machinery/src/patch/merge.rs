//! JSON merge patch (RFC 7386), and the patch between two documents.

use serde_json::Value;

/// The document with the patch merged into it: null deletes, arrays are replaced.
pub fn apply(document: &Value, patch: &Value) -> Value {
    todo!("{document:?} {patch:?}")
}

/// The merge patch that turns `old` into `new`; an empty object if they are equal.
pub fn diff(old: &Value, new: &Value) -> Value {
    todo!("{old:?} {new:?}")
}
