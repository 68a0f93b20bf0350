//! Keeps up to date what local pods would see of the cluster by DNS and by discovery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use machinery::meta::OwnerReference;
use runtime::Shutdown;
use runtime::client::{Client, ClientOptions};
use runtime::effect::EventType;
use runtime::error::Error;
use runtime::events::{self, EventApi, EventRecorder};
use runtime::resource::SERVICE;
use serde_json::{Value, json};
use simulator::request::User;
use simulator::wire::Wire;
use simulator::world::WorldHandle;
use tokio::time::Instant;

use super::Processes;
use super::discovery::{self, ENDPOINTS};
use super::forbidden::{self, Missing};
use super::names::Names;

/// Pause between two looks whether anything has changed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A round may take this part of the time.
const SHARE: u32 = 10;

/// What one pod discovers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Discovering {
    uid: String,
    namespace: String,
    account: String,
    owner: Option<OwnerReference>,
    files: BTreeMap<PathBuf, Value>,
}

impl Processes {
    /// The pods that read targets from files; `None` if nobody needs to know anything of the cluster.
    fn discovering(&self) -> Option<Vec<Discovering>> {
        let pods = self.pods();
        let translated = pods.iter().filter(|(_, pod)| pod.is_translated());
        let all: Vec<Discovering> = translated
            .map(|(uid, pod)| Discovering {
                uid: uid.clone(),
                namespace: pod.namespace.clone(),
                account: pod.account.clone(),
                owner: pod.owner.clone(),
                files: pod.discovered(),
            })
            .collect();
        (!all.is_empty()).then_some(all)
    }

    /// Adds a line to what the containers of a pod print.
    fn note(&self, pod: &str, line: &str) {
        let pods = self.pods();
        for runs in pods.get(pod).iter().flat_map(|pod| pod.containers.values()) {
            runs.current.note(line.to_owned());
        }
    }
}

/// Follows the cluster until the shutdown.
pub async fn follow(processes: Arc<Processes>, wire: Wire, world: WorldHandle, stop: Shutdown) {
    let (events, writer) = events::channel(client(wire.clone()), "carrick", EventApi::Core);
    tokio::spawn(writer.run());
    let mut follower = Follower {
        events,
        processes,
        wire,
        written: BTreeMap::new(),
        told: BTreeMap::new(),
    };
    let mut seen = None;
    stop.or(async {
        loop {
            let now = world.now();
            let revision = world.lock().look(now).revision();
            let state = follower
                .processes
                .discovering()
                .map(|pods| (revision, pods));
            let mut pause = LOOK_EVERY;
            if state.is_some() && state != seen {
                let begin = Instant::now();
                if let Some((_, pods)) = &state {
                    follower.round(pods).await;
                }
                pause = pause.max(begin.elapsed() * SHARE);
            }
            seen = state;
            tokio::time::sleep(pause).await;
        }
    })
    .await;
}

struct Follower {
    events: EventRecorder,
    processes: Arc<Processes>,
    wire: Wire,
    /// What files hold.
    written: BTreeMap<PathBuf, String>,
    /// What a pod was told last that it can't read.
    told: BTreeMap<String, String>,
}

fn client(wire: Wire) -> Client {
    let kube = kube::Client::new(wire, "default");
    Client::new(kube, ClientOptions::default())
}

impl Follower {
    async fn round(&mut self, pods: &[Discovering]) {
        // What DNS says is for everybody.
        let everything = client(self.wire.clone());
        let services = everything.list(&SERVICE, "", "").await;
        let endpoints = everything.list(&ENDPOINTS, "", "").await;
        if let (Ok(services), Ok(endpoints)) = (services, endpoints) {
            self.processes.set_names(Names::new(&services, &endpoints));
        }
        let files = pods.iter().flat_map(|pod| pod.files.keys());
        let files: Vec<&PathBuf> = files.collect();
        self.written.retain(|file, _| files.contains(&file));
        self.told
            .retain(|uid, _| pods.iter().any(|pod| pod.uid == *uid));
        for pod in pods {
            let failed = self.discover(pod).await;
            let line = failed.as_ref().map(ToString::to_string);
            if line.as_ref() == self.told.get(&pod.uid) {
                continue;
            }
            let Some((line, error)) = line.zip(failed) else {
                self.told.remove(&pod.uid);
                continue;
            };
            let noted = format!("carrick: discovery in Kubernetes: {line}");
            self.processes.note(&pod.uid, &noted);
            self.told.insert(pod.uid.clone(), line);
            if error.is_forbidden() {
                self.tell(&everything, pod, &error).await;
            }
        }
    }

    /// Tells of a right that a ServiceAccount lacks, where people look who wonder why there are no targets.
    async fn tell(&self, client: &Client, pod: &Discovering, error: &Error) {
        let missing = Missing {
            namespace: &pod.namespace,
            account: &pod.account,
            error: &error.to_string(),
        };
        let message = missing.message();
        if let Some(regarding) = missing.about(client, pod.owner.as_ref()).await {
            let kind = EventType::Warning;
            self.events
                .record(&regarding, kind, forbidden::REASON, &message);
            let of = format!(
                "{} {}/{}",
                regarding.kind, regarding.namespace, regarding.name
            );
            self.processes
                .tell([format!("{of} finds no targets: {message}")]);
        }
    }

    /// Writes the files of a pod, read with the rights of its ServiceAccount. Returns why something can't be read.
    async fn discover(&mut self, pod: &Discovering) -> Option<Error> {
        let account = User::service_account(&pod.namespace, &pod.account);
        let client = client(self.wire.clone().acting_as(account));
        let mut failed = None;
        for (file, config) in &pod.files {
            let groups = match discovery::read(&client, config, &pod.namespace).await {
                Ok(seen) => discovery::groups(config, &seen),
                Err(error) => {
                    // What was found before stays.
                    failed = Some(error);
                    continue;
                }
            };
            let text = json!(groups).to_string();
            if self.written.get(file) != Some(&text) && replace(file, &text).is_ok() {
                self.written.insert(file.clone(), text);
            }
        }
        failed
    }
}

/// Replaces a file as a whole.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let prepared = file.with_extension("new");
    std::fs::write(&prepared, text)?;
    std::fs::rename(prepared, file)
}
