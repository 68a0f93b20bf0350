//! Upstream's end-to-end tests of Prometheus agents on every node, under their names (`test/e2e/prometheusagent_test.go`).

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use machinery::meta;
use runtime::Patch;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    DAEMON_SET, DEPLOYMENT, NODE, POD, POD_MONITOR, PROMETHEUS_AGENT, deployment, number, text,
};
use crate::workloads::{agent_on_every_node, pod_monitor};

const SET: &str = "prom-agent-test";

/// Memory that the first container of a workload asks for.
const MEMORY: &str = "/spec/template/spec/containers/0/resources/requests/memory";

fn asking(memory: &str) -> Value {
    json!({"resources": {"requests": {"memory": memory}}})
}

/// An agent that is ready, with more in its spec.
async fn running(cluster: &Cluster, more: &Value) -> Result<Value> {
    cluster.apply(&agent_on_every_node("test", more)).await?;
    cluster.until_on_every_node("test").await
}

async fn until_it_asks_for(cluster: &Cluster, memory: &str) -> Result<()> {
    let what = format!("pods that ask for {memory}");
    cluster
        .until(&what, &DAEMON_SET, SET, |set| text(set, MEMORY) == memory)
        .await?;
    cluster.until_on_every_node("test").await.map(drop)
}

/// testCreatePrometheusAgentDaemonSet
pub async fn create_prometheus_agent_daemon_set(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    cluster.until_deleted(&PROMETHEUS_AGENT, "test").await
}

/// testPromAgentDaemonSetResourceUpdate
pub async fn prom_agent_daemon_set_resource_update(cluster: &Cluster) -> Result<()> {
    let set = running(cluster, &asking("100Mi")).await?;
    ensure!(text(&set, MEMORY) == "100Mi");
    let change = json!({"spec": asking("200Mi")});
    cluster.merge(&PROMETHEUS_AGENT, "test", change).await?;
    until_it_asks_for(cluster, "200Mi").await
}

/// testPromAgentReconcileDaemonSetResourceUpdate
pub async fn prom_agent_reconcile_daemon_set_resource_update(cluster: &Cluster) -> Result<()> {
    running(cluster, &asking("100Mi")).await?;
    let theirs = json!([{"op": "replace", "path": MEMORY, "value": "200Mi"}]);
    let patched = cluster
        .patch(&DAEMON_SET, SET, None, Patch::Json(theirs))
        .await?;
    ensure!(text(&patched, MEMORY) == "200Mi");
    until_it_asks_for(cluster, "100Mi").await
}

/// testPromAgentReconcileDaemonSetResourceDelete
pub async fn prom_agent_reconcile_daemon_set_resource_delete(cluster: &Cluster) -> Result<()> {
    let first = running(cluster, &json!({})).await?;
    cluster.delete(&DAEMON_SET, SET).await?;
    cluster
        .until("another DaemonSet", &DAEMON_SET, SET, |set| {
            meta::uid(set) != meta::uid(&first)
        })
        .await?;
    cluster.until_on_every_node("test").await.map(drop)
}

/// testPrometheusAgentDaemonSetSelectPodMonitor: there is an agent on each node that has a pod to scrape, and each is told
/// to look for those of its own node alone.
pub async fn prometheus_agent_daemon_set_select_pod_monitor(cluster: &Cluster) -> Result<()> {
    cluster.apply(&deployment("app", 2, "app:1")).await?;
    cluster.apply(&pod_monitor("app", "http")).await?;
    running(cluster, &json!({})).await?;
    cluster
        .until_bound(&POD_MONITOR, "app", &["prometheusagents test True"])
        .await?;
    cluster
        .until("both pods to scrape", &DEPLOYMENT, "app", |app| {
            number(app, "/status/readyReplicas") == 2
        })
        .await?;
    let pods = cluster.list(&POD).await?;
    let of = |label: &str, value: &str| -> Vec<&Value> {
        let bears = |pod: &&Value| meta::label(pod, label) == Some(value);
        pods.iter().filter(bears).collect()
    };
    let agents = of("app.kubernetes.io/name", "prometheus-agent");
    let nodes_of = |pods: &[&Value]| -> BTreeSet<String> {
        let names = pods
            .iter()
            .map(|pod| text(pod, "/spec/nodeName").to_owned());
        names.collect()
    };
    let (places, nodes) = (nodes_of(&agents), cluster.list(&NODE).await?);
    ensure!(
        places.len() == agents.len() && agents.len() == nodes.len(),
        "{} agents on {places:?}",
        agents.len()
    );
    ensure!(
        nodes_of(&of("app", "app")).is_subset(&places),
        "no agent beside a pod"
    );
    for agent in agents {
        let containers = agent.pointer("/spec/containers").and_then(Value::as_array);
        let told = |container: &Value| {
            let env = container.pointer("/env").and_then(Value::as_array);
            env.into_iter().flatten().any(|variable| {
                text(variable, "/name") == "NODE_NAME"
                    && text(variable, "/valueFrom/fieldRef/fieldPath") == "spec.nodeName"
            })
        };
        let told = containers.into_iter().flatten().any(told);
        ensure!(told, "an agent doesn't know its node: {agent}");
    }
    let found = cluster.held(SET, "prometheus.yaml.gz").await?;
    let selectors = found.matches("field: spec.nodeName=$(NODE_NAME)").count();
    ensure!(
        selectors == 1,
        "{selectors} selectors of a node in\n{found}"
    );
    Ok(())
}
