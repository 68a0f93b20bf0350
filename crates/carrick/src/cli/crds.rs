//! `carrick crds`: the custom resource definitions, as YAML.

use anyhow::Result;

use super::print;

/// Prints them all.
pub fn run() -> Result<()> {
    print(&machinery::yaml::documents_to_string(
        &::rollouts::api::crds::crds(),
    ))
}
