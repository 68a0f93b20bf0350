//! `cargo xtask sim`: simulated runs one by one.
use std::process::Command;

use anyhow::{Context, Result};
use clap::Subcommand;

/// What to do with simulated runs.
#[derive(Subcommand)]
pub enum Sim {
    /// Repeat the run that a failure printed a line for (`sim1 s=… r=… p=…`); ends with 0 if it passes now, 1 if it fails, 2 if the trace differs, 3 if the line is malformed
    Replay {
        /// The line
        #[arg(required = true)]
        line: Vec<String>,
    },
    /// Play scenarios with every failure at every write and a stale cache of every kind from every write on; `make test` takes a share of that
    Explore {
        /// Their names, such as `prometheus/is_sharded`, or `prometheus` for all of its family
        #[arg(required = true)]
        scenarios: Vec<String>,
    },
}

/// Hands the words to the scenarios, and their exit code on.
pub fn run(sim: &Sim) -> Result<()> {
    let (verb, words) = match sim {
        Sim::Replay { line } => ("replay", line),
        Sim::Explore { scenarios } => ("explore", scenarios),
    };
    // Explorations are thousands of runs: worth building for. A replay is wanted at once, and with what is built already.
    let profile = match sim {
        Sim::Replay { .. } => "dev",
        Sim::Explore { .. } => "sim",
    };
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--bin", "sim"])
        .args(["--profile", profile, "--", verb])
        .args(words)
        .status()
        .context("cannot run cargo")?;
    std::process::exit(status.code().unwrap_or(1));
}
