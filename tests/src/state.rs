//! What a namespace looks like, with everything masked that may differ between two equal runs.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{DEPLOYMENT, POD, REPLICA_SET, ROLLOUT, SERVICE, text};

/// Resource versions of all that scenarios are about.
pub(crate) async fn versions(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    for resource in [ROLLOUT, DEPLOYMENT, REPLICA_SET, SERVICE, POD] {
        for object in cluster.list(&resource).await? {
            let name = format!("{}/{}", resource.kind, machinery::meta::name(&object));
            versions.push((name, machinery::meta::resource_version(&object).to_owned()));
        }
    }
    Ok(versions)
}

/// The state in a few lines, for people.
pub(crate) async fn summary(cluster: &Cluster) -> String {
    let mut out = String::new();
    for resource in [ROLLOUT, DEPLOYMENT, REPLICA_SET, SERVICE, POD] {
        match cluster.list(&resource).await {
            Ok(objects) => objects.iter().for_each(|object| {
                let _ = writeln!(
                    out,
                    "{} {} {}",
                    resource.kind,
                    machinery::meta::name(object),
                    details(object)
                );
            }),
            Err(error) => {
                let _ = writeln!(out, "{resource}: {error:#}");
            }
        }
    }
    out
}

fn details(object: &Value) -> String {
    let at = |pointer: &str| object.pointer(pointer).unwrap_or(&Value::Null);
    match text(object, "/kind") {
        "Service" => at("/spec/selector").to_string(),
        "Pod" => format!("{} {}", at("/spec/containers/0/image"), at("/status/phase")),
        _ => format!(
            "spec {} annotations {} status {}",
            at("/spec/replicas"),
            at("/metadata/annotations"),
            at("/status")
        ),
    }
}

/// Everything that scenarios are about, without what chance and time decide: equal for runs that ended alike.
pub async fn normalised(cluster: &Cluster) -> Result<Value> {
    let mut all = serde_json::Map::new();
    for resource in [ROLLOUT, DEPLOYMENT, REPLICA_SET, SERVICE] {
        let mut objects = Vec::new();
        for mut object in cluster.list(&resource).await? {
            mask(&mut object);
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
            objects.push(object);
        }
        all.insert(resource.plural.to_string(), objects.into());
    }
    let mut pods: Vec<Value> = cluster.list(&POD).await?.iter().map(pod).collect();
    pods.sort_by_key(Value::to_string);
    all.insert("pods".to_owned(), pods.into());
    Ok(all.into())
}

fn pod(pod: &Value) -> Value {
    let owner = machinery::meta::controller_of(pod).map(|owner| owner.name);
    let ready = pod
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .is_some_and(|conditions| {
            conditions
                .iter()
                .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
        });
    json!({
        "owner": owner, "ready": ready, "phase": text(pod, "/status/phase"),
        "image": text(pod, "/spec/containers/0/image"), "labels": pod.pointer("/metadata/labels"),
    })
}

/// Keys whose values chance or the number of writes decides.
const MASKED: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "observedGeneration",
    "managedFields",
    "clusterIP",
    "clusterIPs",
    "totalManualPauseDurationSeconds",
    "workloadObservedGeneration",
];

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Their order tells which passes one write covered, and so when failures came.
            if let Some(conditions) = fields.get_mut("conditions").and_then(Value::as_array_mut) {
                conditions.sort_by_key(|condition| text(condition, "/type").to_owned());
            }
            fields.retain(|key, _| !MASKED.contains(&key.as_str()));
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => {
            if text.parse::<jiff::Timestamp>().is_ok() {
                "<time>".clone_into(text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
