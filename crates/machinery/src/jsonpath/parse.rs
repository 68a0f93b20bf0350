//! The grammar of JSONPath templates.
use super::JsonPathError;
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node;
pub(super) fn parse(_template: &str) -> Result<Vec<Node>, JsonPathError> {
    todo!()
}
