//! Documents with the lines of their fields.

use std::collections::BTreeMap;

use anyhow::{Context, Error, Result};
use granit_parser::{Event, Parser};
use machinery::yaml::{Piece, YamlError};
use serde_json::Value;

/// A document.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) lines: Lines,
}

/// Where what stands in a document.
#[derive(Default)]
pub(super) struct Lines {
    /// Lines by path: `spec.endpoints[0].port`.
    by_path: BTreeMap<String, usize>,
    /// Keys that a map has more than once; all but the first.
    pub(super) twice: Vec<Twice>,
}

/// A key that its map has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Twice {
    /// Its path.
    pub(super) path: String,
    /// Where it stands.
    pub(super) line: usize,
    /// Where it stands for the first time.
    pub(super) first: usize,
}

impl Lines {
    /// The line of a field, or of the nearest one around it.
    pub(super) fn of(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.by_path.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return self.by_path.get("").copied().unwrap_or(1),
            }
        }
    }
}

/// All documents of a text that aren't empty, and what is wrong with those that can't be read, which hide no other.
pub(super) fn documents(text: &str) -> (Vec<Document>, Vec<Error>) {
    let error = match read(Piece { lines: 0, text }) {
        Ok(documents) => return (documents, Vec::new()),
        Err(error) => error,
    };
    let parts = parts(text);
    if parts.len() < 2 {
        return (Vec::new(), vec![error]);
    }
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for part in parts {
        match read(part) {
            Ok(documents) => found.extend(documents),
            Err(error) => {
                let line = part.line(first_line(part.text));
                errors.push(error.context(format!("the document at line {line}")));
            }
        }
    }
    (found, errors)
}

/// The documents of a part of a text.
fn read(part: Piece<'_>) -> Result<Vec<Document>> {
    let values = machinery::yaml::parse_documents(part.text).map_err(|error| YamlError {
        line: part.line(error.line),
        ..error
    })?;
    let mut places = Vec::new();
    for piece in machinery::yaml::pieces(part.text) {
        let piece = Piece {
            lines: part.lines + piece.lines,
            ..piece
        };
        places.extend(lines(&piece)?);
    }
    if values.len() != places.len() {
        return Err(Error::msg("the documents could not be told apart"));
    }
    let nodes_at = values.into_iter().zip(places);
    Ok(nodes_at
        .map(|(value, lines)| Document { value, lines })
        .collect())
}

/// A text cut where lines say that a document begins, as they do anywhere in it. Directives belong to what comes after such a
/// line: a text with any is left whole.
fn parts(text: &str) -> Vec<Piece<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut lines) = (0, 0);
    let (mut at, mut number) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.starts_with('%') {
            return vec![Piece { lines: 0, text }];
        }
        let begins = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if begins && at > from {
            let text = text.get(from..at).unwrap_or_default();
            parts.push(Piece { lines, text });
            (from, lines) = (at, number);
        }
        at += line.len();
        number += 1;
    }
    let text = text.get(from..).unwrap_or_default();
    parts.push(Piece { lines, text });
    parts
}

/// The line of a part, from 1, in which something stands.
fn first_line(text: &str) -> usize {
    let says = |line: &str| {
        let line = line.strip_prefix("---").unwrap_or(line).trim_start();
        !line.is_empty() && !line.starts_with('#')
    };
    text.lines().position(says).unwrap_or_default() + 1
}

/// A list or a map that is being read.
enum Open {
    List(String, usize),
    Map {
        path: String,
        /// The key whose value comes next.
        key: Option<String>,
        /// Lines of the keys so far.
        keys: BTreeMap<String, usize>,
    },
}

/// The lines of each document that isn't empty.
fn lines(piece: &Piece<'_>) -> Result<Vec<Lines>> {
    let mut all = Vec::new();
    let mut current = Lines::default();
    let mut open: Vec<Open> = Vec::new();
    for next in Parser::new_from_str(piece.text) {
        let (event, span) = next.context("the YAML could not be read")?;
        let line = piece.line(span.start.line());
        match event {
            Event::DocumentStart(..) => current = Lines::default(),
            Event::DocumentEnd => {
                let empty = current.by_path.is_empty();
                let lines = std::mem::take(&mut current);
                if !empty {
                    all.push(lines);
                }
            }
            Event::Scalar(text, ..) => {
                if begins_field(&mut open, &text, line, &mut current) {
                    continue;
                }
                let nothing = open.is_empty() && matches!(text.as_ref(), "" | "~" | "null");
                if !nothing {
                    value(&mut open, &mut current, line);
                }
            }
            Event::Alias(_) => {
                value(&mut open, &mut current, line);
            }
            Event::SequenceStart(..) => {
                let path = value(&mut open, &mut current, line);
                open.push(Open::List(path, 0));
            }
            Event::MappingStart(..) => {
                let path = value(&mut open, &mut current, line);
                open.push(Open::Map {
                    path,
                    key: None,
                    keys: BTreeMap::new(),
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Whether a scalar is the key of a map; notes where it stands.
fn begins_field(open: &mut [Open], text: &str, line: usize, lines: &mut Lines) -> bool {
    let Some(Open::Map { path, key, keys }) = open.last_mut() else {
        return false;
    };
    if key.is_some() {
        return false;
    }
    let longer = join(path, text);
    *key = Some(text.to_owned());
    match keys.get(text) {
        // Maps may be merged as often as one likes.
        Some(first) if text != "<<" => lines.twice.push(Twice {
            path: longer.clone(),
            line,
            first: *first,
        }),
        Some(_) | None => {}
    }
    keys.entry(text.to_owned()).or_insert(line);
    lines.by_path.insert(longer, line);
    true
}

/// Notes where a value begins; its path.
fn value(open: &mut [Open], lines: &mut Lines, line: usize) -> String {
    let path = match open.last_mut() {
        None => String::new(),
        Some(Open::List(path, next)) => {
            let longer = format!("{path}[{next}]");
            *next += 1;
            longer
        }
        Some(Open::Map { path, key, .. }) => join(path, &key.take().unwrap_or_default()),
    };
    // A key's line is where the field begins.
    lines.by_path.entry(path.clone()).or_insert(line);
    path
}

/// A path below another one.
pub(super) fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Twice, documents};

    #[test]
    fn fields_have_lines() {
        let text = "# nothing\n---\nkind: A\nspec:\n  list:\n  - x: 1\n    y: [2,\n      3]\n---\nkind: B\n";
        let (documents, errors) = documents(text);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(documents.len(), 2);
        for (path, line) in [
            ("kind", 3),
            ("spec.list[0].x", 6),
            ("spec.list[0].y[1]", 8),
            ("spec.list[0].z.deep", 6),
            ("nowhere", 3),
        ] {
            assert_eq!(documents[0].lines.of(path), line, "{path}");
        }
        assert_eq!(documents[1].lines.of("kind"), 10);
    }

    #[test]
    fn json_documents_that_follow_each_other_have_lines_too() {
        let (documents, _) = documents("{\"a\": 1}{\n\"a\": 2}\n{\"a\": 3}\n");
        let lines: Vec<usize> = documents.iter().map(|one| one.lines.of("a")).collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn keys_that_are_there_twice_are_known_with_both_lines() {
        let text = "a:\n  b: 1\n  c: {b: 2}\n  b: 3\nb: 4\n<<: {}\n<<: {}\n";
        let (documents, errors) = documents(text);
        assert!(errors.is_empty(), "{errors:?}");
        let twice = Twice {
            path: "a.b".to_owned(),
            line: 4,
            first: 2,
        };
        assert_eq!(documents[0].lines.twice, [twice]);
    }

    #[test]
    fn a_document_that_cannot_be_read_hides_no_other() {
        let text = "a: 1\n---\n# none\n\nb: [\n---\nc: 3\n---\nd: *none\n--- {e: 5}\n";
        let (found, errors) = documents(text);
        let lines: Vec<usize> = found.iter().map(|one| one.lines.of("")).collect();
        assert_eq!(lines, [1, 7, 10]);
        let errors: Vec<String> = errors.iter().map(|error| format!("{error:#}")).collect();
        let [open, unknown] = errors.as_slice() else {
            panic!("{errors:?}");
        };
        assert!(
            open.starts_with("the document at line 5: yaml: line "),
            "{open}"
        );
        assert_eq!(
            unknown,
            "the document at line 9: yaml: unknown anchor 'none' referenced"
        );
        for whole in ["b: [\n", "%YAML 1.1\n---\na: 1\n---\nb: [\n"] {
            let (found, errors) = documents(whole);
            assert_eq!((found.len(), errors.len()), (0, 1), "{whole}");
        }
    }
}
