//! A definition with two versions that a webhook converts, well and badly.
//!
//! What it was asked isn't compared: each version of a real server's resource has a cache of its own, which asks when it likes,
//! and again some time after it was answered badly. So before each request everything is changed, and both caches have seen
//! that while all was well.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{APPLY, MERGE, say};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;
use crate::fidelity::webhook::{Manner, Saying};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GROUP: &str = "${ns}.example.com";
/// What the webhook is called.
const NAME: &str = "convert";
/// An object that nobody asks for, the first in lists.
const MARK: &str = "0";
/// How many requests there are.
const ROUNDS: usize = 16;

/// A definition, objects, and a webhook that says something else each time.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let item = format!("{DEFINITIONS}/gears.{GROUP}");
    let stored = chance.pick(&["v1", "v2"]);
    let mut steps = vec![
        say(NAME, &good()),
        Step::new("POST", DEFINITIONS).json(&definition(stored, chance)),
    ];
    for version in ["v1", "v2"] {
        steps.push(Step::get(all(version)).until("/kind", "GearList"));
    }
    for (name, version) in [(MARK, stored), ("a", "v1"), ("b", "v2")] {
        steps.push(Step::new("POST", all(version)).json(&gear(name, version, 1)));
    }
    for version in ["v1", "v2"] {
        steps.push(Step::get(all(version)));
    }
    for round in 0..ROUNDS {
        steps.push(say(NAME, &good()));
        for name in ["a", "b", "c", MARK] {
            let touched = format!("{{\"metadata\":{{\"annotations\":{{\"round\":\"{round}\"}}}}}}");
            let item = format!("{}/{name}", all(stored));
            steps.push(Step::new("PATCH", item).body(MERGE, touched).prepare());
        }
        steps.extend(seen(round));
        let saying = if chance.once_in(3) {
            good()
        } else {
            bad(chance)
        };
        steps.push(say(NAME, &saying));
        steps.push(request(chance, round));
    }
    steps.push(say(NAME, &good()));
    for version in ["v1", "v2"] {
        for name in ["a", "b"] {
            steps.push(Step::get(format!("{}/{name}", all(version))));
        }
    }
    steps.push(Step::new("DELETE", item).prepare());
    steps
}

/// Waits until the cache of each version has seen the mark: a list of the newest doesn't need one, that of anything does.
fn seen(round: usize) -> impl Iterator<Item = Step> {
    let lists = ["v1", "v2"].map(|version| format!("{}?resourceVersion=0", all(version)));
    let mark = "/items/0/metadata/annotations/round";
    let lists = lists.into_iter().map(Step::get);
    lists.map(move |list| list.until(mark, round.to_string()))
}

fn all(version: &str) -> String {
    format!("/apis/{GROUP}/{version}/namespaces/${{ns}}/gears")
}

fn gear(name: &str, version: &str, size: usize) -> Value {
    json!({"apiVersion": format!("{GROUP}/{version}"), "kind": "Gear", "metadata": {"name": name, "labels": {"a": "b"}},
        "spec": {"size": size}})
}

fn definition(stored: &str, chance: &mut Chance) -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 50}, "colour": {"type": "string"}}},
        "status": {"type": "object", "properties": {"seen": {"type": "string"}}}}});
    let version = |name: &str| {
        json!({"name": name, "served": true, "storage": name == stored, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}}})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("gears.{GROUP}")},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": "gears", "kind": "Gear"},
            "versions": [version("v1"), version("v2")],
            "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": chance.pick(&[json!(["v1"]), json!(["v9", "v1"]), json!(["v1", "v1beta1"])]),
                "clientConfig": {"url": format!("${{hook}}/{NAME}"), "caBundle": "${ca}"}}}}})
}

fn review(response: &Value) -> Saying {
    let review =
        json!({"kind": "ConversionReview", "apiVersion": "$VERSION", "response": response});
    Saying::body(review.to_string())
}

fn good() -> Saying {
    review(&json!({"uid": "$UID", "convertedObjects": "$OBJECTS", "result": {"status": "Success"}}))
}

fn changing(pointer: &str, value: Value) -> Saying {
    Saying {
        changed: BTreeMap::from([(pointer.to_owned(), value)]),
        ..good()
    }
}

fn bad(chance: &mut Chance) -> Saying {
    let success = json!({"status": "Success"});
    match chance.below(4) {
        0 => chance.pick(&[
            changing("/metadata/labels/added", json!("yes")),
            changing("/metadata/labels", json!({"bad key!": "x"})),
            changing("/metadata/labels", json!({"a": 7})),
            changing("/metadata/annotations", json!({"added": "yes"})),
            changing("/metadata/annotations", json!("text")),
            changing("/metadata/name", json!("other")),
            changing("/metadata/namespace", json!("other")),
            changing("/metadata/uid", json!("other")),
            changing("/metadata/finalizers", json!(["example.com/x"])),
            changing("/metadata/generation", json!(70)),
            changing("/metadata", Value::Null),
            changing("/kind", json!("Wheel")),
            changing("/apiVersion", json!("${ns}.example.com/v9")),
            changing("/apiVersion", json!("v1")),
        ]),
        1 => chance.pick(&[
            changing("/spec/size", json!(99)),
            changing("/spec/size", json!("large")),
            changing("/spec/unknown", json!(1)),
            changing("/spec", Value::Null),
            changing("/spec/colour", json!("blue")),
        ]),
        2 => chance.pick(&[
            review(&json!({"uid": "another", "convertedObjects": "$OBJECTS", "result": success})),
            review(&json!({"uid": "$UID", "convertedObjects": [], "result": success})),
            review(&json!({"uid": "$UID", "result": success})),
            review(&json!({"uid": "$UID", "convertedObjects": [1], "result": success})),
            review(&json!({"uid": "$UID", "convertedObjects": [{}], "result": success})),
            review(&json!({"uid": "$UID", "convertedObjects": "$OBJECTS"})),
            review(&json!({"uid": "$UID", "convertedObjects": "$OBJECTS", "result": {"status": "Failure", "message": "can't be done"}})),
            review(&json!({"uid": "$UID", "result": {"status": "Failure"}})),
            review(&json!({"uid": "$UID", "result": {"status": "Failure", "reason": "Forbidden", "code": 403}})),
            review(&json!({"uid": "$UID", "convertedObjects": "$OBJECTS", "result": {"status": "Perhaps"}})),
            Saying::body(json!({"kind": "ConversionReview", "apiVersion": "$VERSION"}).to_string()),
            Saying::body(json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"uid": "$UID"}}).to_string()),
            Saying::body(json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v9", "response": {"uid": "$UID"}}).to_string()),
        ]),
        _ => chance.pick(&[
            Saying::body(""),
            Saying::body("nonsense"),
            Saying { status: 500, ..Saying::body("broken") },
            Saying { status: 404, ..Saying::body("") },
            Saying { manner: Manner::Closed, ..Saying::body("") },
        ]),
    }
}

fn request(chance: &mut Chance, round: usize) -> Step {
    let version = chance.pick(&["v1", "v2"]);
    let name = chance.pick(&["a", "b", "c"]);
    let item = format!("{}/{name}", all(version));
    match chance.below(9) {
        0 | 1 => Step::get(item),
        2 => Step::new("POST", all(version)).json(&gear(name, version, round)),
        3 => Step::new("PATCH", item).body(MERGE, format!("{{\"spec\":{{\"size\":{round}}}}}")),
        4 => Step::new("PATCH", format!("{item}/status"))
            .body(MERGE, format!("{{\"status\":{{\"seen\":\"{round}\"}}}}")),
        5 => Step::new("PATCH", format!("{item}?fieldManager=applier&force=true"))
            .body(APPLY, gear(name, version, round).to_string()),
        6 => {
            let mut gear = gear(name, version, round);
            gear["metadata"]["resourceVersion"] = json!(format!("${{rv:{name}}}"));
            Step::new("PUT", item).json(&gear)
        }
        7 => Step::new("PATCH", format!("{item}?dryRun=All"))
            .body(MERGE, format!("{{\"spec\":{{\"size\":{round}}}}}")),
        _ => Step::new("DELETE", item),
    }
}
