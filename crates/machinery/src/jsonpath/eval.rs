//! Evaluation of JSONPath templates.
use super::{JsonPathError, parse::Node};
use serde_json::Value;
use std::borrow::Cow;
pub(super) fn find<'a>(
    _nodes: &[Node],
    _allow: bool,
    _data: &'a Value,
) -> Result<Vec<Vec<Cow<'a, Value>>>, JsonPathError> {
    todo!()
}
