//! Which steps a StatefulSet takes, pod by pod.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::claims::Claims;
use super::decide::{Observed, Plan, Step, decide};
use super::identity::{POD_INDEX, POD_NAME, REVISION};
use crate::builtin::object;

fn now() -> Timestamp {
    "2030-01-01T01:00:00Z".parse().unwrap()
}

fn set(replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "d", "uid": "set", "generation": 1},
        "spec": {"replicas": replicas, "serviceName": "web", "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "selector": {"matchLabels": {"app": "web"}}, "template": template("new")},
        "status": {"replicas": 0},
    })
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}})
}

fn revision(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"spec": {"template": template(name)}}})
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Ready,
    Unready,
    Leaving,
    Failed,
}

fn pod(ordinal: i64, revision: &str, state: State) -> Arc<Value> {
    let name = format!("web-{ordinal}");
    let (phase, ready) = match state {
        State::Ready | State::Leaving => ("Running", "True"),
        State::Unready => ("Running", "False"),
        State::Failed => ("Failed", "False"),
    };
    let mut pod = json!({
        "metadata": {"name": name, "uid": name,
            "labels": {"app": "web", POD_NAME: name, POD_INDEX: ordinal.to_string(), REVISION: revision}},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2030-01-01T00:59:55Z"}]},
    });
    if state == State::Leaving {
        pod["metadata"]["deletionTimestamp"] = json!("2030-01-01T01:00:00Z");
    }
    Arc::new(pod)
}

fn plan(set: &Value, pods: &[Arc<Value>]) -> Plan {
    decide(&Observed {
        set,
        pods,
        claims: &Claims::new(),
        current: &revision("old"),
        update: &revision("new"),
        collisions: 0,
        now: now(),
    })
}

/// `+NAME@REVISION` for a creation, `-NAME` for a deletion, `~NAME` for a correction.
fn steps(set: &Value, pods: &[Arc<Value>]) -> Vec<String> {
    plan(set, pods)
        .steps
        .iter()
        .map(|step| match step {
            Step::Create(pod) => {
                let image = object::text(pod, "/spec/containers/0/image");
                assert_eq!(
                    object::text(pod, &format!("/metadata/labels/{REVISION}")),
                    image
                );
                format!("+{}@{image}", object::name(pod))
            }
            Step::Delete(name) => format!("-{name}"),
            Step::Correct(pod) => format!("~{}", object::name(pod)),
            Step::Claims(pod) => format!("claims of {}", object::name(pod)),
            Step::Own(pod) => format!("owner of claims of {}", object::name(pod)),
        })
        .collect()
}

use State::{Failed, Leaving, Ready, Unready};

#[test]
fn pods_are_created_one_at_a_time_in_order() {
    assert_eq!(steps(&set(3), &[]), ["+web-0@new"]);
    assert_eq!(steps(&set(3), &[pod(0, "new", Unready)]), [""; 0]);
    assert_eq!(steps(&set(3), &[pod(0, "new", Leaving)]), [""; 0]);
    assert_eq!(steps(&set(3), &[pod(0, "new", Ready)]), ["+web-1@new"]);
    assert_eq!(
        steps(&set(3), &[pod(0, "new", Ready), pod(2, "new", Ready)]),
        ["+web-1@new"]
    );
}

#[test]
fn min_ready_seconds_hold_up_the_next_pod() {
    let mut set = set(2);
    set["spec"]["minReadySeconds"] = json!(10);
    let held = plan(&set, &[pod(0, "new", Ready)]);
    assert_eq!(held.steps, []);
    assert_eq!(held.wake, Some("2030-01-01T01:00:05Z".parse().unwrap()));
    assert_eq!(held.status["readyReplicas"], 1);
    assert_eq!(held.status["availableReplicas"], 0);
}

#[test]
fn ordinals_may_start_elsewhere() {
    let mut set = set(2);
    set["spec"]["ordinals"] = json!({"start": 5});
    assert_eq!(steps(&set, &[]), ["+web-5@new"]);
    assert_eq!(
        steps(
            &set,
            &[
                pod(0, "new", Ready),
                pod(5, "new", Ready),
                pod(6, "new", Ready)
            ]
        ),
        ["-web-0"]
    );
}

#[test]
fn the_highest_pod_goes_first_and_alone() {
    let all = |state| {
        [
            pod(0, "new", Ready),
            pod(1, "new", Ready),
            pod(2, "new", state),
        ]
    };
    assert_eq!(steps(&set(1), &all(Ready)), ["-web-2"]);
    assert_eq!(steps(&set(1), &all(Leaving)), [""; 0]);
    assert_eq!(steps(&set(1), &all(Unready)), ["-web-2"]);
    let unready_below = [
        pod(0, "new", Ready),
        pod(1, "new", Unready),
        pod(2, "new", Unready),
    ];
    assert_eq!(steps(&set(1), &unready_below), [""; 0]);
}

#[test]
fn parallel_pods_come_and_go_at_once() {
    let mut set = set(3);
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    assert_eq!(steps(&set, &[]), ["+web-0@new", "+web-1@new", "+web-2@new"]);
    set["spec"]["replicas"] = json!(0);
    assert_eq!(
        steps(&set, &[pod(0, "new", Unready), pod(1, "new", Ready)]),
        ["-web-1", "-web-0"]
    );
}

#[test]
fn no_more_pods_are_thought_of_than_there_are_or_can_be_created() {
    let mut set = set(2_000_000_000);
    set["spec"]["ordinals"] = json!({"start": 7});
    assert_eq!(steps(&set, &[]), ["+web-7@new"]);
    let high = 2_000_000_006;
    let pods = [
        pod(0, "new", Ready),
        pod(7, "new", Ready),
        pod(high, "old", Ready),
    ];
    assert_eq!(steps(&set, &pods), ["+web-8@new"]);
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    let steps = steps(&set, &pods);
    assert_eq!(steps.len(), 502);
    assert_eq!(steps[0], "+web-8@new");
    assert_eq!(steps[499], "+web-507@new");
    assert_eq!(steps[500], "-web-0");
    assert_eq!(steps[501], format!("-web-{high}"));
}

#[test]
fn parallel_pods_that_are_many_come_in_passes() {
    let mut set = set(1100);
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    let mut pods = vec![pod(600, "new", Unready), pod(1, "new", Failed)];
    for created in [500, 500, 98, 0] {
        let mut passed = Vec::new();
        for step in plan(&set, &pods).steps {
            match step {
                Step::Create(made) => passed.push(made),
                Step::Delete(name) => assert_eq!(name, "web-1"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(passed.len(), created);
        let created = passed.iter().map(super::identity::ordinal);
        pods.extend(created.map(|ordinal| pod(ordinal, "new", Unready)));
    }
    let mut ordinals: Vec<i64> = pods.iter().map(|p| super::identity::ordinal(p)).collect();
    ordinals.sort_unstable();
    assert!(ordinals.into_iter().eq(0..1100));
}

#[test]
fn an_update_replaces_the_highest_pod_and_waits_for_it() {
    assert_eq!(
        steps(&set(2), &[pod(0, "old", Ready), pod(1, "old", Ready)]),
        ["-web-1"]
    );
    assert_eq!(
        steps(&set(2), &[pod(0, "old", Ready), pod(1, "new", Ready)]),
        ["-web-0"]
    );
    assert_eq!(
        steps(&set(2), &[pod(0, "old", Ready), pod(1, "old", Leaving)]),
        [""; 0]
    );
}

#[test]
fn a_broken_pod_blocks_the_update_until_somebody_deletes_it() {
    let mut again = set(2);
    let broken = [pod(0, "old", Ready), pod(1, "broken", Unready)];
    assert_eq!(steps(&again, &broken), [""; 0]);
    again["spec"]["podManagementPolicy"] = json!("Parallel");
    assert_eq!(steps(&again, &broken), ["-web-1"]);
    assert_eq!(steps(&set(2), &broken[..1]), ["+web-1@new"]);
}

#[test]
fn pods_below_the_partition_keep_the_current_revision() {
    let mut set = set(3);
    set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(2);
    let pods = [
        pod(0, "old", Ready),
        pod(1, "old", Ready),
        pod(2, "old", Ready),
    ];
    assert_eq!(steps(&set, &pods), ["-web-2"]);
    assert_eq!(steps(&set, &pods[..2]), ["+web-2@new"]);
    assert_eq!(steps(&set, &pods[..1]), ["+web-1@old"]);
}

#[test]
fn on_delete_leaves_old_pods_alone() {
    let mut set = set(2);
    set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    assert_eq!(
        steps(&set, &[pod(0, "old", Ready), pod(1, "old", Ready)]),
        [""; 0]
    );
    assert_eq!(steps(&set, &[pod(0, "old", Ready)]), ["+web-1@new"]);
}

#[test]
fn a_pod_that_ended_is_made_again_and_a_lost_label_given_back() {
    assert_eq!(steps(&set(1), &[pod(0, "new", Failed)]), ["-web-0"]);
    let mut stripped = (*pod(0, "new", Ready)).clone();
    stripped["metadata"]["labels"] = json!({"app": "web", REVISION: "new"});
    assert_eq!(steps(&set(1), &[Arc::new(stripped)]), ["~web-0"]);
}

#[test]
fn a_set_that_is_going_only_reports() {
    let mut set = set(3);
    set["metadata"]["deletionTimestamp"] = json!("2030-01-01T01:00:00Z");
    let plan = plan(&set, &[pod(0, "old", Ready)]);
    assert_eq!(plan.steps, []);
    assert_eq!(
        plan.status,
        json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "currentReplicas": 1,
            "currentRevision": "old", "updateRevision": "new", "collisionCount": 0})
    );
}
