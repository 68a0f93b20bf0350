//! One reconciler with its queue, its triggers and its workers.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::Instrument;

use crate::cache::{Cache, Change, Meta, Projection};
use crate::client::Client;
use crate::driver::{Driver, Outcome};
use crate::effect::{Event, EventType, ObjectReference};
use crate::error::{Class, Error};
use crate::events::EventRecorder;
use crate::fence::Fences;
use crate::metrics::{Counter, Family};
use crate::plan::{Performed, Plan, Requeue};
use crate::queue::{Backoff, Priority, Queue};
use crate::reconciler::{Pass, Reader, Reconciler, Rejection, StatusWrite};
use crate::resource::{ObjectKey, ResourceRef};
use crate::shutdown::Shutdown;

/// How long an object waits whose cache has not seen our last write. Upstream's figure (`rollout/controller.go`).
const FENCE_DELAY: Duration = Duration::from_millis(100);

/// How much later than asked for an object is looked at: upstream compares times strictly, and a virtual clock would
/// hit the very moment.
const LATE: Duration = Duration::from_millis(1);

/// Time that passes still have at a shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// How a controller works.
#[derive(Clone, Debug)]
pub struct ControllerOptions {
    /// Name in logs and metrics.
    pub name: String,
    /// Passes at the same time, each for another object.
    pub workers: usize,
    /// Delay after failures.
    pub backoff: Backoff,
    /// Look at every object this often even if nothing changed.
    pub resync: Option<Duration>,
    /// Passes that [`Requeue::Immediately`] may add to one.
    pub steps: usize,
}

impl ControllerOptions {
    /// Ten workers, client-go's backoff, no resync.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            workers: 10,
            backoff: Backoff::default(),
            resync: None,
            steps: 64,
        }
    }
}

type Keys = Box<dyn Fn() -> Vec<ObjectKey> + Send + Sync>;

/// A reconciler and what wakes it. Hand it to [`Manager::add`](crate::manager::Manager::add).
pub struct Controller<R> {
    options: ControllerOptions,
    queue: Queue,
    resync_keys: Vec<Keys>,
    worker: Worker<R>,
}

impl<R: Reconciler> Controller<R> {
    /// A controller that nothing wakes yet.
    pub fn new(
        reconciler: R,
        options: ControllerOptions,
        client: Client,
        recorder: EventRecorder,
    ) -> Self {
        let registry = client.registry();
        let queue = Queue::new(&options.name, options.backoff, registry);
        let worker = Worker {
            inner: Arc::new(WorkerInner {
                resource: reconciler.resource(),
                reconciler,
                name: options.name.clone(),
                steps: options.steps,
                queue: queue.clone(),
                driver: Driver::new(client.clone(), recorder.clone()),
                recorder,
                fences: Mutex::default(),
                passes: registry.counter(
                    "controller_runtime_reconcile_total",
                    "Total number of reconciliations per controller",
                    &["controller", "result"],
                ),
                panics: registry.counter(
                    "controller_runtime_reconcile_panics_total",
                    "Total number of reconciliation panics per controller",
                    &["controller"],
                ),
                sequence: AtomicU64::new(0),
                client,
            }),
        };
        Self {
            options,
            queue,
            resync_keys: Vec::new(),
            worker,
        }
    }

    /// Wakes an object of this cache when it changes, and at every resync.
    #[must_use]
    pub fn primary<P: Projection>(mut self, cache: &Cache<P>) -> Self {
        let listed = cache.clone();
        self.resync_keys.push(Box::new(move || {
            listed
                .list()
                .iter()
                .map(|object| object.meta().key.clone())
                .collect()
        }));
        self.watches(cache, |change| {
            change
                .meta()
                .map(|meta| meta.key.clone())
                .into_iter()
                .collect()
        })
    }

    /// Wakes the managing controller of an object, if it is of the resource `owner`, when the object changes.
    #[must_use]
    pub fn owned<P: Projection>(self, cache: &Cache<P>, owner: &ResourceRef) -> Self {
        let kind = owner.kind.clone();
        self.watches(cache, move |change| {
            let owner = |meta: &Meta| {
                let owner = meta.controller().filter(|owner| *owner.kind == kind)?;
                Some(ObjectKey::new(
                    meta.key.namespace.clone(),
                    owner.name.to_string(),
                ))
            };
            let mut keys: Vec<ObjectKey> = change
                .sides()
                .filter_map(|object| owner(object.meta()))
                .collect();
            keys.dedup();
            keys
        })
    }

    /// Wakes the keys that `keys` finds for a change. It runs on every change: keep it cheap, and use an index.
    #[must_use]
    pub fn watches<P: Projection>(
        self,
        cache: &Cache<P>,
        keys: impl Fn(&Change<P>) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        let queue = self.queue.clone();
        cache.on_change(move |change| {
            let priority = if change.initial {
                Priority::Low
            } else {
                Priority::High
            };
            for key in keys(change) {
                queue.add_with(key, priority);
            }
        });
        self
    }

    /// The queue, to wake keys from elsewhere.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Works until the shutdown, then ends the passes that have begun.
    pub async fn run(self, shutdown: Shutdown) {
        let Self {
            options,
            queue,
            resync_keys,
            worker,
        } = self;
        let mut passes = FuturesUnordered::new();
        let mut resync_at = options.resync.map(|period| Instant::now() + period);
        loop {
            // Passes that never wait must not keep everything else from running.
            tokio::task::consume_budget().await;
            let room = passes.len() < options.workers.max(1);
            crate::select! {
                () = shutdown.triggered() => break,
                _ = passes.next(), if !passes.is_empty() => {},
                () = sleep_until(resync_at), if resync_at.is_some() => {
                    resync_at = options.resync.map(|period| Instant::now() + period);
                    let keys = resync_keys.iter().flat_map(|keys| keys());
                    keys.for_each(|key| queue.add_with(key, Priority::Low));
                },
                key = queue.take(), if room => passes.push(worker.clone().work(key)),
            }
        }
        // What has not ended by then ends at its next await, when this future is dropped.
        let rest = async { while let Some(()) = passes.next().await {} };
        if tokio::time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!(controller = %options.name, "passes cut off at the shutdown");
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct WorkerInner<R> {
    reconciler: R,
    resource: ResourceRef,
    name: String,
    steps: usize,
    queue: Queue,
    client: Client,
    driver: Driver,
    recorder: EventRecorder,
    fences: Mutex<Fences>,
    passes: Family<Counter>,
    panics: Family<Counter>,
    sequence: AtomicU64,
}

struct Worker<R> {
    inner: Arc<WorkerInner<R>>,
}

impl<R> Clone for Worker<R> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// How a pass ended well.
enum End {
    /// Look again as the plan says.
    Requeue(Requeue),
    /// The cache has not seen our last write.
    Fenced,
}

impl<R: Reconciler> Worker<R> {
    /// One pass for a key, and when the next one comes. A panic degrades this object only. All that is logged names it.
    async fn work(self, key: ObjectKey) {
        let inner = &*self.inner;
        let id = inner.sequence.fetch_add(1, Ordering::Relaxed);
        let span = tracing::error_span!(
            "reconcile", controller = %inner.name, namespace = %key.namespace, name = %key.name, reconcileID = id
        );
        let result = AssertUnwindSafe(self.pass(&key).instrument(span.clone()))
            .catch_unwind()
            .await;
        let _entered = span.enter();
        let outcome = match result {
            Ok(Ok(End::Fenced)) => {
                inner.queue.add_after(key.clone(), FENCE_DELAY);
                "requeue_after"
            }
            Ok(Ok(End::Requeue(requeue))) => self.requeue(&key, requeue),
            Ok(Err(error)) => self.failed(&key, &error),
            Err(panic) => self.panicked(&key, panic.as_ref()),
        };
        inner.passes.with(&[&inner.name, outcome]).inc();
        inner.queue.done(&key);
    }

    fn requeue(&self, key: &ObjectKey, requeue: Requeue) -> &'static str {
        let queue = &self.inner.queue;
        if requeue != Requeue::Backoff {
            queue.forget(key);
        }
        match requeue {
            Requeue::Never => "success",
            Requeue::After(delay) => {
                queue.add_after(key.clone(), delay + LATE);
                "requeue_after"
            }
            Requeue::At(time) => {
                queue.add_after(key.clone(), self.inner.client.clock().until(time) + LATE);
                "requeue_after"
            }
            Requeue::Immediately => {
                queue.add(key.clone());
                "requeue"
            }
            Requeue::Backoff => {
                queue.add_failed(key.clone());
                "requeue"
            }
        }
    }

    fn failed(&self, key: &ObjectKey, error: &Error) -> &'static str {
        let queue = &self.inner.queue;
        match self.inner.reconciler.class(error) {
            Class::Terminal => {
                tracing::warn!(%error, "pass failed, not tried again before something changes");
                queue.forget(key);
            }
            Class::Retry => {
                let delay = queue.add_failed(key.clone());
                tracing::warn!(%error, ?delay, "pass failed");
            }
            Class::Wait(delay) => {
                tracing::warn!(%error, ?delay, "pass failed");
                queue.add_after(key.clone(), delay);
            }
        }
        "error"
    }

    fn panicked(&self, key: &ObjectKey, panic: &(dyn std::any::Any + Send)) -> &'static str {
        let inner = &*self.inner;
        let text = panic.downcast_ref::<&str>().copied();
        let message = text
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("unknown panic");
        tracing::error!(message, "pass panicked");
        inner.panics.with(&[&inner.name]).inc();
        let regarding = ObjectReference {
            api_version: inner.resource.api_version(),
            kind: inner.resource.kind.to_string(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            ..ObjectReference::default()
        };
        let text = format!("Reconciliation panicked: {message}");
        inner
            .recorder
            .record(&regarding, EventType::Warning, "ReconcilePanic", &text);
        inner.queue.add_failed(key.clone());
        "panic"
    }

    /// Observes, decides, performs and writes the status; again while the plan says so.
    async fn pass(&self, key: &ObjectKey) -> Result<End, Error> {
        for _ in 0..self.inner.steps.max(1) {
            if !self.fences_passed(key) {
                return Ok(End::Fenced);
            }
            match self.step(key).await? {
                Requeue::Immediately => {}
                requeue => return Ok(End::Requeue(requeue)),
            }
        }
        Ok(End::Requeue(Requeue::Immediately))
    }

    async fn step(&self, key: &ObjectKey) -> Result<Requeue, Error> {
        let inner = &*self.inner;
        let reconciler = &inner.reconciler;
        let started = Instant::now();
        let reader = Reader::new(inner.client.clone());
        let observed = match reconciler.observe(key, &reader).await {
            Ok(Some(observed)) => observed,
            Ok(None) => return Ok(Requeue::Never),
            Err(error) => {
                let took = started.elapsed();
                reconciler.settled(
                    key,
                    &Pass {
                        observed: None,
                        plan: None,
                        error: Some(&error),
                        took,
                    },
                );
                return Err(error);
            }
        };
        let plan = match reconciler.decide(&observed) {
            Ok(plan) => plan,
            Err(rejection) => {
                let result = self.reject(key, rejection).await;
                let took = started.elapsed();
                let error = result.as_ref().err();
                reconciler.settled(
                    key,
                    &Pass {
                        observed: Some(&observed),
                        plan: None,
                        error,
                        took,
                    },
                );
                return result;
            }
        };
        let requeue = plan.requeue;
        tracing::debug!(effects = plan.effects.len(), %requeue, "decided");
        let Outcome {
            plan,
            error,
            fences,
        } = inner.driver.perform(plan).await;
        for fence in fences {
            self.inner
                .fences
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .raise(key, fence, Instant::now());
        }
        let aftermath = reconciler.aftermath(&observed, &plan);
        let status = reconciler.status(&observed, &plan);
        if self.told(&plan, aftermath) && status != StatusWrite::Unchanged {
            inner.recorder.settle().await;
        }
        let written = inner
            .driver
            .write_status(&inner.resource, key, status)
            .await;
        let error = error.or(written.err());
        let took = started.elapsed();
        reconciler.settled(
            key,
            &Pass {
                observed: Some(&observed),
                plan: Some(&plan),
                error: error.as_ref(),
                took,
            },
        );
        match error {
            Some(error) => Err(error),
            None => Ok(requeue),
        }
    }

    /// Records the Events of the aftermath. Answers whether there were any Events in this pass.
    fn told(&self, plan: &Plan<Performed>, aftermath: Vec<Event>) -> bool {
        let done = plan.effects.iter().take(plan.done()).chain(&plan.also);
        let mut any = done.into_iter().any(|effect| effect.target().is_none());
        for event in aftermath {
            let Event {
                regarding,
                kind,
                reason,
                message,
            } = event;
            self.inner
                .recorder
                .record(&regarding, kind, &reason, &message);
            any = true;
        }
        any
    }

    async fn reject(&self, key: &ObjectKey, rejection: Rejection) -> Result<Requeue, Error> {
        let Rejection {
            reason,
            message,
            class,
            regarding,
            status,
        } = rejection;
        if let Some(regarding) = regarding {
            self.inner
                .recorder
                .record(&regarding, EventType::Warning, &reason, &message);
        }
        self.inner
            .driver
            .write_status(&self.inner.resource, key, *status)
            .await?;
        Err(Error::Other { message, class })
    }

    fn fences_passed(&self, key: &ObjectKey) -> bool {
        let client = &self.inner.client;
        let mut fences = self
            .inner
            .fences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        fences.passed(key, Instant::now(), |resource, key| {
            client
                .sinks(resource)
                .iter()
                .filter_map(|sink| sink.version(key))
                .min()
        })
    }
}
