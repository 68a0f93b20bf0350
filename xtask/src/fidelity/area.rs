//! What is compared, area by area.
use machinery::entropy::Entropy;
use serde_json::Value;

use super::ground::Reply;
use super::sequence::Sequence;
use super::{
    admission, applies, builtins, discovery, identities, kinds, requests, schemas, tables, watches,
};

/// A part of the API with sequences of its own.
pub trait Area: Sync {
    /// Its name on the command line, in the ledger and of its golden traces.
    fn name(&self) -> &'static str;

    /// Whether controllers and nodes run on both grounds.
    fn controllers(&self) -> bool {
        false
    }

    /// Why there is no recording of it, if there is to be none.
    fn unrecorded(&self) -> Option<&'static str> {
        None
    }

    /// How many sequences may be under way at the same time; most of their time is the real server's.
    fn at_once(&self) -> usize {
        24
    }

    /// Whether a sequence changes what others see, and so is played after them, by itself.
    fn alone(&self, _sequence: &Sequence) -> bool {
        false
    }

    /// Custom resource definitions that are there before any sequence.
    fn definitions(&self) -> Vec<Value> {
        Vec::new()
    }

    /// What the answers to a sequence, as they came, contradict of what any server promises: steps, and texts for people.
    fn violations(
        &self,
        _sequence: &Sequence,
        _namespace: &str,
        _replies: &[Reply],
    ) -> Vec<(usize, String)> {
        Vec::new()
    }

    /// The sequences of a seed, in an order of their own: number `K` is always the same.
    ///
    /// # Errors
    /// If data of the area can't be read.
    fn sequences(&self, seed: u64) -> anyhow::Result<Vec<Sequence>>;
}

/// All areas.
pub fn all() -> Vec<Box<dyn Area>> {
    vec![
        Box::new(requests::Requests),
        Box::new(kinds::Kinds),
        Box::new(watches::Watches),
        Box::new(builtins::Builtins),
        Box::new(applies::Applies),
        Box::new(schemas::Schemas),
        Box::new(schemas::Upstream),
        Box::new(discovery::Discovery),
        Box::new(tables::Tables),
        Box::new(admission::Admission),
        Box::new(identities::Identities),
    ]
}

/// Chance from a seed, with words for what generators do.
pub struct Chance(Entropy);

impl Chance {
    /// That of one sequence.
    pub fn of(seed: u64, sequence: u64) -> Self {
        Self(Entropy::seeded(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(sequence),
        ))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.below(n as u64)).unwrap_or_default()
    }

    /// A seed for somebody else's chance.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            of.swap(last, self.below(last + 1));
        }
    }

    /// Whether a thing happens that does so once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let index = self.below(of.len());
        of[index].clone()
    }
}
