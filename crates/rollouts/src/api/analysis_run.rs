//! AnalysisRun: one run of the metrics of templates (upstream `analysis_types.go`).

use std::collections::BTreeMap;

use super::analysis::{Argument, DryRun, MeasurementRetention, Metric};
use super::meta::{ObjectMeta, Time};
use super::schema::{api_enum, api_object};

api_object! {
    /// One run of the metrics of templates.
    pub struct AnalysisRun {
        required {
            /// Metrics and the values of their arguments.
            "spec" spec: AnalysisRunSpec,
        }
        optional {
            /// Group and version.
            "apiVersion" api_version: String,
            /// Kind.
            "kind" kind: String,
            /// Metadata.
            "metadata" metadata: ObjectMeta as serde_json::json!({"type": "object"}),
            /// Measurements so far.
            "status" status: AnalysisRunStatus,
        }
    }

    /// Metrics and the values of their arguments.
    pub struct AnalysisRunSpec {
        required {
            /// Metrics to measure.
            "metrics" metrics: Vec<Metric>,
        }
        optional {
            /// Values of the arguments.
            "args" args: Vec<Argument>,
            /// Whether to end the run now.
            "terminate" terminate: bool,
            /// Metrics whose result doesn't count.
            "dryRun" dry_run: Vec<DryRun>,
            /// How many measurements to keep.
            "measurementRetention" measurement_retention: Vec<MeasurementRetention>,
            /// When the finished run is deleted.
            "ttlStrategy" ttl_strategy: Option<TtlStrategy>,
        }
    }

    /// When a finished run is deleted.
    pub struct TtlStrategy {
        optional {
            /// Seconds after any end.
            "secondsAfterCompletion" seconds_after_completion: Option<i32>,
            /// Seconds after a failure.
            "secondsAfterFailure" seconds_after_failure: Option<i32>,
            /// Seconds after success.
            "secondsAfterSuccess" seconds_after_success: Option<i32>,
        }
    }

    /// Measurements so far.
    pub struct AnalysisRunStatus {
        required {
            /// One word for the state.
            "phase" phase: AnalysisPhase,
        }
        optional {
            /// Why it is in this phase.
            "message" message: String,
            /// Results by metric.
            "metricResults" metric_results: Vec<MetricResult>,
            /// When the run began.
            "startedAt" started_at: Option<Time>,
            /// Sums over the metrics that count.
            "runSummary" run_summary: RunSummary,
            /// Sums over the metrics that don't count.
            "dryRunSummary" dry_run_summary: Option<RunSummary>,
            /// When the run ended.
            "completedAt" completed_at: Option<Time>,
        }
    }

    /// Sums over metrics.
    pub struct RunSummary {
        optional {
            /// Metrics.
            "count" count: i32,
            /// Successful ones.
            "successful" successful: i32,
            /// Failed ones.
            "failed" failed: i32,
            /// Unclear ones.
            "inconclusive" inconclusive: i32,
            /// Ones with errors.
            "error" error: i32,
        }
    }

    /// Results of one metric.
    pub struct MetricResult {
        required {
            /// Name of the metric.
            "name" name: String,
            /// One word for its state.
            "phase" phase: AnalysisPhase,
        }
        optional {
            /// The latest measurements.
            "measurements" measurements: Vec<Measurement>,
            /// Why it is in this phase.
            "message" message: String,
            /// Measurements that were not errors.
            "count" count: i32,
            /// Good results.
            "successful" successful: i32,
            /// Bad results.
            "failed" failed: i32,
            /// Unclear results.
            "inconclusive" inconclusive: i32,
            /// Errors.
            "error" error: i32,
            /// Errors in a row.
            "consecutiveError" consecutive_error: i32,
            /// Whether the result doesn't count.
            "dryRun" dry_run: bool,
            /// What the provider says about itself.
            "metadata" metadata: BTreeMap<String, String>,
            /// Good results in a row.
            "consecutiveSuccess" consecutive_success: i32,
        }
    }

    /// One measurement.
    pub struct Measurement {
        required {
            /// One word for its state.
            "phase" phase: AnalysisPhase,
        }
        optional {
            /// Why it is in this phase.
            "message" message: String,
            /// When it began.
            "startedAt" started_at: Option<Time>,
            /// When it ended.
            "finishedAt" finished_at: Option<Time>,
            /// The value, as text.
            "value" value: String,
            /// What the provider says about it.
            "metadata" metadata: BTreeMap<String, String>,
            /// When to look again.
            "resumeAt" resume_at: Option<Time>,
        }
    }
}

api_enum! {
    /// One word for the state of a run, a metric or a measurement.
    pub enum AnalysisPhase {
        /// Not begun.
        Pending = "Pending",
        /// On its way.
        Running = "Running",
        /// Good.
        Successful = "Successful",
        /// Bad.
        Failed = "Failed",
        /// Could not be measured.
        Error = "Error",
        /// Neither good nor bad.
        Inconclusive = "Inconclusive",
    }
}

impl AnalysisPhase {
    /// True if nothing more will happen.
    pub fn completed(&self) -> bool {
        matches!(
            self,
            Self::Successful | Self::Failed | Self::Error | Self::Inconclusive
        )
    }
}
