//! Events of built-in controllers, as clients read them.

use super::*;

fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    pod["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    pod
}

/// The events with that reason, without what the server adds.
fn events(cluster: &mut Cluster, reason: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for event in cluster.list(&known::EVENTS) {
        if text(&event, "/reason") == reason {
            let mut event = (*event).clone();
            for key in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "managedFields",
            ] {
                object::remove(&mut event, &["metadata", key]);
            }
            found.push(event);
        }
    }
    found
}

#[test]
fn the_scheduler_writes_its_events_the_newer_way() {
    let mut cluster = Cluster::new();
    let created = cluster.create(&known::PODS, pod("p", &json!({})));
    cluster.run(2);
    let bound = cluster.get(&known::PODS, "p").unwrap();
    let node = text(&bound, "/spec/nodeName");
    let at = object::seconds_after(cluster.now, -2);
    let expected = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("p.{:x}", at.as_nanosecond()), "namespace": "default"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "default", "uid": object::uid(&created),
            "resourceVersion": text(&created, "/metadata/resourceVersion")},
        "reason": "Scheduled", "action": "Binding", "type": "Normal", "message": format!("Successfully assigned default/p to {node}"),
        "eventTime": object::stamp_micro(at), "firstTimestamp": null, "lastTimestamp": null, "source": {},
        "reportingComponent": "default-scheduler", "reportingInstance": "default-scheduler-control-plane",
    });
    assert_eq!(events(&mut cluster, "Scheduled"), [expected]);
    let all = cluster.list(&known::EVENTS);
    let told = all.iter().find(|e| text(e, "/reason") == "Scheduled");
    let manager = &told.unwrap()["metadata"]["managedFields"][0];
    assert_eq!(
        (text(manager, "/manager"), text(manager, "/apiVersion")),
        ("kube-scheduler", "events.k8s.io/v1")
    );
}

#[test]
fn a_pod_that_finds_no_node_makes_a_series() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::PODS,
        pod("p", &json!({"nodeSelector": {"no": "where"}})),
    );
    let series = |cluster: &mut Cluster| -> Vec<Value> {
        let events = events(cluster, "FailedScheduling");
        events.iter().map(|e| e["series"].clone()).collect()
    };
    let told = |count: i64, at: &str| json!({"count": count, "lastObservedTime": at});
    let none = Value::Null;
    cluster.run(299);
    assert_eq!(series(&mut cluster), std::slice::from_ref(&none));
    // The pod is another one since its condition says that it has no node.
    cluster.run(1);
    assert_eq!(series(&mut cluster), [none.clone(), none.clone()]);
    cluster.run(300);
    let second = told(2, "2030-01-01T00:10:01.000000Z");
    assert_eq!(series(&mut cluster), [none.clone(), second.clone()]);
    // More of the same is only counted, until the half hour.
    cluster.run(1190);
    assert_eq!(series(&mut cluster), [none.clone(), second]);
    cluster.run(10);
    let fifth = told(5, "2030-01-01T00:25:01.000000Z");
    assert_eq!(series(&mut cluster), [none.clone(), fifth]);
    // Once it has a node, the last count is written and the series is over.
    cluster.run(5);
    let labels = json!({"metadata": {"labels": {"no": "where"}}});
    cluster.patch(&known::NODES, "node-2", &labels).unwrap();
    cluster.run(720);
    let sixth = told(6, "2030-01-01T00:30:01.000000Z");
    assert_eq!(series(&mut cluster), [none, sixth]);
    let writes = cluster.writes_while_resting();
    assert_eq!(writes, Vec::<String>::new());
}

#[test]
fn an_event_about_an_object_with_a_long_name_has_one_of_its_own() {
    let mut cluster = Cluster::new();
    let name = "p".repeat(253);
    cluster.create(&known::PODS, pod(&name, &json!({})));
    cluster.run(2);
    let told = events(&mut cluster, "Scheduled");
    let names: Vec<usize> = told.iter().map(|e| object::name(e).len()).collect();
    assert_eq!(names, [36]);
}

#[test]
fn events_of_a_silent_node_are_of_those_who_write_them() {
    let mut cluster = Cluster::new();
    cluster.create(&known::PODS, pod("p", &json!({"nodeName": "node-1"})));
    cluster.run(5);
    let lost = json!({"metadata": {"annotations": {"carrick.dev/stage": "lost"}}});
    cluster.patch(&known::NODES, "node-1", &lost).unwrap();
    cluster.run(500);
    let mut told = |reason: &str| -> Vec<(Value, Value, Value)> {
        let events = events(&mut cluster, reason);
        let of = |e: &Value| {
            let keys = e["involvedObject"].as_object().unwrap().keys();
            let keys = keys.cloned().collect::<Vec<_>>();
            (
                e["source"].clone(),
                e["reportingComponent"].clone(),
                json!(keys),
            )
        };
        events.iter().map(of).collect()
    };
    let by = |name: &str, keys: Value| (json!({"component": name}), json!(name), keys);
    let node = json!(["apiVersion", "kind", "name", "uid"]);
    let known = by("node-controller", node.clone());
    assert_eq!(
        told("RegisteredNode"),
        [known.clone(), known.clone(), known.clone()]
    );
    let versioned = json!([
        "apiVersion",
        "kind",
        "name",
        "namespace",
        "resourceVersion",
        "uid"
    ]);
    assert_eq!(
        told("NodeNotReady"),
        [known, by("node-controller", versioned)]
    );
    let named = json!(["apiVersion", "kind", "name", "namespace"]);
    assert_eq!(
        told("TaintManagerEviction"),
        [by("taint-eviction-controller", named)]
    );
}
