//! `cargo xtask test-real`: the scenarios of `tests/` and the recorded kubectl session on a real Kubernetes.
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::testbed::{self, UpArgs};

/// What to run, and whether to keep the Kubernetes afterwards.
#[derive(Args)]
pub struct TestRealArgs {
    /// Leave the testbed running afterwards
    #[arg(long)]
    keep: bool,
    /// Leave the recorded kubectl session out
    #[arg(long)]
    no_session: bool,
    /// Given to the test programs, e.g. the name of one scenario, or `kubectl` for the session alone
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    test_args: Vec<String>,
}

/// Starts a testbed of its own, runs the scenarios on it, and stops it.
pub fn run(args: &TestRealArgs) -> Result<()> {
    let up = UpArgs {
        name: format!("test-real-{}", std::process::id()),
        nodes: 3,
        stages: None,
        bare: false,
    };
    let testbed = testbed::up(&up)?;
    eprintln!("{}", testbed.summary());
    let run = |targets: &[&str], user| {
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["test", "--workspace"])
            .args(targets.iter().flat_map(|target| ["--test", target]))
            .arg("--")
            .args(&args.test_args)
            .env("CARRICK_TEST_KUBECONFIG", testbed.kubeconfig_of(user))
            .status()
            .context("cannot run cargo")
    };
    let scenarios = run(&["real", "killed"], "carrick");
    // The session is a person's, who may do everything.
    let session = (!args.no_session).then(|| run(&["kubectl_real"], "admin"));
    if args.keep {
        testbed.leave_running()?;
        eprintln!(
            "the testbed is left running\nhint: cargo xtask testbed down --name {}",
            up.name
        );
    } else {
        testbed::down(&up.name)?;
    }
    if !scenarios?.success() {
        bail!("scenarios failed on the real Kubernetes");
    }
    if let Some(session) = session
        && !session?.success()
    {
        bail!("the kubectl session is not as recorded on the real Kubernetes");
    }
    Ok(())
}
