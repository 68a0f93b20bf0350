//! Workloads and selected objects of every kind side by side.

use anyhow::{Result, ensure};
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, POD_MONITOR, PROBE, PROMETHEUS, PROMETHEUS_AGENT,
    PROMETHEUS_RULE, SCRAPE_CONFIG, SERVICE_MONITOR, THANOS_RULER,
};
use crate::workloads::{
    agent, alertmanager, pod_monitor, probe, prometheus, routes, rule, scrape_config,
    service_monitor, thanos_ruler,
};

/// A workload of every kind, which select all there is.
fn workloads() -> [Value; 4] {
    let jobs = json!({
        "serviceMonitorSelector": {}, "podMonitorSelector": {}, "probeSelector": {}, "scrapeConfigSelector": {},
    });
    [
        prometheus("main", &jobs),
        agent("edge", &jobs),
        alertmanager("main", &json!({})),
        thanos_ruler("main", &json!({})),
    ]
}

/// One object of every kind that can be selected.
fn selected() -> [Value; 6] {
    [
        service_monitor("all", &json!({"port": "http"})),
        pod_monitor("all", "http"),
        probe("all"),
        scrape_config("all"),
        rule("all", "up == 0"),
        routes("all", "hook"),
    ]
}

const WORKLOADS: [(&ResourceRef, &str); 4] = [
    (&PROMETHEUS, "main"),
    (&PROMETHEUS_AGENT, "edge"),
    (&ALERTMANAGER, "main"),
    (&THANOS_RULER, "main"),
];

/// Which workloads of the ones above use an object of a kind.
const USERS: [(&ResourceRef, &[&str]); 6] = [
    (&SERVICE_MONITOR, &JOBS),
    (&POD_MONITOR, &JOBS),
    (&PROBE, &JOBS),
    (&SCRAPE_CONFIG, &JOBS),
    (
        &PROMETHEUS_RULE,
        &["prometheuses main True", "thanosrulers main True"],
    ),
    (&ALERTMANAGER_CONFIG, &["alertmanagers main True"]),
];

const JOBS: [&str; 2] = ["prometheusagents edge True", "prometheuses main True"];

async fn all_of_them(cluster: &Cluster) -> Result<()> {
    for object in selected().iter().chain(&workloads()) {
        cluster.apply(object).await?;
    }
    for (resource, name) in WORKLOADS {
        cluster.until_ready(resource, name).await?;
    }
    Ok(())
}

/// Whatever can be selected says who uses it.
pub async fn are_of_every_kind(cluster: &Cluster) -> Result<()> {
    all_of_them(cluster).await?;
    for (resource, users) in USERS {
        cluster.until_bound(resource, "all", users).await?;
    }
    for (resource, name) in WORKLOADS {
        let kept = cluster.get(resource, name).await?;
        ensure!(
            kept.pointer("/metadata/finalizers").is_some(),
            "{} {name} has no finalizer",
            resource.kind
        );
    }
    Ok(())
}

/// Workloads that go take what is said of them along, even if what they use goes at the same time.
pub async fn go_with_their_workloads(cluster: &Cluster) -> Result<()> {
    are_of_every_kind(cluster).await?;
    cluster.delete(&PROBE, "all").await?;
    cluster.delete(&PROMETHEUS, "main").await?;
    cluster.delete(&PROMETHEUS_RULE, "all").await?;
    for (resource, name) in &WORKLOADS[1..] {
        cluster.delete(resource, name).await?;
    }
    cluster.until_gone(&WORKLOADS).await?;
    cluster
        .until_gone(&[(&PROBE, "all"), (&PROMETHEUS_RULE, "all")])
        .await?;
    for (resource, _) in USERS {
        if ![PROBE, PROMETHEUS_RULE].contains(resource) {
            cluster.until_bound(resource, "all", &[]).await?;
        }
    }
    Ok(())
}

/// Where references that block a deletion need a right of their own, all is made all the same.
pub async fn block_the_deletion_of_their_owner(cluster: &Cluster) -> Result<()> {
    cluster.enforce_owner_permissions();
    all_of_them(cluster).await
}
