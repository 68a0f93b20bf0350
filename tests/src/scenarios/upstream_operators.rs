//! Upstream's end-to-end tests of several operators side by side, under their names (`test/e2e/controllerid_test.go`): one
//! that looks after what names no operator, one that looks after what names `42`.

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::resource_of;
use crate::workloads::{agent, alertmanager, prometheus, thanos_ruler};

/// Both workloads become ready, each by the operator it chooses; one that chooses an operator nobody is stays alone.
async fn look_after_their_own(cluster: &Cluster, make: fn(&str, &Value) -> Value) -> Result<()> {
    let choosing = |name: &str, id: &str| {
        let mut workload = make(name, &json!({}));
        let id = json!({"operator.prometheus.io/controller-id": id});
        meta::set(&mut workload, "annotations", id);
        workload
    };
    let alone = choosing("test-op-3", "43");
    let resource = resource_of(&alone)?;
    cluster.apply(&alone).await?;
    cluster.apply(&make("test-op-1", &json!({}))).await?;
    cluster.until_ready(&resource, "test-op-1").await?;
    cluster.apply(&choosing("test-op-2", "42")).await?;
    cluster.until_ready(&resource, "test-op-2").await?;
    let alone = cluster.get(&resource, "test-op-3").await?;
    ensure!(
        alone.pointer("/status/conditions").is_none(),
        "somebody looks after it: {alone}"
    );
    Ok(())
}

/// testMultipleOperatorsPrometheusServer
pub async fn multiple_operators_prometheus_server(cluster: &Cluster) -> Result<()> {
    look_after_their_own(cluster, prometheus).await
}

/// testMultipleOperatorsPrometheusAgent
pub async fn multiple_operators_prometheus_agent(cluster: &Cluster) -> Result<()> {
    look_after_their_own(cluster, agent).await
}

/// testMultipleOperatorsAlertManager
pub async fn multiple_operators_alert_manager(cluster: &Cluster) -> Result<()> {
    look_after_their_own(cluster, alertmanager).await
}

/// testMultipleOperatorsThanosRuler
pub async fn multiple_operators_thanos_ruler(cluster: &Cluster) -> Result<()> {
    look_after_their_own(cluster, thanos_ruler).await
}
