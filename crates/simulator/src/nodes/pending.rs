//! Stages that wait for their time: by pod, and by time, so that a step costs what is due and not what there is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::stages::Stage;
use crate::builtin::control::Key;

/// A stage that is waiting for its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The pod's.
    pub(super) uid: String,
    /// What comes next.
    pub(super) stage: Stage,
    /// When.
    pub(super) due: Timestamp,
}

/// What all pods wait for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_pod: BTreeMap<Key, Pending>,
    by_time: BTreeSet<(Timestamp, Key)>,
}

impl Waiting {
    /// What a pod waits for.
    pub(super) fn get(&self, key: &Key) -> Option<&Pending> {
        self.by_pod.get(key)
    }

    /// A pod waits for that, and for nothing else any more.
    pub(super) fn put(&mut self, key: Key, pending: Pending) {
        self.remove(&key);
        self.by_time.insert((pending.due, key.clone()));
        self.by_pod.insert(key, pending);
    }

    /// A pod waits for nothing.
    pub(super) fn remove(&mut self, key: &Key) {
        if let Some((key, pending)) = self.by_pod.remove_entry(key) {
            self.by_time.remove(&(pending.due, key));
        }
    }

    /// A pod need not wait any longer.
    pub(super) fn hurry(&mut self, key: &Key, now: Timestamp) {
        if let Some(pending) = self.by_pod.get(key).cloned() {
            self.put(
                key.clone(),
                Pending {
                    due: now,
                    ..pending
                },
            );
        }
    }

    /// Whose time has come, by pod.
    pub(super) fn due(&self, now: Timestamp) -> Vec<(Key, Stage)> {
        let due = self.by_time.iter().take_while(|(due, _)| *due <= now);
        let mut keys: Vec<&Key> = due.map(|(_, key)| key).collect();
        keys.sort_unstable();
        let stage = |key: &Key| self.by_pod.get(key).map(|pending| pending.stage);
        keys.into_iter()
            .filter_map(|key| Some((key.clone(), stage(key)?)))
            .collect()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pod(name: &str) -> Key {
        ("n".to_owned(), name.to_owned())
    }

    #[test]
    fn what_is_due_comes_by_pod_and_each_pod_waits_once() {
        let mut waiting = Waiting::default();
        for (name, due) in [("c", 1), ("a", 2), ("b", 9), ("d", 1), ("c", 2)] {
            let pending = Pending {
                uid: name.to_owned(),
                stage: Stage::Ready,
                due: at(due),
            };
            waiting.put(pod(name), pending);
        }
        let due = |waiting: &Waiting, now| {
            let due = waiting.due(at(now)).into_iter();
            due.map(|((_, name), _)| name).collect::<Vec<_>>()
        };
        assert_eq!(waiting.next(), Some(at(1)));
        assert_eq!(due(&waiting, 1), ["d"]);
        assert_eq!(due(&waiting, 2), ["a", "c", "d"]);
        waiting.hurry(&pod("b"), at(0));
        waiting.hurry(&pod("gone"), at(0));
        for name in ["d", "a", "gone"] {
            waiting.remove(&pod(name));
        }
        assert_eq!(waiting.next(), Some(at(0)));
        assert_eq!(due(&waiting, 2), ["b", "c"]);
        assert_eq!(waiting.get(&pod("a")), None);
    }
}
