//! AnalysisRuns, their Jobs, and Experiments in the tree.

use machinery::meta;
use serde_json::Value;

use super::images::{self, ImageInfo};
use super::replica_set::{self, ReplicaSetInfo};
use super::{Row, Surroundings, is_owned, revision};
use crate::api::analysis_run::{AnalysisPhase, AnalysisRun};
use crate::api::decode::lenient;

/// A Job that measured something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobInfo {
    /// Name, start, status and icon.
    pub row: Row,
    /// The metric it measured.
    pub metric: String,
}

/// An AnalysisRun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalysisRunInfo {
    /// Name, age, status and icon.
    pub row: Row,
    /// Revision, 0 if it has none.
    pub revision: i64,
    /// Measurements that passed.
    pub successful: i32,
    /// Measurements that failed.
    pub failed: i32,
    /// Measurements that told nothing.
    pub inconclusive: i32,
    /// Measurements that couldn't be made.
    pub error: i32,
    /// Its Jobs, as recorded.
    pub jobs: Vec<JobInfo>,
}

impl AnalysisRunInfo {
    /// Reads an AnalysisRun.
    pub fn new(object: &Value) -> Self {
        let run: AnalysisRun = lenient(object).object;
        let results = &run.status.metric_results;
        let sum = |count: fn(&crate::api::analysis_run::MetricResult) -> i32| {
            results.iter().map(count).sum()
        };
        let jobs = results.iter().flat_map(|result| {
            result.measurements.iter().filter_map(|measurement| {
                Some(JobInfo {
                    row: Row {
                        name: measurement.metadata.get("job-name")?.clone(),
                        created: measurement.started_at.map(|time| time.0),
                        status: measurement.phase.as_str().to_owned(),
                        icon: phase_icon(&measurement.phase),
                    },
                    metric: result.name.clone(),
                })
            })
        });
        Self {
            row: row(object, &run.status.phase),
            revision: revision(object),
            successful: sum(|result| result.successful),
            failed: sum(|result| result.failed),
            inconclusive: sum(|result| result.inconclusive),
            error: sum(|result| result.error),
            jobs: jobs.collect(),
        }
    }
}

/// An Experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentInfo {
    /// Name, age, status and icon.
    pub row: Row,
    /// Namespace.
    pub namespace: String,
    /// Why it is so.
    pub message: String,
    /// Revision, 0 if it has none.
    pub revision: i64,
    /// Its ReplicaSets.
    pub replica_sets: Vec<ReplicaSetInfo>,
    /// Its AnalysisRuns.
    pub analysis_runs: Vec<AnalysisRunInfo>,
}

impl ExperimentInfo {
    /// Reads an Experiment and what belongs to it.
    pub fn new(object: &Value, around: &Surroundings) -> Self {
        let experiment: crate::api::experiment::Experiment = lenient(object).object;
        let uid = meta::uid(object);
        let mut sets: Vec<_> = around
            .replica_sets
            .iter()
            .filter(|set| is_owned(set, uid))
            .map(|set| ReplicaSetInfo::new(set, &around.pods, Vec::new()))
            .collect();
        replica_set::sort(&mut sets);
        Self {
            row: row(object, &experiment.status.phase),
            namespace: meta::namespace(object).to_owned(),
            message: experiment.status.message,
            revision: revision(object),
            replica_sets: sets,
            analysis_runs: runs_of(uid, &around.analysis_runs),
        }
    }

    /// The images its pods run.
    pub fn images(&self) -> Vec<ImageInfo> {
        images::of_sets(&self.replica_sets)
    }
}

/// The AnalysisRuns that `uid` owns: by revision, creation and name, the last first.
pub(super) fn runs_of(uid: &str, runs: &[Value]) -> Vec<AnalysisRunInfo> {
    let mut runs: Vec<_> = runs
        .iter()
        .filter(|run| is_owned(run, uid))
        .map(AnalysisRunInfo::new)
        .collect();
    runs.sort_by(|a, b| {
        (b.revision, b.row.created, &b.row.name).cmp(&(a.revision, a.row.created, &a.row.name))
    });
    runs
}

fn row(object: &Value, phase: &AnalysisPhase) -> Row {
    Row {
        name: meta::name(object).to_owned(),
        created: meta::creation_timestamp(object),
        status: phase.as_str().to_owned(),
        icon: phase_icon(phase),
    }
}

fn phase_icon(phase: &AnalysisPhase) -> &'static str {
    match phase.as_str() {
        "Successful" => "✔",
        "Failed" => "✖",
        "Error" => "⚠",
        "Inconclusive" => "?",
        "Running" => "◌",
        "Pending" => "◷",
        _ => " ",
    }
}
