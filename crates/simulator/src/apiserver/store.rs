//! The versioned store: one revision counter, a table per resource, and each table's recent history.

mod history;
mod packed;
mod packing;
mod version;
mod warm;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use machinery::apply::Known;
use serde_json::Value;

use history::History;
use version::Weight;
pub use version::{Entry, Happened, Version, line};
use warm::Warm;

/// How much a store keeps beside its objects.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Seconds for which a change is kept.
    pub history_seconds: i64,
    /// About how many bytes of changes are kept in all; the resource with the most of them forgets its oldest.
    pub history_bytes: usize,
    /// About how many bytes of objects are kept as whole values.
    pub whole_bytes: usize,
    /// About how many bytes of JSON there may be before nothing more is to be written.
    pub object_bytes: usize,
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
    pub before: Option<Arc<Version>>,
    /// After. A deletion has the last state with the deletion's revision here, and `deleted` set.
    pub after: Arc<Version>,
    /// The object is gone.
    pub deleted: bool,
}

/// The objects of one resource, in the order of their keys (`NAMESPACE/NAME`, or `NAME`), as etcd orders them.
#[derive(Debug, Default)]
pub struct Table {
    objects: BTreeMap<Arc<str>, Arc<Version>>,
    history: History,
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
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.objects.get(key).map(|version| version.entry())
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
    ) -> impl Iterator<Item = (&'a Arc<str>, Arc<Entry>)> {
        self.versions(prefix, start)
            .map(|(key, version)| (key, version.entry()))
    }

    /// The same as the store keeps them.
    pub fn versions<'a>(
        &'a self,
        prefix: &'a str,
        start: &str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<Version>)> {
        let from = if start > prefix { start } else { prefix };
        self.objects
            .range::<str, _>((std::ops::Bound::Included(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The same as they were at a revision; `None` if that is older than the history.
    pub fn versions_at<'a>(
        &'a self,
        revision: u64,
        prefix: &'a str,
        start: &str,
    ) -> Option<impl Iterator<Item = (&'a Arc<str>, &'a Arc<Version>)>> {
        if revision < self.compacted() {
            return None;
        }
        // What has changed since, as it was before its first change.
        let mut changed: BTreeMap<&Arc<str>, Option<&Arc<Version>>> = BTreeMap::new();
        for event in self.since(revision) {
            if event.key.starts_with(prefix) && event.key.as_ref() >= start {
                changed.entry(&event.key).or_insert(event.before.as_ref());
            }
        }
        let mut changed = changed.into_iter().peekable();
        let mut present = self.versions(prefix, start).peekable();
        Some(std::iter::from_fn(move || {
            loop {
                let order = match (present.peek(), changed.peek()) {
                    (Some((key, _)), Some((other, _))) => (*key).cmp(other),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => return None,
                };
                if order == Ordering::Less {
                    return present.next();
                }
                if order == Ordering::Equal {
                    present.next();
                }
                if let Some((key, Some(before))) = changed.next() {
                    return Some((key, before));
                }
            }
        }))
    }

    /// The oldest revision from which every later change is known.
    pub fn compacted(&self) -> u64 {
        self.history.compacted()
    }

    /// The oldest revision from which a watch can begin.
    pub fn watchable(&self) -> u64 {
        self.compacted().max(self.served_from)
    }

    /// The changes after a revision, in order; the history must reach back that far.
    pub fn since(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Event> {
        self.history.since(revision)
    }

    /// Revision of the newest change in the history; 0 without one.
    pub fn newest(&self) -> u64 {
        self.history.newest()
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
    bounds: Bounds,
    /// About how many bytes the changes of all tables take.
    history_bytes: usize,
    /// About how many bytes of JSON all objects are.
    object_bytes: usize,
    /// The revision up to which everything was forgotten at once.
    forgotten: u64,
    log: Option<VecDeque<Committed>>,
    warm: RefCell<Warm>,
}

impl Store {
    /// An empty store.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            tables: BTreeMap::new(),
            revision: 0,
            bounds,
            history_bytes: 0,
            object_bytes: 0,
            forgotten: 0,
            log: None,
            warm: RefCell::new(Warm::new(bounds.whole_bytes)),
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

    /// Whether there is no room for more; it is for the server to say so.
    pub fn is_full(&self) -> bool {
        self.object_bytes >= self.bounds.object_bytes
    }

    /// Leaves out revisions.
    pub fn skip(&mut self, revisions: u64) {
        self.revision += revisions;
    }

    /// A table; `None` while nothing was ever stored in it.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The oldest revision from which every later change is known of a table in which nothing was ever stored.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// One object.
    pub fn get(&self, table: &str, key: &str) -> Option<Arc<Entry>> {
        let version = self.tables.get(table)?.objects.get(key)?;
        let (entry, unpacked) = version.unpack();
        if unpacked {
            self.warm.borrow_mut().add(version, entry.weight().whole);
        }
        Some(entry)
    }

    /// Names of all tables.
    pub fn tables(&self) -> impl Iterator<Item = (&Arc<str>, &Table)> {
        self.tables.iter()
    }

    /// Stores an object under the next revision, which is written into it.
    pub fn put(&mut self, table: &str, key: &str, value: Value, now: Timestamp) -> Event {
        self.put_read(table, key, (value, None), now, |_| None)
    }

    /// The same for an object that may be read as another one than it is written: `read` makes it, or tells with `None` that
    /// it doesn't. What is known of the `managedFields` comes with it.
    pub fn put_read(
        &mut self,
        table: &str,
        key: &str,
        (mut value, owners): (Value, Option<Known>),
        now: Timestamp,
        read: impl FnOnce(&Value) -> Option<Value>,
    ) -> Event {
        self.revision += 1;
        machinery::meta::set_resource_version(&mut value, &self.revision.to_string());
        let revision = self.revision;
        let (name, target) = self.target(table);
        let known = target.objects.get_key_value(key);
        let happened = known.map_or(Happened::Added, |_| Happened::Modified);
        let key: Arc<str> = known.map_or_else(|| Arc::from(key), |(key, _)| key.clone());
        let shown = read(&value);
        let mut entry = Entry::of(happened, Arc::new(value), revision);
        if shown.is_some() {
            entry = entry.read_as(shown);
        } else if let Some(owners) = owners {
            entry = entry.with_known(owners);
        }
        let (version, weight) = Version::weighed(entry);
        let before = target.objects.insert(key.clone(), version.clone());
        self.object_bytes += weight.packed;
        self.object_bytes -= before.as_ref().map_or(0, |before| before.bytes());
        let event = Event {
            revision,
            time: now,
            key,
            before,
            after: version,
            deleted: false,
        };
        self.note(&name, &event, weight, now);
        event
    }

    /// Removes an object under the next revision; its last state carries that revision.
    pub fn remove(&mut self, table: &str, key: &str, now: Timestamp) -> Option<Event> {
        self.tables.get(table)?.objects.get(key)?;
        self.revision += 1;
        let revision = self.revision;
        let (name, target) = self.target(table);
        let (key, before) = target.objects.remove_entry(key)?;
        self.object_bytes -= before.bytes();
        let mut last = Value::clone(&before.entry().value);
        machinery::meta::set_resource_version(&mut last, &revision.to_string());
        let after = Entry::of(Happened::Deleted, Arc::new(last), revision);
        let (after, weight) = Version::weighed(after);
        let event = Event {
            revision,
            time: now,
            key,
            before: Some(before),
            after,
            deleted: true,
        };
        self.note(&name, &event, weight, now);
        Some(event)
    }

    fn note(&mut self, table: &Arc<str>, event: &Event, weight: Weight, now: Timestamp) {
        let warm = self.warm.get_mut();
        warm.add(&event.after, weight.whole);
        if let Some(before) = &event.before {
            warm.supersede(before);
        }
        let keep_from = now
            .checked_sub(jiff::SignedDuration::from_secs(self.bounds.history_seconds))
            .unwrap_or(Timestamp::MIN);
        if let Some(table) = self.tables.get_mut(table) {
            let before = table.history.bytes();
            table.history.push(event.clone(), weight.packed, keep_from);
            self.history_bytes += table.history.bytes();
            self.history_bytes = self.history_bytes.saturating_sub(before);
        }
        self.bound_history();
        if let Some(log) = &mut self.log {
            log.push_back(Committed {
                table: table.clone(),
                event: event.clone(),
            });
        }
    }

    /// The resource with the most bytes of history forgets its oldest changes if there are too many: who writes much shortens
    /// nobody else's. Some more than needed, so that this isn't done at each change.
    fn bound_history(&mut self) {
        let most = self.bounds.history_bytes;
        while self.history_bytes > most {
            let tables = self.tables.values_mut();
            let Some(largest) = tables.max_by_key(|table| table.history.bytes()) else {
                return;
            };
            let before = largest.history.bytes();
            largest
                .history
                .forget(self.history_bytes - most + most / 64);
            let freed = before - largest.history.bytes();
            if freed == 0 {
                return;
            }
            self.history_bytes -= freed;
        }
    }

    /// Puts back an object read from disk, without history.
    pub fn restore(&mut self, table: &str, key: &str, value: Value, revision: u64) {
        let name: Arc<str> = Arc::from(table);
        let (version, weight) = Version::weighed(Entry::new(Arc::new(value), revision));
        self.warm.get_mut().add(&version, weight.whole);
        self.object_bytes += weight.packed;
        self.tables
            .entry(name)
            .or_default()
            .objects
            .insert(Arc::from(key), version);
    }

    /// Ends a restore: the counter goes on after `revision`, and nothing older can be watched.
    pub fn restored(&mut self, revision: u64) {
        self.revision = revision;
        self.compact();
    }

    /// A resource is served anew: watches of it begin at the newest revision, as those of a cache that has just been
    /// filled do, and what is stored is read again.
    pub fn serve_anew(&mut self, table: &str, read: impl Fn(&Value) -> Option<Value>) {
        let revision = self.revision;
        let (name, _) = self.target(table);
        let (table, warm) = (self.tables.entry(name).or_default(), self.warm.get_mut());
        table.served_from = revision;
        for version in table.objects.values_mut() {
            let entry = version.entry();
            let shown = read(entry.written());
            if shown.as_ref().unwrap_or(entry.written()) != entry.value.as_ref() {
                let entry = entry.read_as(shown);
                let before = version.bytes();
                let weight;
                (*version, weight) = Version::weighed(entry);
                self.object_bytes += weight.packed;
                self.object_bytes -= before;
                warm.add(version, weight.whole);
            }
        }
    }

    /// Forgets all history.
    pub fn compact(&mut self) {
        let revision = self.revision;
        for table in self.tables.values_mut() {
            table.history.clear(revision);
        }
        self.history_bytes = 0;
        self.forgotten = revision;
    }

    /// Waits until all that had to make room is packed.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.warm.borrow_mut().settle();
    }

    /// The changes committed since the last call, in order.
    pub fn take_log(&mut self) -> VecDeque<Committed> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn target(&mut self, table: &str) -> (Arc<str>, &mut Table) {
        let name: Arc<str> = self
            .tables
            .get_key_value(table)
            .map_or_else(|| Arc::from(table), |(name, _)| name.clone());
        let forgotten = self.forgotten;
        let target = self.tables.entry(name.clone()).or_insert_with(|| {
            let mut table = Table::default();
            table.history.clear(forgotten);
            table
        });
        (name, target)
    }
}
