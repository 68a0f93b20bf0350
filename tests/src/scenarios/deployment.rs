//! Plain Deployments: the ground itself.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::objects::{self, DEPLOYMENT, POD, REPLICA_SET, number, text};

fn is_done(deployment: &Value, replicas: i64) -> bool {
    let counts = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ];
    number(deployment, "/status/observedGeneration") == number(deployment, "/metadata/generation")
        && counts
            .iter()
            .all(|count| number(deployment, &format!("/status/{count}")) == replicas)
}

/// A Deployment becomes ready, is scaled up and down, and rolls to another image.
pub async fn becomes_ready_scales_and_rolls(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&objects::deployment("web", 3, "web:1"))
        .await?;
    cluster
        .until("three pods", &DEPLOYMENT, "web", |web| is_done(web, 3))
        .await?;
    for replicas in [5, 2] {
        cluster.scale(&DEPLOYMENT, "web", replicas).await?;
        cluster
            .until("the new size", &DEPLOYMENT, "web", |web| {
                is_done(web, replicas)
            })
            .await?;
    }
    cluster.set_image(&DEPLOYMENT, "web", "web:2").await?;
    cluster
        .until("the new image", &DEPLOYMENT, "web", |web| is_done(web, 2))
        .await?;
    cluster.settle().await?;
    let pods = cluster.list(&POD).await?;
    let images: Vec<&str> = pods
        .iter()
        .map(|pod| text(pod, "/spec/containers/0/image"))
        .collect();
    ensure!(
        images == ["web:2", "web:2"],
        "images of the pods: {images:?}"
    );
    let mut sizes: Vec<i64> = cluster
        .list(&REPLICA_SET)
        .await?
        .iter()
        .map(|set| number(set, "/spec/replicas"))
        .collect();
    sizes.sort_unstable();
    ensure!(sizes == [0, 2], "sizes of the ReplicaSets: {sizes:?}");
    Ok(())
}
