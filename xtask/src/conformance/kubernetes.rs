//! Answers of a real API server, replayed against the simulator.

use std::path::Path;

use anyhow::Result;
use simulator::conformance::{Case, Outcome as Replayed, defaults, errors, tables};

use super::registry::{Outcome, Outcomes, Registry};

/// Everything that is replayed.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.table("defaults.ndjson", |path| cases(path, defaults::run));
    registry.table("errors.ndjson", |path| cases(path, errors::run));
    registry.table("tables.ndjson", |path| cases(path, tables::run));
    registry.skip("README.md", "no data");
    registry
}

fn cases(path: &Path, run: fn(&Path) -> std::io::Result<Vec<Case>>) -> Result<Outcomes> {
    let folder = path.parent().unwrap_or(path);
    let outcome = |case: Case| {
        let outcome = match case.outcome {
            Replayed::Passed => Outcome::Passed,
            Replayed::Failed(difference) => Outcome::Failed(difference),
            Replayed::Skipped(reason) => Outcome::Skipped(reason),
        };
        (case.id, outcome)
    };
    Ok(run(folder)?.into_iter().map(outcome).collect())
}
