//! `version`.

use anyhow::Result;
use clap::Args;

use crate::cli::{VERSION, print};

#[derive(Args)]
pub struct VersionArgs {
    /// Print just the version number
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    short: bool,
}

impl VersionArgs {
    pub fn run(&self) -> Result<()> {
        let version = format!("kubectl-argo-rollouts: {VERSION}\n");
        if self.short {
            return print(&version);
        }
        let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
        print(&format!(
            "{version}  Implementation: carrick\n  Platform: {system}/{machine}\n"
        ))
    }
}
