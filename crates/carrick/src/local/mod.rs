//! Known images as processes of this computer: each pod has a folder for its volumes and an address of its own, 127.x.y.z.
//!
//! A process ends with its pod and with this program, however that ends: `carrick container` asks the kernel for it. What a
//! container would find round it, and a process doesn't, is put into its arguments and configuration (ADR 6).

mod command;
mod discovery;
mod follow;
mod forbidden;
mod images;
mod installed;
mod leftovers;
mod look;
mod names;
mod network;
mod paths;
mod pod;
mod process;
mod translation;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use simulator::nodes::containers::{Check, Containers, Exit, LogText, Run, Volume};

use self::images::{Image, Programs};
use self::look::Look;
use self::names::Names;
use self::pod::{Pod, Runs};
use self::process::Process;
use self::translation::{Discovery, Kubernetes};
use crate::cli::message;

pub use follow::follow;

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
    programs: Programs,
    /// Why pods are simulated, as far as people were told.
    told: Mutex<BTreeSet<String>>,
    /// Versions of installed programs, and the discoveries that each lacks; asked when they are needed first.
    versions: Mutex<BTreeMap<&'static str, String>>,
    lacking: Mutex<BTreeMap<&'static str, BTreeSet<String>>>,
    /// Where the API server listens.
    server: OnceLock<SocketAddr>,
    names: Mutex<Names>,
    pods: Mutex<BTreeMap<String, Pod>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Processes {
    /// Nothing runs yet; folders of pods are made in a temporary one, where those of processes that were killed are removed.
    pub fn new() -> Self {
        let (id, temporary) = (std::process::id(), std::env::temp_dir());
        leftovers::remove(&temporary, id);
        Self {
            folder: leftovers::folder(&temporary, id),
            network: u8::try_from(2 + id % 120).unwrap_or(2),
            programs: Programs::look(std::env::var_os("PATH").as_deref()),
            told: Mutex::default(),
            versions: Mutex::default(),
            lacking: Mutex::default(),
            server: OnceLock::new(),
            names: Mutex::default(),
            pods: Mutex::new(BTreeMap::new()),
        }
    }

    /// Whether the programs of Prometheus and Alertmanager are installed.
    pub fn can_monitor(&self) -> bool {
        let all = ["prometheus/prometheus", "prometheus/alertmanager"];
        all.iter()
            .filter_map(|name| images::find(name))
            .all(|image| self.programs.path(image).is_some())
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, Pod>> {
        locked(&self.pods)
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

    fn version(&self, image: &Image) -> String {
        let Some(path) = self.programs.path(image) else {
            return String::new();
        };
        let mut versions = locked(&self.versions);
        let known = versions.entry(image.name);
        known.or_insert_with(|| installed::version(path)).clone()
    }

    /// Why a pod of a known image is simulated; `None` if it isn't.
    fn refusal(&self, reference: &str) -> Option<String> {
        let image = images::find(reference)?;
        let (path, asked) = (self.programs.path(image), images::version(reference));
        images::refusal(image, path, asked, &self.version(image))
    }

    /// How the program of a pod finds its targets.
    fn discovery(&self, image: &Image, folder: &std::path::Path) -> Discovery {
        let mut ways = Discovery::files(folder.join("discovery"));
        let (Some(path), Some(server)) = (self.programs.path(image), self.server.get()) else {
            return ways;
        };
        let mut lacking = locked(&self.lacking);
        let known = lacking.entry(image.name);
        let lacking = known.or_insert_with(|| installed::lacking(path, &self.folder));
        ways.lacking.clone_from(lacking);
        if !lacking.contains(installed::IN_KUBERNETES) {
            ways.kubernetes = Kubernetes::Server(format!("https://{server}"));
        }
        ways
    }

    /// Says each line on standard error, if it wasn't said before.
    fn tell(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            if locked(&self.told).insert(line.clone()) {
                message(&line);
            }
        }
    }

    /// Tells where the API server listens.
    pub fn serve_at(&self, address: SocketAddr) {
        let _ = self.server.set(address);
    }

    /// What the cluster's DNS would answer from now on.
    fn set_names(&self, names: Names) {
        let mut known = locked(&self.names);
        if *known == names {
            return;
        }
        *known = names;
        for pod in self.pods().values_mut() {
            // A folder that can't be written now is tried again with the next change.
            let _ = pod.translate_again(&known);
        }
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

impl Containers for Processes {
    fn runs(&self, images: &[&str]) -> bool {
        let mut own = images.iter().filter(|reference| {
            let image = images::find(reference);
            image.is_some_and(|image| !image.companion)
        });
        own.any(|reference| {
            let refusal = self.refusal(reference);
            self.tell(refusal.clone());
            refusal.is_none()
        })
    }

    fn knows(&self, reference: &str) -> bool {
        images::find(reference).is_some() && self.refusal(reference).is_none()
    }

    fn open(&self, pod: &Value, volumes: &BTreeMap<String, Volume>) -> Result<IpAddr, String> {
        let uid = machinery::meta::uid(pod).to_owned();
        let folder = self.folder.join(&uid);
        let image = pod::installed_image(pod);
        let discovery = image.map(|image| self.discovery(image, &folder));
        volumes::make_private(&self.folder)
            .map_err(|error| format!("cannot make {}: {error}", self.folder.display()))?;
        let mut opened = Pod::new(pod, folder, self.folder.join("claims"), discovery);
        let names = locked(&self.names);
        self.tell(opened.write(volumes, &names)?);
        let mut pods = self.pods();
        let free = |number: &u16| pods.values().all(|pod| pod.number != *number);
        opened.number = (1..=LAST_NUMBER).find(free).ok_or("no address is left")?;
        let address = self.address(opened.number);
        pods.insert(uid, opened);
        Ok(IpAddr::V4(address))
    }

    fn refresh(&self, pod: &str, volumes: &BTreeMap<String, Volume>) -> Result<(), String> {
        let names = locked(&self.names);
        let mut pods = self.pods();
        let pod = pods.get_mut(pod).ok_or("its pod is gone")?;
        self.tell(pod.write(volumes, &names)?);
        Ok(())
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
        let mismatch = installed::mismatch(
            image.name,
            images::version(&run.image),
            &self.version(image),
        );
        let mut pods = self.pods();
        let pod = pods.get(&run.pod).ok_or("its pod is gone")?;
        let of_pods = pod::names_beside(pod, &pods, |number| self.address(number));
        let here = command::Here {
            folder: &pod.folder,
            ip: self.address(pod.number),
            program: self.programs.path(image),
            pods: &of_pods,
        };
        let current = Process::start(command::command(image, &run, &here)?)?;
        if let Some(line) = mismatch {
            current.note(line);
        }
        let pod = pods.get_mut(&run.pod).ok_or("its pod is gone")?;
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
