//! Areas `schemas` and `upstream`: objects made from schemas that a seed makes up, and from upstream's; valid objects and ones
//! with a single flaw.
//!
//! Most are created as dry runs, which shows what is pruned, defaulted and refused. Ratcheting needs stored objects that the
//! schema refuses, so every definition is in a group of its sequence's own, lets everything pass first, then gets its schema.
mod definitions;
mod life;
mod made;
mod ratchet;
mod readings;
mod upstream;

use anyhow::Result;
use serde_json::Value;

use super::area::{Area, Chance};
use super::sequence::Sequence;

/// Definitions made up by a seed; lives of definitions, sequences of flawed ones, and of texts that rules read.
const MADE: u64 = 60;
const LIVES: u64 = 12;
const FLAWED: u64 = 12;
const READINGS: u64 = 12;

/// Objects of custom resources that nobody has.
pub struct Schemas;

impl Area for Schemas {
    fn name(&self) -> &'static str {
        "schemas"
    }

    fn at_once(&self) -> usize {
        6
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequence = |number| {
            let mut chance = Chance::of(seed, number);
            let definition = made::definition(&mut chance);
            ratchet::sequence(&format!("made up {number}"), &definition, &mut chance)
        };
        let life = |number| {
            let mut chance = Chance::of(seed, number);
            life::sequence(&format!("life {number}"), &mut chance)
        };
        let flawed = |number| {
            let mut chance = Chance::of(seed, number);
            definitions::sequence(&format!("flawed definitions {number}"), &mut chance)
        };
        let reading = |number| {
            let mut chance = Chance::of(seed, number);
            readings::sequence(&format!("readings {number}"), &mut chance)
        };
        let (lives, flaws) = (MADE + LIVES, MADE + LIVES + FLAWED);
        let made = (0..MADE).map(sequence);
        let lives_and_flaws = (MADE..lives).map(life).chain((lives..flaws).map(flawed));
        let readings = (flaws..flaws + READINGS).map(reading);
        let mut sequences: Vec<_> = made.chain(lives_and_flaws).chain(readings).collect();
        // The first ones are a sample.
        Chance::of(seed, u64::MAX).shuffle(&mut sequences);
        Ok(sequences)
    }
}

/// Objects of upstream's custom resources. What others publish isn't ours to keep.
pub struct Upstream;

impl Area for Upstream {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn unrecorded(&self) -> Option<&'static str> {
        Some("what others publish isn't kept here")
    }

    fn at_once(&self) -> usize {
        4
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequence = |(number, definition): (usize, &Value)| {
            let mut chance = Chance::of(seed, number as u64);
            let title = text(definition, "/metadata/name");
            ratchet::sequence(title, definition, &mut chance)
        };
        let mut all: Vec<_> = upstream::definitions()
            .iter()
            .enumerate()
            .map(sequence)
            .collect();
        Chance::of(seed, u64::MAX).shuffle(&mut all);
        Ok(all)
    }
}

/// Sequences as those of [`Upstream`], of definitions that a seed makes up.
#[cfg(test)]
pub fn like_upstream(seed: u64) -> Vec<Sequence> {
    let sequence = |number| {
        let mut chance = Chance::of(seed, number);
        let definition = made::definition(&mut chance);
        ratchet::sequence("", &definition, &mut chance)
    };
    (0..4).map(sequence).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[test]
fn a_seed_gives_the_same_definitions_and_another_one_others() {
    let made = |seed| made::definition(&mut Chance::of(seed, 3));
    assert_eq!(made(7), made(7));
    assert_ne!(made(7), made(8));
    let sequence = ratchet::sequence("", &made(7), &mut Chance::of(7, 3));
    assert!(sequence.steps.len() > 60, "{}", sequence.steps.len());
}

#[tokio::test]
async fn made_up_definitions_are_accepted() {
    use serde_json::json;
    let (ours, clockwork) = super::ground::Ground::ours(false, 1).expect("a ground");
    let post = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All";
    let mut refused = Vec::new();
    for number in 0..MADE {
        let mut definition = made::definition(&mut Chance::of(1, number));
        definition["apiVersion"] = json!("apiextensions.k8s.io/v1");
        definition["kind"] = json!("CustomResourceDefinition");
        definition["metadata"] = json!({"name": "things.made.example.com"});
        let reply = ours
            .ask(&super::sequence::Step::new("POST", post).json(&definition))
            .await;
        if reply.status != 201 {
            refused.push(String::from_utf8_lossy(&reply.body).into_owned());
        }
    }
    clockwork.abort();
    assert!(refused.is_empty(), "{}: {refused:#?}", refused.len());
}
