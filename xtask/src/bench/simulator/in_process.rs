//! Our server without sockets: through the tower service that `kube::Client` takes, on one thread.
use std::future::Future;
use std::pin::Pin;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::StreamExt as _;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use machinery::entropy::Entropy;
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};
use tower::Service as _;

use super::super::process;
use super::drive::{Answered, Frames, Measured, Server, Watchers, measure, prepare};
use super::traffic::Operation;

/// A server without controllers, on the wall clock.
#[derive(Clone)]
pub struct InProcess(Wire);

impl InProcess {
    fn new() -> Self {
        let clock = WorldClock::Wall;
        let entropy = Entropy::seeded(1);
        let world = World::new(Options::default(), entropy, Vec::new(), clock.now());
        let handle = WorldHandle::new(world, clock);
        // Definitions are established by a controller of the server's own.
        tokio::task::spawn_local(handle.clone().pump());
        Self(Wire::new(&handle, "bench"))
    }
}

impl Server for InProcess {
    fn send(&self, request: Request<Bytes>) -> Answered {
        let answering = self.0.clone().call(request.map(Full::new));
        Box::pin(async move {
            let response = answering.await.map_err(|error| anyhow!(error))?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| anyhow!(error))?.to_bytes();
            Ok((status, body.len()))
        })
    }

    fn watch(&self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Result<Frames>>>> {
        let answering = self.0.clone().call(request.map(Full::new));
        Box::pin(async move {
            let response = answering.await.map_err(|error| anyhow!(error))?;
            let frames = response.into_body().into_data_stream();
            let frames = frames.map(|frame| frame.map_err(|error| anyhow!(error)));
            Ok(Box::pin(frames) as Frames)
        })
    }
}

/// Measures the operations, `requests` of each; the CPU seconds are this process', clients and watchers included.
pub fn run(operations: &[Operation], requests: usize, watchers: usize) -> Result<Vec<Measured>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let server = InProcess::new();
        prepare(&server).await?;
        let watchers = Watchers::start(&server, watchers).await?;
        let cpu = || process::cpu(std::process::id());
        let mut all = Vec::new();
        for operation in operations {
            all.push(measure(&server, *operation, requests, &watchers, &cpu).await?);
        }
        watchers.stop();
        Ok(all)
    })
}
