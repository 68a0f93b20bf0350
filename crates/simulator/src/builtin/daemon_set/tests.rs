//! Which pods a DaemonSet makes and gives up, node by node.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{Observed, Plan, manage, roll, status};
use super::node::HASH;

fn now() -> Timestamp {
    "2030-01-01T01:00:00Z".parse().unwrap()
}

fn set(rolling: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "d", "uid": "u", "generation": 3},
        "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {}}},
    })
}

fn replacing(max_unavailable: i64) -> Value {
    set(&json!({"maxUnavailable": max_unavailable, "maxSurge": 0}))
}

fn surging(max_surge: i64) -> Value {
    set(&json!({"maxUnavailable": 0, "maxSurge": max_surge}))
}

fn node(name: &str) -> Arc<Value> {
    Arc::new(json!({"metadata": {"name": name}}))
}

/// `NODE HASH STATE`, where state is `ready`, `unready`, `leaving` or a phase.
fn pod(text: &str) -> Arc<Value> {
    let mut words = text.split(' ');
    let (node, hash, state) = (
        words.next().unwrap(),
        words.next().unwrap(),
        words.next().unwrap(),
    );
    let ready = if matches!(state, "ready" | "leaving") {
        "True"
    } else {
        "False"
    };
    let phase = match state {
        "Failed" | "Succeeded" => state,
        _ => "Running",
    };
    let mut pod = json!({
        "metadata": {"name": format!("{node}-{hash}"), "namespace": "d", "labels": {HASH: hash}},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2030-01-01T00:00:00Z"}]},
    });
    if state == "leaving" {
        pod["metadata"]["deletionTimestamp"] = json!("2030-01-01T01:00:00Z");
    }
    Arc::new(pod)
}

fn with<T>(set: &Value, pods: &[&str], decide: impl Fn(&Observed<'_>) -> T) -> T {
    let pods: Vec<_> = pods.iter().map(|p| pod(p)).collect();
    let nodes = [node("a"), node("b"), node("c")];
    decide(&Observed {
        set,
        nodes: &nodes,
        pods: &pods,
        hash: "new",
        now: now(),
    })
}

/// `+NODE` for a creation, `-POD` for a deletion.
fn steps(plan: Plan) -> Vec<String> {
    let create = plan.create.into_iter().map(|n| format!("+{n}"));
    let delete = plan.delete.into_iter().map(|p| format!("-{p}"));
    create.chain(delete).collect()
}

fn managed(set: &Value, pods: &[&str]) -> Vec<String> {
    steps(with(set, pods, manage))
}

fn rolled(set: &Value, pods: &[&str]) -> Vec<String> {
    steps(with(set, pods, roll))
}

#[test]
fn every_node_gets_one_pod() {
    assert_eq!(managed(&replacing(1), &["b new ready"]), ["+a", "+c"]);
    assert_eq!(
        managed(
            &replacing(1),
            &["a new leaving", "b new ready", "b old ready", "c new ready"]
        ),
        ["-b-old"]
    );
}

#[test]
fn pods_that_ended_are_deleted_and_told_about() {
    let plan = with(
        &replacing(1),
        &["a new Failed", "b new Succeeded", "c new ready"],
        manage,
    );
    assert_eq!(
        plan.events,
        [
            (
                true,
                "FailedDaemonPod",
                "Found failed daemon pod d/a-new on node a, will try to kill it".to_owned()
            ),
            (
                false,
                "SucceededDaemonPod",
                "Found succeeded daemon pod d/b-new on node b, will try to delete it".to_owned()
            ),
        ]
    );
    assert_eq!(steps(plan), ["-a-new", "-b-new"]);
}

#[test]
fn an_update_deletes_as_many_old_pods_as_may_be_missing() {
    let old = ["a old ready", "b old ready", "c old ready"];
    assert_eq!(rolled(&replacing(1), &old), ["-a-old"]);
    assert_eq!(rolled(&replacing(2), &old), ["-a-old", "-b-old"]);
    assert_eq!(
        rolled(
            &replacing(1),
            &["a new unready", "b old ready", "c old ready"]
        ),
        [""; 0]
    );
    assert_eq!(
        rolled(
            &replacing(1),
            &["a new unready", "b old unready", "c old ready"]
        ),
        ["-b-old"]
    );
    let mut on_delete = replacing(1);
    on_delete["spec"]["updateStrategy"]["type"] = json!("OnDelete");
    assert_eq!(rolled(&on_delete, &old), [""; 0]);
}

#[test]
fn a_surging_update_makes_the_new_pod_first() {
    let old = ["a old ready", "b old ready", "c old ready"];
    assert_eq!(rolled(&surging(1), &old), ["+a"]);
    let waiting = ["a old ready", "a new unready", "b old ready", "c old ready"];
    assert_eq!(managed(&surging(1), &waiting), [""; 0]);
    assert_eq!(rolled(&surging(1), &waiting), [""; 0]);
    let done = ["a old ready", "a new ready", "b old ready", "c old ready"];
    assert_eq!(managed(&surging(1), &done), ["-a-old"]);
    assert_eq!(
        rolled(
            &surging(1),
            &["a new ready", "b old unready", "c old ready"]
        ),
        ["+b", "+c"]
    );
}

#[test]
fn status_counts_nodes() {
    let pods = ["a new ready", "b old unready", "x new ready"];
    assert_eq!(
        with(&replacing(1), &pods, status),
        json!({"observedGeneration": 3, "desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberMisscheduled": 0,
            "numberReady": 1, "numberAvailable": 1, "numberUnavailable": 2, "updatedNumberScheduled": 1})
    );
}
