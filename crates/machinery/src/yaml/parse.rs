//! Reading.
use super::{Document, YamlError};
pub(super) fn documents(_text: &str) -> Result<Vec<Document>, YamlError> {
    todo!()
}
