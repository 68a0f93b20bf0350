//! A definition comes, gets a second version, and goes; the documents follow.
use serde_json::{Value, json};

use super::{AGGREGATED, with_accept};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::{Sequence, Step};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const VERSIONS: [&str; 8] = [
    "v1", "v2", "v10", "v1beta1", "v2beta3", "v1alpha1", "v3alpha2", "foo10",
];
/// Fields of a schema, each of another sort.
const FIELDS: [&str; 14] = [
    r#"{"type":"string","description":"a text","default":"a"}"#,
    r#"{"type":"string","enum":["a","b"],"pattern":"^[ab]$","maxLength":3}"#,
    r#"{"type":"integer","format":"int32","minimum":1,"exclusiveMinimum":true}"#,
    r#"{"x-kubernetes-int-or-string":true}"#,
    r#"{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]}"#,
    r#"{"type":"object","x-kubernetes-preserve-unknown-fields":true}"#,
    r#"{"x-kubernetes-preserve-unknown-fields":true}"#,
    r#"{"type":"string","nullable":true}"#,
    r#"{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true}"#,
    r#"{"type":"array","items":{"type":"object","properties":{"k":{"type":"string"}},"required":["k"]},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"]}"#,
    r#"{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"}"#,
    r#"{"type":"object","additionalProperties":{"type":"number"},"x-kubernetes-map-type":"atomic"}"#,
    r#"{"type":"object","properties":{"x":{"type":"boolean"}},"x-kubernetes-validations":[{"rule":"self.x","message":"no"}]}"#,
    r#"{"type":"object","properties":{"x":{"type":"string","format":"date-time"},"y":{"type":"string"}},"oneOf":[{"required":["x"]},{"required":["y"]}]}"#,
];

/// Names of one definition.
struct Names {
    group: String,
    plural: String,
    kind: String,
}

/// The life of a definition that chance decides on.
pub fn sequence(chance: &mut Chance, number: u64) -> Sequence {
    let names = Names {
        group: format!(
            "{}{number}.example.com",
            chance.pick(&["a", "zoo", "mid-dle"])
        ),
        plural: chance.pick(&["gadgets", "mice", "boxes"]).to_owned(),
        kind: chance.pick(&["Gadget", "Mouse", "Box"]).to_owned(),
    };
    let first = chance.pick(&VERSIONS);
    let second = loop {
        let other = chance.pick(&VERSIONS);
        if other != first {
            break other;
        }
    };
    let name = format!("{}.{}", names.plural, names.group);
    let item = format!("{DEFINITIONS}/{name}");
    let mut definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": names.group,
            "scope": chance.pick(&["Namespaced", "Cluster"]),
            "names": names_of(&names, chance),
            "versions": [version(first, true, chance)],
        },
    });
    let mut steps = vec![Step::new("POST", DEFINITIONS).json(&definition).prepare()];
    published(&mut steps, &names, &[first]);
    documents(&mut steps, &names, &[first], chance);
    if let Some(versions) = definition["spec"]["versions"].as_array_mut() {
        let mut other = version(second, false, chance);
        if let [first, ..] = versions.as_slice()
            && other["selectableFields"].is_array()
            && first["selectableFields"].is_array()
        {
            // The same ones beside another schema are refused.
            other["selectableFields"] = json!([{"jsonPath": ".spec.replicas"}]);
        }
        versions.push(other);
    }
    let patch = json!({"spec": {"versions": definition["spec"]["versions"]}});
    let patched = Step::new("PATCH", &item).body("application/merge-patch+json", patch.to_string());
    steps.push(patched.prepare());
    published(&mut steps, &names, &[first, second]);
    documents(&mut steps, &names, &[first, second], chance);
    steps.push(Step::new("DELETE", &item).prepare());
    // Nothing is left of it; its group isn't JSON any more.
    let gone = Step::get(format!("/apis/{}", names.group));
    steps.push(gone.until("", Value::Null));
    let gone = Step::get(format!("/openapi/v3/apis/{}/{first}", names.group));
    steps.push(gone.until("", Value::Null));
    for version in [first, second] {
        // The list of documents follows by and by.
        let indexed = indexed(&names.group, version);
        steps.push(Step::get("/openapi/v3").until(&indexed, Value::Null));
    }
    let all = Step::get("/apis").header("accept", AGGREGATED);
    steps.push(all.until("/items/19/metadata/name", LAST));
    steps.push(Step::get("/apis").header("accept", AGGREGATED));
    steps.push(Step::get(format!("/apis/{}/{first}", names.group)));
    steps.push(Step::get("/openapi/v3").document());
    Sequence {
        title: format!("{TITLE}{name}"),
        steps,
    }
}

const TITLE: &str = "a definition of ";

/// Whether a sequence is one of these.
pub fn is_one(sequence: &Sequence) -> bool {
    sequence.title.starts_with(TITLE)
}

/// The last built-in group in the order of discovery.
const LAST: &str = "flowcontrol.apiserver.k8s.io";

/// Where the list of documents names that of a version.
fn indexed(group: &str, version: &str) -> String {
    format!("/paths/apis~1{group}~1{version}")
}

/// Waits until these versions are everywhere.
fn published(steps: &mut Vec<Step>, names: &Names, versions: &[&str]) {
    let group = &names.group;
    for version in versions {
        let list = Step::get(format!("/apis/{group}/{version}"));
        steps.push(list.until("/groupVersion", format!("{group}/{version}")));
        let document = Step::get(format!("/openapi/v3/apis/{group}/{version}"));
        steps.push(document.until("/openapi", "3.0.0"));
    }
    let aggregated = Step::get("/apis").header("accept", AGGREGATED);
    steps.push(aggregated.until("/items/20/metadata/name", group.as_str()));
    if let [_, second] = versions {
        // Whichever comes first, the other one is there then.
        let both = simulator::apiserver::discovery::compare_versions(versions[0], second).is_lt();
        let last = if both { second } else { &versions[0] };
        let aggregated = Step::get("/apis").header("accept", AGGREGATED);
        steps.push(aggregated.until("/items/20/versions/1/version", *last));
    }
}

fn documents(steps: &mut Vec<Step>, names: &Names, versions: &[&str], chance: &mut Chance) {
    let group = &names.group;
    steps.push(with_accept(Step::get("/apis"), chance));
    steps.push(with_accept(Step::get(format!("/apis/{group}")), chance));
    steps.push(Step::get("/apis").header("accept", AGGREGATED));
    steps.push(Step::get("/openapi/v3").document());
    for version in versions {
        let path = format!("/apis/{group}/{version}");
        steps.push(with_accept(Step::get(&path), chance));
        let method = chance.pick(&["HEAD", "OPTIONS", "POST"]);
        steps.push(Step::new(method, &path));
        steps.push(Step::get(format!("/openapi/v3{path}")).document());
    }
    if chance.once_in(3) {
        let reversed: Vec<&str> = group.rsplit('.').collect();
        let model = format!(
            "/definitions/{}.{}.{}/x-kubernetes-group-version-kind/0/kind",
            reversed.join("."),
            versions[versions.len() - 1],
            names.kind
        );
        let swagger = || Step::get("/openapi/v2").header("accept-encoding", "gzip");
        steps.push(swagger().until(&model, names.kind.as_str()));
        steps.push(swagger().document());
    }
}

fn names_of(names: &Names, chance: &mut Chance) -> Value {
    let mut value = json!({"plural": names.plural, "kind": names.kind});
    if chance.once_in(2) {
        value["shortNames"] = json!(["gd", "g2"]);
    }
    if chance.once_in(2) {
        value["categories"] = json!(["all", "things"]);
    }
    if chance.once_in(2) {
        value["singular"] = json!("one");
        value["listKind"] = json!(format!("{}Collection", names.kind));
    }
    value
}

fn version(name: &str, storage: bool, chance: &mut Chance) -> Value {
    let mut spec = serde_json::Map::new();
    for letter in ["a", "b", "c", "d", "e"] {
        let field = serde_json::from_str(chance.pick(&FIELDS)).unwrap_or_default();
        spec.insert(letter.to_owned(), field);
    }
    spec.insert("replicas".to_owned(), json!({"type": "integer"}));
    spec.insert("color".to_owned(), json!({"type": "string"}));
    let mut schema = json!({
        "type": "object",
        "description": "A thing.",
        "properties": {
            "spec": {"type": "object", "required": ["a"], "properties": spec},
            "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}}},
        },
    });
    if chance.once_in(4) {
        schema["required"] = json!(["spec"]);
    }
    if chance.once_in(6) {
        schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
    }
    let mut version = json!({
        "name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema},
    });
    if chance.once_in(2) {
        version["subresources"] = json!({"status": {}});
        if chance.once_in(2) {
            version["subresources"]["scale"] = json!({
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            });
        }
    }
    if chance.once_in(3) {
        version["selectableFields"] = json!([{"jsonPath": ".spec.color"}]);
    }
    if chance.once_in(4) {
        version["deprecated"] = json!(true);
    }
    version
}
