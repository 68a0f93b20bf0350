//! `docs/monitoring-acceptance.md` names scenarios that there are.

use crate::scenarios::ALL;

const TABLE: &str = include_str!("../../docs/monitoring-acceptance.md");

/// What stands in backquotes and may name a scenario, or all of a subject.
fn named() -> impl Iterator<Item = &'static str> {
    let cells = TABLE.lines().filter(|line| line.starts_with("| "));
    let quoted = cells.flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter(|name| !name.contains([' ', ':', '-']) && name.contains(['/', '_']))
}

#[test]
fn scenarios_that_are_named_are_there() {
    let is_there = |name: &str| {
        let subject = format!("{name}/");
        ALL.iter()
            .any(|scenario| scenario.name == name || scenario.name.starts_with(&subject))
    };
    let missing: Vec<&str> = named().filter(|name| !is_there(name)).collect();
    assert_eq!(missing, [""; 0], "no such scenarios");
    assert!(named().count() > 60);
}

#[test]
fn all_that_bear_upstreams_names_are_named() {
    let all = ALL
        .iter()
        .filter(|scenario| scenario.name.starts_with("upstream_"));
    let unnamed = all.filter(|scenario| {
        let (subject, _) = scenario.name.split_once('/').unwrap_or_default();
        !named().any(|name| name == scenario.name || name == subject)
    });
    let unnamed: Vec<&str> = unnamed.map(|scenario| scenario.name).collect();
    assert_eq!(unnamed, [""; 0]);
}
