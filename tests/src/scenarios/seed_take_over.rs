//! What v0.46 left, as kube-prometheus-stack 14.0.1 had it, and our program after it (S19 of the acceptance).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use super::seed::{SERVER, SET, ground, until_running};
use crate::cluster::Cluster;
use crate::objects::{CLAIM, POD, PROMETHEUS, STATEFUL_SET, number, text};
use crate::workloads::{condition, object};

/// The StatefulSet that v0.46 left, which selects `app`, and its claim.
fn old_set() -> Value {
    let labels = json!({
        "app": "prometheus", "prometheus": SERVER,
        "operator.prometheus.io/name": SERVER, "operator.prometheus.io/shard": "0",
    });
    let db = format!("{SET}-db");
    let container = json!({
        "name": "prometheus", "image": "quay.io/prometheus/prometheus:v2.24.0",
        "volumeMounts": [{"name": db, "mountPath": "/prometheus", "subPath": "prometheus-db"}],
    });
    let claim = json!({
        "metadata": {"name": db},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "rbd",
            "resources": {"requests": {"storage": "100Gi"}},
        },
    });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": SET},
        "spec": {
            "replicas": REPLICAS, "serviceName": "prometheus-operated", "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels}, "volumeClaimTemplates": [claim],
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    })
}

/// Pods of the old StatefulSet, and of the new one.
const REPLICAS: usize = 2;

/// S19: what v0.46 left is taken over: another StatefulSet, each pod replaced once and one at a time, the same claims.
pub async fn takes_over_what_is_there(cluster: &Cluster) -> Result<()> {
    ground(cluster).await?;
    let mut spec = json!({
        "version": "v2.24.0", "replicas": REPLICAS, "serviceMonitorSelector": {}, "paused": true,
        "storage": {"volumeClaimTemplate": {"spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "rbd",
            "resources": {"requests": {"storage": "100Gi"}},
        }}},
    });
    cluster.apply(&object(&PROMETHEUS, SERVER, &spec)).await?;
    cluster.apply_owned(&old_set(), &PROMETHEUS, SERVER).await?;
    let old = until_running(cluster, SET).await?;
    let before = cluster.pods().await?;
    ensure!(before.len() == REPLICAS, "{before:?}");
    let claims = uids(&cluster.list(&CLAIM).await?);
    spec["paused"] = json!(false);
    cluster.apply(&object(&PROMETHEUS, SERVER, &spec)).await?;
    // Whatever pods there are at some time, by name, and how few of them were ready.
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut least = REPLICAS;
    cluster
        .eventually("another StatefulSet with new pods", async || {
            let pods = cluster.list(&POD).await?;
            for pod in &pods {
                let all = seen.entry(meta::name(pod).to_owned()).or_default();
                all.insert(meta::uid(pod).to_owned());
            }
            let serving = pods
                .iter()
                .filter(|pod| text(condition(pod, "Ready"), "/status") == "True")
                .count();
            least = least.min(serving);
            let set = cluster.find(&STATEFUL_SET, SET).await?;
            let is_new = set.is_some_and(|set| {
                meta::uid(&set) != meta::uid(&old)
                    && number(&set, "/status/readyReplicas") == REPLICAS as i64
            });
            let all_new = pods
                .iter()
                .all(|pod| meta::label(pod, "app.kubernetes.io/name") == Some("prometheus"));
            Ok((is_new && all_new && pods.len() == REPLICAS).then_some(()))
        })
        .await?;
    ensure!(least + 1 >= REPLICAS, "only {least} pods were ready");
    until_running(cluster, SET).await?;
    cluster.quiet(Duration::from_mins(2)).await?;
    for (name, uid) in cluster.pods().await? {
        seen.entry(name).or_default().insert(uid);
    }
    ensure!(
        seen.len() == REPLICAS && seen.values().all(|uids| uids.len() == 2),
        "not each pod was replaced once: {seen:?}"
    );
    ensure!(
        claims == uids(&cluster.list(&CLAIM).await?) && claims.len() == REPLICAS,
        "the claims are others"
    );
    Ok(())
}

fn uids(claims: &[Value]) -> Vec<String> {
    claims
        .iter()
        .map(|claim| meta::uid(claim).to_owned())
        .collect()
}
