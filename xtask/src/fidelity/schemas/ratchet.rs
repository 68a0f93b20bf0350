//! A definition's life in one sequence: first it lets everything pass and objects with flaws are stored; then its schema comes,
//! objects are created as dry runs, and those that are stored are changed.
use serde_json::{Value, json};
use simulator::conformance::schemas::samples;

use super::super::area::Chance;
use super::super::sequence::{Sequence, Step};
use super::{text, upstream};

/// Flawed objects that are stored, and objects that are not.
const STORED: usize = 6;
const DRY: usize = 40;
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MERGE: &str = "application/merge-patch+json";

/// Objects of the definition's stored version, in a group of the sequence's own.
pub fn sequence(title: &str, definition: &Value, chance: &mut Chance) -> Sequence {
    let version = upstream::stored(definition);
    let schema = version["schema"]["openAPIV3Schema"].clone();
    let (version, plural, kind) = (
        text(version, "/name"),
        text(definition, "/spec/names/plural"),
        text(definition, "/spec/names/kind"),
    );
    let group = "${ns}.example.com";
    let versions = |schema: &Value| json!([{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]);
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let named = format!("{plural}.{group}");
    let copy = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": named},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": versions(&anything)}});
    let all = format!("/apis/{group}/{version}/namespaces/${{ns}}/{plural}");
    let listed = Step::get(all.clone()).until("/kind", format!("{kind}List"));
    let mut steps = vec![Step::new("POST", DEFINITIONS).json(&copy).prepare(), listed];
    let api_version = format!("{group}/{version}");
    let objects = objects(definition, &api_version, chance);
    for object in &objects {
        steps.push(Step::new("POST", all.clone()).json(object));
    }
    let strict = json!({"spec": {"versions": versions(&schema)}});
    let tighter = Step::new("PATCH", format!("{DEFINITIONS}/{named}"));
    steps.push(tighter.body(MERGE, strict.to_string()).prepare());
    steps.push(in_force(&schema, &all, &api_version, kind));
    let dry = samples(definition, chance.seed(), DRY);
    for sample in dry {
        let mut object = sample.object;
        object["apiVersion"] = json!(api_version);
        // Now and then unknown fields are errors.
        let strict = if chance.once_in(4) {
            "&fieldValidation=Strict"
        } else {
            ""
        };
        steps.push(Step::new("POST", format!("{all}?dryRun=All{strict}")).json(&object));
    }
    for (index, object) in objects.iter().enumerate() {
        let next = objects.get((index + 1) % objects.len().max(1));
        steps.extend(changes(&all, object, next));
    }
    let gone = Step::new("DELETE", format!("{DEFINITIONS}/{named}"));
    steps.push(gone.prepare());
    Sequence {
        title: title.to_owned(),
        steps,
    }
}

/// Objects with a flaw each, with names of their own.
fn objects(definition: &Value, api_version: &str, chance: &mut Chance) -> Vec<Value> {
    let made = samples(definition, chance.seed(), STORED * 2);
    let flawed = made.into_iter().skip(2).take(STORED).enumerate();
    flawed
        .map(|(index, sample)| {
            let mut object = sample.object;
            object["apiVersion"] = json!(api_version);
            object["metadata"] = json!({"name": format!("flawed-{index}")});
            object
        })
        .collect()
}

/// An object that the schema refuses tells that it is in force.
fn in_force(schema: &Value, all: &str, api_version: &str, kind: &str) -> Step {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let own =
        properties.filter(|(key, _)| !["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    let mut probe = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "probe"}});
    for (key, schema) in own {
        probe[key] = match schema["type"].as_str() {
            Some("object" | "array") => json!(7),
            _ => json!({"wrong": []}),
        };
    }
    Step::new("POST", format!("{all}?dryRun=All"))
        .json(&probe)
        .until("/code", 422)
}

/// What is done to a stored object with a flaw: a label, a field beside the flaw, another object's content, and its own again.
fn changes(all: &str, object: &Value, next: Option<&Value>) -> Vec<Step> {
    let name = text(object, "/metadata/name");
    let target = format!("{all}/{name}");
    let patch = |body: &Value| Step::new("PATCH", target.clone()).body(MERGE, body.to_string());
    let put = |body: &Value| {
        let mut body = body.clone();
        body["metadata"] = json!({"name": name, "resourceVersion": format!("${{rv:{name}}}")});
        Step::new("PUT", target.clone()).json(&body)
    };
    let mut steps = vec![patch(&json!({"metadata": {"labels": {"touched": "yes"}}}))];
    let beside = object.as_object().into_iter().flatten();
    let beside = beside
        .filter(|(key, _)| !["apiVersion", "kind", "metadata"].contains(&key.as_str()))
        .filter_map(|(key, value)| Some((key, value.as_object()?.keys().next_back()?)));
    for (key, last) in beside {
        steps.push(patch(&json!({key: {last: null}})));
    }
    steps.extend(next.map(put));
    steps.push(put(object));
    steps
}
