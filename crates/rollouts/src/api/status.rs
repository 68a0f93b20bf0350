//! RolloutStatus (upstream `types.go`). Users, the CLI and Argo CD write parts of it: it is never replaced, only patched.

use super::analysis_run::AnalysisPhase;
use super::meta::{RawJson, Time};
use super::schema::{api_enum, api_object};

api_object! {
    /// What a Rollout is at.
    pub struct RolloutStatus {
        optional {
            /// Whether the update is aborted.
            "abort" abort: bool,
            /// Why the controller paused.
            "pauseConditions" pause_conditions: Vec<PauseCondition>,
            /// Whether the controller paused; true without pause conditions means a human resumed.
            "controllerPause" controller_pause: bool,
            /// When the update was aborted.
            "abortedAt" aborted_at: Option<Time>,
            /// Hash of the pod template being rolled out.
            "currentPodHash" current_pod_hash: String,
            /// Hash of the steps.
            "currentStepHash" current_step_hash: String,
            /// Pods of all sets.
            "replicas" replicas: i32,
            /// Pods of the new set.
            "updatedReplicas" updated_replicas: i32,
            /// Ready pods.
            "readyReplicas" ready_replicas: i32,
            /// Available pods.
            "availableReplicas" available_replicas: i32,
            /// Index of the current step.
            "currentStepIndex" current_step_index: Option<i32>,
            /// Counts hash collisions.
            "collisionCount" collision_count: Option<i32>,
            /// The generation last acted upon, as text.
            "observedGeneration" observed_generation: String,
            /// Conditions, the last changed one last.
            "conditions" conditions: Vec<RolloutCondition>,
            /// State of a canary.
            "canary" canary: CanaryStatus,
            /// State of a blue-green update.
            "blueGreen" blue_green: BlueGreenStatus,
            /// Pods that a HorizontalPodAutoscaler should count.
            "HPAReplicas" hpa_replicas: i32,
            /// Selector of these pods.
            "selector" selector: String,
            /// Hash of the set that is fully promoted.
            "stableRS" stable_rs: String,
            /// The `restartAt` that was last carried out.
            "restartedAt" restarted_at: Option<Time>,
            /// Whether to skip everything left of this update.
            "promoteFull" promote_full: bool,
            /// One word for the state.
            "phase" phase: RolloutPhase,
            /// Why it is in this phase.
            "message" message: String,
            /// Generation of the referenced workload last acted upon, as text.
            "workloadObservedGeneration" workload_observed_generation: String,
            /// AWS resources of the one ALB Ingress.
            "alb" alb: Option<Box<AlbStatus>>,
            /// AWS resources of several ALB Ingresses.
            "albs" albs: Vec<AlbStatus>,
            /// How long the update took.
            "duration" duration: Option<RolloutDurationStatus>,
        }
    }

    /// Why the controller paused.
    pub struct PauseCondition {
        required {
            /// The reason.
            "reason" reason: PauseReason,
            /// Since when.
            "startTime" start_time: Option<Time>,
        }
    }

    /// How long an update took.
    pub struct RolloutDurationStatus {
        optional {
            /// When it began.
            "rolloutStartedAt" rollout_started_at: Option<Time>,
            /// When the current wait for a human began.
            "manualPauseStartedAt" manual_pause_started_at: Option<Time>,
            /// Seconds spent waiting for humans.
            "totalManualPauseDurationSeconds" total_manual_pause_duration_seconds: Option<i64>,
            /// When it ended.
            "finishedAt" finished_at: Option<Time>,
            /// How it ended.
            "completionStatus" completion_status: Option<CompletionStatus>,
        }
    }

    /// State of a blue-green update.
    pub struct BlueGreenStatus {
        optional {
            /// Hash the preview Service selects.
            "previewSelector" preview_selector: String,
            /// Hash the active Service selects.
            "activeSelector" active_selector: String,
            /// Whether the preview has been at its size and may grow.
            "scaleUpPreviewCheckPoint" scale_up_preview_check_point: bool,
            /// The analysis before the switch.
            "prePromotionAnalysisRunStatus" pre_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
            /// The analysis after the switch.
            "postPromotionAnalysisRunStatus" post_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
        }
    }

    /// State of a canary.
    pub struct CanaryStatus {
        optional {
            /// The analysis of the current step.
            "currentStepAnalysisRunStatus" current_step_analysis_run_status: Option<RolloutAnalysisRunStatus>,
            /// The analysis beside the steps.
            "currentBackgroundAnalysisRunStatus" current_background_analysis_run_status: Option<RolloutAnalysisRunStatus>,
            /// Name of the Experiment of the current step.
            "currentExperiment" current_experiment: String,
            /// Traffic weights last set.
            "weights" weights: Option<Box<TrafficWeights>>,
            /// Which of the two Services is the stable one.
            "stablePingPong" stable_ping_pong: PingPongType,
            /// State of step plugins.
            "stepPluginStatuses" step_plugin_statuses: Vec<StepPluginStatus>,
        }
    }

    /// Traffic weights.
    pub struct TrafficWeights {
        required {
            /// Of the new set.
            "canary" canary: WeightDestination,
            /// Of the stable set.
            "stable" stable: WeightDestination,
        }
        optional {
            /// Of Experiments.
            "additional" additional: Vec<WeightDestination>,
            /// Whether the router confirmed them.
            "verified" verified: Option<bool>,
        }
    }

    /// The weight of one destination.
    pub struct WeightDestination {
        required {
            /// The weight.
            "weight" weight: i32,
        }
        optional {
            /// Its Service.
            "serviceName" service_name: String,
            /// Its pod template hash.
            "podTemplateHash" pod_template_hash: String,
        }
    }

    /// An AnalysisRun of this Rollout.
    pub struct RolloutAnalysisRunStatus {
        required {
            /// Name of the run.
            "name" name: String,
            /// Its phase.
            "status" status: AnalysisPhase,
        }
        optional {
            /// Its message.
            "message" message: String,
        }
    }

    /// State of one step plugin.
    pub struct StepPluginStatus {
        required {
            /// Index of the step.
            "index" index: i32,
            /// Name of the plugin.
            "name" name: String,
            /// `Run`, `Terminate` or `Abort`.
            "operation" operation: String,
        }
        optional {
            /// `Running`, `Successful`, `Failed` or `Error`.
            "phase" phase: String,
            /// Why.
            "message" message: String,
            /// When it began.
            "startedAt" started_at: Option<Time>,
            /// When it last reported.
            "updatedAt" updated_at: Option<Time>,
            /// When it ended.
            "finishedAt" finished_at: Option<Time>,
            /// How long to wait before the next call.
            "backoff" backoff: String,
            /// Number of calls.
            "executions" executions: i32,
            /// Whether the plugin is switched off.
            "disabled" disabled: bool,
            /// The plugin's own state.
            "status" status: RawJson,
        }
    }

    /// AWS resources behind an ALB Ingress.
    pub struct AlbStatus {
        optional {
            /// The load balancer.
            "loadBalancer" load_balancer: AwsResourceRef as super::crds::aws_resource(),
            /// Target group of the new set.
            "canaryTargetGroup" canary_target_group: AwsResourceRef as super::crds::aws_resource(),
            /// Target group of the stable set.
            "stableTargetGroup" stable_target_group: AwsResourceRef as super::crds::aws_resource(),
            /// The Ingress.
            "ingress" ingress: String,
        }
    }

    /// An AWS resource.
    pub struct AwsResourceRef {
        required {
            /// Name.
            "name" name: String,
            /// Amazon resource name.
            "arn" arn: String,
            /// Name as CloudWatch spells it.
            "fullName" full_name: String,
        }
    }

    /// A condition; two conditions are compared without their times.
    pub struct RolloutCondition {
        required {
            /// Type.
            "type" kind: ConditionType,
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
    /// One word for the state of a Rollout.
    pub enum RolloutPhase {
        /// All is as it should be.
        Healthy = "Healthy",
        /// Invalid, aborted or out of time.
        Degraded = "Degraded",
        /// On its way.
        Progressing = "Progressing",
        /// Waiting for a time or a human.
        Paused = "Paused",
    }

    /// Why the controller paused.
    pub enum PauseReason {
        /// An analysis could not tell.
        InconclusiveAnalysisRun = "InconclusiveAnalysisRun",
        /// An Experiment could not tell.
        InconclusiveExperiment = "InconclusiveExperiment",
        /// A pause step.
        CanaryPauseStep = "CanaryPauseStep",
        /// The wait before a blue-green switch.
        BlueGreenPause = "BlueGreenPause",
    }

    /// How an update ended.
    pub enum CompletionStatus {
        /// Through all steps.
        Promoted = "Promoted",
        /// By full promotion.
        FastPromoted = "FastPromoted",
        /// By an abort.
        Aborted = "Aborted",
        /// By a newer update.
        Superseded = "Superseded",
        /// By going back.
        RolledBack = "RolledBack",
        /// By going back within the rollback window.
        FastRolledBack = "FastRolledBack",
    }

    /// Which of the two Services is the stable one.
    pub enum PingPongType {
        /// `pingService`.
        Ping = "ping",
        /// `pongService`.
        Pong = "pong",
    }

    /// Type of a Rollout's condition.
    pub enum ConditionType {
        /// The spec can't be carried out.
        InvalidSpec = "InvalidSpec",
        /// Enough pods serve.
        Available = "Available",
        /// The update moves on.
        Progressing = "Progressing",
        /// A ReplicaSet can't make pods.
        ReplicaFailure = "ReplicaFailure",
        /// The update is held.
        Paused = "Paused",
        /// The update is done.
        Completed = "Completed",
        /// The update is done and all pods serve.
        Healthy = "Healthy",
    }

    /// Status of a condition.
    pub enum ConditionStatus {
        /// It holds.
        True = "True",
        /// It doesn't.
        False = "False",
        /// Nobody can tell.
        Unknown = "Unknown",
    }
}
