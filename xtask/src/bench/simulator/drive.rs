//! Clients and watchers beside each other: how many requests a server answers in a while, until every watcher has seen
//! every change.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::stream::{Stream, StreamExt as _};
use http::Request;

use super::traffic::{self, CLIENTS, Operation};

/// The body of a watch.
pub type Frames = Pin<Box<dyn Stream<Item = Result<Bytes>>>>;
/// What a request comes to: status and the size of the body.
pub type Answered = Pin<Box<dyn Future<Output = Result<(u16, usize)>>>>;

/// Somewhere to send requests.
pub trait Server {
    /// Sends a request and reads the answer whole.
    fn send(&self, request: Request<Bytes>) -> Answered;
    /// Begins a watch.
    fn watch(&self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Result<Frames>>>>;
}

/// What was measured of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Which.
    pub operation: Operation,
    /// Requests answered.
    pub requests: usize,
    /// Seconds until all were answered and every watcher had seen every change.
    pub seconds: f64,
    /// Events that all watchers together were sent.
    pub events: usize,
    /// CPU seconds of the server's processes meanwhile.
    pub cpu: f64,
}

impl Measured {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        number(self.requests) / self.seconds
    }
}

/// Counts here are far below 2^52.
#[allow(clippy::cast_precision_loss, reason = "counts are small")]
pub fn number(count: usize) -> f64 {
    count as f64
}

/// Watchers that read everything as it comes.
pub struct Watchers {
    /// Changes that the first of them was sent.
    seen: Rc<Cell<usize>>,
    /// Bytes that each was sent. All see the same, so whoever was sent as much as the first has seen as many changes.
    sizes: Rc<[Cell<usize>]>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// How far watchers are.
struct Progress {
    changes: usize,
    sizes: Vec<usize>,
}

impl Watchers {
    /// Begins that many watches of all `ConfigMap`s. Call on a local task set.
    pub async fn start(server: &impl Server, count: usize) -> Result<Self> {
        let seen = Rc::new(Cell::new(0));
        let sizes: Rc<[Cell<usize>]> = (0..count).map(|_| Cell::new(0)).collect();
        let mut tasks = Vec::new();
        for number in 0..count {
            let mut frames = server.watch(traffic::watch()).await?;
            let (seen, sizes) = (seen.clone(), sizes.clone());
            tasks.push(tokio::task::spawn_local(async move {
                while let Some(Ok(frame)) = frames.next().await {
                    if number == 0 {
                        // What clients make of what they are sent isn't the server's work: one of them counts.
                        let lines = memchr::memchr_iter(b'\n', &frame).count();
                        seen.set(seen.get() + lines);
                    }
                    if let Some(size) = sizes.get(number) {
                        size.set(size.get() + frame.len());
                    }
                }
            }));
        }
        Ok(Self { seen, sizes, tasks })
    }

    fn progress(&self) -> Progress {
        Progress {
            changes: self.seen.get(),
            sizes: self.sizes.iter().map(Cell::get).collect(),
        }
    }

    /// Waits until all have seen that many changes since `before`; how many events that were.
    async fn wait(&self, before: &Progress, changes: usize) -> Result<usize> {
        let begin = tokio::time::Instant::now();
        loop {
            let seen = self.seen.get() - before.changes;
            let pairs = self.sizes.iter().zip(&before.sizes);
            let mut since = pairs.map(|(size, before)| size.get() - before);
            let first = since.next().unwrap_or_default();
            if self.sizes.is_empty() || (seen >= changes && since.all(|size| size == first)) {
                return Ok(seen * self.sizes.len());
            }
            if begin.elapsed() > Duration::from_mins(1) {
                bail!("a watcher saw {seen} changes of {changes}, or others saw fewer");
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends them.
    pub fn stop(self) {
        for task in self.tasks {
            task.abort();
        }
    }
}

/// Lets eight clients send one request after the other, `requests` in all. `cpu` says what the server's processes have used.
pub async fn measure<S: Server + Clone + 'static>(
    server: &S,
    operation: Operation,
    requests: usize,
    watchers: &Watchers,
    cpu: &dyn Fn() -> Result<f64>,
) -> Result<Measured> {
    let each = requests / CLIENTS;
    // Made before the clock runs: writing requests is the clients' work.
    let wanted: Vec<Vec<Request<Bytes>>> = (0..CLIENTS)
        .map(|client| {
            (0..each)
                .map(|number| operation.request(client, number))
                .collect()
        })
        .collect();
    let before = watchers.progress();
    let (begin, cpu_before) = (tokio::time::Instant::now(), cpu()?);
    let clients: Vec<_> = wanted
        .into_iter()
        .map(|requests| {
            let server = server.clone();
            tokio::task::spawn_local(async move {
                for request in requests {
                    let (status, _) = server.send(request).await?;
                    if status >= 300 {
                        bail!("{} was answered with {status}", operation.name());
                    }
                    // Watchers and the other clients are served in between.
                    tokio::task::yield_now().await;
                }
                Ok(())
            })
        })
        .collect();
    for client in clients {
        client.await.context("a client broke off")??;
    }
    let requests = each * CLIENTS;
    let seen_by_watchers = operation.writes() && operation != Operation::Status;
    let changes = if seen_by_watchers { requests } else { 0 };
    let events = watchers.wait(&before, changes).await?;
    Ok(Measured {
        operation,
        requests,
        seconds: begin.elapsed().as_secs_f64(),
        events,
        cpu: cpu()? - cpu_before,
    })
}

/// Makes what has to be there.
pub async fn prepare(server: &impl Server) -> Result<()> {
    for request in traffic::beginning() {
        let path = format!("{} {}", request.method(), request.uri());
        let (status, _) = server.send(request).await?;
        // The ServiceAccount may have been made by a controller.
        if status >= 300 && status != 409 {
            bail!("{path} was answered with {status}");
        }
    }
    Ok(())
}
