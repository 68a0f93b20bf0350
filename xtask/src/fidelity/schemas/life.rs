//! A definition's life as its clients see it: it is established, changed by several managers, has objects, which are found by
//! selectable fields, and goes with them.
use serde_json::{Value, json};

use super::super::area::Chance;
use super::super::sequence::{Sequence, Step};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Such a life; chance decides on what it is made of.
pub fn sequence(title: &str, chance: &mut Chance) -> Sequence {
    let group = "${ns}.example.com";
    let name = format!("gears.{group}");
    let item = format!("{DEFINITIONS}/{name}");
    let definition = definition(group, &name, chance);
    let version = chance.pick(&["v1", "v2"]);
    let all = format!("/apis/{group}/{version}/namespaces/${{ns}}/gears");
    let mut steps = vec![Step::new("POST", DEFINITIONS).json(&definition)];
    steps.push(Step::get(&item).until("/status/conditions/1/status", "True"));
    steps.push(Step::get(&item));
    managers(&mut steps, &item, chance);
    steps.push(Step::get(&all).until("/kind", "GearList"));
    objects(&mut steps, &all, &format!("{group}/{version}"), chance);
    steps.push(Step::new("DELETE", &item));
    steps.push(Step::get(&item).until("/status/conditions/2/reason", "InstanceDeletionInProgress"));
    let gear = json!({"apiVersion": format!("{group}/{version}"), "kind": "Gear", "metadata": {"name": "late"}});
    steps.push(Step::new("POST", &all).json(&gear));
    let again = json!({"apiVersion": format!("{group}/{version}"), "kind": "Gear", "metadata": {"name": "new"}});
    let apply = Step::new("PATCH", format!("{all}/new?fieldManager=a"));
    steps.push(apply.body(APPLY, again.to_string()));
    // That is written first, then the objects are deleted one after the other.
    let held = format!("{all}/held");
    steps.push(Step::get(&held).until("/metadata/deletionGracePeriodSeconds", 0));
    steps.push(Step::get(held));
    let free = Step::new("PATCH", format!("{all}/held"));
    steps.push(free.body(MERGE, r#"{"metadata":{"finalizers":null}}"#));
    steps.push(Step::get(&item).until("/code", 404));
    Sequence {
        title: title.to_owned(),
        steps,
    }
}

fn definition(group: &str, name: &str, chance: &mut Chance) -> Value {
    let fields = json!({
        "size": {"type": "integer", "default": chance.below(9)}, "colour": {"type": "string"},
        "replicas": {"type": "integer"}, "sealed": {"type": "boolean"},
    });
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": fields},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}}},
    }});
    let columns = json!([
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Colours", "type": "string", "jsonPath": ".spec['colour', 'size']", "priority": 1},
    ]);
    let scale = json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector"});
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}, "scale": scale}, "additionalPrinterColumns": columns,
            "selectableFields": [{"jsonPath": ".spec.colour"}, {"jsonPath": ".spec.size"}, {"jsonPath": ".spec.sealed"}]})
    };
    let first = chance.once_in(2);
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "gears", "kind": "Gear"},
            "versions": [version("v1", first), version("v2", !first)]}})
}

/// Writes of several managers to the definition.
fn managers(steps: &mut Vec<Step>, item: &str, chance: &mut Chance) {
    let label = |value: &str| format!("{{\"metadata\":{{\"labels\":{{\"a\":\"{value}\"}}}}}}");
    for round in 0..3 {
        let value = format!("r{round}");
        let step = match chance.below(5) {
            0 => Step::new("PATCH", format!("{item}?fieldManager=one")).body(MERGE, label(&value)),
            1 => Step::new("PATCH", format!("{item}/status?fieldManager=two"))
                .body(MERGE, label(&value)),
            2 => Step::new("PATCH", format!("{item}/status?fieldManager=three")).body(
                MERGE,
                r#"{"status":{"storedVersions":["v1","v2"]},"spec":{"scope":"Cluster"}}"#,
            ),
            3 => Step::new("PATCH", format!("{item}?fieldManager=four")).body(
                MERGE,
                format!("{{\"spec\":{{\"names\":{{\"shortNames\":[\"{value}\"]}}}}}}"),
            ),
            _ => {
                let name = item.rsplit('/').next().unwrap_or_default();
                let body = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": {"name": name, "annotations": {"b": value}}});
                Step::new("PATCH", format!("{item}?fieldManager=five&force=true"))
                    .body(APPLY, body.to_string())
            }
        };
        let renamed = step.body.contains("shortNames");
        steps.push(step);
        // The names controller may still have to say something.
        let names = format!("{item}?round={round}");
        steps.push(if renamed {
            Step::get(&names).until("/status/acceptedNames/shortNames/0", value)
        } else {
            Step::get(&names).until("/status/conditions/0/status", "True")
        });
    }
}

/// Objects, and what finds them.
fn objects(steps: &mut Vec<Step>, all: &str, api_version: &str, chance: &mut Chance) {
    let colours = ["red", "blue"];
    for (index, name) in ["a", "b", "held"].iter().enumerate() {
        let mut gear = json!({"apiVersion": api_version, "kind": "Gear", "metadata": {"name": name},
            "spec": {"colour": chance.pick(&colours), "replicas": index, "sealed": index == 1}});
        if *name == "held" {
            gear["metadata"]["finalizers"] = json!(["example.com/hold"]);
        }
        steps.push(Step::new("POST", all).json(&gear));
    }
    for selector in [
        "spec.colour=red",
        "spec.colour!=red",
        "spec.sealed=true",
        "spec.size=3,metadata.name!=a",
        "spec.replicas=1",
        "spec.nobody=1",
        "status.phase=x",
    ] {
        if chance.once_in(2) {
            steps.push(Step::get(format!("{all}?fieldSelector={selector}")));
        }
    }
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    steps.push(Step::get(all).header("accept", table));
    steps.push(Step::get(format!("{all}/b/scale")));
    let scale = Step::new("PATCH", format!("{all}/b/scale?fieldManager=s"));
    steps.push(scale.body(MERGE, r#"{"spec":{"replicas":7}}"#));
    let status = Step::new("PATCH", format!("{all}/b/status"));
    steps.push(status.body(
        MERGE,
        r#"{"status":{"replicas":5,"selector":"a=b"},"spec":{"size":1}}"#,
    ));
    steps.push(Step::get(format!("{all}/b/scale")));
    steps.push(Step::get(format!("{all}/b/nothing")));
    let others = Step::new(
        "DELETE",
        format!("{all}?fieldSelector=spec.colour=red,metadata.name!=held"),
    );
    steps.push(others);
    steps.push(Step::get(all));
}
