//! Both products' controllers in one program.

use anyhow::Result;
use serde_json::json;

use super::canary;
use crate::cluster::Cluster;
use crate::objects::PROMETHEUS;
use crate::workloads::{prometheus, service_monitor};

/// A canary is released while a Prometheus that watches it starts.
pub async fn release_what_is_monitored(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    cluster.apply(&prometheus("main", &json!({}))).await?;
    canary::is_released(cluster).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let job = cluster.job("serviceMonitor", "web");
    cluster
        .until_configured("main", "the job", |text| text.contains(&job))
        .await
        .map(drop)
}
