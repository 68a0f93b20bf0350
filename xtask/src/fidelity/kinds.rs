//! Area `kinds`: every built-in kind that other areas don't walk through, good and bad: made, replaced, patched and applied with
//! fields that are missing, of no known value, too long, too many, negative, or may not change. One sequence in eight is about
//! numbers that fields can't hold.
mod catalogue;
mod change;
mod groups;
mod numbers;
mod walk;

use anyhow::Result;
use serde_json::Value;

use super::area::{Area, Chance};
use super::requests::definitions;
use super::sequence::Sequence;

/// How many sequences a seed gives.
const SEQUENCES: usize = 2400;

/// Pairs of writes.
pub struct Kinds;

impl Area for Kinds {
    fn name(&self) -> &'static str {
        "kinds"
    }

    fn definitions(&self) -> Vec<Value> {
        definitions()
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let kinds: Vec<_> = catalogue::KINDS.iter().chain(groups::KINDS).collect();
        let sequences = (0..SEQUENCES).map(|number| {
            let chance = &mut Chance::of(seed, number as u64);
            if number % 8 == 7 {
                return numbers::sequence(chance);
            }
            // All kinds come in turn, so that a few sequences have each.
            let kind = kinds[(number - number / 8) % kinds.len()];
            walk::sequence(chance, kind, number)
        });
        Ok(sequences.collect())
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    let sequences = Kinds.sequences(7).expect("sequences");
    assert_eq!(sequences, Kinds.sequences(7).expect("sequences"));
    let others = Kinds.sequences(8).expect("sequences");
    let same = sequences.iter().filter(|one| others.contains(one)).count();
    assert!(same * 20 < sequences.len(), "{same}");
}
