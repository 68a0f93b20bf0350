//! Whether a Job has failed or succeeded.
//!
//! Mirrors the evaluation in `syncJob` and `pod_failure_policy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{Pods, has_failed, is_indexed, is_tracked};
use super::indexes;
use super::status::Status;
use crate::builtin::object::{self, count, integer, items, text};

/// A condition of a Job.
pub(crate) fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let now = object::stamp(now);
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastProbeTime": now, "lastTransitionTime": now})
}

/// The condition of a type.
pub(crate) fn find<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Value> {
    conditions.iter().find(|c| text(c, "/type") == kind)
}

/// A length as a JSON number.
pub(crate) fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Pods that ended and have not been noted.
pub(crate) fn new_ends<'a>(
    pods: &'a Pods<'_>,
    status: &'a Status,
    phase: &'a str,
    job: &'a Value,
) -> impl Iterator<Item = &'a Value> {
    let is_new = move |p: &&Value| {
        let ended = if phase == "Failed" {
            has_failed(job, p)
        } else {
            text(p, "/status/phase") == "Succeeded"
        };
        ended && is_tracked(p) && !status.has_noted(object::uid(p)) && has_place(job, p)
    };
    pods.all.iter().map(AsRef::as_ref).filter(is_new)
}

/// Whether a pod counts at all: in an Indexed Job one without an index, or with one beyond the completions, doesn't.
pub(crate) fn has_place(job: &Value, pod: &Value) -> bool {
    let completions = integer(job, "/spec/completions").unwrap_or(0);
    !is_indexed(job) || indexes::index_of(pod, completions).is_some()
}

/// Pods that ended and have not been counted, noted or not.
pub(crate) fn fresh(pods: &Pods<'_>, status: &Status, phase: &str, job: &Value) -> i64 {
    let noted = if phase == "Failed" {
        &status.uncounted_failed
    } else {
        &status.uncounted_succeeded
    };
    let new = new_ends(pods, status, phase, job)
        .filter(|p| phase != "Failed" || counts_as_failure(job, p));
    length(noted.len()) + length(new.count())
}

/// The interim condition of a Job that is over (`SuccessCriteriaMet`, `FailureTarget`), and when its deadline is to be looked at.
pub(crate) fn evaluate(
    job: &Value,
    pods: &Pods<'_>,
    status: &Status,
    failed: i64,
    now: Timestamp,
) -> (Option<Value>, Option<Timestamp>) {
    let stands = |kind: &str| {
        find(&status.conditions, kind)
            .filter(|c| text(c, "/status") == "True")
            .cloned()
    };
    if let Some(told) = stands("SuccessCriteriaMet").or_else(|| stands("FailureTarget")) {
        return (Some(told), None);
    }
    let failure = |reason: &str, message: &str| {
        (
            Some(condition("FailureTarget", "True", reason, message, now)),
            None,
        )
    };
    if let Some(message) = pods.all.iter().find_map(|p| fail_job_message(job, p)) {
        return failure("PodFailurePolicy", &message);
    }
    let limit = integer(job, "/spec/backoffLimit").unwrap_or(6);
    if failed > limit || restarts_exceed(job, pods, limit) {
        return failure(
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        );
    }
    let seconds =
        integer(job, "/spec/activeDeadlineSeconds").filter(|_| !object::flag(job, "/spec/suspend"));
    let started = status
        .start_time
        .as_deref()
        .and_then(|t| t.parse::<Timestamp>().ok());
    match seconds
        .zip(started)
        .map(|(s, at)| object::seconds_after(at, s))
    {
        Some(deadline) if deadline <= now => failure(
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        ),
        deadline => (None, deadline),
    }
}

/// Whether pods restarted in place add up to the limit.
fn restarts_exceed(job: &Value, pods: &Pods<'_>, limit: i64) -> bool {
    if text(job, "/spec/template/spec/restartPolicy") != "OnFailure" {
        return false;
    }
    let live = pods
        .all
        .iter()
        .filter(|p| matches!(text(p, "/status/phase"), "Running" | "Pending"));
    let statuses = live.flat_map(|p| {
        items(p, "/status/initContainerStatuses")
            .iter()
            .chain(items(p, "/status/containerStatuses"))
    });
    let restarts: i64 = statuses.map(|s| count(s, "/restartCount")).sum();
    if limit == 0 {
        restarts > 0
    } else {
        restarts >= limit
    }
}

/// The first rule of the pod failure policy that a failed pod matches.
fn rule<'a>(job: &'a Value, pod: &Value) -> Option<(usize, &'a Value)> {
    if text(pod, "/status/phase") != "Failed" {
        return None;
    }
    items(job, "/spec/podFailurePolicy/rules")
        .iter()
        .enumerate()
        .find(|(_, r)| exit_code(r, pod).is_some() || has_condition(r, pod))
}

/// The container and exit code that match a rule.
fn exit_code<'p>(rule: &Value, pod: &'p Value) -> Option<(&'p str, i64)> {
    let wanted = rule.pointer("/onExitCodes").filter(|w| !w.is_null())?;
    let values: Vec<i64> = items(wanted, "/values")
        .iter()
        .filter_map(Value::as_i64)
        .collect();
    let all = items(pod, "/status/containerStatuses")
        .iter()
        .chain(items(pod, "/status/initContainerStatuses"));
    let codes =
        all.filter_map(|s| Some((text(s, "/name"), integer(s, "/state/terminated/exitCode")?)));
    let named =
        |name: &str| matches!(text(wanted, "/containerName"), n if n.is_empty() || n == name);
    codes.into_iter().find(|(name, code)| {
        named(name) && *code != 0 && (text(wanted, "/operator") == "In") == values.contains(code)
    })
}

fn has_condition(rule: &Value, pod: &Value) -> bool {
    items(rule, "/onPodConditions").iter().any(|wanted| {
        let status = match text(wanted, "/status") {
            "" => "True",
            status => status,
        };
        object::condition(pod, text(wanted, "/type")).is_some_and(|c| text(c, "/status") == status)
    })
}

fn fail_job_message(job: &Value, pod: &Value) -> Option<String> {
    let (index, rule) = rule(job, pod).filter(|(_, r)| text(r, "/action") == "FailJob")?;
    let subject = format!("pod {}/{}", object::namespace(pod), object::name(pod));
    if let Some((container, code)) = exit_code(rule, pod) {
        return Some(format!(
            "Container {container} for {subject} failed with exit code {code} matching FailJob rule at index {index}"
        ));
    }
    let wanted = items(rule, "/onPodConditions").first();
    let kind = wanted.map_or("", |c| text(c, "/type"));
    Some(format!(
        "Pod {}/{} has condition {kind} matching FailJob rule at index {index}",
        object::namespace(pod),
        object::name(pod)
    ))
}

/// Whether a failed pod counts towards the limit; the policy may say to ignore it.
pub(crate) fn counts_as_failure(job: &Value, pod: &Value) -> bool {
    rule(job, pod).is_none_or(|(_, r)| text(r, "/action") != "Ignore")
}

/// Whether a failed pod fails its index whatever the limit, by the policy.
pub(crate) fn fails_index(job: &Value, pod: &Value) -> bool {
    rule(job, pod).is_some_and(|(_, r)| text(r, "/action") == "FailIndex")
}
