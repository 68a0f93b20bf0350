//! Prometheus agents.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::{DAEMON_SET, POD_MONITOR, PROMETHEUS_AGENT, SERVICE, STATEFUL_SET, text};
use crate::workloads::{agent, agent_on_every_node, condition, pod_monitor};

/// An agent comes, takes pod monitors, is sharded, and takes everything with it.
pub async fn is_created_sharded_and_deleted(cluster: &Cluster) -> Result<()> {
    cluster.apply(&agent("edge", &json!({}))).await?;
    cluster.until_ready(&PROMETHEUS_AGENT, "edge").await?;
    let service = cluster.get(&SERVICE, "prometheus-agent-operated").await?;
    ensure!(service.pointer("/spec/clusterIP") == Some(&json!("None")));
    let pods = cluster.pods().await?;
    cluster.apply(&pod_monitor("web", "http")).await?;
    cluster
        .until_bound(&POD_MONITOR, "web", &["prometheusagents edge True"])
        .await?;
    let text = cluster
        .held("prom-agent-edge", "prometheus.yaml.gz")
        .await?;
    let job = cluster.job("podMonitor", "web");
    ensure!(text.contains(&job), "no {job} in\n{text}");
    cluster.assert_same_pods(&pods).await?;
    cluster.scale(&PROMETHEUS_AGENT, "edge", 2).await?;
    cluster.until_ready(&PROMETHEUS_AGENT, "edge").await?;
    cluster.set("prom-agent-edge-shard-1").await?;
    cluster
        .merge(&PROMETHEUS_AGENT, "edge", json!({"spec": {"shards": 1}}))
        .await?;
    cluster
        .until_gone(&[(&STATEFUL_SET, "prom-agent-edge-shard-1")])
        .await?;
    cluster.until_deleted(&PROMETHEUS_AGENT, "edge").await?;
    cluster
        .until_bound(&POD_MONITOR, "web", &[])
        .await
        .map(drop)
}

/// Where the gate for it is closed, an agent that is to run on every node says so, and runs once it is to run otherwise.
pub async fn runs_nowhere_without_the_gate(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&agent_on_every_node("edge", &json!({})))
        .await?;
    let refused = cluster
        .until_says(&PROMETHEUS_AGENT, "edge", "Reconciled", "False")
        .await?;
    let why = text(condition(&refused, "Reconciled"), "/message");
    let wanted = "feature gate for Prometheus Agent's DaemonSet mode is not enabled";
    ensure!(why.starts_with(wanted), "{why}");
    ensure!(cluster.list(&DAEMON_SET).await?.is_empty());
    let change = json!({"spec": {"mode": null}});
    cluster.merge(&PROMETHEUS_AGENT, "edge", change).await?;
    cluster
        .until_ready(&PROMETHEUS_AGENT, "edge")
        .await
        .map(drop)
}
