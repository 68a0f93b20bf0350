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

fn names(cluster: &mut Cluster, resource: &Resource) -> Vec<String> {
    let all = cluster.list(resource);
    all.iter().map(|one| object::name(one).to_owned()).collect()
}

#[test]
fn each_address_of_a_service_is_an_object_for_as_long_as_it_has_it() {
    let mut cluster = Cluster::new();
    assert_eq!(names(&mut cluster, &known::IP_ADDRESSES), ["10.96.0.1"]);
    let mut plain = service("ClusterIP", &json!({}));
    plain["spec"]["clusterIP"] = json!("10.96.0.7");
    cluster.create(&known::SERVICES, plain);
    let address = cluster.get(&known::IP_ADDRESSES, "10.96.0.7").unwrap();
    assert_eq!(
        address["spec"]["parentRef"],
        json!({"resource": "services", "namespace": "default", "name": "web"})
    );
    let outside = json!({"spec": {"type": "ExternalName", "externalName": "a.example", "clusterIP": null, "clusterIPs": null}});
    cluster.patch(&known::SERVICES, "web", &outside).unwrap();
    assert_eq!(names(&mut cluster, &known::IP_ADDRESSES), ["10.96.0.1"]);
    let inside =
        json!({"spec": {"type": "ClusterIP", "externalName": null, "clusterIP": "10.96.0.8"}});
    cluster.patch(&known::SERVICES, "web", &inside).unwrap();
    assert_eq!(
        names(&mut cluster, &known::IP_ADDRESSES),
        ["10.96.0.1", "10.96.0.8"]
    );
    cluster.delete(&known::SERVICES, "web", &DeleteOptions::default());
    assert_eq!(names(&mut cluster, &known::IP_ADDRESSES), ["10.96.0.1"]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_range_is_there_for_services_once_it_is_ready_and_stays_while_one_needs_it() {
    let mut cluster = Cluster::new();
    let mut far = service("ClusterIP", &json!({}));
    far["spec"]["clusterIP"] = json!("10.200.0.5");
    let refused = cluster.session().create(&known::SERVICES, far.clone());
    assert!(refused.is_err());
    let range = json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}});
    cluster.create(&known::SERVICE_CIDRS, range);
    cluster.run(1);
    let range = cluster.get(&known::SERVICE_CIDRS, "more").unwrap();
    assert_eq!(conditions(&range), ["Ready=True "]);
    cluster.create(&known::SERVICES, far);
    cluster.delete(&known::SERVICE_CIDRS, "more", &DeleteOptions::default());
    cluster.run(20);
    let range = cluster.get(&known::SERVICE_CIDRS, "more").unwrap();
    assert_eq!(conditions(&range), ["Ready=False Terminating"]);
    cluster.delete(&known::SERVICES, "web", &DeleteOptions::default());
    cluster.run(1);
    assert_eq!(names(&mut cluster, &known::SERVICE_CIDRS), ["kubernetes"]);
}

#[test]
fn every_version_that_is_served_has_an_api_service() {
    let mut cluster = Cluster::new();
    let all = names(&mut cluster, &known::API_SERVICES);
    assert!(all.contains(&"v1.".to_owned()) && all.contains(&"v2.autoscaling".to_owned()));
    assert!(!all.iter().any(|name| name.contains("apiregistration")));
    let apps = cluster.get(&known::API_SERVICES, "v1.apps").unwrap();
    assert_eq!(conditions(&apps), ["Available=True Local"]);
    let version = |name: &str, served: bool| {
        json!({"name": name, "served": served, "storage": served,
            "schema": {"openAPIV3Schema": {"type": "object"}}})
    };
    let definition = json!({"metadata": {"name": "things.a.example"},
        "spec": {"group": "a.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
            "versions": [version("v1", true), version("v2", false)]}});
    cluster.create(&known::CUSTOM_RESOURCE_DEFINITIONS, definition);
    cluster.run(1);
    let more = names(&mut cluster, &known::API_SERVICES);
    assert_eq!(more.len(), all.len() + 1);
    assert!(more.contains(&"v1.a.example".to_owned()));
    let options = DeleteOptions::default();
    cluster.delete(&known::API_SERVICES, "v1.a.example", &options);
    cluster.run(1);
    assert_eq!(names(&mut cluster, &known::API_SERVICES), more);
    cluster.delete(
        &known::CUSTOM_RESOURCE_DEFINITIONS,
        "things.a.example",
        &options,
    );
    cluster.run(10);
    assert_eq!(names(&mut cluster, &known::API_SERVICES), all);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}
