//! Nodes that fall silent or disappear, and what becomes of their pods.
//!
//! Mirrors `pkg/controller/{nodelifecycle,tainteviction,podgc}`: a node whose Lease is not renewed for 50 s becomes `Unknown` and is
//! tainted, its pods are no longer ready, and go when they no longer tolerate the taint; pods of a node that is gone go after 40 s.
//! The more nodes are lost, the slower pods go, and with the last one they stay.

mod decide;
mod zones;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::zones::{Execution, Zones};
use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, items, text};
use super::pod;
use super::write::{Work, Write, is_not_found};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Namespace of the nodes' Leases.
const LEASES: &str = "kube-node-lease";
/// Who writes the events about pods that have to leave a node (`pkg/controller/tainteviction`).
const TAINT_EVICTION: &str = "taint-eviction-controller";
/// Seconds a pod may stay bound to a node that doesn't exist.
const QUARANTINE: i64 = 40;

/// The node lifecycle, taint eviction and pod garbage controllers in one.
#[derive(Default)]
pub(crate) struct NodeLifecycle {
    /// Nodes that pods are bound to and that don't exist, since when.
    missing: BTreeMap<String, Timestamp>,
    /// Nodes that were ready when they were seen last, and their uids.
    ready: BTreeMap<String, String>,
    /// By node, the pods that will have to leave it.
    doomed: BTreeMap<String, Vec<Arc<Value>>>,
    zones: Zones,
    /// Revision of the last change after which zones were another way.
    turned: u64,
}

impl Control for NodeLifecycle {
    const NAME: &'static str = "node-controller";

    fn begin(&mut self, session: &Session<'_>) {
        for node in session.list(&known::NODES, None) {
            self.zones.note(object::name(&node), Some(&node));
        }
    }

    fn observe(&mut self, change: &Change) {
        if change.resource == known::NODES && self.zones.note(&change.name, change.after.as_deref())
        {
            self.turned = change.revision;
        }
    }

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let bound = session.list(&known::PODS, None);
        let bound = bound
            .iter()
            .map(|p| (String::new(), text(p, "/spec/nodeName").to_owned()))
            .filter(|(_, node)| !node.is_empty());
        control::keys(session, &known::NODES, None)
            .into_iter()
            .chain(bound)
            .collect()
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::NODES && change.revision == self.turned {
            let others = self.zones.troubled().filter(|name| *name != change.name);
            let all = std::iter::once(change.name.as_str()).chain(others);
            return all.map(|name| (String::new(), name.to_owned())).collect();
        }
        if change.resource == known::NODES
            || change.resource == known::LEASES && change.namespace == LEASES
        {
            return vec![(String::new(), change.name.clone())];
        }
        if change.resource != known::PODS {
            return Vec::new();
        }
        let node = change
            .after
            .as_ref()
            .map_or("", |p| text(p, "/spec/nodeName"));
        let troubled = !node.is_empty()
            && session
                .get(&known::NODES, "", node)
                .is_none_or(|n| !items(&n, "/spec/taints").is_empty());
        if troubled {
            vec![(String::new(), node.to_owned())]
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let name = &key.1;
        self.zones.settle(work.now());
        let Some(node) = work.session.get(&known::NODES, "", name) else {
            if let Some(uid) = self.ready.remove(name) {
                farewell(work, name, &uid)?;
            }
            return self.collect(work, name);
        };
        self.missing.remove(name);
        greet(work, &node);
        let lease = work.session.get(&known::LEASES, LEASES, name);
        let resumed = self.zones.resumed();
        let (silent, heard) = decide::silence(&node, lease.as_deref(), resumed, work.now());
        if silent && let Some(status) = decide::unknown_status(&node, work.now()) {
            let mut wanted = (*node).clone();
            object::set(&mut wanted, &["status"], status);
            work.perform(vec![Write::UpdateStatus(known::NODES, wanted)])?;
            return Ok(None);
        }
        self.tell_readiness(work, &node)?;
        let execution = self.zones.execution(&node, work.now());
        if self.taint(work, &node, execution)? {
            return Ok(None);
        }
        if !silent && items(&node, "/spec/taints").is_empty() {
            self.reprieve(work, name)?;
            return Ok(heard);
        }
        let pods = pods_on(work.session, name);
        if silent {
            mark_unready(work, &pods)?;
        }
        let (evicted, doomed) = evict(work, &node, &pods)?;
        if doomed.is_empty() {
            self.reprieve(work, name)?;
        } else {
            self.doomed.insert(name.clone(), doomed);
        }
        let permitted = match execution {
            Execution::Waits(at) => at,
            Execution::Stands | Execution::Begins => None,
        };
        let heard = heard.filter(|_| !silent);
        Ok([evicted, heard, permitted].into_iter().flatten().min())
    }
}

/// Says once of each node that it is known, as upstream does whenever the controller starts.
fn greet(work: &mut Work<'_, '_>, node: &Value) {
    let name = object::name(node);
    let message = format!("Node {name} event: Registered Node {name} in Controller");
    let event = Note::new(
        &reference(name, object::uid(node)),
        false,
        "RegisteredNode",
        message,
    );
    work.recorder.record_once(work.session, &event);
}

/// Says that a node is gone.
fn farewell(work: &mut Work<'_, '_>, name: &str, uid: &str) -> Result<(), ApiError> {
    let text = format!("Node {name} event: Removing Node {name} from Controller");
    let node = reference(name, uid);
    work.perform(vec![Note::normal(&node, "RemovingNode", text)])
}

/// What events tell of a node: not its resourceVersion (`RecordNodeEvent` of `pkg/controller/util/node/controller_utils.go`).
fn reference(name: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": uid}})
}

/// Tells something of a pod that has to leave a node; only its name is known there.
fn tell_of_eviction(work: &mut Work<'_, '_>, pod: &Value, what: &str) -> Result<(), ApiError> {
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name}});
    let message = format!("{what} Pod {namespace}/{name}");
    let note = Note::new(&pod, false, "TaintManagerEviction", message).of(TAINT_EVICTION);
    work.perform(vec![Write::Event(note)])
}

fn pods_on(session: &Session<'_>, node: &str) -> Vec<Arc<Value>> {
    session
        .list(&known::PODS, None)
        .into_iter()
        .filter(|p| text(p, "/spec/nodeName") == node)
        .collect()
}

/// Pods of a silent node are not ready, whatever they said last.
fn mark_unready(work: &mut Work<'_, '_>, pods: &[Arc<Value>]) -> Result<(), ApiError> {
    for pod in pods.iter().filter(|p| pod::is_ready(p)) {
        let mut wanted = (**pod).clone();
        let mut conditions: Vec<Value> = items(pod, "/status/conditions").to_vec();
        for condition in conditions
            .iter_mut()
            .filter(|c| text(c, "/type") == "Ready")
        {
            object::set(condition, &["status"], json!("False"));
            object::set(
                condition,
                &["lastTransitionTime"],
                json!(object::stamp(work.now())),
            );
        }
        object::set(&mut wanted, &["status", "conditions"], json!(conditions));
        work.perform(vec![
            Write::UpdateStatus(known::PODS, wanted),
            Note::warning(pod, "NodeNotReady", "Node is not ready".to_owned()),
        ])?;
    }
    Ok(())
}

/// When the next pod has to leave, and all that will have to.
type Doom = (Option<Timestamp>, Vec<Arc<Value>>);

/// Deletes the pods whose patience with the node's taints is over.
fn evict(work: &mut Work<'_, '_>, node: &Value, pods: &[Arc<Value>]) -> Result<Doom, ApiError> {
    let mut next: Option<Timestamp> = None;
    let mut doomed = Vec::new();
    for pod in pods.iter().filter(|p| pod::is_active(p)) {
        let Some(at) = decide::evicted_at(pod, node) else {
            continue;
        };
        if at > work.now() {
            next = Some(next.map_or(at, |n| n.min(at)));
            doomed.push(pod.clone());
            continue;
        }
        tell_of_eviction(work, pod, "Marking for deletion")?;
        let told = (
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
        );
        disrupt(work, pod, told, false)?;
        delete(work, pod, DeleteOptions::default())?;
    }
    Ok((next, doomed))
}

/// Tells a pod why it goes, in condition `DisruptionTarget`.
fn disrupt(
    work: &mut Work<'_, '_>,
    pod: &Value,
    told: (&str, &str),
    failed: bool,
) -> Result<(), ApiError> {
    let mut conditions: Vec<Value> = items(pod, "/status/conditions").to_vec();
    conditions.retain(|c| text(c, "/type") != "DisruptionTarget");
    conditions.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": told.0, "message": told.1, "lastProbeTime": null,
        "lastTransitionTime": object::stamp(work.now()), "observedGeneration": object::count(pod, "/metadata/generation"),
    }));
    let mut status = json!({"conditions": conditions});
    if failed {
        object::set(&mut status, &["phase"], json!("Failed"));
    }
    let patched = work.session.patch_merge(
        &known::PODS,
        object::namespace(pod),
        object::name(pod),
        "status",
        &json!({"status": status}),
    );
    match patched {
        Err(error) if !is_not_found(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn delete(work: &mut Work<'_, '_>, pod: &Value, options: DeleteOptions) -> Result<(), ApiError> {
    let options = DeleteOptions {
        uid: Some(object::uid(pod).to_owned()),
        ..options
    };
    match work.session.delete(
        &known::PODS,
        object::namespace(pod),
        object::name(pod),
        &options,
    ) {
        Err(error) if !is_not_found(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl NodeLifecycle {
    /// Gives a node the taints that follow from it. Tells whether it lacked some, or had too many.
    fn taint(
        &mut self,
        work: &mut Work<'_, '_>,
        node: &Value,
        execution: Execution,
    ) -> Result<bool, ApiError> {
        let executes = match execution {
            Execution::Stands | Execution::Begins => true,
            Execution::Waits(_) => false,
        };
        let Some(taints) = decide::taints(node, executes, work.now()) else {
            return Ok(false);
        };
        let mut wanted = node.clone();
        object::set(&mut wanted, &["spec", "taints"], taints);
        work.perform(vec![Write::Update(known::NODES, wanted)])?;
        if execution == Execution::Begins {
            self.zones.begun(node, work.now());
        }
        Ok(true)
    }

    /// Says of a node that was ready that it no longer is.
    fn tell_readiness(&mut self, work: &mut Work<'_, '_>, node: &Value) -> Result<(), ApiError> {
        let name = object::name(node);
        if object::is_true(node, "Ready") {
            self.ready
                .insert(name.to_owned(), object::uid(node).to_owned());
            return Ok(());
        }
        if self.ready.remove(name).is_none() {
            return Ok(());
        }
        let text = format!("Node {name} status is now: NodeNotReady");
        let node = reference(name, object::uid(node));
        work.perform(vec![Note::normal(&node, "NodeNotReady", text)])
    }

    /// Says of pods that were to leave a node that they may stay.
    fn reprieve(&mut self, work: &mut Work<'_, '_>, node: &str) -> Result<(), ApiError> {
        for pod in self.doomed.remove(node).unwrap_or_default() {
            let (namespace, name) = (object::namespace(&pod), object::name(&pod));
            let found = work.session.get(&known::PODS, namespace, name);
            if found.is_some_and(|pod| !object::is_terminating(&pod)) {
                tell_of_eviction(work, &pod, "Cancelling deletion of")?;
            }
        }
        Ok(())
    }

    /// Removes the pods of a node that has been gone for long enough.
    fn collect(
        &mut self,
        work: &mut Work<'_, '_>,
        node: &str,
    ) -> Result<Option<Timestamp>, ApiError> {
        let pods = pods_on(work.session, node);
        if pods.is_empty() {
            self.missing.remove(node);
            return Ok(None);
        }
        let since = *self.missing.entry(node.to_owned()).or_insert(work.now());
        let end = object::seconds_after(since, QUARANTINE);
        if end > work.now() {
            return Ok(Some(end));
        }
        for pod in &pods {
            if object::count(pod, "/metadata/deletionGracePeriodSeconds") == 0
                && object::is_terminating(pod)
            {
                continue;
            }
            if !pod::is_finished(pod) {
                disrupt(
                    work,
                    pod,
                    ("DeletionByPodGC", "PodGC: node no longer exists"),
                    true,
                )?;
            }
            delete(
                work,
                pod,
                DeleteOptions {
                    grace_period_seconds: Some(0),
                    ..DeleteOptions::default()
                },
            )?;
        }
        Ok(None)
    }
}
