//! Answers of a real API server, recorded: `tests/goldens/fidelity/AREA.ndjson.gz`.
//!
//! The first line says what it is; every other one is a sequence with the normalised answers to it. The requests are
//! recorded too, so that a generator may change without its recording.
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::area::Area;
use super::compare::{broken_promises, divergences, normal};
use super::document;
use super::ground::{Ground, Reply};
use super::normalise::in_one_order;
use super::report::Report;
use super::run;
use super::sequence::{Mode, Sequence};
use super::words;

/// The size of a recording, before compression; what comes later isn't recorded.
const LARGEST: usize = 12 << 20;

/// What a recording is of.
#[derive(Serialize, Deserialize)]
struct Header {
    area: String,
    seed: u64,
    reference: String,
}

/// One recorded sequence.
#[derive(Serialize, Deserialize)]
pub struct Trace {
    /// Its number among those of the seed.
    pub number: usize,
    /// The requests.
    pub sequence: Sequence,
    /// The answers, normalised.
    pub replies: Vec<Reply>,
}

/// A recording that is being made. What differs isn't recorded: `--live` tells of it, a test without a real server is to
/// hold what was reached.
pub struct Recording {
    header: Header,
    traces: Vec<Trace>,
}

/// Where a recorded sequence is played.
pub fn namespace_of(number: usize) -> String {
    format!("f-00000000-{number}")
}

fn path(area: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/goldens/fidelity");
    PathBuf::from(folder).join(format!("{area}.ndjson.gz"))
}

impl Recording {
    /// Of an area, nothing yet.
    pub fn new(area: &dyn Area, seed: u64) -> Self {
        let header = Header {
            area: area.name().to_owned(),
            seed,
            reference: "kube-apiserver v1.36.3".to_owned(),
        };
        Self {
            header,
            traces: Vec::new(),
        }
    }

    /// A sequence and the answers to it.
    pub fn add(&mut self, number: usize, sequence: &Sequence, replies: &[Reply], namespace: &str) {
        // It is played again where its number says.
        let moved = |text: &str| text.replace(namespace, &namespace_of(number));
        let steps = sequence.steps.iter().zip(replies);
        let replies = steps.map(|(step, reply)| Reply {
            // Of a document its digest is enough to see that it is another.
            body: if step.mode == Mode::Document {
                document::digest(&document::reduced(&reply.body))
            } else {
                let body = words::without_descriptions(&reply.body);
                moved(&String::from_utf8_lossy(&body)).into_bytes()
            },
            headers: reply
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), moved(value)))
                .collect(),
            ..reply.clone()
        });
        self.traces.push(Trace {
            number,
            sequence: sequence.clone(),
            replies: replies.collect(),
        });
    }

    /// Writes it, in order.
    ///
    /// # Errors
    /// If it has fewer than 98 in 100 of the sequences that were played: a test with so many gaps holds too little.
    pub fn write(mut self, played: usize) -> Result<()> {
        let recorded = self.traces.len();
        if recorded * 100 < played * 98 {
            bail!(
                "{}: only {recorded} of {played} sequences could be recorded, the others differ from the real server's\nhint: mend them first, or try another seed",
                self.header.area
            );
        }
        self.traces.sort_by_key(|trace| trace.number);
        let path = path(&self.header.area);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        let mut out = GzEncoder::new(File::create(&path)?, Compression::best());
        writeln!(out, "{}", serde_json::to_string(&self.header)?)?;
        let mut size = 0;
        for trace in &self.traces {
            let line = serde_json::to_string(trace)?;
            size += line.len();
            if size > LARGEST {
                break;
            }
            writeln!(out, "{line}")?;
        }
        out.finish()?;
        Ok(())
    }
}

/// A recording: its seed and its traces. `None` if there is none of that area.
pub fn read(area: &str) -> Result<Option<(u64, Vec<Trace>)>> {
    let path = path(area);
    let Ok(file) = File::open(&path) else {
        return Ok(None);
    };
    let mut lines = BufReader::new(GzDecoder::new(file)).lines();
    let header = lines.next().context("an empty recording")??;
    let header: Header = serde_json::from_str(&header)?;
    let traces = lines.map(|line| {
        let mut trace: Trace = serde_json::from_str(&line?)?;
        // The order of what is wrong may have been chance's when it was recorded.
        for reply in &mut trace.replies {
            reply.body = in_one_order(&String::from_utf8_lossy(&reply.body)).into_bytes();
        }
        Ok::<_, anyhow::Error>(trace)
    });
    Ok(Some((header.seed, traces.collect::<Result<_>>()?)))
}

/// Normalised answers of ours, as a recording would have them: whether a column has a description is compared, not which.
pub fn as_recorded(replies: &[Reply]) -> Vec<Reply> {
    let replies = replies.iter().map(|reply| Reply {
        body: words::without_descriptions(&reply.body),
        ..reply.clone()
    });
    replies.collect()
}

/// Plays a recording's sequences on our server and reports what differs.
pub async fn replay(area: &dyn Area, only: Option<usize>, report: &mut Report) -> Result<()> {
    let Some((seed, traces)) = read(area.name())? else {
        let name = area.name();
        let why = area.unrecorded().with_context(|| {
            format!(
                "no recording of {name}\nhint: cargo xtask fidelity --live --record {name} makes one"
            )
        })?;
        report.say(&format!("{name}: not recorded, {why}"));
        return Ok(());
    };
    let (ours, clockwork) = Ground::ours(area.controllers(), seed)?;
    run::define(&ours, &area.definitions()).await?;
    let ours = &ours;
    // What may differ is recorded too: each of the ledger's keys has to be about something in it.
    report.begin(area.name(), seed, only.is_none());
    let chosen = traces
        .iter()
        .filter(|trace| only.is_none_or(|only| only == trace.number))
        .map(|trace| (&trace.sequence, trace));
    let played = run::in_turn(area, chosen, |trace: &Trace| async move {
        let (sequence, namespace) = (&trace.sequence, namespace_of(trace.number));
        let replies = run::play(ours, sequence, &namespace).await;
        let mut found = broken_promises(area, "ours", (sequence, &namespace), &replies);
        let replies = as_recorded(&normal(sequence, &replies));
        found.extend(divergences(area.name(), sequence, &trace.replies, &replies));
        (trace, found)
    });
    let mut played = std::pin::pin!(played);
    while let Some((trace, found)) = played.next().await {
        report.add(trace.number, &trace.sequence, found, false);
    }
    clockwork.abort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fidelity::{area, planted};

    /// Every recorded sequence, as the real server answered it.
    fn replays(name: &str) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let area = area::all()
            .into_iter()
            .find(|area| area.name() == name)
            .expect("an area");
        let mut report = Report::new().expect("the ledger");
        runtime
            .block_on(replay(area.as_ref(), None, &mut report))
            .expect("a recording");
        assert!(
            report.finish(),
            "against tests/goldens/fidelity/{name}.ndjson.gz"
        );
    }

    /// Two tests for each area: its recording is replayed, and what is planted in the answers is found.
    macro_rules! held {
        ($($area:literal: $replays:ident, $plants:ident;)*) => {
            $(
                #[test]
                fn $replays() {
                    replays($area);
                }

                #[test]
                fn $plants() {
                    planted::is_found_in($area).expect("a recording");
                }
            )*

            #[test]
            fn every_area_is_held() {
                let all: Vec<_> = area::all().iter().map(|area| area.name()).collect();
                assert_eq!(all, [$($area),*]);
            }
        };
    }

    held! {
        "requests": requests_are_answered_as_recorded, what_is_planted_among_requests_is_found;
        "kinds": writes_of_kinds_are_answered_as_recorded, what_is_planted_among_kinds_is_found;
        "watches": watches_are_told_as_recorded, what_is_planted_among_watches_is_found;
        "builtins": controllers_get_where_recorded_ones_got, what_is_planted_among_end_states_is_found;
        "apply": applies_are_answered_as_recorded, what_is_planted_among_applies_is_found;
        "schemas": custom_resources_are_answered_as_recorded, what_is_planted_among_custom_resources_is_found;
        "upstream": what_others_publish_is_not_recorded, what_is_planted_among_objects_of_others_is_found;
        "discovery": discovery_is_answered_as_recorded, what_is_planted_in_discovery_is_found;
        "tables": tables_are_shown_as_recorded, what_is_planted_among_tables_is_found;
        "admission": admissions_are_answered_as_recorded, what_is_planted_among_admissions_is_found;
        "identities": identities_are_what_was_recorded, what_is_planted_among_identities_is_found;
    }

    #[test]
    fn every_script_of_a_controller_is_recorded() {
        let name = "builtins";
        let areas = area::all();
        let area = areas.iter().find(|area| area.name() == name);
        let (seed, traces) = read(name).expect("a recording").expect("traces");
        let scripts = area.expect("an area").sequences(seed).expect("scripts");
        let titles = |sequences: Vec<&Sequence>| {
            let titles = sequences.into_iter().map(|sequence| &sequence.title);
            titles.cloned().collect::<BTreeSet<String>>()
        };
        assert_eq!(
            titles(traces.iter().map(|trace| &trace.sequence).collect()),
            titles(scripts.iter().collect())
        );
    }

    #[test]
    fn an_area_without_a_recording_says_why() {
        struct Nowhere;
        impl Area for Nowhere {
            fn name(&self) -> &'static str {
                "nowhere"
            }

            fn sequences(&self, _: u64) -> Result<Vec<Sequence>> {
                Ok(Vec::new())
            }
        }
        let mut report = Report::new().expect("the ledger");
        let replayed = futures::executor::block_on(replay(&Nowhere, None, &mut report));
        let error = replayed.expect_err("no recording").to_string();
        assert!(error.starts_with("no recording of nowhere"), "{error}");
        for area in area::all() {
            let recorded = read(area.name()).expect("a recording").is_some();
            assert_ne!(recorded, area.unrecorded().is_some(), "{}", area.name());
        }
    }
}
