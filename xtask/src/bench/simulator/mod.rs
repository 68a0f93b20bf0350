//! `cargo xtask bench simulator`: figures of the simulated API server, beside those of a real one where there is one.
//! Printed, never asserted, and nothing is written.
//!
//! `traffic` is what is asked, `drive` asks and counts; `in_process` is our server without sockets, `sockets` and `grounds`
//! are servers in processes of their own; `pods` plays many pods through in virtual time; `report` prints.
mod drive;
mod grounds;
mod in_process;
mod pods;
mod report;
mod sockets;
mod traffic;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use self::grounds::Ground;
use self::report::Report;
use self::sockets::Amount;
use self::traffic::Operation;
use super::rollouts::release_build;
use crate::testbed::write_line;

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Reads and writes a second on one core, in-process, with watchers
    Server,
    /// Many pods on many nodes in virtual time, until all are Ready
    Pods,
    /// `carrick up` and a testbed's API server over HTTPS: requests, memory for each object, start to ready
    Sockets,
}

/// How much to measure.
#[derive(Args)]
pub struct SimulatorArgs {
    /// Only these
    parts: Vec<Part>,
    /// Requests of each kind, in-process
    #[arg(long, default_value_t = 40_000)]
    requests: usize,
    /// Requests of each kind, over sockets
    #[arg(long, default_value_t = 4_000)]
    socket_requests: usize,
    /// Watchers of every ConfigMap
    #[arg(long, default_value_t = 100)]
    watchers: usize,
    /// Objects of each kind to store, for the memory of one
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// Pods to play through
    #[arg(long, default_value_t = 100_000)]
    pods: usize,
    /// Nodes they run on
    #[arg(long, default_value_t = 1000)]
    nodes: usize,
    /// Without a real API server
    #[arg(long)]
    alone: bool,
    /// The program whose `up` is measured [default: the release build]
    #[arg(long, value_name = "PROGRAM")]
    carrick: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: &SimulatorArgs) -> Result<()> {
    let wanted = |part: Part| args.parts.is_empty() || args.parts.contains(&part);
    let mut report = Report::default();
    // First: the most memory this process ever had is one of its figures.
    if wanted(Part::Pods) {
        report.pods = Some(pods::run(args.pods, args.nodes)?);
    }
    if wanted(Part::Server) {
        report.server = in_process::run(&Operation::ALL, args.requests, args.watchers)?;
    }
    if wanted(Part::Sockets) {
        let amount = Amount {
            requests: args.socket_requests,
            watchers: args.watchers,
            objects: args.objects,
        };
        let program = match &args.carrick {
            Some(program) => program.clone(),
            None => release_build()?,
        };
        let ours = Ground::ours(&program)?;
        report
            .sockets
            .push(sockets::run(&ours, &Operation::ALL, &amount)?);
        drop(ours);
        if !args.alone {
            let theirs = Ground::theirs()?;
            report
                .sockets
                .push(sockets::run(&theirs, &Operation::ALL, &amount)?);
        }
    }
    let text = if args.json {
        serde_json::to_string_pretty(&report.json())?
    } else {
        report.text()
    };
    write_line(text.trim_end())
}
