//! `sim replay LINE` repeats one simulated run from the line that a failure printed, `sim explore SCENARIO…` plays scenarios
//! with every failure; see `cargo xtask sim`.
//!
//! A replay ends with 0 if the run passes now, 1 if it fails, 2 if its trace is not the one in the line, 3 if the line is malformed.

use std::process::ExitCode;

use scenarios::explore::{Share, difference, every_failure};
use scenarios::faults::Plan;
use scenarios::simulated::Run;

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

/// A finding is a panic that says it.
fn explore(names: &[String]) -> ExitCode {
    for name in names {
        let Some(scenario) = scenarios::scenarios::find(name) else {
            eprintln!("no scenario {name}");
            return ExitCode::from(3);
        };
        every_failure(scenario.name, Share::Whole);
        println!("{name}: every plan ends as the run without failures");
    }
    ExitCode::SUCCESS
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
