//! `cargo xtask`: commands for people who work on Carrick.
//!
//! `main` is wiring; each command has a module of its own.
mod bench;
mod charts;
mod clients;
#[allow(
    clippy::indexing_slicing,
    reason = "JSON values read null where nothing is"
)]
mod conformance;
#[allow(
    clippy::indexing_slicing,
    reason = "JSON values read null where nothing is"
)]
mod crds;
mod e2e;
#[allow(
    clippy::indexing_slicing,
    reason = "JSON values read null where nothing is"
)]
mod fidelity;
mod fuzz;
mod generate;
mod sim;
mod test_real;
mod testbed;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The one that `carrick` has: what is measured in this process is measured with it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Commands for people who work on Carrick"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Figures: of the controllers on a real Kubernetes, of the simulated API server
    #[command(subcommand)]
    Bench(bench::Command),
    /// kube-prometheus-stack with our program in place of its operator, on a real Kubernetes
    Charts(charts::ChartsArgs),
    /// Real clients beyond kubectl, on our server and on a real Kubernetes
    Clients(clients::ClientsArgs),
    /// Replay recorded calls of upstream against ours
    #[command(subcommand)]
    Conformance(conformance::Command),
    /// The custom resource definitions
    Crds(crds::CrdsArgs),
    /// The simulated API server beside a real one, request by request
    Fidelity(fidelity::FidelityArgs),
    /// Random bytes for whatever reads clients' bytes, for a while
    Fuzz(fuzz::FuzzArgs),
    /// Write the files in deploy/ anew
    Generate(generate::GenerateArgs),
    /// Simulated runs, one by one
    #[command(subcommand)]
    Sim(sim::Sim),
    /// Run upstream's own end-to-end suite of Rollouts against our controller
    E2e(e2e::E2eArgs),
    /// A real Kubernetes on loopback, for tests and benchmarks
    #[command(subcommand)]
    Testbed(testbed::Command),
    /// Run the scenarios on a real Kubernetes
    TestReal(test_real::TestRealArgs),
}

fn main() -> Result<ExitCode> {
    match Args::parse().command {
        Command::Bench(command) => bench::run(&command),
        Command::Charts(args) => charts::run(&args),
        Command::Clients(args) => clients::run(&args),
        Command::Conformance(command) => return conformance::run(&command),
        Command::Crds(args) => crds::run(&args),
        Command::Fidelity(args) => return fidelity::run(&args),
        Command::Fuzz(args) => return fuzz::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Sim(sim) => sim::run(&sim),
        Command::E2e(args) => e2e::run(&args),
        Command::Testbed(command) => testbed::run(command),
        Command::TestReal(args) => test_real::run(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}
