//! The simulated ground: a world of its own on a fresh thread, in virtual time, from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use machinery::entropy::Entropy;
use runtime::Clock;
use runtime::access::Right;
use runtime::select::{Either, race};
use serde_json::Value;
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::request::User;
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};

use crate::cluster::{Cluster, Ground};
use crate::faults::{Faults, Plan};
use crate::invariants::Invariants;
use crate::products::Stage;
use crate::readers::File;
use crate::scenarios::{self, Scenario};
use crate::state;
use crate::warnings::Warnings;
use crate::witness::Witness;

/// Seed of runs that don't choose one.
pub const SEED: u64 = 0xa7;

/// Namespace of the scenario; every run has a world of its own.
const NAMESPACE: &str = "scenario";

/// The actor that the controllers are.
const CONTROLLERS: &str = "mgr0";

/// Why a run failed in which the controllers were refused something: the call, as the recorder has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGranted(pub String);

impl std::fmt::Display for NotGranted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a right is missing: {}", self.0)
    }
}

impl std::error::Error for NotGranted {}

impl NotGranted {
    /// Whether the call takes that right.
    pub fn is_of(&self, right: &Right) -> bool {
        let words: Vec<&str> = self.0.split_whitespace().collect();
        match words.as_slice() {
            [_, _, _, "finalizers"] => right.parts().1 == "finalizers",
            [_, method, path] => {
                let method = method.parse().ok();
                method.and_then(|method| Right::of(&method, path)).as_ref() == Some(right)
            }
            _ => false,
        }
    }
}

/// Why a run failed: what its scenario promises didn't come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unkept;

impl std::fmt::Display for Unkept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the scenario's promise isn't kept")
    }
}

/// A run takes longer than this only if it never ends.
const WATCHDOG: Duration = Duration::from_mins(5);

/// What to run: all that the outcome depends on.
#[derive(Clone, Debug)]
pub struct Run {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Seed of the world and the controllers.
    pub seed: u64,
    /// Failures.
    pub plan: Plan,
    /// Virtual time to wait at the end without a write by the controllers.
    pub quiet: Duration,
    /// What the controllers may do, and say that they need; absent: whatever they ask for.
    pub rights: Option<Vec<Right>>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The normalised end state.
    pub state: Value,
    /// Hash of all requests and answers in order.
    pub trace: String,
    /// `METHOD path` of the controllers' writes.
    pub writes: Vec<String>,
    /// How many objects of each kind were made and deleted, by the name of the kind's table.
    pub turnover: BTreeMap<String, Turnover>,
    /// The rights that the controllers made use of.
    pub used: BTreeSet<Right>,
    /// Everything that Prometheus or Alertmanager was to load, and where it was first seen.
    pub files: BTreeMap<File, String>,
}

/// Objects made and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Made.
    pub made: usize,
    /// Deleted.
    pub deleted: usize,
}

/// Kinds that are counted. Events come and go with failures.
const COUNTED: [&str; 10] = [
    "apps/statefulsets",
    "apps/daemonsets",
    "/secrets",
    "/configmaps",
    "/persistentvolumeclaims",
    "argoproj.io/rollouts",
    "apps/deployments",
    "apps/replicasets",
    "/services",
    "/pods",
];

impl Run {
    /// A run without failures.
    pub fn of(scenario: &'static Scenario) -> Self {
        Self {
            scenario,
            seed: SEED,
            plan: Plan::default(),
            quiet: Duration::ZERO,
            rights: Some(scenario.stage.rights()),
        }
    }

    /// The line that repeats this run; see [`Run::parse`].
    pub fn line(&self) -> String {
        format!(
            "sim1 s={} r={:016x} p={}",
            self.scenario.name, self.seed, self.plan
        )
    }

    /// Reads a replay line. Keys and scenarios that are not known are errors.
    pub fn parse(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        ensure!(
            words.next() == Some("sim1"),
            "a replay line begins with sim1"
        );
        let (mut scenario, mut seed, mut plan) = (None, None, None);
        for word in words {
            let (key, value) = word
                .split_once('=')
                .with_context(|| format!("{word}: no key"))?;
            match key {
                "s" => {
                    scenario = Some(
                        scenarios::find(value).with_context(|| format!("no scenario {value}"))?,
                    )
                }
                "r" => {
                    seed = Some(
                        u64::from_str_radix(value, 16)
                            .with_context(|| format!("{value}: no seed"))?,
                    )
                }
                "p" => {
                    plan = Some(Plan::parse(value).with_context(|| format!("{value}: no plan"))?)
                }
                "h" | "o" => {}
                _ => return Err(anyhow!("unknown key {key}")),
            }
        }
        let scenario = scenario.context("no scenario (s=)")?;
        let (seed, plan) = (seed.context("no seed (r=)")?, plan.context("no plan (p=)")?);
        Ok(Self {
            seed,
            plan,
            ..Self::of(scenario)
        })
    }

    /// Runs it on a fresh thread.
    pub fn run(&self) -> Result<Outcome> {
        let (sender, receiver) = mpsc::channel();
        let run = self.clone();
        std::thread::Builder::new()
            .name(self.scenario.name.to_owned())
            .spawn(move || {
                let outcome = run.on_this_thread();
                // Nobody listens any more after the watchdog.
                let _ = sender.send(outcome);
            })?;
        match receiver.recv_timeout(WATCHDOG) {
            Ok(outcome) => outcome,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                Err(anyhow!("livelock: no end after {WATCHDOG:?}"))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(anyhow!("panicked")),
        }
    }

    fn on_this_thread(&self) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let warnings = Warnings::default();
        let _guard = warnings.listen();
        runtime.block_on(self.inside(&warnings))
    }

    async fn inside(&self, warnings: &Warnings) -> Result<Outcome> {
        let clock = WorldClock::anchored();
        let controllers = simulator::builtin::all();
        let options = Options::default();
        let world = World::new(
            options,
            Entropy::seeded(self.seed),
            controllers,
            clock.now(),
        );
        let world = WorldHandle::new(world, clock);
        let pump = tokio::spawn(world.clone().pump());
        world.lock().api.store_mut().keep_log();
        let clock = Clock::anchored(clock.now());
        let outcome = self.on(&world, clock, warnings.clone()).await;
        pump.abort();
        let mut invariants = Invariants::default();
        let mut turnover: BTreeMap<String, Turnover> = BTreeMap::new();
        for commit in world.lock().api.store_mut().take_log() {
            invariants.see(&commit);
            if COUNTED.contains(&&*commit.table) {
                let counts = turnover.entry(commit.table.to_string()).or_default();
                counts.made += usize::from(commit.event.before.is_none());
                counts.deleted += usize::from(commit.event.deleted);
            }
        }
        if outcome.is_ok() {
            invariants.settled();
        }
        // A violation is nearer to the cause than whatever the scenario says.
        let violations: Vec<&str> = invariants.violations().map(String::as_str).collect();
        ensure!(violations.is_empty(), "{}", violations.join("\n"));
        outcome.map(|outcome| Outcome {
            turnover,
            files: invariants.files(),
            ..outcome
        })
    }

    async fn on(&self, world: &WorldHandle, clock: Clock, warnings: Warnings) -> Result<Outcome> {
        world.lock().recorder.keep_trace();
        let user = kube::Client::new(Wire::new(world, "user"), "default");
        let stage = self.scenario.stage;
        let account = User::service_account(NAMESPACE, stage.account());
        let own = Wire::new(world, CONTROLLERS);
        let own = match &self.rights {
            Some(_) => own.acting_as(account),
            None => own,
        };
        let own = kube::Client::new(own, "default");
        let ground = Ground::Simulated(world.clone());
        let mut cluster = Cluster::new(stage, ground, user, clock, NAMESPACE);
        cluster.transport = Some(own.clone());
        cluster.warnings = warnings;
        cluster
            .prepare(&stage.served())
            .await
            .context("preparing the cluster")?;
        match &self.rights {
            Some(rights) => {
                let granted = stage.role.map_or_else(|| rights.clone(), |role| role());
                cluster.grant(&granted).await.context("giving rights")?;
            }
            None => cluster.declared = None,
        }
        world.lock().recorder.keep_log();
        let faults = Faults::new(self.plan.clone());
        faults.watched_by(Witness::new(world.clone(), self.plan.0.is_empty()));
        cluster.start(own, faults.clone(), self.seed);
        let play = (self.scenario.run)(&cluster);
        let played = match race(play, without_right(world, stage)).await {
            Either::Left(played) => played.context(Unkept),
            Either::Right(refused) => Err(refused.into()),
        };
        let complaints = faults.complaints();
        ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
        played?;
        cluster.settle().await?;
        let state = state::normalised(&cluster).await?;
        if !self.quiet.is_zero() {
            Self::rest(&cluster, self.quiet).await?;
        }
        let trace = world.lock().recorder.trace();
        let trace = trace.context("no trace")?;
        let controllers = cluster.controllers.as_ref().context("no controllers")?;
        ensure!(
            controllers.ended().is_empty(),
            "the controllers ended by themselves: {:?}",
            controllers.ended()
        );
        Ok(Outcome {
            state,
            trace,
            writes: controllers.faults.writes(),
            turnover: BTreeMap::new(),
            files: BTreeMap::new(),
            used: used(world),
        })
    }

    /// Lets time pass, in which the controllers must not write.
    async fn rest(cluster: &Cluster, time: Duration) -> Result<()> {
        let controllers = cluster.controllers.as_ref().context("no controllers")?;
        let before = controllers.faults.writes().len();
        tokio::time::sleep(time).await;
        let writes = controllers.faults.writes();
        let since = writes.get(before..).unwrap_or_default();
        ensure!(
            since.is_empty(),
            "{} writes in a quiet time, the first: {:?}",
            since.len(),
            since.first()
        );
        Ok(())
    }
}

/// Ends as soon as the controllers are refused something for want of a right.
async fn without_right(world: &WorldHandle, stage: &Stage) -> NotGranted {
    if stage.role.is_some() {
        return pending().await;
    }
    loop {
        if let Some(call) = world.lock().recorder.forbidden().first() {
            return NotGranted(call.clone());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The rights that the controllers' calls took.
fn used(world: &WorldHandle) -> BTreeSet<Right> {
    let world = world.lock();
    let calls = world.recorder.log().iter().filter_map(|line| {
        let mut words = line.strip_prefix(CONTROLLERS)?.split_whitespace();
        let method = words.next()?.parse().ok()?;
        Right::of(&method, words.next()?)
    });
    calls.collect()
}
