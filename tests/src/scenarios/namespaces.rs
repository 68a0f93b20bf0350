//! Namespaces that are looked after by controllers that have rights in these alone.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::{NAMESPACE, PROMETHEUS, SECRET, SERVICE_MONITOR};
use crate::workloads::{prometheus, secret, service_monitor};

/// A server in each of two namespaces; one of them takes monitors of the other's too, as long as the namespace has a label, and
/// follows a Secret that one of them names.
pub async fn are_looked_after_with_rights_in_each_alone(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    let selector = json!({"serviceMonitorNamespaceSelector": {"matchLabels": {"team": "web"}}});
    cluster.apply(&prometheus("main", &selector)).await?;
    other.apply(&prometheus("side", &json!({}))).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    other.until_ready(&PROMETHEUS, "side").await?;

    let login = |password: &str| secret("login", &json!({"user": "u", "password": password}));
    other.apply(&login("first")).await?;
    let of = |key: &str| json!({"name": "login", "key": key});
    let endpoint = json!({
        "port": "http", "basicAuth": {"username": of("user"), "password": of("password")},
    });
    other.apply(&service_monitor("web", &endpoint)).await?;
    other
        .until_bound(&SERVICE_MONITOR, "web", &["prometheuses side True"])
        .await?;
    let job = other.job("serviceMonitor", "web");
    let text = cluster.configuration("main").await?;
    ensure!(
        !text.contains(&job),
        "{job} of a namespace without the label"
    );
    let label = |value: serde_json::Value| json!({"metadata": {"labels": {"team": value}}});
    cluster
        .merge(&NAMESPACE, &other.namespace, label(json!("web")))
        .await?;
    cluster
        .until_configured("main", "the job of the other namespace", |text| {
            text.contains(&job) && text.contains("password: first")
        })
        .await?;
    other.apply(&login("second")).await?;
    for (cluster, name) in [(cluster, "main"), (&other, "side")] {
        cluster
            .until_configured(name, "the new password", |text| {
                text.contains("password: second")
            })
            .await?;
    }
    cluster
        .merge(&NAMESPACE, &other.namespace, label(json!(null)))
        .await?;
    cluster
        .until_configured("main", "no job of the other namespace", |text| {
            !text.contains(&job)
        })
        .await?;
    // What others do to what was made is seen in both.
    for (cluster, name) in [
        (cluster, "prometheus-main-web-config"),
        (&other, "prometheus-side-web-config"),
    ] {
        let first = cluster.get(&SECRET, name).await?;
        cluster.delete(&SECRET, name).await?;
        cluster
            .until("another Secret", &SECRET, name, |secret| {
                machinery::meta::uid(secret) != machinery::meta::uid(&first)
            })
            .await?;
    }
    other.until_deleted(&PROMETHEUS, "side").await
}
