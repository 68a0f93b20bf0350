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
}

/// Hands the line to the scenarios, and their exit code on.
pub fn run(sim: &Sim) -> Result<()> {
    let Sim::Replay { line } = sim;
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "run",
            "--quiet",
            "--package",
            "scenarios",
            "--bin",
            "sim",
            "--",
            "replay",
        ])
        .args(line)
        .status()
        .context("cannot run cargo")?;
    std::process::exit(status.code().unwrap_or(1));
}
