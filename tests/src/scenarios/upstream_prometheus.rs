//! Upstream's end-to-end tests of Prometheus servers, under their names (`test/e2e/prometheus_test.go`).

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use super::prometheus::claims;
use crate::cluster::Cluster;
use crate::objects::{POD, PROMETHEUS, SECRET, STATEFUL_SET, number, text};
use crate::subjects::{SERVER, selected};
use crate::targets;
use crate::workloads::{condition, rule, service_monitor};

/// testPromCreateDeleteCluster
pub async fn prom_create_delete_cluster(cluster: &Cluster) -> Result<()> {
    SERVER.is_created_and_deleted(cluster).await
}

/// testPromScaleUpDownCluster
pub async fn prom_scale_up_down_cluster(cluster: &Cluster) -> Result<()> {
    SERVER.is_scaled(cluster, &[1, 2, 1]).await
}

/// testPromNoServiceMonitorSelector
pub async fn prom_no_service_monitor_selector(cluster: &Cluster) -> Result<()> {
    let none = json!({"serviceMonitorSelector": null});
    SERVER.running(cluster, &none).await.map(drop)
}

/// Of upstream's list of versions the first of each minor one.
const VERSIONS: &str = "2.45.0 2.46.0 2.47.0 2.48.0 2.49.0 2.50.0 2.51.0 2.52.0 2.53.0 2.54.0 2.55.0 3.0.0 3.1.0 3.2.0 3.3.0 \
    3.4.0 3.5.0 3.6.0 3.7.0 3.8.0 3.9.0 3.10.0 3.11.0 3.12.0 3.13.0";

/// testPromVersionMigration: one server through all of them.
pub async fn prom_version_migration(cluster: &Cluster) -> Result<()> {
    let mut versions = VERSIONS.split_ascii_whitespace();
    let first = versions.next().unwrap_or_default();
    SERVER
        .running(cluster, &json!({"version": format!("v{first}")}))
        .await?;
    for version in versions {
        let version = format!("v{version}");
        SERVER.changed(cluster, json!({"version": version})).await?;
        let what = format!("a pod of {version}");
        let image = format!("quay.io/prometheus/prometheus:{version}");
        cluster
            .until(&what, &POD, "prometheus-test-0", |pod| {
                text(pod, "/spec/containers/0/image") == image
            })
            .await?;
    }
    Ok(())
}

/// testPromResourceUpdate
pub async fn prom_resource_update(cluster: &Cluster) -> Result<()> {
    let memory = |size: &str| json!({"resources": {"requests": {"memory": size}}});
    SERVER.running(cluster, &memory("100Mi")).await?;
    SERVER.changed(cluster, memory("200Mi")).await?;
    cluster
        .until("a pod with more memory", &POD, "prometheus-test-0", |pod| {
            text(pod, "/spec/containers/0/resources/requests/memory") == "200Mi"
        })
        .await
        .map(drop)
}

/// testPromStorageLabelsAnnotations
pub async fn prom_storage_labels_annotations(cluster: &Cluster) -> Result<()> {
    cluster
        .storage("by-hand", &["prometheus-test-db-prometheus-test-0"])
        .await?;
    SERVER
        .running(cluster, &json!({"storage": claims("by-hand", "200Mi")}))
        .await?;
    let set = cluster.set("prometheus-test").await?;
    let claim = set.pointer("/spec/volumeClaimTemplates/0/metadata");
    let claim = claim.unwrap_or(&Value::Null);
    let found = [
        text(claim, "/name"),
        text(claim, "/labels/test"),
        text(claim, "/annotations/by"),
    ];
    ensure!(
        found == ["prometheus-test-db", "storage", "scenario"],
        "{found:?}"
    );
    Ok(())
}

/// testShardingProvisioning, without a look into the pods
pub async fn sharding_provisioning(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    SERVER.running(cluster, &json!({"shards": 2})).await?;
    let step = "    - __tmp_hash\n    - __tmp_disable_sharding\n    regex: $(SHARD);|.+;.+\n    action: keep";
    cluster
        .until_configured("test", "each shard keeps its part", |text| {
            text.contains(step) && text.contains("modulus: 2")
        })
        .await?;
    for (set, shard) in [("prometheus-test", "0"), ("prometheus-test-shard-1", "1")] {
        let set = cluster.set(set).await?;
        let reloader = set.pointer("/spec/template/spec/containers/1/env");
        let told = json!({"name": "SHARD", "value": shard});
        let env = reloader.and_then(Value::as_array).cloned();
        ensure!(env.is_some_and(|env| env.contains(&told)), "{reloader:?}");
    }
    Ok(())
}

/// Each of many targets is kept by one of so many shards, and each shard keeps some.
async fn shared_out(cluster: &Cluster, shards: usize) -> Result<()> {
    const ALL: usize = 50;
    let divided = format!("modulus: {shards}\n");
    let configuration = cluster
        .until_configured("test", &divided, |text| text.contains(&divided))
        .await?;
    let name = format!("serviceMonitor/{}/web/0", cluster.namespace);
    let metadata = json!({"namespace": cluster.namespace, "name": "web", "labels": {"app": "web"}});
    let addresses: Vec<Value> = (0..ALL)
        .map(|last| json!({"ip": format!("10.0.0.{last}")}))
        .collect();
    let subsets = json!([{"addresses": addresses, "ports": [{"name": "http", "port": 80}]}]);
    let discovered = targets::discovered(
        &json!({"metadata": metadata}),
        &json!({"metadata": metadata, "subsets": subsets}),
    );
    let mut urls = Vec::new();
    for shard in 0..shards {
        let job = targets::job_of(&configuration, &name, shard)?;
        let kept = targets::targets(&job, discovered.clone())?;
        ensure!(!kept.is_empty(), "shard {shard} of {shards} keeps nothing");
        urls.extend(kept.into_iter().map(|target| target.url));
    }
    urls.sort();
    let kept = urls.len();
    urls.dedup();
    ensure!(
        kept == ALL && urls.len() == ALL,
        "{shards} shards keep {kept}, {} different ones",
        urls.len()
    );
    Ok(())
}

/// testResharding, and of testPrometheusTargetDistributionOnResharding who keeps which target
pub async fn resharding(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    SERVER.running(cluster, &json!({})).await?;
    shared_out(cluster, 1).await?;
    SERVER.changed(cluster, json!({"shards": 2})).await?;
    shared_out(cluster, 2).await?;
    for set in ["prometheus-test", "prometheus-test-shard-1"] {
        cluster.set(set).await?;
    }
    SERVER.changed(cluster, json!({"shards": 1})).await?;
    shared_out(cluster, 1).await?;
    cluster.set("prometheus-test").await?;
    cluster
        .until_gone(&[(&STATEFUL_SET, "prometheus-test-shard-1")])
        .await
}

/// Scales a server to so many shards; which of the StatefulSets that its selector finds go at a deadline.
async fn sharded(cluster: &Cluster, shards: i64) -> Result<Vec<(String, bool)>> {
    cluster.scale(&PROMETHEUS, "test", shards).await?;
    let server = SERVER.until_ready(cluster).await?;
    ensure!(number(&server, "/status/shards") == shards, "{server}");
    let sets = selected(cluster, &STATEFUL_SET, &server).await?;
    let of_set = |set: &Value| {
        let deadline = meta::annotation(set, "operator.prometheus.io/deletion-deadline");
        let shard = meta::label(set, "operator.prometheus.io/shard");
        (shard.unwrap_or_default().to_owned(), deadline.is_some())
    };
    Ok(sets.iter().map(of_set).collect())
}

/// testPrometheusRetentionPolicies
pub async fn prometheus_retention_policies(cluster: &Cluster) -> Result<()> {
    let second = [(&STATEFUL_SET, "prometheus-test-shard-1")];
    let policy = |what: &str| json!({"shards": 2, "shardRetentionPolicy": {"whenScaled": what}});
    SERVER.running(cluster, &policy("Delete")).await?;
    sharded(cluster, 1).await?;
    cluster.until_gone(&second).await?;
    cluster.until_deleted(&PROMETHEUS, "test").await?;

    SERVER.running(cluster, &policy("Retain")).await?;
    let shards = |of_second: bool| vec![("0".to_owned(), false), ("1".to_owned(), of_second)];
    let found = sharded(cluster, 1).await?;
    ensure!(found == shards(true), "scaled down: {found:?}");
    let found = sharded(cluster, 2).await?;
    ensure!(found == shards(false), "scaled up again: {found:?}");
    let briefly = json!({"shardRetentionPolicy": {"retain": {"retentionPeriod": "1s"}}});
    SERVER.change(cluster, briefly).await?;
    sharded(cluster, 1).await?;
    cluster.until_gone(&second).await
}

/// testPromPreserveUserAddedMetadata
pub async fn prom_preserve_user_added_metadata(cluster: &Cluster) -> Result<()> {
    SERVER
        .keeps_what_users_add(cluster, &[(&SECRET, "prometheus-test")])
        .await
}

/// testPromMinReadySeconds
pub async fn prom_min_ready_seconds(cluster: &Cluster) -> Result<()> {
    SERVER.waits_before_pods_count(cluster).await
}

/// testPromDegradedConditionStatus
pub async fn prom_degraded_condition_status(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({"replicas": 2})).await?;
    let container =
        json!({"name": "bad-image", "image": "quay.io/prometheus-operator/does-not-exist"});
    SERVER
        .change(cluster, json!({"containers": [container]}))
        .await?;
    // Nodes without kubelets run nothing of a pod with a bad image, so that no message names it.
    SERVER
        .until_said(cluster, "Degraded", "SomePodsNotReady", "prometheus-test-1")
        .await
}

/// testPromUnavailableConditionStatus
pub async fn prom_unavailable_condition_status(cluster: &Cluster) -> Result<()> {
    let spec = json!({"replicas": 2, "serviceAccountName": "does-not-exist"});
    let object = crate::workloads::prometheus("test", &spec);
    cluster.apply(&object).await?;
    SERVER.until_said(cluster, "False", "NoPodReady", "").await
}

/// testPromStatusConditionLastTransitionTime
pub async fn prom_status_condition_last_transition_time(cluster: &Cluster) -> Result<()> {
    let before = SERVER.running(cluster, &json!({})).await?;
    let label = json!({"externalLabels": {"test-update": "true"}});
    let after = SERVER.changed(cluster, label).await?;
    for kind in ["Reconciled", "Available"] {
        let since =
            |object: &Value| text(condition(object, kind), "/lastTransitionTime").to_owned();
        ensure!(!since(&before).is_empty() && since(&before) == since(&after));
    }
    Ok(())
}

/// testPromStrategicMergePatch
pub async fn prom_strategic_merge_patch(cluster: &Cluster) -> Result<()> {
    for (kind, name) in [("Secret", "secret"), ("ConfigMap", "configmap")] {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        cluster.apply(&object).await?;
    }
    let mounts = json!([
        {"name": "secret-secret", "mountPath": "/tmp/secret"},
        {"name": "configmap-configmap", "mountPath": "/tmp/configmap"},
    ]);
    let spec = json!({
        "secrets": ["secret"], "configMaps": ["configmap"],
        "containers": [{"name": "sidecar", "image": "nginx", "volumeMounts": mounts}],
    });
    SERVER.running(cluster, &spec).await.map(drop)
}

/// testPromReconcileStatusWhenInvalidRuleCreated
pub async fn prom_reconcile_status_when_invalid_rule_created(cluster: &Cluster) -> Result<()> {
    cluster.apply(&rule("invalidrule", "vector(1))")).await?;
    SERVER.running(cluster, &json!({})).await.map(drop)
}

/// testPrometheusStatusScale
pub async fn prometheus_status_scale(cluster: &Cluster) -> Result<()> {
    SERVER.is_scaled_by_subresource(cluster, "shards").await
}

/// testPrometheusServiceName
pub async fn prometheus_service_name(cluster: &Cluster) -> Result<()> {
    SERVER.is_governed_by_a_service(cluster).await
}

/// testPromScaleUpWithoutLabels
pub async fn prom_scale_up_without_labels(cluster: &Cluster) -> Result<()> {
    SERVER.gets_its_labels_back(cluster).await
}

/// testPrometheusWithStatefulsetCreationFailure
pub async fn prometheus_with_statefulset_creation_failure(cluster: &Cluster) -> Result<()> {
    SERVER
        .says_that_it_cannot_be_made(cluster, &two_certificates())
        .await
}

/// Certificates of two sources, which no server can be given.
pub fn two_certificates() -> Value {
    let key = |key: &str| json!({"name": "tls-cert", "key": key});
    let cert = json!({"configMap": {"name": "", "key": ""}, "secret": key("tls.crt")});
    json!({"web": {"tlsConfig": {"cert": cert, "keySecret": key("tls.key")}}})
}
