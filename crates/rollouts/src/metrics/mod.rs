//! Upstream's metrics of Rollouts, under its names, so that dashboards and alerts keep working.
//!
//! Mirrors upstream's `controller/metrics`, as far as its controllers are here: nothing of AnalysisRuns, Experiments and
//! notifications. Series that name an object go 65 s after it, time enough for one more scrape.

mod phase;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::metrics::{Counter, Exposition, Family, Histogram, goarch};
use runtime::{Cache, Clock, EventType, Manager, ObjectKey, ObjectReference, Projection, Registry};

use crate::api::Rollout;
use crate::api::status::RolloutDurationStatus;
use crate::views::Packed;
use requests::Request;

/// How long the series of a deleted object stay. Upstream's `DefaultMetricCleanupDelay`.
const LINGER: SignedDuration = SignedDuration::from_secs(65);

const OBJECT: [&str; 2] = ["namespace", "name"];
const PASS_BOUNDS: [f64; 5] = [0.01, 0.15, 0.25, 0.5, 1.0];
const TOTAL_BOUNDS: [f64; 11] = [
    30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0,
];
const PROGRESSION_BOUNDS: [f64; 8] = [30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
const PAUSE_BOUNDS: [f64; 9] = [
    0.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0,
];

/// What the controllers count. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    passes: Family<Histogram>,
    errors: Family<Counter>,
    events: Family<Counter>,
    requests: Family<Counter>,
    total: Family<Histogram>,
    progression: Family<Histogram>,
    manual_pause: Family<Histogram>,
    gone: Arc<Mutex<Gone>>,
}

/// Deleted objects whose series are still there, by plural and key, and until when.
type Gone = BTreeMap<(&'static str, ObjectKey), Timestamp>;

impl Metrics {
    /// The families, empty.
    pub fn new(registry: &Registry) -> Self {
        let duration =
            |name, help, bounds: &[f64]| registry.histogram(name, help, &["status"], bounds);
        Self {
            passes: registry.histogram(
                "rollout_reconcile",
                "Rollout reconciliation performance.",
                &OBJECT,
                &PASS_BOUNDS,
            ),
            errors: registry.counter(
                "rollout_reconcile_error",
                "Error occurring during the rollout",
                &OBJECT,
            ),
            events: registry.counter(
                "rollout_events_total",
                "Count of rollout events",
                &["namespace", "name", "type", "reason"],
            ),
            requests: registry.counter(
                "controller_clientset_k8s_request_total",
                "Number of kubernetes requests executed during application reconciliation.",
                &["kind", "namespace", "name", "verb", "status_code"],
            ),
            total: duration(
                "rollout_duration_seconds",
                "Total wall-clock time for a rollout from start to completion/abort/supersede",
                &TOTAL_BOUNDS,
            ),
            progression: duration(
                "rollout_progression_duration_seconds",
                "Active progression time for a rollout (excluding manual pause time)",
                &PROGRESSION_BOUNDS,
            ),
            manual_pause: duration(
                "rollout_manual_pause_duration_seconds",
                "Time spent in manual pause waiting for human intervention",
                &PAUSE_BOUNDS,
            ),
            gone: Arc::default(),
        }
    }

    /// The same, fed by a manager's client and recorder, and with what is read from the cache at each scrape.
    pub fn watching(manager: &Manager, rollouts: &Cache<Packed<Rollout>>) -> Self {
        let client = manager.client();
        let metrics = Self::new(client.registry());
        let requests = metrics.requests.clone();
        client.on_exchange(move |exchange| {
            let Request {
                kind,
                namespace,
                name,
                verb,
                status_code,
            } = Request::of(exchange);
            requests
                .with(&[&kind, &namespace, &name, verb, &status_code])
                .inc();
        });
        let events = metrics.events.clone();
        manager
            .recorder()
            .on_record(move |regarding, kind, reason| {
                count_event(&events, regarding, kind, reason);
            });
        let (scraped, listed, clock) = (metrics.clone(), rollouts.clone(), client.clock());
        client.registry().collector(move |out| {
            scraped.sweep(clock.now());
            for rollout in listed.list() {
                phase::expose(out, &rollout.view());
            }
            about_the_program(out);
        });
        metrics
    }

    /// Lets the series of this cache's objects go when the objects do. `plural` is the kind's name in paths.
    pub fn follow<P: Projection>(&self, plural: &'static str, cache: &Cache<P>, clock: Clock) {
        let metrics = self.clone();
        cache.on_change(move |change| match (&change.old, &change.new) {
            (Some(old), None) => metrics.forget(plural, &old.meta().key, clock.now()),
            (_, Some(new)) => metrics.keep(plural, &new.meta().key),
            (None, None) => {}
        });
    }

    /// A pass over a Rollout ended, well or not.
    pub fn passed(&self, key: &ObjectKey, took: Duration) {
        self.passes
            .with(&[&key.namespace, &key.name])
            .observe_duration(took);
    }

    /// A pass over a Rollout failed.
    pub fn failed(&self, key: &ObjectKey) {
        self.errors.with(&[&key.namespace, &key.name]).inc();
    }

    /// An update ended, and its status is stored.
    pub fn ended(&self, update: &RolloutDurationStatus) {
        let RolloutDurationStatus {
            rollout_started_at: Some(start),
            finished_at: Some(end),
            completion_status: Some(status),
            total_manual_pause_duration_seconds: paused,
            manual_pause_started_at: _,
        } = update
        else {
            return;
        };
        let seconds = |count: i64| SignedDuration::from_secs(count).as_secs_f64();
        let total = seconds(end.seconds() - start.seconds());
        let paused = seconds(paused.unwrap_or(0));
        let labels = [status.as_str()];
        self.total.with(&labels).observe(total);
        self.progression.with(&labels).observe(total - paused);
        self.manual_pause.with(&labels).observe(paused);
    }

    fn lock(&self) -> MutexGuard<'_, Gone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, plural: &'static str, key: &ObjectKey, now: Timestamp) {
        let until = now.checked_add(LINGER).unwrap_or(now);
        self.lock().insert((plural, key.clone()), until);
        // Where nobody scrapes, nobody else would.
        self.sweep(now);
    }

    fn keep(&self, plural: &'static str, key: &ObjectKey) {
        let mut gone = self.lock();
        if !gone.is_empty() {
            gone.remove(&(plural, key.clone()));
        }
    }

    /// Drops the series of what is gone for long enough.
    fn sweep(&self, now: Timestamp) {
        let mut due = BTreeSet::new();
        self.lock().retain(|(plural, key), until| {
            let stays = *until > now;
            if !stays {
                due.insert((*plural, key.namespace.clone(), key.name.clone()));
            }
            stays
        });
        if due.is_empty() {
            return;
        }
        let is_due = |plural: &str, namespace: &str, name: &str| {
            due.iter()
                .any(|gone| (gone.0, &*gone.1, &*gone.2) == (plural, namespace, name))
        };
        let stays = |labels: &[String]| match labels {
            [namespace, name, ..] => !is_due("rollouts", namespace, name),
            _ => true,
        };
        self.passes.retain(stays);
        self.errors.retain(stays);
        self.events.retain(stays);
        self.requests.retain(|labels| match labels {
            [kind, namespace, name, ..] => !is_due(kind, namespace, name),
            _ => true,
        });
    }
}

fn count_event(
    events: &Family<Counter>,
    regarding: &ObjectReference,
    kind: EventType,
    reason: &str,
) {
    if regarding.kind == "Rollout" {
        events
            .with(&[&regarding.namespace, &regarding.name, kind.as_str(), reason])
            .inc();
    }
}

fn about_the_program(out: &mut Exposition) {
    let version = env!("CARGO_PKG_VERSION");
    out.gauge(
        "argo_rollouts_controller_info",
        "Running Argo-rollouts version",
        &[("version", version)],
        1.0,
    );
    out.gauge(
        "build_info",
        "A metric with a constant '1' value labeled by version from which Argo-Rollouts was built.",
        &[
            ("commit", ""),
            ("goarch", goarch()),
            ("goversion", ""),
            ("version", version),
        ],
        1.0,
    );
}
