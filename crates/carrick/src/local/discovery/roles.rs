//! The targets of each role, and their labels.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use runtime::resource::{POD, SERVICE};
use serde_json::{Value, json};

use super::{ENDPOINT_SLICE, ENDPOINTS, INGRESS, NODE, Seen};
use crate::part::{items, text};

/// Label of an EndpointSlice with the name of its Service.
const SERVICE_NAME: &str = "/metadata/labels/kubernetes.io~1service-name";

/// Labels of a target, without what all names begin with.
#[derive(Clone, Default)]
struct Labels(BTreeMap<String, String>);

/// A number or a truth value as a label has it.
fn plain(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}

impl Labels {
    fn set(&mut self, name: &str, value: &str) {
        let name = format!("__meta_kubernetes_{name}");
        self.0.insert(name, value.to_owned());
    }

    fn set_if(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    /// Labels and annotations of an object.
    fn metadata(&mut self, role: &str, object: &Value) {
        for (kind, pointer) in [
            ("label", "/metadata/labels"),
            ("annotation", "/metadata/annotations"),
        ] {
            let map = object.pointer(pointer).and_then(Value::as_object);
            for (key, value) in map.into_iter().flatten() {
                let key: String = key
                    .chars()
                    .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                    .collect();
                let value = value.as_str().unwrap_or_default();
                self.set(&format!("{role}_{kind}_{key}"), value);
                self.set(&format!("{role}_{kind}present_{key}"), "true");
            }
        }
    }

    fn service(&mut self, service: &Value) {
        self.set("service_name", meta::name(service));
        self.metadata("service", service);
    }

    fn pod(&mut self, pod: &Value) {
        self.set("pod_name", meta::name(pod));
        self.set("pod_ip", text(pod, "/status/podIP"));
        let ready = items(pod, "/status/conditions").find(|one| text(one, "/type") == "Ready");
        let ready = ready.map_or("unknown", |one| text(one, "/status"));
        self.set("pod_ready", &ready.to_lowercase());
        self.set("pod_phase", text(pod, "/status/phase"));
        self.set("pod_node_name", text(pod, "/spec/nodeName"));
        self.set("pod_host_ip", text(pod, "/status/hostIP"));
        self.set("pod_uid", text(pod, "/metadata/uid"));
        let mut owners = items(pod, "/metadata/ownerReferences");
        if let Some(owner) = owners.find(|owner| owner.get("controller") == Some(&json!(true))) {
            self.set_if("pod_controller_kind", text(owner, "/kind"));
            self.set_if("pod_controller_name", text(owner, "/name"));
        }
        self.metadata("pod", pod);
    }

    fn container(&mut self, container: &Value, port: &Value) {
        self.set("pod_container_name", text(container, "/name"));
        self.set("pod_container_image", text(container, "/image"));
        self.set("pod_container_port_name", text(port, "/name"));
        self.set(
            "pod_container_port_number",
            &plain(port.get("containerPort")),
        );
        self.set("pod_container_port_protocol", text(port, "/protocol"));
    }

    fn node(&mut self, seen: &Seen, name: &str) {
        if let Some(node) = seen.find(&NODE, "", name) {
            self.set("node_name", name);
            self.metadata("node", node);
        }
    }

    fn target(self, address: &str) -> Value {
        json!({"targets": [address], "labels": self.0})
    }
}

/// What is said of an object and of its namespace.
fn of(role: &str, object: &Value) -> Labels {
    let mut labels = Labels::default();
    labels.set("namespace", meta::namespace(object));
    labels.set(&format!("{role}_name"), meta::name(object));
    labels.metadata(role, object);
    labels
}

/// The pods behind the endpoints of one object, and their ports that belong to endpoints.
struct Behind<'a> {
    seen: &'a Seen,
    nodes: bool,
    ports: BTreeMap<String, (&'a Value, BTreeSet<u64>)>,
}

impl<'a> Behind<'a> {
    /// Adds what is known of the pod of an endpoint.
    fn add(
        &mut self,
        labels: &mut Labels,
        target: Option<&Value>,
        namespace: &str,
        (node, port): (&str, u64),
    ) {
        if self.nodes {
            labels.node(self.seen, node);
        }
        let pod = target.filter(|target| text(target, "/kind") == "Pod");
        let seen: &'a Seen = self.seen;
        let Some(pod) = pod.and_then(|pod| seen.find(&POD, namespace, text(pod, "/name"))) else {
            return;
        };
        labels.pod(pod);
        for (container, own) in container_ports(pod) {
            if own.get("containerPort") == Some(&json!(port)) {
                labels.container(container, own);
                break;
            }
        }
        let entry = self.ports.entry(meta::name(pod).to_owned());
        entry.or_insert((pod, BTreeSet::new())).1.insert(port);
    }

    /// Ports of these pods that belong to no endpoint are targets too.
    fn others(self, base: &Labels) -> Vec<Value> {
        let mut targets = Vec::new();
        for (pod, ports) in self.ports.values() {
            for (container, port) in container_ports(pod) {
                let number = port.get("containerPort").and_then(Value::as_u64);
                let Some(number) = number.filter(|number| !ports.contains(number)) else {
                    continue;
                };
                let mut labels = base.clone();
                labels.pod(pod);
                labels.container(container, port);
                targets.push(labels.target(&format!("{}:{number}", text(pod, "/status/podIP"))));
            }
        }
        targets
    }
}

fn container_ports(pod: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    items(pod, "/spec/containers")
        .flat_map(|container| items(container, "/ports").map(move |port| (container, port)))
}

pub(super) fn endpoints(seen: &Seen, nodes: bool) -> Vec<Value> {
    let mut targets = Vec::new();
    for object in seen.of(&ENDPOINTS) {
        let namespace = meta::namespace(object);
        let mut base = of("endpoints", object);
        if let Some(service) = seen.find(&SERVICE, namespace, meta::name(object)) {
            base.service(service);
        }
        let mut behind = Behind {
            seen,
            nodes,
            ports: BTreeMap::new(),
        };
        for subset in items(object, "/subsets") {
            for port in items(subset, "/ports") {
                let number = port.get("port").and_then(Value::as_u64).unwrap_or(0);
                for (list, ready) in [("/addresses", "true"), ("/notReadyAddresses", "false")] {
                    for address in items(subset, list) {
                        let mut labels = base.clone();
                        labels.set("endpoint_port_name", text(port, "/name"));
                        labels.set("endpoint_port_protocol", text(port, "/protocol"));
                        labels.set("endpoint_ready", ready);
                        let target = address.get("targetRef");
                        if let Some(target) = target {
                            labels.set("endpoint_address_target_kind", text(target, "/kind"));
                            labels.set("endpoint_address_target_name", text(target, "/name"));
                        }
                        labels.set_if("endpoint_node_name", text(address, "/nodeName"));
                        labels.set_if("endpoint_hostname", text(address, "/hostname"));
                        let at = (text(address, "/nodeName"), number);
                        behind.add(&mut labels, target, namespace, at);
                        let ip = text(address, "/ip");
                        targets.push(labels.target(&format!("{ip}:{number}")));
                    }
                }
            }
        }
        targets.extend(behind.others(&base));
    }
    targets
}

pub(super) fn endpoint_slices(seen: &Seen, nodes: bool) -> Vec<Value> {
    let mut targets = Vec::new();
    for object in seen.of(&ENDPOINT_SLICE) {
        let namespace = meta::namespace(object);
        let mut base = of("endpointslice", object);
        base.set("endpointslice_address_type", text(object, "/addressType"));
        if let Some(service) = seen.find(&SERVICE, namespace, text(object, SERVICE_NAME)) {
            base.service(service);
        }
        let mut behind = Behind {
            seen,
            nodes,
            ports: BTreeMap::new(),
        };
        for port in items(object, "/ports") {
            let number = port.get("port").and_then(Value::as_u64).unwrap_or(0);
            for endpoint in items(object, "/endpoints") {
                let mut labels = base.clone();
                labels.set("endpointslice_port_name", text(port, "/name"));
                labels.set("endpointslice_port", &number.to_string());
                labels.set("endpointslice_port_protocol", text(port, "/protocol"));
                labels.set_if(
                    "endpointslice_port_app_protocol",
                    text(port, "/appProtocol"),
                );
                for condition in ["ready", "serving", "terminating"] {
                    let value = endpoint.pointer(&format!("/conditions/{condition}"));
                    let name = format!("endpointslice_endpoint_conditions_{condition}");
                    labels.set_if(&name, &plain(value));
                }
                labels.set_if(
                    "endpointslice_endpoint_hostname",
                    text(endpoint, "/hostname"),
                );
                labels.set_if(
                    "endpointslice_endpoint_node_name",
                    text(endpoint, "/nodeName"),
                );
                let target = endpoint.get("targetRef");
                if let Some(target) = target {
                    labels.set("endpointslice_address_target_kind", text(target, "/kind"));
                    labels.set("endpointslice_address_target_name", text(target, "/name"));
                }
                let at = (text(endpoint, "/nodeName"), number);
                behind.add(&mut labels, target, namespace, at);
                for address in items(endpoint, "/addresses").filter_map(Value::as_str) {
                    targets.push(labels.clone().target(&format!("{address}:{number}")));
                }
            }
        }
        targets.extend(behind.others(&base));
    }
    targets
}

pub(super) fn pods(seen: &Seen, nodes: bool) -> Vec<Value> {
    let mut targets = Vec::new();
    for pod in seen.of(&POD) {
        let ip = text(pod, "/status/podIP");
        if ip.is_empty() {
            continue;
        }
        let mut base = Labels::default();
        base.set("namespace", meta::namespace(pod));
        base.pod(pod);
        if nodes {
            base.node(seen, text(pod, "/spec/nodeName"));
        }
        for (list, init) in [
            ("/spec/containers", "false"),
            ("/spec/initContainers", "true"),
        ] {
            for container in items(pod, list) {
                let mut of_container = base.clone();
                of_container.set("pod_container_init", init);
                let mut ports = items(container, "/ports").peekable();
                if ports.peek().is_none() {
                    let mut labels = of_container.clone();
                    labels.set("pod_container_name", text(container, "/name"));
                    labels.set("pod_container_image", text(container, "/image"));
                    targets.push(labels.target(ip));
                }
                for port in ports {
                    let mut labels = of_container.clone();
                    labels.container(container, port);
                    let number = plain(port.get("containerPort"));
                    targets.push(labels.target(&format!("{ip}:{number}")));
                }
            }
        }
    }
    targets
}

pub(super) fn services(seen: &Seen) -> Vec<Value> {
    let mut targets = Vec::new();
    for service in seen.of(&SERVICE) {
        let mut base = of("service", service);
        base.set("service_type", text(service, "/spec/type"));
        base.set("service_cluster_ip", text(service, "/spec/clusterIP"));
        for port in items(service, "/spec/ports") {
            let mut labels = base.clone();
            labels.set("service_port_name", text(port, "/name"));
            labels.set("service_port_number", &plain(port.get("port")));
            labels.set("service_port_protocol", text(port, "/protocol"));
            let (name, namespace) = (meta::name(service), meta::namespace(service));
            let port = plain(port.get("port"));
            targets.push(labels.target(&format!("{name}.{namespace}.svc:{port}")));
        }
    }
    targets
}

pub(super) fn ingresses(seen: &Seen) -> Vec<Value> {
    let mut targets = Vec::new();
    for ingress in seen.of(&INGRESS) {
        let mut base = of("ingress", ingress);
        base.set_if(
            "ingress_class_name",
            text(ingress, "/spec/ingressClassName"),
        );
        let secured: Vec<&str> = items(ingress, "/spec/tls")
            .flat_map(|tls| items(tls, "/hosts"))
            .filter_map(Value::as_str)
            .collect();
        for rule in items(ingress, "/spec/rules") {
            let host = text(rule, "/host");
            let scheme = if secured.contains(&host) {
                "https"
            } else {
                "http"
            };
            let paths = items(rule, "/http/paths").map(|path| text(path, "/path"));
            let mut paths: Vec<&str> = paths.collect();
            if paths.is_empty() {
                paths.push("/");
            }
            for path in paths {
                let mut labels = base.clone();
                labels.set("ingress_scheme", scheme);
                labels.set("ingress_host", host);
                labels.set("ingress_path", if path.is_empty() { "/" } else { path });
                targets.push(labels.target(host));
            }
        }
    }
    targets
}

pub(super) fn nodes(seen: &Seen) -> Vec<Value> {
    let mut targets = Vec::new();
    for node in seen.of(&NODE) {
        let mut labels = Labels::default();
        labels.set("node_name", meta::name(node));
        labels.metadata("node", node);
        let mut address = "";
        for one in items(node, "/status/addresses") {
            let (kind, value) = (text(one, "/type"), text(one, "/address"));
            if address.is_empty() || kind == "InternalIP" {
                address = value;
            }
            labels.set(&format!("node_address_{kind}"), value);
        }
        labels
            .0
            .insert("instance".to_owned(), meta::name(node).to_owned());
        let port = node.pointer("/status/daemonEndpoints/kubeletEndpoint/Port");
        let port = port.and_then(Value::as_u64).unwrap_or(10_250);
        targets.push(labels.target(&format!("{address}:{port}")));
    }
    targets
}
