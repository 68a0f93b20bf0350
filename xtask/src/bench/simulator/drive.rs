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
    seen: Rc<Cell<usize>>,
    count: usize,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Watchers {
    /// Begins that many watches of all `ConfigMap`s. Call on a local task set.
    pub async fn start(server: &impl Server, count: usize) -> Result<Self> {
        let seen = Rc::new(Cell::new(0));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let mut frames = server.watch(traffic::watch()).await?;
            let seen = seen.clone();
            tasks.push(tokio::task::spawn_local(async move {
                while let Some(Ok(frame)) = frames.next().await {
                    // What the client spends here counts against the server.
                    let lines = memchr::memchr_iter(b'\n', &frame).count();
                    seen.set(seen.get() + lines);
                }
            }));
        }
        Ok(Self { seen, count, tasks })
    }

    /// Waits until all have seen that many changes since `before`.
    async fn wait(&self, before: usize, changes: usize) -> Result<usize> {
        let begin = tokio::time::Instant::now();
        loop {
            let seen = self.seen.get() - before;
            if seen >= changes * self.count {
                return Ok(seen);
            }
            if begin.elapsed() > Duration::from_mins(1) {
                bail!("the watchers saw {seen} events of {}", changes * self.count);
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

/// Lets eight clients send one request after the other, `requests` in all.
pub async fn measure<S: Server + Clone + 'static>(
    server: &S,
    operation: Operation,
    requests: usize,
    watchers: &Watchers,
) -> Result<Measured> {
    let each = requests / CLIENTS;
    let before = watchers.seen.get();
    let begin = tokio::time::Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let server = server.clone();
            tokio::task::spawn_local(async move {
                for number in 0..each {
                    let request = operation.request(client, number);
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
    let events = watchers.wait(before, changes).await?;
    Ok(Measured {
        operation,
        requests,
        seconds: begin.elapsed().as_secs_f64(),
        events,
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
