//! Objects of manifests, lists unfolded, each with the place where it stands.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Error, Result};
use machinery::meta;
use serde_json::{Map, Value};

use super::places::{self, Document, Lines, Twice, join};
use crate::cli::manifests;

/// An object and where it stands.
pub(super) struct Source {
    pub(super) value: Value,
    file: Rc<str>,
    lines: Rc<Lines>,
    /// Its path in the document: `items[1]`.
    at: String,
    /// Keys of it that are there more than once.
    pub(super) twice: Vec<Twice>,
}

/// The objects of a file, or of standard input for `-`, and what is wrong with documents that can't be read.
pub(super) fn read(file: &Path) -> Result<(Vec<Source>, Vec<Error>)> {
    let name: Rc<str> = file.display().to_string().into();
    let text = manifests::text_of(file)?;
    let (documents, errors) = places::documents(&text);
    let found = documents.into_iter();
    let sources = found.flat_map(|document| unfolded(document, &name));
    let errors = errors.into_iter();
    Ok((
        sources.collect(),
        errors
            .map(|error| error.context(name.to_string()))
            .collect(),
    ))
}

/// The objects of a document.
fn unfolded(document: Document, file: &Rc<str>) -> Vec<Source> {
    let lines = Rc::new(document.lines);
    let mut values = Vec::new();
    unfold(document.value, String::new(), &mut values);
    let mut sources: Vec<Source> = values
        .into_iter()
        .map(|(at, value)| Source {
            value,
            file: file.clone(),
            lines: lines.clone(),
            at,
            twice: Vec::new(),
        })
        .collect();
    for twice in &lines.twice {
        // What stands around the items is told with the first of them.
        let of = sources.iter().position(|source| source.holds(&twice.path));
        if let Some(source) = sources.get_mut(of.unwrap_or_default()) {
            source.twice.push(twice.clone());
        }
    }
    sources
}

/// The items of a list, with their paths, as kubectl takes them; anything else is one object.
fn unfold(mut value: Value, at: String, found: &mut Vec<(String, Value)>) {
    let kind = meta::kind(&value).to_owned();
    let item_kind = kind.strip_suffix("List");
    let items = value.get_mut("items").and_then(Value::as_array_mut);
    let (Some(item_kind), Some(items)) = (item_kind, items) else {
        found.push((at, value));
        return;
    };
    let items = std::mem::take(items);
    let version = meta::api_version(&value);
    for (index, mut item) in items.into_iter().enumerate() {
        // Items of `ServiceMonitorList` need not say what they are.
        if let Some(fields) = item.as_object_mut()
            && !item_kind.is_empty()
            && !fields.contains_key("kind")
        {
            name_kind(fields, item_kind, version);
        }
        unfold(item, join(&at, &format!("items[{index}]")), found);
    }
}

fn name_kind(fields: &mut Map<String, Value>, kind: &str, version: &str) {
    fields.insert("kind".to_owned(), kind.into());
    fields.insert("apiVersion".to_owned(), version.into());
}

impl Source {
    /// Whether a path of the document is in this object.
    fn holds(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.at.as_str());
        rest.is_some_and(|rest| self.at.is_empty() || rest.starts_with(['.', '[']))
    }

    /// The line of a field, or of the nearest one around it.
    pub(super) fn line(&self, path: &str) -> usize {
        self.lines.of(&join(&self.at, path))
    }

    /// A path of the document as one of this object, if it is in it.
    pub(super) fn own<'a>(&self, path: &'a str) -> &'a str {
        let own = path.strip_prefix(self.at.as_str()).unwrap_or(path);
        own.strip_prefix('.').unwrap_or(own)
    }

    /// `FILE:LINE` of a field.
    pub(super) fn place(&self, path: &str) -> String {
        format!("{}:{}", self.file, self.line(path))
    }

    /// `FILE:LINE: WHAT Kind namespace/name: what is wrong`.
    pub(super) fn tell(&self, what: &str, line: usize, text: &str) -> String {
        let title = self.title();
        let (title, text) = (shortened(&title), shortened(text));
        format!("{}:{line}: {what}{title}: {text}", self.file)
    }

    /// `Kind namespace/name`, as far as it is known.
    pub(super) fn title(&self) -> String {
        let (kind, name) = (meta::kind(&self.value), meta::name(&self.value));
        let kind = if kind.is_empty() { "object" } else { kind };
        match (meta::namespace(&self.value), name) {
            (_, "") => format!("{kind} without a name"),
            ("", name) => format!("{kind} {name}"),
            (namespace, name) => format!("{kind} {namespace}/{name}"),
        }
    }
}

/// A text that people can read: of one with more than a thousand characters its beginning and its end, where what is wrong with
/// a value is said.
fn shortened(text: &str) -> Cow<'_, str> {
    const FIRST: usize = 600;
    const LAST: usize = 300;
    let at = |index| text.char_indices().nth(index).map(|(at, _)| at);
    if at(1000).is_none() {
        return Cow::Borrowed(text);
    }
    let count = text.chars().count();
    let first = at(FIRST).and_then(|at| text.get(..at)).unwrap_or_default();
    let last = at(count - LAST).and_then(|at| text.get(at..));
    let between = count - FIRST - LAST;
    let last = last.unwrap_or_default();
    Cow::Owned(format!("{first} … ({between} characters) … {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_lose_what_is_between_their_ends() {
        let long = format!("a: \"{}\": must be shorter", "ä".repeat(2000));
        let expected = format!(
            "a: \"{} … (1122 characters) … {}\": must be shorter",
            "ä".repeat(596),
            "ä".repeat(282)
        );
        assert_eq!(shortened(&long), expected);
        let short = "ä".repeat(1000);
        assert_eq!(shortened(&short), short);
    }

    #[test]
    fn items_of_lists_are_objects_with_lines_of_their_own() {
        let text = "kind: List
apiVersion: v1
items:
- kind: Secret
  metadata: {name: a}
- kind: ServiceMonitorList
  apiVersion: monitoring.coreos.com/v1
  items:
  - metadata: {name: b}
    spec: {}
    spec: {}
";
        let document = places::documents(text).0.remove(0);
        let sources = unfolded(document, &"f.yaml".into());
        let titles: Vec<String> = sources.iter().map(Source::title).collect();
        assert_eq!(titles, ["Secret a", "ServiceMonitor b"]);
        let version = meta::api_version(&sources[1].value);
        assert_eq!(version, "monitoring.coreos.com/v1");
        assert_eq!(sources[0].place("metadata.name"), "f.yaml:5");
        assert_eq!(sources[1].place("spec"), "f.yaml:11");
        let twice: Vec<&str> = sources[1].twice.iter().map(|one| &*one.path).collect();
        assert_eq!(twice, ["items[1].items[0].spec"]);
        assert_eq!(sources[1].own(twice[0]), "spec");
        assert_eq!(sources[0].twice, []);
    }
}
