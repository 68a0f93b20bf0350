//! Events of built-in controllers, as clients read them.

use super::*;
use crate::builtin::event::{Note, Recorder};
use crate::conformance;
use crate::request::Reply;

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

/// An event as somebody else writes it.
fn event(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "Told", "message": "m", "type": "Normal"})
}

/// Names of the events that somebody else wrote.
fn told(cluster: &mut Cluster) -> Vec<String> {
    let events = events(cluster, "Told");
    events.iter().map(|e| object::name(e).to_owned()).collect()
}

#[test]
fn an_event_is_gone_an_hour_after_its_last_write() {
    let mut cluster = Cluster::new();
    let mut kept = event("kept");
    // Nobody is asked, and nobody is waited for.
    kept["metadata"]["finalizers"] = json!(["x.io/y"]);
    cluster.create(&known::EVENTS, kept);
    let newer = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "newer", "namespace": "default"},
        "eventTime": "2030-01-01T00:00:00.000000Z", "reportingController": "x.io/c", "reportingInstance": "i", "action": "Tells",
        "reason": "Told", "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}, "type": "Normal"});
    cluster.create(&known::NEW_EVENTS, newer);
    cluster.create(&known::EVENTS, event("deleted"));
    cluster.run(1800);
    cluster
        .patch(&known::EVENTS, "kept", &json!({"count": 2}))
        .unwrap();
    cluster.delete(&known::EVENTS, "deleted", &DeleteOptions::default());
    let path = "/api/v1/namespaces/default/events?watch=1&fieldSelector=reason%3DTold";
    let request = conformance::request("GET", path, b"", None);
    let reply = cluster.world.handle(&request, cluster.now);
    let Reply::Watch { id, .. } = reply else {
        panic!("no watch");
    };
    cluster.run(1799);
    assert_eq!(told(&mut cluster), ["kept", "newer"]);
    cluster.world.api.watch_frames(id, cluster.now);
    cluster.run(1);
    assert_eq!(told(&mut cluster), ["kept"]);
    let frames = cluster.world.api.watch_frames(id, cluster.now).frames;
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.to_vec()).collect();
    let seen = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    let seen: Vec<Value> = seen.map(Result::unwrap).collect();
    let seen: Vec<(&str, &str)> = seen
        .iter()
        .map(|e| (text(e, "/type"), text(e, "/object/metadata/name")))
        .collect();
    assert_eq!(seen, [("DELETED", "newer")]);
    cluster.run(1799);
    assert_eq!(told(&mut cluster), ["kept"]);
    cluster.run(1);
    assert_eq!(told(&mut cluster), [""; 0]);
    assert_eq!(cluster.list(&known::EVENTS), []);
}

#[test]
fn events_of_an_earlier_run_have_another_hour() {
    let mut cluster = Cluster::new();
    cluster.create(&known::EVENTS, event("old"));
    cluster.run(3000);
    let Cluster { world, now } = cluster;
    let world = World::with_server(world.api, Entropy::seeded(9), crate::builtin::all(), now);
    let mut cluster = Cluster { world, now };
    cluster.run(3599);
    assert_eq!(told(&mut cluster), ["old"]);
    cluster.run(1);
    assert_eq!(told(&mut cluster), [""; 0]);
}

#[test]
fn an_event_that_comes_again_when_it_was_gone_is_counted_on() {
    let mut cluster = Cluster::new();
    let pod = cluster.create(&known::PODS, pod("p", &json!({"nodeName": "node-1"})));
    let mut recorder = Recorder::new("x.io/c");
    let note = Note::new(&pod, false, "Again", "m".to_owned());
    for _ in 0..2 {
        recorder.record(&mut cluster.session(), &note);
    }
    let first = events(&mut cluster, "Again");
    cluster.run(3600);
    assert_eq!(events(&mut cluster, "Again"), [] as [Value; 0]);
    recorder.record(&mut cluster.session(), &note);
    let mut expected = first[0].clone();
    expected["count"] = json!(3);
    expected["lastTimestamp"] = json!(object::stamp(cluster.now));
    assert_eq!(events(&mut cluster, "Again"), [expected]);
    recorder.record(&mut cluster.session(), &note);
    assert_eq!(events(&mut cluster, "Again")[0]["count"], 4);
}
