//! One reconciler with its queue, its triggers and its workers.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Change, Projection};
use crate::client::Client;
use crate::events::EventRecorder;
use crate::queue::{Backoff, Priority, Queue};
use crate::reconciler::Reconciler;
use crate::resource::ObjectKey;
use crate::shutdown::Shutdown;

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
    /// Passes that [`Requeue::Immediately`](crate::plan::Requeue::Immediately) may add to one.
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

/// A reconciler and what wakes it. Hand it to [`Manager::run`](crate::manager::Manager::run).
pub struct Controller<R> {
    reconciler: Arc<R>,
    options: ControllerOptions,
    queue: Queue,
    client: Client,
    recorder: EventRecorder,
    resync_keys: Vec<Box<dyn Fn() -> Vec<ObjectKey> + Send + Sync>>,
}

impl<R: Reconciler> Controller<R> {
    /// A controller that nothing wakes yet.
    pub fn new(
        reconciler: R,
        options: ControllerOptions,
        client: Client,
        recorder: EventRecorder,
    ) -> Self {
        let queue = Queue::new(&options.name, options.backoff, client.registry());
        Self {
            reconciler: Arc::new(reconciler),
            options,
            queue,
            client,
            recorder,
            resync_keys: Vec::new(),
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

    /// Wakes the managing controller of an object when the object changes. `kind` is the owner's.
    #[must_use]
    pub fn owned<P: Projection>(self, cache: &Cache<P>, kind: &'static str) -> Self {
        self.watches(cache, move |change| {
            let owner = |meta: &crate::cache::Meta| {
                let owner = meta.controller().filter(|owner| &*owner.kind == kind)?;
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
        let _ = (
            &self.reconciler,
            &self.options,
            &self.client,
            &self.recorder,
            shutdown,
        );
    }
}
