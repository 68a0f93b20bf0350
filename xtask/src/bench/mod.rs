//! `cargo xtask bench`: figures of the controllers on a real Kubernetes, and of the simulated one. They are printed, never
//! asserted.
//!
//! `rollouts` is the run from beginning to end, `program` a controller under measurement, `load` what is asked of it,
//! `audit` counts its requests, `report` prints; `monitoring` measures the monitoring controllers likewise, `simulator` our API
//! server.
mod audit;
mod load;
mod monitoring;
mod monitoring_load;
mod monitoring_report;
mod process;
mod program;
mod report;
mod rollouts;
mod simulator;

use anyhow::Result;
use clap::Subcommand;

/// What can be measured.
#[derive(Subcommand)]
pub enum Command {
    /// Many Rollouts created and then updated all at once
    Rollouts(rollouts::RolloutsArgs),
    /// Many ServiceMonitors, rules and Secrets, and one monitor changed
    Monitoring(monitoring::MonitoringArgs),
    /// The simulated API server, beside a real one
    Simulator(simulator::SimulatorArgs),
}

/// Measures.
pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Rollouts(args) => rollouts::run(args),
        Command::Monitoring(args) => monitoring::run(args),
        Command::Simulator(args) => simulator::run(args),
    }
}
