//! Upstream's end-to-end tests of Alertmanagers, under their names (`test/e2e/alertmanager_test.go`).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use super::prometheus::claims;
use super::upstream_prometheus::two_certificates;
use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER, CLAIM, SECRET, STATEFUL_SET, number, text};
use crate::subjects::MANAGER;
use crate::workloads::secret;

/// testAMCreateDeleteCluster
pub async fn am_create_delete_cluster(cluster: &Cluster) -> Result<()> {
    MANAGER.is_created_and_deleted(cluster).await
}

/// testAMScalingReplicas
pub async fn am_scaling_replicas(cluster: &Cluster) -> Result<()> {
    MANAGER.is_scaled(cluster, &[3, 5, 3]).await
}

/// testAMVersionMigration
pub async fn am_version_migration(cluster: &Cluster) -> Result<()> {
    MANAGER
        .running(cluster, &json!({"version": "v0.16.2"}))
        .await?;
    for version in ["v0.17.0", "v0.16.2"] {
        MANAGER
            .changed(cluster, json!({"version": version}))
            .await?;
    }
    Ok(())
}

/// testAMPreserveUserAddedMetadata
pub async fn am_preserve_user_added_metadata(cluster: &Cluster) -> Result<()> {
    MANAGER
        .keeps_what_users_add(cluster, &[(&SECRET, "alertmanager-test-generated")])
        .await
}

/// testAMRollbackManualChanges
pub async fn am_rollback_manual_changes(cluster: &Cluster) -> Result<()> {
    MANAGER.running(cluster, &json!({"replicas": 3})).await?;
    let none = json!({"spec": {"replicas": 0}});
    cluster
        .merge(&STATEFUL_SET, "alertmanager-test", none)
        .await?;
    cluster
        .until("three again", &STATEFUL_SET, "alertmanager-test", |set| {
            number(set, "/spec/replicas") == 3
        })
        .await?;
    MANAGER.until_ready(cluster).await.map(drop)
}

/// testAlertmanagerMinReadySeconds
pub async fn am_min_ready_seconds(cluster: &Cluster) -> Result<()> {
    MANAGER.waits_before_pods_count(cluster).await
}

/// testAlertmanagerStatusScale
pub async fn am_status_scale(cluster: &Cluster) -> Result<()> {
    MANAGER.is_scaled_by_subresource(cluster, "replicas").await
}

/// testAlertManagerServiceName
pub async fn am_service_name(cluster: &Cluster) -> Result<()> {
    MANAGER.is_governed_by_a_service(cluster).await
}

/// testAMScaleUpWithoutLabels
pub async fn am_scale_up_without_labels(cluster: &Cluster) -> Result<()> {
    MANAGER.gets_its_labels_back(cluster).await
}

/// testAMStorageUpdate
pub async fn am_storage_update(cluster: &Cluster) -> Result<()> {
    let claim = "alertmanager-test-db-alertmanager-test-0";
    cluster.storage("by-hand", &[claim]).await?;
    MANAGER.running(cluster, &json!({})).await?;
    let storage = json!({"storage": claims("by-hand", "200Mi")});
    MANAGER.changed(cluster, storage).await?;
    cluster
        .until("a bound claim", &CLAIM, claim, |claim| {
            meta::label(claim, "test") == Some("storage") && text(claim, "/status/phase") == "Bound"
        })
        .await?;
    let unknown = json!({"storage": claims("unknown-storage-class", "200Mi")});
    MANAGER.change(cluster, unknown).await?;
    cluster
        .until_says(&ALERTMANAGER, "test", "Reconciled", "False")
        .await
        .map(drop)
}

/// testAlertmanagerWithStatefulsetCreationFailure
pub async fn am_with_statefulset_creation_failure(cluster: &Cluster) -> Result<()> {
    MANAGER
        .says_that_it_cannot_be_made(cluster, &two_certificates())
        .await
}

/// testAMWeb: what a running one would read, and what asks it by HTTPS. A renewed certificate is the kubelet's affair.
pub async fn am_web(cluster: &Cluster) -> Result<()> {
    let certificate = |text: &str| secret("web-tls", &json!({"tls.crt": text, "tls.key": text}));
    cluster.apply(&certificate("old")).await?;
    let key = |key: &str| json!({"name": "web-tls", "key": key});
    let tls = json!({"keySecret": key("tls.key"), "cert": {"secret": key("tls.crt")}});
    let headers = json!({
        "contentSecurityPolicy": "default-src 'self'", "xFrameOptions": "Deny", "xContentTypeOptions": "NoSniff",
        "xXSSProtection": "1; mode=block", "strictTransportSecurity": "max-age=31536000; includeSubDomains",
    });
    let web = json!({"tlsConfig": tls, "httpConfig": {"http2": true, "headers": headers}});
    MANAGER.running(cluster, &json!({"web": web})).await?;

    let found = cluster
        .held("alertmanager-test-web-config", "web-config.yaml")
        .await?;
    let found = machinery::yaml::parse(&found)?.value;
    let folder = "/etc/alertmanager/web_config/secret";
    let wanted = json!({
        "tls_server_config": {
            "cert_file": format!("{folder}/web-tls-cert/tls.crt"), "key_file": format!("{folder}/web-tls-key/tls.key"),
        },
        "http_server_config": {"http2": true, "headers": {
            "Content-Security-Policy": "default-src 'self'", "X-Frame-Options": "deny", "X-Content-Type-Options": "nosniff",
            "X-XSS-Protection": "1; mode=block", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        }},
    });
    ensure!(found == wanted, "{found} instead of {wanted}");

    let set = cluster.set(MANAGER.set).await?;
    let pod = set.pointer("/spec/template/spec").context("no pod")?;
    let [manager, reloader] = [0, 1].map(|at| pod.pointer(&format!("/containers/{at}")));
    let (manager, reloader) = (manager.context("no container")?, reloader.context("one")?);
    for probe in ["livenessProbe", "readinessProbe"] {
        let scheme = text(manager, &format!("/{probe}/httpGet/scheme"));
        ensure!(scheme == "HTTPS", "{probe} by {scheme:?}");
    }
    let has = |container: &Value, argument: &str| {
        let arguments = container.get("args").and_then(Value::as_array);
        let mut arguments = arguments.into_iter().flatten();
        arguments.any(|one| one == argument)
    };
    let file = "/etc/alertmanager/web_config/web-config.yaml";
    ensure!(has(manager, &format!("--web.config.file={file}")));
    ensure!(has(reloader, &format!("--web-config-file={file}")));
    ensure!(has(
        reloader,
        "--reload-url=https://localhost:9093/-/reload"
    ));
    // The certificate and the key are mounted where the file says, in both.
    for container in [manager, reloader] {
        let mounts = container.get("volumeMounts").and_then(Value::as_array);
        let paths: Vec<&str> = mounts
            .into_iter()
            .flatten()
            .map(|mount| text(mount, "/mountPath"))
            .collect();
        for end in ["web-tls-cert", "web-tls-key"] {
            let path = format!("{folder}/{end}");
            ensure!(paths.contains(&path.as_str()), "no {path} in {paths:?}");
        }
    }

    let pods = cluster.pods().await?;
    cluster.quiet(Duration::from_mins(1)).await?;
    let before = cluster.set(MANAGER.set).await?;
    cluster.apply(&certificate("new")).await?;
    let written = cluster.quiet(Duration::from_mins(1)).await?;
    ensure!(written.is_empty(), "a certificate was renewed: {written:?}");
    let after = cluster.set(MANAGER.set).await?;
    ensure!(meta::generation(&before) == meta::generation(&after));
    cluster.assert_same_pods(&pods).await
}
