//! The Service and its Endpoints: from what is stored to one write, if any.

use machinery::meta;
use runtime::resource::SERVICE;
use runtime::{Effect, ResourceRef};
use serde_json::{Map, Value, json};

use super::nodes::NodeAddress;
use super::{ENDPOINTS, Making};
use crate::workload::Texts;

/// Tells the server's own controller not to make EndpointSlices of the Endpoints.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";

/// Ports of a kubelet: name and number.
const PORTS: [(&str, i32); 3] = [
    ("https-metrics", 10250),
    ("cadvisor", 4194),
    ("http-metrics", 10255),
];

impl Making<'_> {
    /// Name and number of each port.
    fn ports(&self) -> impl Iterator<Item = (&'static str, i32)> {
        let insecure = self.options.insecure_port;
        let ports = PORTS.into_iter();
        ports.filter(move |(name, _)| insecure || *name != "http-metrics")
    }

    /// Ports of Endpoints and EndpointSlices.
    pub(super) fn endpoint_ports(&self) -> Value {
        let port = |(name, port)| json!({"name": name, "port": port, "protocol": "TCP"});
        self.ports().map(port).collect()
    }

    /// Metadata of everything: where a given label has the name of one of ours, the given one wins, as in upstream.
    pub(super) fn metadata(&self) -> Value {
        let mut labels = self.settings.labels.clone();
        for (key, value) in [
            ("k8s-app", "kubelet"),
            ("app.kubernetes.io/name", "kubelet"),
            ("app.kubernetes.io/managed-by", "prometheus-operator"),
        ] {
            let label = labels.entry(key.to_owned());
            label.or_insert_with(|| value.to_owned());
        }
        json!({
            "namespace": self.options.service.namespace,
            "labels": labels,
            "annotations": self.settings.annotations,
        })
    }

    fn named(&self) -> Value {
        let mut metadata = self.metadata();
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert("name".to_owned(), json!(self.options.service.name));
        }
        metadata
    }
}

/// A reference to the node of an address.
pub(super) fn target(address: &NodeAddress) -> Value {
    json!({"kind": "Node", "name": address.node, "uid": address.uid, "apiVersion": "v1"})
}

/// The write for the Service. It has no selector: what it leads to is written beside it.
pub fn service(making: Making, stored: Option<&Value>) -> Option<Effect> {
    let port =
        |(name, port)| json!({"name": name, "port": port, "protocol": "TCP", "targetPort": port});
    let ports: Value = making.ports().map(port).collect();
    let Some(stored) = stored else {
        let spec = json!({"type": "ClusterIP", "clusterIP": "None", "ports": ports});
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": making.named(), "spec": spec});
        return Some(Effect::create(SERVICE, object));
    };
    let mut target = with_metadata(stored, &making.named());
    if let Some(spec) = target.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("type".to_owned(), json!("ClusterIP"));
        spec.insert("ports".to_owned(), ports);
    }
    update(&SERVICE, stored, target)
}

/// The write for the Endpoints.
pub fn endpoints(
    making: Making,
    stored: Option<&Value>,
    addresses: &[NodeAddress],
) -> Option<Effect> {
    let address = |one: &NodeAddress| json!({"ip": one.address, "nodeName": one.node, "targetRef": target(one)});
    let listed: Vec<Value> = addresses.iter().map(address).collect();
    // The server wants none without addresses.
    let subsets = if listed.is_empty() {
        json!([])
    } else {
        json!([{"addresses": listed, "ports": making.endpoint_ports()}])
    };
    let mut wanted = making.named();
    let labels = wanted.pointer_mut("/labels").and_then(Value::as_object_mut);
    if let (Some(labels), true) = (labels, making.options.slices) {
        labels.insert(SKIP_MIRROR.to_owned(), json!("true"));
    }
    let Some(stored) = stored else {
        let object = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": wanted, "subsets": subsets});
        return Some(Effect::create(ENDPOINTS, object));
    };
    let mut target = with_metadata(stored, &wanted);
    let labels = target.pointer_mut("/metadata/labels");
    if let (Some(labels), false) = (labels.and_then(Value::as_object_mut), making.options.slices) {
        labels.remove(SKIP_MIRROR);
    }
    set_unless_empty(&mut target, "subsets", subsets);
    update(&ENDPOINTS, stored, target)
}

/// What is stored, with our labels and annotations added; what others added stays.
pub(super) fn with_metadata(stored: &Value, wanted: &Value) -> Value {
    let mut target = stored.clone();
    for (field, before) in [
        ("labels", meta::labels(stored)),
        ("annotations", meta::annotations(stored)),
    ] {
        let mut all: Texts = before;
        all.extend(meta::string_map(wanted.get(field)));
        if !all.is_empty() {
            meta::set(&mut target, field, json!(all));
        }
    }
    target
}

/// An empty list counts as absent: the server leaves it out.
pub(super) fn set_unless_empty(object: &mut Value, field: &str, list: Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    if list.as_array().is_some_and(Vec::is_empty) {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), list);
    }
}

/// An update, if anything differs and the object isn't going.
pub(super) fn update(resource: &ResourceRef, stored: &Value, target: Value) -> Option<Effect> {
    let differs = target != *stored && meta::deletion_timestamp(stored).is_none();
    differs.then(|| Effect::update(resource.clone(), target))
}

/// An object without metadata, to which some is added.
pub(super) fn object(api_version: &str, kind: &str, metadata: Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    object.insert("metadata".to_owned(), metadata);
    object
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::{Options, Preference};
    use super::*;
    use crate::workload::Settings;
    use runtime::ObjectKey;

    pub fn options() -> Options {
        Options {
            service: ObjectKey::new("kube-system", "kubelet"),
            selector: String::new(),
            preference: Preference::Internal,
            endpoints: true,
            slices: true,
            period: Duration::from_mins(3),
            insecure_port: true,
        }
    }

    pub fn settings() -> Settings {
        Settings {
            labels: Texts::from([("team".to_owned(), "a".to_owned())]),
            annotations: Texts::from([("note".to_owned(), "b".to_owned())]),
            ..Settings::default()
        }
    }

    pub fn address(node: &str, address: &str) -> NodeAddress {
        NodeAddress {
            address: address.to_owned(),
            is_v4: !address.contains(':'),
            node: node.to_owned(),
            uid: format!("uid-{node}"),
        }
    }

    /// What an effect sends.
    pub fn sent(effect: Option<Effect>) -> Value {
        match effect {
            Some(Effect::Create { object, .. } | Effect::Update { object, .. }) => object,
            other => panic!("{other:?}"),
        }
    }

    fn labels() -> Value {
        json!({"k8s-app": "kubelet", "app.kubernetes.io/name": "kubelet", "app.kubernetes.io/managed-by": "prometheus-operator", "team": "a"})
    }

    #[test]
    fn the_service_has_no_address_and_the_kubelets_ports() {
        let (options, settings) = (options(), settings());
        let making = Making {
            options: &options,
            settings: &settings,
        };
        let made = sent(service(making, None));
        let expected = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": "kube-system", "name": "kubelet", "labels": labels(), "annotations": {"note": "b"}},
            "spec": {"type": "ClusterIP", "clusterIP": "None", "ports": [
                {"name": "https-metrics", "port": 10250, "protocol": "TCP", "targetPort": 10250},
                {"name": "cadvisor", "port": 4194, "protocol": "TCP", "targetPort": 4194},
                {"name": "http-metrics", "port": 10255, "protocol": "TCP", "targetPort": 10255},
            ]},
        });
        assert_eq!(made, expected);
        assert_eq!(service(making, Some(&made)), None);

        let secure = Options {
            insecure_port: false,
            ..options.clone()
        };
        let making = Making {
            options: &secure,
            settings: &settings,
        };
        let mut others = made.clone();
        meta::set_label(&mut others, "theirs", "1");
        others["spec"]["clusterIPs"] = json!(["None"]);
        let changed = sent(service(making, Some(&others)));
        let ports = changed["spec"]["ports"].as_array().unwrap();
        assert_eq!(ports.len(), 2);
        assert_eq!(meta::label(&changed, "theirs"), Some("1"));
        assert_eq!(changed["spec"]["clusterIPs"], json!(["None"]));
        assert_eq!(service(making, Some(&changed)), None);
    }

    #[test]
    fn endpoints_name_every_node_and_skip_the_mirror_where_slices_are_ours() {
        let (options, settings) = (options(), settings());
        let making = Making {
            options: &options,
            settings: &settings,
        };
        let nodes = [address("a", "10.0.0.1"), address("b", "fd00::2")];
        let made = sent(endpoints(making, None, &nodes));
        let mut all = labels();
        all[SKIP_MIRROR] = json!("true");
        let one = |node: &str, ip: &str| {
            json!({"ip": ip, "nodeName": node,
            "targetRef": {"apiVersion": "v1", "kind": "Node", "name": node, "uid": format!("uid-{node}")}})
        };
        let expected = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"namespace": "kube-system", "name": "kubelet", "labels": all, "annotations": {"note": "b"}},
            "subsets": [{"addresses": [one("a", "10.0.0.1"), one("b", "fd00::2")], "ports": [
                {"name": "https-metrics", "port": 10250, "protocol": "TCP"},
                {"name": "cadvisor", "port": 4194, "protocol": "TCP"},
                {"name": "http-metrics", "port": 10255, "protocol": "TCP"},
            ]}],
        });
        assert_eq!(made, expected);
        assert_eq!(endpoints(making, Some(&made), &nodes), None);

        let alone = Options {
            slices: false,
            ..options.clone()
        };
        let making = Making {
            options: &alone,
            settings: &settings,
        };
        let changed = sent(endpoints(making, Some(&made), &nodes));
        assert_eq!(meta::label(&changed, SKIP_MIRROR), None);
    }

    #[test]
    fn without_nodes_there_are_no_subsets() {
        let (options, settings) = (options(), settings());
        let making = Making {
            options: &options,
            settings: &settings,
        };
        let made = sent(endpoints(making, None, &[]));
        assert_eq!(made["subsets"], json!([]));
        let mut stored = made;
        stored.as_object_mut().unwrap().remove("subsets");
        assert_eq!(endpoints(making, Some(&stored), &[]), None);
    }

    #[test]
    fn labels_that_are_given_win() {
        let options = options();
        let mut settings = settings();
        for (key, value) in [("k8s-app", "mine"), ("app.kubernetes.io/managed-by", "me")] {
            settings.labels.insert(key.to_owned(), value.to_owned());
        }
        let making = Making {
            options: &options,
            settings: &settings,
        };
        let mut wanted = labels();
        wanted["k8s-app"] = json!("mine");
        wanted["app.kubernetes.io/managed-by"] = json!("me");
        let made = sent(service(making, None));
        assert_eq!(made["metadata"]["labels"], wanted);
        wanted[SKIP_MIRROR] = json!("true");
        let made = sent(endpoints(making, None, &[address("a", "10.0.0.1")]));
        assert_eq!(made["metadata"]["labels"], wanted);
    }

    #[test]
    fn what_is_going_is_left_alone() {
        let (options, settings) = (options(), settings());
        let making = Making {
            options: &options,
            settings: &settings,
        };
        let going = json!({"metadata": {"name": "kubelet", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}});
        assert_eq!(service(making, Some(&going)), None);
    }
}
