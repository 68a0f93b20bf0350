//! `cargo xtask testbed`: a real etcd, API server, controller-manager, scheduler
//! and simulated nodes on loopback ports of their own.
//!
//! `build` makes the binaries, once per version; `plan` writes what one testbed
//! consists of; `instance` starts and stops it. The processes belong to a small
//! supervisor (`testbed/supervise.go`), so that none of them can be left behind.
mod build;
mod instance;
mod modules;
mod plan;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

pub use build::{cache_folder, source_folder};
pub use instance::{Own, Testbed, down, up};
pub use plan::free_ports;

/// What `cargo xtask testbed` can do.
#[derive(Subcommand)]
pub enum Command {
    /// Build the binaries into the user's cache folder
    Build,
    /// Start a testbed and print its kubeconfig
    Up(UpArgs),
    /// Stop a testbed; nothing of it is left
    Down {
        /// Which one
        #[arg(long, default_value = "default", conflicts_with = "all")]
        name: String,
        /// Every one
        #[arg(long)]
        all: bool,
    },
    /// List the testbeds that are running
    Status,
    /// Write testbed/go.mod anew from Kubernetes' own
    Modules {
        /// The version of Kubernetes
        #[arg(long, default_value = build::KUBERNETES)]
        kubernetes: String,
    },
}

/// What a testbed is to be like.
#[derive(Args, Clone)]
pub struct UpArgs {
    /// Its name; several may run side by side
    #[arg(long, default_value = "default")]
    pub name: String,
    /// How many simulated nodes it has
    #[arg(long, default_value_t = 3)]
    pub nodes: u16,
    /// What its nodes do with pods, as kwok stages [default: testbed/stages.yaml]
    #[arg(long)]
    pub stages: Option<PathBuf>,
    /// Only etcd and the API server: no controllers, no scheduler, no nodes
    #[arg(long)]
    pub bare: bool,
}

/// Carries out one command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Build => {
            build::binaries().map(|built| eprintln!("built: {}", built.folder.display()))
        }
        Command::Up(args) => {
            let testbed = up(&args)?;
            eprintln!("{}", testbed.summary());
            let kubeconfig = testbed.kubeconfig();
            testbed.leave_running()?;
            write_line(&kubeconfig.display().to_string())
        }
        Command::Down { name, all } => {
            let names = if all { instance::names()? } else { vec![name] };
            names.iter().try_for_each(|name| down(name))
        }
        Command::Status => instance::status()?
            .iter()
            .try_for_each(|line| write_line(line)),
        Command::Modules { kubernetes } => modules::write(&kubernetes),
    }
}

/// One line of data on standard output.
pub fn write_line(line: &str) -> Result<()> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
