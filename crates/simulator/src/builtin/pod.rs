//! What controllers ask of a Pod: phase, readiness, availability, and the order in which pods are given up.
//!
//! Mirrors `pkg/api/v1/pod/util.go` and `ActivePodsWithRanks` of `pkg/controller/controller_utils.go`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{self, annotation, count, items, text, time};

/// Annotation that makes a pod cheaper or dearer to delete than its siblings.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Whether the pod has ended: `Succeeded` or `Failed`.
pub(crate) fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether the pod counts towards its controller's replicas: neither ended nor being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !object::is_terminating(pod)
}

/// Whether the pod is being deleted and has not ended yet.
pub(crate) fn is_on_its_way_out(pod: &Value) -> bool {
    !is_finished(pod) && object::is_terminating(pod)
}

/// Whether condition `Ready` is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    object::is_true(pod, "Ready")
}

/// Since when the pod has been ready; `None` where it is not.
pub(crate) fn ready_since(pod: &Value) -> Option<Timestamp> {
    object::condition(pod, "Ready")
        .filter(|c| text(c, "/status") == "True")
        .and_then(|c| time(c, "/lastTransitionTime"))
}

/// Whether the pod has been ready for `min_ready` seconds.
pub(crate) fn is_available(pod: &Value, min_ready: i64, now: Timestamp) -> bool {
    if !is_ready(pod) {
        return false;
    }
    min_ready == 0
        || ready_since(pod).is_some_and(|since| object::seconds_after(since, min_ready) <= now)
}

/// The earliest time at which one of these ready pods becomes available.
pub(crate) fn next_available<'a>(
    pods: impl Iterator<Item = &'a Value>,
    min_ready: i64,
    now: Timestamp,
) -> Option<Timestamp> {
    pods.filter_map(ready_since)
        .map(|since| object::seconds_after(since, min_ready))
        .filter(|at| *at > now)
        .min()
}

/// A pod of this template, controlled by `owner`; its name is generated.
pub(crate) fn from_template(owner: &Value, template: &Value) -> Value {
    let mut metadata = json!({
        "generateName": format!("{}-", object::name(owner)),
        "namespace": object::namespace(owner),
        "ownerReferences": [object::controller_reference(owner)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.get("metadata").and_then(|m| m.get(key)) {
            object::set(&mut metadata, &[key], value.clone());
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec").cloned().unwrap_or_else(|| json!({}))})
}

/// How many active pods stand on each node.
pub(crate) fn active_per_node<'a>(pods: impl Iterator<Item = &'a Value>) -> BTreeMap<String, i64> {
    let mut nodes = BTreeMap::new();
    for pod in pods.filter(|p| is_active(p)) {
        *nodes
            .entry(text(pod, "/spec/nodeName").to_owned())
            .or_insert(0) += 1;
    }
    nodes
}

/// `Less` for the pod that is to go first. `rank` is the number of related pods on the pod's node.
pub(crate) fn deletion_order(a: (&Value, i64), b: (&Value, i64), now: Timestamp) -> Ordering {
    let ((a, rank_a), (b, rank_b)) = (a, b);
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| phase_order(a).cmp(&phase_order(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| rank_b.cmp(&rank_a))
        .then_with(|| younger_first(a, b, ready_since(a), ready_since(b), now))
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| {
            let born = |pod| time(pod, "/metadata/creationTimestamp");
            younger_first(a, b, born(a), born(b), now)
        })
        .then_with(|| object::name(a).cmp(object::name(b)))
}

fn assigned(pod: &Value) -> bool {
    !text(pod, "/spec/nodeName").is_empty()
}

fn phase_order(pod: &Value) -> u8 {
    match text(pod, "/status/phase") {
        "Unknown" => 1,
        "Running" => 2,
        _ => 0,
    }
}

fn deletion_cost(pod: &Value) -> i32 {
    annotation(pod, DELETION_COST)
        .and_then(|v| v.parse().ok())
        .unwrap_or(0)
}

/// Highest restart count of ordinary containers, then of sidecars.
fn restarts(pod: &Value) -> (i64, i64) {
    let most = |pointer: &str, keep: &dyn Fn(&str) -> bool| {
        items(pod, pointer)
            .iter()
            .filter(|c| keep(text(c, "/name")))
            .map(|c| count(c, "/restartCount"))
            .max()
            .unwrap_or(0)
    };
    let is_sidecar = |name: &str| {
        items(pod, "/spec/initContainers")
            .iter()
            .any(|c| text(c, "/name") == name && text(c, "/restartPolicy") == "Always")
    };
    (
        most("/status/containerStatuses", &|_| true),
        most("/status/initContainerStatuses", &is_sidecar),
    )
}

/// Ages are compared by power of two, so that scaling down spreads over pods of about the same age; within one class the uid decides.
fn younger_first(
    a: &Value,
    b: &Value,
    time_a: Option<Timestamp>,
    time_b: Option<Timestamp>,
    now: Timestamp,
) -> Ordering {
    match (time_a, time_b) {
        (Some(x), Some(y)) if x != y => age_class(x, now)
            .cmp(&age_class(y, now))
            .then_with(|| object::uid(a).cmp(object::uid(b))),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

fn age_class(since: Timestamp, now: Timestamp) -> i64 {
    let nanoseconds = now.duration_since(since).as_nanos();
    u128::try_from(nanoseconds)
        .ok()
        .and_then(u128::checked_ilog2)
        .map_or(-1, i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2030-01-01T01:00:00Z".parse().unwrap()
    }

    fn pod(name: &str) -> Value {
        json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2030-01-01T00:00:00Z"},
            "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}]},
        })
    }

    fn order(pods: &[(Value, i64)]) -> Vec<String> {
        let mut sorted: Vec<_> = pods.iter().collect();
        sorted.sort_by(|a, b| deletion_order((&a.0, a.1), (&b.0, b.1), now()));
        sorted
            .into_iter()
            .map(|(p, _)| object::name(p).to_owned())
            .collect()
    }

    fn with(mut pod: Value, path: &[&str], value: Value) -> Value {
        object::set(&mut pod, path, value);
        pod
    }

    #[test]
    fn pods_are_given_up_in_upstreams_order() {
        let unassigned = with(pod("unassigned"), &["spec", "nodeName"], json!(""));
        let pending = with(pod("pending"), &["status", "phase"], json!("Pending"));
        let unready = with(
            pod("unready"),
            &["status", "conditions"],
            json!([{"type": "Ready", "status": "False"}]),
        );
        let cheap = with(
            pod("cheap"),
            &["metadata", "annotations", DELETION_COST],
            json!("-5"),
        );
        let crowded = pod("crowded");
        let young = with(
            pod("young"),
            &["status", "conditions"],
            json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-01T00:59:00Z"}]),
        );
        let restarted = with(
            pod("restarted"),
            &["status", "containerStatuses"],
            json!([{"name": "c", "restartCount": 3}]),
        );
        let newer = with(
            pod("newer"),
            &["metadata", "creationTimestamp"],
            json!("2030-01-01T00:58:00Z"),
        );
        let pods = [
            (pod("plain"), 1),
            (newer, 1),
            (restarted, 1),
            (young, 1),
            (crowded, 2),
            (cheap, 1),
            (unready, 1),
            (pending, 1),
            (unassigned, 1),
        ];
        assert_eq!(
            order(&pods),
            [
                "unassigned",
                "pending",
                "unready",
                "cheap",
                "crowded",
                "young",
                "restarted",
                "newer",
                "plain"
            ]
        );
    }

    #[test]
    fn pods_of_one_age_class_go_by_uid() {
        let at = |name: &str, second: u8| {
            with(
                pod(name),
                &["status", "conditions"],
                json!([{"type": "Ready", "status": "True", "lastTransitionTime": format!("2030-01-01T00:00:{second:02}Z")}]),
            )
        };
        assert_eq!(order(&[(at("b", 9), 1), (at("a", 2), 1)]), ["a", "b"]);
    }

    #[test]
    fn a_ready_pod_is_available_only_after_min_ready_seconds() {
        let pod = pod("p");
        assert!(is_available(&pod, 3600, now()));
        assert!(!is_available(&pod, 3601, now()));
        assert_eq!(
            next_available([&pod].into_iter(), 3601, now()),
            Some("2030-01-01T01:00:01Z".parse().unwrap())
        );
        assert_eq!(next_available([&pod].into_iter(), 3600, now()), None);
    }
}
