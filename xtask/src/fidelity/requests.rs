//! Area `requests`: random walks through the life of objects, each about one kind.
mod bodies;
mod catalogue;
mod kinds;
mod options;
mod walk;

use anyhow::Result;
use serde_json::Value;

use super::area::{Area, Chance};
use super::sequence::Sequence;
pub use catalogue::KINDS;
pub use kinds::{Kind, definitions};

/// How many sequences a seed gives.
const SEQUENCES: u64 = 2000;

/// Pairs of single requests.
pub struct Requests;

impl Area for Requests {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn definitions(&self) -> Vec<Value> {
        definitions()
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequences = (0..SEQUENCES).map(|number| walk::sequence(&mut Chance::of(seed, number)));
        Ok(sequences.collect())
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_enough_of_them() {
    let sequences = Requests.sequences(7).expect("sequences");
    let pairs: usize = sequences.iter().map(|sequence| sequence.steps.len()).sum();
    assert!(pairs >= 20_000, "{pairs}");
    assert_eq!(sequences, Requests.sequences(7).expect("sequences"));
    assert_ne!(sequences, Requests.sequences(8).expect("sequences"));
}
