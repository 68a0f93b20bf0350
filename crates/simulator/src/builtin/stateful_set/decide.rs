//! Pure decisions of the StatefulSet controller: which pod is next, in which order, and what stops it.
//!
//! Mirrors `updateStatefulSet` of `stateful_set_control.go`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::claims::{self, Claims};
use super::identity::{self, REVISION};
use super::status::{self, Counts, is_running_and_ready};
use crate::builtin::history;
use crate::builtin::object::{self, count, text};
use crate::builtin::pod;

/// Everything a decision looks at.
#[derive(Debug)]
pub(crate) struct Observed<'a> {
    /// The StatefulSet.
    pub(crate) set: &'a Value,
    /// Its pods.
    pub(crate) pods: &'a [Arc<Value>],
    /// The claims of its namespace.
    pub(crate) claims: &'a Claims,
    /// The revision pods are updated from.
    pub(crate) current: &'a Value,
    /// The revision of the present template.
    pub(crate) update: &'a Value,
    /// Collisions of revision names so far.
    pub(crate) collisions: i64,
    /// The time.
    pub(crate) now: Timestamp,
}

/// One thing to do about a pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Create its claims, then the pod.
    Create(Value),
    /// Create the claims it lacks and give all of them their owner.
    Claims(Value),
    /// Give its claims their owner.
    Own(Value),
    /// Give it back its labels and volumes, and its claims their owner.
    Correct(Value),
    /// Delete it.
    Delete(String),
}

/// What a pass does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// In order; the first failure ends it.
    pub(crate) steps: Vec<Step>,
    /// The status to report, whatever becomes of the steps.
    pub(crate) status: Value,
    /// When to look again without a change.
    pub(crate) wake: Option<Timestamp>,
}

/// Whether a pass goes on after a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

struct Pass<'a> {
    seen: &'a Observed<'a>,
    update_set: Value,
    min_ready: i64,
    /// One pod after another; otherwise all at once (`podManagementPolicy: Parallel`).
    ordered: bool,
    steps: Vec<Step>,
    /// Pods deleted for an update, which no longer count as current.
    replaced: i64,
}

/// The plan for a StatefulSet.
pub(crate) fn decide(seen: &Observed<'_>) -> Plan {
    let mut pass = Pass {
        seen,
        update_set: history::restored(seen.set, seen.update),
        min_ready: count(seen.set, "/spec/minReadySeconds"),
        ordered: text(seen.set, "/spec/podManagementPolicy") != "Parallel",
        steps: Vec::new(),
        replaced: 0,
    };
    if !object::is_terminating(seen.set) {
        pass.run();
    }
    pass.plan()
}

impl Pass<'_> {
    fn run(&mut self) {
        let replicas = self.replicas();
        let condemned = self.condemned();
        for pod in &replicas {
            if self.keep(pod) == Flow::Stop && self.ordered {
                return;
            }
        }
        for pod in &condemned {
            if !claims::are_owned(&self.update_set, pod, self.seen.claims) {
                self.steps.push(Step::Own(pod.clone()));
            }
        }
        let first_unavailable = replicas
            .iter()
            .chain(condemned.iter().rev())
            .find(|p| self.is_unavailable(p))
            .map(|p| object::name(p).to_owned());
        for pod in &condemned {
            if self.give_up(pod, first_unavailable.as_deref()) == Flow::Stop && self.ordered {
                return;
            }
        }
        if text(self.seen.set, "/spec/updateStrategy/type") != "OnDelete" {
            self.replace_one(&replicas);
        }
    }

    /// The pods that are wanted, in order; those that are not there are made up, without a phase.
    fn replicas(&self) -> Vec<Value> {
        let set = self.seen.set;
        let first = identity::first(set);
        let existing = |ordinal: i64| {
            let found = |p: &&Arc<Value>| identity::ordinal(p) == ordinal;
            self.seen.pods.iter().find(found).map(|p| (**p).clone())
        };
        (first..first.saturating_add(identity::replicas(set)))
            .map(|ordinal| existing(ordinal).unwrap_or_else(|| self.new_pod(ordinal)))
            .collect()
    }

    /// Below the partition a pod is made of the current revision, otherwise of the update revision.
    fn new_pod(&self, ordinal: i64) -> Value {
        let set = self.seen.set;
        let kept = match object::at(set, "/spec/updateStrategy/rollingUpdate") {
            Some(rolling) => count(rolling, "/partition"),
            None if text(set, "/spec/updateStrategy/type") == "RollingUpdate" => {
                count(set, "/status/currentReplicas")
            }
            None => 0,
        };
        if ordinal < identity::first(set) + kept {
            let current = history::restored(set, self.seen.current);
            identity::new_pod(&current, ordinal, object::name(self.seen.current))
        } else {
            identity::new_pod(&self.update_set, ordinal, object::name(self.seen.update))
        }
    }

    /// The pods that are no longer wanted, highest ordinal first.
    fn condemned(&self) -> Vec<Value> {
        let mut condemned: Vec<Value> = self
            .seen
            .pods
            .iter()
            .filter(|p| identity::ordinal(p) >= 0 && !identity::is_in_range(self.seen.set, p))
            .map(|p| (**p).clone())
            .collect();
        condemned.sort_by_key(|p| std::cmp::Reverse(identity::ordinal(p)));
        condemned
    }

    fn is_available(&self, pod: &Value) -> bool {
        pod::is_available(pod, self.min_ready, self.seen.now)
    }

    fn is_unavailable(&self, pod: &Value) -> bool {
        !self.is_available(pod) || object::is_terminating(pod)
    }

    /// Sees to one wanted pod. In order, nothing goes on before it is available.
    fn keep(&mut self, pod: &Value) -> Flow {
        let (set, claims) = (&self.update_set, self.seen.claims);
        let is_created = !text(pod, "/status/phase").is_empty();
        if pod::is_finished(pod) {
            if !object::is_terminating(pod) {
                self.steps.push(Step::Delete(object::name(pod).to_owned()));
            }
            return Flow::Stop;
        }
        if !is_created {
            if !claims::is_blocked(set, pod, claims) {
                self.steps.push(Step::Create(pod.clone()));
            }
            return Flow::Stop;
        }
        if text(pod, "/status/phase") == "Pending" && !claims::are_complete(set, pod, claims) {
            self.steps.push(Step::Claims(pod.clone()));
        }
        let is_settled =
            !object::is_terminating(pod) && is_running_and_ready(pod) && self.is_available(pod);
        if self.ordered && !is_settled {
            return Flow::Stop;
        }
        let set = &self.update_set;
        let is_missing_claims = text(pod, "/status/phase") == "Pending";
        let is_owned = is_missing_claims || claims::are_owned(set, pod, claims);
        if !identity::is_consistent(set, pod) || !is_owned {
            self.steps.push(Step::Correct(pod.clone()));
        }
        Flow::On
    }

    /// Deletes one pod that is no longer wanted. In order, the pods below it come first, unless it is the first unavailable one.
    fn give_up(&mut self, pod: &Value, first_unavailable: Option<&str>) -> Flow {
        if object::is_terminating(pod) {
            return Flow::Stop;
        }
        let is_settled = is_running_and_ready(pod) && self.is_available(pod);
        if self.ordered && !is_settled && first_unavailable != Some(object::name(pod)) {
            return Flow::Stop;
        }
        self.steps.push(Step::Delete(object::name(pod).to_owned()));
        Flow::Stop
    }

    /// Deletes the highest pod of another revision once all above it are available again. A broken one blocks the update.
    fn replace_one(&mut self, replicas: &[Value]) {
        let lowest = count(
            self.seen.set,
            "/spec/updateStrategy/rollingUpdate/partition",
        );
        let lowest = usize::try_from(lowest).unwrap_or(0);
        let update = object::name(self.seen.update);
        for pod in replicas.iter().skip(lowest).rev() {
            let labels = object::labels(pod);
            let is_updated = labels.get(REVISION).map(String::as_str) == Some(update);
            if !is_updated && !object::is_terminating(pod) {
                self.steps.push(Step::Delete(object::name(pod).to_owned()));
                self.replaced = 1;
                return;
            }
            if self.is_unavailable(pod) {
                return;
            }
        }
    }

    fn plan(self) -> Plan {
        let seen = self.seen;
        let names = (object::name(seen.current), object::name(seen.update));
        let pods = || seen.pods.iter().map(AsRef::as_ref);
        let mut counts: Counts = status::counted(pods(), self.min_ready, names, seen.now);
        counts.current -= self.replaced;
        Plan {
            steps: self.steps,
            status: status::status(seen.set, counts, names, seen.collisions),
            wake: pod::next_available(pods(), self.min_ready, seen.now),
        }
    }
}
