//! Many pods on many nodes, from POST to Ready, in virtual time: what that takes of real time and of memory.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use machinery::entropy::Entropy;
use machinery::pointer;
use serde_json::Value;
use simulator::apiserver::Options;
use simulator::apiserver::resource::known;
use simulator::builtin::{self, Builtin, Settings};
use simulator::clock::WorldClock;
use simulator::session::{Change, Session};
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};
use tower::Service as _;

use super::super::process;
use super::traffic;

/// After so many pods the controllers, which work beside a client, get their turn.
const TURN: usize = 1000;
/// Virtual time after which pods that aren't ready never will be.
const LIMIT: Duration = Duration::from_hours(1);

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// How many pods.
    pub pods: usize,
    /// On how many nodes.
    pub nodes: usize,
    /// Seconds of real time until all were Ready.
    pub seconds: f64,
    /// CPU seconds of this process.
    pub cpu: f64,
    /// Seconds of virtual time.
    pub virtual_seconds: f64,
    /// The most memory of this process meanwhile, in MiB.
    pub peak: f64,
    /// Changes that the server stored.
    pub changes: u64,
}

/// Creates the pods and waits until the last one is Ready.
pub fn run(pods: usize, nodes: usize) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let watch = process::Stopwatch::start();
    let (world, virtual_seconds) = runtime.block_on(play(pods, nodes))?;
    let changes = world.lock().api.revision();
    Ok(Measured {
        pods,
        nodes,
        seconds: watch.seconds(),
        cpu: process::cpu(std::process::id())?,
        virtual_seconds,
        peak: process::memory(std::process::id(), "VmHWM")?,
        changes,
    })
}

async fn play(pods: usize, nodes: usize) -> Result<(WorldHandle, f64)> {
    let clock = WorldClock::anchored();
    let settings = Settings {
        nodes: (1..=nodes).map(|number| format!("node-{number}")).collect(),
        ..Settings::default()
    };
    let ready = Arc::new(AtomicUsize::new(0));
    let mut controllers = builtin::with(settings);
    controllers.push(Box::new(Counter(ready.clone())));
    let world = World::new(
        Options::default(),
        Entropy::seeded(1),
        controllers,
        clock.now(),
    );
    let world = WorldHandle::new(world, clock);
    let pump = tokio::spawn(world.clone().pump());
    // Nodes register, and namespaces get their ServiceAccounts.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begin = tokio::time::Instant::now();
    let mut wire = Wire::new(&world, "bench");
    for request in traffic::beginning().into_iter().take(1) {
        send(&mut wire, request).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for number in 0..pods {
        send(
            &mut wire,
            traffic::create(&traffic::paused_pod(&format!("pod-{number}"))),
        )
        .await?;
        if number % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
    while ready.load(Ordering::Relaxed) < pods {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if begin.elapsed() > LIMIT {
            bail!("{} of {pods} pods are ready", ready.load(Ordering::Relaxed));
        }
    }
    pump.abort();
    Ok((world, begin.elapsed().as_secs_f64()))
}

/// Counts the pods that are Ready, by their changes: to look at all of them again and again would be measured too.
struct Counter(Arc<AtomicUsize>);

impl Builtin for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn step(&mut self, _: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        for change in changes.iter().filter(|c| c.resource == known::PODS) {
            let is = |pod: &Option<Arc<Value>>| pod.as_ref().is_some_and(|pod| is_ready(pod));
            match (is(&change.before), is(&change.after)) {
                (false, true) => self.0.fetch_add(1, Ordering::Relaxed),
                (true, false) => self.0.fetch_sub(1, Ordering::Relaxed),
                (false, false) | (true, true) => continue,
            };
        }
        None
    }
}

async fn send(wire: &mut Wire, request: http::Request<Bytes>) -> Result<()> {
    let what = format!("{} {}", request.method(), request.uri());
    let answered = wire.call(request.map(Full::new)).await;
    let response = answered.map_err(|error| anyhow::anyhow!(error))?;
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    if !status.is_success() {
        bail!("{what}: {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pointer::items(pod, "/status/conditions").iter();
    let is = |condition: &Value, at: &str, wanted: &str| pointer::text(condition, at) == wanted;
    conditions
        .rev()
        .any(|condition| is(condition, "/type", "Ready") && is(condition, "/status", "True"))
}
