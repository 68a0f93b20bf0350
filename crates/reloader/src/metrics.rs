//! Upstream's metrics, with its names, types and texts, in the Prometheus text format.

use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{Exposition, goarch, process, to_f64};
use jiff::Timestamp;

use crate::flags::VERSION;

/// A number that only goes up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn value(&self) -> f64 {
        to_f64(self.0.load(Ordering::Relaxed))
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub(crate) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Sets it to a count.
    pub(crate) fn set_count(&self, count: usize) {
        self.set(u32::try_from(count).map_or(f64::MAX, f64::from));
    }

    fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    method: &'static str,
    pub(crate) applies: Counter,
    pub(crate) failed_applies: Counter,
    pub(crate) unset_variables: Gauge,
    pub(crate) reloads: Counter,
    pub(crate) failed_reloads: Counter,
    pub(crate) last_successful: Gauge,
    last_success: Gauge,
    pub(crate) watches: Gauge,
    pub(crate) watch_events: Counter,
    pub(crate) watch_errors: Counter,
}

impl Metrics {
    /// Of a process that reloads by that method.
    pub(crate) fn new(method: &'static str) -> Self {
        Self {
            method,
            ..Self::default()
        }
    }

    /// Every target reloaded what is there now.
    pub(crate) fn succeeded(&self, now: Timestamp) {
        self.last_successful.set(1.0);
        self.last_success.set(now.as_duration().as_secs_f64());
    }

    /// What `/metrics` answers.
    pub(crate) fn text(&self) -> String {
        let mut out = Exposition::default();
        process::collect(&mut out);
        let build = [
            ("branch", ""),
            ("goarch", goarch()),
            ("goos", std::env::consts::OS),
            ("goversion", ""),
            ("revision", ""),
            ("tags", ""),
            ("version", VERSION.trim_start_matches('v')),
        ];
        let name = "prometheus_config_reloader_build_info";
        out.gauge(name, BUILD_HELP, &build, 1.0);
        let method = [("method", self.method)];
        out.gauge("reloader_info", INFO_HELP, &method, 1.0);
        for (name, help, counter) in self.counters() {
            out.sample(name, help, "counter", &[], counter.value());
        }
        for (name, help, gauge) in self.gauges() {
            out.gauge(name, help, &[], gauge.value());
        }
        out.text()
    }

    fn counters(&self) -> [(&'static str, &'static str, &Counter); 6] {
        [
            (
                "reloader_config_apply_operations_total",
                "Total number of config apply operations.",
                &self.applies,
            ),
            (
                "reloader_config_apply_operations_failed_total",
                "Total number of config apply operations that failed.",
                &self.failed_applies,
            ),
            (
                "reloader_reloads_total",
                "Total number of reload requests.",
                &self.reloads,
            ),
            (
                "reloader_reloads_failed_total",
                "Total number of reload requests that failed.",
                &self.failed_reloads,
            ),
            (
                "reloader_watch_events_total",
                "Total number of events received by the reloader from the watcher.",
                &self.watch_events,
            ),
            (
                "reloader_watch_errors_total",
                "Total number of errors received by the reloader from the watcher.",
                &self.watch_errors,
            ),
        ]
    }

    fn gauges(&self) -> [(&'static str, &'static str, &Gauge); 4] {
        [
            (
                "reloader_config_environment_variable_expansion_errors",
                "Number of environment variable expansions that failed during the last operation.",
                &self.unset_variables,
            ),
            (
                "reloader_last_reload_successful",
                "Whether the last reload attempt was successful",
                &self.last_successful,
            ),
            (
                "reloader_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful reload",
                &self.last_success,
            ),
            (
                "reloader_watches",
                "Number of resources watched by the reloader.",
                &self.watches,
            ),
        ]
    }
}

const INFO_HELP: &str =
    "A metric with a constant '1' value labeled by reload method (either 'http' or 'signal').";
const BUILD_HELP: &str = "A metric with a constant '1' value labeled by version, revision, branch, goversion from which prometheus_config_reloader was built, and the goos and goarch for the build.";

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ours(text: &str) -> String {
        let ours = |line: &&str| line.contains("reloader_") && !line.contains("build_info");
        text.lines()
            .filter(ours)
            .fold(String::new(), |all, line| all + line + "\n")
    }

    #[test]
    fn names_types_and_texts_are_upstreams() {
        let metrics = Metrics::new("http");
        metrics.reloads.add(3);
        metrics.failed_reloads.inc();
        metrics.watches.set_count(4);
        metrics.unset_variables.set_count(2);
        metrics.succeeded(Timestamp::from_millisecond(1_700_000_000_250).unwrap());
        let expected = "\
# HELP reloader_config_apply_operations_failed_total Total number of config apply operations that failed.
# TYPE reloader_config_apply_operations_failed_total counter
reloader_config_apply_operations_failed_total 0
# HELP reloader_config_apply_operations_total Total number of config apply operations.
# TYPE reloader_config_apply_operations_total counter
reloader_config_apply_operations_total 0
# HELP reloader_config_environment_variable_expansion_errors Number of environment variable expansions that failed during the last operation.
# TYPE reloader_config_environment_variable_expansion_errors gauge
reloader_config_environment_variable_expansion_errors 2
# HELP reloader_info A metric with a constant '1' value labeled by reload method (either 'http' or 'signal').
# TYPE reloader_info gauge
reloader_info{method=\"http\"} 1
# HELP reloader_last_reload_success_timestamp_seconds Timestamp of the last successful reload
# TYPE reloader_last_reload_success_timestamp_seconds gauge
reloader_last_reload_success_timestamp_seconds 1700000000.25
# HELP reloader_last_reload_successful Whether the last reload attempt was successful
# TYPE reloader_last_reload_successful gauge
reloader_last_reload_successful 1
# HELP reloader_reloads_failed_total Total number of reload requests that failed.
# TYPE reloader_reloads_failed_total counter
reloader_reloads_failed_total 1
# HELP reloader_reloads_total Total number of reload requests.
# TYPE reloader_reloads_total counter
reloader_reloads_total 3
# HELP reloader_watch_errors_total Total number of errors received by the reloader from the watcher.
# TYPE reloader_watch_errors_total counter
reloader_watch_errors_total 0
# HELP reloader_watch_events_total Total number of events received by the reloader from the watcher.
# TYPE reloader_watch_events_total counter
reloader_watch_events_total 0
# HELP reloader_watches Number of resources watched by the reloader.
# TYPE reloader_watches gauge
reloader_watches 4
";
        assert_eq!(of_ours(&metrics.text()), expected);
        assert!(
            metrics
                .text()
                .contains("\nprometheus_config_reloader_build_info{branch=\"\",goarch=")
        );
    }
}
