//! Shards of a Prometheus: those that are kept for their data, and those that have a zone each.

use std::time::Duration;

use anyhow::Result;
use machinery::meta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS, STATEFUL_SET};
use crate::workloads::{prometheus, scrape_config, secret, service_monitor};

/// A retained shard that is wanted again stays, and is kept until another deadline once it isn't any more, even if the first
/// one is over.
pub async fn are_retained_anew(cluster: &Cluster) -> Result<()> {
    let second = "prometheus-main-shard-1";
    // Longer than caches are stale, and not much.
    let period = if cluster.is_simulated() { "60s" } else { "20s" };
    let policy = json!({"whenScaled": "Retain", "retain": {"retentionPeriod": period}});
    // Jobs that upstream divides only where there are several shards, and one that the user divides.
    let jobs = "- job_name: own\n- job_name: divided\n  relabel_configs:\n  - action: hashmod\n    \
                source_labels: [__address__]\n    target_label: mine\n    modulus: 1\n";
    cluster
        .apply(&secret("jobs", &json!({"jobs": jobs})))
        .await?;
    cluster.apply(&scrape_config("web")).await?;
    let spec = json!({
        "shards": 2,
        "shardRetentionPolicy": policy,
        "scrapeConfigSelector": {},
        "additionalScrapeConfigs": {"name": "jobs", "key": "jobs"},
    });
    cluster.apply(&prometheus("main", &spec)).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let mut over = jiff::Timestamp::MIN;
    for _ in 0..2 {
        let fewer = json!({"spec": {"shards": 1}});
        cluster.merge(&PROMETHEUS, "main", fewer).await?;
        let current = "target_label: __tmp_current_shard";
        cluster
            .until_configured("main", "three jobs that one shard scrapes", |text| {
                text.matches(current).count() == 3 && text.matches("regex: \"0\"").count() == 3
            })
            .await?;
        let is_later = |set: &Value| deadline(set).is_some_and(|until| until > over);
        let kept = cluster
            .until("a later deadline", &STATEFUL_SET, second, is_later)
            .await?;
        over = deadline(&kept).unwrap_or(over);
        cluster.quiet(Duration::from_secs(30)).await?;
        let again = json!({"spec": {"shards": 2}});
        cluster.merge(&PROMETHEUS, "main", again).await?;
        cluster
            .until("no deadline", &STATEFUL_SET, second, |set| {
                deadline(set).is_none()
            })
            .await?;
        cluster
            .eventually("the time after the deadline", async || {
                Ok((cluster.now() > over).then_some(()))
            })
            .await?;
    }
    cluster.until_ready(&PROMETHEUS, "main").await.map(drop)
}

/// When a StatefulSet that is retained goes.
fn deadline(set: &Value) -> Option<jiff::Timestamp> {
    let deadline = meta::annotation(set, "operator.prometheus.io/deletion-deadline");
    deadline.and_then(|deadline| deadline.parse().ok())
}

/// Shards in two zones: those of each divide its targets among them, and so they do when they become fewer.
pub async fn are_spread_over_zones(cluster: &Cluster) -> Result<()> {
    let strategy = json!({"mode": "Topology", "topology": {"values": ["north", "south"]}});
    let spec = json!({"shards": 4, "shardingStrategy": strategy});
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    cluster.apply(&prometheus("main", &spec)).await?;
    for (shards, modulus) in [(4, "modulus: 2\n"), (2, "modulus: 1\n")] {
        let change = json!({"spec": {"shards": shards}});
        cluster.merge(&PROMETHEUS, "main", change).await?;
        cluster
            .until_configured("main", modulus, |text| {
                text.contains("$(TOPOLOGY_ZONE)") && text.contains(modulus)
            })
            .await?;
        cluster
            .eventually(&format!("{shards} StatefulSets"), async || {
                let sets = cluster.list(&STATEFUL_SET).await?;
                let zone = "/spec/template/spec/nodeSelector/topology.kubernetes.io~1zone";
                let zones = sets.iter().filter_map(|set| set.pointer(zone)?.as_str());
                let mut zones: Vec<&str> = zones.collect();
                zones.sort_unstable();
                let half = shards / 2;
                let wanted = [vec!["north"; half], vec!["south"; half]].concat();
                Ok((zones == wanted).then_some(()))
            })
            .await?;
    }
    cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "True")
        .await
        .map(drop)
}
