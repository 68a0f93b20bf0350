//! What is planted in our server's answers is found: they are played, altered as they came, and go through all that a run has,
//! names for chance, comparison and ledger.
mod subtle;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;

use super::area::{self, Area};
use super::compare::{Divergence, divergences, normal};
use super::golden::{self, Trace};
use super::ground::{Ground, Reply};
use super::report::Report;
use super::run;
use super::schemas;
use super::sequence::{Mode, Sequence, Step};
use subtle::Plant;

/// So many sequences of an area, and steps of each, are altered.
const SEQUENCES: usize = 12;
const STEPS: usize = 9;

/// What is done to any answer.
const PLANTS: [(&str, Plant); 4] = [
    ("status", |_, reply| {
        reply.status += 1;
        true
    }),
    ("header", |_, reply| {
        let header = ("warning".to_owned(), "299 - \"planted\"".to_owned());
        reply.headers.push(header);
        true
    }),
    ("byte", |step, reply| {
        match step.mode {
            // A document's values count, not how it is written.
            Mode::Document => with_a_field(&mut reply.body),
            // Of what is shown in part, none is left.
            Mode::Show(_) => reply.body.clear(),
            Mode::Compare
            | Mode::Apart
            | Mode::Prepare
            | Mode::Watch
            | Mode::Beside
            | Mode::Until(..) => reply.body.push(b' '),
        }
        true
    }),
    ("field", |step, reply| {
        match step.mode {
            Mode::Show(_) => reply.body.clear(),
            Mode::Compare
            | Mode::Apart
            | Mode::Document
            | Mode::Prepare
            | Mode::Watch
            | Mode::Beside
            | Mode::Until(..) => with_a_field(&mut reply.body),
        }
        true
    }),
];

/// One field more, where there are any.
fn with_a_field(body: &mut Vec<u8>) {
    let at = usize::from(body.starts_with(b"{"));
    let field: &[u8] = match at {
        0 => b"planted: here\n",
        _ => br#""planted":"here","#,
    };
    body.splice(at..at, field.iter().copied());
}

/// The steps of a sequence that are altered.
fn altered(sequence: &Sequence) -> Vec<usize> {
    let compared = |(_, step): &(usize, &Step)| match step.mode {
        Mode::Compare
        | Mode::Apart
        | Mode::Document
        | Mode::Watch
        | Mode::Beside
        | Mode::Show(_) => true,
        Mode::Prepare | Mode::Until(..) => false,
    };
    let steps = sequence.steps.iter().enumerate().filter(compared);
    let steps: Vec<usize> = steps.map(|(number, _)| number).collect();
    let every = 1 + steps.len() / STEPS;
    steps.into_iter().step_by(every).collect()
}

/// Whether a row lets the answers to a request differ as a whole.
fn may_differ(report: &Report, found: &Divergence) -> bool {
    let lines = found.lines.iter().map(|line| {
        let mut line = line.clone();
        "-whatever it is".clone_into(&mut line.line);
        line
    });
    let lines = lines.collect();
    report.knows(&[Divergence { step: 0, lines }])
}

/// What was planted in one sequence.
#[derive(Default)]
struct Planted {
    reported: usize,
    excused: usize,
    /// How many of each kind there were.
    kinds: BTreeMap<&'static str, usize>,
    missed: Vec<String>,
}

impl Planted {
    /// Alters `ours`, the answers as they came, in each way; `theirs` are what they are compared with.
    fn plant(
        &mut self,
        report: &Report,
        (area, sequence): (&str, &Sequence),
        theirs: &[Reply],
        ours: &[Reply],
    ) -> Vec<Divergence> {
        let steps = altered(sequence);
        let mut all = Vec::new();
        for (name, plant) in PLANTS.into_iter().chain(subtle::PLANTS) {
            let mut ours = ours.to_vec();
            let mut planted = steps.clone();
            planted.retain(|number| plant(&sequence.steps[*number], &mut ours[*number]));
            *self.kinds.entry(name).or_default() += planted.len();
            let found = divergences(
                area,
                sequence,
                theirs,
                &golden::as_recorded(&normal(sequence, &ours)),
            );
            for number in &planted {
                let step = &sequence.steps[*number];
                let found = found.iter().find(|found| found.step == *number);
                match found {
                    Some(found) if !report.knows(std::slice::from_ref(found)) => self.reported += 1,
                    Some(found) if may_differ(report, found) => self.excused += 1,
                    // A script may show that something isn't there.
                    None if matches!(step.mode, Mode::Show(_))
                        && !["status", "header"].contains(&name) => {}
                    Some(_) | None => self.missed.push(format!(
                        "{name} in step {number} of {}: {} {}",
                        sequence.title, step.method, step.target
                    )),
                }
            }
            all.extend(found);
        }
        all
    }
}

/// Plays a sample of an area's recorded sequences, or of made-up ones beside themselves where there is no recording.
async fn planted(area: &dyn Area, report: &mut Report) -> Result<Planted> {
    let recorded = golden::read(area.name())?;
    let traces = match recorded {
        Some((_, traces)) => traces,
        None => schemas::like_upstream(1)
            .into_iter()
            .enumerate()
            .map(|(number, sequence)| Trace {
                number,
                sequence,
                replies: Vec::new(),
            })
            .collect(),
    };
    let (ours, clockwork) = Ground::ours(area.controllers(), 1)?;
    run::define(&ours, &area.definitions()).await?;
    let ours = &ours;
    report.begin(area.name(), 1, false);
    let every = traces.len().div_ceil(SEQUENCES);
    let chosen = traces.iter().step_by(every);
    let played = run::in_turn(
        area,
        chosen.map(|trace| (&trace.sequence, trace)),
        |trace: &Trace| async move {
            let namespace = golden::namespace_of(trace.number);
            (trace, run::play(ours, &trace.sequence, &namespace).await)
        },
    );
    let mut played = std::pin::pin!(played);
    let mut planted = Planted::default();
    while let Some((trace, replies)) = played.next().await {
        let (name, sequence) = (area.name(), &trace.sequence);
        let theirs = match trace.replies.as_slice() {
            [] => golden::as_recorded(&normal(sequence, &replies)),
            recorded => recorded.to_vec(),
        };
        let quiet = divergences(
            name,
            sequence,
            &theirs,
            &golden::as_recorded(&normal(sequence, &replies)),
        );
        anyhow::ensure!(
            report.knows(&quiet),
            "{} differs by itself: {quiet:?}",
            sequence.title
        );
        let found = planted.plant(report, (name, sequence), &theirs, &replies);
        report.add(trace.number, sequence, found, false);
    }
    clockwork.abort();
    Ok(planted)
}

/// A status, a header, a byte and a field of any answer altered is reported, and so are small differences where they are
/// possible.
pub fn is_found_in(name: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let all = area::all();
    let area = all.iter().find(|area| area.name() == name);
    let area = area.context("an area")?.as_ref();
    let mut report = Report::new()?;
    let planted = runtime.block_on(planted(area, &mut report))?;
    assert_eq!(planted.missed, Vec::<String>::new());
    let subtle = |(name, _): &(&&str, &usize)| subtle::PLANTS.iter().any(|(own, _)| own == *name);
    let subtle = planted.kinds.iter().filter(subtle);
    let subtle: BTreeMap<_, _> = subtle.filter(|(_, number)| **number > 0).collect();
    // Streams of events have something of every kind.
    let least = if name == "watches" {
        subtle::PLANTS.len()
    } else {
        1
    };
    assert!(subtle.len() >= least, "{subtle:?}");
    let (reported, excused) = (planted.reported, planted.excused);
    assert!(reported > 100, "{reported}");
    assert!(
        excused * 10 < reported,
        "{excused} of {reported} may differ"
    );
    assert!(!report.finish(), "a run that found this has failed");
    Ok(())
}
