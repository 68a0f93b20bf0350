//! What must hold at every revision of a simulated store, whatever goes wrong (RO-1, RO-2, RO-3, RO-5, RO-8, RO-9, ALL-2,
//! ALL-9). Written from the outside: nothing here uses the code under test. ALL-5 and ALL-6 are about writes, not states:
//! [`crate::witness`] judges those. Those of monitoring are in `monitoring`.
//!
//! Not judged here, and why: ALL-1, the Rollout controller has no finalizer; ALL-3, a stale resource version is refused by
//! the server, and what acting on stale caches would break is RO-1, RO-2 and RO-9; ALL-4, what a controller may do, see
//! [`crate::rights`]; ALL-7, a paused Rollout is still scaled and gets its ReplicaSet, as upstream's does; ALL-8, the scenarios of
//! `bad_input` have a good Rollout beside the bad ones; RO-4 and RO-7, there is no traffic routing and no analysis yet;
//! RO-6, the scenarios of aborts say which pods and Services are left.

mod causes;
mod configuration;
mod monitoring;
#[cfg(test)]
mod monitoring_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use machinery::int_or_string::IntOrString;
use machinery::meta;
use serde_json::{Value, json};
use simulator::apiserver::store::Committed;

use self::monitoring::Monitoring;
use crate::objects::{number, text};
use crate::readers::File;

const HASH: &str = "rollouts-pod-template-hash";
const DESIRED: &str = "rollout.argoproj.io/desired-replicas";
const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Watches commits one by one.
#[derive(Default)]
pub struct Invariants {
    rollouts: BTreeMap<String, Arc<Value>>,
    sets: BTreeMap<String, Arc<Value>>,
    /// Names of the ReplicaSets ever made, by owner and template.
    templates: BTreeMap<(String, String), BTreeSet<String>>,
    /// What was violated, in words.
    violations: Vec<String>,
    monitoring: Monitoring,
}

/// What was violated by an object, in words.
fn violation(id: &str, object: &Value, what: &str) -> String {
    let (kind, name, revision) = (
        meta::kind(object),
        meta::name(object),
        meta::resource_version(object),
    );
    format!("{id}: {kind} {name} at revision {revision}: {what}")
}

impl Invariants {
    /// What was violated, in words.
    pub fn violations(&self) -> impl Iterator<Item = &String> {
        self.violations.iter().chain(&self.monitoring.violations)
    }

    /// Everything that Prometheus or Alertmanager was to load, and where it was first seen.
    pub fn files(&mut self) -> BTreeMap<File, String> {
        std::mem::take(&mut self.monitoring.files)
    }

    /// Nothing moves any more.
    pub fn settled(&mut self) {
        self.monitoring.settled();
    }

    /// Takes note of one commit.
    pub fn see(&mut self, commit: &Committed) {
        self.monitoring.see(commit);
        let (event, key) = (&commit.event, commit.event.key.to_string());
        // What isn't looked at stays packed: definitions are large.
        let before = || {
            let before = event.before.as_ref()?;
            Some(before.entry().value.clone())
        };
        let after = || event.after.entry().value.clone();
        match &*commit.table {
            "argoproj.io/rollouts" => {
                let after = after();
                if let (Some(before), false) = (before(), event.deleted) {
                    self.rollout(&before, &after);
                }
                keep(&mut self.rollouts, key, &after, event.deleted);
            }
            "apps/replicasets" => {
                let after = after();
                keep(&mut self.sets, key, &after, event.deleted);
                if !event.deleted {
                    self.replica_set(before().as_deref(), &after);
                }
            }
            "/services" if !event.deleted => self.service(before().as_deref(), &after()),
            _ => {}
        }
    }

    fn violated(&mut self, id: &str, object: &Value, what: &str) {
        self.violations.push(violation(id, object, what));
    }

    fn rollout(&mut self, before: &Value, after: &Value) {
        let observed: i64 = text(after, "/status/observedGeneration")
            .parse()
            .unwrap_or(0);
        if observed > meta::generation(after) {
            self.violated(
                "ALL-2",
                after,
                &format!("generation {observed} is observed before it exists"),
            );
        }
        for old in conditions(before) {
            let new = conditions(after)
                .iter()
                .find(|new| text(new, "/type") == text(old, "/type"));
            let field = |pointer: &str| new.map(|new| (text(old, pointer), text(new, pointer)));
            let same = |pointer: &str| field(pointer).is_some_and(|(old, new)| old == new);
            if same("/status") && !same("/lastTransitionTime") {
                let what = format!(
                    "lastTransitionTime moved without its status: {old} {}",
                    new.unwrap_or(&Value::Null)
                );
                self.violated("ALL-9", after, &what);
            }
        }
        let (from, to) = (
            number(before, "/status/currentStepIndex"),
            number(after, "/status/currentStepIndex"),
        );
        let to_the_end = to == steps(after).len() as i64;
        let other = |pointer: &str| text(before, pointer) != text(after, pointer);
        let reset = other("/status/currentPodHash") || other("/status/currentStepHash");
        let installed = !text(before, "/status/stableRS").is_empty();
        if installed
            && to > from + 1
            && !(to_the_end && (reset || is_true(before, "/status/promoteFull")))
        {
            self.violated(
                "RO-8",
                after,
                &format!("currentStepIndex went from {from} to {to}"),
            );
        }
    }

    /// The Rollout that controls a ReplicaSet.
    fn owner(&self, set: &Value) -> Option<Arc<Value>> {
        let owner = meta::controller_of(set).filter(|owner| owner.kind == "Rollout")?;
        let rollout = self
            .rollouts
            .get(&format!("{}/{}", meta::namespace(set), owner.name))?;
        (meta::uid(rollout) == owner.uid).then(|| rollout.clone())
    }

    fn sets_of(&self, rollout: &Value) -> Vec<Arc<Value>> {
        let owned = |set: &&Arc<Value>| {
            meta::controller_of(set).is_some_and(|owner| owner.uid == meta::uid(rollout))
        };
        self.sets.values().filter(owned).cloned().collect()
    }

    fn replica_set(&mut self, before: Option<&Value>, after: &Value) {
        let Some(rollout) = self.owner(after) else {
            return;
        };
        if before.is_none() {
            self.created(&rollout, after);
        }
        let (from, to) = (
            before.map_or(0, |before| number(before, "/spec/replicas")),
            number(after, "/spec/replicas"),
        );
        if from == to {
            return;
        }
        // The size that whoever scaled had in mind; the Rollout's may have moved since.
        let desired = meta::annotation(after, DESIRED)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let sets = self.sets_of(&rollout);
        if rollout.pointer("/spec/strategy/canary").is_some() {
            let (surge, unavailable) = limits(&rollout, desired);
            let sum: i64 = sets.iter().map(|set| number(set, "/spec/replicas")).sum();
            if to > from && sum > desired + surge {
                self.violated(
                    "RO-2",
                    after,
                    &format!("{sum} pods in all, more than {desired} + {surge}"),
                );
            }
            let available: i64 = sets.iter().map(|set| surviving(set)).sum();
            let lost = before.map_or(0, surviving) - surviving(after);
            if to < from && lost > 0 && available < desired - unavailable {
                let what = format!(
                    "from {from} to {to} leaves {available} available, fewer than {desired} - {unavailable}"
                );
                self.violated("RO-1", after, &what);
            }
        }
        let share = share(&rollout, desired);
        if to < from
            && to < share
            && meta::label(after, HASH) == Some(text(&rollout, "/status/stableRS"))
        {
            self.violated(
                "RO-5",
                after,
                &format!("the stable ReplicaSet goes from {from} to {to}, its share is {share}"),
            );
        }
    }

    fn created(&mut self, rollout: &Value, set: &Value) {
        let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
        if let Some(labels) = template
            .pointer_mut("/metadata/labels")
            .and_then(Value::as_object_mut)
        {
            labels.remove(HASH);
        }
        let key = (meta::uid(rollout).to_owned(), template.to_string());
        let names = self.templates.entry(key).or_default();
        names.insert(meta::name(set).to_owned());
        if names.len() > 1 {
            let what = format!("one template in several ReplicaSets: {names:?}");
            self.violated("RO-9", set, &what);
        }
    }

    fn service(&mut self, before: Option<&Value>, after: &Value) {
        let selector = format!("/spec/selector/{HASH}");
        let (from, to) = (
            before.map_or("", |before| text(before, &selector)),
            text(after, &selector),
        );
        if from == to || to.is_empty() {
            return;
        }
        let name = meta::name(after);
        let roles = [
            "blueGreen/activeService",
            "canary/stableService",
            "canary/canaryService",
        ];
        let uses = |rollout: &&Arc<Value>| {
            meta::namespace(rollout) == meta::namespace(after)
                && roles
                    .iter()
                    .any(|role| text(rollout, &format!("/spec/strategy/{role}")) == name)
        };
        let Some(rollout) = self.rollouts.values().find(uses).cloned() else {
            return;
        };
        if is_true(&rollout, "/status/abort") || number(&rollout, "/spec/replicas") == 0 {
            return;
        }
        let target = self
            .sets_of(&rollout)
            .into_iter()
            .find(|set| meta::label(set, HASH) == Some(to));
        let (size, available) = target.as_ref().map_or((0, 0), |set| {
            (number(set, "/spec/replicas"), surviving(set))
        });
        let first = before.is_none_or(|before| meta::annotation(before, MANAGED_BY).is_none());
        if available == 0 || (first && available < size) {
            self.violated(
                "RO-3",
                after,
                &format!("switched to {to} with {available} of {size} pods available"),
            );
        }
    }
}

fn keep(
    objects: &mut BTreeMap<String, Arc<Value>>,
    key: String,
    object: &Arc<Value>,
    deleted: bool,
) {
    if deleted {
        objects.remove(&key);
    } else {
        objects.insert(key, object.clone());
    }
}

fn conditions(rollout: &Value) -> &[Value] {
    rollout
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn steps(rollout: &Value) -> &[Value] {
    rollout
        .pointer("/spec/strategy/canary/steps")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_true(object: &Value, pointer: &str) -> bool {
    object
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Available pods that are sure to be left when a ReplicaSet has done what its spec asks: the unready go first.
fn surviving(set: &Value) -> i64 {
    number(set, "/status/availableReplicas").min(number(set, "/spec/replicas"))
}

/// maxSurge and maxUnavailable in pods.
fn limits(rollout: &Value, desired: i64) -> (i64, i64) {
    let limit = |field: &str, round_up: bool| {
        let default = json!("25%");
        let value = rollout
            .pointer(&format!("/spec/strategy/canary/{field}"))
            .unwrap_or(&default);
        let scaled = IntOrString::from_value(value)
            .and_then(|value| value.scaled(desired.try_into().ok()?, round_up).ok());
        i64::from(scaled.unwrap_or(0))
    };
    match (limit("maxSurge", true), limit("maxUnavailable", false)) {
        (0, 0) => (0, 1),
        limits => limits,
    }
}

/// Pods that the stable ReplicaSet keeps for sure at the Rollout's step.
fn share(rollout: &Value, desired: i64) -> i64 {
    let stable = text(rollout, "/status/stableRS");
    if rollout.pointer("/spec/strategy/blueGreen").is_some()
        || stable == text(rollout, "/status/currentPodHash")
    {
        return desired;
    }
    if is_true(rollout, "/status/promoteFull") {
        return 0;
    }
    let index = usize::try_from(number(rollout, "/status/currentStepIndex")).unwrap_or(0);
    let mut weights = steps(rollout)
        .iter()
        .take(index + 1)
        .filter_map(|step| step.get("setWeight").and_then(Value::as_i64));
    let weight = match weights.next_back() {
        _ if index >= steps(rollout).len() => 100,
        _ if is_true(rollout, "/status/abort") => 0,
        Some(weight) => weight,
        None => 0,
    };
    desired * (100 - weight) / 100
}
