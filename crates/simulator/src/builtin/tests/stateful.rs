//! `StatefulSets` and `DaemonSets` in a whole world.

use super::*;

fn stateful_set(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"serviceName": "web", "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}},
    })
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
}

/// Whether the status speaks of the present generation and all pods are updated and ready.
fn is_settled(
    cluster: &mut Cluster,
    resource: &Resource,
    name: &str,
    counters: &[&str],
    wanted: i64,
) -> bool {
    let object = cluster.get(resource, name).unwrap();
    counters
        .iter()
        .all(|c| object::count(&object, &format!("/status/{c}")) == wanted)
        && object::count(&object, "/status/observedGeneration")
            == object::count(&object, "/metadata/generation")
}

fn is_rolled_out(cluster: &mut Cluster, wanted: i64) -> bool {
    let counters = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
    ];
    is_settled(cluster, &known::STATEFUL_SETS, "web", &counters, wanted)
}

fn is_everywhere(cluster: &mut Cluster) -> bool {
    let counters = [
        "desiredNumberScheduled",
        "numberAvailable",
        "updatedNumberScheduled",
    ];
    is_settled(cluster, &known::DAEMON_SETS, "agent", &counters, 3)
}

/// `POD IMAGE` in name order.
fn pods(cluster: &mut Cluster) -> Vec<String> {
    cluster
        .list(&known::PODS)
        .iter()
        .map(|p| {
            format!(
                "{} {}",
                object::name(p),
                text(p, "/spec/containers/0/image")
            )
        })
        .collect()
}

fn revisions(cluster: &mut Cluster) -> Vec<i64> {
    let mut numbers: Vec<i64> = cluster
        .list(&known::CONTROLLER_REVISIONS)
        .iter()
        .map(|r| object::count(r, "/revision"))
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_stateful_set_comes_up_in_order_is_updated_from_the_top_and_rolled_back() {
    let mut cluster = Cluster::new();
    cluster.create(&known::STATEFUL_SETS, stateful_set(3, "web:1"));
    cluster.wait(10, |c| is_rolled_out(c, 3));
    assert_eq!(
        pods(&mut cluster),
        ["web-0 web:1", "web-1 web:1", "web-2 web:1"]
    );
    let set = cluster.get(&known::STATEFUL_SETS, "web").unwrap();
    assert_eq!(text(&set, "/status/currentRevision"), "web-5fbc746d77");
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:2"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 3));
    assert_eq!(
        pods(&mut cluster),
        ["web-0 web:2", "web-1 web:2", "web-2 web:2"]
    );
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:1"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 3));
    assert_eq!(revisions(&mut cluster), [2, 3]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    let messages: Vec<String> = cluster
        .list(&known::EVENTS)
        .iter()
        .filter(|e| text(e, "/involvedObject/kind") == "StatefulSet")
        .map(|e| text(e, "/message").to_owned())
        .collect();
    assert_eq!(
        messages[0],
        "Create Pod web-0 in StatefulSet web successful"
    );
    assert_eq!(
        messages[3],
        "Delete Pod web-2 in StatefulSet web successful"
    );
}

#[test]
fn a_broken_update_of_a_stateful_set_stays_stuck_until_its_pod_is_deleted() {
    let mut cluster = Cluster::new();
    cluster.create(&known::STATEFUL_SETS, stateful_set(2, "web:1"));
    cluster.wait(10, |c| is_rolled_out(c, 2));
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:bad"))
        .unwrap();
    cluster.run(20);
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:3"))
        .unwrap();
    cluster.run(60);
    assert_eq!(pods(&mut cluster), ["web-0 web:1", "web-1 web:bad"]);
    cluster.delete(&known::PODS, "web-1", &DeleteOptions::default());
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 2));
    assert_eq!(pods(&mut cluster), ["web-0 web:3", "web-1 web:3"]);
}

#[test]
fn claims_outlive_their_pods_unless_the_policy_says_otherwise() {
    let mut cluster = Cluster::new();
    let mut set = stateful_set(2, "web:1");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    set["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenScaled": "Retain", "whenDeleted": "Delete"});
    cluster.create(&known::STATEFUL_SETS, set);
    cluster.wait(10, |c| is_rolled_out(c, 2));
    cluster
        .patch(
            &known::STATEFUL_SETS,
            "web",
            &json!({"spec": {"replicas": 1}}),
        )
        .unwrap();
    cluster.run(5);
    let claims = |cluster: &mut Cluster| -> Vec<String> {
        let claims = cluster.list(&known::PERSISTENT_VOLUME_CLAIMS);
        claims.iter().map(|c| object::name(c).to_owned()).collect()
    };
    assert_eq!(claims(&mut cluster), ["data-web-0", "data-web-1"]);
    cluster.delete(&known::STATEFUL_SETS, "web", &DeleteOptions::default());
    cluster.run(10);
    assert_eq!(pods(&mut cluster), [""; 0]);
    let claims = cluster.list(&known::PERSISTENT_VOLUME_CLAIMS);
    assert!(claims.iter().all(|c| object::is_terminating(c)));
}

#[test]
fn a_daemon_set_runs_on_every_node_and_is_updated_one_by_one() {
    let mut cluster = Cluster::new();
    let template = json!({"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(
        &known::DAEMON_SETS,
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template}}),
    );
    cluster.wait(10, is_everywhere);
    let mut nodes: Vec<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| text(p, "/spec/nodeName").to_owned())
        .collect();
    nodes.sort();
    assert_eq!(nodes, ["node-1", "node-2", "node-3"]);
    cluster
        .patch(&known::DAEMON_SETS, "agent", &image("web:2"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, is_everywhere);
    assert!(pods(&mut cluster).iter().all(|p| p.ends_with("web:2")));
    assert_eq!(revisions(&mut cluster), [1, 2]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    cluster
        .patch(
            &known::NODES,
            "node-2",
            &json!({"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}),
        )
        .unwrap();
    cluster.run(5);
    let set = cluster.get(&known::DAEMON_SETS, "agent").unwrap();
    assert_eq!(object::count(&set, "/status/desiredNumberScheduled"), 2);
    assert_eq!(pods(&mut cluster).len(), 2);
}
