//! Bytes nobody would send on purpose, made from ones that somebody would: changed at random from a seed, fed to what reads
//! clients' bytes, for a while. No input may end in a panic, take long, need much memory, or break what holds for every
//! input that is accepted ([`targets`]).
//!
//! The inputs that the search begins with are in `tests/fuzz/corpus/TARGET`, what it found in `tests/fuzz/findings/TARGET`;
//! a test replays both. `cargo xtask fuzz` searches on.

pub mod memory;
pub mod minimise;
pub mod mutate;
pub mod search;
pub mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

/// Something that takes bytes.
pub trait Target {
    /// Its name, and that of its folder in the corpus.
    fn name(&self) -> &'static str;

    /// Words that its inputs are made of, for the mutations.
    fn words(&self) -> &'static [&'static str];

    /// Feeds it. The text says what became of the input, without what differs from input to input; it tells paths
    /// through the code apart. An error says which law was broken, and after
    /// a colon by what.
    fn run(&mut self, input: &[u8]) -> Result<String>;
}

/// Longest that one input may take. Builds without optimisation on a busy machine need much of it.
pub const LONGEST: Duration = Duration::from_secs(5);

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It ended in a panic.
    Panic(String),
    /// What holds for all accepted inputs didn't.
    Law(String),
    /// It took longer than [`LONGEST`].
    Slow(Duration),
    /// It needed that many MiB.
    Memory(u64),
}

impl Problem {
    /// The same defect, as far as one can tell from outside.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Panic(own), Self::Panic(other)) => general(own) == general(other),
            (Self::Law(own), Self::Law(other)) => law(own) == law(other),
            (Self::Slow(_), Self::Slow(_)) | (Self::Memory(_), Self::Memory(_)) => true,
            (Self::Panic(_) | Self::Law(_) | Self::Slow(_) | Self::Memory(_), _) => false,
        }
    }
}

/// The law in a text that says how it was broken: what is before the first colon.
fn law(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

/// A text without what differs from input to input: numbers and what is quoted.
pub fn general(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for character in text.chars().take(2000) {
        match character {
            '"' => {
                quoted = !quoted;
                if quoted {
                    out.push('"');
                }
            }
            _ if quoted => {}
            digit if digit.is_ascii_digit() => {
                if !out.ends_with('#') {
                    out.push('#');
                }
            }
            other => out.push(other),
        }
        if out.len() > 120 {
            break;
        }
    }
    out
}

/// Feeds one input: what became of it, or what is wrong with it.
pub fn feed(target: &mut dyn Target, input: &[u8]) -> Result<String, Problem> {
    let begin = Instant::now();
    let run = catch_unwind(AssertUnwindSafe(|| target.run(input)));
    let took = begin.elapsed();
    match run {
        Err(payload) => Err(Problem::Panic(panic_text(payload.as_ref()))),
        Ok(Err(law)) => Err(Problem::Law(format!("{law:#}"))),
        Ok(Ok(_)) if took > LONGEST => Err(Problem::Slow(took)),
        Ok(Ok(outcome)) => Ok(outcome),
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&'static str>().copied());
    text.unwrap_or("something that is no text").to_owned()
}

/// Where corpus and findings are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Reads the inputs of a target, in the order of their names: the corpus, then the findings.
pub fn inputs(target: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for kind in ["corpus", "findings"] {
        let folder = folder().join(kind).join(target);
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            all.push((format!("{kind}/{target}/{name}"), bytes));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_of_the_corpus_and_every_finding_is_taken_well() {
        for mut target in targets::all() {
            let inputs = inputs(target.name()).unwrap();
            assert!(!inputs.is_empty(), "no corpus for {}", target.name());
            for (name, input) in inputs {
                if let Err(problem) = feed(target.as_mut(), &input) {
                    panic!("{name}: {problem:?}");
                }
            }
        }
    }

    #[test]
    fn most_of_the_corpus_is_accepted() {
        for mut target in targets::all() {
            let inputs = inputs(target.name()).unwrap();
            let corpus = inputs.iter().filter(|(name, _)| name.starts_with("corpus"));
            for (name, input) in corpus {
                let outcome = feed(target.as_mut(), input).unwrap();
                let refused = name.contains("refused");
                assert_eq!(
                    outcome.starts_with("ok"),
                    !refused,
                    "{name} came to {outcome}"
                );
            }
        }
    }

    #[test]
    fn what_differs_from_input_to_input_is_left_out() {
        assert_eq!(
            general(r#"400 configmaps "a1" at 17 bytes"#),
            r#"# configmaps " at # bytes"#
        );
    }
}
