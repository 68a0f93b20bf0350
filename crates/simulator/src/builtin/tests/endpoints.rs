//! Slices of endpoints that are written by hand, the server's own Service, and certificates.

use super::*;

fn service() -> Value {
    json!({"metadata": {"name": "ext", "namespace": "default"}, "spec": {"ports": [{"port": 80, "name": "http"}]}})
}

fn endpoints() -> Value {
    json!({"metadata": {"name": "ext", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80, "name": "http"}]}]})
}

fn slices(cluster: &mut Cluster) -> Vec<Arc<Value>> {
    let mut slices = cluster.list(&known::ENDPOINT_SLICES);
    slices.retain(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == "ext");
    slices
}

#[test]
fn endpoints_without_a_selector_are_mirrored() {
    let mut cluster = Cluster::new();
    cluster.create(&known::ENDPOINTS, endpoints());
    cluster.run(1);
    assert_eq!(slices(&mut cluster).len(), 0, "there is no Service");
    cluster.create(&known::SERVICES, service());
    cluster.run(1);
    let made = slices(&mut cluster);
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0]["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"],
        "endpointslicemirroring-controller.k8s.io"
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    let more = json!({"subsets": [{"addresses": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}], "ports": [{"port": 80, "name": "http"}]}]});
    cluster.patch(&known::ENDPOINTS, "ext", &more).unwrap();
    cluster.run(1);
    let changed = slices(&mut cluster);
    assert_eq!(changed.len(), 1);
    assert_eq!(object::uid(&changed[0]), object::uid(&made[0]));
    assert_eq!(object::items(&changed[0], "/endpoints").len(), 2);
    let selecting = json!({"spec": {"selector": {"app": "x"}}});
    cluster.patch(&known::SERVICES, "ext", &selecting).unwrap();
    cluster.run(1);
    let managed = "endpointslice.kubernetes.io/managed-by";
    let managers: Vec<Value> = slices(&mut cluster)
        .iter()
        .map(|slice| slice["metadata"]["labels"][managed].clone())
        .collect();
    assert_eq!(managers, ["endpointslice-controller.k8s.io"]);
}

#[test]
fn endpoints_go_with_their_service_and_may_come_before_it() {
    let mut cluster = Cluster::new();
    cluster.create(&known::ENDPOINTS, endpoints());
    cluster.run(5);
    assert!(cluster.get(&known::ENDPOINTS, "ext").is_some());
    cluster.create(&known::SERVICES, service());
    cluster.run(5);
    let options = DeleteOptions::default();
    cluster.delete(&known::SERVICES, "ext", &options);
    cluster.run(5);
    assert_eq!(cluster.get(&known::ENDPOINTS, "ext"), None);
}

#[test]
fn the_service_of_the_server_comes_back() {
    let mut cluster = Cluster::new();
    let options = DeleteOptions::default();
    cluster.delete(&known::SERVICES, "kubernetes", &options);
    let took = cluster.wait(10, |c| c.get(&known::SERVICES, "kubernetes").is_some());
    assert!(took > 1, "{took} s");
    let service = cluster.get(&known::SERVICES, "kubernetes").unwrap();
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn endpoints_tell_since_when_only_where_something_new_is_known() {
    let mut cluster = Cluster::new();
    cluster.run(9);
    let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
    cluster.create(
        &known::SERVICES,
        json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}),
    );
    let since = |cluster: &mut Cluster| {
        let trigger = "/metadata/annotations/endpoints.kubernetes.io~1last-change-trigger-time";
        let mut found = Vec::new();
        for resource in [&known::ENDPOINTS, &known::ENDPOINT_SLICES] {
            for object in cluster.list(resource) {
                if object::name(&object).starts_with("web") {
                    found.push(object.pointer(trigger).cloned().unwrap_or_default());
                }
            }
        }
        found
    };
    cluster.run(10);
    let service = cluster.get(&known::SERVICES, "web").unwrap();
    let created = json!(text(&service, "/metadata/creationTimestamp"));
    assert_eq!(since(&mut cluster), [created.clone(), created]);
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    // Pods that are gone have no time.
    let scaled = json!({"spec": {"replicas": 0}});
    cluster.patch(&known::DEPLOYMENTS, "web", &scaled).unwrap();
    cluster.run(40);
    assert_eq!(since(&mut cluster), [Value::Null, Value::Null]);
}

#[test]
fn what_was_behind_a_service_stays_when_it_becomes_a_name() {
    let mut cluster = Cluster::new();
    let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
    cluster.create(
        &known::SERVICES,
        json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}),
    );
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let counts = |cluster: &mut Cluster| {
        let endpoints = cluster.get(&known::ENDPOINTS, "web").unwrap();
        let slices = cluster.list(&known::ENDPOINT_SLICES);
        let slices = slices.iter().filter(|s| object::name(s).starts_with("web"));
        let slices: Vec<usize> = slices
            .map(|slice| object::items(slice, "/endpoints").len())
            .collect();
        (
            object::items(&endpoints, "/subsets/0/addresses").len(),
            slices,
        )
    };
    assert_eq!(counts(&mut cluster), (2, vec![2]));
    let name = json!({"spec": {"type": "ExternalName", "externalName": "a.b", "clusterIP": null, "clusterIPs": null}});
    cluster.patch(&known::SERVICES, "web", &name).unwrap();
    let more = json!({"spec": {"replicas": 3}});
    cluster.patch(&known::DEPLOYMENTS, "web", &more).unwrap();
    cluster.run(10);
    assert_eq!(counts(&mut cluster), (2, vec![2]));
}
