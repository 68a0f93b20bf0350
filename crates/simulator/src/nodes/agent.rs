//! The node agent: registers nodes, keeps them alive, and takes their pods through the stages. It stands in for kubelet and kwok.
//!
//! Writes of a world at rest: per node one Lease renewal every 30 s and one status heartbeat every 5 min (a kubelet renews every 10 s).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::containers::ContainerRuntime;
use super::local::is_local;
use super::local::missing::Missing;
use super::pending::{Pending, Waiting};
use super::register;
use super::stages::{self, Delay, Stage};
use super::status::{self, Addresses};
use crate::apiserver::resource::known;
use crate::builtin::Builtin;
use crate::builtin::control::{Key, key_of};
use crate::builtin::event::{Note, Recorder};
use crate::builtin::object::{self, flag, text};
use crate::session::{Change, DeleteOptions, Session};

/// Seconds between two renewals of a node's Lease.
const RENEW_EVERY: i64 = 30;
/// Seconds between two heartbeats in a node's status.
const HEARTBEAT_EVERY: i64 = 300;
/// Milliseconds until it is looked again whether what a pod lacks is there.
const LOOK_AGAIN_AFTER: i64 = 2000;
/// Annotation value on a Node (`carrick.dev/stage`): its agent has stopped, as if the machine were gone.
const LOST: &str = "lost";

/// Node names of a world of its own.
pub const DEFAULT_NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// The agents of all nodes of a world, as one controller.
#[derive(Debug)]
pub struct NodeAgent {
    register: Vec<String>,
    started: bool,
    pending: Waiting,
    renew_at: Option<Timestamp>,
    heartbeat_at: Option<Timestamp>,
    /// Who runs some pods instead.
    others: Option<ContainerRuntime>,
    /// Tells what pods lack.
    recorder: Recorder,
    /// Pods that lack something.
    lacking: BTreeSet<Key>,
    addresses: BTreeMap<Key, u32>,
    used: BTreeSet<u32>,
    last_address: u32,
}

impl NodeAgent {
    /// An agent that registers nodes of these names when it starts, and looks after every node there is.
    pub fn new(register: &[&str]) -> Self {
        Self {
            register: register.iter().map(|n| (*n).to_owned()).collect(),
            started: false,
            pending: Waiting::default(),
            renew_at: None,
            heartbeat_at: None,
            others: None,
            recorder: Recorder::new("kubelet"),
            lacking: BTreeSet::new(),
            addresses: BTreeMap::new(),
            used: BTreeSet::new(),
            last_address: 0,
        }
    }

    /// Leaves the pods of images that these containers know alone. Beside such pods the others start as on a real node too: not
    /// without the Secrets and `ConfigMaps` that they name, which kwok ignores.
    #[must_use]
    pub fn beside(mut self, others: Option<ContainerRuntime>) -> Self {
        self.others = others;
        self
    }

    fn start(&mut self, session: &mut Session<'_>) {
        for (index, name) in self.register.iter().enumerate() {
            if session.get(&known::NODES, "", name).is_none() {
                // A refusal leaves the world with fewer nodes, which pods then report as unschedulable.
                let _ = session.create(&known::NODES, register::node(name, index));
            }
        }
        for pod in session.list(&known::PODS, None) {
            if let Some(number) = register::pod_number(text(&pod, "/status/podIP")) {
                self.addresses.insert(key_of(&pod), number);
                self.used.insert(number);
                self.last_address = self.last_address.max(number);
            }
            self.look_at(session, &key_of(&pod));
        }
    }

    /// Notes which stage a pod is waiting for; a stage that applied before keeps its time.
    fn look_at(&mut self, session: &mut Session<'_>, key: &Key) {
        let Some(pod) = session.get(&known::PODS, &key.0, &key.1) else {
            self.pending.remove(key);
            if let Some(number) = self.addresses.remove(key) {
                self.used.remove(&number);
            }
            return;
        };
        if self.others.as_ref().is_some_and(|o| is_local(o, &pod)) {
            return;
        }
        let node = text(&pod, "/spec/nodeName");
        let alive = !node.is_empty()
            && session
                .get(&known::NODES, "", node)
                .is_some_and(|n| !is_lost(&n));
        let Some(stage) = stages::next(&pod).filter(|_| alive) else {
            self.pending.remove(key);
            return;
        };
        let uid = object::uid(&pod);
        if self
            .pending
            .get(key)
            .is_some_and(|p| p.stage == stage && p.uid == uid)
        {
            return;
        }
        let due = due(stage, &pod, session);
        self.pending.put(
            key.clone(),
            Pending {
                uid: uid.to_owned(),
                stage,
                due,
            },
        );
    }

    fn advance(&mut self, session: &mut Session<'_>, key: &Key, stage: Stage) {
        let Some(pod) = session.get(&known::PODS, &key.0, &key.1) else {
            return;
        };
        if stages::next(&pod) != Some(stage) {
            return;
        }
        let now = session.now();
        if stage == Stage::Deleted {
            let options = DeleteOptions {
                grace_period_seconds: Some(0),
                uid: Some(object::uid(&pod).to_owned()),
                ..DeleteOptions::default()
            };
            // A pod that is gone already, or came back under its name, needs nothing more.
            let _ = session.delete(&known::PODS, &key.0, &key.1, &options);
            return;
        }
        if stage == Stage::Running && self.others.is_some() && self.is_held(session, key, &pod) {
            return;
        }
        let Some(addresses) = self.addresses_of(session, &pod) else {
            return;
        };
        if let Some(wanted) = status::at(stage, &pod, &addresses, now) {
            // A refusal leaves the pod where it is; the next change of it tries again.
            let _ = session.update_status(&known::PODS, wanted);
        }
    }

    /// Whether a pod lacks something, so that it can't run yet.
    fn is_held(&mut self, session: &mut Session<'_>, key: &Key, pod: &Value) -> bool {
        let Some(missing) = Missing::of(session, pod) else {
            self.lacking.remove(key);
            return false;
        };
        let (reason, message) = missing.event();
        let note = Note::new(pod, true, reason, message).of_kubelet(pod, "");
        self.recorder.record_once(session, &note);
        if let Some(wanted) = missing.shown(pod) {
            // A pod that changed meanwhile is written at the next look.
            let _ = session.update_status(&known::PODS, wanted);
        }
        self.lacking.insert(key.clone());
        let pending = Pending {
            uid: object::uid(pod).to_owned(),
            stage: Stage::Running,
            due: object::milliseconds_after(session.now(), LOOK_AGAIN_AFTER),
        };
        self.pending.put(key.clone(), pending);
        true
    }

    /// Looks at once at the pods of a namespace that lack something, in which something came or changed.
    fn look_again(&mut self, namespace: &str, now: Timestamp) {
        self.lacking.retain(|key| self.pending.get(key).is_some());
        for key in self.lacking.iter().filter(|key| key.0 == namespace) {
            self.pending.hurry(key, now);
        }
    }

    fn addresses_of(&mut self, session: &Session<'_>, pod: &Value) -> Option<Addresses> {
        let node = session.get(&known::NODES, "", text(pod, "/spec/nodeName"))?;
        let internal = object::items(&node, "/status/addresses")
            .iter()
            .find(|a| text(a, "/type") == "InternalIP");
        let host = internal
            .map_or("127.0.0.1", |a| text(a, "/address"))
            .to_owned();
        if flag(pod, "/spec/hostNetwork") {
            return Some(Addresses {
                pod: host.clone(),
                host,
            });
        }
        let key = key_of(pod);
        let number = if let Some(number) = self.addresses.get(&key) {
            *number
        } else {
            self.free_address()
        };
        self.addresses.insert(key, number);
        Some(Addresses {
            host,
            pod: register::pod_address(number),
        })
    }

    /// The next number nobody uses, going round.
    fn free_address(&mut self) -> u32 {
        loop {
            self.last_address = register::next_number(self.last_address);
            if self.used.insert(self.last_address) {
                return self.last_address;
            }
        }
    }

    fn keep_alive(&mut self, session: &mut Session<'_>) {
        let now = session.now();
        if self.renew_at.is_none_or(|at| at <= now) {
            self.renew_at = Some(object::seconds_after(now, RENEW_EVERY));
            for node in living_nodes(session) {
                renew(session, &node);
                if register::ready(&node).is_none_or(|c| text(c, "/status") != "True") {
                    put_status(session, &node);
                }
            }
        }
        if self.heartbeat_at.is_none_or(|at| at <= now) {
            self.heartbeat_at = Some(object::seconds_after(now, HEARTBEAT_EVERY));
            for node in living_nodes(session) {
                put_status(session, &node);
            }
        }
    }
}

impl Builtin for NodeAgent {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        if !self.started {
            self.started = true;
            self.start(session);
        }
        for change in changes {
            if change.resource == known::PODS {
                self.look_at(session, &(change.namespace.clone(), change.name.clone()));
            } else if change.resource == known::NODES {
                node_changed(self, session, change);
            } else if [known::CONFIG_MAPS, known::SECRETS].contains(&change.resource) {
                self.look_again(&change.namespace, session.now());
            }
        }
        let now = session.now();
        for (key, stage) in self.pending.due(now) {
            self.pending.remove(&key);
            self.advance(session, &key, stage);
        }
        self.keep_alive(session);
        self.pending
            .next()
            .into_iter()
            .chain(self.renew_at)
            .chain(self.heartbeat_at)
            .min()
    }
}

/// A node that joined gets its first status and Lease; one that came or went lets its pods go on or stop.
fn node_changed(agent: &mut NodeAgent, session: &mut Session<'_>, change: &Change) {
    let was_lost = change.before.as_ref().is_none_or(|n| is_lost(n));
    match &change.after {
        Some(node) if !is_lost(node) && (was_lost || register::ready(node).is_none()) => {
            put_status(session, node);
            renew(session, node);
        }
        Some(node) if is_lost(node) == was_lost => return,
        Some(_) | None => {}
    }
    for pod in session.list(&known::PODS, None) {
        if text(&pod, "/spec/nodeName") == change.name {
            agent.look_at(session, &key_of(&pod));
        }
    }
}

fn is_lost(node: &Value) -> bool {
    object::annotation(node, stages::STAGE) == Some(LOST)
}

fn living_nodes(session: &Session<'_>) -> Vec<std::sync::Arc<Value>> {
    session
        .list(&known::NODES, None)
        .into_iter()
        .filter(|n| !is_lost(n))
        .collect()
}

fn due(stage: Stage, pod: &Value, session: &mut Session<'_>) -> Timestamp {
    let now = session.now();
    match stages::delay(stage, pod) {
        Delay::After {
            milliseconds,
            jitter,
        } => {
            let chance = if jitter == 0 {
                0
            } else {
                i64::try_from(session.entropy().below(jitter)).unwrap_or(0)
            };
            object::milliseconds_after(now, milliseconds.saturating_add(chance))
        }
        Delay::GracePeriod => object::time(pod, "/metadata/deletionTimestamp").unwrap_or(now),
    }
}

fn put_status(session: &mut Session<'_>, node: &Value) {
    let mut wanted = node.clone();
    object::set(
        &mut wanted,
        &["status"],
        register::status(node, session.now()),
    );
    // A node that changed meanwhile is written at the next heartbeat.
    let _ = session.update_status(&known::NODES, wanted);
}

fn renew(session: &mut Session<'_>, node: &Value) {
    let name = object::name(node);
    let now = object::stamp_micro(session.now());
    let namespace = register::LEASES;
    if session.get(&known::LEASES, namespace, name).is_some() {
        // A Lease that goes meanwhile is made anew at the next renewal.
        let _ = session.patch_merge(
            &known::LEASES,
            namespace,
            name,
            "",
            &json!({"spec": {"renewTime": now}}),
        );
    } else {
        // Refused where the namespace is missing; tried again at the next renewal.
        let _ = session.create(&known::LEASES, register::lease(node, &now));
    }
}
