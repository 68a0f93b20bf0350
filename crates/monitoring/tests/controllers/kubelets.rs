//! The Service of the kubelets.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::kubelet::{Options, Preference};
use runtime::{ObjectKey, ResourceRef};
use serde_json::json;

use crate::cluster::play_with;

const NODE: ResourceRef = ResourceRef::cluster("", "v1", "Node", "nodes");
const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");

#[test]
fn kubelets_are_kept_while_a_kind_cannot_be_listed() {
    let options = RunOptions {
        kubelets: Some(Options {
            service: ObjectKey::new("team", "kubelet"),
            selector: String::new(),
            preference: Preference::Internal,
            endpoints: true,
            slices: false,
            period: Duration::from_secs(30),
            insecure_port: true,
        }),
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        // The controllers haven't asked for anything yet.
        cluster.break_calls("/servicemonitors");
        for name in ["first", "late"] {
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
            cluster.client.create(&NODE, &node).await.unwrap();
            // Its kubelet says where it is.
            let named = json!(name).to_string();
            cluster
                .until(&format!("{name} is behind the Service"), async || {
                    let endpoints = cluster.get(&ENDPOINTS, "kubelet").await;
                    endpoints.is_some_and(|endpoints| endpoints.to_string().contains(&named))
                })
                .await;
        }
    });
}
