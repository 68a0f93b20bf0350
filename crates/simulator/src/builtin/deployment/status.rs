//! Status and conditions of a Deployment.
//!
//! Mirrors `calculateStatus` of `sync.go` and `syncRolloutStatus` of `progress.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::revision::{REVISION, Sets, condition, set_condition};
use super::size;
use crate::apiserver::resource::known;
use crate::builtin::object::{self, annotation, count, integer, items, text, time};
use crate::builtin::write::Write;

/// Whether progress has a deadline at all; the largest number means none.
pub(crate) fn has_deadline(deployment: &Value) -> bool {
    integer(deployment, "/spec/progressDeadlineSeconds").is_some_and(|s| s != i64::from(i32::MAX))
}

/// The Deployment with this revision on it.
pub(crate) fn with_revision(deployment: &Value, number: &str) -> Value {
    let mut wanted = deployment.clone();
    if annotation(deployment, REVISION) != Some(number) {
        object::set(
            &mut wanted,
            &["metadata", "annotations", REVISION],
            json!(number),
        );
    }
    wanted
}

/// Puts a condition into the status of a Deployment.
pub(crate) fn push(deployment: &mut Value, condition: Value) {
    let mut conditions = items(deployment, "/status/conditions").to_vec();
    set_condition(&mut conditions, condition);
    object::set(deployment, &["status", "conditions"], json!(conditions));
}

/// Notes in condition `Progressing` that the Deployment was paused or resumed, so that no deadline runs meanwhile.
pub(crate) fn paused(deployment: &Value, now: Timestamp) -> Vec<Write> {
    let reason = object::condition(deployment, "Progressing").map_or("", |c| text(c, "/reason"));
    if !has_deadline(deployment) || reason == "ProgressDeadlineExceeded" {
        return Vec::new();
    }
    let condition = match (
        object::flag(deployment, "/spec/paused"),
        reason == "DeploymentPaused",
    ) {
        (true, false) => condition(
            "Progressing",
            "Unknown",
            "DeploymentPaused",
            "Deployment is paused",
            now,
        ),
        (false, true) => condition(
            "Progressing",
            "Unknown",
            "DeploymentResumed",
            "Deployment is resumed",
            now,
        ),
        (true, true) | (false, false) => return Vec::new(),
    };
    let mut wanted = deployment.clone();
    push(&mut wanted, condition);
    vec![Write::UpdateStatus(known::DEPLOYMENTS, wanted)]
}

/// The status write of a pass that only scaled, or of one with nothing else to do; none if it is as stored.
pub(crate) fn scaled(deployment: &Value, sets: &Sets<'_>, now: Timestamp) -> Vec<Write> {
    let (mut status, conditions) = calculated(deployment, sets, now);
    set_conditions(&mut status, &conditions);
    write(deployment, status)
}

/// The status write of a rollout, with its progress, and when to look at the deadline.
pub(crate) fn rolled(
    deployment: &Value,
    sets: &Sets<'_>,
    now: Timestamp,
) -> (Vec<Write>, Option<Timestamp>) {
    let (mut status, mut conditions) = calculated(deployment, sets, now);
    if !has_deadline(deployment) {
        conditions.retain(|c| text(c, "/type") != "Progressing");
    }
    progress(deployment, sets, &status, &mut conditions, now);
    match replica_failure(sets) {
        Some(failure) => set_condition(&mut conditions, failure),
        None => conditions.retain(|c| text(c, "/type") != "ReplicaFailure"),
    }
    set_conditions(&mut status, &conditions);
    let wake = deadline(deployment, &status, now);
    let writes = write(deployment, status);
    let wake = if writes.is_empty() { wake } else { None };
    (writes, wake)
}

fn write(deployment: &Value, status: Value) -> Vec<Write> {
    if deployment.get("status") == Some(&status) {
        return Vec::new();
    }
    let mut wanted = deployment.clone();
    object::set(&mut wanted, &["status"], status);
    vec![Write::UpdateStatus(known::DEPLOYMENTS, wanted)]
}

fn set_conditions(status: &mut Value, conditions: &[Value]) {
    if !conditions.is_empty() {
        object::set(status, &["conditions"], json!(conditions));
    }
}

/// Counters, and conditions as stored with `Available` brought up to date.
fn calculated(deployment: &Value, sets: &Sets<'_>, now: Timestamp) -> (Value, Vec<Value>) {
    let all = sets.all();
    let sum = |pointer: &str| all.iter().map(|s| count(s, pointer)).sum::<i64>();
    let available = sum("/status/availableReplicas");
    let mut status = object::without_zeros(&[
        (
            "observedGeneration",
            count(deployment, "/metadata/generation"),
        ),
        ("replicas", sum("/status/replicas")),
        (
            "updatedReplicas",
            sets.new.map_or(0, |n| count(n, "/status/replicas")),
        ),
        ("readyReplicas", sum("/status/readyReplicas")),
        ("availableReplicas", available),
        (
            "unavailableReplicas",
            (size::total(&all) - available).max(0),
        ),
    ]);
    if let Some(terminating) = terminating(&all) {
        status.insert("terminatingReplicas".to_owned(), json!(terminating));
    }
    if let Some(collisions) = integer(deployment, "/status/collisionCount") {
        status.insert("collisionCount".to_owned(), json!(collisions));
    }
    let mut conditions = items(deployment, "/status/conditions").to_vec();
    let enough = available >= size::replicas(deployment) - size::max_unavailable(deployment);
    set_condition(
        &mut conditions,
        if enough {
            condition(
                "Available",
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
                now,
            )
        } else {
            condition(
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
                now,
            )
        },
    );
    (Value::Object(status), conditions)
}

/// Pods on their way out; unknown while one ReplicaSet that was looked at does not say.
fn terminating(all: &[&Value]) -> Option<i64> {
    let mut sum = 0;
    for set in all {
        match integer(set, "/status/terminatingReplicas") {
            Some(n) => sum += n,
            None if count(set, "/status/observedGeneration") == 0 => {}
            None => return None,
        }
    }
    Some(sum)
}

/// Whether all replicas are updated and available, and the status is of the newest generation.
pub(crate) fn is_complete(deployment: &Value, status: Option<&Value>) -> bool {
    let wanted = size::replicas(deployment);
    status.is_some_and(|s| {
        ["/updatedReplicas", "/replicas", "/availableReplicas"]
            .iter()
            .all(|p| count(s, p) == wanted)
            && count(s, "/observedGeneration") >= count(deployment, "/metadata/generation")
    })
}

fn progress(
    deployment: &Value,
    sets: &Sets<'_>,
    status: &Value,
    conditions: &mut Vec<Value>,
    now: Timestamp,
) {
    let current = object::condition(deployment, "Progressing");
    let reason = current.map_or("", |c| text(c, "/reason"));
    let settled = count(status, "/replicas") == count(status, "/updatedReplicas")
        && reason == "NewReplicaSetAvailable";
    if !has_deadline(deployment) || settled {
        return;
    }
    let subject = sets.new.map_or_else(
        || format!("Deployment \"{}\"", object::name(deployment)),
        |n| format!("ReplicaSet \"{}\"", object::name(n)),
    );
    if is_complete(deployment, Some(status)) {
        let message = format!("{subject} has successfully progressed.");
        set_condition(
            conditions,
            condition(
                "Progressing",
                "True",
                "NewReplicaSetAvailable",
                &message,
                now,
            ),
        );
    } else if has_progressed(deployment, status) {
        let mut next = condition(
            "Progressing",
            "True",
            "ReplicaSetUpdated",
            &format!("{subject} is progressing."),
            now,
        );
        if let Some(current) = current.filter(|c| text(c, "/status") == "True") {
            object::set(
                &mut next,
                &["lastTransitionTime"],
                current
                    .get("lastTransitionTime")
                    .cloned()
                    .unwrap_or_default(),
            );
        }
        conditions.retain(|c| text(c, "/type") != "Progressing");
        conditions.push(next);
    } else if has_timed_out(deployment, current, now) {
        let message = format!("{subject} has timed out progressing.");
        set_condition(
            conditions,
            condition(
                "Progressing",
                "False",
                "ProgressDeadlineExceeded",
                &message,
                now,
            ),
        );
    }
}

fn has_progressed(deployment: &Value, status: &Value) -> bool {
    let old = |key: &str| count(deployment, &format!("/status/{key}"));
    let new = |key: &str| count(status, &format!("/{key}"));
    new("updatedReplicas") > old("updatedReplicas")
        || new("replicas") - new("updatedReplicas") < old("replicas") - old("updatedReplicas")
        || new("readyReplicas") > old("readyReplicas")
        || new("availableReplicas") > old("availableReplicas")
}

fn has_timed_out(deployment: &Value, current: Option<&Value>, now: Timestamp) -> bool {
    let Some(current) = current else {
        return false;
    };
    match text(current, "/reason") {
        "NewReplicaSetAvailable" => false,
        "ProgressDeadlineExceeded" => true,
        _ => deadline_of(deployment, current).is_some_and(|at| at < now),
    }
}

fn deadline_of(deployment: &Value, condition: &Value) -> Option<Timestamp> {
    let seconds = integer(deployment, "/spec/progressDeadlineSeconds")?;
    Some(object::seconds_after(
        time(condition, "/lastUpdateTime")?,
        seconds,
    ))
}

/// A second after the deadline, as upstream waits; none where the rollout is over or already timed out.
fn deadline(deployment: &Value, status: &Value, now: Timestamp) -> Option<Timestamp> {
    let current = object::condition(deployment, "Progressing")?;
    if !has_deadline(deployment)
        || is_complete(deployment, Some(status))
        || text(current, "/reason") == "ProgressDeadlineExceeded"
    {
        return None;
    }
    let at = object::seconds_after(deadline_of(deployment, current)?, 1);
    Some(at.max(object::seconds_after(now, 1)))
}

/// The `ReplicaFailure` of the new ReplicaSet, else of the first that has one.
fn replica_failure(sets: &Sets<'_>) -> Option<Value> {
    let failure = |set: &Value| object::condition(set, "ReplicaFailure").cloned();
    let mut condition = sets
        .new
        .and_then(failure)
        .or_else(|| sets.old.iter().find_map(|s| failure(s)))?;
    let since = condition
        .get("lastTransitionTime")
        .cloned()
        .unwrap_or_default();
    object::set(&mut condition, &["lastUpdateTime"], since);
    Some(condition)
}
