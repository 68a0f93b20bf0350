//! Pure decisions of the StatefulSet controller: which pod is next, in which order, and what stops it.
//!
//! Mirrors `updateStatefulSet` of `stateful_set_control.go`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::claims::{self, Claims};
use super::identity::{self, REVISION};
use super::status::{self, Counts, is_running_and_ready};
use crate::builtin::history;
use crate::builtin::object::{self, count, text};
use crate::builtin::pod;

/// Pods created in one pass at most. Upstream creates all at once; here the next pass, which these call for, goes on.
const BURST: usize = 500;

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
    /// The ordinals that are wanted.
    wanted: Range<i64>,
    /// The wanted pods that are there, by ordinal.
    existing: BTreeMap<i64, &'a Value>,
    update_set: Value,
    min_ready: i64,
    /// One pod after another; otherwise all at once (`podManagementPolicy: Parallel`).
    ordered: bool,
    steps: Vec<Step>,
    /// Pods that are to be created.
    created: usize,
    /// Pods deleted for an update, which no longer count as current.
    replaced: i64,
}

/// The plan for a StatefulSet.
pub(crate) fn decide(seen: &Observed<'_>) -> Plan {
    let wanted = identity::wanted(seen.set);
    let mut existing: BTreeMap<i64, &Value> = BTreeMap::new();
    for pod in seen.pods {
        let ordinal = identity::ordinal(pod);
        if wanted.contains(&ordinal) {
            existing.entry(ordinal).or_insert(pod);
        }
    }
    let mut pass = Pass {
        seen,
        wanted,
        existing,
        update_set: history::restored(seen.set, seen.update),
        min_ready: count(seen.set, "/spec/minReadySeconds"),
        ordered: text(seen.set, "/spec/podManagementPolicy") != "Parallel",
        steps: Vec::new(),
        created: 0,
        replaced: 0,
    };
    if !object::is_terminating(seen.set) {
        pass.run();
    }
    pass.plan()
}

impl<'a> Pass<'a> {
    fn run(&mut self) {
        if self.keep_all() == Flow::Stop {
            return;
        }
        let condemned = self.condemned();
        for pod in &condemned {
            if !claims::are_owned(&self.update_set, pod, self.seen.claims) {
                self.steps.push(Step::Own((*pod).clone()));
            }
        }
        // In order, all wanted pods are available by now; otherwise nobody asks which is the first that isn't.
        let first_unavailable = condemned
            .iter()
            .rev()
            .find(|p| self.is_unavailable(p))
            .map(|p| object::name(p));
        for pod in &condemned {
            if self.give_up(pod, first_unavailable) == Flow::Stop && self.ordered {
                return;
            }
        }
        if text(self.seen.set, "/spec/updateStrategy/type") != "OnDelete" {
            self.replace_one();
        }
    }

    /// Sees to the pods that are wanted, in order; those that are not there are made up when their turn comes, since
    /// `spec.replicas` may be any number.
    fn keep_all(&mut self) -> Flow {
        let mut next = self.wanted.start;
        for (ordinal, pod) in self.existing.clone() {
            if self.fill(next..ordinal) == Flow::Stop
                || self.keep(pod) == Flow::Stop && self.ordered
            {
                return Flow::Stop;
            }
            next = ordinal + 1;
        }
        self.fill(next..self.wanted.end)
    }

    /// Sees to a row of wanted pods that are not there; to no more than a pass may create.
    fn fill(&mut self, missing: Range<i64>) -> Flow {
        for ordinal in missing {
            if self.created == BURST {
                break;
            }
            let pod = self.new_pod(ordinal);
            if self.keep(&pod) == Flow::Stop && self.ordered {
                return Flow::Stop;
            }
        }
        Flow::On
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
    fn condemned(&self) -> Vec<&'a Value> {
        let is_condemned = |p: &&Value| {
            let ordinal = identity::ordinal(p);
            ordinal >= 0 && !self.wanted.contains(&ordinal)
        };
        let pods = self.seen.pods.iter().map(AsRef::as_ref);
        let mut condemned: Vec<&Value> = pods.filter(is_condemned).collect();
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
                self.created += 1;
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
    fn replace_one(&mut self) {
        let kept = count(
            self.seen.set,
            "/spec/updateStrategy/rollingUpdate/partition",
        );
        let update = object::name(self.seen.update);
        for ordinal in (self.wanted.start.saturating_add(kept)..self.wanted.end).rev() {
            // One that is not there, or is being created, isn't available.
            let Some(pod) = self.existing.get(&ordinal).copied() else {
                return;
            };
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
