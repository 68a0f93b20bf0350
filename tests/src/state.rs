//! What a namespace looks like, with everything masked that may differ between two equal runs.

use std::fmt::Write as _;
use std::sync::LazyLock;

use anyhow::Result;
use regex::Regex;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{POD, text};
use crate::unpack;

/// Resource versions of all that scenarios are about.
pub(crate) async fn versions(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    for resource in cluster.stage.resources().into_iter().chain([POD]) {
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
    for resource in cluster.stage.resources().into_iter().chain([POD]) {
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
        "Secret" | "ConfigMap" => {
            object
                .get("data")
                .and_then(Value::as_object)
                .map_or(String::new(), |data| {
                    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
                    keys.join(" ")
                })
        }
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
    all.insert(String::new(), of_namespace(cluster).await?);
    for beside in cluster.stage.beside {
        let of_other = of_namespace(&cluster.view(beside)).await?;
        all.insert((*beside).to_owned(), of_other);
    }
    Ok(all.into())
}

async fn of_namespace(cluster: &Cluster) -> Result<Value> {
    let mut all = serde_json::Map::new();
    for resource in cluster.stage.resources() {
        let mut objects = Vec::new();
        for mut object in cluster.list(&resource).await? {
            unpack::in_place(&mut object);
            mask(&mut object, &cluster.namespace);
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
            objects.push(object);
        }
        all.insert(resource.plural.to_string(), objects.into());
    }
    let mut pods: Vec<Value> = cluster.list(&POD).await?.iter().map(pod).collect();
    for pod in &mut pods {
        mask(pod, &cluster.namespace);
    }
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
const MASKED: [&str; 13] = [
    "uid",
    "resourceVersion",
    "generation",
    "observedGeneration",
    "managedFields",
    "clusterIP",
    "clusterIPs",
    "totalManualPauseDurationSeconds",
    "workloadObservedGeneration",
    // Of what a StatefulSet was before, which an end that was reached another way had another one of.
    "prometheus-operator-input-hash",
    "volumeName",
    // How often the template of a DaemonSet changed.
    "deprecated.daemonset.template.generation",
    "pod-template-generation",
];

static UID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").expect("a regular expression")
});

fn mask(value: &mut Value, namespace: &str) {
    match value {
        Value::Object(fields) => {
            // Their order tells which passes one write covered, and so when failures came.
            if let Some(conditions) = fields.get_mut("conditions").and_then(Value::as_array_mut) {
                conditions.sort_by_key(|condition| text(condition, "/type").to_owned());
            }
            for several in ["bindings", "ownerReferences"] {
                if let Some(Value::Array(items)) = fields.get_mut(several) {
                    items.sort_by_key(|item| {
                        format!("{} {}", text(item, "/resource"), text(item, "/name"))
                    });
                }
            }
            fields.retain(|key, _| !MASKED.contains(&key.as_str()));
            // Rule files are named by the objects they come from.
            let named: Vec<String> = fields
                .keys()
                .filter(|key| UID.is_match(key))
                .cloned()
                .collect();
            for name in named {
                if let Some(value) = fields.remove(&name) {
                    fields.insert(masked(&name, namespace), value);
                }
            }
            for value in fields.values_mut() {
                mask(value, namespace);
            }
        }
        Value::Array(items) => {
            for item in items {
                mask(item, namespace);
            }
        }
        Value::String(text) => {
            *text = if text.parse::<jiff::Timestamp>().is_ok() {
                "<time>".to_owned()
            } else {
                masked(text, namespace)
            };
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn masked(text: &str, namespace: &str) -> String {
    UID.replace_all(text, "<uid>")
        .replace(namespace, "<namespace>")
}
