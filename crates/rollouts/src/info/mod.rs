//! What people look at: a Rollout or an Experiment with everything below it, as one value, and the texts made of it.
//!
//! Pure: objects in, values and text out; the CLI, the tour and the dashboard share it. Mirrors upstream's
//! `pkg/kubectl-argo-rollouts/info` and the printing in `cmd/get` and `cmd/list`.

mod analysis;
mod images;
mod list;
mod paint;
mod pod;
mod replica_set;
mod rollout;
mod tree;

pub use analysis::{AnalysisRunInfo, ExperimentInfo, JobInfo};
pub use images::ImageInfo;
pub use list::{ExperimentRow, ListColumns, RolloutRow, experiment_table, rollout_table};
pub use paint::Painter;
pub use pod::PodInfo;
pub use replica_set::{ReplicaSetInfo, Tag};
pub use rollout::{CanaryInfo, MissingWorkload, ReplicaCounts, RolloutInfo};
pub use tree::{experiment_text, rollout_text};

use jiff::Timestamp;
use serde_json::Value;

/// The objects around a Rollout or an Experiment: whole namespaces may be given, children are found by owner UID.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// ReplicaSets.
    pub replica_sets: Vec<Value>,
    /// Pods.
    pub pods: Vec<Value>,
    /// Experiments.
    pub experiments: Vec<Value>,
    /// AnalysisRuns.
    pub analysis_runs: Vec<Value>,
    /// The Deployment that `spec.workloadRef` names.
    pub workload: Option<Value>,
}

/// A name and an age: what every row of the tree has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name.
    pub name: String,
    /// Since when the object exists.
    pub created: Option<Timestamp>,
    /// One word for how it is.
    pub status: String,
    /// A sign for how it is.
    pub icon: &'static str,
}

/// Whether `object` has an owner of that UID.
fn is_owned(object: &Value, uid: &str) -> bool {
    machinery::meta::owner_references(object)
        .iter()
        .any(|owner| owner.uid == uid)
}

/// The revision annotation, 0 if there is none or no number.
fn revision(object: &Value) -> i64 {
    machinery::meta::annotation(object, crate::api::labels::REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
