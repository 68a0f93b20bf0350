//! Events through events.k8s.io/v1, as the scheduler writes them: one that comes again makes a series of the first.
//!
//! Mirrors `k8s.io/client-go/tools/events/{event_recorder,event_broadcaster}.go`: the second one is written at once, those after it are
//! only counted, and the count is written every 30 minutes and when none has come for 6 minutes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Note, REMEMBERED};
use crate::apiserver::resource::known;
use crate::builtin::object;
use crate::builtin::write::is_not_found;
use crate::session::Session;

/// Milliseconds after which a series that had nothing more is over (`finishTime`), and between two looks for such ones.
const FINISH: i64 = 6 * 60 * 1000;
/// Milliseconds between two writes of the counts of all series (`refreshTime`).
const REFRESH: i64 = 30 * 60 * 1000;
/// The machine of the control plane, which is the end of `reportingInstance`. Made up, for a world has no such machine, and the name of
/// the one that it runs on would make another world of the same seed.
const HOST: &str = "control-plane";

/// What makes two events the same one: type, action, reason, and the reference to the object, its resourceVersion included. Not the
/// message.
type Key = (&'static str, &'static str, String, String);

/// The first event of a series to be.
#[derive(Debug)]
struct First {
    namespace: String,
    name: String,
    message: String,
    at: Timestamp,
    /// How often it came, and when last; `None` if only once.
    series: Option<(i64, Timestamp)>,
}

/// The events a recorder knows, and when it looks at them again.
#[derive(Debug, Default)]
pub(super) struct Broadcaster {
    known: BTreeMap<Key, First>,
    /// When it looks next for series that are over, and when it writes the counts next; `None` before the first step.
    next: Option<(Timestamp, Timestamp)>,
}

impl Broadcaster {
    /// Writes the event, or makes one that was written before a series, or counts it.
    pub(super) fn record(
        &mut self,
        session: &mut Session<'_>,
        (component, name): (&str, String),
        note: &Note,
    ) {
        let now = session.now();
        let key = key(note);
        if let Some(first) = self.known.get_mut(&key) {
            if let Some((count, last)) = &mut first.series {
                (*count, *last) = (*count + 1, now);
                return;
            }
            first.series = Some((2, now));
            write(session, component, &key, first);
            return;
        }
        let first = First {
            namespace: note.namespace().to_owned(),
            name,
            message: note.message.clone(),
            at: now,
            series: None,
        };
        // A failure is of no consequence, as with upstream.
        let created = session.create(&known::NEW_EVENTS, event(component, &key, &first));
        if created.is_ok() {
            if self.known.len() >= REMEMBERED {
                // Upstream keeps them all; most are of pods that were bound, which never come again.
                self.known.retain(|_, first| first.series.is_some());
            }
            self.known.insert(key, first);
        }
    }

    /// Writes counts and forgets what is over. Returns when to look again.
    pub(super) fn tend(&mut self, session: &mut Session<'_>, component: &str) -> Option<Timestamp> {
        let now = session.now();
        let (mut finish, mut refresh) = *self
            .next
            .get_or_insert_with(|| (after(now, FINISH), after(now, REFRESH)));
        if refresh <= now {
            refresh = next_tick(refresh, REFRESH, now);
            for (key, first) in self.known.iter_mut().filter(|(_, f)| f.series.is_some()) {
                write(session, component, key, first);
            }
        }
        if finish <= now {
            finish = next_tick(finish, FINISH, now);
            let looked = object::milliseconds_after(finish, -FINISH);
            let over = |at: Timestamp| after(at, FINISH) < looked;
            self.known.retain(|key, first| match first.series {
                Some((_, last)) if over(last) => {
                    write(session, component, key, first);
                    false
                }
                Some(_) => true,
                None => !over(first.at),
            });
        }
        self.next = Some((finish, refresh));
        let is_counting = self.known.values().any(|first| first.series.is_some());
        is_counting.then(|| finish.min(refresh))
    }
}

fn after(at: Timestamp, milliseconds: i64) -> Timestamp {
    object::milliseconds_after(at, milliseconds)
}

/// The first tick of a timer after now.
fn next_tick(mut at: Timestamp, period: i64, now: Timestamp) -> Timestamp {
    while at <= now {
        let next = after(at, period);
        if next == at {
            break;
        }
        at = next;
    }
    at
}

fn key(note: &Note) -> Key {
    (
        note.kind(),
        note.action,
        note.reason.clone(),
        note.involved().to_string(),
    )
}

/// Writes how often it came; an event that is gone is made anew.
fn write(session: &mut Session<'_>, component: &str, key: &Key, first: &First) {
    let body = json!({"series": series(first)});
    let patched = session.patch_merge(&known::NEW_EVENTS, &first.namespace, &first.name, "", &body);
    if patched.is_err_and(|error| is_not_found(&error)) {
        // A failure is of no consequence here either.
        let _ = session.create(&known::NEW_EVENTS, event(component, key, first));
    }
}

fn series(first: &First) -> Value {
    first.series.map_or(
        Value::Null,
        |(count, last)| json!({"count": count, "lastObservedTime": object::stamp_micro(last)}),
    )
}

fn event(component: &str, key: &Key, first: &First) -> Value {
    let (kind, action, reason, involved) = key;
    let regarding: Value = serde_json::from_str(involved).unwrap_or_default();
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": first.name, "namespace": first.namespace},
        "eventTime": object::stamp_micro(first.at), "series": series(first),
        "reportingController": component, "reportingInstance": format!("{component}-{HOST}"),
        "action": action, "reason": reason, "regarding": regarding, "note": first.message, "type": kind,
    })
}
