//! Area `apply`: server-side apply on every kind of field, down to the bytes of managedFields.
//!
//! Entries of managedFields are sorted by their time, and a time has seconds. So that the order is the same on both
//! grounds, each write is sent in a second of its own ([`Mode::Apart`]), and the times in the replies become ranks.
use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::Result;
use regex::{Captures, Regex};
use serde_json::{Value, json};
use simulator::conformance::applies;

use super::area::{Area, Chance};
use super::ground::Reply;
use super::sequence::{Mode, Sequence, Step};

/// Everything that can happen to a field with several owners.
pub struct Applies;

impl Area for Applies {
    fn name(&self) -> &'static str {
        "apply"
    }

    fn at_once(&self) -> usize {
        // They wait most of the time.
        200
    }

    fn definitions(&self) -> Vec<Value> {
        vec![applies::definition()]
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let mut all: Vec<_> = applies::sequences("${ns}", seed)
            .into_iter()
            .map(|sequence| Sequence {
                title: sequence.title,
                steps: sequence.steps.into_iter().map(step).collect(),
            })
            .collect();
        Chance::of(seed, u64::MAX).shuffle(&mut all);
        Ok(all)
    }
}

fn step(step: applies::Step) -> Step {
    if step.body.is_null() {
        return Step::new(step.method, step.target);
    }
    let mut body = step.body;
    if step.method == "PUT" {
        // Custom resources are not replaced without it.
        let name = body.pointer("/metadata/name").and_then(Value::as_str);
        let version = format!("${{rv:{}}}", name.unwrap_or_default());
        body["metadata"]["resourceVersion"] = json!(version);
    }
    let mut step = Step::new(step.method, step.target).body(step.media_type, body.to_string());
    step.mode = Mode::Apart;
    step
}

/// Times of now, as objects have them.
static MOMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ").ok());

/// Gives the times in the replies of one sequence their ranks.
pub fn rank_times(replies: &mut [Reply]) {
    let Some(pattern) = MOMENT.as_ref() else {
        return;
    };
    let texts: Vec<String> = replies
        .iter()
        .map(|reply| String::from_utf8_lossy(&reply.body).into_owned())
        .collect();
    let moments: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| pattern.find_iter(text))
        .map(|found| found.as_str())
        .collect();
    for (reply, text) in replies.iter_mut().zip(&texts) {
        let ranked = pattern.replace_all(text, |found: &Captures| {
            format!("MOMENT{}", moments.range(..=&found[0]).count())
        });
        reply.body = ranked.into_owned().into_bytes();
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    let sequences = Applies.sequences(7).expect("sequences");
    assert!(sequences.len() > 600, "{}", sequences.len());
    assert_eq!(sequences, Applies.sequences(7).expect("sequences"));
    let others = Applies.sequences(8).expect("sequences");
    let same = sequences.iter().filter(|one| others.contains(one)).count();
    assert!(same * 20 < sequences.len(), "{same}");
}

#[test]
fn times_become_ranks() {
    let reply = |body: &str| Reply {
        body: body.into(),
        ..Reply::default()
    };
    let (a, b) = ("2026-11-26T10:00:09Z", "2026-11-26T10:00:11Z");
    let mut replies = [
        reply(&format!("{b} {a}")),
        reply(&format!("{b} 2019-01-01T00:00:00Z")),
    ];
    rank_times(&mut replies);
    assert_eq!(replies[0].body, b"MOMENT2 MOMENT1");
    assert_eq!(replies[1].body, b"MOMENT2 2019-01-01T00:00:00Z");
}
