//! Load balancers of Services.

use super::*;

fn service(kind: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default", "annotations": annotations},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}]}})
}

fn reasons(cluster: &mut Cluster) -> Vec<String> {
    let events = cluster.list(&known::EVENTS);
    events
        .iter()
        .filter(|e| text(e, "/involvedObject/kind") == "Service")
        .map(|e| text(e, "/reason").to_owned())
        .collect()
}

#[test]
fn a_load_balancer_comes_after_its_delay_and_goes_with_its_service() {
    let mut cluster = Cluster::new();
    let after = json!({"carrick.dev/load-balancer-after": "5s"});
    cluster.create(&known::SERVICES, service("LoadBalancer", &after));
    cluster.run(4);
    let stored = cluster.get(&known::SERVICES, "web").unwrap();
    assert_eq!(stored["status"]["loadBalancer"], json!({}));
    assert_eq!(
        stored["metadata"]["finalizers"],
        json!(["service.kubernetes.io/load-balancer-cleanup"])
    );
    cluster.run(1);
    let stored = cluster.get(&known::SERVICES, "web").unwrap();
    assert_eq!(
        stored["status"]["loadBalancer"],
        json!({"ingress": [{"ip": "203.0.113.1", "ipMode": "VIP"}]})
    );
    assert_eq!(
        reasons(&mut cluster),
        ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
    );
    cluster.delete(&known::SERVICES, "web", &DeleteOptions::default());
    cluster.run(1);
    assert_eq!(cluster.get(&known::SERVICES, "web"), None);
}

#[test]
fn without_a_cloud_nothing_comes_and_another_type_gives_it_back() {
    let mut cluster = Cluster::new();
    cluster.create(&known::SERVICES, service("LoadBalancer", &json!({})));
    cluster.run(60);
    let stored = cluster.get(&known::SERVICES, "web").unwrap();
    assert_eq!(stored["status"]["loadBalancer"], json!({}));
    assert_eq!(stored["metadata"].get("finalizers"), None);
    let now = json!({"metadata": {"annotations": {"carrick.dev/load-balancer-after": "0s"}}});
    cluster.patch(&known::SERVICES, "web", &now).unwrap();
    cluster.run(1);
    let plain = json!({"spec": {"type": "ClusterIP"}});
    cluster.patch(&known::SERVICES, "web", &plain).unwrap();
    cluster.run(1);
    let stored = cluster.get(&known::SERVICES, "web").unwrap();
    assert_eq!(stored["metadata"].get("finalizers"), None);
    assert_eq!(stored["status"]["loadBalancer"], json!({}));
    assert!(reasons(&mut cluster).contains(&"DeletedLoadBalancer".to_owned()));
}
