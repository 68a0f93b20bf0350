//! Claims that shall be larger, or smaller, than they are.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::prometheus::claims;
use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER, CLAIM, PROMETHEUS, STATEFUL_SET, STORAGE_CLASS, text};
use crate::workloads::{alertmanager, condition, prometheus};

const SERVERS: [&str; 2] = [
    "prometheus-main-db-prometheus-main-0",
    "prometheus-main-db-prometheus-main-shard-1-0",
];
const MANAGERS: [&str; 2] = [
    "alertmanager-main-db-alertmanager-main-0",
    "alertmanager-main-db-alertmanager-main-1",
];

/// What a claim asks for.
fn asks(claim: &Value) -> &str {
    text(claim, "/spec/resources/requests/storage")
}

/// A class of the scenario's own.
fn class(cluster: &Cluster) -> String {
    format!("{}-volumes", cluster.namespace)
}

fn storage(cluster: &Cluster, size: &str) -> Value {
    json!({"storage": claims(&class(cluster), size)})
}

async fn resize(cluster: &Cluster, size: &str) -> Result<Value> {
    let change = json!({"spec": storage(cluster, size)});
    cluster.merge(&PROMETHEUS, "main", change).await
}

async fn until_asking(cluster: &Cluster, claims: &[&str], size: &str) -> Result<()> {
    for claim in claims {
        cluster
            .until(size, &CLAIM, claim, |claim| asks(claim) == size)
            .await?;
    }
    Ok(())
}

/// A server with claims of 200Mi, of that many shards.
async fn running(cluster: &Cluster, shards: usize, expandable: bool) -> Result<()> {
    cluster.storage(&class(cluster), &SERVERS).await?;
    allow(cluster, expandable).await?;
    let mut more = storage(cluster, "200Mi");
    more["shards"] = json!(shards);
    cluster.apply(&prometheus("main", &more)).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    until_asking(cluster, SERVERS.get(..shards).unwrap_or(&[]), "200Mi").await
}

async fn allow(cluster: &Cluster, expandable: bool) -> Result<()> {
    let allow = json!({"allowVolumeExpansion": expandable});
    let class = class(cluster);
    cluster.merge(&STORAGE_CLASS, &class, allow).await.map(drop)
}

/// Waits until a set is made anew with claims of that size.
async fn until_made_for(cluster: &Cluster, size: &str) -> Result<Value> {
    cluster
        .until("another set", &STATEFUL_SET, "prometheus-main", |set| {
            let template = "/spec/volumeClaimTemplates/0/spec/resources/requests/storage";
            text(set, template) == size
        })
        .await
}

/// The claims of each shard grow, and no pod notices.
pub async fn grow_with_each_shard(cluster: &Cluster) -> Result<()> {
    running(cluster, 2, true).await?;
    let pods = cluster.pods().await?;
    for size in ["300Mi", "1Gi"] {
        resize(cluster, size).await?;
        until_asking(cluster, &SERVERS, size).await?;
        until_made_for(cluster, size).await?;
    }
    cluster.until_ready(&PROMETHEUS, "main").await?;
    cluster.assert_same_pods(&pods).await
}

/// A class that doesn't let its claims grow is named, and nothing fails; they grow as soon as it does.
pub async fn stay_where_their_class_forbids_it(cluster: &Cluster) -> Result<()> {
    running(cluster, 1, false).await?;
    resize(cluster, "300Mi").await?;
    let told = |server: &Value| {
        let said = condition(server, "Reconciled");
        let message = text(said, "/message");
        text(said, "/status") == "True"
            && text(said, "/reason") == "ClaimsNotResized"
            && message.contains(SERVERS[0])
            && message.contains(&class(cluster))
    };
    cluster
        .until("what forbids it", &PROMETHEUS, "main", told)
        .await?;
    until_made_for(cluster, "300Mi").await?;
    let claim = cluster.get(&CLAIM, SERVERS[0]).await?;
    ensure!(asks(&claim) == "200Mi", "it grew: {claim}");
    allow(cluster, true).await?;
    until_asking(cluster, &SERVERS[..1], "300Mi").await?;
    cluster
        .until("nothing to tell", &PROMETHEUS, "main", |server| {
            text(condition(server, "Reconciled"), "/reason") != "ClaimsNotResized"
        })
        .await
        .map(drop)
}

/// Claims can't shrink: they stay, and the condition says so.
pub async fn never_shrink(cluster: &Cluster) -> Result<()> {
    running(cluster, 1, true).await?;
    resize(cluster, "100Mi").await?;
    cluster
        .until("that it can't", &PROMETHEUS, "main", |server| {
            let said = condition(server, "Reconciled");
            text(said, "/status") == "True"
                && text(said, "/message").contains("no claim can shrink")
        })
        .await?;
    until_made_for(cluster, "100Mi").await?;
    cluster.settle().await?;
    let claim = cluster.get(&CLAIM, SERVERS[0]).await?;
    ensure!(asks(&claim) == "200Mi", "it is another: {claim}");
    Ok(())
}

/// The claims of an Alertmanager grow, and no pod notices.
pub async fn grow_with_their_cluster(cluster: &Cluster) -> Result<()> {
    cluster.storage(&class(cluster), &MANAGERS).await?;
    allow(cluster, true).await?;
    let mut more = storage(cluster, "200Mi");
    more["replicas"] = json!(2);
    cluster.apply(&alertmanager("main", &more)).await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    let pods = cluster.pods().await?;
    let change = json!({"spec": storage(cluster, "300Mi")});
    cluster.merge(&ALERTMANAGER, "main", change).await?;
    until_asking(cluster, &MANAGERS, "300Mi").await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    cluster.assert_same_pods(&pods).await
}

/// Without the right to claims they are left alone, and everything else goes on; that is warned of once.
pub async fn stay_without_the_right_to_them(cluster: &Cluster) -> Result<()> {
    running(cluster, 1, true).await?;
    resize(cluster, "300Mi").await?;
    until_made_for(cluster, "300Mi").await?;
    cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "True")
        .await?;
    cluster.settle().await?;
    let claim = cluster.get(&CLAIM, SERVERS[0]).await?;
    ensure!(asks(&claim) == "200Mi", "it grew: {claim}");
    let warnings = cluster.warnings();
    let about = warnings
        .iter()
        .filter(|text| text.contains("claims don't grow"));
    let about: Vec<&String> = about.collect();
    ensure!(
        about.len() == 1
            && about
                .iter()
                .all(|text| text.contains("no right to list persistentvolumeclaims")),
        "{warnings:#?}"
    );
    Ok(())
}
