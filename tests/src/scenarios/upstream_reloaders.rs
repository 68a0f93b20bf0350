//! Upstream's end-to-end test of the flags that say what config-reloaders may use, under its name
//! (`test/e2e/config_reloader_test.go`).

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{POD, PROMETHEUS, text};
use crate::subjects::SERVER;

/// What the reloaders of a pod may use, the one that runs first and the one that stays.
fn reloaders(pod: &Value) -> Vec<&Value> {
    let resources = |list: &str| {
        let mut containers = pod.pointer(list)?.as_array()?.iter();
        containers
            .find(|one| text(one, "/name").ends_with("config-reloader"))?
            .get("resources")
    };
    ["/spec/initContainers", "/spec/containers"]
        .into_iter()
        .filter_map(resources)
        .collect()
}

/// testConfigReloaderResources: a server whose operator has other flags gets them into its pods. Upstream starts its operator
/// anew; here the server goes over to one that runs beside, so that a crash in between changes nothing.
pub async fn config_reloader_resources(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    let pod = cluster.get(&POD, "prometheus-test-0").await?;
    let amounts = json!({"cpu": "10m", "memory": "50Mi"});
    let usual = json!({"limits": amounts, "requests": amounts});
    let found = reloaders(&pod);
    ensure!(found == [&usual, &usual], "{found:?}");
    let other = json!({"operator.prometheus.io/controller-id": "42"});
    let other = json!({"metadata": {"annotations": other}});
    cluster.merge(&PROMETHEUS, "test", other).await?;
    let changed = json!({
        "limits": {"memory": "101Mi"},
        "requests": {"cpu": "51m", "memory": "51Mi"},
    });
    cluster
        .until(
            "a pod with the other amounts",
            &POD,
            "prometheus-test-0",
            |pod| reloaders(pod) == [&changed, &changed],
        )
        .await?;
    SERVER.until_ready(cluster).await.map(drop)
}
