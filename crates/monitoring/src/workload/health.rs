//! How the pods of `StatefulSets` and `DaemonSets` are, what a workload's status says of it, and which pod is stuck
//! (upstream's `pkg/operator/statefulset_reporter.go`, `conditions.go` and `pkg/prometheus/operator.go`, which know no
//! `DaemonSets`).

use std::collections::BTreeSet;

use machinery::meta;
use machinery::time::{Timestamp, rfc3339};
use serde_json::{Value, json};

use crate::api::status::Condition;

const REVISION: &str = "controller-revision-hash";
const INDEX: &str = "apps.kubernetes.io/pod-index";

/// How much of a workload can be used, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Availability {
    /// Nothing.
    False,
    /// A part.
    Degraded,
    /// Everything.
    True,
}

impl Availability {
    fn text(self) -> &'static str {
        match self {
            Self::False => "False",
            Self::Degraded => "Degraded",
            Self::True => "True",
        }
    }
}

/// What keeps pods going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeper {
    StatefulSet,
    DaemonSet,
}

impl Keeper {
    fn kind(self) -> &'static str {
        match self {
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    /// Why a workload without it can't be used.
    fn not_found(self) -> &'static str {
        match self {
            Self::StatefulSet => "StatefulSetNotFound",
            Self::DaemonSet => "DaemonSetNotFound",
        }
    }
}

/// One StatefulSet or DaemonSet and its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Health<'a> {
    keeper: Keeper,
    set: Option<&'a Value>,
    /// Its pods by ordinal.
    pods: Vec<&'a Value>,
    wanted: i32,
}

/// Numbers of pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub replicas: usize,
    /// Those of the newest template.
    pub updated: usize,
    /// Those that are ready.
    pub available: usize,
}

impl Counts {
    /// As a status has them.
    pub fn to_value(self) -> Value {
        json!({
            "replicas": self.replicas,
            "updatedReplicas": self.updated,
            "availableReplicas": self.available,
            "unavailableReplicas": self.replicas.saturating_sub(self.available),
        })
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            replicas: sum.replicas + one.replicas,
            updated: sum.updated + one.updated,
            available: sum.available + one.available,
        })
    }
}

impl<'a> Health<'a> {
    /// A StatefulSet, if it is there, and what its selector finds; `wanted` replicas must be ready.
    pub fn new(set: Option<&'a Value>, found: &'a [Value], wanted: Option<i32>) -> Self {
        Self::kept_by(Keeper::StatefulSet, set, found, wanted.unwrap_or(1))
    }

    /// A DaemonSet, if it is there, and what its selector finds; a pod must be ready on each node that it is for.
    pub fn of_daemon_set(set: Option<&'a Value>, found: &'a [Value]) -> Self {
        let nodes = |set: &Value| {
            // Until its controller has looked at it, nobody knows how many nodes that are.
            let seen = of_status(set, "observedGeneration") > 0;
            seen.then(|| of_status(set, "desiredNumberScheduled"))
        };
        let wanted = set.and_then(nodes).unwrap_or(1);
        let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
        Self::kept_by(Keeper::DaemonSet, set, found, wanted)
    }

    fn kept_by(keeper: Keeper, set: Option<&'a Value>, found: &'a [Value], wanted: i32) -> Self {
        let owned = |pod: &&Value| {
            let owners = meta::owner_references(pod);
            owners.iter().any(|owner| {
                owner.kind == keeper.kind() && set.map(meta::name) == Some(owner.name.as_str())
            })
        };
        let mut pods: Vec<&Value> = found.iter().filter(owned).collect();
        pods.sort_by_key(|pod| ordinal(pod));
        Self {
            keeper,
            set,
            pods,
            wanted,
        }
    }

    /// Numbers of its pods.
    pub fn counts(&self) -> Counts {
        match self.keeper {
            Keeper::StatefulSet => self.counted(),
            Keeper::DaemonSet => self.set.map(reported).unwrap_or_default(),
        }
    }

    fn counted(&self) -> Counts {
        let newest = self
            .set
            .and_then(|set| set.pointer("/status/updateRevision"));
        let newest = newest.and_then(Value::as_str).unwrap_or_default();
        let updated = |pod: &&&Value| meta::label(pod, REVISION).unwrap_or_default() == newest;
        Counts {
            replicas: self.pods.len(),
            updated: self.pods.iter().filter(updated).count(),
            available: self.pods.iter().filter(|pod| is_ready(pod)).count(),
        }
    }

    /// How much of it can be used, and why not all.
    pub fn availability(&self) -> (Availability, &'static str) {
        let ready = i32::try_from(self.counts().available).unwrap_or(i32::MAX);
        match (self.set, ready) {
            (None, _) => (Availability::False, self.keeper.not_found()),
            (Some(_), ready) if ready >= self.wanted => (Availability::True, ""),
            (Some(_), 0) => (Availability::False, "NoPodReady"),
            (Some(_), _) => (Availability::Degraded, "SomePodsNotReady"),
        }
    }

    /// What keeps its pods from being ready, by pod.
    pub fn messages(&self) -> Vec<String> {
        self.pods
            .iter()
            .filter_map(|pod| Some(format!("pod {}: {}", meta::name(pod), message(pod)?)))
            .collect()
    }

    /// A pod that no update reaches any more: not ready, and of neither the current nor the newest template. A DaemonSet
    /// has none: its updates begin with what isn't ready.
    pub fn stuck(&self) -> Option<&'a Value> {
        let set = match self.keeper {
            Keeper::StatefulSet => self.set?,
            Keeper::DaemonSet => return None,
        };
        let status = |field: &str| set.pointer(&format!("/status/{field}"));
        if status("observedGeneration")
            .and_then(Value::as_i64)
            .unwrap_or_default()
            != meta::generation(set)
        {
            return None;
        }
        let alive = ["currentRevision", "updateRevision"]
            .map(|field| status(field).and_then(Value::as_str).unwrap_or_default());
        let stuck = |pod: &&&Value| {
            let revision = meta::label(pod, REVISION).unwrap_or_default();
            !is_ready(pod) && !alive.contains(&revision) && meta::deletion_timestamp(pod).is_none()
        };
        self.pods.iter().rev().find(stuck).copied()
    }
}

/// The condition `Available` of a workload with one StatefulSet; pods speak even if enough are ready.
pub fn available(health: &Health<'_>) -> Condition {
    let (availability, reason) = health.availability();
    condition(availability, reason.to_owned(), &health.messages())
}

/// The condition `Available` of a workload with shards, given by the key `namespace/name` of their `StatefulSets`, or with a
/// DaemonSet instead.
pub fn shards_available(shards: &[(String, Health<'_>)]) -> Condition {
    let mut worst = Availability::True;
    let mut reasons = BTreeSet::new();
    let mut messages = Vec::new();
    for (index, (key, health)) in shards.iter().enumerate() {
        let going = health.set.and_then(meta::deletion_timestamp).is_some();
        let (availability, reason) = health.availability();
        // One that is being made anew says nothing of the workload.
        if going || availability == Availability::True {
            continue;
        }
        worst = worst.min(availability);
        reasons.insert(reason);
        let place = match health.keeper {
            Keeper::StatefulSet => format!("shard {index}: "),
            Keeper::DaemonSet => String::new(),
        };
        if health.set.is_none() {
            let kind = health.keeper.kind().to_lowercase();
            messages.push(format!("{place}{kind} {key} not found"));
        }
        let pods = health.messages();
        messages.extend(pods.iter().map(|pod| format!("{place}{pod}")));
    }
    let reasons: Vec<&str> = reasons.into_iter().collect();
    condition(worst, reasons.join("And"), &messages)
}

fn condition(availability: Availability, reason: String, messages: &[String]) -> Condition {
    Condition {
        r#type: "Available".to_owned(),
        status: availability.text().to_owned(),
        reason: Some(reason),
        message: Some(messages.join("\n")),
        ..Condition::default()
    }
}

/// Conditions as they are written: each with the time when its status last changed.
pub fn written(
    before: &[Condition],
    conditions: Vec<Condition>,
    generation: i64,
    now: Timestamp,
) -> Vec<Value> {
    let write = |one: Condition| {
        let known = before.iter().find(|known| known.r#type == one.r#type);
        let known = known.filter(|known| known.status == one.status);
        let since = known.map_or_else(|| rfc3339(now), |known| known.last_transition_time.clone());
        json!({
            "type": one.r#type,
            "status": one.status,
            "reason": one.reason.unwrap_or_default(),
            "message": one.message.unwrap_or_default(),
            "observedGeneration": generation,
            "lastTransitionTime": since,
        })
    };
    conditions.into_iter().map(write).collect()
}

/// A number of a status; 0 if it isn't there.
fn of_status(set: &Value, field: &str) -> i64 {
    let number = set.pointer(&format!("/status/{field}"));
    number.and_then(Value::as_i64).unwrap_or_default()
}

/// What a DaemonSet says of its pods. How many are of the newest template it doesn't know before it has seen that.
fn reported(set: &Value) -> Counts {
    let count = |field: &str| usize::try_from(of_status(set, field)).unwrap_or_default();
    let is_current = of_status(set, "observedGeneration") == meta::generation(set);
    Counts {
        replicas: count("currentNumberScheduled"),
        updated: if is_current {
            count("updatedNumberScheduled")
        } else {
            0
        },
        available: count("numberReady"),
    }
}

fn ordinal(pod: &Value) -> u64 {
    let by_name = || meta::name(pod).rsplit_once('-').map(|(_, digits)| digits);
    let digits = meta::label(pod, INDEX).or_else(by_name);
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

fn conditions(pod: &Value) -> impl Iterator<Item = (&str, &str, &str)> {
    let list = pod.pointer("/status/conditions").and_then(Value::as_array);
    list.into_iter().flatten().map(|condition| {
        let text = |key: &str| {
            condition
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        (text("type"), text("status"), text("message"))
    })
}

fn is_ready(pod: &Value) -> bool {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str);
    let ready = conditions(pod).find(|(kind, _, _)| *kind == "Ready");
    phase == Some("Running") && ready.is_some_and(|(_, status, _)| status == "True")
}

/// The first step on the way to readiness that failed.
fn message(pod: &Value) -> Option<&str> {
    let steps = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    let failed = |step: &str| {
        let mut failed =
            conditions(pod).filter(|(kind, status, _)| *kind == step && *status == "False");
        failed.next().map(|(_, _, message)| message)
    };
    steps
        .into_iter()
        .find_map(failed)
        .filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Value {
        json!({
            "metadata": {"name": "s", "generation": 2},
            "status": {"observedGeneration": 2, "currentRevision": "old", "updateRevision": "new"},
        })
    }

    fn pod(ordinal: u32, revision: &str, ready: bool) -> Value {
        let status = if ready { "True" } else { "False" };
        json!({
            "metadata": {
                "name": format!("s-{ordinal}"), "labels": {REVISION: revision},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "u"}],
            },
            "status": {"phase": "Running", "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "ContainersReady", "status": status, "message": "not yet"},
                {"type": "Ready", "status": status, "message": "containers"},
            ]},
        })
    }

    #[test]
    fn pods_of_others_do_not_count_and_the_tenth_comes_last() {
        let set = set();
        let mut stranger = pod(7, "new", true);
        stranger["metadata"]["ownerReferences"][0]["name"] = json!("t");
        let pods = [pod(10, "new", false), pod(2, "old", true), stranger];
        let health = Health::new(Some(&set), &pods, Some(2));
        assert_eq!(
            health.counts(),
            Counts {
                replicas: 2,
                updated: 1,
                available: 1
            }
        );
        assert_eq!(
            health.availability(),
            (Availability::Degraded, "SomePodsNotReady")
        );
        assert_eq!(health.messages(), ["pod s-10: not yet"]);
        assert_eq!(meta::name(health.pods[1]), "s-10");
        assert_eq!(health.counts().to_value()["unavailableReplicas"], 1);
    }

    #[test]
    fn the_worst_shard_decides_and_all_reasons_are_named() {
        let set = set();
        let (ready, half) = (
            [pod(0, "new", true)],
            [pod(0, "new", true), pod(1, "new", false)],
        );
        let shard = |set, pods, wanted| ("n/s".to_owned(), Health::new(set, pods, wanted));
        let good = shard(Some(&set), &ready, None);
        let all = shards_available(std::slice::from_ref(&good));
        assert_eq!(
            (all.status.as_str(), all.reason.as_deref()),
            ("True", Some(""))
        );
        let some = shards_available(&[good.clone(), shard(Some(&set), &half, Some(2))]);
        assert_eq!(some.status, "Degraded");
        assert_eq!(some.message.as_deref(), Some("shard 1: pod s-1: not yet"));
        let none = shards_available(&[
            good,
            shard(Some(&set), &half, Some(2)),
            shard(None, &[], None),
        ]);
        assert_eq!(none.status, "False");
        assert_eq!(
            none.reason.as_deref(),
            Some("SomePodsNotReadyAndStatefulSetNotFound")
        );
        assert!(
            none.message
                .unwrap()
                .ends_with("\nshard 2: statefulset n/s not found")
        );
    }

    fn daemon_set(generation: i64, [wanted, there, updated, ready]: [i64; 4]) -> Value {
        json!({
            "metadata": {"name": "s", "generation": generation},
            "status": {
                "observedGeneration": 1, "desiredNumberScheduled": wanted, "currentNumberScheduled": there,
                "updatedNumberScheduled": updated, "numberReady": ready,
            },
        })
    }

    #[test]
    fn a_daemon_set_is_available_when_a_pod_is_ready_on_each_of_its_nodes() {
        let found = |set: &Value, pods: &[Value]| {
            let said =
                shards_available(&[("n/s".to_owned(), Health::of_daemon_set(Some(set), pods))]);
            (said.status, said.reason.unwrap(), said.message.unwrap())
        };
        let mut half = pod(1, "new", false);
        half["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
        let pods = [half, pod(2, "new", false)];
        let said = |status: &str, reason: &str, message: &str| {
            (status.to_owned(), reason.to_owned(), message.to_owned())
        };
        assert_eq!(
            found(&daemon_set(1, [2, 2, 2, 2]), &[]),
            said("True", "", "")
        );
        assert_eq!(
            found(&daemon_set(1, [2, 2, 2, 1]), &pods),
            said("Degraded", "SomePodsNotReady", "pod s-1: not yet")
        );
        assert_eq!(
            found(&daemon_set(1, [2, 0, 0, 0]), &[]),
            said("False", "NoPodReady", "")
        );
        // No node is wanted, and nobody has looked for nodes yet.
        assert_eq!(found(&daemon_set(1, [0; 4]), &[]), said("True", "", ""));
        let fresh = json!({"metadata": {"name": "s", "generation": 1}});
        assert_eq!(found(&fresh, &[]), said("False", "NoPodReady", ""));
        let none = shards_available(&[("n/s".to_owned(), Health::of_daemon_set(None, &[]))]);
        assert_eq!(none.reason.as_deref(), Some("DaemonSetNotFound"));
        assert_eq!(none.message.as_deref(), Some("daemonset n/s not found"));
    }

    #[test]
    fn a_daemon_set_counts_pods_of_the_newest_template_once_it_has_seen_it() {
        let counts = |generation: i64| {
            let set = daemon_set(generation, [3, 3, 3, 2]);
            let counts = Health::of_daemon_set(Some(&set), &[]).counts();
            (counts.replicas, counts.updated, counts.available)
        };
        assert_eq!(counts(1), (3, 3, 2));
        assert_eq!(counts(2), (3, 0, 2));
    }

    #[test]
    fn only_a_pod_that_no_update_reaches_is_stuck() {
        let stuck = |set: &Value, pods: &[Value]| {
            Health::new(Some(set), pods, Some(3))
                .stuck()
                .map(|pod| meta::name(pod).to_owned())
        };
        let lost = [
            pod(0, "lost", false),
            pod(1, "lost", false),
            pod(2, "old", false),
        ];
        assert_eq!(stuck(&set(), &lost).as_deref(), Some("s-1"));
        assert_eq!(
            stuck(&set(), &[pod(0, "lost", true), pod(1, "new", false)]),
            None
        );
        let mut going = pod(0, "lost", false);
        meta::set(
            &mut going,
            "deletionTimestamp",
            json!("2030-01-01T00:00:00Z"),
        );
        assert_eq!(stuck(&set(), &[going]), None);
        let mut unseen = set();
        meta::set_generation(&mut unseen, 3);
        assert_eq!(stuck(&unseen, &lost), None);
    }

    #[test]
    fn the_time_of_a_condition_is_when_its_status_changed() {
        let now = machinery::time::parse("2030-01-02T00:00:00Z").unwrap();
        let before = [Condition {
            r#type: "Available".to_owned(),
            status: "False".to_owned(),
            last_transition_time: "2030-01-01T00:00:00Z".to_owned(),
            ..Condition::default()
        }];
        for (availability, since) in [
            (Availability::False, "2030-01-01T00:00:00Z"),
            (Availability::True, "2030-01-02T00:00:00Z"),
        ] {
            let now_is = condition(availability, "r".to_owned(), &[]);
            let out = written(&before, vec![now_is], 4, now);
            assert_eq!(out[0]["lastTransitionTime"], since);
            assert_eq!(out[0]["observedGeneration"], 4);
        }
    }
}
