//! `cargo xtask conformance`: recorded calls of upstream, replayed against ours.
//!
//! A suite is a registry from the name of an upstream function to a closure that rebuilds the inputs, calls ours and compares.
//! Functions without a counterpart are named with a word why. Every failing case is printed; the last line counts.

mod case;
mod kubernetes;
mod monitoring;
mod registry;
mod rollouts;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use registry::{Registry, say};

/// Which suite.
#[derive(Subcommand)]
pub enum Command {
    /// Argo Rollouts
    Rollouts(Data),
    /// A real API server
    Kubernetes(Data),
    /// Prometheus Operator
    Monitoring(Monitoring),
    /// What the simulated scenarios of monitoring write, read by promtool and amtool
    Scenarios(Scenarios),
}

/// Which scenarios.
#[derive(Args)]
pub struct Scenarios {
    /// Only scenarios whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
}

/// Recorded calls, or real tools.
#[derive(Args)]
pub struct Monitoring {
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    tools: tools::Tools,
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

/// Runs a suite; exit code 1 if a case failed. The last line of the output counts.
pub fn run(command: &Command) -> Result<ExitCode> {
    let (name, data, registry): (&str, &Data, fn(&Path) -> Registry) = match command {
        Command::Rollouts(data) => ("rollouts", data, rollouts::registry),
        Command::Kubernetes(data) => ("kubernetes", data, |_| kubernetes::registry()),
        Command::Monitoring(Monitoring { data, .. }) => {
            ("monitoring", data, |_| monitoring::registry())
        }
        Command::Scenarios(Scenarios { only }) => return tools::scenarios(only),
    };
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
    let folder = data
        .folder
        .clone()
        .unwrap_or_else(|| PathBuf::from(beside).join(name));
    if !folder.is_dir() && data.folder.is_none() {
        say(&format!(
            "skipped: no recorded calls in `../shared/conformance/{name}`"
        ));
        return Ok(ExitCode::SUCCESS);
    }
    if !folder.is_dir() {
        bail!("no recorded calls in `{}`", folder.display());
    }
    if let Command::Monitoring(Monitoring { tools, .. }) = command
        && tools.wanted
    {
        return tools::run(&folder, tools);
    }
    let tally = registry(&folder).run(&folder, data.only.as_deref(), data.width)?;
    tally.print();
    if tally.passed + tally.failed + tally.different == 0 {
        bail!("nothing in {} could be replayed", folder.display());
    }
    Ok(if tally.failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
