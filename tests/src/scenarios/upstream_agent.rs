//! Upstream's end-to-end tests of Prometheus agents, under their names (`test/e2e/prometheusagent_test.go`).

use anyhow::Result;
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS, PROMETHEUS_AGENT};
use crate::subjects::{AGENT, SERVER};

/// testCreatePrometheusAgent
pub async fn create_prometheus_agent(cluster: &Cluster) -> Result<()> {
    AGENT.is_created_and_deleted(cluster).await
}

/// testAgentAndServerNameColision
pub async fn prometheus_agent_and_server_name_colision(cluster: &Cluster) -> Result<()> {
    AGENT.running(cluster, &json!({})).await?;
    SERVER.running(cluster, &json!({})).await?;
    for resource in [&PROMETHEUS_AGENT, &PROMETHEUS] {
        cluster.delete(resource, "test").await?;
        cluster.until_gone(&[(resource, "test")]).await?;
    }
    Ok(())
}

/// testAgentCheckStorageClass
pub async fn prometheus_agent_check_storage_class(cluster: &Cluster) -> Result<()> {
    AGENT.needs_a_storage_class(cluster).await
}

/// testPrometheusAgentStatusScale
pub async fn prometheus_agent_status_scale(cluster: &Cluster) -> Result<()> {
    AGENT.is_scaled_by_subresource(cluster, "shards").await
}

/// testPrometheusAgentSSetServiceName
pub async fn prometheus_agent_sset_service_name(cluster: &Cluster) -> Result<()> {
    AGENT.is_governed_by_a_service(cluster).await
}
