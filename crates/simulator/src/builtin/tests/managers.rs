//! Under which names the controllers' writes are known.

use super::*;

/// Manager, operation and subresource of each entry.
fn managers(object: &Value) -> Vec<(&str, &str, &str)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            (
                text(entry, "/manager"),
                text(entry, "/operation"),
                text(entry, "/subresource"),
            )
        })
        .collect()
}

#[test]
fn writes_are_known_by_the_program_they_come_from() {
    let mut cluster = Cluster::new();
    cluster.deployment(1, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let controllers = ("kube-controller-manager", "Update", "");
    let status = ("kube-controller-manager", "Update", "status");
    for set in cluster.list(&known::REPLICA_SETS) {
        assert_eq!(managers(&set), [controllers, status]);
    }
    // Whom the scheduler binds it to is nobody's.
    for pod in cluster.list(&known::PODS) {
        assert_eq!(
            managers(&pod),
            [controllers, ("kubelet", "Update", "status")]
        );
        let fields = pod["metadata"]["managedFields"].to_string();
        assert!(!fields.contains("nodeName"), "{fields}");
    }
    for namespace in cluster.session().list(&known::NAMESPACES, None) {
        assert_eq!(managers(&namespace), [("kube-apiserver", "Update", "")]);
    }
    for node in cluster.session().list(&known::NODES, None) {
        let found = managers(&node);
        assert!(
            found.contains(&("kubelet", "Update", "status")),
            "{found:?}"
        );
    }
}

#[test]
fn an_unschedulable_pod_is_the_schedulers_to_say() {
    let mut cluster = Cluster::new();
    let mut pod = json!({"metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    pod["spec"]["nodeSelector"] = json!({"no": "where"});
    cluster.create(&known::PODS, pod);
    cluster.run(2);
    let pod = cluster.get(&known::PODS, "p").unwrap();
    assert!(
        managers(&pod).contains(&("kube-scheduler", "Update", "status")),
        "{:?}",
        managers(&pod)
    );
}
