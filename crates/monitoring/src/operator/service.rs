//! A governing Service that the user named.

use serde_json::Value;

use super::stored::selector_text;
use crate::workload::{Texts, selects_pods};

/// It must be there and select the pods; the error says what is missing.
pub fn check_named(
    stored: Option<&Value>,
    namespace: &str,
    name: &str,
    pods: &Texts,
) -> Result<(), String> {
    let Some(stored) = stored else {
        return Err(format!(
            "failed to get custom governing service {namespace}/{name}: services {name:?} not found"
        ));
    };
    if selects_pods(stored, pods) {
        return Ok(());
    }
    let selector = machinery::meta::string_map(stored.pointer("/spec/selector"));
    Err(format!(
        "custom governing service {namespace}/{name} with selector {:?} does not select pods with labels {:?}",
        selector_text(&selector),
        selector_text(pods)
    ))
}
