//! What discovery finds in a small cluster.

use serde_json::json;

use super::*;

fn seen() -> Seen {
    let metadata = |name: &str| json!({"namespace": "default", "name": name, "labels": {"app.kubernetes.io/name": "hello"}});
    let pod = json!({"metadata": {"namespace": "default", "name": "hello-1", "uid": "u", "labels": {"app": "hello"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "hello", "controller": true}]},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "i", "ports": [
            {"name": "web", "containerPort": 8080, "protocol": "TCP"}, {"name": "more", "containerPort": 81, "protocol": "TCP"}]}]},
        "status": {"podIP": "127.2.0.4", "phase": "Running", "hostIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}]}});
    let target = json!({"kind": "Pod", "name": "hello-1", "namespace": "default"});
    let endpoints = json!({"metadata": metadata("hello"), "subsets": [{
        "addresses": [{"ip": "127.2.0.4", "nodeName": "node-1", "targetRef": target}],
        "notReadyAddresses": [{"ip": "127.2.0.9"}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]});
    let slice = json!({"metadata": {"namespace": "default", "name": "hello-x", "labels": {"kubernetes.io/service-name": "hello"}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["127.2.0.4"], "conditions": {"ready": true}, "nodeName": "node-1", "targetRef": target}]});
    let service = json!({"metadata": metadata("hello"), "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]}});
    let node = json!({"metadata": {"name": "node-1", "labels": {"zone": "a"}},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}});
    let ingress = json!({"metadata": metadata("hello"), "spec": {"tls": [{"hosts": ["a.example"]}],
        "rules": [{"host": "a.example", "http": {"paths": [{"path": "/x"}]}}]}});
    Seen(BTreeMap::from([
        ("pods".to_owned(), vec![pod]),
        ("endpoints".to_owned(), vec![endpoints]),
        ("endpointslices".to_owned(), vec![slice]),
        ("services".to_owned(), vec![service]),
        ("nodes".to_owned(), vec![node]),
        ("ingresses".to_owned(), vec![ingress]),
    ]))
}

fn found(config: &Value) -> Vec<Value> {
    groups(config, &seen())
}

fn label<'a>(group: &'a Value, name: &str) -> &'a str {
    let value = group["labels"].get(format!("__meta_kubernetes_{name}"));
    value.and_then(Value::as_str).unwrap_or_default()
}

fn addresses(groups: &[Value]) -> Vec<&str> {
    groups
        .iter()
        .filter_map(|group| group["targets"][0].as_str())
        .collect()
}

#[test]
fn an_endpoint_knows_its_service_and_its_pod() {
    let groups = found(&json!({"role": "endpoints"}));
    assert_eq!(
        addresses(&groups),
        ["127.2.0.4:8080", "127.2.0.9:8080", "127.2.0.4:81"]
    );
    let first = &groups[0];
    for (name, value) in [
        ("namespace", "default"),
        ("endpoints_name", "hello"),
        ("service_name", "hello"),
        ("service_label_app_kubernetes_io_name", "hello"),
        ("service_labelpresent_app_kubernetes_io_name", "true"),
        ("endpoint_port_name", "http"),
        ("endpoint_ready", "true"),
        ("endpoint_address_target_kind", "Pod"),
        ("endpoint_node_name", "node-1"),
        ("pod_name", "hello-1"),
        ("pod_ready", "true"),
        ("pod_phase", "Running"),
        ("pod_controller_kind", "ReplicaSet"),
        ("pod_label_app", "hello"),
        ("pod_container_name", "main"),
        ("pod_container_port_number", "8080"),
        ("node_name", ""),
    ] {
        assert_eq!(label(first, name), value, "{name}");
    }
    assert_eq!(label(&groups[1], "endpoint_ready"), "false");
    assert_eq!(label(&groups[1], "pod_name"), "");
    let other = &groups[2];
    assert_eq!(label(other, "pod_container_port_name"), "more");
    assert_eq!(label(other, "endpoint_port_name"), "");
    assert_eq!(label(other, "service_name"), "hello");
}

#[test]
fn slices_say_the_same_in_their_words() {
    let config = json!({"role": "endpointslice", "attach_metadata": {"node": true}});
    let groups = found(&config);
    assert_eq!(addresses(&groups), ["127.2.0.4:8080", "127.2.0.4:81"]);
    for (name, value) in [
        ("endpointslice_port_name", "http"),
        ("endpointslice_address_target_kind", "Pod"),
        ("endpointslice_endpoint_conditions_ready", "true"),
        ("service_name", "hello"),
        ("pod_container_port_name", "web"),
        ("node_label_zone", "a"),
    ] {
        assert_eq!(label(&groups[0], name), value, "{name}");
    }
}

#[test]
fn the_other_roles_have_targets_too() {
    let pods = found(&json!({"role": "pod"}));
    assert_eq!(addresses(&pods), ["127.2.0.4:8080", "127.2.0.4:81"]);
    assert_eq!(label(&pods[1], "pod_container_port_name"), "more");
    let services = found(&json!({"role": "service"}));
    assert_eq!(addresses(&services), ["hello.default.svc:80"]);
    let nodes = found(&json!({"role": "node"}));
    assert_eq!(addresses(&nodes), ["10.0.0.1:10250"]);
    assert_eq!(nodes[0]["labels"]["instance"], "node-1");
    let ingresses = found(&json!({"role": "ingress"}));
    assert_eq!(addresses(&ingresses), ["a.example"]);
    assert_eq!(label(&ingresses[0], "ingress_scheme"), "https");
    assert_eq!(found(&json!({"role": "other"})), Vec::<Value>::new());
}

#[test]
fn selectors_are_for_their_role() {
    let config = json!({"selectors": [{"role": "pod", "field": "x=y"}, {"role": "service", "label": "a=b"}]});
    assert_eq!(selector(&config, "service"), "a=b");
    assert_eq!(selector(&config, "pod"), "");
}
