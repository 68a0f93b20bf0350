//! `carrick crds`: the custom resource definitions, as YAML.

use anyhow::Result;

use super::print;

/// Prints them all.
pub fn run() -> Result<()> {
    print(&documents(&::rollouts::api::crds::crds()))
}

/// Objects as YAML documents.
pub fn documents(objects: &[serde_json::Value]) -> String {
    objects
        .iter()
        .map(|object| format!("---\n{}", machinery::yaml::to_string(object)))
        .collect()
}
