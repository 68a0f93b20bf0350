//! The Service of the kubelets (S4 of the acceptance): every node is behind it, and one that goes goes from there too.

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{ENDPOINTS, NODE, SERVICE, number, text};

/// Name of the Service, as the chart gives it.
pub const SERVICE_NAME: &str = "kube-prometheus-kubelet";

/// Label of nodes that the Service doesn't lead to, with the value `yes`.
pub const HIDDEN: &str = "scenarios.carrick.dev/hidden";

const ENDPOINT_SLICE: ResourceRef =
    ResourceRef::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");

/// Ports by name, sorted.
fn ports<'a>(object: &'a Value, at: &str) -> Vec<(&'a str, i64)> {
    let ports = object.pointer(at).and_then(Value::as_array);
    let port = |port: &'a Value| (text(port, "/name"), number(port, "/port"));
    let mut ports: Vec<(&str, i64)> = ports.into_iter().flatten().map(port).collect();
    ports.sort_unstable();
    ports
}

/// The addresses that nodes have inside, with their names, sorted.
async fn nodes(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let mut nodes = cluster.list(&NODE).await?;
    nodes.retain(|node| meta::label(node, HIDDEN).is_none());
    let address = |node: &Value| {
        let addresses = node.pointer("/status/addresses")?.as_array()?;
        let inside = addresses.iter();
        let mut inside = inside.filter(|address| text(address, "/type") == "InternalIP");
        let address = text(inside.next()?, "/address").to_owned();
        Some((address, meta::name(node).to_owned()))
    };
    let mut known: Vec<(String, String)> = nodes.iter().filter_map(address).collect();
    known.sort();
    Ok(known)
}

/// Addresses behind the Service, with the nodes they belong to, sorted.
fn behind(endpoints: &Value) -> Vec<(String, String)> {
    let addresses = endpoints.pointer("/subsets/0/addresses");
    let address = |address: &Value| {
        let of = |at: &str| text(address, at).to_owned();
        (of("/ip"), of("/targetRef/name"))
    };
    let addresses = addresses.and_then(Value::as_array);
    let mut addresses: Vec<(String, String)> =
        addresses.into_iter().flatten().map(address).collect();
    addresses.sort();
    addresses
}

/// S4: a headless Service with the three ports, and every node's address in its Endpoints and its slices; a node that comes
/// and goes comes and goes there.
pub async fn have_a_service(cluster: &Cluster) -> Result<()> {
    let wanted = [
        ("cadvisor", 4194),
        ("http-metrics", 10255),
        ("https-metrics", 10250),
    ];
    let service = cluster
        .until("the Service", &SERVICE, SERVICE_NAME, |_| true)
        .await?;
    ensure!(text(&service, "/spec/clusterIP") == "None");
    ensure!(meta::label(&service, "k8s-app") == Some("kubelet"));
    ensure!(ports(&service, "/spec/ports") == wanted, "{service}");
    let hidden = replace_loopback_nodes(cluster).await?;
    let until = async |what: &str| {
        let known = nodes(cluster).await?;
        ensure!(!known.is_empty(), "no node has an address");
        cluster
            .until(what, &ENDPOINTS, SERVICE_NAME, |found| {
                behind(found) == known
            })
            .await
    };
    let endpoints = until("all nodes").await?;
    ensure!(ports(&endpoints, "/subsets/0/ports") == wanted);
    ensure!(meta::label(&endpoints, "k8s-app") == Some("kubelet"));
    let first = nodes(cluster).await?;
    let (address, _) = first.first().context("no node")?;
    cluster
        .eventually("slices with the nodes", async || {
            let slices = cluster.list(&ENDPOINT_SLICE).await?;
            let ours = slices.iter().filter(|slice| {
                meta::label(slice, "kubernetes.io/service-name") == Some(SERVICE_NAME)
            });
            let ours: Vec<&Value> = ours.collect();
            let whole = ours.iter().all(|slice| ports(slice, "/ports") == wanted);
            let text = json!(ours).to_string();
            Ok((whole && text.contains(address)).then_some(()))
        })
        .await?;
    add_node(cluster, "late", "10.9.8.7").await?;
    let with = until("one node more").await?;
    ensure!(behind(&with).len() == first.len() + 1, "{with}");
    cluster.delete(&NODE, "late").await?;
    until("the nodes that are left").await?;
    give_back(cluster, &hidden).await
}

/// A node that is ready, so that nobody gives it another address.
async fn add_node(cluster: &Cluster, name: &str, address: &str) -> Result<()> {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    cluster.client().create(&NODE, &node).await?;
    Ok(())
}

/// Nodes in place of hidden ones, with their addresses.
const INSTEAD: [(&str, &str); 2] = [("first", "10.9.8.1"), ("second", "10.9.8.2")];

/// The testbed's nodes have loopback addresses, which no API server takes into Endpoints: they are hidden, and others made.
async fn replace_loopback_nodes(cluster: &Cluster) -> Result<Vec<String>> {
    let mut hidden = Vec::new();
    for (address, name) in nodes(cluster).await? {
        let address = address.parse::<std::net::IpAddr>();
        if address.is_ok_and(|address| address.is_loopback()) {
            let labels = json!({"metadata": {"labels": {HIDDEN: "yes"}}});
            cluster.merge(&NODE, &name, labels).await?;
            hidden.push(name);
        }
    }
    if !hidden.is_empty() {
        for (name, address) in INSTEAD {
            add_node(cluster, name, address).await?;
        }
    }
    Ok(hidden)
}

/// Takes the nodes away that stand in for hidden ones: whoever comes next must not have pods on them, for they have no room.
async fn give_back(cluster: &Cluster, hidden: &[String]) -> Result<()> {
    for name in hidden {
        let labels = json!({"metadata": {"labels": {HIDDEN: null}}});
        cluster.merge(&NODE, name, labels).await?;
    }
    if !hidden.is_empty() {
        for (name, _) in INSTEAD {
            cluster.delete(&NODE, name).await?;
        }
    }
    Ok(())
}
