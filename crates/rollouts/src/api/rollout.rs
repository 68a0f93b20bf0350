//! Rollout and its spec (upstream `types.go`).

use super::meta::{LabelSelector, ObjectMeta, RawJson, Time};
use super::schema::api_object;
use super::status::RolloutStatus;
use super::strategy::RolloutStrategy;

api_object! {
    /// A workload whose updates go out as a canary or blue-green.
    pub struct Rollout {
        required {
            /// What should be.
            "spec" spec: RolloutSpec,
        }
        optional {
            /// Group and version.
            "apiVersion" api_version: String,
            /// Kind.
            "kind" kind: String,
            /// Metadata.
            "metadata" metadata: ObjectMeta as serde_json::json!({"type": "object"}),
            /// What is.
            "status" status: RolloutStatus,
        }
    }

    /// What a Rollout should run and how updates go out.
    pub struct RolloutSpec {
        optional {
            /// Number of pods; 1 if unset.
            "replicas" replicas: Option<i32>,
            /// Pods this Rollout owns. Immutable.
            "selector" selector: Option<LabelSelector> as super::crds::rollout_selector(),
            /// Pod template, as written. Exactly one of this and workloadRef.
            "template" template: RawJson as super::crds::pod_template(),
            /// A workload that provides the template instead.
            "workloadRef" workload_ref: Option<ObjectRef>,
            /// Seconds a ready pod must run before it counts as available.
            "minReadySeconds" min_ready_seconds: i32,
            /// How far back an update counts as a rollback, which skips steps.
            "rollbackWindow" rollback_window: Option<RollbackWindowSpec>,
            /// How updates go out.
            "strategy" strategy: RolloutStrategy,
            /// Old ReplicaSets to keep; 10 if unset.
            "revisionHistoryLimit" revision_history_limit: Option<i32>,
            /// Whether the user holds the update.
            "paused" paused: bool,
            /// Seconds without progress until the Rollout counts as degraded; 600 if unset.
            "progressDeadlineSeconds" progress_deadline_seconds: Option<i32>,
            /// Whether to abort at the progress deadline.
            "progressDeadlineAbort" progress_deadline_abort: bool,
            /// Pods created before this time are restarted.
            "restartAt" restart_at: Option<Time>,
            /// How many finished runs to keep.
            "analysis" analysis: Option<AnalysisRunStrategy>,
        }
    }

    /// A workload to take the pod template from.
    pub struct ObjectRef {
        optional {
            /// Group and version of the workload.
            "apiVersion" api_version: String,
            /// Kind of the workload.
            "kind" kind: String,
            /// Name of the workload.
            "name" name: String,
            /// When the workload is scaled to zero: `never`, `onsuccess` or `progressively`.
            "scaleDown" scale_down: String,
        }
    }

    /// How many revisions back an update counts as a rollback.
    pub struct RollbackWindowSpec {
        optional {
            /// Number of revisions.
            "revisions" revisions: i32,
        }
    }

    /// How many finished AnalysisRuns and Experiments are kept.
    pub struct AnalysisRunStrategy {
        optional {
            /// Successful ones to keep; 5 if unset.
            "successfulRunHistoryLimit" successful_run_history_limit: Option<i32>,
            /// Other finished ones to keep; 5 if unset.
            "unsuccessfulRunHistoryLimit" unsuccessful_run_history_limit: Option<i32>,
        }
    }
}

impl Rollout {
    /// The template's labels, whether or not the rest of the template is sound.
    pub fn template_labels(&self) -> std::collections::BTreeMap<String, String> {
        let template = self.spec.template.value();
        let Some(found) = template
            .pointer("/metadata/labels")
            .and_then(serde_json::Value::as_object)
        else {
            return std::collections::BTreeMap::new();
        };
        found
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }
}
