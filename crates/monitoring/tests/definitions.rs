//! Our definitions against upstream's, field by field, where those lie beside the checkout.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stdout,
    reason = "in tests, a panic is the failure"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// What client-side `kubectl apply` can store in its annotation.
const MOST_BYTES: usize = 262_144;

/// Differences by a part of their line, each with its reason.
const REASONS: &[(&str, &str)] = &[];

#[test]
fn every_definition_fits_into_the_annotation_of_client_side_apply() {
    for crd in monitoring::api::crds::full_crds() {
        let size = crd.to_string().len();
        assert!(size < MOST_BYTES, "{} has {size} bytes", name(&crd));
    }
}

#[test]
fn definitions_have_the_structure_of_upstreams() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/upstream-crds/monitoring");
    if !folder.is_dir() {
        eprintln!("skipped: no upstream definitions");
        return;
    }
    let mut theirs: BTreeMap<String, Value> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let documents =
                machinery::yaml::parse_documents(&fs::read_to_string(path).unwrap()).unwrap();
            theirs.extend(
                documents
                    .into_iter()
                    .map(|crd| (name(&crd).to_owned(), crd)),
            );
        }
    }
    let mut differences = Vec::new();
    for crd in monitoring::api::crds::full_crds() {
        let path = name(&crd).to_owned();
        let upstream = theirs.remove(&path).unwrap_or_default();
        differ(
            &path,
            &structure(&upstream),
            &structure(&crd),
            &mut differences,
        );
    }
    differences.extend(
        theirs
            .into_keys()
            .map(|name| format!("{name}: only upstream's")),
    );
    differences.retain(|line| !REASONS.iter().any(|(part, _)| line.contains(part)));
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}

fn name(crd: &Value) -> &str {
    crd["metadata"]["name"].as_str().unwrap_or_default()
}

/// A definition without descriptions and the generator's annotations.
fn structure(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let dropped = |key: &str, field: &Value| {
                (key == "description" && field.is_string())
                    || (key == "annotations" && fields.contains_key("name"))
            };
            let kept = fields.iter().filter(|(key, field)| !dropped(key, field));
            let kept: Map<String, Value> = kept
                .map(|(key, field)| match (key.as_str(), structure(field)) {
                    ("required", Value::Array(mut items)) => {
                        items.sort_by_key(Value::to_string);
                        (key.clone(), Value::Array(items))
                    }
                    (_, field) => (key.clone(), field),
                })
                .collect();
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(structure).collect()),
        other => other.clone(),
    }
}

fn differ(path: &str, theirs: &Value, ours: &Value, differences: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for key in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                let path = if key == "properties" {
                    path.to_owned()
                } else {
                    format!("{path}.{key}")
                };
                match (theirs.get(key), ours.get(key)) {
                    (Some(theirs), Some(ours)) => differ(&path, theirs, ours, differences),
                    (Some(theirs), None) => {
                        differences.push(format!("{path}: only upstream's: {}", short(theirs)));
                    }
                    (None, Some(ours)) => {
                        differences.push(format!("{path}: only ours: {}", short(ours)));
                    }
                    (None, None) => {}
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                differ(&format!("{path}[{index}]"), theirs, ours, differences);
            }
        }
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => {
            differences.push(format!(
                "{path}: upstream {}, ours {}",
                short(theirs),
                short(ours)
            ));
        }
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(100).collect()
}
