//! Experiment: ReplicaSets side by side for a while (upstream `experiment_types.go`).

use super::analysis::{Argument, DryRun, MeasurementRetention};
use super::analysis_run::AnalysisPhase;
use super::meta::{AnalysisRunMetadata, LabelSelector, ObjectMeta, RawJson, Time};
use super::schema::{api_enum, api_object};
use super::status::ConditionStatus;
use super::step::TemplateService;

api_object! {
    /// ReplicaSets side by side for a while, judged by analyses.
    pub struct Experiment {
        required {
            /// What to run.
            "spec" spec: ExperimentSpec,
        }
        optional {
            /// Group and version.
            "apiVersion" api_version: String,
            /// Kind.
            "kind" kind: String,
            /// Metadata.
            "metadata" metadata: ObjectMeta as serde_json::json!({"type": "object"}),
            /// What is.
            "status" status: ExperimentStatus,
        }
    }

    /// What to run.
    pub struct ExperimentSpec {
        required {
            /// ReplicaSets to run.
            "templates" templates: Vec<TemplateSpec>,
        }
        optional {
            /// How long they run; until the analyses end if unset.
            "duration" duration: String,
            /// Seconds without progress until the Experiment fails; 600 if unset.
            "progressDeadlineSeconds" progress_deadline_seconds: Option<i32>,
            /// Whether to end it now.
            "terminate" terminate: bool,
            /// Analyses that judge them.
            "analyses" analyses: Vec<ExperimentAnalysisTemplateRef>,
            /// Seconds the ReplicaSets stay after the end; 30 if unset.
            "scaleDownDelaySeconds" scale_down_delay_seconds: Option<i32>,
            /// Metrics whose result doesn't count.
            "dryRun" dry_run: Vec<DryRun>,
            /// How many measurements to keep.
            "measurementRetention" measurement_retention: Vec<MeasurementRetention>,
            /// Metadata of the AnalysisRuns.
            "analysisRunMetadata" analysis_run_metadata: AnalysisRunMetadata,
        }
    }

    /// One ReplicaSet.
    pub struct TemplateSpec {
        required {
            /// Name, unique within the Experiment.
            "name" name: String,
            /// Selector of its pods.
            "selector" selector: Option<LabelSelector> as super::crds::label_selector(),
            /// Pod template, as written.
            "template" template: RawJson as super::crds::pod_template(),
        }
        optional {
            /// Number of pods; 1 if unset.
            "replicas" replicas: Option<i32>,
            /// Seconds a ready pod must run before it counts as available.
            "minReadySeconds" min_ready_seconds: i32,
            /// A Service for it.
            "service" service: Option<TemplateService>,
        }
    }

    /// An analysis of an Experiment.
    pub struct ExperimentAnalysisTemplateRef {
        required {
            /// Name of the analysis, unique within the Experiment.
            "name" name: String,
            /// Name of the template.
            "templateName" template_name: String,
        }
        optional {
            /// Whether it is a ClusterAnalysisTemplate.
            "clusterScope" cluster_scope: Option<bool>,
            /// Arguments for it.
            "args" args: Vec<Argument>,
            /// Whether the Experiment ends only when this run has.
            "requiredForCompletion" required_for_completion: bool,
        }
    }

    /// What is.
    pub struct ExperimentStatus {
        optional {
            /// One word for the state.
            "phase" phase: AnalysisPhase,
            /// Why it is in this phase.
            "message" message: String,
            /// State by template.
            "templateStatuses" template_statuses: Vec<TemplateStatus>,
            /// When all ReplicaSets were available.
            "availableAt" available_at: Option<Time>,
            /// Conditions, the last changed one last.
            "conditions" conditions: Vec<ExperimentCondition>,
            /// State by analysis.
            "analysisRuns" analysis_runs: Vec<ExperimentAnalysisRunStatus>,
        }
    }

    /// State of one ReplicaSet.
    pub struct TemplateStatus {
        required {
            /// Name of the template.
            "name" name: String,
            /// Pods.
            "replicas" replicas: i32,
            /// Pods of the right template.
            "updatedReplicas" updated_replicas: i32,
            /// Ready pods.
            "readyReplicas" ready_replicas: i32,
            /// Available pods.
            "availableReplicas" available_replicas: i32,
        }
        optional {
            /// Counts name collisions.
            "collisionCount" collision_count: Option<i32>,
            /// One word for the state.
            "status" status: TemplateStatusCode,
            /// Why it is in this state.
            "message" message: String,
            /// When the state last changed.
            "lastTransitionTime" last_transition_time: Option<Time>,
            /// Name of its Service.
            "serviceName" service_name: String,
            /// Its pod template hash.
            "podTemplateHash" pod_template_hash: String,
        }
    }

    /// State of one analysis.
    pub struct ExperimentAnalysisRunStatus {
        required {
            /// Name of the analysis.
            "name" name: String,
            /// Name of the run.
            "analysisRun" analysis_run: String,
            /// Phase of the run.
            "phase" phase: AnalysisPhase,
        }
        optional {
            /// Message of the run.
            "message" message: String,
        }
    }

    /// A condition of an Experiment.
    pub struct ExperimentCondition {
        required {
            /// Type.
            "type" kind: ExperimentConditionType,
            /// `True`, `False` or `Unknown`.
            "status" status: ConditionStatus,
            /// When it was last written.
            "lastUpdateTime" last_update_time: Option<Time>,
            /// When its status last changed.
            "lastTransitionTime" last_transition_time: Option<Time>,
            /// One word for why.
            "reason" reason: String,
            /// A sentence for why.
            "message" message: String,
        }
    }
}

api_enum! {
    /// State of a template.
    pub enum TemplateStatusCode {
        /// On its way.
        Progressing = "Progressing",
        /// All pods are available.
        Running = "Running",
        /// Ran to the end.
        Successful = "Successful",
        /// Never became available.
        Failed = "Failed",
        /// Could not be run.
        Error = "Error",
    }

    /// Type of an Experiment's condition.
    pub enum ExperimentConditionType {
        /// The spec can't be carried out.
        InvalidSpec = "InvalidSpec",
        /// The Experiment ended.
        Completed = "Completed",
        /// The Experiment moves on.
        Progressing = "Progressing",
        /// All ReplicaSets are available.
        Running = "Running",
        /// A ReplicaSet can't make pods.
        ReplicaFailure = "ReplicaFailure",
    }
}

impl TemplateStatusCode {
    /// True if nothing more will happen.
    pub fn completed(&self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Error)
    }
}
