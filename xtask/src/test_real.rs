//! `cargo xtask test-real`: the scenarios of `tests/` and the recorded kubectl session on a real Kubernetes.
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use scenarios::scenarios::ALL;

use crate::testbed::{self, UpArgs};

/// Scenarios that are played at the same time: they mostly wait.
const AT_ONCE: &str = "4";

/// What is run on a testbed of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Scenarios, several at the same time
    Beside,
    /// Scenarios that take a Kubernetes to themselves; they mostly wait
    Alone,
    /// The recorded kubectl session
    Session,
}

/// What to run, and whether to keep the Kubernetes afterwards.
#[derive(Args)]
pub struct TestRealArgs {
    /// Leave the testbeds running afterwards
    #[arg(long)]
    keep: bool,
    /// Only that; all parts if it isn't given
    #[arg(long)]
    only: Vec<Part>,
    /// Given to the test programs, e.g. the name of one scenario, or `kubectl` for the session alone
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    test_args: Vec<String>,
}

impl TestRealArgs {
    fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether scenarios of a kind are asked for: all are where no name is given.
    fn ask_for(&self, alone: bool) -> bool {
        let words = self.test_args.iter().filter(|word| !word.starts_with('-'));
        let words: Vec<&String> = words.collect();
        let names: Vec<String> = ALL
            .iter()
            .filter(|scenario| scenario.stage.alone == alone)
            .map(|scenario| scenario.name.replace('/', "::"))
            .collect();
        let is_named = |word: &&String| names.iter().any(|name| name.contains(word.as_str()));
        words.is_empty() || words.iter().any(is_named)
    }
}

/// Runs the scenarios on a testbed, those that take one to themselves on a second, one after the other, and the session on a
/// third, which holds nothing yet, and stops all.
pub fn run(args: &TestRealArgs) -> Result<()> {
    let asked = args.ask_for(true);
    let alone = asked && args.includes(Part::Alone);
    // Without a scenario of that name it is another test's, such as of the controllers that are killed.
    let beside = (args.ask_for(false) || !asked) && args.includes(Part::Beside);
    let session = args.includes(Part::Session);
    if !(beside || alone || session) {
        bail!("nothing of that name is in that part\nhint: leave out --only, or the name");
    }
    if beside && !on_testbed(args, "scenarios", &["real", "killed"], "carrick", AT_ONCE)? {
        bail!("scenarios failed on the real Kubernetes");
    }
    if alone && !on_testbed(args, "alone", &["alone"], "carrick", "1")? {
        bail!("scenarios failed on a real Kubernetes of their own");
    }
    // The session is a person's, who may do everything.
    if session && !on_testbed(args, "session", &["kubectl_real"], "admin", "1")? {
        bail!("the kubectl session is not as recorded on the real Kubernetes");
    }
    Ok(())
}

/// Whether test programs pass on a testbed of their own, as a user of it, so many tests at the same time.
fn on_testbed(
    args: &TestRealArgs,
    what: &str,
    targets: &[&str],
    user: &str,
    at_once: &str,
) -> Result<bool> {
    let up = UpArgs {
        name: format!("test-real-{what}-{}", std::process::id()),
        nodes: 3,
        stages: None,
        bare: false,
    };
    let testbed = testbed::up(&up)?;
    eprintln!("{}", testbed.summary());
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--workspace"])
        .args(targets.iter().flat_map(|target| ["--test", target]))
        .arg("--")
        .args(&args.test_args)
        .env("CARRICK_TEST_KUBECONFIG", testbed.kubeconfig_of(user))
        .env("RUST_TEST_THREADS", at_once)
        .status()
        .context("cannot run cargo");
    if args.keep {
        testbed.leave_running()?;
        eprintln!(
            "the testbed is left running\nhint: cargo xtask testbed down --name {}",
            up.name
        );
    } else {
        testbed::down(&up.name)?;
    }
    Ok(status?.success())
}
