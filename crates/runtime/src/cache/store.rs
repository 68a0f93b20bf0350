//! The pure part of a cache: objects in key order, indexes, and how events, relists and our own writes change them.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Change, Projection};
use crate::resource::ObjectKey;

/// How many deletions are remembered, so that a late answer to a write of ours does not bring an object back.
const GRAVES: usize = 256;

/// Computes the values under which an object is found in an index.
pub type IndexFn<P> = Box<dyn Fn(&P) -> Vec<String> + Send + Sync>;

struct IndexState<P> {
    values: IndexFn<P>,
    entries: BTreeMap<String, Vec<Arc<P>>>,
}

/// An object in the order of its key, which is not kept twice.
struct Entry<P>(Arc<P>);

impl<P: Projection> Borrow<ObjectKey> for Entry<P> {
    fn borrow(&self) -> &ObjectKey {
        &self.0.meta().key
    }
}

impl<P: Projection> PartialEq for Entry<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0.meta().key == other.0.meta().key
    }
}

impl<P: Projection> Eq for Entry<P> {}

impl<P: Projection> PartialOrd for Entry<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Projection> Ord for Entry<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.meta().key.cmp(&other.0.meta().key)
    }
}

/// Objects of one resource, from one watch or from one for each of several namespaces.
pub struct Store<P> {
    objects: BTreeSet<Entry<P>>,
    indexes: Vec<IndexState<P>>,
    /// Uids of objects that we deleted ourselves and whose deletion the watch has not shown yet.
    tombstones: BTreeMap<ObjectKey, Box<str>>,
    /// Uids whose deletion the watch has shown, the latest last.
    graves: VecDeque<Box<str>>,
    /// Keys met so far by relists in progress, by the namespace that is listed; empty for all.
    relists: BTreeMap<Box<str>, BTreeSet<ObjectKey>>,
}

impl<P> Default for Store<P> {
    fn default() -> Self {
        Self {
            objects: BTreeSet::new(),
            indexes: Vec::new(),
            tombstones: BTreeMap::new(),
            graves: VecDeque::new(),
            relists: BTreeMap::new(),
        }
    }
}

impl<P: Projection> Store<P> {
    /// Adds an index and answers its number. Objects already there are indexed too.
    pub fn add_index(&mut self, values: IndexFn<P>) -> usize {
        let mut index = IndexState {
            values,
            entries: BTreeMap::new(),
        };
        for Entry(object) in &self.objects {
            index.insert(object);
        }
        self.indexes.push(index);
        self.indexes.len() - 1
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<P>> {
        self.objects.get(key).map(|Entry(object)| object)
    }

    /// All objects, in key order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<P>> {
        self.objects.iter().map(|Entry(object)| object)
    }

    /// The objects of one namespace, in name order.
    pub fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<P>> {
        self.objects
            .range(ObjectKey::new(namespace, "")..)
            .map(|Entry(object)| object)
            .take_while(move |object| object.meta().key.namespace == namespace)
    }

    /// Objects found under `value` in index number `index`, in key order.
    pub fn indexed(&self, index: usize, value: &str) -> &[Arc<P>] {
        self.indexes
            .get(index)
            .and_then(|index| index.entries.get(value))
            .map_or(&[], Vec::as_slice)
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Takes in the answer to a write of ours, unless the watch has already shown the object's deletion.
    pub fn upsert_own(&mut self, object: P) -> Option<Change<P>> {
        if self.graves.contains(&object.meta().uid) {
            return None;
        }
        self.upsert(object)
    }

    /// Takes in a state of an object from a list or a watch. An older state than the one held changes nothing.
    pub fn upsert(&mut self, object: P) -> Option<Change<P>> {
        let meta = object.meta();
        for part in ["", meta.key.namespace.as_str()] {
            if let Some(seen) = self.relists.get_mut(part) {
                seen.insert(meta.key.clone());
            }
        }
        if self
            .tombstones
            .get(&meta.key)
            .is_some_and(|uid| *uid == meta.uid)
        {
            return None;
        }
        if let Some(held) = self.get(&meta.key)
            && meta.version != 0
            && meta.version <= held.meta().version
        {
            return None;
        }
        let new = Arc::new(object);
        let old = self
            .objects
            .replace(Entry(Arc::clone(&new)))
            .map(|Entry(old)| old);
        for index in &mut self.indexes {
            if let Some(old) = &old {
                index.remove(old);
            }
            index.insert(&new);
        }
        Some(Change {
            old,
            new: Some(new),
            initial: false,
        })
    }

    /// The watch showed that the object with this uid was deleted.
    pub fn remove(&mut self, key: &ObjectKey, uid: &str) -> Option<Change<P>> {
        if self
            .tombstones
            .get(key)
            .is_some_and(|buried| &**buried == uid)
        {
            self.tombstones.remove(key);
        }
        if self.graves.len() == GRAVES {
            self.graves.pop_front();
        }
        self.graves.push_back(uid.into());
        if self.get(key).is_none_or(|held| &*held.meta().uid != uid) {
            return None;
        }
        self.take(key)
    }

    /// Our own delete succeeded: the object is gone before the watch says so. Without a uid the held one is meant.
    pub fn bury(&mut self, key: &ObjectKey, uid: Option<&str>) -> Option<Change<P>> {
        let held = self.get(key)?.meta().uid.clone();
        if uid.is_some_and(|uid| uid != &*held) {
            return None;
        }
        self.tombstones.insert(key.clone(), held);
        self.take(key)
    }

    /// A list of a namespace, or of all, starts; the objects of that part that it does not mention will be gone at its end.
    pub fn begin_relist(&mut self, part: &str) {
        self.relists.insert(part.into(), BTreeSet::new());
    }

    /// The list has ended and shows its part of the world at `version`. Objects of our own that are newer stay.
    pub fn finish_relist(&mut self, part: &str, version: u64) -> Vec<Change<P>> {
        let Some(seen) = self.relists.remove(part) else {
            return Vec::new();
        };
        let is_in = |key: &ObjectKey| part.is_empty() || key.namespace == part;
        // A list that still shows a deleted object was older than the deletion; its event is yet to come.
        self.tombstones
            .retain(|key, _| !is_in(key) || seen.contains(key));
        let gone: Vec<ObjectKey> = self
            .iter()
            .map(|object| object.meta())
            .filter(|meta| is_in(&meta.key))
            .filter(|meta| !seen.contains(&meta.key) && (version == 0 || meta.version <= version))
            .map(|meta| meta.key.clone())
            .collect();
        gone.iter().filter_map(|key| self.take(key)).collect()
    }

    fn take(&mut self, key: &ObjectKey) -> Option<Change<P>> {
        let Entry(old) = self.objects.take(key)?;
        for index in &mut self.indexes {
            index.remove(&old);
        }
        Some(Change {
            old: Some(old),
            new: None,
            initial: false,
        })
    }
}

impl<P: Projection> IndexState<P> {
    fn insert(&mut self, object: &Arc<P>) {
        for value in (self.values)(object) {
            let entries = self.entries.entry(value).or_default();
            let position = entries.partition_point(|held| held.meta().key < object.meta().key);
            entries.insert(position, Arc::clone(object));
        }
    }

    fn remove(&mut self, object: &Arc<P>) {
        for value in (self.values)(object) {
            if let Some(entries) = self.entries.get_mut(&value) {
                entries.retain(|held| held.meta().key != object.meta().key);
                if entries.is_empty() {
                    self.entries.remove(&value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Meta;

    fn meta(name: &str, uid: &str, version: u64) -> Meta {
        Meta {
            key: ObjectKey::new("ns", name),
            uid: uid.into(),
            version,
            ..Meta::default()
        }
    }

    fn held(store: &Store<Meta>) -> Vec<(String, u64)> {
        store
            .iter()
            .map(|meta| (meta.key.name.clone(), meta.version))
            .collect()
    }

    fn store(objects: &[Meta]) -> Store<Meta> {
        let mut store = Store::default();
        for object in objects {
            store.upsert(object.clone());
        }
        store
    }

    #[test]
    fn an_older_state_does_not_replace_our_own_newer_write() {
        let mut store = store(&[meta("a", "1", 5)]);
        store.upsert_own(meta("a", "1", 9));
        assert!(store.upsert(meta("a", "1", 7)).is_none());
        assert!(
            store.upsert(meta("a", "1", 9)).is_none(),
            "the echo of our write is no news"
        );
        assert_eq!(held(&store), [("a".to_owned(), 9)]);
    }

    #[test]
    fn a_relist_removes_what_it_does_not_show_but_not_what_is_newer() {
        let mut store = store(&[meta("a", "1", 1), meta("b", "2", 2), meta("c", "3", 3)]);
        store.begin_relist("");
        store.upsert(meta("a", "1", 1));
        store.upsert(meta("b", "2", 8));
        store.upsert_own(meta("d", "4", 20));
        store
            .relists
            .get_mut("")
            .unwrap()
            .remove(&ObjectKey::new("ns", "d"));
        let gone: Vec<_> = store
            .finish_relist("", 10)
            .iter()
            .map(|change| change.old.clone().unwrap().key.to_string())
            .collect();
        assert_eq!(gone, ["ns/c"]);
        assert_eq!(
            held(&store),
            [
                ("a".to_owned(), 1),
                ("b".to_owned(), 8),
                ("d".to_owned(), 20)
            ]
        );
    }

    #[test]
    fn relists_of_namespaces_leave_each_other_alone() {
        let of = |namespace: &str, name: &str, version: u64| Meta {
            key: ObjectKey::new(namespace, name),
            ..meta(name, &format!("{namespace}-{name}"), version)
        };
        let mut store = store(&[
            of("x", "a", 1),
            of("x", "b", 2),
            of("y", "a", 3),
            of("y", "b", 4),
        ]);
        for key in [ObjectKey::new("x", "b"), ObjectKey::new("y", "b")] {
            store.bury(&key, None);
        }
        // Both at the same time, and neither shows what is in the other's namespace.
        store.begin_relist("x");
        store.begin_relist("y");
        store.upsert(of("y", "a", 3));
        let keys = |changes: Vec<Change<Meta>>| -> Vec<String> {
            let gone = changes.into_iter().filter_map(|change| change.old);
            gone.map(|meta| meta.key.to_string()).collect()
        };
        assert_eq!(keys(store.finish_relist("x", 10)), ["x/a"]);
        assert!(
            store.upsert(of("y", "b", 5)).is_none(),
            "the list of x says nothing of what was deleted in y"
        );
        assert_eq!(keys(store.finish_relist("y", 10)), Vec::<String>::new());
        assert_eq!(held(&store), [("a".to_owned(), 3)]);
    }

    #[test]
    fn what_we_deleted_does_not_come_back_by_a_late_event() {
        let mut store = store(&[meta("a", "1", 5)]);
        assert!(
            store
                .bury(&ObjectKey::new("ns", "a"), Some("other"))
                .is_none()
        );
        assert!(store.bury(&ObjectKey::new("ns", "a"), Some("1")).is_some());
        assert!(store.upsert(meta("a", "1", 6)).is_none());
        assert!(
            store.upsert(meta("a", "2", 8)).is_some(),
            "a successor of the same name is another object"
        );
        assert!(store.remove(&ObjectKey::new("ns", "a"), "1").is_none());
        assert_eq!(held(&store), [("a".to_owned(), 8)]);
    }

    #[test]
    fn a_late_answer_does_not_bring_back_what_the_watch_has_removed() {
        let mut store = store(&[meta("a", "1", 5)]);
        store.remove(&ObjectKey::new("ns", "a"), "1");
        assert!(store.upsert_own(meta("a", "1", 6)).is_none());
        assert!(store.is_empty());
    }

    #[test]
    fn an_index_follows_every_change_and_stays_in_key_order() {
        let mut store = store(&[meta("b", "1", 1)]);
        let parity = store.add_index(Box::new(|meta| vec![(meta.version % 2).to_string()]));
        store.upsert(meta("a", "2", 3));
        store.upsert(meta("c", "3", 4));
        let names = |store: &Store<Meta>, value| {
            store
                .indexed(parity, value)
                .iter()
                .map(|meta| meta.key.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (names(&store, "1"), names(&store, "0")),
            (vec!["a".into(), "b".into()], vec!["c".into()])
        );
        store.upsert(meta("b", "1", 6));
        store.remove(&ObjectKey::new("ns", "a"), "2");
        assert_eq!(
            (names(&store, "1"), names(&store, "0")),
            (vec![], vec!["b".to_owned(), "c".into()])
        );
    }
}
