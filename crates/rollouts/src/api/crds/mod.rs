//! Custom resource definitions, made from the types: structure as upstream's, descriptions from our doc comments, the schemas
//! of Kubernetes' own types without any, so that client-side `kubectl apply` keeps working.

mod kubernetes;
mod pieces;
#[cfg(test)]
mod tests;

pub(crate) use machinery::schema::openapi::any_object;
use serde_json::{Value, json};

pub(crate) use kubernetes::{job_spec, pod_template};
pub(crate) use pieces::{
    atomic_list, aws_resource, label_selector, one_of, rollout_selector, template_references, text,
    with_default,
};

use super::schema::ApiSchema;
use super::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, GROUP, Rollout, VERSION,
};

/// What a definition says besides its schema.
struct Definition {
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    scope: &'static str,
    columns: Value,
    subresources: Value,
    schema: Value,
}

/// The five definitions, by name.
pub fn crds() -> Vec<Value> {
    let mut all = vec![
        analysis_run(),
        analysis_template(),
        cluster_analysis_template(),
        experiment(),
        rollout(),
    ];
    all.drain(..).map(to_crd).collect()
}

/// The structural schema of Rollouts.
pub fn rollout_schema() -> Value {
    rollout().schema
}

fn to_crd(definition: Definition) -> Value {
    let Definition {
        kind,
        plural,
        short,
        scope,
        columns,
        subresources,
        mut schema,
    } = definition;
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        // The API server has its own schema for metadata and wants nothing said about it.
        properties.insert("metadata".to_owned(), json!({"type": "object"}));
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "shortNames": [short],
                "singular": kind.to_lowercase(),
            },
            "scope": scope,
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns,
                "subresources": subresources,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

fn column(name: &str, kind: &str, path: &str, description: &str) -> Value {
    json!({"name": name, "type": kind, "jsonPath": path, "description": description})
}

fn age() -> Value {
    column(
        "Age",
        "date",
        ".metadata.creationTimestamp",
        "Time since creation",
    )
}

fn rollout() -> Definition {
    Definition {
        kind: "Rollout",
        plural: "rollouts",
        short: "ro",
        scope: "Namespaced",
        columns: json!([
            column(
                "Desired",
                "integer",
                ".spec.replicas",
                "Pods that should be"
            ),
            column("Current", "integer", ".status.replicas", "Pods that are"),
            column(
                "Up-to-date",
                "integer",
                ".status.updatedReplicas",
                "Pods of the latest template"
            ),
            column(
                "Available",
                "integer",
                ".status.availableReplicas",
                "Pods that serve"
            ),
            age(),
        ]),
        subresources: json!({
            "scale": {
                "labelSelectorPath": ".status.selector",
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.HPAReplicas",
            },
            "status": {},
        }),
        schema: Rollout::schema(),
    }
}

fn experiment() -> Definition {
    Definition {
        kind: "Experiment",
        plural: "experiments",
        short: "exp",
        scope: "Namespaced",
        columns: json!([
            column(
                "Status",
                "string",
                ".status.phase",
                "State of the Experiment"
            ),
            age()
        ]),
        subresources: json!({}),
        schema: Experiment::schema(),
    }
}

fn analysis_run() -> Definition {
    Definition {
        kind: "AnalysisRun",
        plural: "analysisruns",
        short: "ar",
        scope: "Namespaced",
        columns: json!([
            column("Status", "string", ".status.phase", "State of the run"),
            age()
        ]),
        subresources: json!({}),
        schema: AnalysisRun::schema(),
    }
}

fn analysis_template() -> Definition {
    Definition {
        kind: "AnalysisTemplate",
        plural: "analysistemplates",
        short: "at",
        scope: "Namespaced",
        columns: json!([age()]),
        subresources: json!({}),
        schema: AnalysisTemplate::schema(),
    }
}

fn cluster_analysis_template() -> Definition {
    Definition {
        kind: "ClusterAnalysisTemplate",
        plural: "clusteranalysistemplates",
        short: "cat",
        scope: "Cluster",
        columns: json!([age()]),
        subresources: json!({}),
        schema: ClusterAnalysisTemplate::schema(),
    }
}
