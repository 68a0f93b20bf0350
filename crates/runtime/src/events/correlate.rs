//! Which Events are written, and whether as new objects or as counts on an old one.
//!
//! Mirrors client-go's `tools/record/events_cache.go`: more than 25 events about one object are dropped (one more
//! every five minutes), ten or more messages of one reason within ten minutes are combined, and a repeated event
//! raises the count of the first. Keys are kept as hashes, so that a remembered event costs bytes, not its text.

use std::collections::{BTreeMap, BTreeSet};

use machinery::hash::fnv64a;

use crate::effect::{EventType, ObjectReference};

const SECOND: i128 = 1_000_000_000;
/// Events about one object that pass at once.
const SPAM_BURST: i128 = 25;
/// Time after which one more passes.
const SPAM_INTERVAL: i128 = 300 * SECOND;
/// From this many messages on, those of one reason are combined.
const SIMILAR: usize = 10;
/// Messages further apart are not similar.
const SIMILAR_INTERVAL: i128 = 600 * SECOND;
/// Entries that each table remembers.
const REMEMBERED: usize = 4096;

/// An Event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The object it is about.
    pub regarding: ObjectReference,
    /// What else had to do with it.
    pub related: Option<ObjectReference>,
    /// Normal or Warning.
    pub kind: EventType,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// When it happened, in nanoseconds since 1970; unique within a recorder.
    pub nanoseconds: i128,
}

/// How a draft is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not at all.
    Drop,
    /// As a new object of this name.
    Create {
        /// `<object>.<hex nanoseconds>`.
        name: String,
        /// Message, possibly marked as combined.
        message: String,
    },
    /// As a count on the Event of this name.
    Raise {
        /// Name of the earlier Event.
        name: String,
        /// Message, possibly marked as combined.
        message: String,
        /// The new count.
        count: u32,
        /// When the first of them happened, in nanoseconds since 1970.
        first: i128,
    },
}

#[derive(Clone, Debug)]
struct Logged {
    name: String,
    count: u32,
    first: i128,
}

/// Remembers what was written.
#[derive(Debug, Default)]
pub struct Correlator {
    spam: Recent<i128>,
    similar: Recent<(BTreeSet<u64>, i128)>,
    logged: Recent<Logged>,
}

impl Correlator {
    /// Decides how a draft is written and remembers it.
    pub fn judge(&mut self, draft: &Draft) -> Verdict {
        let Draft {
            regarding,
            related,
            kind,
            reason,
            message,
            nanoseconds: now,
        } = draft;
        let object = format!("{}|{}", object_of(regarding), kind.as_str());
        let related = related.as_ref().map(object_of).unwrap_or_default();
        let reason = format!("{reason}|{related}");
        let group = hash(&format!("{object}|{reason}"));
        let (messages, last) = self.similar.entry(group, || (BTreeSet::new(), *now));
        if now - *last > SIMILAR_INTERVAL {
            messages.clear();
        }
        messages.insert(hash(message));
        *last = *now;
        let combined = messages.len() >= SIMILAR;
        if combined {
            messages.pop_first();
        }
        let (key, message) = if combined {
            (group, format!("(combined from similar events): {message}"))
        } else {
            (
                hash(&format!("{object}|{reason}|{message}")),
                message.clone(),
            )
        };
        let name = format!("{}.{now:x}", regarding.name);
        let logged = self.logged.entry(key, || Logged {
            name: name.clone(),
            count: 0,
            first: *now,
        });
        logged.count += 1;
        let verdict = if logged.count == 1 {
            Verdict::Create { name, message }
        } else {
            Verdict::Raise {
                name: logged.name.clone(),
                message,
                count: logged.count,
                first: logged.first,
            }
        };
        if self.is_spam(hash(&object), *now) {
            Verdict::Drop
        } else {
            verdict
        }
    }

    /// Whether too many events were written about an object.
    fn is_spam(&mut self, object: u64, now: i128) -> bool {
        let full_at = self.spam.entry(object, || now);
        let next = (*full_at).max(now) + SPAM_INTERVAL;
        let spam = next - now > SPAM_INTERVAL * SPAM_BURST;
        if !spam {
            *full_at = next;
        }
        spam
    }
}

/// What makes two Events ones about the same object: not the state it was in.
fn object_of(regarding: &ObjectReference) -> String {
    let ObjectReference {
        api_version,
        kind,
        namespace,
        name,
        uid,
        resource_version: _,
    } = regarding;
    [api_version, kind, namespace, name, uid]
        .map(String::as_str)
        .join("|")
}

/// A table that forgets what was not used for the longest time.
#[derive(Debug)]
struct Recent<V> {
    entries: BTreeMap<u64, (u64, V)>,
    used: BTreeMap<u64, u64>,
    clock: u64,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            used: BTreeMap::new(),
            clock: 0,
        }
    }
}

impl<V> Recent<V> {
    fn entry(&mut self, key: u64, make: impl FnOnce() -> V) -> &mut V {
        self.clock += 1;
        if let Some((used, _)) = self.entries.get(&key) {
            self.used.remove(used);
        } else if self.entries.len() >= REMEMBERED
            && let Some((_, oldest)) = self.used.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.used.insert(self.clock, key);
        let entry = self.entries.entry(key).or_insert_with(|| (0, make()));
        entry.0 = self.clock;
        &mut entry.1
    }
}

fn hash(text: &str) -> u64 {
    fnv64a(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, message: &str, second: i128) -> Draft {
        Draft {
            regarding: ObjectReference {
                name: name.to_owned(),
                ..ObjectReference::default()
            },
            related: None,
            kind: EventType::Normal,
            reason: "R".to_owned(),
            message: message.to_owned(),
            nanoseconds: second * SECOND,
        }
    }

    #[test]
    fn the_same_event_because_of_another_object_is_another() {
        let because_of = |name: &str| Draft {
            related: Some(ObjectReference {
                name: name.to_owned(),
                ..ObjectReference::default()
            }),
            ..draft("a", "m", 0)
        };
        let mut correlator = Correlator::default();
        for (object, is_new) in [("p", true), ("q", true), ("p", false)] {
            let verdict = correlator.judge(&because_of(object));
            let made = matches!(verdict, Verdict::Create { .. });
            assert_eq!(made, is_new, "{object}: {verdict:?}");
        }
    }

    #[test]
    fn a_repeated_event_raises_the_count_of_the_first() {
        let mut correlator = Correlator::default();
        let verdicts = [0, 1, 2].map(|second| correlator.judge(&draft("a", "m", second)));
        let raised = |count| Verdict::Raise {
            name: "a.0".to_owned(),
            message: "m".to_owned(),
            count,
            first: 0,
        };
        assert_eq!(
            verdicts,
            [
                Verdict::Create {
                    name: "a.0".to_owned(),
                    message: "m".to_owned()
                },
                raised(2),
                raised(3)
            ]
        );
    }

    #[test]
    fn an_event_is_repeated_though_the_object_has_changed() {
        let mut correlator = Correlator::default();
        let verdicts = [1, 2].map(|second| {
            let mut draft = draft("a", "m", second);
            draft.regarding.resource_version = second.to_string();
            correlator.judge(&draft)
        });
        assert!(
            matches!(
                verdicts,
                [Verdict::Create { .. }, Verdict::Raise { count: 2, .. }]
            ),
            "{verdicts:?}"
        );
    }

    #[test]
    fn the_tenth_message_of_a_reason_is_combined() {
        let mut correlator = Correlator::default();
        let verdicts: Vec<_> = (0..11)
            .map(|n| correlator.judge(&draft("a", &format!("m{n}"), n)))
            .collect();
        assert_eq!(
            verdicts[8..],
            [
                Verdict::Create {
                    name: format!("a.{:x}", 8 * SECOND),
                    message: "m8".to_owned()
                },
                Verdict::Create {
                    name: format!("a.{:x}", 9 * SECOND),
                    message: "(combined from similar events): m9".to_owned()
                },
                Verdict::Raise {
                    name: format!("a.{:x}", 9 * SECOND),
                    message: "(combined from similar events): m10".to_owned(),
                    count: 2,
                    first: 9 * SECOND
                },
            ]
        );
    }

    #[test]
    fn more_than_25_events_about_one_object_are_dropped_until_five_minutes_pass() {
        let mut correlator = Correlator::default();
        let mut dropped =
            |name: &str, second| correlator.judge(&draft(name, "m", second)) == Verdict::Drop;
        assert!((0..25).all(|_| !dropped("a", 0)));
        assert_eq!(
            [
                dropped("a", 0),
                dropped("b", 0),
                dropped("a", 300),
                dropped("a", 300)
            ],
            [true, false, false, true]
        );
    }
}
