//! What the controller does beside releasing: it restarts pods, cleans up, labels pods by role and takes in ReplicaSets
//! that lost their owner.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::canary::strategy;
use crate::cluster::Cluster;
use crate::objects::{self, POD, POD_TEMPLATE, REPLICA_SET, ROLLOUT, text};

/// A canary of two pods without steps, with more fields in its spec.
fn plain(fields: &Value) -> Value {
    let mut rollout = objects::rollout("web", 2, "web:1", &json!({"canary": {}}));
    if let (Some(spec), Some(fields)) = (rollout["spec"].as_object_mut(), fields.as_object()) {
        spec.extend(fields.clone());
    }
    rollout
}

/// `restartAt` in the past of all pods' lives evicts each of them once.
pub async fn restarts_pods(cluster: &Cluster) -> Result<()> {
    cluster.apply(&plain(&json!({}))).await?;
    cluster.until_phase("web", "Healthy").await?;
    let before = cluster.pods_of("web:1").await?;
    ensure!(before.len() == 2, "pods: {before:?}");
    // Pods carry whole seconds.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let now = machinery::time::rfc3339(cluster.now());
    let patch = json!({"spec": {"restartAt": now}});
    cluster.merge(&ROLLOUT, "web", patch).await?;
    cluster
        .eventually("no pod of before is left", async || {
            let after = cluster.pods_of("web:1").await?;
            let gone = after.iter().all(|pod| !before.contains(pod));
            Ok((after.len() == 2 && gone).then_some(()))
        })
        .await?;
    cluster.until_phase("web", "Healthy").await.map(drop)
}

/// Old ReplicaSets beyond the limit go.
pub async fn keeps_one_old_revision(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&plain(&json!({"revisionHistoryLimit": 1})))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    for image in ["web:2", "web:3", "web:4"] {
        cluster.set_image(&ROLLOUT, "web", image).await?;
        cluster.until_phase("web", "Healthy").await?;
    }
    cluster
        .eventually("one old ReplicaSet is left", async || {
            Ok((cluster.list(&REPLICA_SET).await?.len() == 2).then_some(()))
        })
        .await
}

/// Pods carry the labels of their role, and get the other role's once they have it.
pub async fn labels_pods_by_role(cluster: &Cluster) -> Result<()> {
    let mut canary = strategy();
    canary["canary"]["canaryMetadata"] = json!({"labels": {"role": "canary"}});
    canary["canary"]["stableMetadata"] = json!({"labels": {"role": "stable"}});
    cluster
        .apply(&objects::rollout("web", 5, "web:1", &canary))
        .await?;
    cluster.until_step("web", "Healthy", 8).await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster.promote("web", true).await?;
    cluster.until_step("web", "Healthy", 8).await?;
    cluster
        .eventually(
            "all pods of the new revision are labelled as stable",
            async || {
                let names = cluster.pods_of("web:2").await?;
                let mut stable = 0;
                for name in &names {
                    let pod = cluster.find(&POD, name).await?.unwrap_or_default();
                    stable += usize::from(text(&pod, "/metadata/labels/role") == "stable");
                }
                Ok((stable == 5).then_some(()))
            },
        )
        .await
}

/// A ReplicaSet that lost its owner is taken in again, after a look at the Rollout itself.
pub async fn takes_in_its_orphan(cluster: &Cluster) -> Result<()> {
    cluster.apply(&plain(&json!({}))).await?;
    cluster.until_phase("web", "Healthy").await?;
    let sets = cluster.list(&REPLICA_SET).await?;
    let name = text(sets.first().unwrap_or(&Value::Null), "/metadata/name").to_owned();
    let patch = json!({"metadata": {"ownerReferences": null}});
    cluster.merge(&REPLICA_SET, &name, patch).await?;
    cluster
        .eventually("the ReplicaSet has its owner back", async || {
            let set = cluster.get(&REPLICA_SET, &name).await?;
            let owner = text(&set, "/metadata/ownerReferences/0/kind");
            Ok((owner == "Rollout").then_some(()))
        })
        .await
}

/// A Rollout whose pods are those of a PodTemplate, and others once that says so.
pub async fn follows_a_pod_template(cluster: &Cluster) -> Result<()> {
    let template = json!({
        "apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "pods"},
        "template": objects::template("web", "web:1"),
    });
    cluster.apply(&template).await?;
    let mut rollout = plain(&json!({
        "workloadRef": {"apiVersion": "v1", "kind": "PodTemplate", "name": "pods"},
    }));
    if let Some(spec) = rollout["spec"].as_object_mut() {
        spec.remove("template");
    }
    cluster.apply(&rollout).await?;
    cluster.until_phase("web", "Healthy").await?;
    let images = |image: &str| json!({"template": {"spec": {"containers": [{"name": "web", "image": image}]}}});
    cluster
        .merge(&POD_TEMPLATE, "pods", images("web:2"))
        .await?;
    cluster
        .eventually("all pods are the new ones", async || {
            let (old, new) = (
                cluster.pods_of("web:1").await?,
                cluster.pods_of("web:2").await?,
            );
            Ok((old.is_empty() && new.len() == 2).then_some(()))
        })
        .await?;
    cluster.until_phase("web", "Healthy").await.map(drop)
}

/// Where references that block a deletion need a right of their own, ReplicaSets are made all the same.
pub async fn blocks_the_deletion_of_its_owner(cluster: &Cluster) -> Result<()> {
    cluster.enforce_owner_permissions();
    cluster.apply(&plain(&json!({}))).await?;
    cluster.until_phase("web", "Healthy").await.map(drop)
}
