//! Canary steps (upstream `types.go`). The order of fields decides the step hash: it is upstream's.

use std::collections::BTreeMap;

use super::analysis::{AnalysisRunArgument, DryRun};
use super::meta::{AnalysisRunMetadata, IntOrString, LabelSelector, PodTemplateMetadata, RawJson};
use super::schema::{api_enum, api_object};
use super::strategy::RolloutAnalysis;

api_object! {
    /// One step: exactly one of the keys.
    pub struct CanaryStep {
        optional {
            /// Share of traffic for the new set.
            "setWeight" set_weight: Option<i32>,
            /// Wait for a time or a human.
            "pause" pause: Option<RolloutPause>,
            /// Run an Experiment and wait for it.
            "experiment" experiment: Option<Box<RolloutExperimentStep>>,
            /// Run an analysis and wait for it.
            "analysis" analysis: Option<Box<RolloutAnalysis>>,
            /// Size of the new set, apart from its traffic. Needs trafficRouting.
            "setCanaryScale" set_canary_scale: Option<SetCanaryScale>,
            /// Send requests with certain headers to the new set.
            "setHeaderRoute" set_header_route: Option<SetHeaderRoute>,
            /// Copy requests to the new set.
            "setMirrorRoute" set_mirror_route: Option<SetMirrorRoute>,
            /// Run a step plugin and wait for it.
            "plugin" plugin: Option<PluginStep>,
        }
    }

    /// Wait for a time or a human.
    pub struct RolloutPause {
        optional {
            /// Seconds, or a text such as `10`, `10s` or `1h`; until promoted if unset.
            "duration" duration: Option<IntOrString>,
        }
    }

    /// Size of the new set, apart from its traffic; one of the three.
    pub struct SetCanaryScale {
        optional {
            /// Percent of `spec.replicas`.
            "weight" weight: Option<i32>,
            /// A number of pods.
            "replicas" replicas: Option<i32>,
            /// Follow the traffic weight again.
            "matchTrafficWeight" match_traffic_weight: bool,
        }
    }

    /// Send requests with certain headers to the new set; without matches the route is removed.
    pub struct SetHeaderRoute {
        optional {
            /// Name of the route, one of managedRoutes.
            "name" name: String,
            /// The headers, all of which must match.
            "match" matches: Vec<HeaderRoutingMatch>,
        }
    }

    /// A header and its value.
    pub struct HeaderRoutingMatch {
        required {
            /// Name of the header.
            "headerName" header_name: String,
            /// Value of the header.
            "headerValue" header_value: Option<StringMatch>,
        }
    }

    /// Exactly one way to compare a text.
    pub struct StringMatch {
        optional {
            /// Equal to this.
            "exact" exact: String,
            /// Beginning with this.
            "prefix" prefix: String,
            /// Matching this regular expression.
            "regex" regex: String,
        }
    }

    /// Copy requests to the new set; without matches the route is removed.
    pub struct SetMirrorRoute {
        required {
            /// Name of the route, one of managedRoutes.
            "name" name: String,
        }
        optional {
            /// Which requests are copied.
            "match" matches: Vec<RouteMatch>,
            /// Percent of them that are copied; all if unset.
            "percentage" percentage: Option<i32>,
        }
    }

    /// Properties of a request, all of which must match.
    pub struct RouteMatch {
        optional {
            /// HTTP method.
            "method" method: Option<StringMatch>,
            /// Path.
            "path" path: Option<StringMatch>,
            /// Headers.
            "headers" headers: BTreeMap<String, StringMatch>,
        }
    }

    /// A step plugin and its configuration.
    pub struct PluginStep {
        required {
            /// Name of a configured plugin.
            "name" name: String,
        }
        optional {
            /// Configuration handed to it.
            "config" config: RawJson,
        }
    }

    /// Run an Experiment and wait for it.
    pub struct RolloutExperimentStep {
        required {
            /// ReplicaSets to run.
            "templates" templates: Option<Vec<RolloutExperimentTemplate>>,
        }
        optional {
            /// How long they run; until the analyses end if unset.
            "duration" duration: String,
            /// Analyses that judge them.
            "analyses" analyses: Vec<RolloutExperimentStepAnalysisTemplateRef>,
            /// Metrics whose result doesn't count.
            "dryRun" dry_run: Vec<DryRun>,
            /// Metadata of the AnalysisRuns.
            "analysisRunMetadata" analysis_run_metadata: AnalysisRunMetadata,
            /// Seconds the ReplicaSets stay after the end.
            "scaleDownDelaySeconds" scale_down_delay_seconds: Option<i32>,
        }
    }

    /// One ReplicaSet of an Experiment step.
    pub struct RolloutExperimentTemplate {
        required {
            /// Name, unique within the step.
            "name" name: String,
            /// Which pod template it runs: `stable` or `canary`.
            "specRef" spec_ref: ReplicaSetSpecRef,
        }
        optional {
            /// Number of pods; 1 if unset.
            "replicas" replicas: Option<i32>,
            /// Metadata added to the template.
            "metadata" metadata: PodTemplateMetadata,
            /// Selector instead of the Rollout's.
            "selector" selector: Option<LabelSelector> as super::crds::label_selector(),
            /// Share of traffic. Needs trafficRouting.
            "weight" weight: Option<i32>,
            /// A Service for it.
            "service" service: Option<TemplateService>,
        }
    }

    /// A Service created for a template.
    pub struct TemplateService {
        optional {
            /// Name of the Service; that of the ReplicaSet if unset.
            "name" name: String,
        }
    }

    /// An analysis of an Experiment step.
    pub struct RolloutExperimentStepAnalysisTemplateRef {
        required {
            /// Name of the analysis, unique within the step.
            "name" name: String,
            /// Name of the template.
            "templateName" template_name: String,
        }
        optional {
            /// Whether it is a ClusterAnalysisTemplate.
            "clusterScope" cluster_scope: Option<bool>,
            /// Arguments for it.
            "args" args: Vec<AnalysisRunArgument>,
            /// Whether the Experiment ends only when this run has.
            "requiredForCompletion" required_for_completion: bool,
        }
    }
}

api_enum! {
    /// Which ReplicaSet's template an Experiment runs.
    pub enum ReplicaSetSpecRef {
        /// The new one.
        Canary = "canary",
        /// The stable one.
        Stable = "stable",
    }
}
