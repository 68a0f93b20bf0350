//! Pure decisions of the DaemonSet controller: which nodes get a pod, which pods go, and the status.
//!
//! Mirrors `podsShouldBeOnNode` of `daemon_controller.go` and `rollingUpdate` of `update.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::int_or_string::IntOrString;
use serde_json::{Value, json};

use super::node::{self, HASH, Wants};
use crate::builtin::object::{self, count, text};
use crate::builtin::pod;

/// Everything a decision looks at.
#[derive(Debug)]
pub(crate) struct Observed<'a> {
    /// The DaemonSet.
    pub(crate) set: &'a Value,
    /// All nodes.
    pub(crate) nodes: &'a [Arc<Value>],
    /// The DaemonSet's pods.
    pub(crate) pods: &'a [Arc<Value>],
    /// The hash of the present template's revision.
    pub(crate) hash: &'a str,
    /// The time.
    pub(crate) now: Timestamp,
}

/// Pods to make and to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Nodes that get a pod.
    pub(crate) create: Vec<String>,
    /// Names of pods that go.
    pub(crate) delete: Vec<String>,
    /// Events about pods that ended: whether it is a warning, reason and message.
    pub(crate) events: Vec<(bool, &'static str, String)>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }
}

/// Pods by the node they are on or will be.
type ByNode<'a> = BTreeMap<&'a str, Vec<&'a Value>>;

impl<'a> Observed<'a> {
    fn by_node(&self) -> ByNode<'a> {
        let mut nodes = ByNode::new();
        for pod in self.pods {
            let is_over = pod::is_finished(pod) && object::is_terminating(pod);
            if let Some(name) = node::target(pod).filter(|_| !is_over) {
                nodes.entry(name).or_default().push(pod);
            }
        }
        for pods in nodes.values_mut() {
            pods.sort_by_key(|p| age(p));
        }
        nodes
    }

    fn is_available(&self, pod: &Value) -> bool {
        pod::is_available(pod, self.min_ready(), self.now)
    }

    fn min_ready(&self) -> i64 {
        count(self.set, "/spec/minReadySeconds")
    }

    /// `maxSurge` or `maxUnavailable`, of so many nodes; 0 unless updates are rolling.
    fn allowance(&self, key: &str, nodes: usize) -> usize {
        if text(self.set, "/spec/updateStrategy/type") != "RollingUpdate" {
            return 0;
        }
        let value = object::at(
            self.set,
            &format!("/spec/updateStrategy/rollingUpdate/{key}"),
        );
        let total = i32::try_from(nodes).unwrap_or(i32::MAX);
        value
            .and_then(IntOrString::from_value)
            .and_then(|v| v.scaled(total, true).ok())
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0)
    }
}

/// Bound pods come first, then those that are further, then older ones.
fn age(pod: &Value) -> (bool, String, String) {
    (
        text(pod, "/spec/nodeName").is_empty(),
        text(pod, "/metadata/creationTimestamp").to_owned(),
        object::name(pod).to_owned(),
    )
}

/// Pods that are missing, superfluous or ended.
pub(crate) fn manage(seen: &Observed<'_>) -> Plan {
    let by_node = seen.by_node();
    let mut plan = Plan::default();
    for node in seen.nodes {
        let name = object::name(node);
        let pods = by_node.get(name);
        let living = || {
            pods.into_iter()
                .flatten()
                .copied()
                .filter(|p| !object::is_terminating(p))
        };
        match node::wants(seen.set, node) {
            Wants::Pod if pods.is_none() => plan.create.push(name.to_owned()),
            wants @ (Wants::Pod | Wants::NoNewPod) => {
                let living: Vec<&Value> = living().collect();
                keep_one(seen, &mut plan, name, &living, wants == Wants::Pod);
            }
            Wants::Nothing => plan
                .delete
                .extend(living().map(|p| object::name(p).to_owned())),
        }
    }
    let is_node = |name: &str| seen.nodes.iter().any(|n| object::name(n) == name);
    for (_, pods) in by_node.iter().filter(|(name, _)| !is_node(name)) {
        let unbound = pods.iter().filter(|p| text(p, "/spec/nodeName").is_empty());
        plan.delete
            .extend(unbound.map(|p| object::name(p).to_owned()));
    }
    plan
}

/// Sees to one node that may have a pod.
fn keep_one(seen: &Observed<'_>, plan: &mut Plan, node: &str, living: &[&Value], may_create: bool) {
    let mut running = Vec::new();
    for pod in living {
        let name = object::name(pod);
        let path = format!("{}/{name} on node {node}", object::namespace(pod));
        match text(pod, "/status/phase") {
            "Failed" => plan.events.push((
                true,
                "FailedDaemonPod",
                format!("Found failed daemon pod {path}, will try to kill it"),
            )),
            "Succeeded" => plan.events.push((
                false,
                "SucceededDaemonPod",
                format!("Found succeeded daemon pod {path}, will try to delete it"),
            )),
            _ => {
                running.push(*pod);
                continue;
            }
        }
        plan.delete.push(name.to_owned());
    }
    if seen.allowance("maxSurge", 1) == 0 {
        let surplus = running.iter().skip(1);
        plan.delete
            .extend(surplus.map(|p| object::name(p).to_owned()));
    } else if running.is_empty() && may_create {
        plan.create.push(node.to_owned());
    } else if running.len() > 1 {
        keep_two(seen, plan, &running);
    }
}

/// While surging, an old and a new pod may stand side by side: until the new one is available or the old one is not ready.
fn keep_two(seen: &Observed<'_>, plan: &mut Plan, running: &[&Value]) {
    let is_new = |p: &&&Value| object::labels(p).get(HASH).map(String::as_str) == Some(seen.hash);
    let new = running.iter().find(is_new);
    let old = running.iter().find(|p| !is_new(p));
    let is_kept = |p: &Value| {
        [new, old]
            .into_iter()
            .flatten()
            .any(|kept| object::name(kept) == object::name(p))
    };
    plan.delete.extend(
        running
            .iter()
            .filter(|p| !is_kept(p))
            .map(|p| object::name(p).to_owned()),
    );
    if let (Some(new), Some(old)) = (new, old)
        && (!pod::is_ready(old) || seen.is_available(new))
    {
        plan.delete.push(object::name(old).to_owned());
    }
}

/// The one new and the one old pod of a node; `None` where there are several, which [`manage`] prunes first.
fn pair<'a>(
    seen: &Observed<'_>,
    pods: &[&'a Value],
) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
    let (mut new, mut old) = (None, None);
    for pod in pods.iter().filter(|p| !object::is_terminating(p)) {
        let slot = if node::is_updated(seen.set, pod, seen.hash) {
            &mut new
        } else {
            &mut old
        };
        if slot.replace(*pod).is_some() {
            return None;
        }
    }
    Some((new, old))
}

/// The next step of a rolling update, for a DaemonSet that [`manage`] has nothing to do for.
pub(crate) fn roll(seen: &Observed<'_>) -> Plan {
    if text(seen.set, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Plan::default();
    }
    let mut by_node = seen.by_node();
    let wanted: Vec<&str> = seen
        .nodes
        .iter()
        .filter(|n| node::wants(seen.set, n) == Wants::Pod)
        .map(|n| object::name(n))
        .collect();
    for name in &wanted {
        by_node.entry(name).or_default();
    }
    let surge = seen.allowance("maxSurge", wanted.len());
    let mut unavailable = seen.allowance("maxUnavailable", wanted.len());
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    if surge == 0 {
        replace(seen, &by_node, unavailable)
    } else {
        surge_over(seen, &by_node, &wanted, surge)
    }
}

/// Deletes old pods: all that are not available anyway, and as many others as may be missing.
fn replace(seen: &Observed<'_>, by_node: &ByNode<'_>, allowed: usize) -> Plan {
    let mut missing = 0;
    let (mut broken, mut candidates) = (Vec::new(), Vec::new());
    for pods in by_node.values() {
        match pair(seen, pods) {
            None | Some((None, None) | (Some(_), Some(_))) => missing += 1,
            Some((Some(new), None)) => missing += usize::from(!seen.is_available(new)),
            Some((None, Some(old))) if !seen.is_available(old) => {
                broken.push(object::name(old).to_owned());
                missing += 1;
            }
            Some((None, Some(old))) => candidates.push(object::name(old).to_owned()),
        }
    }
    candidates.truncate(allowed.saturating_sub(missing));
    broken.extend(candidates);
    Plan {
        delete: broken,
        ..Plan::default()
    }
}

/// Makes new pods beside old ones, and deletes old ones whose successor is available.
fn surge_over(seen: &Observed<'_>, by_node: &ByNode<'_>, wanted: &[&str], surge: usize) -> Plan {
    let (mut surging, mut available) = (0, 0);
    let (mut broken, mut candidates, mut misplaced) = (Vec::new(), Vec::new(), Vec::new());
    let mut plan = Plan::default();
    for (name, pods) in by_node {
        let Some((new, old)) = pair(seen, pods) else {
            surging += 1;
            continue;
        };
        available += usize::from(old.or(new).is_some_and(|p| seen.is_available(p)));
        let Some(old) = old else { continue };
        let belongs = wanted.contains(name);
        match new {
            None if !seen.is_available(old) && belongs => broken.push((*name).to_owned()),
            None if !seen.is_available(old) => plan.delete.push(object::name(old).to_owned()),
            None if !belongs => misplaced.push(object::name(old).to_owned()),
            None => candidates.push((*name).to_owned()),
            Some(new) if !seen.is_available(new) => surging += 1,
            Some(_) => plan.delete.push(object::name(old).to_owned()),
        }
    }
    misplaced.truncate(available.saturating_sub(wanted.len()));
    plan.delete.extend(misplaced);
    candidates.truncate(surge.saturating_sub(surging));
    plan.create = broken;
    plan.create.extend(candidates);
    plan
}

/// The status that follows from nodes and pods.
pub(crate) fn status(seen: &Observed<'_>) -> Value {
    let by_node = seen.by_node();
    let (mut desired, mut current, mut misscheduled) = (0_i64, 0_i64, 0_i64);
    let (mut ready, mut available, mut updated) = (0_i64, 0_i64, 0_i64);
    for node in seen.nodes {
        let first = by_node
            .get(object::name(node))
            .and_then(|pods| pods.first().copied());
        if node::wants(seen.set, node) != Wants::Pod {
            misscheduled += i64::from(first.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = first else { continue };
        current += 1;
        ready += i64::from(pod::is_ready(pod));
        available += i64::from(seen.is_available(pod));
        updated += i64::from(node::is_updated(seen.set, pod, seen.hash));
    }
    let mut status = object::without_zeros(&[
        (
            "observedGeneration",
            count(seen.set, "/metadata/generation"),
        ),
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ]);
    for (key, number) in [
        ("currentNumberScheduled", current),
        ("numberMisscheduled", misscheduled),
        ("desiredNumberScheduled", desired),
        ("numberReady", ready),
    ] {
        status.insert(key.to_owned(), json!(number));
    }
    for key in ["collisionCount", "conditions"] {
        if let Some(kept) = seen.set.get("status").and_then(|s| s.get(key)) {
            status.insert(key.to_owned(), kept.clone());
        }
    }
    Value::Object(status)
}

/// When a ready pod becomes available.
pub(crate) fn wake(seen: &Observed<'_>) -> Option<Timestamp> {
    pod::next_available(
        seen.pods.iter().map(AsRef::as_ref),
        seen.min_ready(),
        seen.now,
    )
}
