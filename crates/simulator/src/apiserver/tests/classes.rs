//! Default classes, priorities, claims and pods that grow, and labels of nodes on pods.

use serde_json::{Value, json};

use super::{PODS, Server, pod};

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const INGRESS_CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses";
const PRIORITY_CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
const STORAGE_CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

fn refusal(server: &mut Server, method: &str, path: &str, body: &Value) -> String {
    let (status, reply) = server.call(method, path, body);
    assert_eq!(status, 403, "{reply}");
    reply["message"].as_str().unwrap().to_owned()
}

#[test]
fn an_ingress_without_a_class_gets_the_newest_default() {
    let mut server = Server::new();
    let ingress = |name: &str| json!({"metadata": {"name": name}, "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}});
    let plain = server.ok("POST", INGRESSES, &ingress("none"));
    assert_eq!(plain["spec"].get("ingressClassName"), None);
    for name in ["b", "c", "a"] {
        let mark = json!({"ingressclass.kubernetes.io/is-default-class": "true"});
        let class = json!({"metadata": {"name": name, "annotations": mark}, "spec": {"controller": "example.com/c"}});
        server.ok("POST", INGRESS_CLASSES, &class);
        if name == "b" {
            server.wait(1);
        }
    }
    let made = server.ok("POST", INGRESSES, &ingress("i"));
    assert_eq!(made["spec"]["ingressClassName"], "a");
    let mut named = ingress("named");
    named["spec"]["ingressClassName"] = json!("b");
    let made = server.ok("POST", INGRESSES, &named);
    assert_eq!(made["spec"]["ingressClassName"], "b");
    let mut old = ingress("old");
    old["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "x"});
    let made = server.ok("POST", INGRESSES, &old);
    assert_eq!(made["spec"].get("ingressClassName"), None);
}

#[test]
fn a_claim_without_a_class_gets_the_newest_default() {
    let mut server = Server::new();
    for (name, mark) in [
        ("a", "storageclass.kubernetes.io/is-default-class"),
        ("b", "storageclass.beta.kubernetes.io/is-default-class"),
    ] {
        let class =
            json!({"metadata": {"name": name, "annotations": {mark: "true"}}, "provisioner": "p"});
        server.ok("POST", STORAGE_CLASSES, &class);
        server.wait(1);
    }
    let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let made = server.ok("POST", CLAIMS, &claim);
    assert_eq!(made["spec"]["storageClassName"], "b");
}

#[test]
fn priorities_come_from_classes_alone() {
    let mut server = Server::new();
    let class = |name: &str, value: i64, default: bool| json!({"metadata": {"name": name}, "value": value, "globalDefault": default});
    server.ok("POST", PRIORITY_CLASSES, &class("high", 1000, true));
    let only = "PriorityClass high is already marked as default. Only one default can exist";
    let text = refusal(
        &mut server,
        "POST",
        PRIORITY_CLASSES,
        &class("low", 1, true),
    );
    let about = "priorityclasses.scheduling.k8s.io \"low\" is forbidden";
    assert_eq!(text, format!("{about}: {only}"));
    server.ok("POST", PRIORITY_CLASSES, &class("low", 1, false));
    let mark = json!({"globalDefault": true});
    let path = format!("{PRIORITY_CLASSES}/low");
    let text = refusal(&mut server, "PATCH", &path, &mark);
    assert_eq!(text, format!("{about}: {only}"));
    let described = json!({"description": "x"});
    server.ok("PATCH", &format!("{PRIORITY_CLASSES}/high"), &described);
    let mut wrong = pod("x");
    wrong["spec"]["priority"] = json!(5);
    assert_eq!(
        refusal(&mut server, "POST", PODS, &wrong),
        "pods \"x\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission \
         controller computed 1000 from the given PriorityClass name"
    );
    wrong["spec"] =
        json!({"containers": [{"name": "c", "image": "i"}], "preemptionPolicy": "Never"});
    assert_eq!(
        refusal(&mut server, "POST", PODS, &wrong),
        "pods \"x\" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority \
         admission controller computed PreemptLowerPriority from the given PriorityClass name"
    );
    let mut right = pod("x");
    right["spec"]["priority"] = json!(1000);
    assert_eq!(
        server.ok("POST", PODS, &right)["spec"]["priorityClassName"],
        "high"
    );
}

#[test]
fn bound_claims_grow_where_their_class_lets_them() {
    let mut server = Server::new();
    for (name, allows) in [("fixed", false), ("growing", true)] {
        let class =
            json!({"metadata": {"name": name}, "provisioner": "p", "allowVolumeExpansion": allows});
        server.ok("POST", STORAGE_CLASSES, &class);
        let claim = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": name,
            "volumeName": "v", "resources": {"requests": {"storage": "1Gi"}}}});
        server.ok("POST", CLAIMS, &claim);
        let bound = json!({"status": {"phase": "Bound"}});
        server.ok("PATCH", &format!("{CLAIMS}/{name}/status"), &bound);
    }
    let larger = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    server.ok("PATCH", &format!("{CLAIMS}/growing"), &larger);
    let path = format!("{CLAIMS}/fixed");
    assert_eq!(
        refusal(&mut server, "PATCH", &path, &larger),
        "persistentvolumeclaims \"fixed\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass \
         that provisions the pvc must support resize"
    );
}

#[test]
fn a_pod_gets_the_topology_of_its_node() {
    let mut server = Server::new();
    let node = json!({"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z", "other": "x"}}});
    server.ok("POST", "/api/v1/nodes", &node);
    let mut there = pod("there");
    there["spec"]["nodeName"] = json!("n");
    let made = server.ok("POST", PODS, &there);
    let zone = json!({"topology.kubernetes.io/zone": "z"});
    assert_eq!(made["metadata"]["labels"], zone);
    let mut bound = pod("bound");
    bound["metadata"]["labels"] = json!({"topology.kubernetes.io/zone": "elsewhere"});
    server.ok("POST", PODS, &bound);
    let binding = json!({"metadata": {"name": "bound"}, "target": {"kind": "Node", "name": "n"}});
    server.ok("POST", &format!("{PODS}/bound/binding"), &binding);
    assert_eq!(
        server.get(&format!("{PODS}/bound"))["metadata"]["labels"],
        zone
    );
}

#[test]
fn pods_grow_on_nodes_that_can_resize_them_and_have_the_room() {
    let mut server = Server::new();
    let asking = |name: &str, node: &str| {
        let resources = json!({"requests": {"cpu": "1"}});
        json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i", "resources": resources}]}})
    };
    let node = |name: &str, system: &str| {
        json!({"metadata": {"name": name, "labels": {"kubernetes.io/os": system}},
            "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}})
    };
    for (name, system) in [("l", "linux"), ("w", "windows")] {
        server.ok("POST", "/api/v1/nodes", &node(name, system));
        server.ok("POST", PODS, &asking(name, name));
    }
    server.ok("POST", PODS, &asking("free", ""));
    server.ok("POST", PODS, &asking("lost", "gone"));
    let wanting = |resources: Value| json!({"spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": resources}}]}});
    let path = |name: &str| format!("{PODS}/{name}/resize");
    let larger = wanting(json!({"cpu": "2"}));
    for name in ["free", "l"] {
        server.ok("PATCH", &path(name), &larger);
    }
    for (name, wanted, text) in [
        ("lost", &larger, "node \"gone\" not found"),
        (
            "w",
            &larger,
            "pod resize is only supported on linux nodes, node \"w\" is \"windows\"",
        ),
        (
            "l",
            &wanting(json!({"cpu": "2500m", "memory": "2Gi"})),
            "node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: \
             2147483648, allocatable: 1073741824",
        ),
    ] {
        assert_eq!(
            refusal(&mut server, "PATCH", &path(name), wanted),
            format!("pods {name:?} is forbidden: {text}")
        );
    }
    let runs = json!({"status": {"containerStatuses": [{"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {}}}]}});
    server.ok("PATCH", &format!("{PODS}/l/status"), &runs);
    let (status, told) = server.call("PATCH", &path("l"), &wanting(json!({"cpu": "1"})));
    assert_eq!(
        (status, told["message"].as_str()),
        (
            422,
            Some(
                "Pod \"l\" is invalid: spec: Forbidden: Pod running on node without support for resize"
            )
        )
    );
}
