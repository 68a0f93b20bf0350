//! The real ground: a namespace on the API server of `CARRICK_TEST_KUBECONFIG`, in wall-clock time.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use machinery::entropy::Entropy;
use runtime::Clock;
use runtime::client::connect::{ConnectOptions, connect};

use crate::cluster::{Cluster, Ground};
use crate::controllers::Controllers;
use crate::faults::{Faults, Plan};
use crate::scenarios::{self, Scenario};
use crate::warnings::Warnings;

/// Names the kubeconfig of the real cluster; `cargo xtask test-real` sets it.
pub const KUBECONFIG: &str = "CARRICK_TEST_KUBECONFIG";

async fn run(
    scenario: &Scenario,
    kubeconfig: PathBuf,
    program: Option<PathBuf>,
    warnings: Warnings,
) -> Result<()> {
    let options = ConnectOptions {
        kubeconfig: Some(kubeconfig),
        user_agent: "carrick-scenarios".to_owned(),
        ..ConnectOptions::default()
    };
    let client = connect(&options).await?;
    let stage = scenario.stage;
    let mut chance = Entropy::seeded(runtime::client::retry::process_seed());
    let name = scenario.name.replace(['/', '_'], "-");
    // Names of namespaces beside it go on from there, to 63 characters at most.
    let namespace = format!(
        "{}-{}",
        name.chars().take(45).collect::<String>(),
        chance.suffix(5)
    );
    let with_role = stage.roles || (stage.alone && stage.role.is_some());
    let impersonate =
        with_role.then(|| format!("system:serviceaccount:{namespace}:{}", stage.account()));
    let options = ConnectOptions {
        impersonate,
        ..options
    };
    let own = connect(&options).await?;
    let mut cluster = Cluster::new(stage, Ground::Real, client, Clock::system(), namespace);
    cluster.program = program;
    cluster.warnings = warnings;
    let definitions = if stage.alone {
        stage.served()
    } else {
        stage.definitions()
    };
    cluster
        .prepare(&definitions)
        .await
        .context("preparing the cluster")?;
    if with_role {
        let role = stage.role.filter(|_| stage.alone || stage.roles);
        let granted = role.map_or_else(|| stage.rights(), |role| role());
        let granted = cluster.grant(&granted).await;
        granted.context("giving rights")?;
    }
    cluster.transport = Some(own.clone());
    cluster.start(own, Faults::new(Plan::default()), 1);
    let outcome = (scenario.run)(&cluster).await;
    let ended = cluster.controllers.as_ref().map(Controllers::ended);
    let left = cluster.leave().await;
    outcome?;
    ensure!(
        ended.as_ref().is_none_or(Vec::is_empty),
        "the controllers ended by themselves: {ended:?}"
    );
    left
}

/// Runs one scenario, for a test of its own; skipped without a cluster, and if it takes one to itself.
///
/// # Panics
/// If it fails.
pub fn test(name: &str) {
    let scenario = scenarios::find(name).expect("the scenario is in the table");
    if scenario.stage.alone {
        println!("skipped: it has a cluster to itself; cargo xtask test-real gives it one");
        return;
    }
    test_with(scenario, None);
}

/// Runs one scenario that takes a cluster to itself, on the one of `CARRICK_TEST_KUBECONFIG`; skipped if it doesn't. Such tests
/// are to run one after the other.
///
/// # Panics
/// If it fails.
pub fn test_alone(name: &str) {
    let scenario = scenarios::find(name).expect("the scenario is in the table");
    if scenario.stage.alone {
        test_with(scenario, None);
    } else {
        println!("skipped: it can be played beside others");
    }
}

/// The same as [`test()`]; controllers that a scenario starts by itself are processes of this program.
///
/// # Panics
/// If it fails.
pub fn test_program(name: &str, program: &str) {
    let scenario = scenarios::find(name).expect("the scenario is in the table");
    test_with(scenario, Some(program.into()));
}

fn test_with(scenario: &'static Scenario, program: Option<PathBuf>) {
    let name = scenario.name;
    let Some(kubeconfig) = std::env::var_os(KUBECONFIG) else {
        println!("skipped: {KUBECONFIG} is not set; run cargo xtask test-real");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let warnings = Warnings::default();
    let _guard = warnings.listen();
    let played = run(scenario, kubeconfig.into(), program, warnings);
    if let Err(error) = runtime.block_on(played) {
        panic!("{name}: {error:#}");
    }
}
