//! Pure decisions about ReplicaSets and `ReplicationControllers`: which pods are its own, which to make or give up, and the status to report.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::{Value, json};

use crate::builtin::object::{self, count, integer, items, text};
use crate::builtin::pod;

/// Pods created or deleted in one pass at most.
const BURST: usize = 500;

/// The label selector of a set: a `ReplicationController` names nothing but labels.
pub(crate) fn selector(set: &Value) -> Value {
    let selector = set.pointer("/spec/selector").cloned().unwrap_or_default();
    if is_old_kind(set) {
        json!({"matchLabels": selector})
    } else {
        selector
    }
}

fn is_old_kind(set: &Value) -> bool {
    text(set, "/kind") == "ReplicationController"
}

/// What becomes of a pod that is or might be this ReplicaSet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Ours and matching.
    Keep,
    /// An orphan that matches: take it.
    Adopt,
    /// Ours, but its labels no longer match: let it go.
    Release,
    /// Somebody else's, or not matching.
    Ignore,
}

/// The claim of `owner` on `candidate` (a pod of a ReplicaSet, a ReplicaSet of a Deployment).
pub(crate) fn claim(owner: &Value, selector: &Selector, candidate: &Value) -> Claim {
    let matches = || selector.matches_object(candidate);
    let leaving = object::is_terminating(owner);
    match object::controller_of(candidate) {
        Some(reference) if text(reference, "/uid") != object::uid(owner) => Claim::Ignore,
        Some(_) if matches() => Claim::Keep,
        Some(_) if leaving => Claim::Ignore,
        Some(_) => Claim::Release,
        None if leaving || object::is_terminating(candidate) || !matches() => Claim::Ignore,
        None => Claim::Adopt,
    }
}

/// The owner references of `candidate` after adoption by `owner`.
pub(crate) fn adopted_references(owner: &Value, candidate: &Value) -> Value {
    let mut references: Vec<Value> = items(candidate, "/metadata/ownerReferences").to_vec();
    references.retain(|r| text(r, "/uid") != object::uid(owner));
    references.push(object::controller_reference(owner));
    json!(references)
}

/// The owner references of `candidate` after `owner` lets go; null where none are left, as a merge patch wants it.
pub(crate) fn released_references(owner: &Value, candidate: &Value) -> Value {
    let left: Vec<&Value> = items(candidate, "/metadata/ownerReferences")
        .iter()
        .filter(|r| text(r, "/uid") != object::uid(owner))
        .collect();
    if left.is_empty() {
        Value::Null
    } else {
        json!(left)
    }
}

/// How many pods to create, or which to delete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The number of pods is right, or the ReplicaSet is going away.
    Nothing,
    /// Create so many.
    Create(usize),
    /// Delete these, by name.
    Delete(Vec<String>),
}

/// Compares the active pods with `spec.replicas`. `related` are the pods of all ReplicaSets with the same owner.
pub(crate) fn scale(
    set: &Value,
    active: &[Arc<Value>],
    related: impl FnOnce() -> Vec<Arc<Value>>,
    now: Timestamp,
) -> Scale {
    if object::is_terminating(set) {
        return Scale::Nothing;
    }
    let wanted = usize::try_from(replicas(set)).unwrap_or(0);
    if active.len() < wanted {
        return Scale::Create((wanted - active.len()).min(BURST));
    }
    let surplus = (active.len() - wanted).min(BURST);
    if surplus == 0 {
        return Scale::Nothing;
    }
    let nodes: BTreeMap<String, i64> = pod::active_per_node(related().iter().map(AsRef::as_ref));
    let rank = |pod: &Value| nodes.get(text(pod, "/spec/nodeName")).copied().unwrap_or(0);
    let mut sorted: Vec<&Value> = active.iter().map(AsRef::as_ref).collect();
    sorted.sort_by(|a, b| pod::deletion_order((a, rank(a)), (b, rank(b)), now));
    Scale::Delete(
        sorted
            .into_iter()
            .take(surplus)
            .map(|p| object::name(p).to_owned())
            .collect(),
    )
}

/// `spec.replicas`, which the API server defaults to 1.
pub(crate) fn replicas(set: &Value) -> i64 {
    integer(set, "/spec/replicas").unwrap_or(1)
}

/// A failed creation or deletion, to be told in condition `ReplicaFailure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `FailedCreate` or `FailedDelete`.
    pub(crate) reason: &'static str,
    /// The API server's message.
    pub(crate) message: String,
}

/// The status that follows from the pods. Mirrors `calculateStatus` of `replica_set_utils.go`.
pub(crate) fn status(
    set: &Value,
    active: &[Arc<Value>],
    terminating: usize,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Value {
    let min_ready = count(set, "/spec/minReadySeconds");
    let template_labels = object::string_map(set, "/spec/template/metadata/labels");
    let fully_labeled = active
        .iter()
        .filter(|p| object::has_labels(p, &template_labels));
    let mut status = object::without_zeros(&[
        ("fullyLabeledReplicas", as_count(fully_labeled.count())),
        (
            "readyReplicas",
            as_count(active.iter().filter(|p| pod::is_ready(p)).count()),
        ),
        (
            "availableReplicas",
            as_count(
                active
                    .iter()
                    .filter(|p| pod::is_available(p, min_ready, now))
                    .count(),
            ),
        ),
        ("observedGeneration", count(set, "/metadata/generation")),
    ]);
    status.insert("replicas".to_owned(), json!(active.len()));
    if !is_old_kind(set) {
        status.insert("terminatingReplicas".to_owned(), json!(terminating));
    }
    let conditions = conditions(set, failure, now);
    if !conditions.is_empty() {
        status.insert("conditions".to_owned(), json!(conditions));
    }
    Value::Object(status)
}

fn conditions(set: &Value, failure: Option<&Failure>, now: Timestamp) -> Vec<Value> {
    const KIND: &str = "ReplicaFailure";
    let mut conditions: Vec<Value> = items(set, "/status/conditions").to_vec();
    match failure {
        Some(failure) if object::condition(set, KIND).is_none() => conditions.push(json!({
            "type": KIND, "status": "True", "reason": failure.reason, "message": failure.message,
            "lastTransitionTime": object::stamp(now),
        })),
        Some(_) => {}
        None => conditions.retain(|c| text(c, "/type") != KIND),
    }
    conditions
}

/// A length as a JSON number.
pub(crate) fn as_count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2030-01-01T01:00:00Z".parse().unwrap()
    }

    fn set(replicas: i64) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "web", "namespace": "d", "uid": "set", "generation": 2},
            "spec": {"replicas": replicas, "minReadySeconds": 10, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web", "tier": "front"}}}},
            "status": {"replicas": 0},
        })
    }

    fn pod(name: &str, ready_at: Option<&str>) -> Arc<Value> {
        let conditions = ready_at
            .map(|at| json!([{"type": "Ready", "status": "True", "lastTransitionTime": at}]));
        Arc::new(json!({
            "metadata": {"name": name, "uid": name, "labels": {"app": "web"}, "creationTimestamp": "2030-01-01T00:00:00Z"},
            "spec": {"nodeName": "n"}, "status": {"phase": "Running", "conditions": conditions},
        }))
    }

    #[test]
    fn orphans_that_match_are_adopted_and_strays_released() {
        let set = set(1);
        let selector = Selector::from_label_selector(&set["spec"]["selector"]).unwrap();
        let orphan = json!({"metadata": {"name": "a", "labels": {"app": "web"}}});
        let stranger = json!({"metadata": {"name": "b", "labels": {"app": "db"}}});
        let mut ours = stranger.clone();
        ours["metadata"]["ownerReferences"] =
            json!([object::controller_reference(&set), {"uid": "other"}]);
        let mut theirs = orphan.clone();
        theirs["metadata"]["ownerReferences"] = json!([{"uid": "other", "controller": true}]);
        assert_eq!(claim(&set, &selector, &orphan), Claim::Adopt);
        assert_eq!(claim(&set, &selector, &stranger), Claim::Ignore);
        assert_eq!(claim(&set, &selector, &ours), Claim::Release);
        assert_eq!(claim(&set, &selector, &theirs), Claim::Ignore);
        assert_eq!(released_references(&set, &ours), json!([{"uid": "other"}]));
        assert_eq!(
            adopted_references(&set, &orphan),
            json!([object::controller_reference(&set)])
        );
    }

    #[test]
    fn a_terminating_set_neither_adopts_nor_releases() {
        let mut set = set(1);
        set["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
        let selector = Selector::from_label_selector(&set["spec"]["selector"]).unwrap();
        let orphan = json!({"metadata": {"labels": {"app": "web"}}});
        assert_eq!(claim(&set, &selector, &orphan), Claim::Ignore);
        assert_eq!(scale(&set, &[], Vec::new, now()), Scale::Nothing);
    }

    #[test]
    fn missing_pods_are_created_and_surplus_ones_ranked() {
        assert_eq!(
            scale(&set(3), &[pod("a", None)], Vec::new, now()),
            Scale::Create(2)
        );
        let pods = [pod("a", Some("2030-01-01T00:00:00Z")), pod("b", None)];
        assert_eq!(
            scale(&set(1), &pods, || pods.to_vec(), now()),
            Scale::Delete(vec!["b".to_owned()])
        );
        assert_eq!(
            scale(&set(2), &pods, || pods.to_vec(), now()),
            Scale::Nothing
        );
    }

    #[test]
    fn status_counts_ready_available_and_terminating_pods() {
        let pods = [
            pod("a", Some("2030-01-01T00:00:00Z")),
            pod("b", Some("2030-01-01T00:59:55Z")),
            pod("c", None),
        ];
        assert_eq!(
            status(&set(3), &pods, 1, None, now()),
            json!({"replicas": 3, "readyReplicas": 2, "availableReplicas": 1, "observedGeneration": 2, "terminatingReplicas": 1})
        );
    }

    #[test]
    fn a_failure_is_told_once_and_forgotten_when_over() {
        let mut set = set(3);
        let failure = Failure {
            reason: "FailedCreate",
            message: "no".to_owned(),
        };
        let failed = status(&set, &[], 0, Some(&failure), now());
        assert_eq!(
            failed["conditions"],
            json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no", "lastTransitionTime": "2030-01-01T01:00:00Z"}])
        );
        set["status"] = failed.clone();
        assert_eq!(
            status(
                &set,
                &[],
                0,
                Some(&Failure {
                    message: "still no".to_owned(),
                    ..failure
                }),
                now()
            ),
            failed
        );
        assert_eq!(status(&set, &[], 0, None, now()).get("conditions"), None);
    }
}
