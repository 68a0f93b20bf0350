//! `ReplicationControllers`: the older kind of set.

use super::*;

fn controller(replicas: i64) -> Value {
    json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "old", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"app": "old"}, "template": {"metadata": {"labels": {"app": "old"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

#[test]
fn a_replication_controller_keeps_its_pods_and_counts_them() {
    let mut cluster = Cluster::new();
    let made = cluster.create(&known::REPLICATION_CONTROLLERS, controller(2));
    cluster.run(5);
    let stored = cluster.get(&known::REPLICATION_CONTROLLERS, "old").unwrap();
    assert_eq!(
        stored["status"],
        json!({"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1})
    );
    let pods = cluster.list(&known::PODS);
    assert_eq!(pods.len(), 2);
    assert_eq!(
        pods[0]["metadata"]["ownerReferences"],
        json!([{"apiVersion": "v1", "kind": "ReplicationController", "name": "old", "uid": made["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true}])
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    let smaller = json!({"spec": {"replicas": 1}});
    cluster
        .patch(&known::REPLICATION_CONTROLLERS, "old", &smaller)
        .unwrap();
    cluster.run(40);
    assert_eq!(cluster.list(&known::PODS).len(), 1);
    let options = DeleteOptions::default();
    cluster.delete(&known::REPLICATION_CONTROLLERS, "old", &options);
    cluster.run(40);
    let left = cluster.list(&known::PODS);
    assert_eq!(left.len(), 1, "an old kind leaves its pods behind");
}

#[test]
fn a_replication_controller_adopts_what_matches() {
    let mut cluster = Cluster::new();
    let orphan = json!({"metadata": {"name": "orphan", "namespace": "default", "labels": {"app": "old"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    cluster.create(&known::PODS, orphan);
    cluster.create(&known::REPLICATION_CONTROLLERS, controller(1));
    cluster.run(5);
    let pods = cluster.list(&known::PODS);
    assert_eq!(pods.len(), 1);
    assert_eq!(text(&pods[0], "/metadata/name"), "orphan");
    assert_eq!(
        text(&pods[0], "/metadata/ownerReferences/0/kind"),
        "ReplicationController"
    );
}
