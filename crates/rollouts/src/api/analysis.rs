//! AnalysisTemplate, ClusterAnalysisTemplate and what Rollouts say about analysis (upstream `analysis_types.go`).

use super::meta::{IntOrString, ObjectMeta};
use super::provider::MetricProvider;
use super::schema::{api_enum, api_object};

api_object! {
    /// Metrics that judge a release.
    pub struct AnalysisTemplate {
        required {
            /// Metrics and their arguments.
            "spec" spec: AnalysisTemplateSpec,
        }
        optional {
            /// Group and version.
            "apiVersion" api_version: String,
            /// Kind.
            "kind" kind: String,
            /// Metadata.
            "metadata" metadata: ObjectMeta as serde_json::json!({"type": "object"}),
        }
    }

    /// Metrics that judge a release, for all namespaces.
    pub struct ClusterAnalysisTemplate {
        required {
            /// Metrics and their arguments.
            "spec" spec: AnalysisTemplateSpec,
        }
        optional {
            /// Group and version.
            "apiVersion" api_version: String,
            /// Kind.
            "kind" kind: String,
            /// Metadata.
            "metadata" metadata: ObjectMeta as serde_json::json!({"type": "object"}),
        }
    }

    /// Metrics and their arguments.
    pub struct AnalysisTemplateSpec {
        optional {
            /// Metrics to measure.
            "metrics" metrics: Vec<Metric>,
            /// Arguments that the metrics may use.
            "args" args: Vec<Argument>,
            /// Metrics whose result doesn't count.
            "dryRun" dry_run: Vec<DryRun>,
            /// How many measurements to keep.
            "measurementRetention" measurement_retention: Vec<MeasurementRetention>,
            /// Other templates whose metrics are added.
            "templates" templates: Vec<AnalysisTemplateRef> as super::crds::template_references(),
        }
    }

    /// What is measured, how often, and what counts as success.
    pub struct Metric {
        required {
            /// Name, unique within the template.
            "name" name: String,
            /// Where the value comes from.
            "provider" provider: MetricProvider,
        }
        optional {
            /// Time between measurements; one measurement if unset.
            "interval" interval: String,
            /// Time before the first measurement.
            "initialDelay" initial_delay: String,
            /// Number of measurements; without end if unset and interval is set.
            "count" count: Option<IntOrString>,
            /// Expression that is true for a good result.
            "successCondition" success_condition: String,
            /// Expression that is true for a bad result.
            "failureCondition" failure_condition: String,
            /// Bad results that are tolerated; -1 tolerates all.
            "failureLimit" failure_limit: Option<IntOrString>,
            /// Unclear results that are tolerated.
            "inconclusiveLimit" inconclusive_limit: Option<IntOrString>,
            /// Errors in a row that are tolerated; 4 if unset.
            "consecutiveErrorLimit" consecutive_error_limit: Option<IntOrString>,
            /// Good results in a row that end the metric; off if unset.
            "consecutiveSuccessLimit" consecutive_success_limit: Option<IntOrString>,
        }
    }

    /// A metric whose result doesn't count.
    pub struct DryRun {
        required {
            /// Regular expression over names of metrics.
            "metricName" metric_name: String,
        }
    }

    /// How many measurements of a metric to keep.
    pub struct MeasurementRetention {
        required {
            /// Regular expression over names of metrics.
            "metricName" metric_name: String,
            /// Number of measurements.
            "limit" limit: i32,
        }
    }

    /// An argument of a template.
    pub struct Argument {
        required {
            /// Name of the argument.
            "name" name: String,
        }
        optional {
            /// Its value.
            "value" value: Option<String>,
            /// Where its value comes from.
            "valueFrom" value_from: Option<ValueFrom>,
        }
    }

    /// Where the value of an argument comes from.
    pub struct ValueFrom {
        optional {
            /// A key of a Secret.
            "secretKeyRef" secret_key_ref: Option<SecretKeyRef>,
            /// A field of the object.
            "fieldRef" field_ref: Option<FieldRef>,
        }
    }

    /// A key of a Secret.
    pub struct SecretKeyRef {
        required {
            /// Name of the Secret.
            "name" name: String,
            /// The key.
            "key" key: String,
        }
    }

    /// A field of the object.
    pub struct FieldRef {
        required {
            /// Path to the field.
            "fieldPath" field_path: String,
        }
    }

    /// A template by name.
    pub struct AnalysisTemplateRef {
        required {
            /// Name of the template.
            "templateName" template_name: String,
        }
        optional {
            /// Whether it is a ClusterAnalysisTemplate.
            "clusterScope" cluster_scope: Option<bool>,
        }
    }

    /// An argument that a Rollout hands to an analysis.
    pub struct AnalysisRunArgument {
        required {
            /// Name of the argument.
            "name" name: String,
        }
        optional {
            /// Its value.
            "value" value: String,
            /// Where its value comes from.
            "valueFrom" value_from: Option<ArgumentValueFrom>,
        }
    }

    /// Where the value of an argument comes from.
    pub struct ArgumentValueFrom {
        optional {
            /// A pod template hash: `Stable` or `Latest`.
            "podTemplateHashValue" pod_template_hash_value: Option<ValueFromPodTemplateHash>,
            /// A field of the Rollout.
            "fieldRef" field_ref: Option<FieldRef>,
        }
    }
}

api_enum! {
    /// Which pod template hash is meant.
    pub enum ValueFromPodTemplateHash {
        /// The stable one.
        Stable = "Stable",
        /// The new one.
        Latest = "Latest",
    }
}

impl Metric {
    /// Number of measurements after which the metric ends; `None` runs without end (upstream `EffectiveCount`).
    pub fn effective_count(&self) -> Option<IntOrString> {
        match &self.count {
            Some(count) if count.int_value() != 0 => Some(count.clone()),
            _ if self.interval.is_empty() => Some(IntOrString::Int(1)),
            _ => None,
        }
    }
}
