//! Releases that something comes in between.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{blue_green, canary};
use crate::cluster::Cluster;
use crate::objects::{self, POD, REPLICA_SET, ROLLOUT};
use crate::releases::Revision;

/// The steps begin anew with the new image; the image in between goes.
pub async fn takes_a_new_image_in_mid_canary(cluster: &Cluster) -> Result<()> {
    canary::updated_to_the_pause(cluster).await?;
    cluster.set_image(&ROLLOUT, "web", "web:3").await?;
    let wanted = [
        Revision::new(1, "web:1", 4),
        Revision::new(2, "web:2", 0),
        Revision::new(3, "web:3", 1),
    ];
    cluster.until_revisions("web", &wanted).await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster.promote("web", true).await?;
    cluster.until_step("web", "Healthy", 8).await?;
    let wanted = [
        Revision::new(1, "web:1", 0),
        Revision::new(2, "web:2", 0),
        Revision::new(3, "web:3", 5),
    ];
    cluster.until_revisions("web", &wanted).await
}

/// The preview moves on to the new image; the image in between goes.
pub async fn takes_a_new_image_in_mid_blue_green(cluster: &Cluster) -> Result<()> {
    blue_green::updated_to_the_pause(cluster).await?;
    cluster.set_image(&ROLLOUT, "web", "web:3").await?;
    let wanted = [
        Revision::new(1, "web:1", 3),
        Revision::new(2, "web:2", 0),
        Revision::new(3, "web:3", 3),
    ];
    cluster.until_revisions("web", &wanted).await?;
    cluster.until_phase("web", "Paused BlueGreenPause").await?;
    cluster.assert_selects("active", "web", 1).await?;
    cluster.assert_selects("preview", "web", 3).await?;
    cluster.promote("web", false).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.assert_selects("active", "web", 3).await
}

async fn never_ready(cluster: &Cluster, strategy: &Value, abort: bool) -> Result<String> {
    let mut rollout = objects::rollout("web", 5, "web:1", strategy);
    rollout["spec"]["progressDeadlineSeconds"] = json!(15);
    rollout["spec"]["progressDeadlineAbort"] = json!(abort);
    cluster.apply(&rollout).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.set_image(&ROLLOUT, "web", "web:bad").await?;
    cluster
        .until("the second revision", &ROLLOUT, "web", |rollout| {
            objects::text(rollout, "/status/currentPodHash")
                != objects::text(rollout, "/status/stableRS")
        })
        .await?;
    cluster.hash_of("web", 2).await
}

/// Pods that never become ready: the Rollout is degraded at its deadline, and stays where it is.
pub async fn gives_up_at_the_deadline(cluster: &Cluster) -> Result<()> {
    let hash = never_ready(cluster, &canary::strategy(), false).await?;
    let degraded = format!(
        r#"Degraded ProgressDeadlineExceeded: ReplicaSet "web-{hash}" has timed out progressing."#
    );
    cluster.until_step("web", &degraded, 0).await?;
    let revisions = cluster.revisions("web").await?;
    ensure!(
        revisions == [Revision::new(1, "web:1", 4), Revision::new(2, "web:bad", 1)],
        "{revisions:?}"
    );
    cluster.set_image(&ROLLOUT, "web", "web:3").await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await
        .map(drop)
}

/// With `progressDeadlineAbort` the same ends in an abort.
pub async fn aborts_at_the_deadline_where_asked(cluster: &Cluster) -> Result<()> {
    let hash = never_ready(cluster, &canary::strategy(), true).await?;
    let why = format!(r#"ReplicaSet "web-{hash}" has timed out progressing."#);
    let degraded = format!("Degraded RolloutAborted: Rollout aborted update to revision 2: {why}");
    cluster.until_step("web", &degraded, 0).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 5), Revision::new(2, "web:bad", 0)],
        )
        .await
}

/// A preview that never becomes ready: users stay where they are, at the deadline and after the abort that follows it where
/// asked.
pub async fn keeps_users_where_they_are_at_the_deadline(cluster: &Cluster) -> Result<()> {
    for service in ["active", "preview"] {
        cluster.apply(&objects::service(service, "web")).await?;
    }
    let hash = never_ready(cluster, &blue_green::strategy(), false).await?;
    let why = format!(r#"ReplicaSet "web-{hash}" has timed out progressing."#);
    let exceeded = format!("Degraded ProgressDeadlineExceeded: {why}");
    cluster.until_phase("web", &exceeded).await?;
    cluster.assert_selects("active", "web", 1).await?;
    let revisions = cluster.revisions("web").await?;
    ensure!(
        revisions == [Revision::new(1, "web:1", 5), Revision::new(2, "web:bad", 5)],
        "{revisions:?}"
    );
    let asked = json!({"spec": {"progressDeadlineAbort": true}});
    cluster.merge(&ROLLOUT, "web", asked).await?;
    let aborted = format!("Degraded RolloutAborted: Rollout aborted update to revision 2: {why}");
    cluster.until_phase("web", &aborted).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 5), Revision::new(2, "web:bad", 0)],
        )
        .await?;
    cluster.assert_selects("active", "web", 1).await
}

/// `kubectl scale` in each pause: the weight stays, the numbers follow.
pub async fn is_scaled_during_each_step(cluster: &Cluster) -> Result<()> {
    let steps: Vec<Value> = [20, 40, 60]
        .iter()
        .flat_map(|weight| [json!({"setWeight": weight}), json!({"pause": {}})])
        .collect();
    let strategy = json!({"canary": {"steps": steps}});
    cluster
        .apply(&objects::rollout("web", 5, "web:1", &strategy))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.set_image(&ROLLOUT, "web", "web:2").await?;
    for (step, replicas, stable, canary) in [(1, 10, 8, 2), (3, 5, 3, 2), (5, 8, 3, 5)] {
        cluster
            .until_step("web", "Paused CanaryPauseStep", step)
            .await?;
        cluster.scale(&ROLLOUT, "web", replicas).await?;
        cluster
            .until_revisions(
                "web",
                &[
                    Revision::new(1, "web:1", stable),
                    Revision::new(2, "web:2", canary),
                ],
            )
            .await?;
        cluster
            .until_step("web", "Paused CanaryPauseStep", step)
            .await?;
        cluster.promote("web", false).await?;
    }
    cluster.until_step("web", "Healthy", 6).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 8)],
        )
        .await?;
    cluster.scale(&ROLLOUT, "web", 0).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 0), Revision::new(2, "web:2", 0)],
        )
        .await
}

/// Deletes the ReplicaSet of the second revision, and waits for another one of its name, which is returned.
async fn delete_the_second_replica_set(cluster: &Cluster) -> Result<String> {
    let sets = cluster.replica_sets("web").await?;
    let (name, uid) = (
        machinery::meta::name(&sets[1]),
        machinery::meta::uid(&sets[1]),
    );
    cluster.delete(&REPLICA_SET, name).await?;
    cluster
        .until("another one of the same name", &REPLICA_SET, name, |set| {
            machinery::meta::uid(set) != uid
        })
        .await?;
    Ok(name.to_owned())
}

/// The canary's ReplicaSet is made again under its name.
pub async fn replaces_a_replica_set_deleted_by_hand(cluster: &Cluster) -> Result<()> {
    canary::updated_to_the_pause(cluster).await?;
    delete_the_second_replica_set(cluster).await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 4), Revision::new(2, "web:2", 1)],
        )
        .await?;
    cluster
        .until_step("web", "Paused CanaryPauseStep", 1)
        .await?;
    cluster.promote("web", false).await?;
    canary::is_done(cluster).await
}

/// The ReplicaSets of preview and active Service are made again, and users go back to pods that serve.
pub async fn replaces_blue_and_green_deleted_by_hand(cluster: &Cluster) -> Result<()> {
    blue_green::updated_to_the_pause(cluster).await?;
    let name = delete_the_second_replica_set(cluster).await?;
    let name = name.as_str();
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 3), Revision::new(2, "web:2", 3)],
        )
        .await?;
    cluster.promote("web", false).await?;
    cluster.until_phase("web", "Healthy").await?;
    cluster.assert_selects("active", "web", 2).await?;
    cluster.delete(&REPLICA_SET, name).await?;
    cluster
        .eventually("other pods", async || {
            let sets = cluster.replica_sets("web").await?;
            let serves = |set: &Value| {
                machinery::meta::name(set) == name
                    && objects::number(set, "/status/availableReplicas") == 3
            };
            Ok(sets.iter().any(serves).then_some(()))
        })
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    let hash = objects::text(&cluster.rollout("web").await?, "/status/stableRS").to_owned();
    let active = cluster.selected_by("active").await?;
    ensure!(active == hash, "active selects {active}, not {hash}");
    Ok(())
}

/// Deleted pods come back, and the release goes on.
pub async fn replaces_pods_deleted_by_hand(cluster: &Cluster) -> Result<()> {
    canary::updated_to_the_pause(cluster).await?;
    let old = [
        cluster.pods_of("web:1").await?,
        cluster.pods_of("web:2").await?,
    ];
    for pod in [&old[0][0], &old[1][0]] {
        cluster.delete(&POD, pod).await?;
    }
    cluster
        .eventually("other pods", async || {
            let new = [
                cluster.pods_of("web:1").await?,
                cluster.pods_of("web:2").await?,
            ];
            let gone = [&old[0][0], &old[1][0]]
                .iter()
                .all(|pod| !new.iter().flatten().any(|name| name == *pod));
            Ok((gone && new[0].len() == 4 && new[1].len() == 1).then_some(()))
        })
        .await?;
    cluster
        .until_revisions(
            "web",
            &[Revision::new(1, "web:1", 4), Revision::new(2, "web:2", 1)],
        )
        .await?;
    cluster.promote("web", false).await?;
    canary::is_done(cluster).await
}

/// `undo --to-revision 1` is a new update with the old template, in the old ReplicaSet.
pub async fn is_undone_to_an_older_revision(cluster: &Cluster) -> Result<()> {
    let strategy = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {"duration": "2s"}}]}});
    cluster
        .apply(&objects::rollout("web", 2, "web:1", &strategy))
        .await?;
    cluster.until_phase("web", "Healthy").await?;
    for image in ["web:2", "web:3"] {
        cluster.set_image(&ROLLOUT, "web", image).await?;
        cluster.until_phase("web", "Healthy").await?;
    }
    cluster.undo("web", 1).await?;
    cluster.until_phase("web", "Healthy").await?;
    let wanted = [
        Revision::new(2, "web:2", 0),
        Revision::new(3, "web:3", 0),
        Revision::new(4, "web:1", 2),
    ];
    cluster.until_revisions("web", &wanted).await
}
