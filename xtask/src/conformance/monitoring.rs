//! Recorded calls of Prometheus Operator, replayed against ours.

use std::fs;
use std::path::Path;

use anyhow::Result;
use monitoring::conformance::{self, Outcome as Replayed};

use super::registry::{Outcome, Outcomes, Registry};

/// Files of cases; one line a call, named by the kind of what was called.
const FILES: [&str; 21] = [
    "amcfg-add.ndjson",
    "amcfg-init.ndjson",
    "amcfg-raw.ndjson",
    "amcfg-sanitize.ndjson",
    "enforce-rule.ndjson",
    "promcfg-agent.ndjson",
    "promcfg-server.ndjson",
    "relabel-validate.ndjson",
    "rules.ndjson",
    "select-alertmanagerconfig.ndjson",
    "select-podmonitor.ndjson",
    "select-probe.ndjson",
    "select-scrapeconfig.ndjson",
    "select-servicemonitor.ndjson",
    "sts-agent.ndjson",
    "sts-alertmanager.ndjson",
    "sts-prometheus.ndjson",
    "sts-thanosruler.ndjson",
    "stsspec-alertmanager.ndjson",
    "validate-amcfg-v1alpha1.ndjson",
    "validate-amcfg-v1beta1.ndjson",
];

/// Everything that is replayed.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    for file in FILES {
        registry.table(file, cases);
    }
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
            Replayed::Skipped(reason) => Outcome::Skipped(reason),
        };
        (case.name, outcome)
    };
    let cases = conformance::run(path, None)?;
    Ok(cases.into_iter().map(outcome).collect())
}
