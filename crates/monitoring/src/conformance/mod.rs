//! Recorded calls of Prometheus Operator, replayed: one JSON object a line with a kind, inputs and the output or error.
//!
//! A case either equals, or is marked with the reason why ours differs on purpose (and then must differ), or is different.

mod alertmanager;
mod configuration;
mod marked;
mod selection;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::selection::{
    check_pod_monitor, check_probe, check_scrape_config, check_service_monitor,
};

/// How the cases of one kind came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Equal to upstream.
    pub equal: usize,
    /// Different on purpose.
    pub marked: usize,
    /// Different, by case, and how.
    pub different: Vec<String>,
    /// Not replayed: nothing of ours answers to the kind.
    pub skipped: usize,
}

/// What ours makes of the inputs of a case.
pub(crate) enum Answer {
    /// A YAML text.
    Yaml(String),
    /// JSON, compared without nulls and empty parts.
    Json(Value),
    /// An error.
    Error(String),
}

/// Replays all cases of a folder whose kind or id contains `only`; tallies by kind.
pub fn run(folder: &Path, only: Option<&str>) -> io::Result<BTreeMap<String, Tally>> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut files: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "ndjson"))
    {
        for line in fs::read_to_string(file)?
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            let case: Value = serde_json::from_str(line).map_err(io::Error::other)?;
            let text = |key: &str| {
                case.get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (kind, id) = (text("kind"), text("id"));
            if only.is_none_or(|only| kind.contains(only) || id.contains(only)) {
                replay(&case, &kind, &id, tallies.entry(kind.clone()).or_default());
            }
        }
    }
    Ok(tallies)
}

fn replay(case: &Value, kind: &str, id: &str, tally: &mut Tally) {
    let input = case.get("in").unwrap_or(&Value::Null);
    let answer = match kind {
        "promcfg-server" => configuration::server(input),
        "promcfg-agent" => configuration::agent(input),
        "select-servicemonitor" => selection::monitor(input, check_service_monitor),
        "select-podmonitor" => selection::monitor(input, check_pod_monitor),
        "select-probe" => selection::monitor(input, check_probe),
        "select-scrapeconfig" => selection::monitor(input, check_scrape_config),
        "amcfg-sanitize" => alertmanager::sanitized(input),
        "relabel-validate" => selection::relabelings(input),
        _ => {
            tally.skipped += 1;
            return;
        }
    };
    let outcome = compare(case, &answer);
    match (outcome, marked::reason(id)) {
        (Ok(()), None) => tally.equal += 1,
        (Ok(()), Some(reason)) => {
            tally
                .different
                .push(format!("{kind} {id}: marked ({reason}), but equal"));
        }
        (Err(_), Some(_)) => tally.marked += 1,
        (Err(difference), None) => tally.different.push(format!("{kind} {id}: {difference}")),
    }
}

fn compare(case: &Value, answer: &Answer) -> Result<(), String> {
    if let Some(theirs) = case.get("err").and_then(Value::as_str) {
        return match answer {
            Answer::Error(ours) if same_error(theirs, ours) => Ok(()),
            Answer::Error(ours) => Err(format!(
                "upstream refuses with `{theirs}`, ours with `{ours}`"
            )),
            Answer::Yaml(_) | Answer::Json(_) => {
                Err(format!("upstream refuses with `{theirs}`, ours accepts"))
            }
        };
    }
    let out = case.get("out").unwrap_or(&Value::Null);
    match answer {
        Answer::Error(ours) => Err(format!("ours refuses with `{ours}`")),
        Answer::Json(ours) => {
            let (theirs, ours) = (bare(out), bare(ours));
            if theirs == ours {
                Ok(())
            } else {
                Err(first_difference("", theirs.as_ref(), ours.as_ref()))
            }
        }
        Answer::Yaml(ours) => {
            let parsed = |text: &str| {
                machinery::yaml::parse(text)
                    .map(|document| document.value)
                    .map_err(|error| error.to_string())
            };
            let (theirs, ours) = (parsed(out.as_str().unwrap_or_default())?, parsed(ours)?);
            if theirs == ours {
                Ok(())
            } else {
                Err(first_difference("", Some(&theirs), Some(&ours)))
            }
        }
    }
}

/// Texts of Go's own parsers end differently: what comes before the last colon counts.
fn same_error(theirs: &str, ours: &str) -> bool {
    let beginning = |text: &str| {
        text.rsplit_once(": ")
            .map_or(text.len(), |(before, _)| before.len())
    };
    theirs == ours || {
        let cut = beginning(theirs);
        cut < theirs.len() && theirs.get(..cut) == ours.get(..cut)
    }
}

/// A value without nulls, empty lists and empty maps.
fn bare(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items
                .iter()
                .map(|item| bare(item).unwrap_or_default())
                .collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: serde_json::Map<String, Value> = fields
                .iter()
                .filter_map(|(key, field)| Some((key.clone(), bare(field)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other.clone()),
    }
}

fn first_difference(path: &str, theirs: Option<&Value>, ours: Option<&Value>) -> String {
    match (theirs, ours) {
        (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
            let mut keys = theirs.keys().chain(ours.keys());
            keys.find(|key| theirs.get(*key) != ours.get(*key))
                .map_or_else(String::new, |key| {
                    first_difference(&format!("{path}.{key}"), theirs.get(key), ours.get(key))
                })
        }
        (Some(Value::Array(theirs)), Some(Value::Array(ours))) => {
            let longest = theirs.len().max(ours.len());
            let index = (0..longest)
                .find(|index| theirs.get(*index) != ours.get(*index))
                .unwrap_or_default();
            first_difference(
                &format!("{path}[{index}]"),
                theirs.get(index),
                ours.get(index),
            )
        }
        (theirs, ours) => {
            let show = |value: Option<&Value>| {
                value.map_or_else(|| "nothing".to_owned(), Value::to_string)
            };
            format!("{path}: upstream {}, ours {}", show(theirs), show(ours))
        }
    }
}
