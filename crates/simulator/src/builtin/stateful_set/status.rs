//! The status of a StatefulSet, counted from its pods.
//!
//! Mirrors `updateStatus` and `completeRollingUpdate` of upstream's StatefulSet controller.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::identity::{self, REVISION};
use crate::builtin::object::{self, count, text};
use crate::builtin::pod;

/// Pods in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All.
    pub(crate) replicas: i64,
    /// Running and ready.
    pub(crate) ready: i64,
    /// Ready for `minReadySeconds`.
    pub(crate) available: i64,
    /// Of the current revision.
    pub(crate) current: i64,
    /// Of the update revision.
    pub(crate) updated: i64,
}

/// Whether a pod is running and ready.
pub(crate) fn is_running_and_ready(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Running" && pod::is_ready(pod)
}

/// Counts pods; those that are not created yet have no phase and do not count.
pub(crate) fn counted<'a>(
    pods: impl Iterator<Item = &'a Value>,
    min_ready: i64,
    (current, update): (&str, &str),
    now: Timestamp,
) -> Counts {
    let mut counts = Counts::default();
    for pod in pods.filter(|p| !text(p, "/status/phase").is_empty()) {
        counts.replicas += 1;
        if is_running_and_ready(pod) {
            counts.ready += 1;
            counts.available += i64::from(pod::is_available(pod, min_ready, now));
        }
        if !object::is_terminating(pod) {
            let labels = object::labels(pod);
            let revision = labels.get(REVISION).map_or("", String::as_str);
            counts.current += i64::from(revision == current);
            counts.updated += i64::from(revision == update);
        }
    }
    counts
}

/// The status to report. An update that is complete makes its revision the current one.
pub(crate) fn status(
    set: &Value,
    counts: Counts,
    (current, update): (&str, &str),
    collisions: i64,
) -> Value {
    let wanted = identity::replicas(set);
    let is_complete = text(set, "/spec/updateStrategy/type") == "RollingUpdate"
        && [counts.updated, counts.ready, counts.replicas] == [wanted; 3];
    let (current, current_replicas) = if is_complete {
        (update, counts.updated)
    } else {
        (current, counts.current)
    };
    let mut status = object::without_zeros(&[
        ("observedGeneration", count(set, "/metadata/generation")),
        ("readyReplicas", counts.ready),
        ("currentReplicas", current_replicas),
        ("updatedReplicas", counts.updated),
    ]);
    status.insert("replicas".to_owned(), json!(counts.replicas));
    status.insert("availableReplicas".to_owned(), json!(counts.available));
    status.insert("currentRevision".to_owned(), json!(current));
    status.insert("updateRevision".to_owned(), json!(update));
    status.insert("collisionCount".to_owned(), json!(collisions));
    Value::Object(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_is_complete_becomes_the_current_revision() {
        let set = json!({"metadata": {"generation": 2}, "spec": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}}});
        let counts = Counts {
            replicas: 2,
            ready: 2,
            available: 1,
            current: 0,
            updated: 2,
        };
        assert_eq!(
            status(&set, counts, ("a", "b"), 0),
            json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "availableReplicas": 1, "currentReplicas": 2,
                "updatedReplicas": 2, "currentRevision": "b", "updateRevision": "b", "collisionCount": 0})
        );
        let part = Counts { ready: 1, ..counts };
        assert_eq!(
            status(&set, part, ("a", "b"), 0),
            json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 1, "availableReplicas": 1,
                "updatedReplicas": 2, "currentRevision": "a", "updateRevision": "b", "collisionCount": 0})
        );
    }
}
