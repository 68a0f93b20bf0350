//! Searches on the simulated ground: every failure at every write, the same trace from the same seed, rest at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::faults::{Action, Plan};
use crate::scenarios::{self, Scenario};
use crate::simulated::Run;

/// Environment variable that asks a test program for the traces of scenarios, separated by commas.
const TRACES: &str = "CARRICK_SIM_TRACES";

fn scenario(name: &str) -> &'static Scenario {
    scenarios::find(name).expect("the scenario is in the table")
}

/// Runs a scenario with a failure at each of its writes in turn. Each run must end in the state of the run
/// without (O1), with as many objects made and deleted (O2).
///
/// # Panics
/// If one does not, with a line for each that repeats it.
pub fn every_write(name: &str, action: Action) {
    let reference = Run::of(scenario(name));
    let wanted = reference
        .run()
        .unwrap_or_else(|error| panic!("{}\n{error:#}", reference.line()));
    let mut findings = Vec::new();
    for write in 1..=wanted.writes.len() as u64 {
        let run = Run {
            plan: Plan::single(write, action),
            ..reference.clone()
        };
        let finding = match run.run() {
            Ok(outcome) if outcome.state != wanted.state => format!(
                "{} o=O1\n{}",
                run.line(),
                difference(&wanted.state, &outcome.state)
            ),
            Ok(outcome) if outcome.turnover == wanted.turnover => continue,
            Ok(outcome) => format!(
                "{} o=O2\nmade and deleted: {:?}, not {:?}",
                run.line(),
                outcome.turnover,
                wanted.turnover
            ),
            Err(error) => format!("{}\n{error:#}", run.line()),
        };
        let at = wanted
            .writes
            .get(write as usize - 1)
            .map_or("", String::as_str);
        findings.push(format!("{finding}\nwrite {write} is {at}"));
    }
    let count = wanted.writes.len();
    assert!(
        findings.is_empty(),
        "{} of {count} plans failed:\n{}",
        findings.len(),
        findings.join("\n\n")
    );
    assert!(count > 10, "only {count} writes");
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
    let run = Run {
        quiet: Duration::from_hours(24),
        ..Run::of(scenario(name))
    };
    if let Err(error) = run.run() {
        panic!("{}\n{error:#}", run.line());
    }
}
