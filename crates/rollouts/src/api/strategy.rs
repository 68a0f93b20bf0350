//! The strategies: blue-green and canary (upstream `types.go`).

use super::analysis::{AnalysisRunArgument, AnalysisTemplateRef, DryRun, MeasurementRetention};
use super::meta::{AnalysisRunMetadata, IntOrString, PodTemplateMetadata};
use super::schema::{api_enum, api_object};
use super::step::CanaryStep;
use super::traffic::RolloutTrafficRouting;

api_object! {
    /// Exactly one of the two ways to update.
    pub struct RolloutStrategy {
        optional {
            /// A full new set beside the old one, then one switch of the Service.
            "blueGreen" blue_green: Option<Box<BlueGreenStrategy>>,
            /// A growing share of new pods, step by step.
            "canary" canary: Option<Box<CanaryStrategy>>,
        }
    }

    /// A full new set beside the old one, then one switch of the Service.
    pub struct BlueGreenStrategy {
        required {
            /// Service that serves users.
            "activeService" active_service: String,
        }
        optional {
            /// Service that shows the new set before the switch.
            "previewService" preview_service: String,
            /// Size of the new set before the switch; full size if unset.
            "previewReplicaCount" preview_replica_count: Option<i32>,
            /// Whether the switch happens without a human; true if unset.
            "autoPromotionEnabled" auto_promotion_enabled: Option<bool>,
            /// Seconds to wait before switching by itself.
            "autoPromotionSeconds" auto_promotion_seconds: i32,
            /// Pods that may be missing during a restart; a quarter if unset.
            "maxUnavailable" max_unavailable: Option<IntOrString>,
            /// Seconds the old set stays after the switch; 30 if unset.
            "scaleDownDelaySeconds" scale_down_delay_seconds: Option<i32>,
            /// Old sets that may stay for the delay at once.
            "scaleDownDelayRevisionLimit" scale_down_delay_revision_limit: Option<i32>,
            /// Analysis before the switch.
            "prePromotionAnalysis" pre_promotion_analysis: Option<Box<RolloutAnalysis>>,
            /// Keeps pods of new and old sets on different nodes.
            "antiAffinity" anti_affinity: Option<AntiAffinity>,
            /// Analysis after the switch.
            "postPromotionAnalysis" post_promotion_analysis: Option<Box<RolloutAnalysis>>,
            /// Metadata pods carry while they are the preview.
            "previewMetadata" preview_metadata: Option<PodTemplateMetadata>,
            /// Metadata pods carry while they are active.
            "activeMetadata" active_metadata: Option<PodTemplateMetadata>,
            /// Seconds the new set stays after an abort; 30 if unset, 0 keeps it.
            "abortScaleDownDelaySeconds" abort_scale_down_delay_seconds: Option<i32>,
        }
    }

    /// Keeps pods of new and old sets on different nodes, by one of two rules.
    pub struct AntiAffinity {
        optional {
            /// A preference.
            "preferredDuringSchedulingIgnoredDuringExecution" preferred: Option<PreferredAntiAffinity>,
            /// A requirement.
            "requiredDuringSchedulingIgnoredDuringExecution" required: Option<RequiredAntiAffinity>,
        }
    }

    /// A preference to schedule apart.
    pub struct PreferredAntiAffinity {
        required {
            /// Weight of the preference, 1 to 100.
            "weight" weight: i32,
        }
    }

    /// A requirement to schedule apart.
    pub struct RequiredAntiAffinity {}

    /// How many pods must be available before a step counts as done.
    pub struct ReplicaProgressThreshold {
        required {
            /// Unit of the value: `Percent` or `Pods`.
            "type" kind: ProgressType,
            /// The number of pods or percent.
            "value" value: i32,
        }
    }

    /// A growing share of new pods, step by step.
    pub struct CanaryStrategy {
        optional {
            /// Service that selects the new pods.
            "canaryService" canary_service: String,
            /// Service that selects the stable pods.
            "stableService" stable_service: String,
            /// The steps, in order. Absent and empty differ in the step hash.
            "steps" steps: Option<Vec<CanaryStep>>,
            /// Splits traffic by weight instead of by pods.
            "trafficRouting" traffic_routing: Option<Box<RolloutTrafficRouting>>,
            /// Pods that may be missing; a quarter if unset. A bare text is a percentage.
            "maxUnavailable" max_unavailable: Option<IntOrString>,
            /// Pods that may be too many; a quarter if unset. A bare text is a percentage.
            "maxSurge" max_surge: Option<IntOrString>,
            /// Analysis that runs beside the steps.
            "analysis" analysis: Option<Box<RolloutAnalysisBackground>>,
            /// Keeps pods of new and old sets on different nodes.
            "antiAffinity" anti_affinity: Option<AntiAffinity>,
            /// Metadata pods carry while they are the canary.
            "canaryMetadata" canary_metadata: Option<PodTemplateMetadata>,
            /// Metadata pods carry while they are stable.
            "stableMetadata" stable_metadata: Option<PodTemplateMetadata>,
            /// Seconds the old set stays after promotion; 30 if unset. Needs trafficRouting.
            "scaleDownDelaySeconds" scale_down_delay_seconds: Option<i32>,
            /// Old sets that may stay for the delay at once.
            "scaleDownDelayRevisionLimit" scale_down_delay_revision_limit: Option<i32>,
            /// Seconds the new set stays after an abort; 30 if unset, 0 keeps it. Needs trafficRouting.
            "abortScaleDownDelaySeconds" abort_scale_down_delay_seconds: Option<i32>,
            /// Whether the stable set shrinks as traffic leaves it. Needs trafficRouting.
            "dynamicStableScale" dynamic_stable_scale: bool,
            /// Two Services that swap roles instead of selectors.
            "pingPong" ping_pong: Option<PingPongSpec>,
            /// Least size of a set that isn't empty. Needs trafficRouting.
            "minPodsPerReplicaSet" min_pods_per_replica_set: Option<i32>,
            /// How many pods must be available before a step counts as done; all if unset.
            "replicaProgressThreshold" replica_progress_threshold: Option<ReplicaProgressThreshold>,
        }
    }

    /// Two Services that swap the roles of stable and canary.
    pub struct PingPongSpec {
        required {
            /// The first Service.
            "pingService" ping_service: String,
            /// The second Service.
            "pongService" pong_service: String,
        }
    }

    /// Analysis started by a Rollout.
    pub struct RolloutAnalysis {
        optional {
            /// Templates whose metrics are measured.
            "templates" templates: Vec<AnalysisTemplateRef> as super::crds::template_references(),
            /// Arguments for them.
            "args" args: Vec<AnalysisRunArgument>,
            /// Metrics whose result doesn't count.
            "dryRun" dry_run: Vec<DryRun>,
            /// How many measurements to keep.
            "measurementRetention" measurement_retention: Vec<MeasurementRetention>,
            /// Metadata of the AnalysisRun.
            "analysisRunMetadata" analysis_run_metadata: Option<AnalysisRunMetadata>,
        }
    }

    /// Analysis that runs beside the steps.
    pub struct RolloutAnalysisBackground {
        optional {
            /// Step at which it starts; the first if unset.
            "startingStep" starting_step: Option<i32>,
        }
        inline {
            /// Templates and arguments.
            analysis: RolloutAnalysis,
        }
    }
}

api_enum! {
    /// Unit of a progress threshold.
    pub enum ProgressType {
        /// Percent of the desired pods.
        Percent = "Percent",
        /// A number of pods.
        Pods = "Pods",
    }
}

impl CanaryStrategy {
    /// The steps, none if unset.
    pub fn steps(&self) -> &[CanaryStep] {
        self.steps.as_deref().unwrap_or_default()
    }
}
