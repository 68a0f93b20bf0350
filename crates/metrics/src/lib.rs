//! Metrics in the Prometheus text format, with exactly the names they are registered under.
//!
//! `prometheus-client` speaks `OpenMetrics`, which appends `_total` to every counter; upstream has counters without
//! it (`rollout_reconcile_error`), and dashboards ask for those names. Series are printed in label order.

mod exposition;
pub mod process;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exposition::write_series;
pub use exposition::{Exposition, Observations, to_f64};

/// Go's word for the processor, which labels `goarch` have.
pub fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}

/// All metrics of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Mutex<Metrics>>,
}

#[derive(Default)]
struct Metrics {
    families: BTreeMap<String, Described>,
    collectors: Vec<Collector>,
    aliases: Vec<Alias>,
}

/// A family's other name.
struct Alias {
    family: String,
    name: String,
    help: String,
    labels: Vec<String>,
    values: Values,
}

/// Makes label values of those of the family; none for series that the other name doesn't have.
type Values = Box<dyn Fn(&[String]) -> Option<Vec<String>> + Send + Sync>;

type Collector = Arc<dyn Fn(&mut Exposition) + Send + Sync>;

struct Described {
    help: String,
    series: Arc<Mutex<SeriesMap>>,
    labels: Vec<String>,
    kind: &'static str,
}

type SeriesMap = BTreeMap<Vec<String>, Series>;

#[derive(Clone, Debug, PartialEq)]
enum Series {
    Number(f64),
    Histogram(Arc<[f64]>, Observations),
    Summary(f64, u64),
}

/// Marker: only goes up.
#[derive(Clone, Copy, Debug)]
pub struct Counter;
/// Marker: goes up and down.
#[derive(Clone, Copy, Debug)]
pub struct Gauge;
/// Marker: counts observations by size.
#[derive(Clone, Copy, Debug)]
pub struct Histogram;
/// Marker: counts observations and adds them up.
#[derive(Clone, Copy, Debug)]
pub struct Summary;

/// One metric with its label names. Clones share the series.
#[derive(Clone)]
pub struct Family<K> {
    series: Arc<Mutex<SeriesMap>>,
    bounds: Arc<[f64]>,
    kind: std::marker::PhantomData<K>,
}

/// One series of a family.
pub struct Handle<K> {
    family: Family<K>,
    labels: Vec<String>,
}

impl Registry {
    /// Without any metric.
    pub fn new() -> Self {
        Self::default()
    }

    /// A counter. Registering a name again answers the same family.
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Family<Counter> {
        self.family(name, help, labels, "counter", &[])
    }

    /// A gauge. Registering a name again answers the same family.
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Family<Gauge> {
        self.family(name, help, labels, "gauge", &[])
    }

    /// A histogram with these upper bounds (ascending, without infinity).
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Family<Histogram> {
        self.family(name, help, labels, "histogram", bounds)
    }

    /// A summary without quantiles.
    pub fn summary(&self, name: &str, help: &str, labels: &[&str]) -> Family<Summary> {
        self.family(name, help, labels, "summary", &[])
    }

    /// Adds series that are computed when they are asked for, from caches for example.
    pub fn collector(&self, collect: impl Fn(&mut Exposition) + Send + Sync + 'static) {
        self.lock().collectors.push(Arc::new(collect));
    }

    /// Prints a family under another name too, with other labels: `values` makes theirs of the family's.
    pub fn alias(
        &self,
        family: &str,
        (name, help): (&str, &str),
        labels: &[&str],
        values: impl Fn(&[String]) -> Option<Vec<String>> + Send + Sync + 'static,
    ) {
        self.lock().aliases.push(Alias {
            family: family.to_owned(),
            name: name.to_owned(),
            help: help.to_owned(),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            values: Box::new(values),
        });
    }

    /// Everything, in the text format 0.0.4, in name order.
    pub fn encode(&self) -> String {
        let collectors = self.lock().collectors.clone();
        let mut exposition = Exposition::default();
        for collect in collectors {
            collect(&mut exposition);
        }
        let metrics = self.lock();
        for (name, described) in &metrics.families {
            let series = described
                .series
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if series.is_empty() {
                continue;
            }
            let block = exposition.block(name, &described.help, described.kind);
            for (values, one) in series.iter() {
                write_series(block, name, &described.labels, values, one);
            }
            for alias in metrics.aliases.iter().filter(|one| one.family == *name) {
                for (values, one) in series.iter() {
                    if let Some(values) = (alias.values)(values) {
                        let block = exposition.block(&alias.name, &alias.help, described.kind);
                        write_series(block, &alias.name, &alias.labels, &values, one);
                    }
                }
            }
        }
        exposition.text()
    }

    fn family<K>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        kind: &'static str,
        bounds: &[f64],
    ) -> Family<K> {
        let mut metrics = self.lock();
        let described = metrics
            .families
            .entry(name.to_owned())
            .or_insert_with(|| Described {
                help: help.to_owned(),
                series: Arc::default(),
                labels: labels.iter().map(|&label| label.to_owned()).collect(),
                kind,
            });
        Family {
            series: Arc::clone(&described.series),
            bounds: bounds.into(),
            kind: std::marker::PhantomData,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Metrics> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone> Family<K> {
    /// The series with these label values, in the order of the label names.
    pub fn with(&self, labels: &[&str]) -> Handle<K> {
        Handle {
            family: self.clone(),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
        }
    }

    /// Drops the series whose label values satisfy a predicate.
    pub fn retain(&self, mut keep: impl FnMut(&[String]) -> bool) {
        self.series
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|labels, _| keep(labels));
    }
}

impl<K> Handle<K> {
    fn change(self, change: impl FnOnce(&mut Series)) {
        let mut series = self
            .family
            .series
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let bounds = &self.family.bounds;
        change(series.entry(self.labels).or_insert_with(|| {
            if bounds.is_empty() {
                Series::Number(0.0)
            } else {
                Series::Histogram(Arc::clone(bounds), Observations::default())
            }
        }));
    }

    fn add_number(self, amount: f64) {
        self.change(|series| match series {
            Series::Number(value) => *value += amount,
            Series::Histogram(..) | Series::Summary(..) => {}
        });
    }
}

impl Handle<Counter> {
    /// One more.
    pub fn inc(self) {
        self.add_number(1.0);
    }

    /// So many more.
    pub fn add(self, amount: f64) {
        self.add_number(amount);
    }
}

impl Handle<Gauge> {
    /// The new value.
    pub fn set(self, amount: f64) {
        self.change(|series| *series = Series::Number(amount));
    }

    /// So many more, or fewer.
    pub fn add(self, amount: f64) {
        self.add_number(amount);
    }
}

impl Handle<Histogram> {
    /// One observation.
    pub fn observe(self, amount: f64) {
        self.change(|series| match series {
            Series::Number(_) | Series::Summary(..) => {}
            Series::Histogram(bounds, seen) => seen.add(bounds, amount),
        });
    }

    /// One duration, in seconds.
    pub fn observe_duration(self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }
}

impl Handle<Summary> {
    /// One duration, in seconds.
    pub fn observe_duration(self, duration: Duration) {
        self.change(|series| {
            if let Series::Number(_) = series {
                *series = Series::Summary(0.0, 0);
            }
            if let Series::Summary(sum, count) = series {
                *sum += duration.as_secs_f64();
                *count += 1;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printed_as_registered_and_series_in_label_order() {
        let registry = Registry::new();
        let errors = registry.counter("rollout_reconcile_error", "Errors", &["namespace", "name"]);
        errors.with(&["b", "x\"y"]).inc();
        errors.with(&["a", "z"]).inc();
        errors.with(&["a", "z"]).inc();
        registry
            .histogram("took", "Took", &[], &[0.5, 1.0])
            .with(&[])
            .observe(0.75);
        registry.collector(|out| out.gauge("info", "Info", &[("v", "1")], 1.0));
        assert_eq!(
            registry.encode(),
            "# HELP info Info\n# TYPE info gauge\ninfo{v=\"1\"} 1\n\
             # HELP rollout_reconcile_error Errors\n# TYPE rollout_reconcile_error counter\n\
             rollout_reconcile_error{namespace=\"a\",name=\"z\"} 2\n\
             rollout_reconcile_error{namespace=\"b\",name=\"x\\\"y\"} 1\n\
             # HELP took Took\n# TYPE took histogram\n\
             took_bucket{le=\"0.5\"} 0\ntook_bucket{le=\"1\"} 1\ntook_bucket{le=\"+Inf\"} 1\ntook_sum 0.75\ntook_count 1\n"
        );
    }

    #[test]
    fn a_family_has_another_name_with_other_labels() {
        let registry = Registry::new();
        let depth = registry.gauge("depth", "Depth", &["name"]);
        depth.with(&["a"]).set(2.0);
        depth.with(&["b"]).set(3.0);
        registry.alias("depth", ("queue_depth", "D"), &["queue", "x"], |values| {
            let [name] = values else { return None };
            (name != "b").then(|| vec![name.clone(), "1".to_owned()])
        });
        assert_eq!(
            registry.encode(),
            "# HELP depth Depth\n# TYPE depth gauge\ndepth{name=\"a\"} 2\ndepth{name=\"b\"} 3\n\
             # HELP queue_depth D\n# TYPE queue_depth gauge\nqueue_depth{queue=\"a\",x=\"1\"} 2\n"
        );
    }

    #[test]
    fn dropped_series_are_no_longer_printed() {
        let registry = Registry::new();
        let gauge = registry.gauge("phase", "Phase", &["name"]);
        gauge.with(&["a"]).set(1.0);
        gauge.with(&["b"]).set(2.0);
        gauge.retain(|labels| labels != ["a"]);
        assert_eq!(
            registry.encode(),
            "# HELP phase Phase\n# TYPE phase gauge\nphase{name=\"b\"} 2\n"
        );
    }
}
