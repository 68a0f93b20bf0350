//! `cargo xtask conformance`: recorded calls of upstream, replayed against ours.
//!
//! A suite is a registry from the name of an upstream function to a closure that rebuilds the inputs, calls ours and compares.
//! Functions without a counterpart are named with a word why. Every failing case is printed; the last line counts.

mod case;
mod kubernetes;
mod registry;
mod rollouts;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

/// Which suite.
#[derive(Subcommand)]
pub enum Command {
    /// Argo Rollouts
    Rollouts(Data),
    /// A real API server
    Kubernetes(Data),
}

/// Where the recorded calls lie, and which of them count.
#[derive(Args)]
pub struct Data {
    /// Folder with the recorded calls
    #[arg(long = "data")]
    folder: Option<PathBuf>,
    /// Only cases whose file, function or name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Show at most this many characters of a failure
    #[arg(long, default_value_t = 600)]
    width: usize,
}

/// Runs a suite; an error if a case failed.
pub fn run(command: &Command) -> Result<()> {
    let (name, data, registry) = match command {
        Command::Rollouts(data) => ("rollouts", data, rollouts::registry()),
        Command::Kubernetes(data) => ("kubernetes", data, kubernetes::registry()),
    };
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
    let folder = data
        .folder
        .clone()
        .unwrap_or_else(|| PathBuf::from(beside).join(name));
    if !folder.is_dir() {
        bail!("no recorded calls in `{}`", folder.display());
    }
    let tally = registry.run(&folder, data.only.as_deref(), data.width)?;
    tally.print();
    if tally.failed > 0 {
        bail!("{} cases failed", tally.failed);
    }
    Ok(())
}
