//! Thanos Rulers.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{CONFIG_MAP, PROMETHEUS_RULE, SERVICE, THANOS_RULER, number};
use crate::workloads::{rule, thanos_ruler};

/// A ruler comes, takes rules, leaves a broken one out, grows, and takes everything with it.
pub async fn is_created_scaled_and_deleted(cluster: &Cluster) -> Result<()> {
    cluster.apply(&thanos_ruler("main", &json!({}))).await?;
    cluster.until_ready(&THANOS_RULER, "main").await?;
    cluster.get(&SERVICE, "thanos-ruler-operated").await?;
    for (name, expr, bound) in [
        ("good", "up == 0", "thanosrulers main True"),
        ("broken", "sum(", "thanosrulers main False"),
    ] {
        cluster.apply(&rule(name, expr)).await?;
        cluster
            .until_bound(&PROMETHEUS_RULE, name, &[bound])
            .await?;
    }
    let files = cluster
        .get(&CONFIG_MAP, "thanos-ruler-main-rulefiles-0")
        .await?;
    let files = files.get("data").and_then(Value::as_object);
    ensure!(files.is_some_and(|files| files.len() == 1), "{files:?}");
    cluster
        .merge(&THANOS_RULER, "main", json!({"spec": {"replicas": 2}}))
        .await?;
    let scaled = cluster.until_ready(&THANOS_RULER, "main").await?;
    ensure!(number(&scaled, "/status/replicas") == 2);
    cluster.until_deleted(&THANOS_RULER, "main").await?;
    cluster
        .until_bound(&PROMETHEUS_RULE, "good", &[])
        .await
        .map(drop)
}
