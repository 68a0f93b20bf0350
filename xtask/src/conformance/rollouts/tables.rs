//! Tables of replica counts.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rollouts::api::Rollout;
use rollouts::replicas::ReplicaSetView;
use rollouts::replicas::canary::{Counts, approximate, counts_basic, counts_routed};
use serde_json::{Value, json};

use super::super::registry::{Outcomes, Registry};

pub fn register(registry: &mut Registry) {
    registry.table("canary-approximate.json", |path| {
        rows(path, approximate_row)
    });
    registry.table("canary-counts.json", |path| rows(path, counts_row));
}

fn rows(path: &Path, ours: fn(&Value) -> Counts) -> Result<Outcomes> {
    let file: Value = serde_json::from_slice(&fs::read(path)?)?;
    let rows = file["rows"].as_array().cloned().unwrap_or_default();
    let outcomes = rows.iter().enumerate().map(|(index, row)| {
        let Counts { new, stable } = ours(row);
        let name = row["name"].as_str().unwrap_or_default();
        let equal = json!(new) == row["expectCanary"] && json!(stable) == row["expectStable"];
        let outcome = if equal {
            Ok(())
        } else {
            Err(format!("ours {new}, {stable}; row {row}"))
        };
        (format!("row {index} {name}"), outcome.into())
    });
    Ok(outcomes.collect())
}

fn number(row: &Value, name: &str) -> i32 {
    row[name]
        .as_i64()
        .and_then(|number| i32::try_from(number).ok())
        .unwrap_or_default()
}

fn approximate_row(row: &Value) -> Counts {
    approximate(
        number(row, "replicas"),
        number(row, "weight"),
        number(row, "maxWeight"),
        number(row, "maxSurge"),
    )
}

/// The set-up that the file describes.
fn counts_row(row: &Value) -> Counts {
    let routed = row["trafficRouting"] == Value::Bool(true);
    let rollout: Rollout = rollouts::api::decode::lenient(&json!({
        "spec": {
            "replicas": row["replicas"],
            "strategy": {"canary": {
                "maxSurge": row["maxSurge"],
                "maxUnavailable": row["maxUnavailable"],
                "abortScaleDownDelaySeconds": row["abortScaleDownDelaySeconds"],
                "minPodsPerReplicaSet": row["minPodsPerReplicaSet"],
                "trafficRouting": routed.then(|| json!({})),
                "steps": [{"setWeight": row["setWeight"], "setCanaryScale": row["setCanaryScale"]}],
            }},
        },
        "status": {
            "stableRS": "stable",
            "currentPodHash": "canary",
            "promoteFull": row["promoteFull"],
            "abort": row["abort"],
        },
    }))
    .object;
    if routed {
        return counts_routed(&rollout, None, None, None);
    }
    let set = |name: &str| {
        let counts = &row[name];
        (!counts.is_null()).then(|| {
            ReplicaSetView::from_value(&json!({
                "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": name}},
                "spec": {"replicas": counts["specReplicas"]},
                "status": {"availableReplicas": counts["availableReplicas"]},
            }))
        })
    };
    let (new, stable, older) = (set("canary"), set("stable"), set("older"));
    counts_basic(
        &rollout,
        new.as_ref(),
        stable.as_ref(),
        &older.iter().collect::<Vec<_>>(),
    )
}
