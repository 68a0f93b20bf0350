use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::crds;
use crate::api::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, Rollout};

/// A document in which every leaf of a schema is set, to something other than Go's zero value.
fn every_leaf(schema: &Value) -> Value {
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    if let Some(properties) = schema["properties"].as_object() {
        let leaf = |(name, schema): (&String, &Value)| (name.clone(), every_leaf(schema));
        return Value::Object(properties.iter().map(leaf).collect());
    }
    if schema["additionalProperties"].is_object() {
        return json!({"key": every_leaf(&schema["additionalProperties"])});
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => json!([every_leaf(&schema["items"])]),
        (Some("integer"), _) => json!(7),
        (Some("number"), _) => json!(0.5),
        (Some("boolean"), _) => json!(true),
        (Some("string"), Some("date-time")) => json!("2026-03-01T00:00:00Z"),
        (Some("string"), _) => json!("text"),
        (Some("object"), _) if schema["x-kubernetes-preserve-unknown-fields"] == json!(true) => {
            json!({"kept": {"as": ["it", 1, "s"]}})
        }
        (Some("object"), _) => json!({}),
        _ if schema["x-kubernetes-int-or-string"] == json!(true) => json!("25%"),
        _ => json!({"kept": [1, {"as": "is"}]}),
    }
}

fn survives<T: DeserializeOwned + Serialize>(document: &Value) {
    let read: T = serde_json::from_value(document.clone()).unwrap();
    let mut written = serde_json::to_value(read).unwrap();
    // Metadata has no leaf in a definition.
    written["metadata"] = json!({});
    assert_eq!(leaves(&written, ""), leaves(document, ""));
}

/// Paths and values, which make a short difference.
fn leaves(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Object(fields) if !fields.is_empty() => fields
            .iter()
            .flat_map(|(key, field)| leaves(field, &format!("{path}.{key}")))
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| leaves(item, &format!("{path}[]")))
            .collect(),
        leaf => vec![format!("{path}: {leaf}")],
    }
}

fn survives_as(kind: &str, document: &Value) {
    match kind {
        "Rollout" => survives::<Rollout>(document),
        "Experiment" => survives::<Experiment>(document),
        "AnalysisRun" => survives::<AnalysisRun>(document),
        "AnalysisTemplate" => survives::<AnalysisTemplate>(document),
        "ClusterAnalysisTemplate" => survives::<ClusterAnalysisTemplate>(document),
        other => panic!("unknown kind {other}"),
    }
}

#[test]
fn every_leaf_of_upstreams_schemas_survives_reading_and_writing() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/upstream-crds/rollouts"
    ));
    if !folder.is_dir() {
        eprintln!("skipped: no `{}`", folder.display());
        return;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for crd in machinery::yaml::parse_documents(&text).unwrap() {
            let Some(kind) = crd["spec"]["names"]["kind"].as_str() else {
                continue;
            };
            survives_as(
                kind,
                &every_leaf(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]),
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn every_leaf_of_our_schemas_survives_reading_and_writing() {
    for crd in crds() {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
        survives_as(
            kind,
            &every_leaf(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]),
        );
    }
}

#[test]
fn definitions_are_small_enough_for_client_side_apply() {
    for crd in crds() {
        let size = crd.to_string().len();
        assert!(
            size < 131_072,
            "{} has {size} bytes",
            crd["metadata"]["name"]
        );
    }
}

#[test]
fn every_field_of_ours_is_described_and_kubernetes_fields_are_not() {
    let all = crds();
    let rollout = all.last().unwrap();
    let spec = &rollout["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    for (name, schema) in spec.as_object().unwrap() {
        assert!(
            schema["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
    assert!(
        !spec["template"]["properties"]
            .to_string()
            .contains("\"description\"")
    );
}
