//! Whether rules are within other rules (`component-helpers/auth/rbac/validation/policy_comparator.go`).

use std::collections::BTreeMap;

use super::rule::{Rule, path_matches};

/// The rights among `wanted` that `owned` doesn't give, put together by resource and sorted as messages list them.
pub fn missing(owned: &[Rule], wanted: &[Rule]) -> Vec<String> {
    let parts = uncovered(owned, wanted).into_iter();
    let mut lines: Vec<String> = compacted(parts).iter().map(Rule::compact).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The rights among `wanted` that `owned` doesn't give, as rules about one verb of one thing each.
pub fn uncovered(owned: &[Rule], wanted: &[Rule]) -> Vec<Rule> {
    let parts = wanted.iter().flat_map(broken_down);
    parts
        .filter(|part| !owned.iter().any(|rule| covers(rule, part)))
        .collect()
}

/// A rule as rules about one verb of one thing each.
fn broken_down(rule: &Rule) -> Vec<Rule> {
    let mut parts = Vec::new();
    let one = |text: &String| vec![text.clone()];
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let part = Rule {
                    verbs: one(verb),
                    api_groups: one(group),
                    resources: one(resource),
                    ..Rule::default()
                };
                if rule.resource_names.is_empty() {
                    parts.push(part);
                    continue;
                }
                parts.extend(rule.resource_names.iter().map(|name| Rule {
                    resource_names: one(name),
                    ..part.clone()
                }));
            }
        }
    }
    for path in &rule.paths {
        parts.extend(rule.verbs.iter().map(|verb| Rule {
            verbs: one(verb),
            paths: one(path),
            ..Rule::default()
        }));
    }
    parts
}

/// Whether a rule gives all of a rule that is broken down.
fn covers(owned: &Rule, part: &Rule) -> bool {
    let all = |own: &[String], wanted: &[String]| {
        own.iter().any(|own| own == "*") || wanted.iter().all(|wanted| own.contains(wanted))
    };
    let names = owned.resource_names.is_empty()
        || !part.resource_names.is_empty()
            && part
                .resource_names
                .iter()
                .all(|name| owned.resource_names.contains(name));
    all(&owned.verbs, &part.verbs)
        && all(&owned.api_groups, &part.api_groups)
        && part
            .resources
            .iter()
            .all(|resource| covers_resource(&owned.resources, resource))
        && names
        && part
            .paths
            .iter()
            .all(|path| owned.paths.iter().any(|own| path_matches(own, path)))
}

fn covers_resource(owned: &[String], resource: &str) -> bool {
    owned.iter().any(|own| {
        own == "*"
            || own == resource
            || resource
                .split_once('/')
                .is_some_and(|(_, below)| own.strip_prefix("*/") == Some(below))
    })
}

/// Puts the verbs of the same resource and name together; paths stay as they are.
fn compacted(parts: impl Iterator<Item = Rule>) -> Vec<Rule> {
    let mut by_resource: BTreeMap<Rule, Vec<String>> = BTreeMap::new();
    let mut rules = Vec::new();
    for mut part in parts {
        if part.paths.is_empty() {
            let verbs = std::mem::take(&mut part.verbs);
            by_resource.entry(part).or_default().extend(verbs);
        } else {
            rules.push(part);
        }
    }
    rules.extend(
        by_resource
            .into_iter()
            .map(|(rule, verbs)| Rule { verbs, ..rule }),
    );
    rules
}
