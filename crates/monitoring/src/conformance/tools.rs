//! Configurations for the real tools: everything that recorded cases render, and what becomes of it when something is spoilt.

use std::io;
use std::path::Path;

use machinery::entropy::Entropy;
use machinery::yaml::Ordered;
use serde_json::{Value, json};

use super::{Answer, alertmanager, configuration, rules};
use crate::config::prometheus::DEFAULT_VERSION;
use crate::config::version::Version;
use crate::preflight;
use crate::workload::ALERTMANAGER_VERSION;

/// Who reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Prometheus, its configuration.
    Prometheus,
    /// Alertmanager, its configuration.
    Alertmanager,
    /// Prometheus, its rules.
    Rules,
}

/// A file that ours rendered.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Kind and id of its case.
    pub name: String,
    /// The version that it is for.
    pub version: Version,
    /// The document.
    pub text: String,
}

type Make = fn(&Value) -> Answer;

/// Kinds of cases that render a file, with where they say for which version it is.
const KINDS: [(&str, Program, Make, &str); 6] = [
    (
        "promcfg-server",
        Program::Prometheus,
        configuration::server,
        "/prometheus/spec/version",
    ),
    (
        "promcfg-agent",
        Program::Prometheus,
        configuration::agent,
        "/prometheusAgent/spec/version",
    ),
    (
        "amcfg-raw",
        Program::Alertmanager,
        alertmanager::read,
        "/amVersion",
    ),
    (
        "amcfg-init",
        Program::Alertmanager,
        alertmanager::of_object,
        "/amVersion",
    ),
    (
        "amcfg-add",
        Program::Alertmanager,
        alertmanager::added,
        "/amVersion",
    ),
    ("rules", Program::Rules, rules::file, "/version"),
];

/// What the recorded cases of a folder render for a program; with a version, what they do if all are for that one.
///
/// # Errors
/// If a file can't be read, or isn't JSON by lines.
pub fn rendered(
    folder: &Path,
    program: Program,
    version: Option<&Version>,
) -> io::Result<Vec<Rendered>> {
    let mut all = Vec::new();
    for (kind, _, make, place) in KINDS.iter().filter(|(_, reader, ..)| *reader == program) {
        let path = folder.join(format!("{kind}.ndjson"));
        if !path.is_file() {
            continue;
        }
        for line in std::fs::read_to_string(path)?.lines() {
            let mut case: Value = serde_json::from_str(line).map_err(io::Error::other)?;
            let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
            let name = format!("{kind} {id}");
            let Some(input) = case.get_mut("in") else {
                continue;
            };
            // Only Thanos takes the fields of these.
            if input.get("format").is_some_and(|format| format == "thanos") {
                continue;
            }
            if let Some(version) = version {
                put(input, place, &version.to_string());
            }
            if let Answer::Yaml(text) = make(input) {
                let version = input.pointer(place).and_then(Value::as_str);
                let version = version.filter(|version| !version.is_empty());
                let version = version.unwrap_or(match program {
                    Program::Prometheus | Program::Rules => DEFAULT_VERSION,
                    Program::Alertmanager => ALERTMANAGER_VERSION,
                });
                all.push(Rendered {
                    name,
                    version: Version::parse(version).map_err(io::Error::other)?,
                    text,
                });
            }
        }
    }
    Ok(all)
}

/// Puts a text at a place, if what is to hold it is there.
fn put(input: &mut Value, place: &str, text: &str) {
    let (parent, field) = place.rsplit_once('/').unwrap_or(("", place));
    if let Some(fields) = input.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.insert(field.to_owned(), json!(text));
    }
}

/// What ours says of a file; `None` if it would be published.
pub fn refusal(program: Program, text: &str, version: &Version) -> Option<String> {
    let checked = match program {
        Program::Prometheus => preflight::Reader::new(version).text(text),
        Program::Alertmanager => preflight::alertmanager::check(text, version),
        // Rules are read before they become a file.
        Program::Rules => Ok(()),
    };
    checked.err().map(|fault| fault.to_string())
}

/// A configuration without fields of these names, wherever they stand.
pub fn without(text: &str, names: &[String]) -> String {
    match machinery::yaml::parse(text) {
        Ok(document) => {
            let mut tree = Ordered::from(&document.value);
            strip(&mut tree, names);
            tree.to_yaml()
        }
        Err(_) => text.to_owned(),
    }
}

fn strip(tree: &mut Ordered, names: &[String]) {
    match tree {
        Ordered::Scalar(_) => {}
        Ordered::List(items) => items.iter_mut().for_each(|item| strip(item, names)),
        Ordered::Map(entries) => {
            entries.retain(|(key, _)| !names.contains(key));
            for (_, value) in entries {
                strip(value, names);
            }
        }
    }
}

/// A configuration in which one value at random is another one, or one field more or less.
pub fn spoilt(text: &str, chance: &mut Entropy) -> Option<(String, String)> {
    let document = machinery::yaml::parse(text).ok()?;
    let mut tree = Ordered::from(&document.value);
    let places = u64::try_from(count(&tree)).ok()?;
    let mut place = chance.below(places);
    let mut done = String::new();
    spoil(&mut tree, &mut place, chance, &mut done, "");
    Some((done, tree.to_yaml()))
}

fn count(tree: &Ordered) -> usize {
    match tree {
        Ordered::Scalar(_) => 1,
        Ordered::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Ordered::Map(entries) => 1 + entries.iter().map(|(_, value)| count(value)).sum::<usize>(),
    }
}

/// Walks to the place and changes what is there; whether that is done.
fn spoil(
    tree: &mut Ordered,
    place: &mut u64,
    chance: &mut Entropy,
    done: &mut String,
    path: &str,
) -> bool {
    if *place == 0 {
        *done = format!("{path}: {}", change(tree, chance));
        return true;
    }
    *place -= 1;
    match tree {
        Ordered::Scalar(_) => false,
        Ordered::List(items) => {
            let mut items = items.iter_mut().enumerate();
            items.any(|(index, item)| spoil(item, place, chance, done, &format!("{path}[{index}]")))
        }
        Ordered::Map(entries) => {
            let mut entries = entries.iter_mut();
            entries.any(|(key, value)| spoil(value, place, chance, done, &format!("{path}.{key}")))
        }
    }
}

fn change(value: &mut Ordered, chance: &mut Entropy) -> String {
    let scalars = [
        json!(""),
        json!("0"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(true),
        json!(null),
        json!("a b"),
        json!("1h"),
        json!("a("),
        json!("http://x:y/"),
        json!("é"),
        json!("1a"),
        json!("10MB"),
        json!("legacy"),
        json!("replace"),
        json!("hashmod"),
    ];
    let pick = usize::try_from(chance.below(17)).unwrap_or_default();
    let scalar = scalars.get(pick).cloned().unwrap_or_default();
    match value {
        Ordered::Map(entries) if !entries.is_empty() => {
            let at = usize::try_from(chance.below(entries.len() as u64)).unwrap_or_default();
            match chance.below(5) {
                0 => {
                    let (key, _) = entries.remove(at);
                    return format!("without {key}");
                }
                1 => {
                    entries.push(("surprise".to_owned(), Ordered::Scalar(json!(1))));
                    return "with a surprise".to_owned();
                }
                2 => {
                    let more = [
                        ("basic_auth", json!({"username": "u"})),
                        ("authorization", json!({"credentials": "c"})),
                        ("bearer_token", json!("t")),
                        ("tls_config", json!({"cert_file": "c"})),
                        ("action", json!("labeldrop")),
                        ("modulus", json!(3)),
                        ("proxy_from_environment", json!(true)),
                        ("scrape_timeout", json!("1d")),
                    ];
                    let pick = usize::try_from(chance.below(8)).unwrap_or_default();
                    if let Some((key, value)) = more.get(pick) {
                        entries.retain(|(one, _)| one != key);
                        entries.push(((*key).to_owned(), Ordered::from(value)));
                        return format!("with {key}");
                    }
                }
                _ => {}
            }
        }
        Ordered::List(items) if !items.is_empty() => match chance.below(4) {
            0 => {
                items.clear();
                return "emptied".to_owned();
            }
            1 => {
                if let Some(first) = items.first().cloned() {
                    items.push(first);
                    return "its first item twice".to_owned();
                }
            }
            _ => {}
        },
        Ordered::Scalar(_) | Ordered::List(_) | Ordered::Map(_) => {}
    }
    let text = scalar.to_string();
    *value = if chance.below(8) == 0 {
        Ordered::List(vec![Ordered::Scalar(scalar)])
    } else {
        Ordered::Scalar(scalar)
    };
    format!("now {text}")
}
