//! Area `identities`: who somebody is, what they may do, as whom they may act, and what they may hand on.
//!
//! Every sequence has a cast of its own (people, roles with rules by chance, an account with a token); reviews, requests
//! and writes then ask about what is near those rules.
mod cast;
mod escalation;
mod impersonation;
mod reviews;
mod tokens;

use anyhow::Result;

use super::area::{Area, Chance};
use super::sequence::{Sequence, Step};

/// How many sequences there are.
const SEQUENCES: u64 = 240;

/// Identities and rights.
pub struct Identities;

impl Area for Identities {
    fn name(&self) -> &'static str {
        "identities"
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        Ok((0..SEQUENCES)
            .map(|number| sequence(number, &mut Chance::of(seed, number)))
            .collect())
    }
}

fn sequence(number: u64, chance: &mut Chance) -> Sequence {
    let (title, steps): (&str, Vec<Step>) = match number % 6 {
        0 => ("what somebody may do", reviews::access(chance)),
        1 => ("who somebody is", reviews::identity(chance)),
        2 => ("tokens", tokens::steps(chance)),
        3 => ("acting as somebody else", impersonation::steps(chance)),
        4 => (
            "roles that give more than one has",
            escalation::roles(chance),
        ),
        _ => (
            "bindings that give more than one has",
            escalation::bindings(chance),
        ),
    };
    Sequence {
        title: title.to_owned(),
        steps,
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    let sequences = Identities.sequences(7).expect("sequences");
    assert_eq!(sequences, Identities.sequences(7).expect("sequences"));
    let others = Identities.sequences(8).expect("sequences");
    let same = sequences.iter().filter(|one| others.contains(one)).count();
    assert_eq!(same, 0);
}
