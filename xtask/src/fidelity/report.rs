//! What was found, for people: each kind of difference once, with the line that replays it, and counts.
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use regex::Regex;
use scenarios::difference::Difference;
use scenarios::ledger::Ledger;

use super::compare::Divergence;
use super::sequence::{Mode, Sequence};

/// Lines shown of one difference, and of one of a single sequence; kinds of differences shown.
const LINES: usize = 24;
const LINES_OF_ONE: usize = 400;
const KINDS: usize = 120;
/// Of so many sequences one may differ once and not again: the real server's own races, and those of a busy machine.
const SEQUENCES_PER_UNSTEADY: usize = 333;

/// Everything found in a run.
pub struct Report {
    ledger: Ledger,
    digits: Regex,
    area: &'static str,
    seed: u64,
    /// Areas gone through completely.
    whole: Vec<&'static str>,
    counts: BTreeMap<&'static str, Counts>,
    seen: Vec<Difference>,
    kinds: BTreeMap<String, (usize, String)>,
    begun: Option<tokio::time::Instant>,
    /// Every difference is told, with the requests before it.
    telling: bool,
}

/// What an area came to.
#[derive(Default)]
struct Counts {
    sequences: usize,
    pairs: usize,
    different: usize,
    unsteady: usize,
    took: Duration,
}

impl Counts {
    /// How many may differ once: three of a thousand, and one of however few.
    fn unsteady_at_most(&self) -> usize {
        (self.sequences / SEQUENCES_PER_UNSTEADY).max(1)
    }
}

impl Report {
    /// With the ledger of the repository.
    pub fn new() -> Result<Self> {
        Ok(Self {
            ledger: Ledger::read()?,
            digits: Regex::new(r"\d+")?,
            area: "",
            seed: 0,
            whole: Vec::new(),
            counts: BTreeMap::new(),
            seen: Vec::new(),
            kinds: BTreeMap::new(),
            begun: None,
            telling: false,
        })
    }

    /// A line for whoever watches.
    #[allow(clippy::unused_self, reason = "output has one place")]
    pub fn say(&self, line: &str) {
        use std::io::Write as _;
        // A closed pipe ends the output, not the run.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Tells every difference of a sequence, with the requests before it.
    pub fn tell_all(&mut self, telling: bool) {
        self.telling = telling;
    }

    /// Whether the ledger has all of these.
    pub fn knows(&self, found: &[Divergence]) -> bool {
        let lines = found.iter().flat_map(|divergence| &divergence.lines);
        lines.into_iter().all(|line| self.ledger.knows(line))
    }

    /// An area begins.
    pub fn begin(&mut self, area: &'static str, seed: u64, whole: bool) {
        (self.area, self.seed) = (area, seed);
        if whole {
            self.whole.push(area);
        }
        self.begun = Some(tokio::time::Instant::now());
        self.counts.insert(area, Counts::default());
    }

    /// A sequence was compared.
    pub fn add(
        &mut self,
        number: usize,
        sequence: &Sequence,
        found: Vec<Divergence>,
        unsteady: bool,
    ) {
        let counts = self.counts.entry(self.area).or_default();
        counts.sequences += 1;
        let compared = sequence
            .steps
            .iter()
            .filter(|step| step.mode != Mode::Prepare);
        counts.pairs += compared.count();
        counts.took = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        if unsteady {
            counts.unsteady += 1;
            let (area, seed) = (self.area, self.seed);
            let first = found.first().and_then(|found| {
                let line = found.lines.first()?;
                Some(format!(
                    ": step {}, {} {}",
                    found.step,
                    line.command,
                    cut(&line.line)
                ))
            });
            self.say(&format!(
                "once only: cargo xtask fidelity --live --seed {seed} {area} --sequence {number}{}",
                first.unwrap_or_default()
            ));
            let shown = if self.telling { found.len() } else { 1 };
            for divergence in found.iter().take(shown) {
                self.say(&self.text(number, sequence, divergence));
            }
            return;
        }
        counts.different += usize::from(!found.is_empty());
        // What comes after the first difference may follow from it.
        let mut first = true;
        for divergence in found {
            let unknown = self.unknown(&divergence).next().is_some();
            if unknown && (self.telling || std::mem::take(&mut first)) {
                let kind = self.kind(&divergence);
                let text = self.text(number, sequence, &divergence);
                let (count, shown) = self.kinds.entry(kind).or_insert((0, String::new()));
                *count += 1;
                if shown.is_empty() || text.len() < shown.len() {
                    *shown = text;
                }
            }
            self.seen.extend(divergence.lines);
        }
    }

    /// The lines that the ledger doesn't have.
    fn unknown<'a>(&'a self, divergence: &'a Divergence) -> impl Iterator<Item = &'a Difference> {
        let lines = divergence.lines.iter();
        lines.filter(|line| !self.ledger.knows(line))
    }

    /// What makes differences alike: the same lines, but for numbers.
    fn kind(&self, divergence: &Divergence) -> String {
        let lines = self.unknown(divergence).map(|line| line.line.as_str());
        let lines: Vec<_> = lines.collect();
        self.digits.replace_all(&lines.join("\n"), "N").into_owned()
    }

    fn text(&self, number: usize, sequence: &Sequence, divergence: &Divergence) -> String {
        let (area, seed, title) = (self.area, self.seed, &sequence.title);
        let mut text = vec![
            format!("{area}: {title}, step {}", divergence.step),
            format!(
                "  replay: cargo xtask fidelity --live --seed {seed} {area} --sequence {number}"
            ),
        ];
        let before = if self.telling { 0 } else { divergence.step };
        let steps = sequence.steps.iter().take(divergence.step + 1);
        for step in steps.skip(before) {
            text.push(format!("  {} {}", step.method, step.target));
            let headers = step.headers.iter();
            text.extend(headers.map(|(name, value)| format!("  {name}: {value}")));
            if !step.body.is_empty() {
                text.push(format!("  {}", cut(&step.body)));
            }
        }
        let shown = if self.telling { LINES_OF_ONE } else { LINES };
        let lines = self.unknown(divergence).take(shown);
        text.extend(lines.map(|line| format!("    {}", cut(&line.line))));
        let count = self.unknown(divergence).count();
        if count > shown {
            let more = count - shown;
            text.push(format!("    … {more} more lines"));
        }
        text.join("\n") + "\n"
    }

    /// Prints what was found. Tells whether all of it is in the ledger, and all of the ledger was found.
    pub fn finish(&self) -> bool {
        let mut kinds: Vec<_> = self.kinds.values().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.0));
        for (count, text) in kinds.iter().take(KINDS) {
            self.say(&format!("{count} × {text}"));
        }
        if kinds.len() > KINDS {
            self.say(&format!(
                "… and {} other kinds of difference",
                kinds.len() - KINDS
            ));
        }
        let complaints = self.ledger.complaints(&self.seen, &self.whole);
        let unseen: Vec<_> = complaints
            .iter()
            .filter(|line| line.starts_with("no longer"))
            .collect();
        for line in &unseen {
            self.say(&format!("ledger: {line}"));
        }
        for (pattern, lines) in self.ledger.used(&self.seen) {
            self.say(&format!("ledger: {lines} lines are {pattern}"));
        }
        let mut restless = false;
        for (area, counts) in &self.counts {
            if counts.unsteady > counts.unsteady_at_most() {
                restless = true;
                self.say(&format!(
                    "{area}: more than {} of {} sequences differed once and not again",
                    counts.unsteady_at_most(),
                    counts.sequences
                ));
            }
            let Counts {
                sequences,
                pairs,
                different,
                unsteady,
                took,
            } = counts;
            self.say(&format!(
                "{area}: {sequences} sequences, {pairs} pairs, {different} sequences differ, {unsteady} did so once only, {} s",
                took.as_secs()
            ));
        }
        self.say(&format!(
            "{} kinds of difference that the ledger doesn't list",
            kinds.len()
        ));
        kinds.is_empty() && unseen.is_empty() && !restless
    }
}

/// As much of a text as a person reads.
fn cut(text: &str) -> String {
    text.chars().take(1500).collect()
}

#[test]
fn differences_that_do_not_come_again_are_excused_three_times_in_a_thousand() {
    let finished = |sequences: usize, unsteady: usize| {
        let mut report = Report::new().expect("the ledger");
        report.begin("requests", 1, false);
        for number in 0..sequences {
            let sequence = Sequence::default();
            report.add(number, &sequence, Vec::new(), number < unsteady);
        }
        report.finish()
    };
    assert!(finished(40, 0) && finished(40, 1) && !finished(40, 2));
    assert!(finished(1000, 3) && !finished(1000, 4));
}
