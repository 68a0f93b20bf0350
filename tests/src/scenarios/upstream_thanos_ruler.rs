//! Upstream's end-to-end tests of Thanos Rulers, under their names (`test/e2e/thanosruler_test.go`).

use anyhow::Result;
use runtime::Patch;
use serde_json::json;

use super::upstream_bindings::RULES_OF_A_RULER;
use crate::cluster::Cluster;
use crate::objects::{THANOS_RULER, number};
use crate::subjects::RULER;

/// testThanosRulerCreateDeleteCluster
pub async fn thanos_ruler_create_delete_cluster(cluster: &Cluster) -> Result<()> {
    RULER.is_created_and_deleted(cluster).await
}

/// testThanosRulerWithStatefulsetCreationFailure
pub async fn thanos_ruler_with_statefulset_creation_failure(cluster: &Cluster) -> Result<()> {
    RULER
        .says_that_it_cannot_be_made(cluster, &json!({"queryEndpoints": []}))
        .await
}

/// testTRPreserveUserAddedMetadata
pub async fn thanos_ruler_preserve_user_added_metadata(cluster: &Cluster) -> Result<()> {
    RULER.keeps_what_users_add(cluster, &[]).await
}

/// testTRMinReadySeconds
pub async fn thanos_ruler_min_ready_seconds(cluster: &Cluster) -> Result<()> {
    RULER.waits_before_pods_count(cluster).await
}

/// testTRCheckStorageClass
pub async fn thanos_ruler_check_storage_class(cluster: &Cluster) -> Result<()> {
    RULER.needs_a_storage_class(cluster).await
}

/// testThanosRulerServiceName
pub async fn thanos_ruler_service_name(cluster: &Cluster) -> Result<()> {
    RULER.is_governed_by_a_service(cluster).await
}

/// testThanosRulerScaleUpWithoutLabels
pub async fn thanos_ruler_scale_up_without_labels(cluster: &Cluster) -> Result<()> {
    RULER.gets_its_labels_back(cluster).await
}

/// testThanosRulerStatusUpdatedReplicasRollback
pub async fn thanos_ruler_status_updated_replicas_rollback(cluster: &Cluster) -> Result<()> {
    RULER.running(cluster, &json!({})).await?;
    let wrong = json!([{"op": "replace", "path": "/status/updatedReplicas", "value": 0}]);
    cluster
        .patch(&THANOS_RULER, "test", Some("status"), Patch::Json(wrong))
        .await?;
    cluster
        .until("one again", &THANOS_RULER, "test", |ruler| {
            number(ruler, "/status/updatedReplicas") == 1
        })
        .await
        .map(drop)
}

/// testPrometheusRuleStatusSubresourceForThanosRuler
pub async fn prometheus_rule_status_subresource_for_thanos_ruler(cluster: &Cluster) -> Result<()> {
    RULES_OF_A_RULER.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfPromRuleBindingForThanosRuler
pub async fn garbage_collection_of_prom_rule_binding_for_thanos_ruler(
    cluster: &Cluster,
) -> Result<()> {
    RULES_OF_A_RULER
        .says_nothing_once_it_is_not_selected(cluster)
        .await
}

/// testRmPromeRuleBindingDuringWorkloadDeleteForThanosRuler
pub async fn rm_prome_rule_binding_during_workload_delete_for_thanos_ruler(
    cluster: &Cluster,
) -> Result<()> {
    RULES_OF_A_RULER.says_nothing_of_what_is_gone(cluster).await
}
