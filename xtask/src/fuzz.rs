//! `cargo xtask fuzz`: bytes made at random from a seed, for a while, fed to what reads clients' bytes
//! (`scenarios::fuzz`). Each target runs in a process of its own: one that dies takes nothing with it, and is run again
//! with every input written down first.
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use scenarios::fuzz::search::{Finding, Limits, Report, search};
use scenarios::fuzz::{folder, inputs, targets};
use sha2::{Digest as _, Sha256};

use crate::testbed::write_line;

/// A process that died is given this many times as long when it is run again.
const AGAIN: u64 = 4;
/// What a process of a target may map: an input that wants everything ends it, and not the machine.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;
/// The exit code of a process that found something and said so.
const FOUND: i32 = 3;

/// What to feed, and for how long.
#[derive(Args)]
pub struct FuzzArgs {
    /// Only these [default: all]
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Most inputs for each target: with a seed, the same ones on every machine that is fast enough [default: any number]
    #[arg(long)]
    inputs: Option<usize>,
    /// Where the inputs come from [default: the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the smallest input of each finding in tests/fuzz/findings, where `make test` replays it
    #[arg(long)]
    keep: bool,
    /// In this process
    #[arg(long, hide = true)]
    here: bool,
    /// Writes each input into this file before it is fed
    #[arg(long, hide = true)]
    trace: Option<PathBuf>,
}

/// Searches; what was found is printed and makes it fail.
pub fn run(args: &FuzzArgs) -> Result<ExitCode> {
    let known: Vec<&str> = targets::all().iter().map(|target| target.name()).collect();
    if let Some(other) = args
        .targets
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        bail!("no target `{other}`\nhint: {}", known.join(", "));
    }
    let chosen = known.into_iter();
    let chosen =
        chosen.filter(|name| args.targets.is_empty() || args.targets.iter().any(|own| own == name));
    let seed = args.seed.unwrap_or_else(|| {
        u64::try_from(runtime::Clock::system().now().as_millisecond()).unwrap_or_default()
    });
    let mut found = false;
    for name in chosen {
        found |= if args.here {
            here(name, seed, args)?
        } else {
            apart(name, seed, args)?
        };
    }
    Ok(match (found, args.here) {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(u8::try_from(FOUND).unwrap_or(1)),
        (true, false) => ExitCode::FAILURE,
    })
}

/// One target in a process of its own. Whether it found something.
fn apart(name: &str, seed: u64, args: &FuzzArgs) -> Result<bool> {
    let status = command(name, seed, args, None)?.status()?;
    match status.code() {
        Some(0) => return Ok(false),
        Some(FOUND) => return Ok(true),
        Some(_) | None => {}
    }
    write_line(&format!(
        "{name}: the process died ({status}); once more, to see of what"
    ))?;
    let trace = std::env::temp_dir().join(format!("carrick-fuzz-{}", std::process::id()));
    command(name, seed, args, Some(&trace))?.status()?;
    let input = std::fs::read(&trace).with_context(|| trace.display().to_string())?;
    std::fs::remove_file(&trace)?;
    write_line(&format!("{name}: the last input: {}", shown(&input)))?;
    if args.keep {
        keep(name, &input)?;
    }
    Ok(true)
}

/// This program again, for one target; with a file for the inputs it has longer, and keeps nothing.
fn command(name: &str, seed: u64, args: &FuzzArgs, trace: Option<&Path>) -> Result<Command> {
    let seconds = args.seconds * trace.map_or(1, |_| AGAIN);
    let program = std::env::current_exe()?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "sh"])
        .arg(ADDRESS_SPACE_KIB.to_string())
        .arg(program)
        .args(["fuzz", "--here", name])
        .args([
            "--seed",
            &seed.to_string(),
            "--seconds",
            &seconds.to_string(),
        ]);
    if let Some(inputs) = args.inputs {
        command.arg("--inputs").arg(inputs.to_string());
    }
    if args.keep && trace.is_none() {
        command.arg("--keep");
    }
    if let Some(trace) = trace {
        command.arg("--trace").arg(trace);
    }
    Ok(command)
}

/// One target in this process. Whether it found something.
fn here(name: &str, seed: u64, args: &FuzzArgs) -> Result<bool> {
    let mut all = targets::all().into_iter();
    let mut target = all
        .find(|target| target.name() == name)
        .context("no such target")?;
    let corpus = inputs(name)?.into_iter().map(|(_, input)| input).collect();
    // Panics are findings; they are told of at the end.
    std::panic::set_hook(Box::new(|_| {}));
    let limits = Limits {
        time: Duration::from_secs(args.seconds),
        inputs: args.inputs.unwrap_or(usize::MAX),
    };
    let mut before = |input: &[u8]| {
        if let Some(trace) = &args.trace {
            // The search goes on without: the file is for whoever looks after its end.
            let _ = std::fs::write(trace, input);
        }
    };
    let report = search(target.as_mut(), corpus, seed, limits, &mut before);
    drop(std::panic::take_hook());
    if args.trace.is_none() {
        print(name, seed, &report)?;
        for finding in &report.findings {
            print_finding(name, finding)?;
            if args.keep {
                keep(name, &finding.smallest)?;
            }
        }
    }
    Ok(!report.findings.is_empty())
}

fn print(name: &str, seed: u64, report: &Report) -> Result<()> {
    let accepted = report.outcomes.keys().filter(|name| name.starts_with("ok"));
    let accepted = accepted.count();
    let inputs = u32::try_from(report.inputs).unwrap_or(u32::MAX);
    let rate = f64::from(inputs) / report.took.as_secs_f64().max(0.001);
    write_line(&format!(
        "{name:10} {inputs:>8} inputs, {rate:>7.0} a second, {:>5} outcomes ({accepted} accepted), {} findings, --seed {seed}",
        report.outcomes.len(),
        report.findings.len(),
    ))
}

fn print_finding(name: &str, finding: &Finding) -> Result<()> {
    write_line(&format!(
        "{name}: {:?}\n  smallest: {}\n  found as: {}",
        finding.problem,
        shown(&finding.smallest),
        shown(&finding.input)
    ))
}

/// Bytes as people read them.
fn shown(input: &[u8]) -> String {
    const LONGEST: usize = 600;
    let text: String = input
        .iter()
        .take(LONGEST)
        .map(|byte| std::ascii::escape_default(*byte).to_string())
        .collect();
    let length = input.len();
    if length > LONGEST {
        format!("{text}… ({length} bytes)")
    } else {
        text
    }
}

/// Writes an input where the tests find it.
fn keep(name: &str, input: &[u8]) -> Result<()> {
    let digest = format!("{:x}", Sha256::digest(input));
    let folder = folder().join("findings").join(name);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(digest.get(..12).unwrap_or_default());
    std::fs::write(&path, input)?;
    write_line(&format!("  kept in {}", path.display()))
}
