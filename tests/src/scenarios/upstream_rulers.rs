//! Upstream's end-to-end tests of what a Thanos Ruler evaluates, and whom it asks and tells, under their names
//! (`test/e2e/thanosruler_test.go`). Nobody runs Thanos here: what it would read is shown.

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::CONFIG_MAP;
use crate::subjects::RULER;
use crate::workloads::{rule, secret};

/// testThanosRulerPrometheusRuleInDifferentNamespace: the label of the namespace decides.
pub async fn thanos_ruler_prometheus_rule_in_different_namespace(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    let labelled = json!({"ruleNamespaceSelector": {"matchLabels": {"monitored": "true"}}});
    RULER.running(cluster, &labelled).await?;
    let rule = other.apply(&rule("rule1", "vector(1)")).await?;
    let file = format!("{}-rule1-{}.yaml", other.namespace, meta::uid(&rule));
    for there in [true, false] {
        other.label_as_monitored(there).await?;
        let what = format!("{file}: {there}");
        cluster
            .until(
                &what,
                &CONFIG_MAP,
                "thanos-ruler-test-rulefiles-0",
                |held| {
                    let data = held.get("data").and_then(|data| data.get(&file));
                    data.is_some() == there
                },
            )
            .await?;
    }
    Ok(())
}

/// A ruler with a configuration in a Secret, which its container reads from a file; it stays if the Secret changes.
async fn reads(cluster: &Cluster, field: &str, key: &str, argument: &str) -> Result<()> {
    let given = |text: &str| secret("given", &json!({key: text}));
    cluster.apply(&given("- scheme: http\n")).await?;
    let spec = json!({"queryEndpoints": [""], field: {"name": "given", "key": key}});
    RULER.running(cluster, &spec).await?;
    let pods = cluster.pods().await?;
    let set = cluster.set(RULER.set).await?;
    let template = set.pointer("/spec/template/spec").unwrap_or(&Value::Null);
    let container = template.pointer("/containers/0").unwrap_or(&Value::Null);
    let arguments = container.get("args").and_then(Value::as_array);
    let mut arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
    let path = arguments.find_map(|one| one.strip_prefix(&format!("{argument}=")));
    let path = path.unwrap_or_default();
    let folder = path.strip_suffix(&format!("/{key}")).unwrap_or_default();
    let mounts = container.get("volumeMounts").map(Value::to_string);
    ensure!(
        !folder.is_empty() && mounts.is_some_and(|mounts| mounts.contains(folder)),
        "{argument} is {path:?} in {container}"
    );
    let volumes = template.get("volumes").map(Value::to_string);
    ensure!(volumes.is_some_and(|volumes| volumes.contains("\"given\"")));
    cluster.apply(&given("- scheme: https\n")).await?;
    cluster.settle().await?;
    cluster.assert_same_pods(&pods).await
}

/// testTRAlertmanagerConfig
pub async fn tr_alertmanager_config(cluster: &Cluster) -> Result<()> {
    let argument = "--alertmanagers.config-file";
    reads(
        cluster,
        "alertmanagersConfig",
        "alertmanagers.yaml",
        argument,
    )
    .await
}

/// testTRQueryConfig: with it the endpoints don't count.
pub async fn tr_query_config(cluster: &Cluster) -> Result<()> {
    reads(cluster, "queryConfig", "query.yaml", "--query.config-file").await
}

/// testThanosRulerStateless: samples go to a server that takes them.
pub async fn thanos_ruler_stateless(cluster: &Cluster) -> Result<()> {
    let url = format!(
        "http://prometheus-test.{}.svc:9090/api/v1/write",
        cluster.namespace
    );
    let write = json!({"url": url, "queueConfig": {"maxSamplesPerSend": 1}});
    RULER
        .running(cluster, &json!({"remoteWrite": [write]}))
        .await?;
    let made = cluster
        .eventually("the remote write", async || {
            let made = cluster
                .held("thanos-ruler-test-config", "remote-write.yaml")
                .await?;
            Ok(Some(made).filter(|made| made.contains(&url)))
        })
        .await?;
    ensure!(made.contains("max_samples_per_send: 1"), "{made}");
    Ok(())
}
