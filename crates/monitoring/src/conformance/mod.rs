//! Recorded calls of Prometheus Operator, replayed: one JSON object a line with a kind, inputs and the output or error.
//!
//! A case either equals, or equals but for what ours does otherwise on purpose, or is different.

mod admission;
mod alertmanager;
mod configuration;
mod marked;
mod rules;
mod selection;
pub mod tools;
mod workload;

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::selection::{
    ApiVersion, check_pod_monitor, check_probe, check_scrape_config, check_service_monitor,
};

/// A case and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its kind, a space and its id.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Equal to upstream.
    Equal,
    /// Different on purpose, and why.
    Marked(&'static str),
    /// Different, or of a kind that nothing of ours answers to.
    Different(String),
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

/// Replays the cases of a file whose name contains `only`.
pub fn run(file: &Path, only: Option<&str>) -> io::Result<Vec<Case>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut cases = Vec::new();
    for line in lines {
        let case: Value = serde_json::from_str(line).map_err(io::Error::other)?;
        let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, id) = (text("kind"), text("id"));
        let name = format!("{kind} {id}");
        if only.is_none_or(|only| name.contains(only)) {
            let outcome = replay(&case, kind);
            cases.push(Case { name, outcome });
        }
    }
    Ok(cases)
}

fn replay(case: &Value, kind: &str) -> Outcome {
    let input = case.get("in").unwrap_or(&Value::Null);
    if kind == "admission" {
        return match admission::replay(case) {
            Ok(()) => Outcome::Equal,
            Err(difference) => Outcome::Different(difference),
        };
    }
    let answer = match kind {
        kind if workload::KINDS.contains(&kind) => workload::answer(kind, input),
        "promcfg-server" => configuration::server(input),
        "promcfg-agent" => configuration::agent(input),
        "select-servicemonitor" => selection::monitor(input, check_service_monitor),
        "select-podmonitor" => selection::monitor(input, check_pod_monitor),
        "select-probe" => selection::monitor(input, check_probe),
        "select-scrapeconfig" => selection::monitor(input, check_scrape_config),
        "amcfg-sanitize" => alertmanager::sanitized(input),
        "amcfg-raw" => alertmanager::read(input),
        "amcfg-init" => alertmanager::of_object(input),
        "amcfg-add" => alertmanager::added(input),
        "select-alertmanagerconfig" => alertmanager::selected(input),
        "validate-amcfg-v1alpha1" => alertmanager::validated(input, ApiVersion::V1alpha1),
        "validate-amcfg-v1beta1" => alertmanager::validated(input, ApiVersion::V1beta1),
        "rules" => rules::file(input),
        "enforce-rule" => rules::enforced(input),
        "relabel-validate" => selection::relabelings(input),
        "thanos-rw" => configuration::ruler(input),
        _ => return Outcome::Different(format!("nothing of ours answers to {kind:?}")),
    };
    match compare(case, &answer) {
        Ok(()) if marked::must_differ(case) => {
            Outcome::Different("equal to upstream, whose defect this case records".to_owned())
        }
        Ok(()) => Outcome::Equal,
        Err(difference) => marked::reason(kind, case, &answer)
            .map_or(Outcome::Different(difference), Outcome::Marked),
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
    if let Answer::Error(ours) = answer {
        return Err(format!("ours refuses with `{ours}`"));
    }
    let (theirs, ours) = documents(case, answer)?;
    if theirs == ours {
        Ok(())
    } else {
        Err(first_difference("", Some(&theirs), Some(&ours)))
    }
}

/// What upstream made and what ours did, in a form that can be compared; of an error nothing.
fn documents(case: &Value, answer: &Answer) -> Result<(Value, Value), String> {
    let theirs = case.get("out").unwrap_or(&Value::Null);
    match answer {
        Answer::Error(_) => Err("nothing is made".to_owned()),
        Answer::Json(ours) => Ok([theirs, ours]
            .map(|one| bare(one).unwrap_or_default())
            .into()),
        Answer::Yaml(ours) => {
            let parsed = |text: &str| {
                machinery::yaml::parse(text)
                    .map(|document| document.value)
                    .map_err(|error| error.to_string())
            };
            Ok((parsed(theirs.as_str().unwrap_or_default())?, parsed(ours)?))
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
