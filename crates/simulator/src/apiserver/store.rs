//! The versioned store: one revision counter, a table per resource, and each table's recent history.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

/// One version of one object, shared by the table, the history and the watches.
#[derive(Debug)]
pub struct Entry {
    /// The object as it is read, `metadata.resourceVersion` included.
    pub value: Arc<Value>,
    /// The object as it was written, if it isn't read as that: a custom resource's schema may have changed since.
    written: Option<Arc<Value>>,
    /// Its revision.
    pub revision: u64,
    /// What happened to the object.
    pub happened: Happened,
    /// The line of a watch that says so, with the object as JSON in its storage version; made on first use.
    line: OnceLock<Bytes>,
}

/// What a new version of an object is to whom every version is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The first.
    Added,
    /// A further one.
    Modified,
    /// The last.
    Deleted,
}

impl Happened {
    /// As watches name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

const LINE_BEGIN: &[u8] = b"{\"type\":\"";
const LINE_MIDDLE: &[u8] = b"\",\"object\":";
const LINE_END: &[u8] = b"}\n";

/// The line of a watch about an object.
pub fn line(happened: &str, object: &[u8]) -> Bytes {
    let parts = [
        LINE_BEGIN,
        happened.as_bytes(),
        LINE_MIDDLE,
        object,
        LINE_END,
    ];
    parts.concat().into()
}

impl Entry {
    /// A version of an object.
    pub fn new(value: Arc<Value>, revision: u64) -> Self {
        Self::of(Happened::Modified, value, revision)
    }

    fn of(happened: Happened, value: Arc<Value>, revision: u64) -> Self {
        Self {
            value,
            written: None,
            revision,
            happened,
            line: OnceLock::new(),
        }
    }

    /// The object as it was written.
    pub fn written(&self) -> &Arc<Value> {
        self.written.as_ref().unwrap_or(&self.value)
    }

    /// The same entry, read as `value`; `None` for what was written.
    fn read_as(&self, value: Option<Value>) -> Self {
        let written = self.written().clone();
        let (value, written) = match value {
            Some(value) => (Arc::new(value), Some(written)),
            None => (written, None),
        };
        Self {
            written,
            ..Self::of(self.happened, value, self.revision)
        }
    }

    /// The line of a watch that says what happened. The object in it is written once, by `print`.
    pub fn line(&self, print: impl FnOnce(&Value) -> Vec<u8>) -> Bytes {
        let made = || line(self.happened.name(), &print(&self.value));
        self.line.get_or_init(made).clone()
    }

    /// The object as JSON; a part of that line.
    pub fn json(&self, print: impl FnOnce(&Value) -> Vec<u8>) -> Bytes {
        let line = self.line(print);
        let begin = LINE_BEGIN.len() + self.happened.name().len() + LINE_MIDDLE.len();
        let end = line.len().saturating_sub(LINE_END.len());
        line.slice(begin.min(end)..end)
    }
}

/// One change of one table.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its revision.
    pub revision: u64,
    /// When it was committed.
    pub time: Timestamp,
    /// Key of the object.
    pub key: Arc<str>,
    /// Before; `None` if the object was created.
    pub before: Option<Arc<Entry>>,
    /// After. A deletion has the last state with the deletion's revision here, and `deleted` set.
    pub after: Arc<Entry>,
    /// The object is gone.
    pub deleted: bool,
}

/// The objects of one resource, in the order of their keys (`NAMESPACE/NAME`, or `NAME`), as etcd orders them.
#[derive(Debug, Default)]
pub struct Table {
    objects: BTreeMap<Arc<str>, Arc<Entry>>,
    history: VecDeque<Event>,
    compacted: u64,
    /// Watches begin here or later.
    served_from: u64,
}

/// The key of an object within its table.
pub fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        return name.to_owned();
    }
    let mut key = String::with_capacity(namespace.len() + name.len() + 1);
    key.push_str(namespace);
    key.push('/');
    key.push_str(name);
    key
}

impl Table {
    /// One object.
    pub fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.objects.get(key)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects with keys that begin with `prefix`, from `start` on (both may be empty), in key order.
    pub fn range<'a>(
        &'a self,
        prefix: &'a str,
        start: &str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<Entry>)> {
        let from = if start > prefix { start } else { prefix };
        self.objects
            .range::<str, _>((std::ops::Bound::Included(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The objects as they were at a revision; `None` if that is older than the history.
    pub fn at(&self, revision: u64, prefix: &str) -> Option<BTreeMap<Arc<str>, Arc<Entry>>> {
        if revision < self.compacted {
            return None;
        }
        let mut objects: BTreeMap<Arc<str>, Arc<Entry>> = self
            .range(prefix, "")
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect();
        for event in self
            .history
            .iter()
            .rev()
            .take_while(|event| event.revision > revision)
        {
            if !event.key.starts_with(prefix) {
                continue;
            }
            match &event.before {
                Some(before) => objects.insert(event.key.clone(), before.clone()),
                None => objects.remove(&event.key),
            };
        }
        Some(objects)
    }

    /// The oldest revision from which every later change is known.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The oldest revision from which a watch can begin.
    pub fn watchable(&self) -> u64 {
        self.compacted.max(self.served_from)
    }

    /// The changes after a revision, in order; the history must reach back that far.
    pub fn since(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let from = self
            .history
            .partition_point(|event| event.revision <= revision);
        self.history.range(from..)
    }

    /// Revision of the newest change in the history; 0 without one.
    pub fn newest(&self) -> u64 {
        self.history.back().map_or(0, |event| event.revision)
    }

    fn push(&mut self, event: Event, keep_from: Timestamp) {
        while let Some(first) = self.history.front().filter(|first| first.time < keep_from) {
            self.compacted = first.revision;
            self.history.pop_front();
        }
        self.history.push_back(event);
    }

    fn forget_history(&mut self, revision: u64) {
        self.history.clear();
        self.compacted = revision;
    }
}

/// One committed change, as [`Store::take_log`] hands it on.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Table of the object.
    pub table: Arc<str>,
    /// The change.
    pub event: Event,
}

/// All tables.
#[derive(Debug)]
pub struct Store {
    tables: BTreeMap<Arc<str>, Table>,
    revision: u64,
    history_seconds: i64,
    log: Option<VecDeque<Committed>>,
}

impl Store {
    /// An empty store.
    pub fn new(history_seconds: i64) -> Self {
        Self {
            tables: BTreeMap::new(),
            revision: 0,
            history_seconds,
            log: None,
        }
    }

    /// From now on keeps a log of commits for [`Store::take_log`].
    pub fn keep_log(&mut self) {
        self.log.get_or_insert_with(VecDeque::new);
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Leaves out revisions.
    pub fn skip(&mut self, revisions: u64) {
        self.revision += revisions;
    }

    /// A table; `None` while nothing was ever stored in it.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// One object.
    pub fn get(&self, table: &str, key: &str) -> Option<&Arc<Entry>> {
        self.tables.get(table)?.get(key)
    }

    /// Names of all tables.
    pub fn tables(&self) -> impl Iterator<Item = (&Arc<str>, &Table)> {
        self.tables.iter()
    }

    /// Stores an object under the next revision, which is written into it.
    pub fn put(&mut self, table: &str, key: &str, value: Value, now: Timestamp) -> Event {
        self.put_read(table, key, value, now, |_| None)
    }

    /// The same for an object that may be read as another one than it is written: `read` makes it, or tells with `None` that
    /// it doesn't.
    pub fn put_read(
        &mut self,
        table: &str,
        key: &str,
        mut value: Value,
        now: Timestamp,
        read: impl FnOnce(&Value) -> Option<Value>,
    ) -> Event {
        self.revision += 1;
        machinery::meta::set_resource_version(&mut value, &self.revision.to_string());
        let revision = self.revision;
        let (name, target, keep_from) = self.target(table, now);
        let known = target.objects.get_key_value(key);
        let happened = known.map_or(Happened::Added, |_| Happened::Modified);
        let key: Arc<str> = known.map_or_else(|| Arc::from(key), |(key, _)| key.clone());
        let shown = read(&value);
        let entry = Arc::new(Entry::of(happened, Arc::new(value), revision).read_as(shown));
        let before = target.objects.insert(key.clone(), entry.clone());
        let event = Event {
            revision: entry.revision,
            time: now,
            key,
            before,
            after: entry,
            deleted: false,
        };
        target.push(event.clone(), keep_from);
        self.note(name, &event);
        event
    }

    /// Removes an object under the next revision; its last state carries that revision.
    pub fn remove(&mut self, table: &str, key: &str, now: Timestamp) -> Option<Event> {
        self.tables.get(table)?.objects.get(key)?;
        self.revision += 1;
        let revision = self.revision;
        let (name, target, keep_from) = self.target(table, now);
        let (key, before) = target.objects.remove_entry(key)?;
        let mut last = Value::clone(&before.value);
        machinery::meta::set_resource_version(&mut last, &revision.to_string());
        let after = Arc::new(Entry::of(Happened::Deleted, Arc::new(last), revision));
        let event = Event {
            revision,
            time: now,
            key,
            before: Some(before),
            after,
            deleted: true,
        };
        target.push(event.clone(), keep_from);
        self.note(name, &event);
        Some(event)
    }

    fn note(&mut self, table: Arc<str>, event: &Event) {
        if let Some(log) = &mut self.log {
            log.push_back(Committed {
                table,
                event: event.clone(),
            });
        }
    }

    /// Puts back an object read from disk, without history.
    pub fn restore(&mut self, table: &str, key: &str, value: Value, revision: u64) {
        let name: Arc<str> = Arc::from(table);
        let entry = Arc::new(Entry::new(Arc::new(value), revision));
        self.tables
            .entry(name)
            .or_default()
            .objects
            .insert(Arc::from(key), entry);
    }

    /// Ends a restore: the counter goes on after `revision`, and nothing older can be watched.
    pub fn restored(&mut self, revision: u64) {
        self.revision = revision;
        self.compact();
    }

    /// A resource is served anew: watches of it begin at the newest revision, as those of a cache that has just been
    /// filled do, and what is stored is read again.
    pub fn serve_anew(&mut self, table: &str, read: impl Fn(&Value) -> Option<Value>) {
        let (name, revision) = (Arc::from(table), self.revision);
        let table = self.tables.entry(name).or_default();
        table.served_from = revision;
        for entry in table.objects.values_mut() {
            let shown = read(entry.written());
            if shown.as_ref().unwrap_or(entry.written()) != entry.value.as_ref() {
                *entry = Arc::new(entry.read_as(shown));
            }
        }
    }

    /// Forgets all history.
    pub fn compact(&mut self) {
        let revision = self.revision;
        for table in self.tables.values_mut() {
            table.forget_history(revision);
        }
    }

    /// The changes committed since the last call, in order.
    pub fn take_log(&mut self) -> VecDeque<Committed> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn target(&mut self, table: &str, now: Timestamp) -> (Arc<str>, &mut Table, Timestamp) {
        let keep_from = now
            .checked_sub(jiff::SignedDuration::from_secs(self.history_seconds))
            .unwrap_or(Timestamp::MIN);
        let name: Arc<str> = self
            .tables
            .get_key_value(table)
            .map_or_else(|| Arc::from(table), |(name, _)| name.clone());
        let target = self.tables.entry(name.clone()).or_default();
        (name, target, keep_from)
    }
}
