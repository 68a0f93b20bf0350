//! The scheduler: binds each pod to the node with the fewest pods among those that take it.
//!
//! Filters as `pkg/scheduler/framework/plugins` do (node selector, required node affinity, taints, requests, number of pods), without
//! preemption, spreading and pod affinity. A pod waits for its claims; those that wait for it in turn are told its node.

mod claims;
pub(crate) mod place;
mod residents;

use std::collections::BTreeMap;

use jiff::Timestamp;
use place::Fit;
use residents::Residents;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, items, text};
use super::pod;
use super::volume::facts;
use super::write::{Work, Write, is_not_found};
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// The scheduler's name in `spec.schedulerName`, and of its events' source.
const SCHEDULER: &str = "default-scheduler";
/// Seconds after which a pod that found no node is tried again though nothing has changed (`DefaultPodMaxInUnschedulablePodsDuration`
/// of `pkg/scheduler/backend/queue`).
const UNSCHEDULABLE: i64 = 300;

/// The scheduler.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    residents: Residents,
    /// When pods that found no node were tried last.
    tried: BTreeMap<Key, Timestamp>,
}

impl Control for Scheduler {
    const NAME: &'static str = SCHEDULER;

    fn begin(&mut self, session: &Session<'_>) {
        self.residents = Residents::of(session);
    }

    fn observe(&mut self, change: &Change) {
        self.residents.observe(change);
    }

    fn all(&self, _: &Session<'_>) -> Vec<Key> {
        self.residents.waiting()
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::NODES && !only_heartbeat(change) {
            return self.residents.waiting();
        }
        if [
            known::PERSISTENT_VOLUME_CLAIMS,
            facts::VOLUMES,
            facts::CLASSES,
        ]
        .contains(&change.resource)
        {
            return self.residents.waiting();
        }
        if change.resource != known::PODS {
            return Vec::new();
        }
        if change.after.as_ref().is_none_or(|p| pod::is_finished(p)) {
            return self.residents.waiting();
        }
        vec![control::itself(change)]
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(pod) = work
            .session
            .get(&known::PODS, &key.0, &key.1)
            .filter(|p| wants_a_node(p))
        else {
            self.tried.remove(key);
            return Ok(None);
        };
        let needs = match claims::needs(work.session, &pod) {
            Ok(needs) => needs,
            Err(reason) => {
                let nodes = self.residents.node_count();
                let message = format!("0/{nodes} nodes are available: {reason}. not found");
                return self.refuse(work, &pod, &message);
            }
        };
        match needs.place(&pod, work.session, &self.residents) {
            Fit::Node(node) if needs.unbound.is_empty() => {
                bind(work, &pod, &node)?;
                // The next pod of this pass finds it there.
                let bound = work.session.get(&known::PODS, &key.0, &key.1);
                self.residents.note_pod(key.clone(), bound.as_deref());
            }
            Fit::Node(node) => claims::select(work, &needs.unbound, &node)?,
            Fit::None(message) => return self.refuse(work, &pod, &message),
        }
        Ok(None)
    }
}

fn wants_a_node(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty()
        && matches!(text(pod, "/spec/schedulerName"), "" | SCHEDULER)
        && items(pod, "/spec/schedulingGates").is_empty()
        && pod::is_active(pod)
}

/// Whether a node changed in nothing that decides where pods go.
fn only_heartbeat(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return false;
    };
    ["/spec", "/metadata/labels", "/status/allocatable"]
        .iter()
        .all(|p| before.pointer(p) == after.pointer(p))
}

fn bind(work: &mut Work<'_, '_>, pod: &Value, node: &str) -> Result<(), ApiError> {
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace, "uid": object::uid(pod)},
        "target": {"kind": "Node", "name": node},
    });
    match work
        .session
        .post_subresource(&known::PODS, namespace, name, "binding", binding)
    {
        Ok(()) => {}
        Err(error) if is_not_found(&error) => return Ok(()),
        Err(error) => return Err(error),
    }
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    let told = Note::new(pod, false, "Scheduled", message).doing("Binding");
    work.perform(vec![Write::Event(told)])
}

impl Scheduler {
    /// Tells that a pod found no node. Returns when it is tried again though nothing has changed.
    fn refuse(
        &mut self,
        work: &mut Work<'_, '_>,
        pod: &Value,
        message: &str,
    ) -> Result<Option<Timestamp>, ApiError> {
        let (key, now) = (control::key_of(pod), work.now());
        let told = object::condition(pod, "PodScheduled")
            .filter(|c| text(c, "/status") == "False")
            .map(|c| (text(c, "/message"), text(c, "/lastTransitionTime")));
        let again = |since: Timestamp| Some(object::seconds_after(since, UNSCHEDULABLE));
        if told.is_none_or(|(before, _)| before != message) {
            let since = told.map(|(_, since)| since.to_owned());
            set_unscheduled(work, pod, message, since)?;
        } else if let Some(tried) = self.tried.get(&key)
            && again(*tried) > Some(now)
        {
            // What changed was no reason to try it.
            return Ok(again(*tried));
        }
        self.tried.insert(key, now);
        let note = Note::new(pod, true, "FailedScheduling", shortened(message));
        work.perform(vec![Write::Event(note.doing("Scheduling"))])?;
        Ok(again(now))
    }
}

/// Writes the condition of a pod that found no node.
fn set_unscheduled(
    work: &mut Work<'_, '_>,
    pod: &Value,
    message: &str,
    since: Option<String>,
) -> Result<(), ApiError> {
    let mut conditions: Vec<Value> = items(pod, "/status/conditions").to_vec();
    conditions.retain(|c| text(c, "/type") != "PodScheduled");
    let since = since.unwrap_or_else(|| object::stamp(work.now()));
    conditions.push(json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastProbeTime": null,
        "lastTransitionTime": since, "observedGeneration": object::count(pod, "/metadata/generation"),
    }));
    let body = json!({"status": {"conditions": conditions}});
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    work.session
        .patch_merge(&known::PODS, namespace, name, "status", &body)
        .map(drop)
}

/// A message with no more bytes than an event may have (`truncateMessage` of `pkg/scheduler/schedule_one.go`).
fn shortened(message: &str) -> String {
    const LIMIT: usize = 1024;
    const SUFFIX: &str = " ...";
    if message.len() <= LIMIT {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(LIMIT - SUFFIX.len());
    format!("{}{SUFFIX}", message.get(..end).unwrap_or_default())
}
