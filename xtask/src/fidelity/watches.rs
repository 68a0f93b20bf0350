//! Area `watches`: the same writes on both grounds, then watches from every revision they made, of every sort.
//!
//! Beside the comparison, [`properties`] are held for each ground by itself: [`history`] reads what was written from the
//! state after each write, and what each watch was told.
mod history;
mod properties;
mod subjects;
mod walk;

use anyhow::Result;
use serde_json::Value;

use super::area::{Area, Chance};
use super::ground::Reply;
use super::requests::definitions;
use super::sequence::Sequence;

/// How many sequences a seed gives.
const SEQUENCES: u64 = 2000;

/// Event sequences.
pub struct Watches;

impl Area for Watches {
    fn name(&self) -> &'static str {
        "watches"
    }

    fn definitions(&self) -> Vec<Value> {
        let mut all = definitions();
        all.push(subjects::definition());
        all
    }

    fn at_once(&self) -> usize {
        // Watches wait for their end, most of the time.
        48
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequences = (0..SEQUENCES).map(|number| walk::sequence(&mut Chance::of(seed, number)));
        Ok(sequences.collect())
    }

    fn violations(
        &self,
        sequence: &Sequence,
        namespace: &str,
        replies: &[Reply],
    ) -> Vec<(usize, String)> {
        let Some((history, streams)) = history::read(sequence, namespace, replies) else {
            return Vec::new();
        };
        let found = streams.iter().flat_map(|stream| {
            let found = properties::violated(&history, stream);
            found.into_iter().map(|text| (stream.step, text))
        });
        found.collect()
    }
}

/// Sequences of another seed each day would find more, and fail on somebody else's change: `--live` does that.
#[test]
fn our_server_keeps_what_watches_promise() {
    use super::ground::Ground;
    use super::run;
    use futures::StreamExt as _;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let found = runtime.block_on(async {
        let (ours, clockwork) = Ground::ours(false, 7).expect("a ground");
        run::define(&ours, &Watches.definitions())
            .await
            .expect("definitions");
        let sequences = Watches.sequences(7).expect("sequences");
        let chosen = sequences.iter().enumerate().take(96);
        let played = futures::stream::iter(chosen).map(|(number, sequence)| {
            let ours = &ours;
            async move {
                let namespace = format!("p-{number}");
                let replies = run::play(ours, sequence, &namespace).await;
                let read = history::read(sequence, &namespace, &replies);
                let streams = read.map_or(0, |(_, streams)| streams.len());
                let found = Watches.violations(sequence, &namespace, &replies);
                // Those that select by what the kind doesn't know are refused; a witness there always is.
                assert!(streams > 0, "sequence {number}: no watch");
                found
                    .into_iter()
                    .map(|(step, text)| format!("sequence {number}, step {step}: {text}"))
                    .collect::<Vec<_>>()
            }
        });
        let found: Vec<Vec<String>> = played.buffer_unordered(96).collect().await;
        clockwork.abort();
        found.concat()
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_seed_gives_the_same_sequences_and_enough_watches() {
    let sequences = Watches.sequences(7).expect("sequences");
    assert!(sequences.len() >= 2000);
    assert_eq!(sequences, Watches.sequences(7).expect("sequences"));
    assert_ne!(sequences, Watches.sequences(8).expect("sequences"));
}
