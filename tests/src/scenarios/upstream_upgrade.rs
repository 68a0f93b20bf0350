//! Upstream's end-to-end test of an upgrade, under its name (`test/e2e/upgradepath_test.go`).

use std::time::Duration;

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::STATEFUL_SET;
use crate::subjects::{AGENT, MANAGER, RULER, SERVER};

/// The hash of all that a StatefulSet was made from, which each version counts in its own way.
const HASH: &str = "prometheus-operator-input-hash";

/// testOperatorUpgrade: what another version made of the same workloads is left as it is, and no pod notices.
pub async fn operator_upgrade(cluster: &Cluster) -> Result<()> {
    let subjects = [&SERVER, &AGENT, &MANAGER, &RULER];
    for subject in subjects {
        subject.running(cluster, &json!({})).await?;
    }
    let pods = cluster.pods().await?;
    let mut before = Vec::new();
    for subject in subjects {
        let other = json!({"metadata": {"annotations": {HASH: "1"}}});
        let set = cluster.merge(&STATEFUL_SET, subject.set, other).await?;
        before.push(meta::generation(&set));
    }
    cluster.restart_controllers();
    cluster.quiet(Duration::from_mins(1)).await?;
    let written = cluster.quiet(Duration::from_mins(3)).await?;
    ensure!(written.is_empty(), "it doesn't come to rest: {written:?}");
    cluster.assert_same_pods(&pods).await?;
    for (subject, generation) in subjects.into_iter().zip(before) {
        let set = cluster.set(subject.set).await?;
        ensure!(
            meta::generation(&set) == generation,
            "the spec of {} changed: {set}",
            subject.set
        );
        // Whoever is at work sees a change that is asked for.
        subject
            .changed(cluster, json!({"podMetadata": {"labels": {"seen": "yes"}}}))
            .await?;
    }
    let now = cluster.pods().await?;
    let kept = now.iter().filter(|pod| pods.contains(pod)).count();
    ensure!(kept == 0, "{kept} pods are without the label");
    Ok(())
}
