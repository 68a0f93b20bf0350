use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, config_map, names, pod, version};

#[test]
fn an_object_without_finalizers_goes_at_once() {
    let mut server = Server::new();
    let made = server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let reply = server.ok("DELETE", &format!("{CONFIG_MAPS}/a"), &Value::Null);
    assert_eq!(
        reply,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}})
    );
}

#[test]
fn the_last_finalizer_takes_the_object_with_it() {
    let mut server = Server::new();
    let held = json!({"metadata": {"name": "a", "finalizers": ["example.com/x"]}});
    server.ok("POST", CONFIG_MAPS, &held);
    let id = server.watch(&format!("{CONFIG_MAPS}?watch=1"));
    let path = format!("{CONFIG_MAPS}/a");
    let marked = server.ok("DELETE", &path, &Value::Null);
    assert_eq!(
        marked["metadata"]["deletionTimestamp"],
        "2030-01-01T00:00:00Z"
    );
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    let (status, reply) = server.call(
        "PATCH",
        &path,
        &json!({"metadata": {"finalizers": ["example.com/x", "example.com/y"]}}),
    );
    assert_eq!((status, reply["reason"].as_str()), (422, Some("Invalid")));
    let last = server.ok("PATCH", &path, &json!({"metadata": {"finalizers": null}}));
    assert_eq!(version(&last), version(&marked));
    assert_eq!(server.call("GET", &path, &Value::Null).0, 404);
    assert_eq!(
        server.event_names(id),
        ["ADDED a", "MODIFIED a", "DELETED a"]
    );
}

#[test]
fn a_running_pod_has_its_grace_period_and_it_can_only_be_shortened() {
    let mut server = Server::new();
    let mut bound = pod("p");
    bound["spec"]["nodeName"] = json!("n");
    server.ok("POST", PODS, &bound);
    let path = format!("{PODS}/p");
    let marked = server.ok("DELETE", &path, &Value::Null);
    assert_eq!(
        marked["metadata"]["deletionTimestamp"],
        "2030-01-01T00:00:30Z"
    );
    assert_eq!(marked["metadata"]["generation"], 2);
    let longer = server.ok("DELETE", &path, &json!({"gracePeriodSeconds": 60}));
    assert_eq!(longer["metadata"]["deletionGracePeriodSeconds"], 30);
    let shorter = server.ok("DELETE", &path, &json!({"gracePeriodSeconds": 5}));
    assert_eq!(
        shorter["metadata"]["deletionTimestamp"],
        "2030-01-01T00:00:05Z"
    );
    server.ok("DELETE", &path, &json!({"gracePeriodSeconds": 0}));
    assert_eq!(server.call("GET", &path, &Value::Null).0, 404);
}

#[test]
fn an_unscheduled_pod_goes_at_once() {
    let mut server = Server::new();
    server.ok("POST", PODS, &pod("p"));
    let reply = server.ok("DELETE", &format!("{PODS}/p"), &Value::Null);
    assert_eq!(reply["kind"], "Pod");
    assert_eq!(
        server.call("GET", &format!("{PODS}/p"), &Value::Null).0,
        404
    );
}

#[test]
fn propagation_adds_the_finalizer_the_collector_needs() {
    for (policy, finalizers) in [
        ("Foreground", json!(["foregroundDeletion"])),
        ("Orphan", json!(["orphan"])),
    ] {
        let mut server = Server::new();
        server.ok("POST", CONFIG_MAPS, &config_map("a"));
        let marked = server.ok(
            "DELETE",
            &format!("{CONFIG_MAPS}/a"),
            &json!({"propagationPolicy": policy}),
        );
        assert_eq!(marked["metadata"]["finalizers"], finalizers, "{policy}");
    }
}

#[test]
fn a_namespace_waits_for_its_finalizers() {
    let mut server = Server::new();
    server.ok("POST", "/api/v1/namespaces", &config_map("n"));
    let marked = server.ok("DELETE", "/api/v1/namespaces/n", &Value::Null);
    assert_eq!(marked["status"]["phase"], "Terminating");
    let (status, _) = server.call("POST", "/api/v1/namespaces/n/configmaps", &config_map("a"));
    assert_eq!(status, 403);
    let mut empty = marked.clone();
    empty["spec"]["finalizers"] = json!([]);
    server.ok("PUT", "/api/v1/namespaces/n/finalize", &empty);
    assert_eq!(
        server.call("GET", "/api/v1/namespaces/n", &Value::Null).0,
        404
    );
}

#[test]
fn a_collection_is_deleted_by_selector() {
    let mut server = Server::new();
    for name in ["a", "b"] {
        server.ok(
            "POST",
            CONFIG_MAPS,
            &json!({"metadata": {"name": name, "labels": {"n": name}}}),
        );
    }
    let reply = server.ok(
        "DELETE",
        &format!("{CONFIG_MAPS}?labelSelector=n%3Da"),
        &Value::Null,
    );
    assert_eq!(reply["kind"], "ConfigMapList");
    assert_eq!(
        server
            .call("GET", &format!("{CONFIG_MAPS}/a"), &Value::Null)
            .0,
        404
    );
    assert_eq!(
        server
            .call("GET", &format!("{CONFIG_MAPS}/b"), &Value::Null)
            .0,
        200
    );
}

#[test]
fn a_disruption_budget_blocks_an_eviction() {
    let mut server = Server::new();
    let mut bound = pod("p");
    bound["spec"]["nodeName"] = json!("n");
    bound["metadata"]["labels"] = json!({"a": "b"});
    server.ok("POST", PODS, &bound);
    server.ok(
        "PATCH",
        &format!("{PODS}/p/status"),
        &json!({"status": {"phase": "Running"}}),
    );
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    server.ok("POST", budgets, &budget);
    let status =
        json!({"status": {"observedGeneration": 1, "desiredHealthy": 1, "currentHealthy": 0}});
    server.ok("PATCH", &format!("{budgets}/b/status"), &status);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    let (code, reply) = server.call("POST", &format!("{PODS}/p/eviction"), &eviction);
    assert_eq!(code, 429);
    assert_eq!(
        reply["details"]["causes"][0]["message"],
        "The disruption budget b needs 1 healthy pods and has 0 currently"
    );
    server.ok(
        "PATCH",
        &format!("{budgets}/b/status"),
        &json!({"status": {"disruptionsAllowed": 1}}),
    );
    let mut elsewhere = eviction.clone();
    elsewhere["metadata"]["namespace"] = json!("other");
    let (code, reply) = server.call("POST", &format!("{PODS}/p/eviction"), &elsewhere);
    assert_eq!(
        (code, &reply["message"]),
        (
            400,
            &json!(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        )
    );
    let mut eviction = eviction;
    eviction["apiVersion"] = json!("policy/v1beta1");
    let done = server.ok("POST", &format!("{PODS}/p/eviction"), &eviction);
    assert_eq!(
        (&done["status"], &done["code"]),
        (&json!("Success"), &json!(201))
    );
    let evicted = server.get(&format!("{PODS}/p"));
    assert_eq!(evicted["metadata"]["deletionGracePeriodSeconds"], 30);
}

#[test]
fn the_deletion_of_a_collection_keeps_to_its_limit_and_tells_where_to_go_on() {
    let mut server = Server::new();
    for name in ["a", "b", "c"] {
        server.ok("POST", CONFIG_MAPS, &config_map(name));
    }
    let first = server.ok("DELETE", &format!("{CONFIG_MAPS}?limit=2"), &Value::Null);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(names(&server.get(CONFIG_MAPS)), ["c"]);
    let next = first["metadata"]["continue"].as_str().unwrap();
    let path = format!("{CONFIG_MAPS}?limit=2&continue={next}");
    assert_eq!(names(&server.ok("DELETE", &path, &Value::Null)), ["c"]);
}

#[test]
fn the_systems_priority_classes_stay_unless_all_go() {
    let mut server = Server::new();
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    for query in ["", "?dryRun=All"] {
        let path = format!("{classes}/system-node-critical{query}");
        let (status, error) = server.call("DELETE", &path, &Value::Null);
        assert_eq!(
            (status, error["message"].as_str().unwrap_or_default()),
            (
                403,
                "priorityclasses.scheduling.k8s.io \"system-node-critical\" is forbidden: this is a system priority class and \
                 cannot be deleted"
            )
        );
    }
    server.ok("DELETE", classes, &Value::Null);
    assert_eq!(names(&server.get(classes)), Vec::<&str>::new());
}
