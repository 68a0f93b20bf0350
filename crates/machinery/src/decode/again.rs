//! Keys that come twice in one object: what the second one leaves of the first.

use std::borrow::Cow;

use serde_json::Value;

use super::parse::Node;
use crate::schema::{Field, TypeRef};

/// Null leaves what is there for these types; for the others it empties.
pub(super) fn keeps_on_null(field: &Field) -> bool {
    !field.pointer
        && match &field.ty {
            TypeRef::String(_)
            | TypeRef::Bool
            | TypeRef::Int(..)
            | TypeRef::Float
            | TypeRef::Struct(_) => true,
            TypeRef::Bytes
            | TypeRef::Quantity
            | TypeRef::IntOrString
            | TypeRef::Time
            | TypeRef::MicroTime
            | TypeRef::Duration
            | TypeRef::Any
            | TypeRef::SchemaOr(..)
            | TypeRef::List(_)
            | TypeRef::Map(_) => false,
        }
}

/// A second object under the same key is decoded into the first one's struct or map.
pub(super) fn earlier_is_kept(
    entries: &[(Cow<'_, str>, Node<'_>)],
    index: usize,
    key: &str,
    field: &Field,
) -> bool {
    matches!(field.ty, TypeRef::Struct(_) | TypeRef::Map(_))
        && entries
            .get(index)
            .is_some_and(|(_, node)| matches!(node, Node::Object(_)))
        && entries
            .iter()
            .take(index)
            .rfind(|(earlier, _)| earlier == key)
            .is_some_and(|(_, node)| matches!(node, Node::Object(_)))
}

/// Keeps what only the earlier object set.
pub(super) fn merge_into(value: &mut Value, earlier: Option<Value>) {
    if let (Value::Object(map), Some(Value::Object(mut earlier))) = (value, earlier) {
        // The earlier one may be the sum of many, which `append` would go through each time.
        earlier.extend(std::mem::take(map));
        *map = earlier;
    }
}
