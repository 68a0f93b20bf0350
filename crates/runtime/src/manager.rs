//! Wires client, caches, controllers, leader election and health together.
//!
//! Caches fill on every replica, one after another, so that a first list never doubles the memory; controllers work
//! once all are filled and while this replica leads, other work that reads no cache as soon as it leads. Everything ends with
//! the future of [`Manager::run`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::cache::{Cache, Projection, Scope, Sink};
use crate::client::Client;
use crate::controller::{Controller, ControllerOptions};
use crate::error::Error;
use crate::events::{self, EventApi, EventRecorder, EventWriter};
use crate::health::Health;
use crate::leader::{Elector, LeaderOptions};
use crate::metrics::{Registry, process};
use crate::reconciler::Reconciler;
use crate::resource::ResourceRef;
use crate::shutdown::Shutdown;
use crate::watch::{Poller, Watcher};
use crate::web::{self, Server, Site};

/// Time that Events still have to get out at a shutdown.
const FLUSH: Duration = Duration::from_secs(5);
/// How often it is told which cache is waited for.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// How a manager works.
#[derive(Clone, Debug, Default)]
pub struct ManagerOptions {
    /// What Events say they come from.
    pub component: String,
    /// Through which API Events are written; with `None` they are recorded and dropped.
    pub events: Option<EventApi>,
    /// Leader election; without it the controllers work at once.
    pub leader: Option<LeaderOptions>,
    /// Where `/healthz`, `/readyz` and `/metrics` are served; each address answers all of them.
    pub listen: Vec<SocketAddr>,
    /// What is served there too, and how.
    pub site: Site,
    /// How long caches may take to fill before the process gives up; with `None` it waits for ever.
    pub fill_within: Option<Duration>,
}

type Start = Box<dyn FnOnce(Shutdown) -> BoxFuture<'static, ()> + Send>;
type Hook = Box<dyn FnOnce() + Send>;

/// A cache, or a part of one, that is filled by the manager.
struct Source {
    /// What it holds, as logs name it.
    of: String,
    watch: Start,
    synced: Box<dyn Fn() -> BoxFuture<'static, ()> + Send>,
    is_synced: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Everything that runs in one process against one API server.
pub struct Manager {
    client: Client,
    options: ManagerOptions,
    recorder: EventRecorder,
    writer: EventWriter,
    sources: Vec<Source>,
    filled: Vec<Hook>,
    work: Vec<Start>,
    /// What waits for no cache.
    early: Vec<Start>,
}

impl Manager {
    /// A manager without caches and controllers.
    pub fn new(client: Client, options: ManagerOptions) -> Self {
        let (recorder, writer) =
            events::channel(client.clone(), options.component.clone(), options.events);
        Self {
            client,
            options,
            recorder,
            writer,
            sources: Vec::new(),
            filled: Vec::new(),
            work: Vec::new(),
            early: Vec::new(),
        }
    }

    /// A watched cache. It fills once the manager runs.
    pub fn cache<P: Projection>(&mut self, resource: ResourceRef, scope: Scope) -> Cache<P> {
        self.watched(Cache::new(resource, scope))
    }

    /// A cache of objects of the cluster that are asked for by name, again and again: for whoever may neither list nor watch
    /// them.
    pub fn cache_by_name<P: Projection>(
        &mut self,
        resource: ResourceRef,
        names: Vec<String>,
        every: Duration,
    ) -> Cache<P> {
        let cache = Cache::new(resource, Scope::all());
        let poller = Poller::new(self.client.clone(), cache.clone(), names, every);
        let poll = Box::new(move |shutdown| poller.run(shutdown).boxed());
        self.fill_from(poll, &cache, String::new());
        cache
    }

    /// A watched cache that stays empty until somebody waits for [`Cache::filled`].
    pub fn cache_on_demand<P: Projection>(
        &mut self,
        resource: ResourceRef,
        scope: Scope,
    ) -> Cache<P> {
        self.watched(Cache::with(resource, scope, true))
    }

    fn watched<P: Projection>(&mut self, cache: Cache<P>) -> Cache<P> {
        let sink: Arc<dyn Sink> = Arc::new(cache.clone());
        self.client.register(sink);
        for part in cache.scope().parts() {
            let watcher = Watcher::new(self.client.clone(), cache.clone(), part.clone());
            let watch = Box::new(move |shutdown| watcher.run(shutdown).boxed());
            self.fill_from(watch, &cache, part);
        }
        cache
    }

    fn fill_from<P: Projection>(&mut self, watch: Start, cache: &Cache<P>, part: String) {
        let (waiting, asked) = (cache.clone(), cache.clone());
        let resource = cache.resource();
        let mut of = match resource.group.as_ref() {
            "" => resource.plural.to_string(),
            group => format!("{}.{group}", resource.plural),
        };
        if !part.is_empty() {
            of = format!("{of} in {part}");
        }
        self.sources.push(Source {
            of,
            watch,
            synced: Box::new(move || {
                let (cache, part) = (waiting.clone(), part.clone());
                async move {
                    if !cache.is_synced_or_unwanted() {
                        cache.listed(&part).await;
                    }
                }
                .boxed()
            }),
            is_synced: Arc::new(move || asked.is_synced_or_unwanted()),
        });
    }

    /// Makes a controller; give it its triggers and hand it to [`Manager::add`].
    pub fn controller<R: Reconciler>(
        &self,
        reconciler: R,
        options: ControllerOptions,
    ) -> Controller<R> {
        Controller::new(
            reconciler,
            options,
            self.client.clone(),
            self.recorder.clone(),
        )
    }

    /// Adds a controller; it works once all caches are filled and, with leader election, only while leading.
    pub fn add<R: Reconciler>(&mut self, controller: Controller<R>) {
        self.work(move |shutdown| controller.run(shutdown));
    }

    /// Adds other work under the same conditions, which must end at the shutdown.
    pub fn work<F>(&mut self, start: impl FnOnce(Shutdown) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.work
            .push(Box::new(move |shutdown| start(shutdown).boxed()));
    }

    /// Adds work that reads no cache, which must end at the shutdown: it waits for none to be filled, only, with leader election,
    /// for leading.
    pub fn work_without_caches<F>(&mut self, start: impl FnOnce(Shutdown) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.early
            .push(Box::new(move |shutdown| start(shutdown).boxed()));
    }

    /// Adds what is done once all caches are filled, whether this replica leads or not.
    pub fn once_filled(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.filled.push(Box::new(hook));
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The recorder of Events.
    pub fn recorder(&self) -> &EventRecorder {
        &self.recorder
    }

    /// Metrics of this process.
    pub fn registry(&self) -> &Registry {
        self.client.registry()
    }

    /// Runs until the shutdown (`Ok`), or until leadership is lost, an address cannot be listened on or caches don't fill in
    /// time (`Err`).
    pub async fn run(self, shutdown: Shutdown) -> Result<(), Error> {
        let Self {
            client,
            options,
            recorder,
            writer,
            sources,
            filled,
            work,
            early,
        } = self;
        let mut background = JoinSet::new();
        process::register(client.registry());
        background.spawn(writer.run());
        let asked: Vec<_> = sources
            .iter()
            .map(|source| Arc::clone(&source.is_synced))
            .collect();
        let health = Health {
            registry: client.registry().clone(),
            ready: Arc::new(move || asked.iter().all(|is_synced| is_synced())),
        };
        let server = Server {
            health,
            site: options.site,
        };
        for address in &options.listen {
            let listener = web::listen(*address).await?;
            background.spawn(server.clone().serve(listener));
        }
        let (tell, told) = oneshot::channel();
        let within = options.fill_within;
        let filling = async {
            let mut watches = JoinSet::new();
            if let Err(error) = fill(sources, &mut watches, within, &shutdown).await {
                return error;
            }
            tracing::info!("caches are filled");
            for hook in filled {
                hook();
            }
            // Nobody waits any more where the process ends already.
            let _ = tell.send(());
            // The watches go on for as long as anything does.
            std::future::pending().await
        };
        let working = async {
            let begin =
                |work: Vec<Start>| join_all(work.into_iter().map(|start| start(shutdown.clone())));
            let late = async {
                if let Some(Ok(())) = shutdown.or(told).await {
                    begin(work).await;
                }
            };
            let work = async {
                futures::join!(begin(early), late);
            };
            if let Some(leader) = options.leader {
                Elector::new(client.clone(), leader)
                    .lead(work, &shutdown)
                    .await
            } else {
                work.await;
                false
            }
        };
        let ended = crate::select! {
            lost = Box::pin(working) => if lost { Err(Error::retry("leader election lost")) } else { Ok(()) },
            error = Box::pin(filling) => Err(error),
        };
        // Whoever waits for the process to end does not wait for an unreachable server.
        let _ = tokio::time::timeout(FLUSH, recorder.flush()).await;
        background.shutdown().await;
        ended
    }
}

/// Starts the watches one after another, each when the one before has its first list. Fails if that takes longer than
/// `within` (`WaitForNamedCacheSync` of prometheus-operator's `pkg/operator/operator.go`, which also tells each minute).
async fn fill(
    sources: Vec<Source>,
    watches: &mut JoinSet<()>,
    within: Option<Duration>,
    shutdown: &Shutdown,
) -> Result<(), Error> {
    let begin = tokio::time::Instant::now();
    for source in sources {
        watches.spawn((source.watch)(shutdown.clone()));
        while tokio::time::timeout(TELL_EVERY, (source.synced)())
            .await
            .is_err()
        {
            let waited = begin.elapsed();
            tracing::warn!(
                cache = source.of,
                seconds = waited.as_secs(),
                "still waiting for a first list"
            );
            if within.is_some_and(|within| waited >= within) {
                return Err(Error::retry(format!(
                    "{} could not be listed within {} s; the lines before say why",
                    source.of,
                    waited.as_secs()
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
