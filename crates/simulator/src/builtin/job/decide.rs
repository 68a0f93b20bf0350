//! One pass over a Job as a pure function: the Job and its pods in, what to do and the new status out.
//!
//! Mirrors `syncJob` and `trackJobStatusAndRemoveFinalizers` of `job_controller.go`. A pod that ended is first noted in
//! `status.uncountedTerminatedPods`, then loses its finalizer, then is counted, each in a pass of its own, so that no crash counts twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::indexes;
use super::outcome::{self, condition, find};
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
    /// Pods to create; each with its completion index in an Indexed Job.
    pub(crate) create: Vec<Option<i64>>,
    /// Pods to delete, by name.
    pub(crate) delete: Vec<String>,
    /// The new status; equal to the stored one where nothing changes.
    pub(crate) status: Value,
    /// Pods that lose their tracking finalizer once the status is stored, by name.
    pub(crate) untrack: Vec<String>,
    /// An event to record once the status is stored.
    pub(crate) event: Option<Told>,
    /// When to look again without a change.
    pub(crate) wake: Option<Timestamp>,
}

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

fn is_indexed(job: &Value) -> bool {
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

/// Decides one pass for a Job that has not finished. `pods` are the Job's, in name order.
pub(crate) fn decide(job: &Value, pods: &[Arc<Value>], now: Timestamp) -> Plan {
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
    let mut plan = Plan::default();
    let suspended = object::flag(job, "/spec/suspend");
    if status.start_time.is_none() && !suspended {
        status.start_time = Some(object::stamp(now));
    }
    let completions = integer(job, "/spec/completions");
    let done = succeeded_indexes(job, &pods, &status);
    let succeeded = if is_indexed(job) {
        outcome::length(done.len())
    } else {
        status.succeeded + outcome::fresh(&pods, &status, "Succeeded", job)
    };
    let failed = status.failed + outcome::fresh(&pods, &status, "Failed", job);
    let (mut finished, wake) = outcome::evaluate(job, &pods, &status, failed, now);
    plan.wake = wake;
    let mut active = pods.active.len();
    let mut terminating = pods
        .all
        .iter()
        .filter(|p| pod::is_on_its_way_out(p))
        .count();
    let mut ready = pods.active.iter().filter(|p| pod::is_ready(p)).count();
    if finished.is_none() && !object::is_terminating(job) {
        manage(job, &pods, &status, (succeeded, &done), now, &mut plan);
    } else if finished.is_some() {
        plan.delete = pods
            .active
            .iter()
            .map(|p| object::name(p).to_owned())
            .collect();
    }
    let deleted = |p: &&&Value| plan.delete.iter().any(|name| name == object::name(p));
    ready -= pods
        .active
        .iter()
        .filter(deleted)
        .filter(|p| pod::is_ready(p))
        .count();
    active = active + plan.create.len() - plan.delete.len();
    terminating += plan.delete.len();
    if finished.is_none() && !object::is_terminating(job) {
        let complete = completions.map_or(succeeded > 0, |wanted| succeeded >= wanted);
        if complete && active == 0 {
            finished = Some(condition(
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
    status.active = outcome::length(active);
    status.ready = outcome::length(ready);
    status.terminating = outcome::length(terminating);
    note_ended(job, &pods, finished.as_ref(), &mut status, &mut plan);
    if is_indexed(job) {
        status.succeeded = outcome::length(done.len());
        status.completed_indexes = indexes::format(&done);
    }
    if let Some(finished) = finished {
        conclude(&mut status, finished, &mut plan, now);
    }
    plan.status = status.to_value();
    plan
}

fn succeeded_indexes(job: &Value, pods: &Pods<'_>, status: &Status) -> BTreeSet<i64> {
    let Some(completions) = integer(job, "/spec/completions").filter(|_| is_indexed(job)) else {
        return BTreeSet::new();
    };
    let mut done = indexes::parse(&status.completed_indexes, completions);
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
    finished: Option<&Value>,
    status: &mut Status,
    plan: &mut Plan,
) {
    let is_success = finished.is_some_and(|c| text(c, "/type") == "SuccessCriteriaMet");
    for pod in pods.all.iter().filter(|p| is_tracked(p)) {
        let failed = has_failed(job, pod);
        let succeeded = text(pod, "/status/phase") == "Succeeded";
        if !(object::is_terminating(job) || finished.is_some() || succeeded || failed) {
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
fn manage(
    job: &Value,
    pods: &Pods<'_>,
    status: &Status,
    (succeeded, done): (i64, &BTreeSet<i64>),
    now: Timestamp,
    plan: &mut Plan,
) {
    let active = outcome::length(pods.active.len());
    let parallelism = integer(job, "/spec/parallelism").unwrap_or(1);
    let wanted = match integer(job, "/spec/completions") {
        _ if object::flag(job, "/spec/suspend") => 0,
        None if succeeded > 0 => active,
        None => parallelism,
        Some(completions) => (completions - succeeded).clamp(0, parallelism),
    };
    if active > wanted {
        let surplus = usize::try_from(active - wanted).unwrap_or(0).min(BURST);
        let mut sorted = pods.active.clone();
        sorted.sort_by(|a, b| pod::deletion_order((a, 0), (b, 0), now));
        plan.delete = sorted
            .into_iter()
            .take(surplus)
            .map(|p| object::name(p).to_owned())
            .collect();
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
    if let Some(at) = outcome::backoff_until(job, pods, status).filter(|at| *at > now) {
        plan.wake = Some(plan.wake.map_or(at, |wake| wake.min(at)));
        return;
    }
    plan.create = match integer(job, "/spec/completions").filter(|_| is_indexed(job)) {
        None => vec![None; missing],
        Some(completions) => {
            let running: BTreeSet<i64> = pods
                .active
                .iter()
                .filter_map(|p| indexes::index_of(p, completions))
                .collect();
            (0..completions)
                .filter(|i| !done.contains(i) && !running.contains(i))
                .take(missing)
                .map(Some)
                .collect()
        }
    };
}

/// The pod to create for a Job.
pub(crate) fn new_pod(job: &Value, index: Option<i64>) -> Value {
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
    made
}
