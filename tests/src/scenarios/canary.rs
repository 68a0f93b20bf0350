//! Canary releases without traffic routing.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{self, DEPLOYMENT, POD, REPLICA_SET, ROLLOUT, number, text};
use crate::releases::Revision;

/// Steps with one pause until somebody promotes and three that pass by themselves.
pub fn strategy() -> Value {
    json!({"canary": {"steps": [
        {"setWeight": 20}, {"pause": {}},
        {"setWeight": 40}, {"pause": {"duration": "10s"}},
        {"setWeight": 60}, {"pause": {"duration": 10}},
        {"setWeight": 80}, {"pause": {"duration": "10"}},
    ]}})
}

/// Installs revision 1 of five pods and starts the update to revision 2, up to its pause.
pub(crate) async fn updated_to_the_pause(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&objects::rollout("web", 5, "web:1", &strategy()))
        .await?;
    cluster.until_step("web", "Healthy", 8).await?;
    cluster
        .until_revisions("web", &[Revision::new(1, "web:1", 5)])
        .await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 4), Revision::new(2, "web:2", 1)],
        )
        .await?;
    let shown = [
        "Status: ॥ Paused",
        "Message: CanaryPauseStep",
        "Strategy: Canary",
        "Step: 1/8",
        "SetWeight: 20",
        "ActualWeight: 20",
        "Images: web:1 (stable)",
        "web:2 (canary)",
        "ReplicaSet ✔ Healthy * canary",
        "ReplicaSet ✔ Healthy * stable",
    ];
    cluster.until_shown("web", &shown).await
}

/// A whole release, small: what failures are put into at every write.
pub async fn is_released(cluster: &Cluster) -> Result<()> {
    let steps =
        json!([{"setWeight": 40}, {"pause": {}}, {"setWeight": 70}, {"pause": {"duration": "1s"}}]);
    cluster
        .apply(&objects::rollout(
            "web",
            3,
            "web:1",
            &json!({"canary": {"steps": steps}}),
        ))
        .await?;
    cluster.until_step("web", "Healthy", 4).await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster.promote("web", false).await?;
    cluster.until_step("web", "Healthy", 4).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 3)],
        )
        .await
}

/// The first install goes straight to the end; an update pauses at 20 %, and passes its timed pauses alone.
pub async fn passes_its_steps(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    let promoted = cluster.now();
    cluster.promote("web", false).await?;
    cluster.until_step("web", "Healthy", 8).await?;
    let took = cluster.now().duration_since(promoted);
    ensure!(
        took.as_secs() >= 30,
        "three pauses of ten seconds took {took:?}"
    );
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 5)],
        )
        .await?;
    let (rollout, hash) = (
        cluster.rollout("web").await?,
        cluster.hash_of("web", 2).await?,
    );
    ensure!(
        text(&rollout, "/status/stableRS") == hash
            && text(&rollout, "/status/currentPodHash") == hash
    );
    Ok(())
}

/// `promote --full` passes over all steps and pauses.
pub async fn is_promoted_in_full(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    let promoted = cluster.now();
    cluster.promote("web", true).await?;
    cluster.until_step("web", "Healthy", 8).await?;
    let took = cluster.now().duration_since(promoted);
    ensure!(took.as_secs() < 30, "passing over the pauses took {took:?}");
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 5)],
        )
        .await
}

/// An abort goes back to the stable pods, a retry starts again, and the stable image ends it all at once.
pub async fn is_aborted_retried_and_taken_back(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    let aborted = "Degraded RolloutAborted: Rollout aborted update to revision 2";
    cluster.abort("web").await?;
    cluster.until_step("web", aborted, 0).await?;
    let back = [Revision::new(1, "web:1", 5), Revision::new(2, "web:2", 0)];
    cluster.until_revisions("web", &back).await?;
    let shown = [
        "Status: ✖ Degraded",
        "Message: RolloutAborted: Rollout aborted update to revision 2",
        "Step: 0/8",
        "ReplicaSet • ScaledDown * canary",
        "ReplicaSet ✔ Healthy * stable",
    ];
    cluster.until_shown("web", &shown).await?;

    cluster.retry("web").await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 4), Revision::new(2, "web:2", 1)],
        )
        .await?;

    cluster.abort("web").await?;
    cluster.until_step("web", aborted, 0).await?;
    cluster.until_revisions("web", &back).await?;
    let pods = cluster.pods_of("web:1").await?;
    let reapplied = cluster.now();
    cluster.set_image(&ROLLOUT, "web", "web:1").await?;
    cluster.until_step("web", "Healthy", 8).await?;
    let took = cluster.now().duration_since(reapplied);
    ensure!(took.as_secs() < 10, "going back took {took:?}");
    cluster
        .until_revisions(
            "web",
            &[Revision::new(2, "web:2", 0), Revision::new(3, "web:1", 5)],
        )
        .await?;
    ensure!(
        cluster.pods_of("web:1").await? == pods,
        "the stable pods were replaced"
    );
    Ok(())
}

/// A Rollout that takes its template from elsewhere.
fn rollout_of(replicas: i64, workload: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "strategy": strategy(), "workloadRef": workload},
    })
}

/// The reference to a Deployment that gives up its pods.
fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "scaleDown": "onsuccess"})
}

/// Pods come from the Rollout's ReplicaSets; the Deployment goes to zero, and its new image is a new revision.
pub async fn follows_a_deployment(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&objects::deployment("web", 3, "web:1"))
        .await?;
    cluster
        .until("three pods", &DEPLOYMENT, "web", |web| {
            number(web, "/status/availableReplicas") == 3
        })
        .await?;
    cluster.apply(&rollout_of(3, &deployment())).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions("web", &[Revision::new(1, "web:1", 3)])
        .await?;
    cluster
        .until("no pods of its own", &DEPLOYMENT, "web", |web| {
            number(web, "/spec/replicas") == 0 && number(web, "/status/replicas") == 0
        })
        .await?;
    let pods = cluster
        .eventually("only the Rollout's pods", async || {
            Ok(Some(cluster.list(&POD).await?.len()).filter(|count| *count == 3))
        })
        .await?;
    ensure!(pods == 3);

    cluster.set_image(&DEPLOYMENT, "web", "web:2").await?;
    cluster.until_phase("web", "Paused CanaryPauseStep").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 3), Revision::new(2, "web:2", 1)],
        )
        .await?;
    cluster.promote("web", true).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 3)],
        )
        .await
}

/// The Deployment's status changes after its template was read, and it is scaled down all the same.
pub async fn scales_down_a_deployment_that_comes_later(cluster: &Cluster) -> Result<()> {
    cluster.apply(&rollout_of(3, &deployment())).await?;
    cluster
        .apply(&objects::deployment("web", 3, "web:1"))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until("no pods of its own", &DEPLOYMENT, "web", |web| {
            number(web, "/spec/replicas") == 0
        })
        .await
        .map(drop)
}

/// The template may be a ReplicaSet's too, and its changes are seen without waiting for a resync.
pub async fn follows_a_replica_set(cluster: &Cluster) -> Result<()> {
    let source = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "source"},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "web"}},
            "template": objects::template("web", "web:1"),
        },
    });
    cluster.apply(&source).await?;
    let reference = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "source"});
    cluster.apply(&rollout_of(2, &reference)).await?;
    cluster.until_phase("web", "Healthy").await?;
    let changed = cluster.now();
    cluster.set_image(&REPLICA_SET, "source", "web:2").await?;
    cluster.until_phase("web", "Paused CanaryPauseStep").await?;
    let took = cluster.now().duration_since(changed);
    ensure!(took.as_secs() < 60, "the change was seen after {took:?}");
    Ok(())
}

/// Waits until the update that `updated_to_the_pause` began is done: all steps, all five pods.
pub async fn is_done(cluster: &Cluster) -> Result<()> {
    cluster.until_step("web", "Healthy", 8).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 5)],
        )
        .await
}
