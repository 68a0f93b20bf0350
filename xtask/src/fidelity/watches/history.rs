//! What was written, and what each watch was told, read from the answers to a sequence as they came.
use std::collections::{BTreeMap, BTreeSet};

use machinery::{fields, labels, meta};
use serde_json::Value;

use crate::fidelity::ground::Reply;
use crate::fidelity::sequence::{Learnt, Mode, Sequence, Step};

/// Objects by name.
pub type State = BTreeMap<String, Value>;

/// One write that changed something.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its revision. Of deletions the answer doesn't tell it: it is the one that watches have told, or the last possible.
    pub revision: u64,
    /// The object.
    pub name: String,
    /// The object before, if there was one.
    pub before: Option<Value>,
    /// The object after; `None` if it was deleted.
    pub after: Option<Value>,
}

/// The writes of a sequence: the state at first, and what changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The state before the first change.
    pub first: State,
    /// Revision of that state.
    pub begin: u64,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what comes after a revision.
    After(u64),
    /// With a state not older than a revision.
    State(u64),
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// ADDED.
    Added,
    /// MODIFIED.
    Modified,
    /// DELETED.
    Deleted,
    /// BOOKMARK.
    Bookmark,
    /// The bookmark that ends a state.
    End,
}

/// One event of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub sort: Sort,
    /// Revision of its object.
    pub revision: u64,
    /// The object, or its metadata alone.
    pub object: Value,
}

impl Event {
    /// Name of its object.
    pub fn name(&self) -> &str {
        meta::name(&self.object)
    }

    /// Whether it is no bookmark.
    pub fn is_change(&self) -> bool {
        !matches!(self.sort, Sort::Bookmark | Sort::End)
    }
}

/// One watch and what it was told.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Number of its step.
    pub step: usize,
    /// Where it begins.
    pub start: Start,
    /// Whether it wants the bookmark that ends a state, and any bookmarks at all.
    pub bookmarks: bool,
    /// Whether its objects are metadata alone.
    pub partial: bool,
    /// Whether it was there long enough to be told everything.
    pub whole: bool,
    /// What it selects.
    pub selection: Selection,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// Selectors.
#[derive(Clone, Debug)]
pub struct Selection {
    labels: labels::Selector,
    fields: fields::Selector,
}

impl Selection {
    /// Of parameters; `None` if they select nothing that can be understood.
    pub fn of(parameters: &BTreeMap<String, String>) -> Option<Self> {
        let text = |name: &str| parameters.get(name).map_or("", String::as_str);
        Some(Self {
            labels: labels::Selector::parse(text("labelSelector")).ok()?,
            fields: fields::Selector::parse(text("fieldSelector")).ok()?,
        })
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.matches(&meta::labels(object))
            && self.fields.terms.iter().all(|term| {
                let pointer = format!("/{}", term.field.replace('.', "/"));
                let value = object.pointer(&pointer).and_then(Value::as_str);
                (value.unwrap_or_default() == term.value) == term.equals
            })
    }
}

impl History {
    /// The objects at a revision.
    pub fn at(&self, revision: u64) -> State {
        let mut state = self.first.clone();
        let before = self.changes.iter().take_while(|c| c.revision <= revision);
        for change in before {
            match &change.after {
                Some(object) => state.insert(change.name.clone(), object.clone()),
                None => state.remove(&change.name),
            };
        }
        state
    }

    /// The change of a revision.
    pub fn change(&self, revision: u64) -> Option<&Change> {
        let mut changes = self.changes.iter();
        changes.find(|change| change.revision == revision)
    }
}

/// The history and the watches of a sequence; `None` if a state couldn't be read.
pub fn read(
    sequence: &Sequence,
    namespace: &str,
    replies: &[Reply],
) -> Option<(History, Vec<Stream>)> {
    let mut learnt = Learnt::new(namespace);
    let collection = snapshot_target(sequence)?;
    let (mut states, mut streams) = (Vec::new(), Vec::new());
    for (number, (step, reply)) in sequence.steps.iter().zip(replies).enumerate() {
        match step.mode {
            Mode::Watch | Mode::Beside => {
                let newest = states.last().map_or(0, |(revision, _)| *revision);
                let target = learnt.fill(&step.target);
                streams.extend(stream(number, step, &target, reply, newest));
                // As it was when the next request was made.
                learnt.add(number, &[]);
            }
            Mode::Compare
            | Mode::Apart
            | Mode::Document
            | Mode::Prepare
            | Mode::Show(_)
            | Mode::Until(..) => {
                if step.method == "GET" && step.target == collection {
                    states.push(state(reply)?);
                }
                learnt.add(number, &reply.body);
            }
        }
    }
    let told = Ends::of(&streams);
    // A sequence's namespace is its own: there was nothing.
    let mut history = History::default();
    let mut last = (0, State::new());
    for (revision, state) in states {
        let mut changes = changes(&last, (revision, &state), &told);
        changes.sort_by_key(|change| change.revision);
        history.changes.extend(changes);
        last = (revision, state);
    }
    Some((history, streams))
}

/// The state is what the first list of a sequence lists.
fn snapshot_target(sequence: &Sequence) -> Option<&str> {
    let mut steps = sequence.steps.iter();
    let first = steps.find(|step| step.method == "GET" && step.mode == Mode::Compare);
    first.map(|step| step.target.as_str())
}

fn state(reply: &Reply) -> Option<(u64, State)> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    let revision = body["metadata"]["resourceVersion"].as_str()?.parse().ok()?;
    let items = body["items"].as_array()?.iter();
    let objects = items.map(|item| (meta::name(item).to_owned(), bare(item.clone())));
    Some((revision, objects.collect()))
}

/// Without what a list leaves out, and what versions differ in.
fn bare(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

/// Revision of an object; 0 without one.
pub fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// What only watches tell: at which revisions objects went, and how they were marked just before by the same request, as
/// pods are.
#[derive(Default)]
struct Ends {
    gone: BTreeSet<(String, u64)>,
    marked: BTreeMap<(String, u64), Value>,
}

impl Ends {
    fn of(streams: &[Stream]) -> Self {
        let mut ends = Self::default();
        for stream in streams {
            for event in stream.events.iter().filter(|event| event.is_change()) {
                let key = (event.name().to_owned(), event.revision);
                let marked = event.object.pointer("/metadata/deletionTimestamp");
                if event.sort == Sort::Deleted {
                    ends.gone.insert(key);
                } else if !stream.partial && marked.is_some() {
                    ends.marked.insert(key, event.object.clone());
                }
            }
        }
        ends
    }
}

/// What one write made of one state.
fn changes(
    (since, before): &(u64, State),
    (until, after): (u64, &State),
    told: &Ends,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, object) in after {
        let old = before.get(name);
        if old.map(revision) != Some(revision(object)) {
            changes.push(Change {
                revision: revision(object),
                name: name.clone(),
                before: old.cloned(),
                after: Some(object.clone()),
            });
        }
    }
    for (name, object) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        let within = |(of, at): &(String, u64)| of == name && (since + 1..=until).contains(at);
        let mut before = object.clone();
        if let Some(((_, at), marked)) = told.marked.iter().find(|(key, _)| within(key)) {
            changes.push(Change {
                revision: *at,
                name: name.clone(),
                before: Some(before),
                after: Some(marked.clone()),
            });
            before = marked.clone();
        }
        let gone = told.gone.iter().find(|key| within(key));
        changes.push(Change {
            revision: gone.map_or(until, |(_, at)| *at),
            name: name.clone(),
            before: Some(before),
            after: None,
        });
    }
    changes
}

/// What a watch was told; `None` if it was refused or isn't one of JSON objects.
fn stream(number: usize, step: &Step, target: &str, reply: &Reply, newest: u64) -> Option<Stream> {
    if reply.status != 200 {
        return None;
    }
    let accept = step.headers.iter().find(|(name, _)| name == "accept");
    if accept.is_some_and(|(_, accept)| accept.contains("PartialObjectMetadataList")) {
        // No object is one, so nothing is told.
        return None;
    }
    let parameters = parameters(target);
    let text = |name: &str| parameters.get(name).map_or("", String::as_str);
    let flag = |name: &str| !matches!(text(name), "" | "0" | "false");
    let version: u64 = match text("resourceVersion") {
        "" => 0,
        version => version.parse().ok()?,
    };
    let state = match text("sendInitialEvents") {
        "" => version == 0,
        _ => flag("sendInitialEvents"),
    };
    let start = match (state, text("resourceVersion")) {
        (true, "") => Start::State(newest),
        (true, _) => Start::State(version),
        // From now on, whenever that was.
        (false, "" | "0") => return None,
        (false, _) => Start::After(version),
    };
    let mut lines = reply.body.split(|byte| *byte == b'\n');
    let events = lines.try_fold(Vec::new(), |mut events, line| {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            return Some(events);
        };
        events.push(event(&line)?);
        Some(events)
    })?;
    Some(Stream {
        step: number,
        start,
        bookmarks: flag("allowWatchBookmarks"),
        partial: accept.is_some_and(|(_, accept)| accept.contains(";as=")),
        whole: true,
        selection: Selection::of(&parameters)?,
        events,
    })
}

/// One line of a watch; `None` for errors and for rows without objects.
fn event(line: &Value) -> Option<Event> {
    let object = match line["object"]["kind"].as_str() {
        Some("Table") => line["object"].pointer("/rows/0/object")?,
        _ => &line["object"],
    };
    let sort = match line["type"].as_str()? {
        "ADDED" => Sort::Added,
        "MODIFIED" => Sort::Modified,
        "DELETED" => Sort::Deleted,
        "BOOKMARK" => match object.pointer("/metadata/annotations/k8s.io~1initial-events-end") {
            Some(_) => Sort::End,
            None => Sort::Bookmark,
        },
        _ => return None,
    };
    Some(Event {
        sort,
        revision: Some(revision(object)).filter(|revision| *revision > 0)?,
        object: bare(object.clone()),
    })
}

fn parameters(target: &str) -> BTreeMap<String, String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.replace("%20", " ")))
        .collect()
}
