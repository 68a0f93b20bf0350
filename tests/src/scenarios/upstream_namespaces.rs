//! Upstream's end-to-end tests of the namespaces that an operator looks after, under their names
//! (`test/e2e/prometheus_instance_namespaces_test.go`, `alertmanager_instance_namespaces_test.go` and `denylist_test.go`).
//! Where these ask a running server for its targets, this asks for its configuration.

use anyhow::{Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS, STATEFUL_SET, THANOS_RULER, resource_of};
use crate::workloads::{alertmanager, prometheus, routes, service_monitor, thanos_ruler};

/// The workload chooses the operator of this scenario, where others are at work in all namespaces too.
fn choosing(cluster: &Cluster, mut workload: Value) -> Value {
    let id = json!({"operator.prometheus.io/controller-id": cluster.namespace});
    meta::set(&mut workload, "annotations", id);
    workload
}

async fn running(cluster: &Cluster, workload: &Value) -> Result<()> {
    cluster.apply(workload).await?;
    let resource = resource_of(workload)?;
    let name = meta::name(workload);
    cluster.until_ready(&resource, name).await.map(drop)
}

async fn ensure_nothing_is_made(cluster: &Cluster) -> Result<()> {
    let sets = cluster.list(&STATEFUL_SET).await?;
    ensure!(sets.is_empty(), "made in {}: {sets:?}", cluster.namespace);
    Ok(())
}

fn looking_into(field: &str) -> Value {
    json!({field: {"matchLabels": {"monitored": "true"}}})
}

fn monitor() -> Value {
    service_monitor("monitored", &json!({"port": "web"}))
}

async fn until_scraping(cluster: &Cluster, job: &str, is: bool) -> Result<String> {
    let what = format!("{job}: {is}");
    cluster
        .until_configured("instance", &what, |text| {
            !text.is_empty() && text.contains(job) == is
        })
        .await
}

/// testPrometheusInstanceNamespacesAllNs
pub async fn prometheus_instance_namespaces_all_ns(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    other.apply(&prometheus("non-instance", &json!({}))).await?;
    running(cluster, &prometheus("instance", &json!({}))).await?;
    ensure_nothing_is_made(&other).await
}

/// testPrometheusInstanceNamespacesDenyList
pub async fn prometheus_instance_namespaces_deny_list(cluster: &Cluster) -> Result<()> {
    let denied = cluster.view("denied");
    for place in [cluster, &denied] {
        place.label_as_monitored(true).await?;
    }
    let unseen = choosing(cluster, prometheus("denied", &json!({})));
    denied.apply(&unseen).await?;
    for place in [&denied, cluster] {
        place.apply(&monitor()).await?;
    }
    let more = looking_into("serviceMonitorNamespaceSelector");
    let instance = choosing(cluster, prometheus("instance", &more));
    running(cluster, &instance).await?;
    ensure_nothing_is_made(&denied).await?;
    cluster.settle().await?;
    let text = cluster.configuration("instance").await?;
    // Namespaces of other scenarios may bear the label too.
    for place in [&denied, cluster] {
        let job = place.job("serviceMonitor", "monitored");
        ensure!(
            !text.contains(&job),
            "it scrapes a denied namespace:\n{text}"
        );
    }
    Ok(())
}

/// What an instance takes of another namespace as long as that has a label, and nothing of its own.
async fn allow_list(cluster: &Cluster) -> Result<()> {
    let allowed = cluster.view("allowed");
    for place in [cluster, &allowed] {
        place.label_as_monitored(true).await?;
    }
    let more = looking_into("serviceMonitorNamespaceSelector");
    allowed.apply(&prometheus("allowed", &more)).await?;
    running(cluster, &prometheus("instance", &more)).await?;
    for place in [&allowed, cluster] {
        place.apply(&monitor()).await?;
    }
    let job = allowed.job("serviceMonitor", "monitored");
    let text = until_scraping(cluster, &job, true).await?;
    let own = cluster.job("serviceMonitor", "monitored");
    ensure!(
        !text.contains(&own),
        "it scrapes its own namespace:\n{text}"
    );
    allowed.label_as_monitored(false).await?;
    until_scraping(cluster, &job, false).await?;
    ensure_nothing_is_made(&allowed).await
}

/// testPrometheusInstanceNamespacesAllowList, with rights in the two namespaces alone
pub async fn prometheus_instance_namespaces_allow_list(cluster: &Cluster) -> Result<()> {
    allow_list(cluster).await
}

/// testPrometheusInstanceNamespacesNamespaceNotFound
pub async fn prometheus_instance_namespaces_namespace_not_found(cluster: &Cluster) -> Result<()> {
    allow_list(cluster).await
}

/// testAlertmanagerInstanceNamespacesAllNs
pub async fn alertmanager_instance_namespaces_all_ns(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    let three = json!({"replicas": 3});
    other.apply(&alertmanager("non-instance", &three)).await?;
    running(cluster, &alertmanager("instance", &three)).await?;
    ensure_nothing_is_made(&other).await
}

/// testAlertmanagerInstanceNamespacesDenyNs
pub async fn alertmanager_instance_namespaces_deny_ns(cluster: &Cluster) -> Result<()> {
    let instance = alertmanager("instance", &json!({"replicas": 3}));
    running(cluster, &choosing(cluster, instance)).await?;
    // Upstream's test leaves this to be done.
    cluster.apply(&routes("unseen", "hook")).await?;
    cluster.settle().await?;
    let text = cluster.routing("instance").await?;
    ensure!(!text.contains("unseen"), "{text}");
    Ok(())
}

/// testAlertmanagerInstanceNamespacesAllowList
pub async fn alertmanager_instance_namespaces_allow_list(cluster: &Cluster) -> Result<()> {
    let allowed = cluster.view("allowed");
    for place in [cluster, &allowed] {
        place.label_as_monitored(true).await?;
    }
    let more = looking_into("alertmanagerConfigNamespaceSelector");
    allowed.apply(&alertmanager("instance", &more)).await?;
    running(cluster, &alertmanager("instance", &more)).await?;
    ensure_nothing_is_made(&allowed).await?;
    for place in [&allowed, cluster] {
        place.apply(&routes("void", "hook")).await?;
    }
    let receiver = |place: &Cluster| format!("{}/void/hook", place.namespace);
    for is in [true, false] {
        allowed.label_as_monitored(is).await?;
        cluster
            .until_routed("instance", "what the label decides", |text| {
                let own = text.contains(&receiver(cluster));
                !text.is_empty() && !own && text.contains(&receiver(&allowed)) == is
            })
            .await?;
    }
    Ok(())
}

/// A workload in a denied namespace, and one that becomes ready in each of the others and goes again.
async fn denied(
    cluster: &Cluster,
    resource: &ResourceRef,
    make: fn(&str, &Value) -> Value,
) -> Result<()> {
    let (allowed, denied) = (cluster.view("allowed"), cluster.view("denied"));
    let made = |name: &str| choosing(cluster, make(name, &json!({})));
    denied.apply(&made("denied")).await?;
    for place in [cluster, &allowed] {
        running(place, &made("allowed")).await?;
    }
    ensure_nothing_is_made(&denied).await?;
    for place in [cluster, &allowed] {
        place.until_deleted(resource, "allowed").await?;
    }
    Ok(())
}

/// testDenyPrometheus
pub async fn deny_prometheus(cluster: &Cluster) -> Result<()> {
    denied(cluster, &PROMETHEUS, prometheus).await
}

/// testDenyThanosRuler
pub async fn deny_thanos_ruler(cluster: &Cluster) -> Result<()> {
    denied(cluster, &THANOS_RULER, thanos_ruler).await
}

/// testDenyServiceMonitor
pub async fn deny_service_monitor(cluster: &Cluster) -> Result<()> {
    let (allowed, denied) = (cluster.view("allowed"), cluster.view("denied"));
    let everywhere = json!({"serviceMonitorNamespaceSelector": {"matchExpressions": [{
        "key": "kubernetes.io/metadata.name", "operator": "In",
        "values": [cluster.namespace, allowed.namespace, denied.namespace],
    }]}});
    for place in [cluster, &allowed, &denied] {
        place.apply(&monitor()).await?;
    }
    let instance = choosing(cluster, prometheus("instance", &everywhere));
    running(cluster, &instance).await?;
    let text = until_scraping(cluster, &allowed.job("serviceMonitor", "monitored"), true).await?;
    ensure!(text.contains(&cluster.job("serviceMonitor", "monitored")));
    let job = denied.job("serviceMonitor", "monitored");
    ensure!(
        !text.contains(&job),
        "it scrapes a denied namespace:\n{text}"
    );
    ensure_nothing_is_made(&denied).await
}
