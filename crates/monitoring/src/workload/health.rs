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
    /// Whether it is one of a StatefulSet.
    pub fn is_of_stateful_set(&self) -> bool {
        self.keeper == Keeper::StatefulSet
    }

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

    /// Whether it is a StatefulSet that is being deleted.
    pub fn is_going(&self) -> bool {
        self.is_of_stateful_set() && self.set.and_then(meta::deletion_timestamp).is_some()
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
mod tests;
