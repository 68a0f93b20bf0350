//! What Prometheus checks when it loads a rule file (`model/rulefmt`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleGroup, expression};
use crate::config::version::Since;
use crate::duration::milliseconds;
use crate::promql::{self, Options};
use crate::template::{self, Of};

/// What names and expressions may look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Language {
    /// Whether names may hold any character, or letters, digits and underscores alone.
    pub any_names: bool,
    /// Parts of PromQL that are switched on.
    pub options: Options,
    /// The version of Prometheus that reads it; `None` is the newest.
    pub version: Option<Since>,
}

impl Language {
    /// All that is wrong, in order.
    pub(super) fn check(self, groups: &[RuleGroup]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut names = BTreeSet::new();
        for group in groups {
            let name = &group.name;
            if name.is_empty() {
                problems.push("Groupname must not be empty".to_owned());
            }
            if !names.insert(name) {
                problems.push(format!("groupname: {name:?} is repeated in the same file"));
            }
            self.labels(&group.labels, &mut problems);
            for (field, text) in [
                ("interval", &group.interval),
                ("query_offset", &group.query_offset),
            ] {
                problems.extend(duration(field, text.as_ref()).err());
            }
            for (index, rule) in group.rules.iter().enumerate() {
                let title = rule.alert.as_ref().filter(|alert| !alert.is_empty());
                let title = title.or(rule.record.as_ref()).map_or("", String::as_str);
                let found = self.rule(rule);
                problems.extend(found.into_iter().map(|problem| {
                    format!("group {name:?}, rule {}, {title:?}: {problem}", index + 1)
                }));
            }
        }
        problems
    }

    fn rule(self, rule: &Rule) -> Vec<String> {
        let mut problems = Vec::new();
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (record, alert) = (filled(&rule.record), filled(&rule.alert));
        match (&record, &alert) {
            (Some(_), Some(_)) => {
                problems.push("only one of 'record' and 'alert' must be set".to_owned());
            }
            (None, None) => problems.push("one of 'record' or 'alert' must be set".to_owned()),
            (Some(_), None) | (None, Some(_)) => {}
        }
        let text = expression(rule);
        if text.is_empty() {
            problems.push("field 'expr' must be set in rule".to_owned());
        } else if let Err(error) = promql::check(&text, self.options) {
            problems.push(format!("could not parse expression: {error}"));
        } else if let Some((what, since)) = self
            .version
            .and_then(|version| promql::too_new(&text, version))
        {
            problems.push(format!(
                "could not parse expression: {}",
                known_from(&what, since)
            ));
        }
        let mut long = |field: &str, text: Option<&String>| match duration(field, text) {
            Ok(milliseconds) => milliseconds > 0,
            Err(problem) => {
                problems.push(problem);
                false
            }
        };
        let waits = long("for", rule.r#for.as_ref());
        let keeps = long("keep_firing_for", rule.keep_firing_for.as_ref());
        if let Some(record) = &record {
            let fields = [
                ("annotations", !rule.annotations.is_empty()),
                ("for", waits),
                ("keep_firing_for", keeps),
            ];
            for (field, _) in fields.iter().filter(|(_, set)| *set) {
                problems.push(format!("invalid field '{field}' in recording rule"));
            }
            if !self.is_metric(record) {
                problems.push(format!("invalid recording rule name: {record}"));
            } else if record.contains(['{', '}']) {
                problems.push(format!(
                    "braces present in the recording rule name; should it be in expr?: {record}"
                ));
            }
        }
        self.labels(&rule.labels, &mut problems);
        for name in rule.annotations.keys().filter(|name| !self.is_label(name)) {
            problems.push(format!("invalid annotation name: {name}"));
        }
        if alert.is_some() {
            for (kind, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
                for (name, text) in texts {
                    if let Err(why) = template::check(text, Of::Rule(self.version)) {
                        problems.push(format!("{kind} {name:?}: {why}"));
                    }
                }
            }
        }
        problems
    }

    fn labels(self, labels: &BTreeMap<String, String>, problems: &mut Vec<String>) {
        let invalid = |name: &&String| !self.is_label(name) || *name == "__name__";
        for name in labels.keys().filter(invalid) {
            problems.push(format!("invalid label name: {name}"));
        }
    }

    fn is_label(self, name: &str) -> bool {
        !name.is_empty() && (self.any_names || is_legacy(name, '_'))
    }

    fn is_metric(self, name: &str) -> bool {
        !name.is_empty() && (self.any_names || is_legacy(name, ':'))
    }
}

/// What a server of an older version would refuse, with the remedy.
pub(crate) fn known_from(what: &str, (major, minor, patch): Since) -> String {
    format!(
        "{what} is known from Prometheus {major}.{minor}.{patch} on: write it otherwise, or raise the server's version"
    )
}

/// A name of letters, digits and underscores, and one more character.
fn is_legacy(name: &str, more: char) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c == '_' || c == more || c.is_ascii_alphanumeric())
}

fn duration(field: &str, text: Option<&String>) -> Result<u64, String> {
    text.map_or(Ok(0), |text| milliseconds(text))
        .map_err(|why| format!("field '{field}': {why}"))
}
