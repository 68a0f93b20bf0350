//! `sim replay LINE` repeats one simulated run from the line that a failure printed, `sim explore SCENARIO…` plays scenarios
//! with every failure; see `cargo xtask sim`. Several scenarios are explored by processes of their own, one for each core.
//!
//! A replay ends with 0 if the run passes now, 1 if it fails, 2 if its trace is not the one in the line, 3 if the line is malformed.

use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};

use scenarios::explore::{all_failures, difference};
use scenarios::faults::Plan;
use scenarios::scenarios::ALL;
use scenarios::simulated::Run;

/// The one that `carrick` has: worlds are made of small values, which it hands out sooner than glibc's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let line = match words.split_first() {
        Some((verb, rest)) if verb == "replay" => rest.join(" "),
        Some((verb, names)) if verb == "explore" => return explore(names),
        _ => {
            eprintln!("usage: sim replay LINE, or sim explore SCENARIO…");
            return ExitCode::from(3);
        }
    };
    match Run::parse(&line) {
        Ok(run) => replay(&run, &line),
        Err(error) => {
            eprintln!(
                "{error:#}\nhint: a line looks like sim1 s=canary/is_released r=00000000000000a7 p=w7:crash"
            );
            ExitCode::from(3)
        }
    }
}

/// The scenarios whose names are given, or begin with what is given and a slash.
fn named(words: &[String]) -> Result<Vec<&'static str>, String> {
    let mut names = Vec::new();
    for word in words {
        let before = names.len();
        let family = |name: &str| {
            name.strip_prefix(word.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = ALL.iter().map(|scenario| scenario.name);
        names.extend(found.filter(|name| family(name)));
        if names.len() == before {
            return Err(format!("no scenario {word}"));
        }
    }
    names.dedup();
    Ok(names)
}

/// A finding is a panic that says it.
fn explore(words: &[String]) -> ExitCode {
    let names = match named(words) {
        Ok(names) => names,
        Err(error) => {
            eprintln!(
                "{error}\nhint: names are those of tests/src/scenarios, such as prometheus/is_sharded, or prometheus for all of its family"
            );
            return ExitCode::from(3);
        }
    };
    if let [name] = names[..] {
        let plans = all_failures(name);
        println!("{name}: {plans} plans end as the run without failures");
        return ExitCode::SUCCESS;
    }
    match each_alone(&names) {
        Ok(failed) if failed.is_empty() => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("failed: {}", failed.join(", "));
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(1)
        }
    }
}

/// Explores scenarios by processes of their own, as many at once as there are cores, and names those that failed.
fn each_alone(names: &[&'static str]) -> anyhow::Result<Vec<&'static str>> {
    let program = std::env::current_exe()?;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let waiting = Mutex::new(names.iter().copied());
    let failed = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while let Some(name) = next(&waiting) {
            let status = Command::new(&program).args(["explore", name]).status()?;
            if !status.success() {
                failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(name);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().expect("a worker only waits for a process")?;
        }
        anyhow::Ok(())
    })?;
    Ok(failed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .next()
}

fn replay(run: &Run, line: &str) -> ExitCode {
    let outcome = match run.run() {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(1);
        }
    };
    for (index, write) in outcome.writes.iter().enumerate() {
        println!("w{} {write}", index + 1);
    }
    let hash = &outcome.trace[..16];
    println!("{} h={hash}", run.line());
    if let Some(wanted) = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("h="))
        && wanted != hash
    {
        eprintln!("the trace is {hash}, not {wanted}");
        return ExitCode::from(2);
    }
    let reference = Run {
        plan: Plan::default(),
        ..run.clone()
    };
    match reference.run() {
        Ok(reference) if reference.state == outcome.state => ExitCode::SUCCESS,
        Ok(reference) => {
            eprintln!(
                "the end differs from that of a run without failures\n{}",
                difference(&reference.state, &outcome.state)
            );
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("without failures: {error:#}");
            ExitCode::from(1)
        }
    }
}
