//! The Service of the kubelets.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::kubelet::{Options, Preference};
use runtime::resource::SERVICE;
use runtime::{DeleteOptions, ObjectKey, ResourceRef};
use serde_json::{Value, json};

use crate::cluster::{Cluster, play_with};

const NODE: ResourceRef = ResourceRef::cluster("", "v1", "Node", "nodes");
const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");
const ENDPOINT_SLICE: ResourceRef =
    ResourceRef::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");
const PERIOD: Duration = Duration::from_mins(3);

/// A node whose simulated kubelet says this address.
async fn node(cluster: &Cluster, name: &str, address: &str) {
    let metadata = json!({"name": name, "annotations": {"carrick.dev/node-address": address}});
    let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata});
    cluster.client.create(&NODE, &object).await.unwrap();
}

fn options(slices: bool) -> RunOptions {
    RunOptions {
        kubelets: Some(Options {
            service: ObjectKey::new("team", "kubelet"),
            selector: String::new(),
            preference: Preference::Internal,
            endpoints: true,
            slices,
            period: PERIOD,
            insecure_port: true,
        }),
        ..RunOptions::default()
    }
}

/// Addresses in the Endpoints.
async fn addresses(cluster: &Cluster) -> Vec<String> {
    let endpoints = cluster.get(&ENDPOINTS, "kubelet").await.unwrap_or_default();
    let listed = endpoints
        .pointer("/subsets/0/addresses")
        .and_then(Value::as_array);
    let listed = listed.into_iter().flatten();
    listed
        .map(|one| one["ip"].as_str().unwrap().to_owned())
        .collect()
}

/// Addresses in the slices that are ours, by slice.
async fn slices(cluster: &Cluster) -> Vec<Vec<String>> {
    let selector = "endpointslice.kubernetes.io/managed-by=prometheus-operator";
    let slices = cluster
        .client
        .list(&ENDPOINT_SLICE, "team", selector)
        .await
        .unwrap();
    let of = |slice: &Value| {
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        endpoints
            .iter()
            .map(|one| one["addresses"][0].as_str().unwrap().to_owned())
            .collect()
    };
    slices.iter().map(of).collect()
}

#[test]
fn every_node_is_in_the_endpoints_and_a_second_look_writes_nothing() {
    play_with(&[], options(true), async |cluster| {
        node(cluster, "a", "10.0.0.1").await;
        node(cluster, "b", "10.0.0.2").await;
        cluster
            .until("slices are there", async || {
                slices(cluster).await.concat().len() == 2
            })
            .await;
        let service = cluster.get(&SERVICE, "kubelet").await.unwrap();
        assert_eq!(service["spec"]["clusterIP"], "None");
        assert_eq!(machinery::meta::label(&service, "k8s-app"), Some("kubelet"));
        let ports: Vec<&Value> = service["spec"]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| &port["name"])
            .collect();
        assert_eq!(ports, ["https-metrics", "cadvisor", "http-metrics"]);
        assert_eq!(addresses(cluster).await, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(slices(cluster).await, [vec!["10.0.0.1", "10.0.0.2"]]);
        assert_eq!(
            cluster.written_within(2 * PERIOD).await,
            Vec::<String>::new()
        );

        let key = ObjectKey::cluster("a");
        cluster
            .client
            .delete(&NODE, &key, &DeleteOptions::default())
            .await
            .unwrap();
        node(cluster, "d", "10.0.0.4").await;
        cluster
            .until("the change is there", async || {
                addresses(cluster).await == ["10.0.0.2", "10.0.0.4"]
            })
            .await;
        cluster
            .until("slices follow", async || {
                slices(cluster).await == [vec!["10.0.0.2", "10.0.0.4"]]
            })
            .await;
    });
}

#[test]
fn without_slices_there_are_endpoints_alone() {
    play_with(&[], options(false), async |cluster| {
        node(cluster, "a", "10.0.0.1").await;
        cluster
            .until("endpoints are there", async || {
                addresses(cluster).await == ["10.0.0.1"]
            })
            .await;
        assert_eq!(slices(cluster).await, Vec::<Vec<String>>::new());
    });
}
