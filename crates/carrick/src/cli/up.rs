//! `carrick up`: a simulated Kubernetes and Carrick's controllers in one process, on loopback.

mod address;
mod kubeconfig;
mod open_files;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use machinery::duration::GoDuration;
use machinery::yaml;
use monitoring::run::Gates;
use rollouts::RunOptions;
use rollouts::install::{Install, NAME};
use runtime::Patch;
use runtime::client::{Client, ClientOptions};
use runtime::resource::{CUSTOM_RESOURCE_DEFINITION, LEASE, NAMESPACE, ObjectKey};
use runtime::shutdown::{self, Shutdown};
use serde_json::{Value, json};
use simulator::builtin::Settings;
use simulator::nodes::containers::ContainerRuntime;
use simulator::request::User;
use simulator::serve::{ServeOptions, Server};
use simulator::wire::Wire;
use tracing_subscriber::EnvFilter;

use super::create_or_merge;
use super::log::{LogForm, start_log};
use super::output::{fail, message};
use crate::local::{self, Processes};
use crate::tour;

/// Where the API server listens unless told otherwise.
const PORT: u16 = 7443;
/// How long a Service of type `LoadBalancer` waits for its address.
const LOAD_BALANCER_DELAY: GoDuration = GoDuration::from_secs(1);
/// How long definitions may take to be established; far more than they take on a busy machine.
const ESTABLISH: Duration = Duration::from_mins(1);

/// How long a server on this machine may take to answer.
const ANSWER: Duration = Duration::from_millis(300);

/// Where the platform listens and what it keeps.
#[derive(Args)]
pub struct UpArgs {
    /// Where the API server listens; port 0 takes a free one
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), value_parser = address::read)]
    addr: SocketAddr,
    /// Keep everything in this folder, across restarts
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Where to write the kubeconfig [default: in the state folder, else in a temporary one]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Walk through a blue-green release, a canary release and monitoring
    #[arg(long)]
    tour: bool,
    /// End after the tour, and don't wait for you in between
    #[arg(long, requires = "tour")]
    exit: bool,
}

impl UpArgs {
    /// Runs until Ctrl-C, or until the tour is over with `--exit`.
    pub fn run(self) -> Result<()> {
        // What controllers can't do shows at once.
        start_log(EnvFilter::new("warn"), LogForm::Text);
        open_files::allow_many();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let result = runtime.block_on(self.serve());
        // Reading the terminal can't be cancelled; don't wait for it.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }

    async fn serve(mut self) -> Result<()> {
        let begin = tokio::time::Instant::now();
        message(&format!("starting carrick {} …", super::VERSION));
        let stop = shutdown::on_signals()?;
        if self.tour && self.addr.port() == PORT {
            self.addr.set_port(0); // a tour must not be in the way of a platform that is up
        }
        if self.tour && !self.exit && !std::io::stdin().is_terminal() {
            message(
                "standard input is no terminal: the tour goes on by itself and ends, as with --exit",
            );
            self.exit = true;
        }
        // Before anything is started that would have to be ended again.
        if let Some(file) = &self.kubeconfig {
            let file = std::path::absolute(file)?;
            spare(&file)?;
            unused(&file)?;
            writable(&file)?;
        }
        let processes = Arc::new(Processes::new());
        let mut server = Server::start(ServeOptions {
            addr: self.addr,
            state_dir: self.state.clone(),
            settings: Settings {
                containers: Some(ContainerRuntime(processes.clone())),
                load_balancer_delay: Some(LOAD_BALANCER_DELAY),
                ..Settings::default()
            },
            limits: simulator::serve::Limits::default(),
        })
        .await?;
        processes.serve_at(server.addr);
        let wire = Wire::new(&server.world, "carrick");
        let kube = kube::Client::new(wire.clone(), "default");
        let client = Client::new(kube.clone(), ClientOptions::default());
        let as_kubectl = ClientOptions {
            field_manager: "kubectl".to_owned(),
            ..ClientOptions::default()
        };
        let installing = Client::new(kube, as_kubectl);
        let Some(installed) = stop.or(install(&installing)).await else {
            let kept = server.shutdown().await;
            processes.end().await;
            return Ok(kept?);
        };
        installed.context("cannot install the custom resource definitions")?;
        hold_lease(&client).await?;
        grant(&client).await.context("cannot give rights")?;
        let controllers = Controllers::start(&wire, &processes, &server);
        let file = self.write_kubeconfig(&server)?;
        if let Some(Err(error)) = stop.or(kept(&mut server)).await {
            controllers.stop().await;
            processes.end().await;
            return Err(error);
        }
        let seconds = begin.elapsed().as_secs_f32();
        address::warn(self.addr);
        message(&announcement(
            &server,
            &file,
            self.state.as_deref(),
            seconds,
        ));
        let guide = tour::Guide {
            client,
            kubeconfig: file.clone(),
            waits: !self.exit,
            monitors: processes.can_monitor(),
        };
        let played = Box::pin(self.play(&mut server, stop, guide)).await;
        controllers.stop().await;
        let kept = server.shutdown().await;
        processes.end().await;
        if self.kubeconfig.is_none() && self.state.is_none() {
            let _ = std::fs::remove_file(&file);
        }
        played.and(kept.map_err(Into::into))
    }

    /// The tour, if it is asked for, and then waiting for a signal. An error if the server fails meanwhile.
    async fn play(&self, server: &mut Server, stop: Shutdown, guide: tour::Guide) -> Result<()> {
        let play = async {
            if self.tour {
                let toured = stop.or(guide.walk()).await;
                let outcome = toured.unwrap_or(Ok(tour::Outcome::Finished))?;
                if self.exit && !matches!(outcome, tour::Outcome::Left) {
                    return Ok(());
                }
            }
            stop.triggered().await;
            message("\nstopping");
            Ok(())
        };
        runtime::select! {
            error = server.failed() => Err(error.into()),
            played = play => played,
        }
    }

    fn write_kubeconfig(&self, server: &Server) -> Result<PathBuf> {
        let file = match (&self.kubeconfig, &self.state) {
            (Some(file), _) => {
                let file = std::path::absolute(file)?;
                spare(&file)?;
                file
            }
            (None, Some(state)) => std::path::absolute(state)?.join("kubeconfig"),
            (None, None) => {
                std::env::temp_dir().join(format!("carrick-{}.kubeconfig", server.addr.port()))
            }
        };
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        let text = kubeconfig::renewed(&found, &server.kubeconfig);
        write_private(&file, &text).map_err(|error| unwritable(&file, &error))?;
        Ok(file)
    }
}

/// Waits until everything is kept that the platform begins with.
async fn kept(server: &mut Server) -> Result<()> {
    let settled = server.settled();
    runtime::select! {
        error = server.failed() => Err(error.into()),
        () = settled => Ok(()),
    }
}

/// Fails if a file can't be put where it is to be. Another one is put there for a moment: what is there stays.
fn writable(file: &Path) -> Result<()> {
    let probe = file.with_file_name(format!(".carrick-{}", std::process::id()));
    std::fs::File::create_new(&probe)
        .and_then(|_| std::fs::remove_file(&probe))
        .map_err(|error| unwritable(file, &error))
}

fn unwritable(file: &Path, error: &std::io::Error) -> anyhow::Error {
    let file = file.display();
    anyhow!(
        "cannot write {file}: {error}\nhint: choose another file with `--kubeconfig`, or another folder with `--state`"
    )
}

/// Fails if a file is there that isn't a kubeconfig of ours alone: what it holds would be lost.
fn spare(file: &Path) -> Result<()> {
    let Ok(found) = std::fs::symlink_metadata(file) else {
        return Ok(());
    };
    let text = found.is_file().then(|| std::fs::read_to_string(file).ok());
    let documents = text
        .flatten()
        .and_then(|text| yaml::parse_documents(&text).ok());
    let is_ours = |document: &Value| {
        let clusters = document.get("clusters").and_then(Value::as_array);
        clusters.is_some_and(|all| {
            all.iter()
                .all(|one| one.get("name") == Some(&json!("carrick")))
        })
    };
    if documents.is_some_and(|documents| documents.iter().all(is_ours)) {
        return Ok(());
    }
    fail(format!(
        "{file} is there and not only ours: it is not overwritten\nhint: choose another file with `--kubeconfig`; \
         KUBECONFIG=A:B uses both",
        file = file.display()
    ))
}

/// Fails if somebody answers where the server of a kubeconfig is said to be: who uses it would be led elsewhere.
fn unused(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let answers = |server: &SocketAddr| TcpStream::connect_timeout(server, ANSWER).is_ok();
    match kubeconfig::servers(&text).into_iter().find(answers) {
        Some(server) => fail(format!(
            "{file} is the kubeconfig of a platform that is up at {server}: it is not overwritten\nhint: stop that one, or \
             choose another file with `--kubeconfig`",
            file = file.display()
        )),
        None => Ok(()),
    }
}

/// Writes a file that only its owner can read: it holds a key. Where that fails, what was there stays.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let new = file.with_file_name(format!(".carrick-{}", std::process::id()));
    let _ = std::fs::remove_file(&new);
    let mut opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let written = opened
        .write_all(text.as_bytes())
        .and_then(|()| std::fs::rename(&new, file));
    if written.is_err() {
        // The error that counts is the one before.
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// A manifest of this repository, which people who have the program alone don't have.
const EXAMPLE: &str = "examples/canary.yaml";

fn announcement(server: &Server, kubeconfig: &Path, state: Option<&Path>, seconds: f32) -> String {
    let kept = state.map_or_else(
        || "in memory; `--state DIR` keeps it across restarts".to_owned(),
        |folder| format!("in {}", folder.display()),
    );
    let next = if Path::new(EXAMPLE).exists() {
        format!("kubectl apply -f {EXAMPLE}\n  carrick rollouts get rollout cart --watch")
    } else {
        "kubectl apply -f …    # Rollouts, Prometheuses, ServiceMonitors and all they need"
            .to_owned()
    };
    format!(
        "carrick {} is up after {seconds:.2} s\n\
         \x20 API server    https://{} (a simulated Kubernetes 1.36, three nodes)\n\
         \x20 controllers   monitoring, rollouts\n\
         \x20 state         {kept}\n\n\
         \x20 export KUBECONFIG={}\n\
         \x20 {next}\n\n\
         Ctrl-C stops it.",
        super::VERSION,
        server.addr,
        kubeconfig.display(),
    )
}

/// Holds the Lease of the Rollouts controller for good: these controllers are always the ones that work here, and a
/// `carrick run` beside them waits.
async fn hold_lease(client: &Client) -> Result<()> {
    const YEAR: u32 = 31_536_000;
    let now = machinery::time::rfc3339_micro(client.clock().now());
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": ::rollouts::run::LEASE, "namespace": "default"},
        "spec": {
            "holderIdentity": "carrick up", "leaseDurationSeconds": YEAR, "acquireTime": now, "renewTime": now,
        },
    });
    create_or_merge(client, &LEASE, &lease).await
}

/// Makes the `ServiceAccounts` the controllers act as, with the rights that `carrick rbac` prints and no others. What is
/// cluster-wide has names of its own: users' manifests bring roles with upstream's, and take them away again.
async fn grant(client: &Client) -> Result<()> {
    let rollouts = Install {
        namespace: NAME.to_owned(),
        image: String::new(),
        namespaced: false,
    };
    let monitoring = ::monitoring::access::account(::monitoring::access::NAME);
    let accounts = [
        (NAME, rollouts.access(&::rollouts::access::rights())),
        (
            ::monitoring::access::NAME,
            monitoring.objects(&::monitoring::access::rights()),
        ),
    ];
    for (namespace, objects) in accounts {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        create_or_merge(client, &NAMESPACE, &namespace).await?;
        for (resource, mut object) in objects {
            if !resource.namespaced {
                keep_apart(&mut object);
            }
            create_or_merge(client, &resource, &object).await?;
        }
    }
    Ok(())
}

/// Gives a cluster role, or the binding of one, a name that only this program uses.
fn keep_apart(object: &mut Value) {
    for pointer in ["/metadata/name", "/roleRef/name"] {
        if let Some(name) = object.pointer_mut(pointer) {
            *name = json!(format!("carrick:{}", name.as_str().unwrap_or_default()));
        }
    }
}

/// Applies the definitions, and waits until they are served. The client's field manager should be kubectl's own, so that
/// `kubectl apply --server-side` of upstream's definitions replaces these without a conflict.
async fn install(client: &Client) -> Result<()> {
    let mut definitions = ::rollouts::api::crds::crds();
    definitions.extend(::monitoring::api::crds::crds());
    for definition in &definitions {
        let apply = Patch::Apply {
            body: definition.clone(),
            force: true,
        };
        let key = ObjectKey::of(definition);
        client
            .patch(&CUSTOM_RESOURCE_DEFINITION, &key, None, &apply)
            .await?;
    }
    let established = async {
        for definition in &definitions {
            while !is_established(
                client
                    .get(&CUSTOM_RESOURCE_DEFINITION, &ObjectKey::of(definition))
                    .await?
                    .as_ref(),
            ) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(ESTABLISH, established)
        .await
        .context("they weren't established in time")?
}

fn is_established(definition: Option<&Value>) -> bool {
    let conditions = definition.and_then(|definition| definition.pointer("/status/conditions"));
    conditions
        .and_then(Value::as_array)
        .is_some_and(|conditions| {
            conditions.iter().any(|condition| {
                condition["type"] == "Established" && condition["status"] == "True"
            })
        })
}

/// The controllers of each product, and what keeps local pods up to date, as tasks.
struct Controllers {
    stop: shutdown::Trigger,
    tasks: [tokio::task::JoinHandle<()>; 3],
}

impl Controllers {
    /// Each product acts as a `ServiceAccount` of its own. One process, one server, nobody else to be fair to: no limits.
    fn start(wire: &Wire, processes: &Arc<Processes>, server: &Server) -> Self {
        let (stop, stopped): (_, Shutdown) = shutdown::channel();
        let acting_as = |name: &str| {
            let account = User::service_account(name, name);
            kube::Client::new(wire.clone().acting_as(account), "default")
        };
        let rollouts = ::rollouts::run(
            acting_as(NAME),
            RunOptions {
                qps: None,
                ..RunOptions::default()
            },
            stopped.clone(),
        );
        let mut options = ::monitoring::RunOptions {
            qps: None,
            // Whoever tries a manifest has no flags to open it with.
            gates: Gates {
                daemon_sets: true,
                ..Gates::default()
            },
            ..::monitoring::RunOptions::default()
        };
        // Upstream's config-reloader is Carrick's here.
        options.settings.reloader.joins = true;
        let account = acting_as(::monitoring::access::NAME);
        let monitoring = ::monitoring::run(account, options, stopped.clone());
        let following = local::follow(
            processes.clone(),
            wire.clone(),
            server.world.clone(),
            stopped,
        );
        let tasks = [
            told("rollouts", rollouts),
            told("monitoring", monitoring),
            tokio::spawn(following),
        ];
        Self { stop, tasks }
    }

    async fn stop(self) {
        self.stop.trigger();
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Runs controllers; should they end by themselves, people are told.
fn told(
    name: &'static str,
    controllers: impl Future<Output = Result<(), runtime::Error>> + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = controllers.await {
            message(&format!("Error: the {name} controllers ended: {error}"));
        }
    })
}
