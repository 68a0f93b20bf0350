//! The search: inputs from a seed until the time is over. An input that came to something new joins those that further
//! ones are made from.

use std::collections::BTreeMap;
use std::time::Duration;

use machinery::entropy::Entropy;
use tokio::time::Instant;

use super::memory::Peak;
use super::minimise::minimise;
use super::mutate::mutate;
use super::{Problem, Target, feed};

/// Most inputs that others are made from.
const KNOWN: usize = 4000;
/// Memory is looked at after so many inputs.
const BATCH: usize = 64;
/// What a batch, and then one of its inputs, may need, in MiB.
const MEMORY: u64 = 256;
/// Different problems after which a search has found enough.
const FINDINGS: usize = 10;

/// An input with a problem.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// The input as it was found.
    pub input: Vec<u8>,
    /// The smallest one like it.
    pub smallest: Vec<u8>,
}

/// What came of a search.
#[derive(Debug, Default)]
pub struct Report {
    /// Inputs fed.
    pub inputs: usize,
    /// How long it took.
    pub took: Duration,
    /// How often each outcome was seen.
    pub outcomes: BTreeMap<String, usize>,
    /// Different problems.
    pub findings: Vec<Finding>,
}

/// When a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it lasts.
    pub time: Duration,
    /// How many inputs are fed.
    pub inputs: usize,
}

/// Feeds the corpus and then inputs made from it until the time is over or there were enough. `before` sees each input
/// first.
pub fn search(
    target: &mut dyn Target,
    corpus: Vec<Vec<u8>>,
    seed: u64,
    limits: Limits,
    before: &mut dyn FnMut(&[u8]),
) -> Report {
    let begin = Instant::now();
    let mut entropy = Entropy::seeded(seed);
    let mut known = corpus.clone();
    let mut first = corpus.into_iter();
    let mut report = Report::default();
    let is_over = |inputs: usize| begin.elapsed() >= limits.time || inputs >= limits.inputs;
    while !is_over(report.inputs) && report.findings.len() < FINDINGS {
        let peak = Peak::begin();
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            let input = first
                .next()
                .unwrap_or_else(|| mutate(&mut entropy, &known, target.words()));
            before(&input);
            report.inputs += 1;
            match feed(target, &input) {
                Ok(outcome) => {
                    let seen = report.outcomes.entry(outcome).or_default();
                    if *seen == 0 && known.len() < KNOWN {
                        known.push(input.clone());
                    }
                    *seen += 1;
                }
                Err(problem) => found(target, &mut report, &input, problem),
            }
            batch.push(input);
            if is_over(report.inputs) {
                break;
            }
        }
        if peak.as_ref().and_then(Peak::grown).unwrap_or(0) > MEMORY {
            for input in batch {
                if let Some(problem) = greedy(target, &input) {
                    found(target, &mut report, &input, problem);
                }
            }
        }
    }
    report.took = begin.elapsed();
    report
}

/// Whether one input by itself needs much memory.
pub(super) fn greedy(target: &mut dyn Target, input: &[u8]) -> Option<Problem> {
    let peak = Peak::begin()?;
    // Other problems have been reported already.
    let _ = feed(target, input);
    let grown = peak.grown()?;
    (grown > MEMORY).then_some(Problem::Memory(grown))
}

fn found(target: &mut dyn Target, report: &mut Report, input: &[u8], problem: Problem) {
    let mut others = report.findings.iter();
    if others.any(|other| other.problem.is_like(&problem)) {
        return;
    }
    let smallest = minimise(target, input, &problem);
    report.findings.push(Finding {
        problem,
        input: input.to_vec(),
        smallest,
    });
}

#[cfg(test)]
mod tests {
    use anyhow::{Result, bail};

    use super::*;

    /// Breaks in three ways, at inputs that mutations have to find.
    struct Planted;

    impl Target for Planted {
        fn name(&self) -> &'static str {
            "planted"
        }

        fn words(&self) -> &'static [&'static str] {
            &["deep", "law"]
        }

        fn run(&mut self, input: &[u8]) -> Result<String> {
            let text = String::from_utf8_lossy(input);
            assert!(!text.contains("[[[["), "planted at {}", input.len());
            if text.contains("lawlaw") {
                bail!("planted: {text:?}");
            }
            if text.contains("9223372036854775808") {
                let _: Vec<u8> = vec![1; 300 << 20];
            }
            Ok(format!("ok {}", text.contains("deep")))
        }
    }

    #[test]
    fn planted_problems_are_found_and_made_small() {
        let corpus = vec![b"0{\"a\": 1, \"b\": [2, 3]}".to_vec()];
        let limits = Limits {
            time: Duration::from_secs(1),
            inputs: usize::MAX,
        };
        let mut fed = 0;
        let mut report = Report::default();
        for seed in 0..20 {
            let part = search(&mut Planted, corpus.clone(), seed, limits, &mut |_| {
                fed += 1
            });
            assert_eq!(
                part.outcomes
                    .keys()
                    .filter(|name| name.starts_with("ok"))
                    .count(),
                part.outcomes.len()
            );
            report.inputs += part.inputs;
            for finding in part.findings {
                if !report
                    .findings
                    .iter()
                    .any(|other| other.problem.is_like(&finding.problem))
                {
                    report.findings.push(finding);
                }
            }
            if report.findings.len() == 3 {
                break;
            }
        }
        assert_eq!(fed, report.inputs);
        let mut smallest: Vec<String> = report
            .findings
            .iter()
            .filter(|finding| !matches!(finding.problem, Problem::Memory(_)))
            .map(|finding| String::from_utf8_lossy(&finding.smallest).into_owned())
            .collect();
        smallest.sort();
        assert_eq!(smallest, ["[[[[", "lawlaw"]);
        if Peak::begin().is_some() {
            let greedy = |finding: &&Finding| matches!(finding.problem, Problem::Memory(_));
            let found = report.findings.iter().find(greedy).unwrap();
            assert!(String::from_utf8_lossy(&found.smallest).contains("9223372036854775808"));
        }
    }

    #[test]
    fn equal_seeds_search_alike() {
        let corpus = vec![b"0{\"a\": 1}".to_vec()];
        let fed = |seed: u64| {
            let mut inputs = Vec::new();
            let limits = Limits {
                time: Duration::MAX,
                inputs: 20,
            };
            search(&mut Planted, corpus.clone(), seed, limits, &mut |input| {
                inputs.push(input.to_vec());
            });
            inputs
        };
        assert_eq!(fed(3).len(), 20);
        assert_eq!(fed(3), fed(3));
        assert_ne!(fed(3), fed(4));
    }
}
