//! Workloads and selected objects of every kind side by side.

use anyhow::{Result, ensure};
use machinery::meta;
use monitoring::operator::bindings::FINALIZER;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, DEFINITION, POD_MONITOR, PROBE, PROMETHEUS,
    PROMETHEUS_AGENT, PROMETHEUS_RULE, SCRAPE_CONFIG, SERVICE_MONITOR, THANOS_RULER,
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

/// Whatever can be selected says who uses it, and nothing keeps a workload from going.
pub async fn are_of_every_kind(cluster: &Cluster) -> Result<()> {
    all_of_them(cluster).await?;
    for (resource, users) in USERS {
        cluster.until_bound(resource, "all", users).await?;
    }
    for (resource, name) in WORKLOADS {
        let kept = cluster.get(resource, name).await?;
        let finalizers = meta::finalizers(&kept);
        ensure!(
            finalizers.is_empty(),
            "{} {name} has {finalizers:?}",
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
    let gone = [PROBE, PROMETHEUS_RULE];
    for resource in &gone {
        cluster.until_gone(&[(resource, "all")]).await?;
    }
    until_nobody_uses_them(cluster, &gone).await
}

/// Waits until objects of all kinds but these say that nobody uses them.
async fn until_nobody_uses_them(cluster: &Cluster, except: &[ResourceRef]) -> Result<()> {
    for (resource, _) in USERS {
        if !except.contains(resource) {
            cluster.until_bound(resource, "all", &[]).await?;
        }
    }
    Ok(())
}

/// Workloads that are deleted while nobody is at work go at once; what is said of them goes when somebody is again, and what is
/// said of others stays.
pub async fn go_with_workloads_that_went_unseen(cluster: &Cluster) -> Result<()> {
    are_of_every_kind(cluster).await?;
    cluster.stop_controllers();
    let (kept, gone) = (WORKLOADS[1], [WORKLOADS[0], WORKLOADS[2], WORKLOADS[3]]);
    for (resource, name) in gone {
        cluster.delete(resource, name).await?;
    }
    cluster.until_gone(&gone).await?;
    cluster.start_controllers();
    let edge = ["prometheusagents edge True"];
    for (resource, users) in USERS {
        let left: &[&str] = if users.contains(&edge[0]) { &edge } else { &[] };
        cluster.until_bound(resource, "all", left).await?;
    }
    cluster.until_ready(kept.0, kept.1).await.map(drop)
}

/// Upstream's operator with its gate open keeps workloads by a finalizer. Those that stay lose it, and those that are going too,
/// with what is said of them.
pub async fn lose_the_finalizer_of_another_operator(cluster: &Cluster) -> Result<()> {
    are_of_every_kind(cluster).await?;
    let finalizers = json!({"metadata": {"finalizers": [FINALIZER, "example.com/other"]}});
    let keep = async || -> Result<()> {
        for (resource, name) in WORKLOADS {
            cluster.merge(resource, name, finalizers.clone()).await?;
        }
        Ok(())
    };
    keep().await?;
    for (resource, name) in WORKLOADS {
        cluster
            .until("without the finalizer", resource, name, |workload| {
                meta::finalizers(workload) == ["example.com/other"]
            })
            .await?;
    }
    cluster.stop_controllers();
    keep().await?;
    for (resource, name) in WORKLOADS {
        cluster.delete(resource, name).await?;
    }
    cluster.start_controllers();
    until_nobody_uses_them(cluster, &[]).await?;
    for (resource, name) in WORKLOADS {
        cluster
            .until("the other's finalizer alone", resource, name, |workload| {
                meta::finalizers(workload) == ["example.com/other"]
            })
            .await?;
        let none = json!({"metadata": {"finalizers": null}});
        cluster.merge(resource, name, none).await?;
    }
    cluster.until_gone(&WORKLOADS).await
}

/// Definitions that are deleted while nobody is at work go, with all that they define. What is left says that it is used by what
/// is gone until somebody is at work again.
pub async fn do_not_keep_definitions(cluster: &Cluster) -> Result<()> {
    // Others need the definitions of a real Kubernetes.
    if !cluster.is_simulated() {
        return Ok(());
    }
    are_of_every_kind(cluster).await?;
    cluster.stop_controllers();
    let names = WORKLOADS.map(|(resource, _)| format!("{}.{}", resource.plural, resource.group));
    for name in &names {
        cluster.delete(&DEFINITION, name).await?;
    }
    for name in &names {
        cluster.until_gone(&[(&DEFINITION, name)]).await?;
    }
    for definition in cluster.stage().served() {
        if names.iter().any(|name| name == meta::name(&definition)) {
            cluster.apply(&definition).await?;
        }
    }
    cluster.start_controllers();
    until_nobody_uses_them(cluster, &[]).await?;
    cluster.apply(&prometheus("next", &json!({}))).await?;
    cluster.until_ready(&PROMETHEUS, "next").await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "all", &["prometheuses next True"])
        .await
        .map(drop)
}

/// Where references that block a deletion need a right of their own, all is made all the same.
pub async fn block_the_deletion_of_their_owner(cluster: &Cluster) -> Result<()> {
    cluster.enforce_owner_permissions();
    all_of_them(cluster).await
}
