//! `carrick crds`: the custom resource definitions, as YAML.

use anyhow::Result;

use super::print;

/// Prints them all.
pub fn run() -> Result<()> {
    let mut all = ::rollouts::api::crds::crds();
    all.extend(::monitoring::api::crds::crds());
    print(&machinery::yaml::documents_to_string(&all))
}
