//! Area `watches`: the same writes on both grounds, then watches from every revision they made, of every sort.
use anyhow::Result;
use serde_json::{Value, json};

use super::area::{Area, Chance};
use super::requests::{KINDS, Kind, definitions};
use super::sequence::{Sequence, Step};

/// How many sequences a seed gives.
const SEQUENCES: u64 = 2000;

/// The kinds that are watched: plain ones, one with status, a custom one, a cluster-scoped one.
const WATCHED: [&str; 6] = [
    "configmaps",
    "secrets",
    "deployments",
    "widgets",
    "leases",
    "clusterroles",
];

/// Event sequences.
pub struct Watches;

impl Area for Watches {
    fn name(&self) -> &'static str {
        "watches"
    }

    fn definitions(&self) -> Vec<Value> {
        definitions()
    }

    fn at_once(&self) -> usize {
        // Watches wait for their end, most of the time.
        96
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequences = (0..SEQUENCES).map(|number| sequence(&mut Chance::of(seed, number)));
        Ok(sequences.collect())
    }
}

fn sequence(chance: &mut Chance) -> Sequence {
    let plural = chance.pick(&WATCHED);
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.plural == plural).collect();
    let kind = chance.pick(&kinds);
    let mut steps = vec![Step::new("POST", kind.collection()).json(&labelled(kind, "a", "in"))];
    // One is there while things happen.
    if chance.once_in(2) {
        let parameters = chance.pick(&[
            "resourceVersion=${0:/metadata/resourceVersion}",
            "resourceVersion=0",
            "",
        ]);
        steps.push(watch(
            kind,
            &format!("{parameters}&timeoutSeconds=6&{}", chance.pick(SELECTIONS)),
        ));
    }
    let mut writes = vec![0];
    for _ in 0..6 + chance.below(4) {
        let step = write(chance, kind);
        if step.method != "DELETE" {
            writes.push(steps.len());
        }
        steps.push(step);
    }
    // The newest state, so that caches have seen it, too.
    let everything = target(kind, "");
    steps.push(Step::get(everything));
    let selection = chance.pick(SELECTIONS);
    for write in &writes {
        let from = format!("resourceVersion=${{{write}:/metadata/resourceVersion}}");
        steps.push(watch(kind, &format!("{from}&timeoutSeconds=1&{selection}")));
    }
    for _ in 0..3 {
        let start = chance.pick(STARTS);
        let selection = chance.pick(SELECTIONS);
        let step = watch(kind, &format!("{start}&timeoutSeconds=1&{selection}"));
        steps.push(match chance.below(6) {
            0 => step.header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),
            1 => step.header(
                "accept",
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ),
            2 => step.header("accept", "application/yaml"),
            _ => step,
        });
    }
    Sequence {
        title: kind.kind.to_owned(),
        steps,
    }
}

const SELECTIONS: &[&str] = &[
    "",
    "",
    "labelSelector=side=in",
    "labelSelector=side!=in",
    "labelSelector=side%20in%20(in,out)",
    "fieldSelector=metadata.name=a",
    "allowWatchBookmarks=true",
    "allowWatchBookmarks=true&labelSelector=side=in",
];

const STARTS: &[&str] = &[
    "",
    "resourceVersion=0",
    "resourceVersion=${rv}",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=${rv}",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "sendInitialEvents=true&resourceVersionMatch=Exact",
    "sendInitialEvents=true",
    "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=${rv}",
    "resourceVersionMatch=NotOlderThan&resourceVersion=${rv}",
    "continue=abc",
    "limit=1&resourceVersion=${rv}",
    "resourceVersion=abc",
    "resourceVersion=1",
];

fn labelled(kind: &Kind, short: &str, side: &str) -> Value {
    let mut object = kind.object(short);
    object["metadata"]["labels"]["side"] = json!(side);
    object
}

/// A collection with parameters; of cluster-scoped kinds only what is the sequence's own.
fn target(kind: &Kind, parameters: &str) -> String {
    let own = "labelSelector=run=${ns}";
    let parameters = if kind.namespaced {
        parameters.to_owned()
    } else if let Some((before, after)) = parameters.split_once("labelSelector=") {
        format!("{before}{own},{after}")
    } else {
        format!("{parameters}&{own}")
    };
    format!(
        "{}?{}",
        kind.collection(),
        parameters.replace("&&", "&").trim_matches('&')
    )
}

fn watch(kind: &Kind, parameters: &str) -> Step {
    // A name is not enough to be alone with: there it is the sequence's prefix and the name.
    let parameters = parameters.replace(
        "metadata.name=a",
        &format!("metadata.name={}", kind.name("a")),
    );
    Step::get(target(kind, &format!("watch=1&{parameters}"))).watch()
}

fn write(chance: &mut Chance, kind: &Kind) -> Step {
    let name = chance.pick(&["a", "a", "b", "c"]);
    let merge = |patch: Value| {
        Step::new("PATCH", kind.item(name)).body("application/merge-patch+json", patch.to_string())
    };
    let labels = |side: Value| json!({"metadata": {"labels": {"side": side}}});
    match chance.below(12) {
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
        9 if kind.status => {
            let patch = json!({"status": {"replicas": chance.below(4)}});
            Step::new("PATCH", format!("{}/status", kind.item(name)))
                .body("application/merge-patch+json", patch.to_string())
        }
        10 => merge(json!({})),
        _ => Step::new("DELETE", kind.item(name)),
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_enough_watches() {
    let sequences = Watches.sequences(7).expect("sequences");
    assert!(sequences.len() >= 2000);
    assert_eq!(sequences, Watches.sequences(7).expect("sequences"));
    assert_ne!(sequences, Watches.sequences(8).expect("sequences"));
}
