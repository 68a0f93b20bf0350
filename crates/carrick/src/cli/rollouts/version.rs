//! `version`.

use anyhow::Result;
use clap::Args;

use crate::cli::{VERSION, print};

#[derive(Args)]
pub struct VersionArgs {
    /// Print just the version number
    #[arg(long)]
    short: bool,
}

impl VersionArgs {
    pub fn run(&self) -> Result<()> {
        let mut text = format!("kubectl-argo-rollouts: {VERSION}\n");
        if !self.short {
            let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
            text.push_str(&format!(
                "  Implementation: carrick\n  Platform: {system}/{machine}\n"
            ));
        }
        print(&text)
    }
}
