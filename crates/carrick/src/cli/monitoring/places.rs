//! Documents with the lines of their fields.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use granit_parser::{Event, Parser};
use serde_json::Value;

/// A document.
pub(super) struct Placed {
    pub(super) value: Value,
    /// Lines by path: `spec.endpoints[0].port`.
    lines: BTreeMap<String, usize>,
}

impl Placed {
    /// The line of a field, or of the nearest one around it.
    pub(super) fn line(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return self.lines.get("").copied().unwrap_or(1),
            }
        }
    }
}

/// All documents of a text that aren't empty.
pub(super) fn documents(text: &str) -> Result<Vec<Placed>> {
    let values = machinery::yaml::parse_documents(text)?;
    let places = lines(text)?;
    if values.len() != places.len() {
        return Err(anyhow::Error::msg("the documents could not be told apart"));
    }
    let nodes_at = values.into_iter().zip(places);
    Ok(nodes_at
        .map(|(value, lines)| Placed { value, lines })
        .collect())
}

/// A list or a map that is being read.
enum Open {
    List(String, usize),
    Map(String, Option<String>),
}

/// The lines of each document that isn't empty.
fn lines(text: &str) -> Result<Vec<BTreeMap<String, usize>>> {
    let mut all = Vec::new();
    let mut current = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.context("the YAML could not be read")?;
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) => current = BTreeMap::new(),
            Event::DocumentEnd => {
                let empty = current.is_empty();
                let lines = std::mem::take(&mut current);
                if !empty {
                    all.push(lines);
                }
            }
            Event::Scalar(text, ..) => {
                if let Some(Open::Map(path, key @ None)) = open.last_mut() {
                    let longer = join(path, &text);
                    current.insert(longer, line);
                    *key = Some(text.to_string());
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
                open.push(Open::Map(path, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Notes where a value begins; its path.
fn value(open: &mut [Open], lines: &mut BTreeMap<String, usize>, line: usize) -> String {
    let path = match open.last_mut() {
        None => String::new(),
        Some(Open::List(path, next)) => {
            let longer = format!("{path}[{next}]");
            *next += 1;
            longer
        }
        Some(Open::Map(path, key)) => join(path, &key.take().unwrap_or_default()),
    };
    // A key's line is where the field begins.
    lines.entry(path.clone()).or_insert(line);
    path
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn fields_have_lines() {
        let text = "# nothing\n---\nkind: A\nspec:\n  list:\n  - x: 1\n    y: [2,\n      3]\n---\nkind: B\n";
        let documents = documents(text).unwrap();
        assert_eq!(documents.len(), 2);
        for (path, line) in [
            ("kind", 3),
            ("spec.list[0].x", 6),
            ("spec.list[0].y[1]", 8),
            ("spec.list[0].z.deep", 6),
            ("nowhere", 3),
        ] {
            assert_eq!(documents[0].line(path), line, "{path}");
        }
        assert_eq!(documents[1].line("kind"), 10);
    }
}
