//! Controllers that may neither list nor watch Secrets, as the default installation has it.

use anyhow::{Result, ensure};
use serde_json::json;

use super::large_configuration;
use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER, PROMETHEUS, SECRET, SERVICE_MONITOR};
use crate::workloads::{alertmanager, prometheus, secret, service_monitor};

/// Secrets that a monitor and a workload refer to are missed, found and followed; what was made comes again if somebody deletes
/// it, and goes with its workload.
pub async fn are_followed_and_made_again(cluster: &Cluster) -> Result<()> {
    cluster.apply(&prometheus("main", &json!({}))).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let of = |key: &str| json!({"name": "login", "key": key});
    let endpoint = json!({
        "port": "http", "basicAuth": {"username": of("user"), "password": of("password")},
    });
    cluster.apply(&service_monitor("web", &endpoint)).await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "web", &["prometheuses main False"])
        .await?;
    for password in ["first", "second"] {
        let data = json!({"user": "u", "password": password});
        cluster.apply(&secret("login", &data)).await?;
        cluster
            .until_configured("main", password, |text| {
                text.contains(&format!("password: {password}"))
            })
            .await?;
    }

    // Without it the whole workload can't be reconciled.
    let additional = json!({"spec": {"additionalScrapeConfigs": {"name": "more", "key": "jobs"}}});
    cluster.merge(&PROMETHEUS, "main", additional).await?;
    cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "False")
        .await?;
    let jobs = json!({"jobs": "- job_name: more\n"});
    cluster.apply(&secret("more", &jobs)).await?;
    cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "True")
        .await?;

    cluster.delete(&SECRET, "prometheus-main").await?;
    cluster
        .until_configured("main", "the configuration again", |text| {
            text.contains("job_name: more") && text.contains("password: second")
        })
        .await?;
    cluster.apply(&alertmanager("main", &json!({}))).await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    let own = "alertmanager-main-generated";
    let text = cluster.held(own, "alertmanager.yaml.gz").await?;
    ensure!(text.contains("receiver"), "{text}");
    for resource in [&PROMETHEUS, &ALERTMANAGER] {
        cluster.delete(resource, "main").await?;
        cluster.until_gone(&[(resource, "main")]).await?;
    }
    cluster
        .until_gone(&[(&SECRET, "prometheus-main"), (&SECRET, own)])
        .await
}

/// What is too large for one Secret is in several, of which those that are there are known.
pub async fn hold_a_large_configuration(cluster: &Cluster) -> Result<()> {
    large_configuration::is_spread_over_secrets(cluster).await
}
