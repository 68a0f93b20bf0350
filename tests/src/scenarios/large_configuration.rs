//! Configurations that are too large for one Secret.

use anyhow::{Result, ensure};
use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::prometheus::has;
use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS, SCRAPE_CONFIG, SECRET, STATEFUL_SET, text};
use crate::workloads::{prometheus, scrape_config};

/// A ScrapeConfig that hardly gets smaller when it is compressed: to half a Secret.
fn bulky_scrape_config(name: &str, seed: u64) -> Value {
    let mut chance = Entropy::seeded(seed);
    let note = (0..47_000).map(|_| format!("{:016x}", chance.next_u64()));
    let mut config = scrape_config(name);
    config["spec"]["staticConfigs"][0]["labels"] = json!({"note": note.collect::<String>()});
    config
}

/// A configuration that is too large for one Secret is in several, which pods mount as one folder. When it is smaller again,
/// the pods go on as they are.
pub async fn is_spread_over_secrets(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&prometheus("main", &json!({"scrapeConfigSelector": {}})))
        .await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let further = "prometheus-main-config-1";
    let sources = |set: &Value| {
        let volumes = set.pointer("/spec/template/spec/volumes");
        let mut volumes = volumes.and_then(Value::as_array).into_iter().flatten();
        let volume = volumes.find(|volume| text(volume, "/name") == "config");
        let sources = volume.and_then(|volume| volume.pointer("/projected/sources"));
        sources.and_then(Value::as_array).map_or(0, Vec::len)
    };
    for (seed, name) in (1..).zip(["first", "second", "third"]) {
        let before = cluster.get(&STATEFUL_SET, "prometheus-main").await?;
        ensure!(sources(&before) == 0, "{name} comes too late");
        cluster.apply(&bulky_scrape_config(name, seed)).await?;
        cluster
            .until_bound(&SCRAPE_CONFIG, name, &["prometheuses main True"])
            .await?;
    }
    cluster
        .until("the rest", &SECRET, further, |_| true)
        .await?;
    let jobs = ["first", "second", "third"].map(|name| cluster.job("scrapeConfig", name));
    cluster
        .until_configured("main", "all jobs", |text| {
            jobs.iter().all(|job| has(text, job))
        })
        .await?;
    cluster
        .until(
            "a volume of many Secrets",
            &STATEFUL_SET,
            "prometheus-main",
            |set| sources(set) == 9,
        )
        .await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let pods = cluster.pods().await?;
    cluster.delete(&SCRAPE_CONFIG, "first").await?;
    cluster.until_gone(&[(&SECRET, further)]).await?;
    cluster
        .until_configured("main", "one job less", |text| {
            !has(text, &jobs[0]) && has(text, &jobs[1]) && has(text, &jobs[2])
        })
        .await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let set = cluster.get(&STATEFUL_SET, "prometheus-main").await?;
    ensure!(sources(&set) == 9, "the volume changed");
    cluster.assert_same_pods(&pods).await
}
