//! Values that hold where a spec says nothing (upstream `utils/defaults`, `utils/weightutil`).

use jiff::SignedDuration;

use super::meta::IntOrString;
use super::rollout::Rollout;

/// `spec.replicas`.
pub const REPLICAS: i32 = 1;
/// `spec.revisionHistoryLimit`.
pub const REVISION_HISTORY_LIMIT: i32 = 10;
/// `spec.analysis.successfulRunHistoryLimit` and its counterpart.
pub const ANALYSIS_RUN_HISTORY_LIMIT: i32 = 5;
/// `maxSurge` and `maxUnavailable`: a text without `%`, which upstream reads as a percentage.
pub const MAX_SURGE: &str = "25";
/// `spec.progressDeadlineSeconds`.
pub const PROGRESS_DEADLINE_SECONDS: i32 = 600;
/// `scaleDownDelaySeconds` and `abortScaleDownDelaySeconds`.
pub const SCALE_DOWN_DELAY_SECONDS: i32 = 30;
/// `consecutiveErrorLimit` of a metric.
pub const CONSECUTIVE_ERROR_LIMIT: i32 = 4;
/// Sum of traffic weights.
pub const MAX_TRAFFIC_WEIGHT: i32 = 100;

/// What follows an abort for the new set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortScaleDownDelay {
    /// It stays up: an explicit 0.
    Never,
    /// It goes after this time.
    After {
        /// The time.
        delay: SignedDuration,
        /// Whether the user set it.
        explicit: bool,
    },
}

impl Rollout {
    /// `spec.replicas`, 1 if unset.
    pub fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(REPLICAS)
    }

    /// `spec.revisionHistoryLimit`, 10 if unset.
    pub fn revision_history_limit(&self) -> i32 {
        self.spec
            .revision_history_limit
            .unwrap_or(REVISION_HISTORY_LIMIT)
    }

    /// `spec.progressDeadlineSeconds`, 600 if unset.
    pub fn progress_deadline_seconds(&self) -> i32 {
        self.spec
            .progress_deadline_seconds
            .unwrap_or(PROGRESS_DEADLINE_SECONDS)
    }

    /// Successful AnalysisRuns and Experiments to keep.
    pub fn successful_run_history_limit(&self) -> i32 {
        let analysis = self.spec.analysis.as_ref();
        analysis
            .and_then(|limits| limits.successful_run_history_limit)
            .unwrap_or(ANALYSIS_RUN_HISTORY_LIMIT)
    }

    /// Other finished AnalysisRuns and Experiments to keep.
    pub fn unsuccessful_run_history_limit(&self) -> i32 {
        let analysis = self.spec.analysis.as_ref();
        analysis
            .and_then(|limits| limits.unsuccessful_run_history_limit)
            .unwrap_or(ANALYSIS_RUN_HISTORY_LIMIT)
    }

    /// `maxSurge` of a canary as written, else `"25"`.
    pub fn max_surge_or_default(&self) -> IntOrString {
        let canary = self.spec.strategy.canary.as_ref();
        canary
            .and_then(|canary| canary.max_surge.clone())
            .unwrap_or_else(quarter)
    }

    /// `maxUnavailable` of either strategy as written, else `"25"`.
    pub fn max_unavailable_or_default(&self) -> IntOrString {
        let strategy = &self.spec.strategy;
        let blue_green = strategy
            .blue_green
            .as_ref()
            .and_then(|blue_green| blue_green.max_unavailable.clone());
        let canary = strategy
            .canary
            .as_ref()
            .and_then(|canary| canary.max_unavailable.clone());
        blue_green.or(canary).unwrap_or_else(quarter)
    }

    /// Whether a blue-green switch happens without a human.
    pub fn auto_promotion_enabled(&self) -> bool {
        let blue_green = self.spec.strategy.blue_green.as_ref();
        blue_green
            .and_then(|blue_green| blue_green.auto_promotion_enabled)
            .unwrap_or(true)
    }

    /// How long an old set stays after promotion; 0 for a canary without traffic routing.
    pub fn scale_down_delay(&self) -> SignedDuration {
        let strategy = &self.spec.strategy;
        let mut seconds = 0;
        if let Some(blue_green) = &strategy.blue_green {
            seconds = blue_green
                .scale_down_delay_seconds
                .unwrap_or(SCALE_DOWN_DELAY_SECONDS);
        }
        if let Some(canary) = strategy
            .canary
            .as_ref()
            .filter(|canary| canary.traffic_routing.is_some())
        {
            seconds = canary
                .scale_down_delay_seconds
                .unwrap_or(SCALE_DOWN_DELAY_SECONDS);
        }
        SignedDuration::from_secs(i64::from(seconds))
    }

    /// How long the new set stays after an abort; a canary without traffic routing has no delay.
    pub fn abort_scale_down_delay(&self) -> AbortScaleDownDelay {
        let strategy = &self.spec.strategy;
        let (applies, written) = if let Some(blue_green) = &strategy.blue_green {
            (true, blue_green.abort_scale_down_delay_seconds)
        } else if let Some(canary) = strategy
            .canary
            .as_ref()
            .filter(|canary| canary.traffic_routing.is_some())
        {
            (true, canary.abort_scale_down_delay_seconds)
        } else {
            (false, None)
        };
        let seconds = match written {
            Some(0) => return AbortScaleDownDelay::Never,
            Some(seconds) => seconds,
            None if applies => SCALE_DOWN_DELAY_SECONDS,
            None => 0,
        };
        let delay = SignedDuration::from_secs(i64::from(seconds));
        AbortScaleDownDelay::After {
            delay,
            explicit: written.is_some(),
        }
    }

    /// Whether the user set an abort delay other than 0.
    pub fn has_explicit_abort_scale_down_delay(&self) -> bool {
        matches!(
            self.abort_scale_down_delay(),
            AbortScaleDownDelay::After { explicit: true, .. }
        )
    }

    /// Sum of traffic weights, 100 unless the traffic routing says otherwise.
    pub fn max_traffic_weight(&self) -> i32 {
        let canary = self.spec.strategy.canary.as_ref();
        let routing = canary.and_then(|canary| canary.traffic_routing.as_ref());
        routing
            .and_then(|routing| routing.max_traffic_weight)
            .unwrap_or(MAX_TRAFFIC_WEIGHT)
    }
}

fn quarter() -> IntOrString {
    IntOrString::String(MAX_SURGE.into())
}
