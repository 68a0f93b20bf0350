//! One pass over a Job as a pure function: the Job and its pods in, what to do and the new status out.
//!
//! Mirrors `syncJob` and `trackJobStatusAndRemoveFinalizers` of `job_controller.go`. A pod that ended is first noted in
//! `status.uncountedTerminatedPods`, then loses its finalizer, then is counted, each in a pass of its own, so that no crash counts twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::backoff::Backoff;
use super::indexes::{self, Indexes};
use super::outcome::{self, condition, find};
use super::per_index::{self, Failures};
use super::status::Status;
use crate::builtin::object::{self, integer, items, text};
use crate::builtin::pod;

/// Finalizer of pods that have not been counted yet.
pub(crate) const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// Pods created or deleted in one pass at most.
const BURST: usize = 500;

/// What a pass wants done: first pods, then the status, then finalizers.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Pods to create; each with its completion index in an Indexed Job, and with a limit per index the failures so far.
    pub(crate) create: Vec<New>,
    /// Pods to delete, by name.
    pub(crate) delete: Vec<String>,
    /// Whether these are too many and not failures: they lose their finalizer before they are deleted.
    pub(crate) uncounted: bool,
    /// The new status; equal to the stored one where nothing changes.
    pub(crate) status: Value,
    /// Pods that lose their tracking finalizer once the status is stored, by name.
    pub(crate) untrack: Vec<String>,
    /// An event to record once the status is stored.
    pub(crate) event: Option<Told>,
    /// When to look again without a change.
    pub(crate) wake: Option<Timestamp>,
    /// The failures since the last success, to remember once the status is stored.
    pub(crate) backoff: Backoff,
}

/// A pod to create: its index and the failures of that, where it has them.
pub(crate) type New = (Option<i64>, Option<Failures>);

/// An event of a Job: whether it is a warning, reason, message.
pub(crate) type Told = (bool, String, String);

/// The pods of a Job, sorted out.
pub(crate) struct Pods<'a> {
    /// All of them.
    pub(crate) all: &'a [Arc<Value>],
    /// Neither ended nor being deleted.
    pub(crate) active: Vec<&'a Value>,
}

/// Whether the finalizer is still on a pod.
pub(crate) fn is_tracked(pod: &Value) -> bool {
    items(pod, "/metadata/finalizers")
        .iter()
        .any(|f| f.as_str() == Some(TRACKING))
}

/// Whether each completion has an index.
pub(crate) fn is_indexed(job: &Value) -> bool {
    text(job, "/spec/completionMode") == "Indexed"
}

/// Whether only pods that really failed are replaced, not those on their way out.
pub(crate) fn replaces_only_failed(job: &Value) -> bool {
    text(job, "/spec/podReplacementPolicy") == "Failed"
        || job
            .pointer("/spec/podFailurePolicy")
            .is_some_and(|p| !p.is_null())
}

/// Whether a pod counts as failed.
pub(crate) fn has_failed(job: &Value, pod: &Value) -> bool {
    match text(pod, "/status/phase") {
        "Failed" => true,
        "Succeeded" => false,
        _ => object::is_terminating(pod) && !replaces_only_failed(job),
    }
}

/// Decides one pass for a Job that has not finished. `pods` are the Job's, in name order, `backoff` what is remembered of it.
pub(crate) fn decide(job: &Value, pods: &[Arc<Value>], backoff: Backoff, now: Timestamp) -> Plan {
    let pods = Pods {
        all: pods,
        active: pods
            .iter()
            .map(AsRef::as_ref)
            .filter(|p| pod::is_active(p))
            .collect(),
    };
    let mut status = Status::read(job);
    let tracked: BTreeSet<&str> = pods
        .all
        .iter()
        .filter(|p| is_tracked(p))
        .map(|p| object::uid(p))
        .collect();
    status.count_untracked(&tracked);
    let mut plan = Plan {
        backoff: backoff.after(
            outcome::new_ends(&pods, &status, "Succeeded", job),
            outcome::new_ends(&pods, &status, "Failed", job),
        ),
        ..Plan::default()
    };
    let suspended = object::flag(job, "/spec/suspend");
    if status.start_time.is_none() && !suspended {
        status.start_time = Some(object::stamp(now));
    }
    let mut judged = judge(job, &pods, &status, now);
    plan.wake = judged.wake;
    let lives = !object::is_terminating(job);
    if judged.finished.is_none() && lives {
        manage(job, &pods, &judged, now, &mut plan);
    } else if judged.finished.is_some() {
        let active = pods.active.iter();
        plan.delete = active.map(|p| object::name(p).to_owned()).collect();
    }
    count_pods(&pods, &plan, &mut status);
    if judged.finished.is_none() && lives {
        if judged.is_complete(job) && status.active == 0 {
            judged.finished = Some(condition(
                "SuccessCriteriaMet",
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
                now,
            ));
        } else {
            plan.event = status.suspend(suspended, now);
        }
    }
    note_ended(job, &pods, &judged, &mut status, &mut plan);
    if is_indexed(job) {
        status.succeeded = judged.done.count();
        status.completed_indexes = judged.done.to_string();
    }
    if per_index::limit(job).is_some() {
        status.failed_indexes = Some(judged.lost.to_string());
    }
    if let Some(finished) = judged.finished {
        conclude(&mut status, finished, &mut plan, now);
    }
    plan.status = status.to_value();
    plan
}

/// What the ends of its pods mean for a Job.
struct Judgement<'a> {
    /// Indexes that succeeded.
    done: Indexes,
    /// Indexes that failed for good.
    lost: Indexes,
    /// Failed pods that stay until their index has a new one.
    kept: BTreeMap<i64, &'a Value>,
    /// Completions so far.
    succeeded: i64,
    /// The interim condition of a Job that is over.
    finished: Option<Value>,
    /// When its deadline is to be looked at.
    wake: Option<Timestamp>,
}

impl Judgement<'_> {
    /// Whether there are as many completions as asked for, or any at all where none are.
    fn is_complete(&self, job: &Value) -> bool {
        let wanted = integer(job, "/spec/completions");
        wanted.map_or(self.succeeded > 0, |wanted| self.succeeded >= wanted)
    }

    /// Whether a failed pod keeps its finalizer for now.
    fn keeps(&self, pod: &Value) -> bool {
        self.kept
            .values()
            .any(|p| object::uid(p) == object::uid(pod))
    }
}

/// Counts the pods that run, are ready and go, as they are once the plan is carried out.
fn count_pods(pods: &Pods<'_>, plan: &Plan, status: &mut Status) {
    let is_deleted = |p: &&&Value| plan.delete.iter().any(|name| name == object::name(p));
    let ready = pods.active.iter().filter(|p| pod::is_ready(p));
    let leaving = pods.all.iter().filter(|p| pod::is_on_its_way_out(p));
    status.ready = outcome::length(ready.filter(|p| !is_deleted(p)).count());
    status.active = outcome::length(pods.active.len() + plan.create.len() - plan.delete.len());
    status.terminating = outcome::length(leaving.count() + plan.delete.len());
}

fn judge<'a>(job: &Value, pods: &Pods<'a>, status: &Status, now: Timestamp) -> Judgement<'a> {
    let done = succeeded_indexes(job, pods, status);
    let succeeded = if is_indexed(job) {
        done.count()
    } else {
        status.succeeded + outcome::fresh(pods, status, "Succeeded", job)
    };
    let failed = status.failed + outcome::fresh(pods, status, "Failed", job);
    let (finished, wake) = outcome::evaluate(job, pods, status, failed, now);
    let noted = status.failed_indexes.as_deref().unwrap_or_default();
    let lost = per_index::failed(job, pods, noted);
    let kept = per_index::kept(job, pods, (&done, &lost));
    let finished = finished
        .or_else(|| per_index::failure(job, &lost, &done, now))
        .or_else(|| per_index::success(job, &done, now));
    Judgement {
        done,
        lost,
        kept,
        succeeded,
        finished,
        wake,
    }
}

fn succeeded_indexes(job: &Value, pods: &Pods<'_>, status: &Status) -> Indexes {
    let Some(completions) = integer(job, "/spec/completions").filter(|_| is_indexed(job)) else {
        return Indexes::default();
    };
    let mut done = Indexes::parse(&status.completed_indexes, completions);
    let ended = pods
        .all
        .iter()
        .filter(|p| text(p, "/status/phase") == "Succeeded" && is_tracked(p));
    done.extend(ended.filter_map(|p| indexes::index_of(p, completions)));
    done
}

/// Notes the pods that ended as uncounted, and which may lose their finalizer.
fn note_ended(
    job: &Value,
    pods: &Pods<'_>,
    judged: &Judgement<'_>,
    status: &mut Status,
    plan: &mut Plan,
) {
    let finished = judged.finished.as_ref();
    let is_success = finished.is_some_and(|c| text(c, "/type") == "SuccessCriteriaMet");
    for pod in pods.all.iter().filter(|p| is_tracked(p)) {
        let failed = has_failed(job, pod);
        let succeeded = text(pod, "/status/phase") == "Succeeded";
        if !(object::is_terminating(job) || finished.is_some() || succeeded || failed) {
            continue;
        }
        let is_over = object::is_terminating(job) || finished.is_some() || succeeded;
        if !is_over && judged.keeps(pod) {
            continue;
        }
        plan.untrack.push(object::name(pod).to_owned());
        let uid = object::uid(pod).to_owned();
        if succeeded && !status.uncounted_failed.contains(&uid) {
            if !is_indexed(job) && !status.uncounted_succeeded.contains(&uid) {
                status.uncounted_succeeded.push(uid);
            }
        } else if (failed || finished.is_some() && !is_success)
            && !status.uncounted_failed.contains(&uid)
            && outcome::has_place(job, pod)
            && outcome::counts_as_failure(job, pod)
        {
            status.uncounted_failed.push(uid);
        }
    }
}

/// Adds the interim condition; once all pods are counted and gone, the final one.
fn conclude(status: &mut Status, interim: Value, plan: &mut Plan, now: Timestamp) {
    let kind = text(&interim, "/type").to_owned();
    let (reason, message) = (
        text(&interim, "/reason").to_owned(),
        text(&interim, "/message").to_owned(),
    );
    if find(&status.conditions, &kind).is_none() {
        status.conditions.push(interim);
        return;
    }
    if !status.is_all_counted() || status.terminating > 0 || !plan.untrack.is_empty() {
        return;
    }
    let success = kind == "SuccessCriteriaMet";
    status.conditions.push(condition(
        if success { "Complete" } else { "Failed" },
        "True",
        &reason,
        &message,
        now,
    ));
    if success {
        status.completion_time = Some(object::stamp(now));
        plan.event = Some((false, "Completed".to_owned(), "Job completed".to_owned()));
    } else {
        plan.event = Some((true, reason, message));
    }
}

/// Creates or deletes pods so that as many run as parallelism and remaining completions ask for.
fn manage(job: &Value, pods: &Pods<'_>, judged: &Judgement<'_>, now: Timestamp, plan: &mut Plan) {
    let active = outcome::length(pods.active.len());
    let parallelism = integer(job, "/spec/parallelism").unwrap_or(1);
    let wanted = match integer(job, "/spec/completions") {
        _ if object::flag(job, "/spec/suspend") => 0,
        None if judged.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => (completions - judged.succeeded).clamp(0, parallelism),
    };
    let surplus = usize::try_from(active - wanted).unwrap_or(0);
    plan.delete = surplus_pods(job, pods, surplus, now);
    plan.delete.truncate(BURST);
    if !plan.delete.is_empty() {
        plan.uncounted = true;
        return;
    }
    let leaving = pods
        .all
        .iter()
        .filter(|p| pod::is_on_its_way_out(p))
        .count();
    let leaving = if replaces_only_failed(job) {
        outcome::length(leaving)
    } else {
        0
    };
    let missing = usize::try_from(wanted - leaving - active)
        .unwrap_or(0)
        .min(BURST);
    if missing == 0 {
        return;
    }
    let wait = |plan: &mut Plan, at: Timestamp| {
        plan.wake = Some(plan.wake.map_or(at, |wake| wake.min(at)));
    };
    let backoff = plan.backoff.until().filter(|at| *at > now);
    if let Some(at) = backoff.filter(|_| per_index::limit(job).is_none()) {
        return wait(plan, at);
    }
    let Some(completions) = integer(job, "/spec/completions").filter(|_| is_indexed(job)) else {
        plan.create = vec![(None, None); missing];
        return;
    };
    let pending: Vec<i64> = pending(job, pods, judged, completions)
        .take(missing)
        .collect();
    if per_index::limit(job).is_none() {
        plan.create = pending.into_iter().map(|i| (Some(i), None)).collect();
        return;
    }
    match per_index::due(job, pending, &judged.kept, now) {
        Ok(due) => {
            let made = due
                .into_iter()
                .map(|(i, failures)| (Some(i), Some(failures)));
            plan.create = made.collect();
        }
        Err(at) => {
            if let Some(at) = at {
                wait(plan, at);
            }
        }
    }
}

/// The active pods that are too many, by name: of an Indexed Job first those that have no place in it, and all but the best of
/// each index, however many are wanted; then `surplus` in all.
fn surplus_pods(job: &Value, pods: &Pods<'_>, surplus: usize, now: Timestamp) -> Vec<String> {
    let first = |a: &&Value, b: &&Value| pod::deletion_order((a, 0), (b, 0), now);
    let (mut going, mut left) = (Vec::new(), pods.active.clone());
    if let Some(completions) = integer(job, "/spec/completions").filter(|_| is_indexed(job)) {
        let mut by_index: BTreeMap<Option<i64>, Vec<&Value>> = BTreeMap::new();
        for pod in left.drain(..) {
            let index = indexes::index_of(pod, completions);
            by_index.entry(index).or_default().push(pod);
        }
        for (index, mut pods) in by_index {
            pods.sort_by(first);
            left.extend(index.and_then(|_| pods.pop()));
            going.extend(pods);
        }
    }
    left.sort_by(first);
    let more = surplus.saturating_sub(going.len());
    going.extend(left.into_iter().take(more));
    let name = |pod: &Value| object::name(pod).to_owned();
    going.into_iter().map(name).collect()
}

/// The indexes that have neither ended nor a pod.
fn pending(
    job: &Value,
    pods: &Pods<'_>,
    judged: &Judgement<'_>,
    completions: i64,
) -> impl Iterator<Item = i64> {
    let waits = replaces_only_failed(job);
    let mut taken = judged.done.clone().and(&judged.lost);
    let held = pods
        .all
        .iter()
        .filter(|p| pod::is_active(p) || waits && pod::is_on_its_way_out(p));
    taken.extend(held.filter_map(|p| indexes::index_of(p, completions)));
    taken.missing(completions)
}

/// Takes pods that weren't created after all out of a status.
pub(crate) fn less_active(status: &mut Value, missing: usize) {
    let active = object::count(status, "/active") - outcome::length(missing);
    if active > 0 {
        object::set(status, &["active"], json!(active));
    } else {
        object::remove(status, &["active"]);
    }
}

/// The pod to create for a Job.
pub(crate) fn new_pod(job: &Value, (index, failures): New) -> Value {
    let template = job.pointer("/spec/template").cloned().unwrap_or_default();
    let mut made = pod::from_template(job, &template);
    let mut finalizers: Vec<Value> = items(&made, "/metadata/finalizers").to_vec();
    if !is_tracked(&made) {
        finalizers.push(json!(TRACKING));
    }
    object::set(&mut made, &["metadata", "finalizers"], json!(finalizers));
    if let Some(index) = index {
        indexes::assign(&mut made, object::name(job), index);
    }
    if let Some(failures) = failures {
        per_index::note(&mut made, failures);
    }
    made
}
