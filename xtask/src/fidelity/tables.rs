//! Area `tables`: what `kubectl get` prints of every built-in kind, from objects whose cells are not empty.
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use simulator::apiserver::registry::Registry;

use super::area::{Area, Chance};
use super::sequence::{Sequence, Step};

/// Objects with status. Names of cluster-scoped ones begin with `${ns}`, so that sequences don't meet.
const OBJECTS: &str = include_str!("tables/objects.yaml");

/// What `Accept` says: kubectl, Go's client for metadata, and what can't be had.
const FORMS: [&str; 8] = [
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    "application/yaml;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/json;as=Table;v=v2;g=meta.k8s.io",
];
const INCLUDED: [&str; 6] = ["", "None", "Metadata", "Object", "None", "Nothing"];

/// Tables.
pub struct Tables;

impl Area for Tables {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn alone(&self, sequence: &Sequence) -> bool {
        // A range that Services of others would get their addresses from.
        sequence.title.ends_with("servicecidrs")
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let objects = machinery::yaml::parse_documents(OBJECTS)?;
        let mut sequences = Vec::new();
        for round in 0..3 {
            for (number, object) in (0_u64..).zip(&objects) {
                let mut chance = Chance::of(seed, round * 1000 + number);
                sequences.push(sequence(object, &mut chance)?);
            }
        }
        // The first ones are a sample.
        Chance::of(seed, u64::MAX).shuffle(&mut sequences);
        Ok(sequences)
    }
}

/// A kind's objects, and tables of them.
fn sequence(object: &Value, chance: &mut Chance) -> Result<Sequence> {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    let registry = Registry::builtin();
    let served = registry
        .of_kind(api_version, kind)
        .with_context(|| format!("no kind {api_version} {kind}"))?;
    let root = if api_version.contains('/') {
        "apis"
    } else {
        "api"
    };
    let namespace = if served.resource.namespaced {
        "namespaces/${ns}/"
    } else {
        ""
    };
    let collection = format!(
        "/{root}/{api_version}/{namespace}{}",
        served.resource.plural
    );
    let mut steps = Vec::new();
    for suffix in ["", "-b"] {
        let mut object = object.clone();
        let name = format!("{}{suffix}", text("/metadata/name"));
        object["metadata"]["name"] = json!(name);
        object["metadata"]["labels"]["of"] = json!("${ns}");
        steps.push(Step::new("POST", &collection).json(&object).prepare());
        if served.has_subresource("status") && object["status"].is_object() && suffix.is_empty() {
            let patch = json!({"status": object["status"]}).to_string();
            let status = Step::new("PATCH", format!("{collection}/{name}/status"));
            steps.push(status.body("application/merge-patch+json", patch).prepare());
        }
    }
    let item = format!("{collection}/{}", text("/metadata/name"));
    if kind == "CustomResourceDefinition" {
        // The server itself goes on writing them until they are served.
        steps.push(Step::get(&item).until("/status/conditions/1/status", "True"));
    }
    steps.push(Step::get(&item).show(&["/metadata/name", "/kind"]));
    for _ in 0..9 {
        let target = chance.pick(&[
            format!("{collection}?labelSelector=of%3D${{ns}}"),
            format!("{collection}?labelSelector=of%3D${{ns}}&watch=1&timeoutSeconds=1"),
            format!("{collection}?labelSelector=none%3D${{ns}}"),
            format!("{item}?"),
        ]);
        let included = match chance.pick(&INCLUDED) {
            "" => String::new(),
            included => format!("&includeObject={included}"),
        };
        let step = Step::get(format!("{target}{included}"));
        steps.push(step.header("accept", chance.pick(&FORMS)));
    }
    Ok(Sequence {
        title: format!("tables of {}", served.resource.plural),
        steps,
    })
}

#[test]
fn every_kind_with_columns_of_its_own_has_objects() {
    let sequences = Tables.sequences(7).expect("sequences");
    assert!(sequences.len() >= 3 * 45, "{}", sequences.len());
    assert_eq!(sequences, Tables.sequences(7).expect("sequences"));
    assert_ne!(sequences, Tables.sequences(8).expect("sequences"));
}
