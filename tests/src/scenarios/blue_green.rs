//! Blue-green releases.

use anyhow::{Result, ensure};
use rollouts::api::labels;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{self, REPLICA_SET, ROLLOUT, SERVICE};
use crate::releases::Revision;

/// Active and preview Service, promoted by hand.
pub fn strategy() -> Value {
    json!({"blueGreen": {"activeService": "active", "previewService": "preview", "autoPromotionEnabled": false}})
}

/// Installs revision 1 of three pods.
async fn installed(cluster: &Cluster, strategy: &Value) -> Result<()> {
    for service in ["active", "preview"] {
        cluster.apply(&objects::service(service, "web")).await?;
    }
    cluster
        .apply(&objects::rollout("web", 3, "web:1", strategy))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions("web", &[Revision::new(1, "web:1", 3)])
        .await?;
    for service in ["active", "preview"] {
        cluster.assert_selects(service, "web", 1).await?;
        let found = cluster.get(&SERVICE, service).await?;
        let owner = machinery::meta::annotation(&found, labels::MANAGED_BY_ROLLOUTS);
        ensure!(owner == Some("web"), "annotation of {service}: {owner:?}");
    }
    Ok(())
}

/// Installs revision 1 and starts the update to revision 2, up to its pause.
pub(crate) async fn updated_to_the_pause(cluster: &Cluster) -> Result<()> {
    installed(cluster, &strategy()).await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster.until_phase("web", "Paused BlueGreenPause").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 3), Revision::new(2, "web:2", 3)],
        )
        .await?;
    cluster.assert_selects("active", "web", 1).await?;
    cluster.assert_selects("preview", "web", 2).await?;
    let shown = [
        "Status: ॥ Paused",
        "Message: BlueGreenPause",
        "Strategy: BlueGreen",
        "Images: web:1 (stable, active)",
        "web:2 (preview)",
        "# revision:2",
        "ReplicaSet ✔ Healthy * preview",
        "# revision:1",
        "ReplicaSet ✔ Healthy * stable,active",
    ];
    cluster.until_shown("web", &shown).await
}

/// A whole release, small: what failures are put into at every write.
pub async fn is_released(cluster: &Cluster) -> Result<()> {
    for service in ["active", "preview"] {
        cluster.apply(&objects::service(service, "web")).await?;
    }
    cluster
        .apply(&objects::rollout("web", 2, "web:1", &strategy()))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster.until_phase("web", "Paused BlueGreenPause").await?;
    cluster.promote("web", false).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 2)],
        )
        .await?;
    cluster.assert_selects("active", "web", 2).await?;
    cluster.assert_selects("preview", "web", 2).await
}

/// Both Services at once on the first install; preview first, then active by hand; the old pods go 30 s later.
pub async fn is_promoted_by_hand(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    let old = cluster.replica_sets("web").await?;
    let old = machinery::meta::name(&old[0]).to_owned();
    cluster.promote("web", false).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.assert_selects("active", "web", 2).await?;
    let marked = cluster
        .until("a deadline", &REPLICA_SET, &old, |set| {
            deadline(set).is_some()
        })
        .await?;
    let shown = [
        "Status: ✔ Healthy",
        "ReplicaSet ✔ Healthy * stable,active",
        "ReplicaSet ✔ Healthy * delay:2",
    ];
    cluster.until_shown("web", &shown).await?;
    ensure!(
        objects::number(&marked, "/spec/replicas") == 3,
        "the old pods went before the deadline"
    );
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 3)],
        )
        .await?;
    cluster
        .until_shown("web", &["ReplicaSet • ScaledDown"])
        .await?;
    let due: jiff::Timestamp = deadline(&marked).unwrap_or_default().parse()?;
    ensure!(cluster.now() >= due, "the old pods went before {due}");
    Ok(())
}

fn deadline(set: &Value) -> Option<&str> {
    machinery::meta::annotation(set, labels::SCALE_DOWN_DEADLINE)
}

/// `promote --full`.
pub async fn is_promoted_in_full(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    cluster.promote("web", true).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.assert_selects("active", "web", 2).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 3)],
        )
        .await
}

/// An abort moves the preview Service back and, after a delay, the pods away; the stable image ends it.
pub async fn goes_back_by_reapplying_the_stable_image(cluster: &Cluster) -> Result<()> {
    updated_to_the_pause(cluster).await?;
    cluster.abort("web").await?;
    cluster
        .until_phase(
            "web",
            "Degraded RolloutAborted: Rollout aborted update to revision 2",
        )
        .await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 3), Revision::new(2, "web:2", 0)],
        )
        .await?;
    cluster.assert_selects("active", "web", 1).await?;
    let pods = cluster.pods_of("web:1").await?;
    cluster.set_image(&ROLLOUT, "web", "web:1").await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(2, "web:2", 0), Revision::new(3, "web:1", 3)],
        )
        .await?;
    cluster.assert_selects("active", "web", 3).await?;
    cluster.assert_selects("preview", "web", 3).await?;
    ensure!(
        cluster.pods_of("web:1").await? == pods,
        "the stable pods were replaced"
    );
    Ok(())
}

/// Promoted by itself, with a delay of its own for the old pods.
pub async fn follows_the_delay_of_scale_down(cluster: &Cluster) -> Result<()> {
    let strategy = json!({"blueGreen": {
        "activeService": "active", "previewService": "preview", "autoPromotionSeconds": 5, "scaleDownDelaySeconds": 10,
    }});
    installed(cluster, &strategy).await?;
    let started = cluster.now();
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    cluster.until_phase("web", "Paused BlueGreenPause").await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 3)],
        )
        .await?;
    let took = cluster.now().duration_since(started);
    ensure!(
        (15..60).contains(&took.as_secs()),
        "a pause of 5 s and a delay of 10 s took {took:?}"
    );
    Ok(())
}
