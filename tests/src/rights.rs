//! The rights that the controllers use: recorded from what they ask for, and each taken away once, which a scenario must see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use runtime::access::Right;
use serde_json::Value;

use crate::faults::{Action, Fault, Plan};
use crate::products::Product;
use crate::scenarios::{self, ALL, Scenario};
use crate::simulated::{NotGranted, Outcome, Run, Unkept};

/// Scenarios that are also played with every third write of the controllers in conflict with somebody else's, so that they look
/// again at whatever they write.
const DISTURBED: &[&str] = &[
    "canary/is_released",
    "blue_green/is_released",
    "upkeep/restarts_pods",
    "upkeep/labels_pods_by_role",
    "bindings/are_of_every_kind",
    "prometheus/is_sharded",
];

/// Rights that are no calls, or that the run which shows them could do without, each with the scenario that needs it.
const NEEDED_BY: &[(&str, &str)] = &[
    (
        "update rollouts/finalizers.argoproj.io",
        "upkeep/blocks_the_deletion_of_its_owner",
    ),
    (
        "update alertmanagers/finalizers.monitoring.coreos.com",
        "bindings/block_the_deletion_of_their_owner",
    ),
    (
        "update prometheuses/finalizers.monitoring.coreos.com",
        "bindings/block_the_deletion_of_their_owner",
    ),
    (
        "update prometheusagents/finalizers.monitoring.coreos.com",
        "bindings/block_the_deletion_of_their_owner",
    ),
    (
        "update thanosrulers/finalizers.monitoring.coreos.com",
        "bindings/block_the_deletion_of_their_owner",
    ),
    ("list persistentvolumeclaims", "claims/grow_with_each_shard"),
    ("list nodes", KUBELETS),
    ("get endpoints", KUBELETS),
    ("create endpoints", KUBELETS),
    ("update endpoints", KUBELETS),
];

/// Nodes and addresses are asked for with a flag that the recorded scenarios do without.
const KUBELETS: &str = "kubelets/have_a_service";

/// Rights that the monitoring controllers do without, so that a run ends as it does with them; each with what they do instead.
const DONE_WITHOUT: &[(&str, &str)] = &[
    (
        "create events.events.k8s.io",
        "the end of a run holds no Events; that there are some, the tests of the controllers show",
    ),
    ("patch events.events.k8s.io", "the same"),
    (
        "patch pods",
        "pods that can't get new labels are deleted, one after the other",
    ),
    (
        "create selfsubjectaccessreviews.authorization.k8s.io",
        "who can't ask is taken to have every right",
    ),
    (
        "list namespaces",
        "the labels of namespaces that can't be watched are asked for by name",
    ),
    ("watch namespaces", "the same"),
    (
        "list secrets",
        "Secrets that can't be watched are read by name, once a minute: `secrets_by_name`",
    ),
    ("watch secrets", "the same"),
];

/// A scenario that has objects of every kind: without a right to one of them it ends otherwise, where others don't notice.
const EVERY_KIND: &str = "bindings/are_of_every_kind";

/// Scenarios that aren't recorded: in the first the controllers act as the person, the next take the paths of ours, and what the
/// last needs is told by hand, for it is asked for with a flag.
const UNRECORDED: [&str; 3] = ["take_over/", "upstream_", "kubelets/"];

/// Runs at the same time.
const AT_ONCE: usize = 4;

/// Whether a scenario shows what the controllers of a product need, and only of that.
fn is_of(scenario: &Scenario, product: Product) -> bool {
    scenario.stage.products == [product]
        && scenario.stage.role.is_none()
        && !UNRECORDED
            .iter()
            .any(|prefix| scenario.name.starts_with(prefix))
}

/// The runs to record.
fn runs(product: Product) -> Result<Vec<Run>> {
    let of_product = ALL.iter().filter(|scenario| is_of(scenario, product));
    let mut runs: Vec<Run> = of_product.map(Run::of).collect();
    for name in DISTURBED {
        let scenario = scenarios::find(name).with_context(|| format!("no {name}"))?;
        if is_of(scenario, product) {
            for first in 1..=3 {
                runs.push(Run {
                    plan: conflicts(first),
                    ..Run::of(scenario)
                });
            }
        }
    }
    // What is first seen there is looked for there.
    runs.sort_by_key(|run| run.scenario.name != EVERY_KIND);
    Ok(runs)
}

/// A conflict at every third write, from one of the first three on.
fn conflicts(first: u64) -> Plan {
    let fault = |number: u64| Fault {
        write: 3 * number + first,
        action: Action::Conflict,
    };
    Plan((0..100).map(fault).collect())
}

/// Plays everything without limits and notes what the controllers ask for, with the first run that shows it.
///
/// # Errors
/// If a scenario fails.
pub fn recorded(product: Product) -> Result<BTreeMap<Right, Run>> {
    let runs = runs(product)?;
    let free = runs.iter().map(|run| Run {
        rights: None,
        ..run.clone()
    });
    let mut seen = BTreeMap::new();
    for (run, outcome) in runs.iter().zip(all(&free.collect::<Vec<_>>())) {
        let outcome = outcome.with_context(|| run.line())?;
        for right in outcome.used {
            seen.entry(right).or_insert_with(|| run.clone());
        }
    }
    Ok(seen)
}

/// What comes of all runs, some at a time; each has a world of its own.
fn all(runs: &[Run]) -> Vec<Result<Outcome>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((number, run)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            runs.get(number).map(|run| (number, run))
        } {
            done.push((number, run.run()));
        }
        done
    };
    let mut outcomes: Vec<(usize, Result<Outcome>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().filter_map(|worker| worker.join().ok());
        ended.flatten().collect()
    });
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The recording as `data/rights.txt` of the product's crate has it.
pub fn text(recorded: &BTreeMap<Right, Run>) -> String {
    let mut text = "# What the controllers were seen to ask an API server for, each with a run that shows it (a scenario, or with a\n\
         # plan of failures). Written by `cargo xtask generate`; rights that no call shows are in src/access.rs.\n"
        .to_owned();
    for (right, run) in recorded {
        let disturbed = if run.plan == Plan::default() {
            ""
        } else {
            ", with conflicts"
        };
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "{:<48} {}{disturbed}",
            right.to_string(),
            run.scenario.name
        );
    }
    text
}

/// Takes one right after the other away.
///
/// # Errors
/// If what is recorded isn't what is written down of the product, or a run passes without a right that it is recorded to need and
/// ends as it does with it.
pub fn each_is_needed(product: Product) -> Result<()> {
    let recorded = recorded(product)?;
    let text = text(&recorded);
    let granted = product.rights();
    if text != product.recording() {
        bail!(
            "crates/{}/data/rights.txt is not up to date\nhint: cargo xtask generate\n{text}",
            product.name()
        );
    }
    let mut users = recorded;
    for (right, name) in NEEDED_BY {
        let scenario = scenarios::find(name).with_context(|| format!("no {name}"))?;
        if scenario.stage.products == [product] {
            users.insert(right.parse()?, Run::of(scenario));
        }
    }
    ensure!(
        granted
            .iter()
            .all(|right| users.contains_key(right) || product.by_hand().contains(right)),
        "a right without a scenario that needs it: {granted:?}"
    );
    for (right, _) in DONE_WITHOUT {
        users.remove(&right.parse::<Right>()?);
    }
    let without = |right: &Right, run: &Run| Run {
        rights: Some(
            granted
                .iter()
                .filter(|own| *own != right)
                .cloned()
                .collect(),
        ),
        ..run.clone()
    };
    let runs: Vec<Run> = users
        .iter()
        .map(|(right, run)| without(right, run))
        .collect();
    let (mut wanted, mut unseen) = (BTreeMap::new(), Vec::new());
    for ((right, run), outcome) in users.iter().zip(all(&runs)) {
        if !is_seen((right, run), &outcome, &mut wanted)? {
            unseen.push(format!("{right}: {}", run.line()));
        }
    }
    ensure!(
        unseen.is_empty(),
        "runs that end as they do with the right that they were played without\n{}",
        unseen.join("\n")
    );
    Ok(())
}

/// Whether a run shows that a right is needed: without it the controllers were refused just that, or what came of it is
/// something else than with it. What a server doesn't grant, the monitoring controllers do without, and say so; then their
/// scenario may fail, which it doesn't with the right.
fn is_seen(
    (right, run): (&Right, &Run),
    outcome: &Result<Outcome>,
    wanted: &mut BTreeMap<String, Value>,
) -> Result<bool> {
    let line = run.line();
    let state = match outcome {
        Ok(outcome) => Some(&outcome.state),
        Err(error) => {
            if let Some(refused) = error.downcast_ref::<NotGranted>() {
                ensure!(
                    refused.is_of(right),
                    "{line} without the right to {right}: {refused}"
                );
                return Ok(true);
            }
            // Whatever else ends a run says nothing about a right.
            let is_unkept = error.downcast_ref::<Unkept>().is_some()
                && run.scenario.stage.products == [Product::Monitoring];
            ensure!(is_unkept, "{line} without the right to {right}: {error:#}");
            None
        }
    };
    if !wanted.contains_key(&line) {
        let with = run.run().with_context(|| line.clone())?;
        wanted.insert(line.clone(), with.state);
    }
    Ok(wanted.get(&line) != state)
}
