//! A server over HTTPS: the same requests as in-process, through `kube::Client`, and what the server's processes needed
//! for them.
use std::future::Future;
use std::pin::Pin;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use futures::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::super::process;
use super::drive::{Answered, Frames, Measured, Server, Watchers, measure, number, prepare};
use super::grounds::Ground;
use super::traffic::{self, Operation};

/// A server behind a kubeconfig.
#[derive(Clone)]
struct Sockets(kube::Client);

impl Sockets {
    async fn connect(ground: &Ground) -> Result<Self> {
        let text = kube::config::Kubeconfig::read_from(ground.kubeconfig())?;
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(text, &options).await?;
        Ok(Self(kube::Client::try_from(config)?))
    }
}

impl Server for Sockets {
    fn send(&self, request: Request<Bytes>) -> Answered {
        let client = self.0.clone();
        Box::pin(async move {
            let response = client.send(request.map(kube::client::Body::from)).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?;
            Ok((status, body.to_bytes().len()))
        })
    }

    fn watch(&self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Result<Frames>>>> {
        let client = self.0.clone();
        Box::pin(async move {
            let response = client.send(request.map(kube::client::Body::from)).await?;
            if !response.status().is_success() {
                bail!("a watch was answered with {}", response.status());
            }
            let frames = response.into_body().into_data_stream();
            let frames = frames.map(|frame| frame.map_err(|error| anyhow!(error)));
            Ok(Box::pin(frames) as Frames)
        })
    }
}

/// What was measured of one server.
pub struct Figures {
    /// Whose figures.
    pub name: &'static str,
    /// Seconds from start to ready.
    pub start: f64,
    /// Rates, and the CPU seconds of the server's processes.
    pub operations: Vec<Measured>,
    /// Kind of object, and bytes of memory of the server's processes for each that was stored.
    pub objects: Vec<(&'static str, f64)>,
}

/// How much to measure.
pub struct Amount {
    /// Requests of each kind.
    pub requests: usize,
    /// Watchers.
    pub watchers: usize,
    /// Objects of each kind to store.
    pub objects: usize,
}

/// Measures a server.
pub fn run(ground: &Ground, operations: &[Operation], amount: &Amount) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let server = Sockets::connect(ground).await?;
        let processes = ground.processes()?;
        prepare(&server).await?;
        let mut objects = Vec::new();
        if amount.objects > 0 {
            for kind in KINDS {
                let bytes = store(&server, &processes, kind, amount.objects).await?;
                objects.push((kind.0, bytes));
            }
        }
        let watchers = Watchers::start(&server, amount.watchers).await?;
        let cpu = || cpu(&processes);
        let mut all = Vec::new();
        for operation in operations {
            all.push(measure(&server, *operation, amount.requests, &watchers, &cpu).await?);
        }
        watchers.stop();
        Ok(Figures {
            name: ground.name(),
            start: ground.start(),
            operations: all,
            objects,
        })
    })
}

type Kind = (&'static str, fn(&str) -> Value);

const KINDS: [Kind; 3] = [
    ("ConfigMap", |name| traffic::config_map(name, 0)),
    ("pod", traffic::pod),
    ("custom resource", traffic::custom),
];

/// Stores many objects of a kind: bytes of memory for each. The first tenth is for what grows only once.
async fn store(
    server: &Sockets,
    processes: &[u32],
    (name, object): Kind,
    count: usize,
) -> Result<f64> {
    let first = count / 10;
    let mut before = 0.0;
    for number in 0..first + count {
        if number == first {
            before = resident(processes)?;
        }
        let request = traffic::create(&object(&format!("stored-{number}")));
        let (status, _) = server.send(request).await?;
        if status != 201 {
            bail!("a {name} was answered with {status}");
        }
    }
    Ok((resident(processes)? - before) * 1024.0 * 1024.0 / number(count))
}

fn resident(processes: &[u32]) -> Result<f64> {
    let all = processes.iter();
    all.map(|pid| process::memory(*pid, "VmRSS")).sum()
}

fn cpu(processes: &[u32]) -> Result<f64> {
    let all = processes.iter();
    all.map(|pid| process::cpu(*pid).context("the server is gone"))
        .sum()
}
