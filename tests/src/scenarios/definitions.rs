//! Definitions that come after the operator.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER, DEFINITION, PROMETHEUS, SERVICE_MONITOR, text};
use crate::workloads::{alertmanager, prometheus, service_monitor};

/// Has a kind served that may not be yet.
async fn serve(cluster: &Cluster, kind: &str) -> Result<()> {
    let mut all = cluster.stage().definitions().into_iter();
    let definition = all.find(|definition| text(definition, "/spec/names/kind") == kind);
    let definition = definition.with_context(|| format!("no definition of {kind}"))?;
    let name = meta::name(&definition);
    // A real Kubernetes serves what other scenarios need.
    if cluster.find(&DEFINITION, name).await?.is_none() {
        cluster.apply(&definition).await?;
    }
    let established = |definition: &serde_json::Value| {
        let conditions = definition.pointer("/status/conditions");
        let mut conditions = conditions
            .and_then(|all| all.as_array())
            .into_iter()
            .flatten();
        conditions.any(|one| text(one, "/type") == "Established" && text(one, "/status") == "True")
    };
    let what = format!("{kind} is served");
    let served = cluster.until(&what, &DEFINITION, name, established).await;
    served.map(drop)
}

/// Where no kind is served yet the operator waits, and looks after each as soon as it is served, without being restarted.
pub async fn are_waited_for(cluster: &Cluster) -> Result<()> {
    let written = cluster.quiet(Duration::from_mins(3)).await?;
    ensure!(written.is_empty(), "there is nothing to do: {written:?}");

    for kind in ["PrometheusRule", "ServiceMonitor", "Prometheus"] {
        serve(cluster, kind).await?;
    }
    cluster.apply(&prometheus("main", &json!({}))).await?;
    let monitor = service_monitor("web", &json!({"port": "http"}));
    cluster.apply(&monitor).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "web", &["prometheuses main True"])
        .await?;

    let pods = cluster.pods().await?;
    for kind in ["AlertmanagerConfig", "Alertmanager"] {
        serve(cluster, kind).await?;
    }
    cluster.apply(&alertmanager("main", &json!({}))).await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    cluster.delete(&ALERTMANAGER, "main").await?;
    cluster.until_gone(&[(&ALERTMANAGER, "main")]).await?;
    cluster
        .eventually("the server's pods alone", async || {
            Ok((cluster.pods().await?.len() == pods.len()).then_some(()))
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}
