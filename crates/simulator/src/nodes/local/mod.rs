//! Pods of known images as real containers: volumes and environment, starts and restarts, exit codes, and the grace period.
//!
//! Everything that touches the machine is behind [`Containers`](super::containers::Containers). Mirrors the kubelet's sync loop in
//! what clients can see.

mod container;
pub(crate) mod missing;
mod probe;
mod spec;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use self::container::{Container, Phase};
use super::containers::{ContainerRuntime, Volume};
use crate::apiserver::resource::known;
use crate::builtin::Builtin;
use crate::builtin::control::{Key, key_of};
use crate::builtin::event::{Note, Recorder};
use crate::builtin::object::{self, items, text, time};
use crate::builtin::pod::is_finished;
use crate::builtin::write::Work;
use crate::session::{Change, DeleteOptions, Session};

/// Milliseconds between two looks at what runs.
const LOOK_EVERY: i64 = 200;
/// Milliseconds until a pod that could not get its volumes is tried again.
const RETRY_AFTER: i64 = 2000;

/// Whether a pod is looked after here, by its images.
pub(crate) fn is_local(runtime: &ContainerRuntime, pod: &Value) -> bool {
    let images: Vec<&str> = ["/spec/initContainers", "/spec/containers"]
        .iter()
        .flat_map(|list| items(pod, list))
        .map(|container| text(container, "/image"))
        .collect();
    runtime.0.runs(&images)
}

/// Looks after the pods whose containers really run.
pub(crate) struct LocalPods {
    runtime: ContainerRuntime,
    recorder: Recorder,
    started: bool,
    keys: BTreeSet<Key>,
    pods: BTreeMap<Key, Pod>,
}

/// What is known of one pod beyond its object.
struct Pod {
    uid: String,
    address: IpAddr,
    containers: BTreeMap<String, Container>,
    /// As they were written last.
    volumes: BTreeMap<String, Volume>,
    told_to_end: bool,
}

impl LocalPods {
    /// With whoever runs containers.
    pub(crate) fn new(runtime: ContainerRuntime) -> Self {
        Self {
            runtime,
            recorder: Recorder::new("kubelet"),
            started: false,
            keys: BTreeSet::new(),
            pods: BTreeMap::new(),
        }
    }

    fn note(&mut self, pod: &Value) {
        if is_local(&self.runtime, pod) && !text(pod, "/spec/nodeName").is_empty() {
            self.keys.insert(key_of(pod));
        }
    }

    /// Brings one pod further. Returns whether it is to be looked at again.
    fn sync(&mut self, session: &mut Session<'_>, key: &Key) -> bool {
        let found = session.get(&known::PODS, &key.0, &key.1);
        let stale = |pod: &Pod| found.as_ref().is_none_or(|f| object::uid(f) != pod.uid);
        if self.pods.get(key).is_some_and(stale)
            && let Some(gone) = self.pods.remove(key)
        {
            self.runtime.0.close(&gone.uid);
        }
        let Some(pod) = found else { return false };
        if object::is_terminating(&pod) {
            self.end(session, key, &pod);
            return true;
        }
        if is_finished(&pod) {
            return true;
        }
        if !self.pods.contains_key(key) && !self.open(session, key, &pod) {
            return true;
        }
        let Some(local) = self.pods.get_mut(key) else {
            return true;
        };
        let now = session.now();
        let mut work = Work {
            session,
            recorder: &mut self.recorder,
        };
        container::advance_all(
            &mut work,
            &self.runtime,
            &pod,
            local.address,
            &mut local.containers,
        );
        let address = local.address;
        let wanted = status::of(&pod, Some(address), &local.containers, now);
        put(work.session, &pod, wanted);
        true
    }

    /// Gets a pod its volumes and its address; what is missing is told by an event.
    fn open(&mut self, session: &mut Session<'_>, key: &Key, pod: &Arc<Value>) -> bool {
        let uid = object::uid(pod).to_owned();
        let opened = spec::volumes(session, pod)
            .and_then(|volumes| Ok((self.runtime.0.open(pod, &volumes)?, volumes)));
        let containers = container::all(pod);
        match opened {
            Ok((address, volumes)) => {
                self.pods.insert(
                    key.clone(),
                    Pod {
                        uid,
                        address,
                        containers,
                        volumes,
                        told_to_end: false,
                    },
                );
                true
            }
            Err(error) => {
                let note = Note::new(pod, true, "FailedMount", error).of_kubelet(pod, "");
                self.recorder.record_once(session, &note);
                let wanted = status::of(pod, None, &containers, session.now());
                put(session, pod, wanted);
                false
            }
        }
    }

    /// Writes the volumes anew whose content has changed, at once. What can't be read now stays as it was.
    fn refresh(&mut self, session: &mut Session<'_>, change: &Change) {
        let keys: Vec<Key> = self
            .pods
            .keys()
            .filter(|key| key.0 == change.namespace)
            .filter(|key| change.resource != known::PODS || key.1 == change.name)
            .cloned()
            .collect();
        for key in keys {
            let Some(pod) = session.get(&known::PODS, &key.0, &key.1) else {
                continue;
            };
            let (Ok(now), Some(local)) = (spec::volumes(session, &pod), self.pods.get_mut(&key))
            else {
                continue;
            };
            let changed: BTreeMap<String, Volume> = now
                .into_iter()
                .filter(|(name, volume)| local.volumes.get(name) != Some(volume))
                .collect();
            if !changed.is_empty() && self.runtime.0.refresh(&local.uid, &changed).is_ok() {
                local.volumes.extend(changed);
            }
        }
    }

    /// SIGTERM once, then patience until all have ended or the grace period is over.
    fn end(&mut self, session: &mut Session<'_>, key: &Key, pod: &Value) {
        let uid = object::uid(pod).to_owned();
        let Some(local) = self.pods.get_mut(key) else {
            return remove(session, pod);
        };
        if !local.told_to_end {
            local.told_to_end = true;
            self.runtime.0.terminate(&uid);
        }
        let ended = local.containers.iter().all(|(name, container)| {
            !matches!(container.phase, Phase::Running { .. })
                || !container.is_real
                || self.runtime.0.exit(&uid, name).is_some()
        });
        let over = time(pod, "/metadata/deletionTimestamp").is_none_or(|at| at <= session.now());
        if ended || over {
            self.runtime.0.close(&uid);
            self.pods.remove(key);
            remove(session, pod);
        }
    }
}

/// The pod is gone from its node, so from the API too.
fn remove(session: &mut Session<'_>, pod: &Value) {
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: Some(object::uid(pod).to_owned()),
        ..DeleteOptions::default()
    };
    // Somebody may have removed it already.
    let _ = session.delete(
        &known::PODS,
        object::namespace(pod),
        object::name(pod),
        &options,
    );
}

/// Writes a status if it says something new.
fn put(session: &mut Session<'_>, pod: &Value, status: Value) {
    if pod.get("status") == Some(&status) {
        return;
    }
    let mut wanted = pod.clone();
    object::set(&mut wanted, &["status"], status);
    // A pod that changed meanwhile is written at the next look.
    let _ = session.update_status(&known::PODS, wanted);
}

impl Builtin for LocalPods {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        if !self.started {
            self.started = true;
            for pod in session.list(&known::PODS, None) {
                self.note(&pod);
            }
        }
        for change in changes {
            if change.resource == known::PODS
                && let Some(pod) = &change.after
            {
                self.note(pod);
            }
            if feeds_volumes(change) {
                self.refresh(session, change);
            }
        }
        if self.keys.is_empty() {
            return None;
        }
        let keys: Vec<Key> = self.keys.iter().cloned().collect();
        for key in keys {
            if !self.sync(session, &key) {
                self.keys.remove(&key);
            }
        }
        let pause = if self.pods.is_empty() {
            RETRY_AFTER
        } else {
            LOOK_EVERY
        };
        Some(object::milliseconds_after(session.now(), pause))
    }
}

/// Whether volumes may hold something else after a change.
fn feeds_volumes(change: &Change) -> bool {
    let metadata = |pod: Option<&Arc<Value>>| {
        let of = |field| pod.and_then(|pod| pod.pointer(field)).cloned();
        (of("/metadata/labels"), of("/metadata/annotations"))
    };
    [known::CONFIG_MAPS, known::SECRETS].contains(&change.resource)
        || change.resource == known::PODS
            && metadata(change.before.as_ref()) != metadata(change.after.as_ref())
}

/// An event about a container of a pod.
fn event(
    work: &mut Work<'_, '_>,
    (pod, container): (&Value, &str),
    warning: bool,
    reason: &str,
    message: String,
) {
    let note = Note::new(pod, warning, reason, message).of_kubelet(pod, container);
    work.recorder.record(work.session, &note);
}
