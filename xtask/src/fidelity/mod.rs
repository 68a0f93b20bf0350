//! `cargo xtask fidelity`: the simulated API server beside a real one, request by request.
//!
//! An [`area::Area`] makes [`sequence::Sequence`]s from a seed. [`run`](mod@run) plays each on both grounds, [`normalise`]
//! gives names to what chance decided, [`compare`] finds what differs, and the ledger `docs/simulator-differences.md` says
//! what may. [`golden`] keeps a real server's answers for where there is none.
mod admission;
mod applies;
mod area;
mod builtins;
mod causes;
mod compare;
mod discovery;
mod document;
mod golden;
mod ground;
mod identities;
mod kinds;
mod managers;
mod normalise;
#[cfg(test)]
mod planted;
mod progress;
mod report;
mod requests;
mod run;
mod schemas;
mod sequence;
mod tables;
mod watches;
mod webhook;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures::StreamExt as _;
use scenarios::ledger::Ledger;

use self::area::Area;
use self::compare::{broken_promises, divergences, normal};
use self::ground::Ground;
use self::progress::Progress;
use self::report::Report;
use self::sequence::Sequence;
use crate::testbed::{self, UpArgs};

/// Which comparison, of what.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags are independent")]
pub struct FidelityArgs {
    /// Against a real API server, started for it (the default where there is a Go toolchain)
    #[arg(long, conflicts_with = "golden")]
    live: bool,
    /// Against the recorded answers of one
    #[arg(long)]
    golden: bool,
    /// Write the real server's answers down, in tests/goldens/fidelity
    #[arg(long, conflicts_with = "golden")]
    record: bool,
    /// Sequences are made from it [default: another one each time; --record: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Only that sequence of each area
    #[arg(long)]
    sequence: Option<usize>,
    /// At most that many sequences of each area
    #[arg(long)]
    count: Option<usize>,
    /// An API server that runs already; controllers must be there or not as the area wants it
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Only this area
    area: Option<String>,
}

/// Compares; exit code 1 if something differs that the ledger doesn't know, or the ledger knows what doesn't differ.
pub fn run(args: &FidelityArgs) -> Result<ExitCode> {
    let areas: Vec<_> = area::all()
        .into_iter()
        .filter(|area| args.area.as_deref().is_none_or(|name| name == area.name()))
        .collect();
    if areas.is_empty() {
        let names: Vec<_> = area::all().iter().map(|area| area.name()).collect();
        bail!("no such area\nhint: one of {}", names.join(", "));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let golden = args.golden || (!args.live && !args.record && args.kubeconfig.is_none() && !go());
    let mut report = Report::new()?;
    report.tell_all(args.sequence.is_some());
    if golden {
        for area in &areas {
            runtime.block_on(golden::replay(area.as_ref(), args.sequence, &mut report))?;
        }
    } else {
        let seed = match args.seed {
            Some(seed) => seed,
            None if args.record => 1,
            None => fresh_seed()?,
        };
        report.say(&format!("seed {seed}"));
        for area in &areas {
            let testbed = Standing::new(args, area.as_ref())?;
            let done = runtime.block_on(live(args, area.as_ref(), seed, &testbed, &mut report));
            testbed.stop()?;
            done?;
        }
    }
    Ok(if report.finish() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether a real Kubernetes can be built.
fn go() -> bool {
    std::process::Command::new("go")
        .arg("version")
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The system's randomness: this is where a run's seed comes from, if nobody gave one.
fn fresh_seed() -> Result<u64> {
    use std::io::Read as _;
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// The real API server of one area.
struct Standing {
    kubeconfig: PathBuf,
    /// Part of the namespaces' names: a server that was there before has seen others.
    tag: String,
    started: Option<(testbed::Testbed, String)>,
}

impl Standing {
    fn new(args: &FidelityArgs, area: &dyn Area) -> Result<Self> {
        if let Some(kubeconfig) = &args.kubeconfig {
            return Ok(Self {
                kubeconfig: kubeconfig.clone(),
                tag: format!("{:08x}", fresh_seed()?),
                started: None,
            });
        }
        let name = format!("fidelity-{}-{}", area.name(), std::process::id());
        let testbed = testbed::up(&UpArgs {
            name: name.clone(),
            nodes: if area.controllers() { 3 } else { 0 },
            stages: None,
            bare: !area.controllers(),
        })?;
        Ok(Self {
            kubeconfig: testbed.kubeconfig(),
            tag: "00000000".to_owned(),
            started: Some((testbed, name)),
        })
    }

    fn stop(self) -> Result<()> {
        match self.started {
            Some((testbed, name)) => {
                drop(testbed);
                testbed::down(&name)
            }
            None => Ok(()),
        }
    }
}

async fn live(
    args: &FidelityArgs,
    area: &dyn Area,
    seed: u64,
    standing: &Standing,
    report: &mut Report,
) -> Result<()> {
    let theirs = Ground::live(&standing.kubeconfig).await?;
    run::ready(&theirs).await?;
    let (ours, clockwork) = Ground::ours(area.controllers(), seed)?;
    let definitions = area.definitions();
    run::define(&ours, &definitions)
        .await
        .context("on our server")?;
    match run::define(&theirs, &definitions).await {
        Err(error) if args.kubeconfig.is_none() => return Err(error.context("on the real server")),
        // Somebody's server has them from the last time.
        Ok(()) | Err(_) => {}
    }
    let sequences = area.sequences(seed)?;
    let chosen: Vec<_> = sequences
        .iter()
        .enumerate()
        .filter(|(number, _)| args.sequence.is_none_or(|only| only == *number))
        .take(args.count.unwrap_or(usize::MAX))
        .collect();
    let progress = Progress::new(area.name(), chosen.len());
    let (tag, theirs, ours, progress) = (&standing.tag, &theirs, &ours, &progress);
    let ledger = &Ledger::read()?;
    let count = chosen.len();
    let chosen = chosen.into_iter();
    let chosen = chosen.map(|(number, sequence)| (sequence, (number, sequence)));
    let pairs = run::in_turn(area, chosen, |(number, sequence)| async move {
        let namespace = format!("f-{tag}-{number}");
        progress.begins(number, &sequence.title);
        let (pair, unsteady) =
            Pair::again(area, sequence, &namespace, (theirs, ours), ledger).await;
        progress.ends(number);
        (number, sequence, pair, unsteady)
    });
    let mut pairs = std::pin::pin!(pairs);
    let mut recording = args.record.then(|| golden::Recording::new(area, seed));
    report.begin(
        area.name(),
        seed,
        args.sequence.is_none() && args.count.is_none(),
    );
    while let Some((number, sequence, pair, unsteady)) = progress.watch(pairs.next()).await {
        if let Some(recording) = &mut recording
            && !unsteady
            && report.knows(&pair.divergences)
        {
            recording.add(number, sequence, &pair.theirs, &pair.namespace);
        }
        report.add(number, sequence, pair.divergences, unsteady);
    }
    clockwork.abort();
    recording.map_or(Ok(()), |recording| recording.write(count))
}

/// Both grounds' normalised answers to one sequence.
struct Pair {
    theirs: Vec<ground::Reply>,
    /// Where it was played; replies name it.
    namespace: String,
    divergences: Vec<compare::Divergence>,
}

impl Pair {
    /// What differs must do so again, in one of two more plays: the answers of that one, or the first one's and true if it
    /// did so only then. That comes from a race on either side and is counted apart. So is what the ledger doesn't list if
    /// their own answer is another one from play to play, and ours in one of them: Go goes through a map in any order.
    async fn again(
        area: &dyn Area,
        sequence: &Sequence,
        namespace: &str,
        (theirs, ours): (&Ground, &Ground),
        ledger: &Ledger,
    ) -> (Self, bool) {
        let first = Self::play(area, sequence, namespace, theirs, ours).await;
        if first.divergences.is_empty() {
            return (first, false);
        }
        let mut lines = first.divergences.iter().flat_map(|one| &one.lines);
        let listed = lines.all(|line| ledger.knows(line));
        let (mut equal, mut restless, mut last) = (false, false, None);
        for (plays, time) in ('r'..='z').enumerate() {
            if plays >= 2 && last.is_none() {
                break;
            }
            let namespace = format!("{namespace}-{time}");
            let again = Self::play(area, sequence, &namespace, theirs, ours).await;
            restless |=
                first.theirs_where_it_differs(&first) != again.theirs_where_it_differs(&first);
            if again.divergences.is_empty() {
                equal = true;
            } else if listed {
                return (again, false);
            } else {
                last = Some(again);
            }
            if equal && restless && last.is_some() {
                return (first, true);
            }
        }
        match last {
            Some(last) => (last, false),
            None => (first, true),
        }
    }

    /// Their answers to the steps in which a play differed, without the name of the place.
    fn theirs_where_it_differs(&self, play: &Self) -> Vec<String> {
        let steps = play.divergences.iter().map(|one| one.step);
        let replies = steps.filter_map(|step| self.theirs.get(step));
        replies
            .map(|reply| {
                let body = String::from_utf8_lossy(&reply.body);
                format!("{} {body}", reply.status).replace(&self.namespace, "")
            })
            .collect()
    }

    async fn play(
        area: &dyn Area,
        sequence: &Sequence,
        namespace: &str,
        theirs: &Ground,
        ours: &Ground,
    ) -> Self {
        let (theirs, ours) = futures::join!(
            run::play(theirs, sequence, namespace),
            run::play(ours, sequence, namespace)
        );
        let played = (sequence, namespace);
        let mut found = broken_promises(area, "theirs", played, &theirs);
        found.extend(broken_promises(area, "ours", played, &ours));
        let (theirs, ours) = (normal(sequence, &theirs), normal(sequence, &ours));
        found.extend(divergences(area.name(), sequence, &theirs, &ours));
        Self {
            divergences: found,
            theirs,
            namespace: namespace.to_owned(),
        }
    }
}
