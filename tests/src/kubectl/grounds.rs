//! The session on each ground.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use runtime::Clock;
use runtime::client::connect::{ConnectOptions, connect};
use simulator::serve::{ServeOptions, Server};
use simulator::wire::Wire;

use super::compare::differences;
use super::session;
use super::transcript::Transcript;
use super::{Kubectl, repository};
use crate::cluster::{Cluster, Ground};
use crate::difference::Difference;
use crate::faults::{Faults, Plan};
use crate::ledger::Ledger;
use crate::real::KUBECONFIG;

/// Set to write the recordings anew on the real ground.
const RECORD: &str = "CARRICK_RECORD";

/// The namespace of the session.
const NAMESPACE: &str = "shop";

fn golden(client: &Kubectl) -> PathBuf {
    repository().join(format!("tests/goldens/kubectl/{}.txt", client.name))
}

fn recorded(client: &Kubectl) -> Result<Transcript> {
    let path = golden(client);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(Transcript::parse(&text))
}

/// The namespace, the definitions and the controllers, then the session, with its waiting on threads of its own.
async fn hold(
    cluster: &mut Cluster,
    transport: kube::Client,
    client: &Kubectl,
    kubeconfig: String,
) -> Result<Transcript> {
    cluster
        .prepare(&rollouts::api::crds::crds())
        .await
        .context("preparing the cluster")?;
    cluster.start(transport, Faults::new(Plan::default()), 1);
    let client = client.clone();
    // kubectl is a program: there is no virtual time to stop here.
    #[expect(clippy::disallowed_methods)]
    let session = tokio::task::spawn_blocking(move || session::run(&client, &kubeconfig));
    session.await?
}

async fn on_the_simulator(client: &Kubectl) -> Result<Transcript> {
    let options = ServeOptions {
        addr: ([127, 0, 0, 1], 0).into(),
        state_dir: None,
        settings: simulator::builtin::Settings::default(),
        limits: simulator::serve::Limits::default(),
    };
    let server = Server::start(options).await?;
    let transport = |actor| kube::Client::new(Wire::new(&server.world, actor), "default");
    let ground = Ground::Simulated(server.world.clone());
    let mut cluster = Cluster::new(
        &crate::products::ROLLOUTS,
        ground,
        transport("user"),
        Clock::system(),
        NAMESPACE,
    );
    let transcript = hold(
        &mut cluster,
        transport("mgr0"),
        client,
        server.kubeconfig.clone(),
    )
    .await;
    drop(cluster);
    server.shutdown().await?;
    transcript
}

async fn on_the_real(client: &Kubectl, kubeconfig: PathBuf) -> Result<Transcript> {
    let text =
        std::fs::read_to_string(&kubeconfig).with_context(|| kubeconfig.display().to_string())?;
    let options = ConnectOptions {
        kubeconfig: Some(kubeconfig),
        user_agent: "carrick-scenarios".to_owned(),
        ..ConnectOptions::default()
    };
    let transport = connect(&options).await?;
    let mut cluster = Cluster::new(
        &crate::products::ROLLOUTS,
        Ground::Real,
        transport.clone(),
        Clock::system(),
        NAMESPACE,
    );
    hold(&mut cluster, transport, client, text).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// What the simulator does otherwise than the recording, with that client.
fn against_the_recording(client: &Kubectl) -> Vec<Difference> {
    let theirs = recorded(client).expect("a recording");
    let ours = runtime()
        .block_on(on_the_simulator(client))
        .unwrap_or_else(|error| panic!("{}: {error:#}", client.name));
    differences(&theirs, &ours)
}

/// Compares the simulator with the recording.
///
/// # Panics
/// If they differ in what the ledger doesn't list, or the ledger lists what doesn't differ.
pub fn simulated() {
    let ledger = Ledger::read().expect("the ledger");
    let clients = Kubectl::all();
    // Each on a server of its own, side by side.
    let found: Vec<Difference> = std::thread::scope(|scope| {
        let sessions: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(|| against_the_recording(client)))
            .collect();
        sessions
            .into_iter()
            .flat_map(|session| session.join().expect("the session comes to its end"))
            .collect()
    });
    if clients.len() < 2 {
        println!("entries of the ledger that only the other client sees are not looked for");
    }
    let whole: &[&str] = if clients.len() == 2 {
        &["kubectl"]
    } else {
        &[]
    };
    let complaints = ledger.complaints(&found, whole);
    assert!(
        complaints.is_empty(),
        "against docs/simulator-differences.md:\n{}",
        complaints.join("\n")
    );
}

/// Compares the recording with a real Kubernetes, or writes it anew.
///
/// # Panics
/// If they differ.
pub fn real() {
    let Some(kubeconfig) = std::env::var_os(KUBECONFIG) else {
        println!("skipped: {KUBECONFIG} is not set; run cargo xtask test-real");
        return;
    };
    let record = std::env::var_os(RECORD).is_some();
    let mut complaints = Vec::new();
    for client in Kubectl::all() {
        let seen = runtime().block_on(on_the_real(&client, kubeconfig.clone().into()));
        let seen = seen.unwrap_or_else(|error| panic!("{}: {error:#}", client.name));
        if record {
            std::fs::write(golden(&client), seen.to_string()).expect("the recording is written");
        } else {
            complaints.extend(differences(&recorded(&client).expect("a recording"), &seen));
        }
    }
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "not as recorded (CARRICK_RECORD=1 records anew):\n{}",
        lines.join("\n")
    );
}
