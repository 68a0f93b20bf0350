//! `cargo xtask test-real`: the scenarios of `tests/` and the recorded kubectl session on a real Kubernetes.
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::testbed::{self, UpArgs};

/// Scenarios that are played at the same time.
const AT_ONCE: &str = "4";

/// What to run, and whether to keep the Kubernetes afterwards.
#[derive(Args)]
pub struct TestRealArgs {
    /// Leave the testbeds running afterwards
    #[arg(long)]
    keep: bool,
    /// Leave the recorded kubectl session out
    #[arg(long)]
    no_session: bool,
    /// Given to the test programs, e.g. the name of one scenario, or `kubectl` for the session alone
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    test_args: Vec<String>,
}

/// Runs the scenarios on a testbed and the session on another one, which holds nothing yet, and stops both.
pub fn run(args: &TestRealArgs) -> Result<()> {
    let scenarios = on_testbed(args, "scenarios", &["real", "killed"], "carrick")?;
    if !scenarios {
        bail!("scenarios failed on the real Kubernetes");
    }
    // The session is a person's, who may do everything.
    if !args.no_session && !on_testbed(args, "session", &["kubectl_real"], "admin")? {
        bail!("the kubectl session is not as recorded on the real Kubernetes");
    }
    Ok(())
}

/// Whether test programs pass on a testbed of their own, as a user of it.
fn on_testbed(args: &TestRealArgs, what: &str, targets: &[&str], user: &str) -> Result<bool> {
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
        // Scenarios mostly wait.
        .env("RUST_TEST_THREADS", AT_ONCE)
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
