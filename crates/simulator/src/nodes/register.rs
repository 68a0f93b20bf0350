//! What a node says of itself: the Node, its status, its Lease, and the addresses of its pods.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builtin::object::{self, items, text};

/// Namespace of the nodes' Leases.
pub(crate) const LEASES: &str = "kube-node-lease";

/// Addresses of nodes begin here: 10.0.0.0.
const NODE_NETWORK: u32 = 0x0a00_0000;
/// Addresses of pods begin here: 10.244.0.0.
const POD_NETWORK: u32 = 0x0af4_0000;
/// Highest number of a pod's address: 10.255.255.254.
const LAST_NUMBER: u32 = 0x000b_fffe;

/// The Node that registers under a name, the `index`-th of its world.
pub(crate) fn node(name: &str, index: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
            },
            "annotations": {
                "carrick.dev/node-address": node_address(index),
                "node.alpha.kubernetes.io/ttl": "0",
            },
        },
    })
}

/// The address of the `index`-th node.
fn node_address(index: usize) -> String {
    let number = u32::try_from(index + 1).unwrap_or(LAST_NUMBER);
    Ipv4Addr::from(NODE_NETWORK + number.min(LAST_NUMBER)).to_string()
}

/// The Ready condition of a node, if it has said anything yet.
pub(crate) fn ready(node: &Value) -> Option<&Value> {
    object::condition(node, "Ready")
}

/// The status of a healthy node at a heartbeat. Transition times stand while conditions stand.
pub(crate) fn status(node: &Value, now: Timestamp) -> Value {
    let address = object::annotation(node, "carrick.dev/node-address").unwrap_or("10.0.0.254");
    let conditions = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        (
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        (
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        (
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status",
        ),
    ];
    let mut status = node.get("status").cloned().unwrap_or_else(|| json!({}));
    let mut put = |key: &str, value: Value| object::set(&mut status, &[key], value);
    let room =
        || json!({"cpu": "64", "memory": "256Gi", "pods": "10k", "ephemeral-storage": "1Ti"});
    if node.pointer("/status/capacity").is_none() {
        put("capacity", room());
        put("allocatable", room());
    }
    put("phase", json!("Running"));
    put(
        "addresses",
        json!([{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": object::name(node)}]),
    );
    put(
        "daemonEndpoints",
        json!({"kubeletEndpoint": {"Port": 10250}}),
    );
    put(
        "nodeInfo",
        json!({
            "architecture": "amd64", "operatingSystem": "linux", "bootID": "carrick", "machineID": "carrick", "systemUUID": object::uid(node),
            "containerRuntimeVersion": "containerd://2.0.0", "kernelVersion": "6.1", "osImage": "carrick",
            "kubeletVersion": "v1.36.3", "kubeProxyVersion": "v1.36.3",
        }),
    );
    put(
        "conditions",
        json!(conditions.map(|(kind, state, reason, message)| condition(
            node, kind, state, reason, message, now
        ))),
    );
    status
}

fn condition(
    node: &Value,
    kind: &str,
    state: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let since = items(node, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == kind && text(c, "/status") == state)
        .map_or_else(
            || object::stamp(now),
            |c| text(c, "/lastTransitionTime").to_owned(),
        );
    json!({
        "type": kind, "status": state, "reason": reason, "message": message, "lastHeartbeatTime": object::stamp(now),
        "lastTransitionTime": since,
    })
}

/// The Lease by which others see that a node is alive.
pub(crate) fn lease(node: &Value, now: &str) -> Value {
    let name = object::name(node);
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASES,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": object::uid(node)}]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now},
    })
}

/// The address with a number.
pub(crate) fn pod_address(number: u32) -> String {
    Ipv4Addr::from(POD_NETWORK + number).to_string()
}

/// The number of an address of the pod network.
pub(crate) fn pod_number(address: &str) -> Option<u32> {
    let bits = u32::from(address.parse::<Ipv4Addr>().ok()?);
    bits.checked_sub(POD_NETWORK)
        .filter(|number| *number <= LAST_NUMBER)
}

/// The number after another one; the last is followed by the first.
pub(crate) fn next_number(number: u32) -> u32 {
    if number >= LAST_NUMBER { 1 } else { number + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_addresses_go_there_and_back() {
        assert_eq!(pod_address(1), "10.244.0.1");
        assert_eq!(pod_address(258), "10.244.1.2");
        assert_eq!(pod_number("10.244.1.2"), Some(258));
        assert_eq!(pod_address(100_000), "10.245.134.160");
        assert_eq!(pod_number("10.245.134.160"), Some(100_000));
        assert_eq!(pod_number("10.0.0.1"), None);
        assert_eq!(pod_number("11.0.0.1"), None);
        assert_eq!(next_number(LAST_NUMBER), 1);
    }

    #[test]
    fn a_heartbeat_moves_only_the_heartbeat() {
        let mut node = node("node-1", 0);
        node["status"] = status(&node, "2030-01-01T00:00:00Z".parse().unwrap());
        let later = status(&node, "2030-01-01T00:05:00Z".parse().unwrap());
        let mut expected = node["status"].clone();
        for condition in expected["conditions"].as_array_mut().unwrap() {
            condition["lastHeartbeatTime"] = json!("2030-01-01T00:05:00Z");
        }
        assert_eq!(later, expected);
    }
}
