//! Recorded calls of Prometheus Operator, replayed against ours.

use std::fs;
use std::path::Path;

use anyhow::Result;
use monitoring::conformance::{self, Outcome as Replayed};

use super::registry::{Outcome, Outcomes, Registry};

/// Everything that is replayed: each line says itself what was called.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.each_file(cases);
    registry.table("goldens", goldens);
    registry.skip("seed", "whole objects: a scenario's, not a call's");
    registry
}

/// Cases with outputs in files of their own, a folder a kind.
fn goldens(folder: &Path) -> Result<Outcomes> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path().join("cases.ndjson")))
        .filter(|file| file.exists())
        .collect();
    files.sort();
    let mut all = Outcomes::new();
    for file in files {
        all.extend(cases(&file)?);
    }
    Ok(all)
}

fn cases(path: &Path) -> Result<Outcomes> {
    let outcome = |case: conformance::Case| {
        let outcome = match case.outcome {
            Replayed::Equal => Outcome::Passed,
            Replayed::Marked(reason) => Outcome::Different(reason),
            Replayed::Different(difference) => Outcome::Failed(difference),
        };
        (case.name, outcome)
    };
    let cases = conformance::run(path, None)?;
    Ok(cases.into_iter().map(outcome).collect())
}
