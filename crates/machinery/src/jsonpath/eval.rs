//! Evaluation of JSONPath templates.
use std::borrow::Cow;
use serde_json::Value;
use super::{JsonPathError, parse::Node};
pub(super) fn find<'a>(_nodes: &[Node], _allow: bool, _data: &'a Value) -> Result<Vec<Vec<Cow<'a, Value>>>, JsonPathError> { todo!() }
