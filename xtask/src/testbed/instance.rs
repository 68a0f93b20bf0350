//! Starts, lists and stops testbeds. Each has a folder under the cache, with its
//! supervisor's pid in it; a folder whose supervisor is gone is swept away.
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams, PostParams};

use super::UpArgs;
use super::build::{Binaries, binaries, cache_folder, source_folder};
use super::plan::{self, Ports};

/// How long a testbed may take to come up on a busy machine.
const START: Duration = Duration::from_mins(2);

/// A running testbed. It ends with this process, however that ends, unless it is left running.
#[derive(Debug)]
pub struct Testbed {
    /// The supervisor takes its end for ours.
    lifeline: ChildStdin,
    name: String,
    folder: PathBuf,
    api_port: u16,
    seconds: f32,
}

impl Testbed {
    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_of("admin")
    }
    /// The kubeconfig of one of [`plan::USERS`].
    pub fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }
    /// The folder of its files: logs, certificates, `audit.log`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// Lets it run on without this process.
    ///
    /// # Errors
    /// If it has ended.
    pub fn leave_running(mut self) -> Result<()> {
        self.lifeline
            .write_all(b"ready\n")
            .context("the testbed has ended")
    }
    /// One line for people.
    pub fn summary(&self) -> String {
        format!(
            "testbed `{}`: API server on 127.0.0.1:{}, nodes ready after {:.1} s\nhint: export KUBECONFIG={}",
            self.name,
            self.api_port,
            self.seconds,
            self.kubeconfig().display()
        )
    }
}

/// Starts a testbed and waits until its nodes are ready.
///
/// # Errors
/// If one of that name is running, or if it doesn't come up; then nothing is left of it.
pub fn up(args: &UpArgs) -> Result<Testbed> {
    let folder = folder_of(&args.name)?;
    if supervisor(&folder).is_some() {
        bail!(
            "testbed `{}` is running\nhint: `cargo xtask testbed down --name {}`, or choose another --name",
            args.name,
            args.name
        );
    }
    let built = binaries()?;
    clear(&folder)?;
    std::fs::create_dir_all(&folder)?;
    let stages = args
        .stages
        .clone()
        .unwrap_or_else(|| source_folder().join("stages.yaml"));
    let stages = stages
        .canonicalize()
        .with_context(|| format!("stages {}", stages.display()))?;
    let ports = Ports::free()?;
    plan::write(&folder, ports, &built, &stages, args.bare)?;
    let mut child = supervise(&folder, &built)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let started = runtime.block_on(async {
        let begin = tokio::time::Instant::now();
        tokio::time::timeout(
            START,
            ready(&folder, if args.bare { 0 } else { args.nodes }, &mut child),
        )
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("not ready after {} s", START.as_secs())))?;
        Ok(begin.elapsed().as_secs_f32())
    });
    match started {
        Ok(seconds) => {
            let lifeline = child
                .stdin
                .take()
                .context("the supervisor has no standard input")?;
            Ok(Testbed {
                lifeline,
                name: args.name.clone(),
                folder,
                api_port: ports.api,
                seconds,
            })
        }
        Err(error) => {
            drop(child.stdin.take()); // the supervisor takes that for our end, and stops everything
            child.wait()?;
            Err(explain(error, &folder))
        }
    }
}

fn supervise(folder: &Path, built: &Binaries) -> Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log/supervisor.log"))?;
    Command::new(built.testbed())
        .arg("supervise")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0) // Ctrl-C at the terminal is `up`'s, not the testbed's
        .spawn()
        .context("cannot start the testbed's supervisor")
}

/// Waits for the API server, makes the nodes, and waits for them.
async fn ready(folder: &Path, nodes: u16, child: &mut Child) -> Result<()> {
    let ca = folder.join("certs/apiserver.crt");
    let client = loop {
        if let Some(status) = child.try_wait()? {
            bail!("the testbed ended while starting ({status})");
        }
        if ca.exists()
            && let Ok(client) = client(&folder.join("admin.kubeconfig")).await
            && Api::<Node>::all(client.clone())
                .list(&ListParams::default().limit(1))
                .await
                .is_ok()
        {
            break client;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let api = Api::<Node>::all(client);
    for number in 1..=nodes {
        create_node(&api, number).await?;
    }
    while api
        .list(&ListParams::default())
        .await?
        .iter()
        .filter(|n| is_ready(n))
        .count()
        < usize::from(nodes)
    {
        if let Some(status) = child.try_wait()? {
            bail!("the testbed ended while starting ({status})");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn create_node(api: &Api<Node>, number: u16) -> Result<()> {
    let name = format!("node-{number}");
    let labels = [
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", &name),
        ("kubernetes.io/os", "linux"),
    ];
    let mut node = Node::default();
    node.metadata.labels = Some(labels.map(|(k, v)| (k.into(), v.into())).into());
    node.metadata.name = Some(name);
    api.create(&PostParams::default(), &node).await?;
    Ok(())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}

async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    let text = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config =
        kube::Config::from_custom_kubeconfig(text, &kube::config::KubeConfigOptions::default())
            .await?;
    Ok(kube::Client::try_from(config)?)
}

/// The error, with what the supervisor said.
fn explain(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let said = std::fs::read_to_string(folder.join("log/supervisor.log")).unwrap_or_default();
    error.context(format!(
        "the testbed didn't start; logs in {}\n{}",
        folder.join("log").display(),
        said.trim()
    ))
}

/// Stops a testbed and deletes its folder. One that isn't running is no error.
pub fn down(name: &str) -> Result<()> {
    let folder = folder_of(name)?;
    if let Some(pid) = supervisor(&folder) {
        signal("TERM", pid)?;
        let deadline = 300; // 30 s: each of five programs may take its grace of 5 s
        let mut waited = 0;
        while supervisor(&folder).is_some() {
            if waited == deadline {
                signal("KILL", pid)?; // its children die with it
            }
            std::thread::sleep(Duration::from_millis(100));
            waited += 1;
        }
        eprintln!("testbed `{name}` stopped");
    }
    clear(&folder)
}

/// A testbed that goes with its scope.
pub struct Own {
    name: String,
    testbed: Testbed,
}

impl Own {
    /// Starts it.
    pub fn up(args: &UpArgs) -> Result<Self> {
        Ok(Self {
            name: args.name.clone(),
            testbed: up(args)?,
        })
    }
}

impl std::ops::Deref for Own {
    type Target = Testbed;

    fn deref(&self) -> &Testbed {
        &self.testbed
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Err(error) = down(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// The names of all testbeds, running or not.
pub fn names() -> Result<Vec<String>> {
    let root = root()?;
    let Ok(entries) = std::fs::read_dir(root) else {
        return Ok(Vec::new());
    };
    let mut names = entries
        .map(|e| Ok(e?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// One line per testbed: name, state, kubeconfig.
pub fn status() -> Result<Vec<String>> {
    names()?
        .iter()
        .map(|name| {
            let folder = folder_of(name)?;
            let state =
                supervisor(&folder).map_or("stopped".into(), |pid| format!("running (pid {pid})"));
            Ok(format!(
                "{name}\t{state}\t{}",
                folder.join("admin.kubeconfig").display()
            ))
        })
        .collect()
}

fn root() -> Result<PathBuf> {
    Ok(cache_folder()?.join("testbeds"))
}

fn folder_of(name: &str) -> Result<PathBuf> {
    let valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !valid {
        bail!("`{name}` is no name for a testbed\nhint: letters, digits and dashes");
    }
    Ok(root()?.join(name))
}

/// The pid of a folder's supervisor, if it is alive and still is that program.
fn supervisor(folder: &Path) -> Option<u32> {
    let pid: u32 = std::fs::read_to_string(folder.join("pid"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let folder = folder.to_string_lossy();
    command
        .split(|byte| *byte == 0)
        .any(|arg| arg == folder.as_bytes())
        .then_some(pid)
}

fn signal(name: &str, pid: u32) -> Result<()> {
    Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .context("cannot run kill")
        .map(drop)
}

fn clear(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
