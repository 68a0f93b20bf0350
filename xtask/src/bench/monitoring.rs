//! The monitoring controllers with many `ServiceMonitor`s in a simulated cluster, all in this process: what they cost at first,
//! and what one changed monitor costs. The CPU is that of both, the controllers and the simulated API server.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use machinery::entropy::Entropy;
use monitoring::RunOptions;
use monitoring::api::crds;
use monitoring::operator::resources::{PROMETHEUS, SECRET, SERVICE_MONITOR};
use runtime::client::{Client, ClientOptions};
use runtime::resource::{CUSTOM_RESOURCE_DEFINITION, NAMESPACE};
use runtime::{ObjectKey, Patch};
use serde_json::{Value, json};
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};

use super::process::{Stopwatch, cpu, memory};

/// The controllers, as actor.
const CONTROLLERS: &str = "monitoring";
/// Nothing is written for as long: all is done.
const QUIET: Duration = Duration::from_secs(2);
/// Longest time until all is done.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many.
#[derive(Args)]
pub struct MonitoringArgs {
    /// Numbers of `ServiceMonitor`s, one run each
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000])]
    monitors: Vec<usize>,
    /// Monitors changed one after the other
    #[arg(long, default_value_t = 5)]
    changes: usize,
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Measures and prints.
pub fn run(args: &MonitoringArgs) -> Result<()> {
    say("monitors  step                CPU ms  wall ms  calls  writes  Secret bytes  RSS MiB");
    for monitors in &args.monitors {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(one(*monitors, args.changes))?;
    }
    Ok(())
}

/// What was there before a step.
struct Step {
    watch: Stopwatch,
    cpu: f64,
    calls: u64,
    writes: u64,
}

struct Bench {
    world: WorldHandle,
    client: Client,
    monitors: usize,
}

async fn one(monitors: usize, changes: usize) -> Result<()> {
    let clock = WorldClock::Wall;
    let entropy = Entropy::seeded(1);
    let world = World::new(
        Options::default(),
        entropy,
        simulator::builtin::all(),
        clock.now(),
    );
    let world = WorldHandle::new(world, clock);
    let pump = tokio::spawn(world.clone().pump());
    let person = kube::Client::new(Wire::new(&world, "person"), "default");
    let options = ClientOptions {
        qps: None,
        ..ClientOptions::default()
    };
    let bench = Bench {
        client: Client::new(person, options),
        world: world.clone(),
        monitors,
    };
    bench.prepare().await?;
    let own = kube::Client::new(Wire::new(&world, CONTROLLERS), "default");
    let options = RunOptions {
        qps: None,
        seed: Some(1),
        ..RunOptions::default()
    };
    let (_trigger, shutdown) = runtime::shutdown::channel();
    let cold = bench.begin()?;
    let controllers = tokio::spawn(monitoring::run(own, options, shutdown));
    bench.end(&cold, "from nothing").await?;
    for change in 0..changes {
        let name = format!("m{:05}", change * 37 % monitors);
        let step = bench.begin()?;
        bench.change(&name, change).await?;
        bench.end(&step, "one changed").await?;
    }
    if controllers.is_finished() {
        bail!("the controllers ended");
    }
    controllers.abort();
    pump.abort();
    Ok(())
}

impl Bench {
    async fn prepare(&self) -> Result<()> {
        for definition in crds::crds() {
            self.client
                .create(&CUSTOM_RESOURCE_DEFINITION, &definition)
                .await?;
        }
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
        self.client.create(&NAMESPACE, &namespace).await?;
        let prometheus = json!({
            "apiVersion": PROMETHEUS.api_version(), "kind": "Prometheus",
            "metadata": {"namespace": "team", "name": "main"},
            "spec": {"serviceMonitorSelector": {}, "replicas": 1},
        });
        self.client.create(&PROMETHEUS, &prometheus).await?;
        for number in 0..self.monitors {
            let monitor = monitor(&format!("m{number:05}"));
            self.client.create(&SERVICE_MONITOR, &monitor).await?;
        }
        Ok(())
    }

    async fn change(&self, name: &str, number: usize) -> Result<()> {
        let path = format!("/metrics/{number}");
        let change = json!({"spec": {"endpoints": [{"port": "http", "path": path}]}});
        let key = ObjectKey::new("team", name);
        self.client
            .patch(&SERVICE_MONITOR, &key, None, &Patch::Merge(change))
            .await?;
        Ok(())
    }

    fn begin(&self) -> Result<Step> {
        let counts = self.world.lock().recorder.counts(CONTROLLERS);
        Ok(Step {
            watch: Stopwatch::start(),
            cpu: cpu(std::process::id())?,
            calls: counts.calls,
            writes: counts.writes,
        })
    }

    /// Waits until nothing more is written, and prints.
    async fn end(&self, step: &Step, what: &str) -> Result<()> {
        let counts = || self.world.lock().recorder.counts(CONTROLLERS);
        let (mut last, mut since) = (counts(), Stopwatch::start());
        let mut wall = step.watch.seconds();
        while last.writes == step.writes || since.seconds() < QUIET.as_secs_f64() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = counts();
            if now.writes != last.writes {
                (last, since) = (now, Stopwatch::start());
                wall = step.watch.seconds();
            }
            if step.watch.seconds() > PATIENCE.as_secs_f64() {
                bail!("nothing was written for long");
            }
        }
        let pid = std::process::id();
        let used = (cpu(pid)? - step.cpu) * 1000.0;
        let key = ObjectKey::new("team", "prometheus-main");
        let secret = self.client.get(&SECRET, &key).await?;
        let secret = secret.context("there is no configuration")?;
        let text = secret.pointer("/data/prometheus.yaml.gz");
        let bytes = text.and_then(Value::as_str).map_or(0, str::len);
        let (calls, writes) = (last.calls - step.calls, last.writes - step.writes);
        let (monitors, wall, resident) = (self.monitors, wall * 1000.0, memory(pid, "VmRSS")?);
        say(&format!(
            "{monitors:>8}  {what:<18} {used:>7.0}  {wall:>7.0}  {calls:>5}  {writes:>6}  {bytes:>12}  {resident:>7.0}"
        ));
        Ok(())
    }
}

fn monitor(name: &str) -> Value {
    json!({
        "apiVersion": SERVICE_MONITOR.api_version(), "kind": "ServiceMonitor",
        "metadata": {"namespace": "team", "name": name, "labels": {"app": name}},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "endpoints": [{"port": "http", "interval": "30s", "relabelings": [
                {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
            ]}],
        },
    })
}
