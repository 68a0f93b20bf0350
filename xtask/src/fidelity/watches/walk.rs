//! One sequence: writes with the state after each, a witness that saw all of them, and watches of every sort.
use serde_json::{Value, json};

use super::subjects::Subject;
use crate::fidelity::area::Chance;
use crate::fidelity::requests::Kind;
use crate::fidelity::sequence::{Sequence, Step};

/// Parameters of what is selected, of every kind.
const SELECTIONS: &[&str] = &[
    "",
    "",
    "labelSelector=side=in",
    "labelSelector=side!=in",
    "labelSelector=side%20in%20(in,out)",
    "labelSelector=!side",
    "fieldSelector=metadata.name=a",
    "fieldSelector=metadata.name!=a",
    "allowWatchBookmarks=true",
    "allowWatchBookmarks=true&labelSelector=side=in",
];

/// Where watches begin, and what else they may ask for.
const STARTS: &[&str] = &[
    "",
    "resourceVersion=0",
    "resourceVersion=0&allowWatchBookmarks=true",
    "allowWatchBookmarks=true",
    "resourceVersion=${rv}",
    "resourceVersion=${rv+1000000}",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=${rv}",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=${1:/metadata/resourceVersion}",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=1",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${rv}",
    "sendInitialEvents=true&resourceVersionMatch=Exact",
    "sendInitialEvents=true&resourceVersionMatch=Sometimes",
    "sendInitialEvents=true",
    "sendInitialEvents=false",
    "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=${rv}",
    "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0",
    "sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
    "resourceVersionMatch=NotOlderThan&resourceVersion=${rv}",
    "continue=abc",
    "limit=1&resourceVersion=${1:/metadata/resourceVersion}",
    "limit=1",
    "resourceVersion=abc",
    "resourceVersion=-1",
    OLDEST,
];

/// Older than any custom resource. How much of the past is known of built-in kinds is a matter of time.
const OLDEST: &str = "resourceVersion=1";

/// How a watch may be accepted.
const FORMS: &[&str] = &[
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;g=meta.k8s.io;v=v1beta1",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/json;stream=watch",
    "application/yaml",
    "text/plain",
    "*/*",
];

/// What parts a sequence's own objects from others' of a cluster-scoped kind.
const OWN: &str = "labelSelector=run=${ns}";

/// The sequence of a seed's number.
pub fn sequence(chance: &mut Chance) -> Sequence {
    let subject = Subject::pick(chance);
    let first = subject.first(chance);
    let mut steps = vec![
        Step::new("POST", first.collection()).json(&labelled(first, "a", "in")),
        snapshot(first),
        beside(first, "resourceVersion=${1:/metadata/resourceVersion}"),
    ];
    for _ in 0..chance.below(3) {
        let start = chance.pick(&[
            "resourceVersion=${0:/metadata/resourceVersion}",
            "resourceVersion=0",
            "",
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        ]);
        let (kind, selection) = (subject.version(chance), selection(chance, first));
        steps.push(beside(kind, &format!("{start}&{selection}")));
    }
    let mut states = vec![1];
    for _ in 0..6 + chance.below(4) {
        let kind = subject.version(chance);
        steps.push(write(chance, kind));
        states.push(steps.len());
        steps.push(snapshot(first));
    }
    let selected = selection(chance, first);
    for state in states {
        let from = format!("resourceVersion=${{{state}:/metadata/resourceVersion}}");
        let kind = subject.version(chance);
        steps.push(watch(kind, &format!("{from}&timeoutSeconds=1&{selected}")));
    }
    for _ in 0..4 {
        let (mut start, kind) = (chance.pick(STARTS), subject.version(chance));
        if start == OLDEST && !kind.root.starts_with("/apis/fidelity.example") {
            start = "resourceVersion=0";
        }
        let mut parameters = format!("{start}&timeoutSeconds=1&{}", selection(chance, first));
        if chance.once_in(8) {
            let include = chance.pick(&["None", "Object", "Metadata", "Some"]);
            parameters = format!("{parameters}&includeObject={include}");
        }
        let step = if kind.namespaced && chance.once_in(6) {
            everywhere(kind, &parameters)
        } else {
            watch(kind, &parameters)
        };
        steps.push(if chance.once_in(2) {
            step.header("accept", chance.pick(FORMS))
        } else {
            step
        });
    }
    Sequence {
        title: first.kind.to_owned(),
        steps,
    }
}

/// The whole state, as [`super::history`] reads it.
fn snapshot(kind: &Kind) -> Step {
    Step::get(target(kind, ""))
}

fn selection(chance: &mut Chance, kind: &Kind) -> String {
    let own = kind.selectors;
    if own.is_empty() || !chance.once_in(4) {
        return chance.pick(SELECTIONS).to_owned();
    }
    format!("fieldSelector={}", chance.pick(own))
}

fn labelled(kind: &Kind, short: &str, side: &str) -> Value {
    let mut object = kind.object(short);
    object["metadata"]["labels"]["side"] = json!(side);
    object
}

/// A collection with parameters; of cluster-scoped kinds only what is the sequence's own.
fn target(kind: &Kind, parameters: &str) -> String {
    let parameters = if kind.namespaced {
        parameters.to_owned()
    } else {
        own(parameters)
    };
    let parameters = parameters.replace("&&", "&");
    match parameters.trim_matches('&') {
        "" => kind.collection(),
        parameters => format!("{}?{parameters}", kind.collection()),
    }
}

fn own(parameters: &str) -> String {
    match parameters.split_once("labelSelector=") {
        Some((before, after)) => format!("{before}{OWN},{after}"),
        None => format!("{parameters}&{OWN}"),
    }
}

fn watched(kind: &Kind, parameters: &str) -> String {
    // Names of cluster-scoped objects begin with the sequence's own.
    let parameters = parameters
        .replace(
            "metadata.name=a",
            &format!("metadata.name={}", kind.name("a")),
        )
        .replace(
            "metadata.name!=a",
            &format!("metadata.name!={}", kind.name("a")),
        );
    format!("watch=1&{parameters}")
}

fn watch(kind: &Kind, parameters: &str) -> Step {
    Step::get(target(kind, &watched(kind, parameters))).watch()
}

fn beside(kind: &Kind, parameters: &str) -> Step {
    let parameters = format!("{parameters}&timeoutSeconds=60");
    Step::get(target(kind, &watched(kind, &parameters))).beside()
}

/// Over all namespaces.
fn everywhere(kind: &Kind, parameters: &str) -> Step {
    let parameters = own(&watched(kind, parameters)).replace("&&", "&");
    Step::get(format!("{}/{}?{parameters}", kind.root, kind.plural)).watch()
}

fn write(chance: &mut Chance, kind: &Kind) -> Step {
    let name = chance.pick(&["a", "a", "a", "b", "c"]);
    let merge = |patch: Value| {
        Step::new("PATCH", kind.item(name)).body("application/merge-patch+json", patch.to_string())
    };
    let labels = |side: Value| json!({"metadata": {"labels": {"side": side}}});
    match chance.below(16) {
        0..=3 => Step::new("POST", kind.collection()).json(&labelled(
            kind,
            name,
            chance.pick(&["in", "out"]),
        )),
        4 | 5 => merge(labels(json!(chance.pick(&["in", "out"])))),
        6 => merge(labels(Value::Null)),
        7 => merge(json!({"metadata": {"annotations": {"n": chance.below(100).to_string()}}})),
        8 => merge(
            json!({"metadata": {"finalizers": chance.pick(&[json!(["a.example/f"]), json!([])])}}),
        ),
        9 if kind.plural == "gadgets" => {
            merge(json!({"spec": {"colour": chance.pick(&["red", "blue"])}}))
        }
        9 if kind.status => status(chance, kind, name),
        10 => merge(json!({})),
        // Most of a pod can't be written again.
        11 if kind.plural != "pods" => {
            let mut object = labelled(kind, name, chance.pick(&["in", "out"]));
            object["metadata"]["resourceVersion"] = json!(format!("${{rv:{name}}}"));
            Step::new("PUT", kind.item(name)).json(&object)
        }
        12 => {
            let selection = chance.pick(&["", "labelSelector=side=in"]);
            Step::new("DELETE", target(kind, selection))
        }
        _ => Step::new("DELETE", kind.item(name)),
    }
}

fn status(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let patch = match kind.plural {
        "pods" => json!({"status": {"phase": chance.pick(&["Pending", "Running"])}}),
        _ => json!({"status": {"replicas": chance.below(4)}}),
    };
    Step::new("PATCH", format!("{}/status", kind.item(name)))
        .body("application/merge-patch+json", patch.to_string())
}
