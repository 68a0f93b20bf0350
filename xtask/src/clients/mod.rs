//! `cargo xtask clients`: real clients other than kubectl's plain commands, each a script that runs unmodified on our
//! server and on a real Kubernetes. A script ends with an error at the first thing that is not as its client expects
//! it, and prints the same on both.
mod grounds;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::grounds::Ground;
pub use self::programs::Programs;
use crate::testbed::{self, source_folder, write_line};

/// Where a client is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Where {
    /// Our server
    Simulated,
    /// A testbed of its own
    Real,
}

/// A client with a script of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// helm with a chart of our own
    Helm,
    /// client-go: informers, leader election, dynamic objects
    Informers,
    /// kubectl apply -k with overlays
    Kustomize,
    /// Python's `kubernetes`
    Python,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Informers => "informers",
            Self::Kustomize => "kustomize",
            Self::Python => "python",
        }
    }

    fn needs_go(self) -> bool {
        match self {
            Self::Helm | Self::Informers => true,
            Self::Kustomize | Self::Python => false,
        }
    }

    fn command(self, programs: &Programs) -> Result<Command> {
        let scripts = source_folder().join("../tests/clients");
        Ok(match self {
            Self::Helm => {
                let mut command = Command::new("bash");
                command
                    .arg(scripts.join("helm.sh"))
                    .env("HELM", programs.helm()?);
                command
            }
            Self::Informers => Command::new(programs.informers()?),
            Self::Kustomize => {
                let mut command = Command::new("bash");
                command.arg(scripts.join("kustomize.sh"));
                command
            }
            Self::Python => {
                let mut command = Command::new(programs.python()?);
                command.arg(scripts.join("python_client.py"));
                command
            }
        })
    }
}

/// Which clients, and where.
#[derive(Args)]
pub struct ClientsArgs {
    /// Only there
    #[arg(long)]
    on: Option<Where>,
    /// Only build and install what they need
    #[arg(long)]
    build: bool,
    /// Only these
    clients: Vec<Client>,
}

/// Runs the clients on each ground and compares what they print.
///
/// # Errors
/// If one of them is not content, or prints something else on the other ground.
pub fn run(args: &ClientsArgs) -> Result<()> {
    let programs = Programs::new()?;
    let mut chosen = if args.clients.is_empty() {
        Client::value_variants().to_vec()
    } else {
        args.clients.clone()
    };
    let mut places = args
        .on
        .map_or_else(|| vec![Where::Simulated, Where::Real], |one| vec![one]);
    if !programs.have_go() {
        eprintln!("skipped: helm, informers and the real Kubernetes: no Go toolchain");
        chosen.retain(|client| !client.needs_go());
        places.retain(|place| *place == Where::Simulated);
    }
    if args.build {
        if places.contains(&Where::Real) {
            testbed::run(testbed::Command::Build)?;
        }
        for client in chosen {
            client.command(&programs)?;
        }
        return Ok(());
    }
    let mut failed = Vec::new();
    let mut printed: Vec<Vec<Option<String>>> = Vec::new();
    for place in places {
        let ground = Ground::start(place)?;
        let mut outputs = Vec::new();
        for client in &chosen {
            let output = hold(*client, &programs, &ground.kubeconfig());
            let told = match &output {
                Ok(_) => "ok".to_owned(),
                Err(error) => format!("FAILED: {error:#}"),
            };
            write_line(&format!("{:9} {:9} {told}", client.name(), ground.name()))?;
            if output.is_err() {
                failed.push(format!("{} on {}", client.name(), ground.name()));
            }
            outputs.push(output.ok());
        }
        ground.stop()?;
        printed.push(outputs);
    }
    if let [ours, theirs] = printed.as_slice() {
        for (client, pair) in chosen.iter().zip(ours.iter().zip(theirs)) {
            if let (Some(ours), Some(theirs)) = pair
                && ours != theirs
            {
                let name = client.name();
                write_line(&format!(
                    "{name} prints on ours\n{ours}\nand on the real one\n{theirs}"
                ))?;
                failed.push(format!("{name}: another output"));
            }
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join(", "));
    }
    Ok(())
}

/// Runs one client in a namespace of its own; what it printed.
fn hold(client: Client, programs: &Programs, kubeconfig: &Path) -> Result<String> {
    let namespace = format!("client-{}", client.name());
    let kubectl: PathBuf = programs.kubectl();
    let made = Command::new(&kubectl)
        .args(["create", "namespace", &namespace])
        .env("KUBECONFIG", kubeconfig)
        .output()
        .context("cannot run kubectl\nhint: scripts/setup kubectl")?;
    if !made.status.success() {
        bail!("{}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let output = client
        .command(programs)?
        .env("KUBECONFIG", kubeconfig)
        .env("KUBECTL", &kubectl)
        .env("CLIENT_NAMESPACE", &namespace)
        .output()
        .context("cannot run the client")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{}\n{text}{}", output.status, complaint.trim());
    }
    Ok(text)
}
