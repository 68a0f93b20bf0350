//! `docs/simulator-differences.md`: what may differ, and why.
//!
//! The last cell of a row says which lines it is about: `COMMAND => LINE` in backquotes, each with `*` for any text. A
//! row may have several, with `<br>` between them. The first word of a command is its area: `kubectl` (anywhere) for the session,
//! `requests`, `watches` … for those of `cargo xtask fidelity`.

use anyhow::{Result, ensure};
use regex::Regex;

use crate::difference::Difference;
use crate::kubectl::repository;

/// More rows than this are not differences any more, they are a different program.
const MOST: usize = 25;

/// What a pattern may begin with: the session, or an area of `cargo xtask fidelity`.
const AREAS: [&str; 12] = [
    "kubectl",
    "requests",
    "watches",
    "apply",
    "schemas",
    "upstream",
    "builtins",
    "discovery",
    "tables",
    "kinds",
    "identities",
    "admission",
];

/// One pattern of one row.
struct Pattern {
    text: String,
    command: Regex,
    line: Regex,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self> {
        let (command, line) = text.split_once(" => ").unwrap_or((text, "*"));
        let pattern = Self {
            text: text.to_owned(),
            command: glob(command)?,
            line: glob(line)?,
        };
        ensure!(
            AREAS.contains(&pattern.area()),
            "an area that nothing goes through: {text}"
        );
        Ok(pattern)
    }

    fn matches(&self, difference: &Difference) -> bool {
        self.command.is_match(&difference.command) && self.line.is_match(&difference.line)
    }

    fn area(&self) -> &str {
        if self.text.contains("kubectl ") {
            // Some commands of the session prepare a file first, or wait.
            return "kubectl";
        }
        self.text.split(' ').next().unwrap_or_default()
    }
}

/// All patterns.
pub struct Ledger(Vec<Pattern>);

impl Ledger {
    /// Reads the document of the repository.
    ///
    /// # Errors
    /// If a row isn't one, or there are too many.
    pub fn read() -> Result<Self> {
        Self::parse(&std::fs::read_to_string(
            repository().join("docs/simulator-differences.md"),
        )?)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut rows = text.lines().filter(|line| line.starts_with('|'));
        ensure!(
            rows.next().is_some_and(|head| head.starts_with("| id "))
                && rows.next().is_some_and(|rule| rule.starts_with("|---")),
            "the ledger is one table"
        );
        ensure!(
            !text.lines().any(|line| line.starts_with("- ")),
            "what differs is a row with a key: nothing checks a list"
        );
        let mut patterns = Vec::new();
        for (row, number) in rows.zip(1..) {
            ensure!(
                number <= MOST,
                "the ledger has more than {MOST} rows; fix the simulator instead"
            );
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            ensure!(cells.len() == 8, "a row has eight cells: {row}");
            ensure!(!cells.contains(&""), "a row has no empty cell: {row}");
            ensure!(
                cells[0] == format!("D{number}"),
                "row {number} is not D{number}: {row}"
            );
            for text in cells[7].split("<br>") {
                patterns.push(Pattern::parse(text.trim().trim_matches('`'))?);
            }
        }
        Ok(Self(patterns))
    }

    /// Whether a row is about that difference.
    pub fn knows(&self, difference: &Difference) -> bool {
        self.0.iter().any(|pattern| pattern.matches(difference))
    }

    /// The patterns that some of the differences are about, with how many.
    pub fn used(&self, differences: &[Difference]) -> Vec<(&str, usize)> {
        let used = self.0.iter().map(|pattern| {
            let matching = differences.iter().filter(|found| pattern.matches(found));
            (pattern.text.as_str(), matching.count())
        });
        used.filter(|(_, count)| *count > 0).collect()
    }

    /// What the ledger doesn't know, and what it knows of areas that were gone through `whole` and nobody saw: both are
    /// wrong.
    pub fn complaints(&self, differences: &[Difference], whole: &[&str]) -> Vec<String> {
        let unknown = differences.iter().filter(|found| !self.knows(found));
        let unseen = self.0.iter().filter(|pattern| {
            whole.contains(&pattern.area())
                && !differences.iter().any(|found| pattern.matches(found))
        });
        let unknown = unknown.map(ToString::to_string);
        unknown
            .chain(unseen.map(|pattern| format!("no longer differs: {}", pattern.text)))
            .collect()
    }
}

fn glob(text: &str) -> Result<Regex> {
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    Ok(Regex::new(&format!("^{}$", parts.join(".*")))?)
}

#[test]
fn unknown_differences_and_unseen_entries_are_complaints() {
    let ledger = Ledger::parse(&table(
        "D1",
        "reason",
        "`kubectl explain * => -*`<br>`kubectl top *`",
    ))
    .expect("a ledger");
    let difference = |command: &str, line: &str| Difference {
        command: command.to_owned(),
        line: line.to_owned(),
    };
    let seen = [
        difference("kubectl explain pods", "-text"),
        difference("kubectl explain pods", "+text"),
    ];
    assert_eq!(
        ledger.complaints(&seen, &["kubectl"]),
        [
            "$ kubectl explain pods\n    +text",
            "no longer differs: kubectl top *"
        ]
    );
    assert_eq!(
        ledger.complaints(&seen[..1], &["requests"]),
        Vec::<String>::new()
    );
}

#[cfg(test)]
fn table(id: &str, reason: &str, key: &str) -> String {
    format!(
        "| id | area | reference | ours | theirs | reason | since | key |\n|---|---|---|---|---|---|---|---|\n\
         | {id} | area | v1.36.3 | ours | theirs | {reason} | 0.1.0 | {key} |\n"
    )
}

#[test]
fn a_row_has_a_number_a_reason_and_an_area_that_something_goes_through() {
    for (row, complaint) in [
        (table("D2", "why", "`kubectl top *`"), "row 1 is not D1"),
        (table("D1", " ", "`kubectl top *`"), "no empty cell"),
        (
            table("D1", "why", "`request GET *`"),
            "nothing goes through",
        ),
        (
            table("D1", "why", "`kubectl *`") + "| E2 |\n",
            "eight cells",
        ),
    ] {
        let error = Ledger::parse(&row).map(|_| ()).expect_err(complaint);
        assert!(error.to_string().contains(complaint), "{error}");
    }
}
