//! Searches on the simulated ground: every failure at every write, the same trace from the same seed, rest at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use machinery::entropy::Entropy;
use runtime::access::Verb;
use serde_json::Value;

use crate::faults::{Action, Plan};
use crate::objects;
use crate::scenarios::{self, Scenario};
use crate::simulated::{Outcome, Run, SEED};

/// Environment variable that asks a test program for the traces of scenarios, separated by commas.
const TRACES: &str = "CARRICK_SIM_TRACES";

/// Environment variable that says which plans are tried where not all are: `whole`, or a seed. Of another seed other plans are
/// chosen, scenario by scenario; the same seed chooses the same ones again.
const EXPLORE: &str = "CARRICK_EXPLORE";

/// Scenarios that say how long something may take: what a stale cache holds up takes longer, and may.
const MEASURED: [&str; 3] = [
    "blue_green/follows_the_delay_of_scale_down",
    "canary/is_aborted_retried_and_taken_back",
    "canary/is_promoted_in_full",
];

fn scenario(name: &str) -> &'static Scenario {
    scenarios::find(name).expect("the scenario is in the table")
}

/// How many of the possible plans are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All.
    Whole,
    /// So many, chosen by a seed that `CARRICK_EXPLORE` may give; `CARRICK_EXPLORE=whole` asks for all.
    Some(usize),
}

/// Which of the possible plans are tried, by the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Seed(u64),
}

impl Asked {
    /// # Panics
    /// If the environment says something else: whoever asks for other plans must not get the usual ones.
    fn by_environment() -> Self {
        let asked = std::env::var(EXPLORE).unwrap_or_default();
        Self::parse(&asked).unwrap_or_else(|| {
            panic!("{EXPLORE}={asked} is neither a number nor `whole`\nhint: unset it for the usual plans")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Seed(SEED)),
            "whole" => Some(Self::Whole),
            seed => seed.parse().ok().map(Self::Seed),
        }
    }
}

impl Share {
    fn of(self, plans: Vec<Plan>, asked: Asked) -> Vec<Plan> {
        let (Self::Some(count), Asked::Seed(seed)) = (self, asked) else {
            return plans;
        };
        let mut chance = Entropy::seeded(seed);
        let mut left = plans;
        let mut chosen = Vec::new();
        while chosen.len() < count && !left.is_empty() {
            let at = chance.below(left.len() as u64);
            chosen.push(left.swap_remove(usize::try_from(at).unwrap_or(0)));
        }
        chosen
    }
}

/// Runs a scenario with a failure at each of its writes in turn. Each run must end in the state of the run
/// without (O1), with as many objects made and deleted (O2).
///
/// # Panics
/// If one does not, with a line for each that repeats it.
pub fn every_write(name: &str, action: Action) {
    explore(name, Share::Whole, |wanted| {
        writes(wanted, &[action]).collect()
    });
}

/// Runs a scenario with every failure at every write, and with a stale cache of every watched kind from every write on, or a
/// share of all this. Returns how many runs that were.
///
/// # Panics
/// If one doesn't end as the run without, with a line for each that repeats it.
pub fn every_failure(name: &str, share: Share) -> usize {
    explore(name, share, every_plan)
}

/// Runs a scenario with all of these, however little its controllers write. Returns how many runs that were.
///
/// # Panics
/// If one doesn't end as the run without, with a line for each that repeats it, or if there is nothing to fail at.
pub fn all_failures(name: &str) -> usize {
    let tried = plans_of(name, Share::Whole, every_plan);
    assert!(tried.plans > 0, "{name}: its controllers write nothing");
    tried.plans
}

/// Runs a scenario, whatever it is about, without failures and then with two of all: even where nothing but the API server's own
/// checks is looked at, controllers write beside it.
///
/// # Panics
/// If it fails, or doesn't end with a failure as without, with a line for each that repeats it.
pub fn without_and_with_two_failures(name: &str) {
    let plans = if MEASURED.contains(&name) {
        |wanted: &Outcome| writes(wanted, &Action::ALL).collect()
    } else {
        every_plan
    };
    plans_of(name, Share::Some(2), plans);
}

/// Every failure at every write, and a stale cache of every watched kind from every write on.
fn every_plan(wanted: &Outcome) -> Vec<Plan> {
    let watched = wanted
        .used
        .iter()
        .filter(|right| right.verb == Verb::Watch)
        .filter_map(|right| objects::plural(&right.resource));
    let stale: Vec<Action> = watched.map(Action::Stale).collect();
    let all = writes(wanted, &Action::ALL);
    all.chain(writes(wanted, &stale)).collect()
}

fn writes<'a>(wanted: &Outcome, actions: &'a [Action]) -> impl Iterator<Item = Plan> + use<'a> {
    let count = wanted.writes.len() as u64;
    (1..=count).flat_map(move |write| {
        let actions = actions.iter();
        actions.map(move |action| Plan::single(write, *action))
    })
}

fn explore(name: &str, share: Share, plans: impl FnOnce(&Outcome) -> Vec<Plan>) -> usize {
    let tried = plans_of(name, share, plans);
    assert!(tried.writes > 10, "only {} writes", tried.writes);
    tried.plans
}

/// What was gone through: how many writes the run without failures has, and how many plans were tried.
struct Tried {
    writes: usize,
    plans: usize,
}

/// Tries plans, and tells those who watch how far it is.
fn plans_of(name: &str, share: Share, plans: impl FnOnce(&Outcome) -> Vec<Plan>) -> Tried {
    let reference = Run::of(scenario(name));
    let wanted = reference
        .run()
        .unwrap_or_else(|error| panic!("{}\n{error:#}", reference.line()));
    let asked = Asked::by_environment();
    let plans = share.of(plans(&wanted), asked);
    let count = plans.len();
    let mut findings = Vec::new();
    for (index, plan) in plans.into_iter().enumerate() {
        if index > 0 && index % 500 == 0 {
            eprintln!("{name}: {index} of {count} plans");
        }
        let at = plan.0.first().map_or(0, |fault| fault.write);
        let run = Run {
            plan,
            ..reference.clone()
        };
        if let Some(finding) = differs(&run, &wanted) {
            let write = wanted.writes.get(at as usize - 1);
            let write = write.map_or("", String::as_str);
            findings.push(format!("{finding}\nwrite {at} is {write}"));
        }
    }
    assert!(
        findings.is_empty(),
        "{} of {count} plans failed:\n{}\neach is repeated by: cargo xtask sim replay LINE; all of them by {}",
        findings.len(),
        findings.join("\n\n"),
        again(share, asked)
    );
    Tried {
        writes: wanted.writes.len(),
        plans: count,
    }
}

/// What chooses the same plans again.
fn again(share: Share, asked: Asked) -> String {
    match (share, asked) {
        (Share::Whole, _) | (Share::Some(_), Asked::Whole) => format!("{EXPLORE}=whole make test"),
        (Share::Some(_), Asked::Seed(seed)) => format!("{EXPLORE}={seed} make test"),
    }
}

/// What a run ends in that the run without failures doesn't, with the line that repeats it.
fn differs(run: &Run, wanted: &Outcome) -> Option<String> {
    let line = run.line();
    match run.run() {
        Ok(outcome) if outcome.state != wanted.state => {
            let difference = difference(&wanted.state, &outcome.state);
            Some(format!("{line} o=O1\n{difference}"))
        }
        Ok(outcome) if outcome.turnover == wanted.turnover => None,
        Ok(outcome) => Some(format!(
            "{line} o=O2\nmade and deleted: {:?}, not {:?}",
            outcome.turnover, wanted.turnover
        )),
        Err(error) => Some(format!("{line}\n{error:#}")),
    }
}

/// What differs between two states, one path a line.
pub fn difference(wanted: &Value, found: &Value) -> String {
    let mut out = Vec::new();
    compare("", wanted, found, &mut out);
    out.join("\n")
}

fn compare(path: &str, wanted: &Value, found: &Value, out: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let at = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_default()
                };
                compare(&format!("{path}.{key}"), &at(a), &at(b), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: {a} became {b}")),
    }
}

/// Runs scenarios twice in this process, in different order, and once in another: the traces must be the same. Those of
/// different scenarios and of another seed must not, or they would prove nothing.
///
/// # Panics
/// If it is otherwise. `helper` is the name of the test that calls [`print_traces`].
pub fn same_traces(names: &[&str], helper: &str) {
    let traced = |run: Run| {
        let outcome = run.run();
        outcome
            .unwrap_or_else(|error| panic!("{}\n{error:#}", run.line()))
            .trace
    };
    let trace = |name: &&str| traced(Run::of(scenario(name)));
    let first: Vec<String> = names.iter().map(trace).collect();
    let different: BTreeSet<&String> = first.iter().collect();
    assert_eq!(
        different.len(),
        first.len(),
        "each scenario has a trace of its own"
    );
    if let (Some(name), Some(known)) = (names.first(), first.first()) {
        let usual = Run::of(scenario(name));
        let other = traced(Run {
            seed: usual.seed + 1,
            ..usual
        });
        assert_ne!(&other, known, "another seed gives another trace");
    }
    let mut second: Vec<String> = names.iter().rev().map(trace).collect();
    second.reverse();
    assert_eq!(first, second, "two runs in one process");
    let program = std::env::current_exe().expect("the path of this program");
    let output = std::process::Command::new(program)
        .args(["--exact", helper, "--nocapture"])
        .env(TRACES, names.join(","))
        .output()
        .expect("this program again");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let other: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("trace "))
        .collect();
    assert_eq!(first, other, "a run in another process");
}

/// Prints the traces that the environment asks for.
///
/// # Panics
/// If a scenario fails.
pub fn print_traces() {
    for name in std::env::var(TRACES)
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
    {
        let outcome = Run::of(scenario(name)).run();
        println!("\ntrace {}", outcome.expect("the scenario passes").trace);
    }
}

/// After a scenario, a day passes without a single write by the controllers.
///
/// # Panics
/// If there was one.
pub fn a_quiet_day(name: &str) {
    quiet(name, Duration::from_hours(24));
}

/// The same for an hour, where something is asked so often that a day of it would take minutes.
///
/// # Panics
/// If there was one.
pub fn a_quiet_hour(name: &str) {
    quiet(name, Duration::from_hours(1));
}

fn quiet(name: &str, quiet: Duration) {
    let run = Run {
        quiet,
        ..Run::of(scenario(name))
    };
    if let Err(error) = run.run() {
        panic!("{}\n{error:#}", run.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_seed_chooses_other_plans_and_the_same_one_the_same() {
        let plans = || -> Vec<Plan> {
            let each = (1..=100).map(|write| Plan::single(write, Action::Crash));
            each.collect()
        };
        let chosen = |text: &str| Share::Some(2).of(plans(), Asked::parse(text).unwrap());
        assert_eq!(chosen("1"), chosen("1"));
        assert_eq!(chosen(""), chosen(&SEED.to_string()));
        let different: BTreeSet<Vec<Plan>> =
            (0..50).map(|seed| chosen(&seed.to_string())).collect();
        assert!(different.len() > 45, "only {} of 50", different.len());
        assert_eq!(chosen("whole"), plans());
        assert_eq!(Share::Whole.of(plans(), Asked::Seed(1)), plans());
        assert_eq!(Asked::parse("0xa7"), None);
    }
}
