//! Known images as processes of this computer: each pod has a folder for its volumes and an address of its own, 127.x.y.z.
//!
//! A process ends with its pod and with this program, however that ends: `carrick container` asks the kernel for it.

mod images;
mod leftovers;
mod look;
mod paths;
mod process;
mod volumes;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use simulator::nodes::containers::{Check, Containers, Exit, LogText, Run, Volume};

use self::images::{Image, Program};
use self::look::Look;
use self::process::Process;

/// How long processes may take to end when this program does.
const GRACE: Duration = Duration::from_secs(2);
/// Pause between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Highest number of a pod's address within its network.
const LAST_NUMBER: u16 = 0xfffe;

/// The processes of all pods.
pub struct Processes {
    folder: PathBuf,
    /// Second byte of the addresses; another one for another `carrick up` beside this.
    network: u8,
    pods: Mutex<BTreeMap<String, Pod>>,
}

struct Pod {
    number: u16,
    folder: PathBuf,
    containers: BTreeMap<String, Runs>,
}

/// The process of a container, and the one before it.
struct Runs {
    current: Process,
    previous: Option<LogText>,
    /// The last look of each probe.
    looks: BTreeMap<String, Look>,
}

impl Processes {
    /// Nothing runs yet; folders of pods are made in a temporary one, where those of processes that were killed are removed.
    pub fn new() -> Self {
        let (id, temporary) = (std::process::id(), std::env::temp_dir());
        leftovers::remove(&temporary, id);
        Self {
            folder: leftovers::folder(&temporary, id),
            network: u8::try_from(2 + id % 120).unwrap_or(2),
            pods: Mutex::new(BTreeMap::new()),
        }
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, Pod>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self, number: u16) -> Ipv4Addr {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, self.network, high, low)
    }

    fn processes(&self) -> Vec<Process> {
        let pods = self.pods();
        pods.values()
            .flat_map(|pod| pod.containers.values())
            .map(|runs| runs.current.clone())
            .collect()
    }

    /// Ends everything, kindly at first, and removes what was kept.
    pub async fn end(&self) {
        let processes = self.processes();
        for process in &processes {
            process.signal(Signal::TERM);
        }
        let ended = async {
            while processes.iter().any(|process| process.exit().is_none()) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            for process in &processes {
                process.signal(Signal::KILL);
            }
        }
        self.pods().clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The command of a container of a known image.
fn command(image: &Image, run: &Run, pod: &Path, ip: Ipv4Addr) -> Result<Command, String> {
    if !run.command.is_empty() {
        return Err(format!(
            "`command` cannot be replaced in image {}, which carrick runs as a local process; use `args`",
            run.image
        ));
    }
    let this =
        std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let table = paths::table(&run.mounts, &pod.join("volumes"));
    let port = run.ports.first().copied().unwrap_or(image.port);
    let mut command = Command::new(&this);
    command.arg("container").arg("--");
    match image.program {
        Program::Carrick(name) => command.arg(&this).arg(name),
    };
    let fixed = image.args.iter().map(|arg| {
        arg.replace("{ip}", &ip.to_string())
            .replace("{port}", &port.to_string())
    });
    command.args(fixed);
    command.args(run.args.iter().map(|arg| paths::rewrite(arg, &table)));
    command.env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    for (name, value) in &run.env {
        command.env(name, paths::rewrite(value, &table));
    }
    let folder = pod.join("containers").join(&run.container);
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    command.current_dir(folder);
    Ok(command)
}

impl Containers for Processes {
    fn knows(&self, image: &str) -> bool {
        images::find(image).is_some()
    }

    fn open(&self, pod: &str, volumes: &BTreeMap<String, Volume>) -> Result<IpAddr, String> {
        let folder = self.folder.join(pod);
        volumes::make_private(&self.folder)
            .and_then(|()| volumes::write(&folder.join("volumes"), volumes))
            .map_err(|error| format!("cannot make the volumes in {}: {error}", folder.display()))?;
        let mut pods = self.pods();
        let free = |number: &u16| pods.values().all(|pod| pod.number != *number);
        let number = (1..=LAST_NUMBER).find(free).ok_or("no address is left")?;
        let containers = BTreeMap::new();
        pods.insert(
            pod.to_owned(),
            Pod {
                number,
                folder,
                containers,
            },
        );
        Ok(IpAddr::V4(self.address(number)))
    }

    fn refresh(&self, pod: &str, volumes: &BTreeMap<String, Volume>) -> Result<(), String> {
        let pods = self.pods();
        let folder = &pods.get(pod).ok_or("its pod is gone")?.folder;
        volumes::write(&folder.join("volumes"), volumes)
            .map_err(|error| format!("cannot write the volumes in {}: {error}", folder.display()))
    }

    fn check(&self, pod: &str, container: &str, probe: &str, check: Check) {
        let mut pods = self.pods();
        let runs = pods
            .get_mut(pod)
            .and_then(|pod| pod.containers.get_mut(container));
        if let Some(runs) = runs {
            runs.looks.insert(probe.to_owned(), Look::begin(check));
        }
    }

    fn checked(&self, pod: &str, container: &str, probe: &str) -> Option<Result<(), String>> {
        let mut pods = self.pods();
        let runs = pods.get_mut(pod)?.containers.get_mut(container)?;
        let outcome = runs.looks.get(probe)?.outcome()?;
        runs.looks.remove(probe);
        Some(outcome)
    }

    fn stop(&self, pod: &str, container: &str, grace: Duration) {
        let pods = self.pods();
        let runs = pods.get(pod).and_then(|pod| pod.containers.get(container));
        if let Some(runs) = runs {
            runs.current.stop(grace);
        }
    }

    fn start(&self, run: Run) -> Result<(), String> {
        let image = images::find(&run.image).ok_or("its image is unknown")?;
        let mut pods = self.pods();
        let pod = pods.get_mut(&run.pod).ok_or("its pod is gone")?;
        let command = command(image, &run, &pod.folder, self.address(pod.number))?;
        let current = Process::start(command)?;
        let before = pod.containers.remove(&run.container);
        let runs = Runs {
            current,
            previous: before.map(|before| before.current.log()),
            looks: BTreeMap::new(),
        };
        pod.containers.insert(run.container, runs);
        Ok(())
    }

    fn exit(&self, pod: &str, container: &str) -> Option<Exit> {
        self.pods()
            .get(pod)?
            .containers
            .get(container)?
            .current
            .exit()
    }

    fn terminate(&self, pod: &str) {
        let pods = self.pods();
        for runs in pods.get(pod).iter().flat_map(|pod| pod.containers.values()) {
            runs.current.signal(Signal::TERM);
        }
    }

    fn close(&self, pod: &str) {
        let Some(pod) = self.pods().remove(pod) else {
            return;
        };
        for runs in pod.containers.values() {
            runs.current.signal(Signal::KILL);
        }
        let _ = std::fs::remove_dir_all(pod.folder);
    }

    fn log(&self, pod: &str, container: &str, previous: bool) -> Option<LogText> {
        let pods = self.pods();
        let runs = pods.get(pod)?.containers.get(container)?;
        if previous {
            runs.previous.clone()
        } else {
            Some(runs.current.log())
        }
    }
}
