//! `docs/simulator-differences.md`: what may differ, and why.
//!
//! The last cell of a row says which lines it is about: `COMMAND => LINE` in backquotes, each with `*` for any text. A
//! row may have several, with `<br>` between them.

use anyhow::{Result, ensure};
use regex::Regex;

use super::compare::Difference;
use super::repository;

/// More rows than this are not differences any more, they are a different program.
const MOST: usize = 25;

/// One pattern of one row.
struct Pattern {
    text: String,
    command: Regex,
    line: Regex,
}

/// All patterns.
pub(super) struct Ledger(Vec<Pattern>);

impl Ledger {
    /// Reads the document of the repository.
    pub(super) fn read() -> Result<Self> {
        Self::parse(&std::fs::read_to_string(
            repository().join("docs/simulator-differences.md"),
        )?)
    }

    fn parse(text: &str) -> Result<Self> {
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("| D"))
            .collect();
        ensure!(
            rows.len() <= MOST,
            "the ledger has {} rows; fix the simulator instead",
            rows.len()
        );
        let mut patterns = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            ensure!(cells.len() == 8, "a row has eight cells: {row}");
            for text in cells[7].split("<br>") {
                let text = text.trim().trim_matches('`');
                let (command, line) = text.split_once(" => ").unwrap_or((text, "*"));
                patterns.push(Pattern {
                    text: text.to_owned(),
                    command: glob(command)?,
                    line: glob(line)?,
                });
            }
        }
        Ok(Self(patterns))
    }

    /// What the ledger doesn't know, and, if `all` that can be seen was, what it knows and nobody saw: both are wrong.
    pub(super) fn complaints(&self, differences: &[Difference], all: bool) -> Vec<String> {
        let matches = |pattern: &Pattern, difference: &Difference| {
            pattern.command.is_match(&difference.command) && pattern.line.is_match(&difference.line)
        };
        let unknown = differences
            .iter()
            .filter(|difference| !self.0.iter().any(|pattern| matches(pattern, difference)));
        let unseen = self.0.iter().filter(|pattern| {
            !differences
                .iter()
                .any(|difference| matches(pattern, difference))
        });
        let unknown = unknown.map(ToString::to_string);
        let unseen = unseen.filter(|_| all);
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
    let row = "| D1 | area | v1.36.3 | ours | theirs | reason | 0.1.0 | `kubectl explain * => -*`<br>`kubectl top *` |";
    let ledger = Ledger::parse(row).expect("a ledger");
    let difference = |command: &str, line: &str| Difference {
        command: command.to_owned(),
        line: line.to_owned(),
    };
    let seen = [
        difference("kubectl explain pods", "-text"),
        difference("kubectl explain pods", "+text"),
    ];
    assert_eq!(
        ledger.complaints(&seen, true),
        [
            "$ kubectl explain pods\n    +text",
            "no longer differs: kubectl top *"
        ]
    );
}
