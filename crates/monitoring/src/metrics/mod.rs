//! What the controllers do, under upstream's names, so that its dashboards and alerts keep working (upstream's
//! `pkg/operator/operator.go`, `resource_reconciler.go`, `pkg/k8s/metrics.go` and the collectors of the kinds).

mod requests;
mod spec;
mod state;
mod triggers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::client::Exchange;
use runtime::metrics::{Counter, Exposition, Family, Gauge, Histogram, Summary, goarch};
use runtime::{Cache, Client, ObjectKey, Projection, Registry};
use serde_json::Value;

use crate::operator::resources::STATEFUL_SET;
use crate::run::{Bindings, Gates};
use requests::{Purpose, endpoint};
pub use spec::Measured;
use state::State;
pub use state::{Counts, Seen, Spec};
use triggers::{Action, of_set, of_workload};

/// Upper bounds of durations, in seconds.
const BOUNDS: [f64; 5] = [0.1, 0.5, 1.0, 5.0, 10.0];
const CONTROLLER: [&str; 1] = ["controller"];

/// A controller, by upstream's names of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Of Prometheus servers.
    Prometheus,
    /// Of Prometheus agents.
    PrometheusAgent,
    /// Of Alertmanagers.
    Alertmanager,
    /// Of Thanos Rulers.
    ThanosRuler,
}

impl Name {
    /// All.
    pub const ALL: [Self; 4] = [
        Self::Prometheus,
        Self::PrometheusAgent,
        Self::Alertmanager,
        Self::ThanosRuler,
    ];

    /// The label `controller` of its metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::PrometheusAgent => "prometheus-agent",
            Self::Alertmanager => "alertmanager",
            Self::ThanosRuler => "thanos",
        }
    }

    /// The kind of its workloads.
    fn kind(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::PrometheusAgent => "PrometheusAgent",
            Self::Alertmanager => "Alertmanager",
            Self::ThanosRuler => "ThanosRuler",
        }
    }

    /// The name of its queue, and of the controller in logs.
    pub fn queue(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::PrometheusAgent => "prometheusagent",
            Self::Alertmanager => "alertmanager",
            Self::ThanosRuler => "thanosruler",
        }
    }
}

/// What is counted. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    families: Arc<Families>,
    state: Arc<Mutex<State>>,
}

struct Families {
    operations: Family<Counter>,
    errors: Family<Counter>,
    durations: Family<Histogram>,
    status_operations: Family<Counter>,
    status_errors: Family<Counter>,
    lists: Family<Counter>,
    failed_lists: Family<Counter>,
    watches: Family<Counter>,
    failed_watches: Family<Counter>,
    recreations: Family<Counter>,
    triggered: Family<Counter>,
    ready: Family<Gauge>,
    requests: Family<Counter>,
    answers: Family<Summary>,
    waits: Family<Summary>,
}

impl Families {
    fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| {
            registry.counter(&format!("prometheus_operator_{name}"), help, &CONTROLLER)
        };
        Self {
            operations: counter(
                "reconcile_operations_total",
                "Total number of reconcile operations",
            ),
            errors: counter(
                "reconcile_errors_total",
                "Number of errors that occurred during reconcile operations",
            ),
            durations: registry.histogram(
                "prometheus_operator_reconcile_duration_seconds",
                "Histogram of reconcile operations",
                &CONTROLLER,
                &BOUNDS,
            ),
            status_operations: counter(
                "status_update_operations_total",
                "Total number of update operations to status subresources",
            ),
            status_errors: counter(
                "status_update_errors_total",
                "Number of errors that occurred during update operations to status subresources",
            ),
            lists: counter("list_operations_total", "Total number of list operations"),
            failed_lists: counter(
                "list_operations_failed_total",
                "Total number of list operations that failed",
            ),
            watches: counter("watch_operations_total", "Total number of watch operations"),
            failed_watches: counter(
                "watch_operations_failed_total",
                "Total number of watch operations that failed",
            ),
            recreations: counter(
                "reconcile_sts_delete_create_total",
                "Number of times that reconciling a statefulset required deleting and re-creating it",
            ),
            triggered: registry.counter(
                "prometheus_operator_triggered_total",
                "Number of times a Kubernetes object add, delete or update event triggered the Prometheus Operator to reconcile an object",
                &["action", "controller", "triggered_by"],
            ),
            ready: registry.gauge(
                "prometheus_operator_ready",
                "1 when the controller is ready to reconcile resources, 0 otherwise",
                &CONTROLLER,
            ),
            requests: registry.counter(
                "prometheus_operator_kubernetes_client_http_requests_total",
                "Total number of Kubernetes's client requests by status code.",
                &["status_code"],
            ),
            answers: registry.summary(
                "prometheus_operator_kubernetes_client_http_request_duration_seconds",
                "Summary of latencies for the Kubernetes client's requests by endpoint.",
                &["endpoint"],
            ),
            waits: registry.summary(
                "prometheus_operator_kubernetes_client_rate_limiter_duration_seconds",
                "Summary of latencies for the Kubernetes client's rate limiter by endpoint.",
                &["endpoint"],
            ),
        }
    }

    /// Counters of a controller, which are there from its beginning: alerts divide by them.
    fn begin(&self, name: Name) {
        let controller = name.label();
        for family in [
            &self.operations,
            &self.errors,
            &self.status_operations,
            &self.status_errors,
            &self.lists,
            &self.failed_lists,
            &self.watches,
            &self.failed_watches,
            &self.recreations,
        ] {
            family.with(&[controller]).add(0.0);
        }
        for kind in [&*STATEFUL_SET.kind, name.kind()] {
            for action in Action::ALL {
                let labels = [action.label(), controller, kind];
                self.triggered.with(&labels).add(0.0);
            }
        }
        self.ready.with(&[controller]).set(0.0);
    }
}

impl Metrics {
    /// Counts what a client sends, and prints what is gathered at each scrape.
    pub fn watching(client: &Client, gates: Gates) -> Self {
        let registry = client.registry();
        let metrics = Self {
            families: Arc::new(Families::new(registry)),
            state: Arc::default(),
        };
        let counted = metrics.clone();
        client.on_exchange(move |exchange| {
            counted.exchanged(exchange);
        });
        let scraped = metrics.clone();
        registry.collector(move |out| {
            scraped.lock().expose(out);
            about_the_program(out, "prometheus_operator_build_info");
            gates.expose(out);
        });
        queues(registry);
        metrics
    }

    /// The part of a controller that is on.
    pub fn of(&self, name: Name) -> ControllerMetrics {
        self.families.begin(name);
        self.lock().begin(name);
        ControllerMetrics {
            metrics: self.clone(),
            name,
        }
    }

    fn exchanged(&self, exchange: &Exchange<'_>) {
        let families = &self.families;
        let endpoint = endpoint(exchange.target);
        let answers = families.answers.with(&[&endpoint]);
        answers.observe_duration(exchange.took);
        if let Some(waited) = exchange.waited {
            families.waits.with(&[&endpoint]).observe_duration(waited);
        }
        let (purpose, status) = (
            Purpose::of(exchange.method, exchange.target),
            exchange.status,
        );
        let code = status.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        families.requests.with(&[&code]).inc();
        let failed = status.is_none_or(|code| code >= 400);
        let (all, failures, whose) = match &purpose {
            Purpose::List(plural) => (&families.lists, &families.failed_lists, plural),
            Purpose::Watch(plural) => (&families.watches, &families.failed_watches, plural),
            Purpose::Status(plural) => {
                (&families.status_operations, &families.status_errors, plural)
            }
            Purpose::Other => return,
        };
        for name in self.lock().readers(whose) {
            all.with(&[name.label()]).inc();
            if failed {
                failures.with(&[name.label()]).inc();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of one controller.
#[derive(Clone)]
pub struct ControllerMetrics {
    metrics: Metrics,
    name: Name,
}

impl ControllerMetrics {
    /// Which.
    pub fn name(&self) -> Name {
        self.name
    }

    /// It may work: its caches are filled, and it leads if that is asked for.
    pub fn ready(&self) {
        let ready = &self.metrics.families.ready;
        ready.with(&[self.name.label()]).set(1.0);
    }

    /// A pass has ended.
    pub fn settled(&self, key: &ObjectKey, took: Duration, seen: Seen) {
        let families = &self.metrics.families;
        let label = [self.name.label()];
        families.operations.with(&label).inc();
        families.durations.with(&label).observe_duration(took);
        if !seen.ok {
            families.errors.with(&label).inc();
        }
        for _ in 0..seen.recreations {
            families.recreations.with(&label).inc();
        }
        self.metrics.lock().see(self.name, key, seen);
    }

    /// A pass found no such object. It may have gone while another pass was under way, whose end told of it again.
    pub fn gone(&self, key: &ObjectKey) {
        self.metrics.lock().forget(self.name, key);
    }

    /// Lets what is known of this cache's workloads go when they do, and counts changes of those that are looked after.
    pub fn follow<P: Projection>(
        &self,
        cache: &Cache<P>,
        whole: impl Fn(&P) -> Value + Send + Sync + 'static,
        takes: impl Fn(&P) -> bool + Send + Sync + 'static,
    ) {
        let own = self.clone();
        cache.on_change(move |change| {
            let newer = change.new.as_ref().or(change.old.as_ref());
            if newer.is_some_and(|workload| takes(workload))
                && let Some(action) = of_workload(change, &whole)
            {
                own.count(own.name.kind(), action);
            }
            if let (Some(old), None) = (&change.old, &change.new) {
                own.metrics.lock().forget(own.name, &old.meta().key);
            }
        });
    }

    /// Counts changes of the StatefulSets that a workload of a cache controls.
    pub fn follow_sets<S: Projection, P: Projection>(&self, sets: &Cache<S>, owners: &Cache<P>) {
        let (own, owners) = (self.clone(), owners.clone());
        sets.on_change(move |change| {
            let set = change.meta();
            let owner = set.and_then(|set| {
                let owner = set.controller()?;
                let key = ObjectKey::new(set.key.namespace.clone(), &*owner.name);
                (*owner.kind == *own.name.kind()).then_some(key)
            });
            // What is listed first may come before its owner.
            let is_known =
                owner.is_some_and(|owner| change.initial || owners.get(&owner).is_some());
            if let Some(action) = of_set(change).filter(|_| is_known) {
                own.count(&STATEFUL_SET.kind, action);
            }
        });
    }

    /// A change of an object of this kind, which was there before or is there now, wakes a workload.
    pub fn triggered(&self, kind: &str, before: bool, after: bool) {
        self.count(kind, Action::of(before, after));
    }

    fn count(&self, kind: &str, action: Action) {
        let triggered = &self.metrics.families.triggered;
        let labels = [action.label(), self.name.label(), kind];
        triggered.with(&labels).inc();
    }
}

impl Gates {
    fn expose(self, out: &mut Exposition) {
        let help = "Reports about the Prometheus operator feature gates. A value of 1 means that the feature gate is enabled. Otherwise the value is 0.";
        for (name, open) in [
            ("PrometheusAgentDaemonSet", self.daemon_sets),
            ("PrometheusShardRetentionPolicy", self.shard_retention),
            ("PrometheusTopologySharding", self.topology_sharding),
            ("RemoteWriteCustomResourceDefinition", false),
            (
                "StatusForConfigurationResources",
                self.bindings != Bindings::Off,
            ),
        ] {
            let value = f64::from(u8::from(open));
            out.gauge(
                "prometheus_operator_feature_gate",
                help,
                &[("name", name)],
                value,
            );
        }
    }
}

/// Which program this is, under the name that upstream's has for that.
pub fn about_the_program(out: &mut Exposition, name: &str) {
    let labels = [
        ("branch", ""),
        ("goarch", goarch()),
        ("goos", std::env::consts::OS),
        ("goversion", ""),
        ("revision", ""),
        ("tags", ""),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let help = "A metric with a constant '1' value labeled by version, revision, branch, goversion from which the program was built, and the goos and goarch for the build.";
    out.gauge(name, help, &labels, 1.0);
}

/// Upstream's names of what the queues count.
fn queues(registry: &Registry) {
    for (ours, theirs, help) in [
        ("workqueue_depth", "depth", "Depth of the queue"),
        (
            "workqueue_adds_total",
            "adds_total",
            "Total number of additions to the queue",
        ),
        (
            "workqueue_queue_duration_seconds",
            "latency_seconds",
            "Histogram of latency for the queue",
        ),
        (
            "workqueue_work_duration_seconds",
            "work_duration_seconds",
            "Histogram of work duration for the queue",
        ),
        (
            "workqueue_unfinished_work_seconds",
            "unfinished_work_seconds",
            "How many seconds of work has been done that is in progress and hasn't been observed by work_duration",
        ),
        (
            "workqueue_longest_running_processor_seconds",
            "longest_running_processor_seconds",
            "How many seconds has the longest running processor been running",
        ),
        (
            "workqueue_retries_total",
            "retries_total",
            "Total number of retries",
        ),
    ] {
        let name = format!("prometheus_operator_workqueue_{theirs}");
        let labels = ["controller", "name"];
        registry.alias(ours, (&name, help), &labels, |values| {
            let [queue] = values else { return None };
            let name = Name::ALL.into_iter().find(|name| name.queue() == queue)?;
            Some(vec![name.label().to_owned(), queue.clone()])
        });
    }
}

#[cfg(test)]
mod tests;
