use super::*;

fn set() -> Value {
    json!({
        "metadata": {"name": "s", "generation": 2},
        "status": {"observedGeneration": 2, "currentRevision": "old", "updateRevision": "new"},
    })
}

fn pod(ordinal: u32, revision: &str, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({
        "metadata": {
            "name": format!("s-{ordinal}"), "labels": {REVISION: revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "u"}],
        },
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "ContainersReady", "status": status, "message": "not yet"},
            {"type": "Ready", "status": status, "message": "containers"},
        ]},
    })
}

#[test]
fn pods_of_others_do_not_count_and_the_tenth_comes_last() {
    let set = set();
    let mut stranger = pod(7, "new", true);
    stranger["metadata"]["ownerReferences"][0]["name"] = json!("t");
    let pods = [pod(10, "new", false), pod(2, "old", true), stranger];
    let health = Health::new(Some(&set), &pods, Some(2));
    assert_eq!(
        health.counts(),
        Counts {
            replicas: 2,
            updated: 1,
            available: 1
        }
    );
    assert_eq!(
        health.availability(),
        (Availability::Degraded, "SomePodsNotReady")
    );
    assert_eq!(health.messages(), ["pod s-10: not yet"]);
    assert_eq!(meta::name(health.pods[1]), "s-10");
    assert_eq!(health.counts().to_value()["unavailableReplicas"], 1);
}

#[test]
fn the_worst_shard_decides_and_all_reasons_are_named() {
    let set = set();
    let (ready, half) = (
        [pod(0, "new", true)],
        [pod(0, "new", true), pod(1, "new", false)],
    );
    let shard = |set, pods, wanted| ("n/s".to_owned(), Health::new(set, pods, wanted));
    let good = shard(Some(&set), &ready, None);
    let all = shards_available(std::slice::from_ref(&good));
    assert_eq!(
        (all.status.as_str(), all.reason.as_deref()),
        ("True", Some(""))
    );
    let some = shards_available(&[good.clone(), shard(Some(&set), &half, Some(2))]);
    assert_eq!(some.status, "Degraded");
    assert_eq!(some.message.as_deref(), Some("shard 1: pod s-1: not yet"));
    let none = shards_available(&[
        good,
        shard(Some(&set), &half, Some(2)),
        shard(None, &[], None),
    ]);
    assert_eq!(none.status, "False");
    assert_eq!(
        none.reason.as_deref(),
        Some("SomePodsNotReadyAndStatefulSetNotFound")
    );
    assert!(
        none.message
            .unwrap()
            .ends_with("\nshard 2: statefulset n/s not found")
    );
}

fn daemon_set(generation: i64, [wanted, there, updated, ready]: [i64; 4]) -> Value {
    json!({
        "metadata": {"name": "s", "generation": generation},
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": wanted, "currentNumberScheduled": there,
            "updatedNumberScheduled": updated, "numberReady": ready,
        },
    })
}

#[test]
fn a_daemon_set_is_available_when_a_pod_is_ready_on_each_of_its_nodes() {
    let found = |set: &Value, pods: &[Value]| {
        let said = shards_available(&[("n/s".to_owned(), Health::of_daemon_set(Some(set), pods))]);
        (said.status, said.reason.unwrap(), said.message.unwrap())
    };
    let mut half = pod(1, "new", false);
    half["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    let pods = [half, pod(2, "new", false)];
    let said = |status: &str, reason: &str, message: &str| {
        (status.to_owned(), reason.to_owned(), message.to_owned())
    };
    assert_eq!(
        found(&daemon_set(1, [2, 2, 2, 2]), &[]),
        said("True", "", "")
    );
    assert_eq!(
        found(&daemon_set(1, [2, 2, 2, 1]), &pods),
        said("Degraded", "SomePodsNotReady", "pod s-1: not yet")
    );
    assert_eq!(
        found(&daemon_set(1, [2, 0, 0, 0]), &[]),
        said("False", "NoPodReady", "")
    );
    // No node is wanted, and nobody has looked for nodes yet.
    assert_eq!(found(&daemon_set(1, [0; 4]), &[]), said("True", "", ""));
    let fresh = json!({"metadata": {"name": "s", "generation": 1}});
    assert_eq!(found(&fresh, &[]), said("False", "NoPodReady", ""));
    let none = shards_available(&[("n/s".to_owned(), Health::of_daemon_set(None, &[]))]);
    assert_eq!(none.reason.as_deref(), Some("DaemonSetNotFound"));
    assert_eq!(none.message.as_deref(), Some("daemonset n/s not found"));
}

#[test]
fn a_daemon_set_counts_pods_of_the_newest_template_once_it_has_seen_it() {
    let counts = |generation: i64| {
        let set = daemon_set(generation, [3, 3, 3, 2]);
        let counts = Health::of_daemon_set(Some(&set), &[]).counts();
        (counts.replicas, counts.updated, counts.available)
    };
    assert_eq!(counts(1), (3, 3, 2));
    assert_eq!(counts(2), (3, 0, 2));
}

#[test]
fn only_a_pod_that_no_update_reaches_is_stuck() {
    let stuck = |set: &Value, pods: &[Value]| {
        Health::new(Some(set), pods, Some(3))
            .stuck()
            .map(|pod| meta::name(pod).to_owned())
    };
    let lost = [
        pod(0, "lost", false),
        pod(1, "lost", false),
        pod(2, "old", false),
    ];
    assert_eq!(stuck(&set(), &lost).as_deref(), Some("s-1"));
    assert_eq!(
        stuck(&set(), &[pod(0, "lost", true), pod(1, "new", false)]),
        None
    );
    let mut going = pod(0, "lost", false);
    meta::set(
        &mut going,
        "deletionTimestamp",
        json!("2030-01-01T00:00:00Z"),
    );
    assert_eq!(stuck(&set(), &[going]), None);
    let mut unseen = set();
    meta::set_generation(&mut unseen, 3);
    assert_eq!(stuck(&unseen, &lost), None);
}

#[test]
fn the_time_of_a_condition_is_when_its_status_changed() {
    let now = machinery::time::parse("2030-01-02T00:00:00Z").unwrap();
    let before = [Condition {
        r#type: "Available".to_owned(),
        status: "False".to_owned(),
        last_transition_time: "2030-01-01T00:00:00Z".to_owned(),
        ..Condition::default()
    }];
    for (availability, since) in [
        (Availability::False, "2030-01-01T00:00:00Z"),
        (Availability::True, "2030-01-02T00:00:00Z"),
    ] {
        let now_is = condition(availability, "r".to_owned(), &[]);
        let out = written(&before, vec![now_is], 4, now);
        assert_eq!(out[0]["lastTransitionTime"], since);
        assert_eq!(out[0]["observedGeneration"], 4);
    }
}
