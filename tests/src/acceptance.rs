//! `docs/monitoring-acceptance.md` names scenarios, and tests of the program, that there are.

use crate::scenarios::ALL;

const TABLE: &str = include_str!("../../docs/monitoring-acceptance.md");

/// The tests of the program that the table may name, by module.
const PROGRAM: [(&str, &str); 9] = [
    (
        "local_credentials",
        include_str!("../../crates/carrick/tests/program/local_credentials.rs"),
    ),
    (
        "local_jobs",
        include_str!("../../crates/carrick/tests/program/local_jobs.rs"),
    ),
    (
        "local_monitoring",
        include_str!("../../crates/carrick/tests/program/local_monitoring.rs"),
    ),
    (
        "local_namespaces",
        include_str!("../../crates/carrick/tests/program/local_namespaces.rs"),
    ),
    (
        "local_operators",
        include_str!("../../crates/carrick/tests/program/local_operators.rs"),
    ),
    (
        "local_rolling",
        include_str!("../../crates/carrick/tests/program/local_rolling.rs"),
    ),
    (
        "local_upstream",
        include_str!("../../crates/carrick/tests/program/local_upstream.rs"),
    ),
    (
        "local_web",
        include_str!("../../crates/carrick/tests/program/local_web.rs"),
    ),
    (
        "operator",
        include_str!("../../crates/carrick/tests/program/operator.rs"),
    ),
];
/// The modules of the crate, whose own tests the table may name.
const CRATE: &str = include_str!("../../crates/monitoring/src/lib.rs");

/// What stands in backquotes.
fn quoted() -> impl Iterator<Item = &'static str> {
    let cells = TABLE.lines().filter(|line| line.starts_with("| "));
    cells.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// What may name a scenario, or all of a subject.
fn named() -> impl Iterator<Item = &'static str> {
    quoted().filter(|name| !name.contains([' ', ':', '-']) && name.contains(['/', '_']))
}

/// Whether a source has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}() {{");
    source.split("#[test]").skip(1).any(|rest| {
        let mut lines = rest.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(['#', '/']));
        first == Some(head.as_str())
    })
}

/// Whether there is what a path with two colons names.
fn is_there(path: &str) -> bool {
    let Some((module, name)) = path.split_once("::") else {
        return false;
    };
    match PROGRAM.iter().find(|(known, _)| *known == module) {
        Some((_, source)) => has_test(source, name),
        None => module == "monitoring" && CRATE.contains(&format!("pub mod {name};")),
    }
}

#[test]
fn tests_of_the_program_that_are_named_are_there() {
    let paths = || quoted().filter(|name| name.contains("::"));
    let missing: Vec<&str> = paths().filter(|path| !is_there(path)).collect();
    assert_eq!(missing, [""; 0], "no such tests");
    assert!(paths().count() >= 5);
}

#[test]
fn only_what_is_a_test_counts_as_one() {
    let source = "#[test]\nfn one() {\n}\n\n#[test]\n#[ignore]\nfn two() {\n}\n\nfn three() {\n}\n";
    for (name, is) in [
        ("one", true),
        ("two", true),
        ("three", false),
        ("on", false),
    ] {
        assert_eq!(has_test(source, name), is, "{name}");
    }
    assert!(!is_there("operator::it_stops"));
    assert!(!is_there("monitoring::nothing") && !is_there("elsewhere::metrics"));
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
