//! What is wrong with an expression, as cel-go prints it (`common/{error,errors}.go`), and what went wrong while it ran.

use std::fmt;

/// A complaint about a node.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    /// The node.
    pub id: u64,
    /// The complaint.
    pub text: String,
    /// It is about the bracket behind the node's name.
    pub bracket: Option<char>,
}

impl Issue {
    pub(super) fn new(id: u64, text: &str) -> Self {
        let text = text.to_owned();
        Self {
            id,
            text,
            bracket: None,
        }
    }

    /// About a call, which stands where its bracket opens.
    pub(super) fn at(id: u64, bracket: char, text: &str) -> Self {
        Self {
            bracket: Some(bracket),
            ..Self::new(id, text)
        }
    }
}

/// A place in the source: lines from 1, columns from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

/// An expression that cannot be used. The text has a paragraph per complaint, in the order of the source:
///
/// ```text
/// ERROR: <input>:1:5: undefined field 'x'
///  | self.x
///  | ....^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    text: String,
}

impl CompileError {
    pub(super) fn new(
        source: &str,
        issues: &[Issue],
        place: &dyn Fn(u64, Option<char>) -> Position,
    ) -> Self {
        let placed: Vec<(Position, String)> = issues
            .iter()
            .map(|issue| (place(issue.id, issue.bracket), issue.text.clone()))
            .collect();
        Self::placed(source, &placed)
    }

    pub(super) fn placed(source: &str, issues: &[(Position, String)]) -> Self {
        let mut issues: Vec<&(Position, String)> = issues.iter().collect();
        issues.sort_by_key(|(position, _)| *position);
        let paragraphs: Vec<String> = issues
            .iter()
            .map(|(position, text)| paragraph(source, *position, text))
            .collect();
        Self {
            text: paragraphs.join("\n"),
        }
    }

    /// About the expression as a whole.
    pub(super) fn without_place(text: &str) -> Self {
        Self {
            text: format!("ERROR: <input>:-1:0: {text}"),
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for CompileError {}

fn paragraph(source: &str, position: Position, text: &str) -> String {
    let Position { line, column } = position;
    if source.is_empty() {
        // There is no character to point at, and no line to show.
        return format!("ERROR: <input>:{line}:0: {text}");
    }
    let mut out = format!("ERROR: <input>:{line}:{}: {text}", column + 1);
    let Some(snippet) = source.split('\n').nth(line.saturating_sub(1)) else {
        return out;
    };
    if snippet.len() > 16_384 {
        return out;
    }
    let snippet = snippet.replace('\t', " ");
    out.push_str("\n | ");
    out.push_str(&snippet);
    out.push_str("\n | ");
    let mut characters = snippet.chars();
    for character in characters.by_ref().take(column) {
        out.push(if character.len_utf8() > 1 { '．' } else { '.' });
    }
    let wide = characters.next().is_some_and(|c| c.len_utf8() > 1);
    out.push(if wide { '＾' } else { '^' });
    out
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// Something went wrong: `no such key: x`, `index out of bounds: 3`, `division by zero`, `no such overload`.
    Failed(String),
    /// It became too expensive.
    TooExpensive,
}

impl EvalError {
    /// A failure with that text.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    pub(super) fn no_overload() -> Self {
        Self::failed("no such overload")
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) => f.write_str(text),
            Self::TooExpensive => f.write_str("operation cancelled: actual cost limit exceeded"),
        }
    }
}

impl std::error::Error for EvalError {}
