//! Prometheus agents that run on every node.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::{DAEMON_SET, POD_MONITOR, PROMETHEUS_AGENT, SERVICE, STATEFUL_SET, text};
use crate::workloads::{agent_on_every_node, pod_monitor};

/// An agent comes, takes pod monitors, rolls, becomes one with replicas and back, and takes everything with it.
pub async fn is_created_changes_its_mode_and_is_deleted(cluster: &Cluster) -> Result<()> {
    let set = "prom-agent-edge";
    cluster
        .apply(&agent_on_every_node("edge", &json!({})))
        .await?;
    cluster.until_on_every_node("edge").await?;
    let service = cluster.find(&SERVICE, "prometheus-agent-operated").await?;
    ensure!(service.is_none(), "a Service of pods that nobody asks for");
    let pods = cluster.pods().await?;
    cluster.apply(&pod_monitor("web", "http")).await?;
    cluster
        .until_bound(&POD_MONITOR, "web", &["prometheusagents edge True"])
        .await?;
    let text_of = async || cluster.held(set, "prometheus.yaml.gz").await;
    let (found, job) = (text_of().await?, cluster.job("podMonitor", "web"));
    let node = "field: spec.nodeName=$(NODE_NAME)";
    ensure!(
        found.contains(&job) && found.contains(node),
        "no {job} with {node} in\n{found}"
    );
    cluster.assert_same_pods(&pods).await?;

    let change = json!({"spec": {"image": "quay.io/prometheus/prometheus:v3.0.0"}});
    cluster.merge(&PROMETHEUS_AGENT, "edge", change).await?;
    cluster
        .until("the new image", &DAEMON_SET, set, |set| {
            text(set, "/spec/template/spec/containers/0/image").ends_with(":v3.0.0")
        })
        .await?;
    cluster.until_on_every_node("edge").await?;

    let change = json!({"spec": {"mode": "StatefulSet", "shards": 2}});
    cluster.merge(&PROMETHEUS_AGENT, "edge", change).await?;
    cluster.until_ready(&PROMETHEUS_AGENT, "edge").await?;
    cluster.until_gone(&[(&DAEMON_SET, set)]).await?;
    let found = text_of().await?;
    ensure!(!found.contains(node), "still {node} in\n{found}");
    let change = json!({"spec": {"mode": "DaemonSet", "shards": null}});
    cluster.merge(&PROMETHEUS_AGENT, "edge", change).await?;
    cluster.until_on_every_node("edge").await?;
    let second = "prom-agent-edge-shard-1";
    cluster
        .until_gone(&[(&STATEFUL_SET, set), (&STATEFUL_SET, second)])
        .await?;
    cluster.until_deleted(&PROMETHEUS_AGENT, "edge").await?;
    cluster
        .until_bound(&POD_MONITOR, "web", &[])
        .await
        .map(drop)
}
