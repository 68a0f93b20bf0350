//! Upstream's end-to-end tests of Alertmanagers, under their names (`test/e2e/alertmanager_test.go`).

use anyhow::Result;
use serde_json::json;

use super::upstream_prometheus::two_certificates;
use crate::cluster::Cluster;
use crate::objects::{SECRET, STATEFUL_SET, number};
use crate::subjects::MANAGER;

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

/// testAMStorageUpdate, its part about a class that isn't there
pub async fn am_storage_update(cluster: &Cluster) -> Result<()> {
    MANAGER.needs_a_storage_class(cluster).await
}

/// testAlertmanagerWithStatefulsetCreationFailure
pub async fn am_with_statefulset_creation_failure(cluster: &Cluster) -> Result<()> {
    MANAGER
        .says_that_it_cannot_be_made(cluster, &two_certificates())
        .await
}
