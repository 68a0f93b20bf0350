//! Area `schemas`: objects made from the schemas of upstream's custom resources, valid ones and ones with a single flaw.
//!
//! Most are created as dry runs, which shows what is pruned, defaulted and refused. Ratcheting needs objects that the schema
//! would refuse: a copy of the definition in a group of the sequence's own lets everything pass first, then gets its schema.
mod ratchet;
mod upstream;

use anyhow::Result;
use serde_json::Value;
use simulator::conformance::schemas::{Sample, samples};

use super::area::{Area, Chance};
use super::sequence::{Sequence, Step};

/// Objects with a flaw made of each definition.
const FLAWS: usize = 60;
/// Objects in one sequence.
const TOGETHER: usize = 16;

/// Objects of custom resources.
pub struct Schemas;

impl Area for Schemas {
    fn name(&self) -> &'static str {
        "schemas"
    }

    fn at_once(&self) -> usize {
        8
    }

    fn tracked(&self) -> bool {
        true
    }

    fn skipped(&self) -> Option<String> {
        upstream::absent()
    }

    fn definitions(&self) -> Vec<Value> {
        upstream::definitions().to_vec()
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let mut all = Vec::new();
        for (number, definition) in upstream::definitions().iter().enumerate() {
            let mut chance = Chance::of(seed, number as u64);
            let made = samples(definition, chance.seed(), FLAWS);
            let plural = text(definition, "/spec/names/plural");
            for (part, chunk) in made.chunks(TOGETHER).enumerate() {
                let steps = chunk.iter();
                all.push(Sequence {
                    title: format!("{plural} {part}"),
                    steps: steps.map(|one| dry(definition, one, &mut chance)).collect(),
                });
            }
            all.push(ratchet::sequence(definition, &mut chance));
        }
        Chance::of(seed, u64::MAX).shuffle(&mut all);
        Ok(all)
    }
}

/// Creates an object and doesn't store it; now and then unknown fields are errors.
fn dry(definition: &Value, sample: &Sample, chance: &mut Chance) -> Step {
    let strict = if chance.once_in(4) {
        "&fieldValidation=Strict"
    } else {
        ""
    };
    let target = format!("{}?dryRun=All{strict}", collection(definition));
    Step::new("POST", target).json(&sample.object)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Path of a definition's objects, in the version they are stored in.
fn collection(definition: &Value) -> String {
    let version = upstream::stored(definition);
    let (group, plural) = (
        text(definition, "/spec/group"),
        text(definition, "/spec/names/plural"),
    );
    let namespace = match text(definition, "/spec/scope") {
        "Namespaced" => "/namespaces/${ns}",
        _ => "",
    };
    format!(
        "/apis/{group}/{}{namespace}/{plural}",
        text(version, "/name")
    )
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    if let Some(line) = Schemas.skipped() {
        eprintln!("{line}");
        return;
    }
    let sequences = Schemas.sequences(7).expect("sequences");
    let pairs: usize = sequences.iter().map(|sequence| sequence.steps.len()).sum();
    assert!(pairs > 3000, "{pairs}");
    assert_eq!(sequences, Schemas.sequences(7).expect("sequences"));
    assert_ne!(sequences, Schemas.sequences(8).expect("sequences"));
}
