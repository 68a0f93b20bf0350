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

/// An event that was written.
#[derive(Debug)]
struct First {
    namespace: String,
    name: String,
    message: String,
    at: Timestamp,
}

/// How often an event came, and when last.
#[derive(Clone, Copy, Debug)]
struct Series {
    count: i64,
    last: Timestamp,
}

/// The events a recorder knows, and when it looks at them again.
#[derive(Debug, Default)]
pub(super) struct Broadcaster {
    /// Those that came once.
    single: BTreeMap<Key, First>,
    /// Those that came again.
    repeated: BTreeMap<Key, (First, Series)>,
    /// When it looks next for what is over, and when it writes the counts next; `None` before the first step.
    next: Option<(Timestamp, Timestamp)>,
}

impl Broadcaster {
    /// Counts an event that is known; one that came once before is written as a series. Whether it is known.
    pub(super) fn count(
        &mut self,
        session: &mut Session<'_>,
        component: &str,
        note: &Note,
    ) -> bool {
        let (now, key) = (session.now(), key(note));
        if let Some((_, series)) = self.repeated.get_mut(&key) {
            (series.count, series.last) = (series.count + 1, now);
            return true;
        }
        let Some(first) = self.single.remove(&key) else {
            return false;
        };
        let series = Series {
            count: 2,
            last: now,
        };
        write(session, component, &key, (&first, series));
        self.repeated.insert(key, (first, series));
        true
    }

    /// Writes an event that isn't known, under that name.
    pub(super) fn begin(
        &mut self,
        session: &mut Session<'_>,
        (component, name): (&str, String),
        note: &Note,
    ) {
        let key = key(note);
        let first = First {
            namespace: note.namespace().to_owned(),
            name,
            message: note.message.clone(),
            at: session.now(),
        };
        // A failure is of no consequence, as with upstream.
        let created = session.create(&known::NEW_EVENTS, event(component, &key, &first, None));
        if created.is_ok() {
            if self.single.len() + self.repeated.len() >= REMEMBERED {
                // Upstream keeps them all; most are of pods that were bound, which never come again.
                self.single.clear();
            }
            self.single.insert(key, first);
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
            for (key, (first, series)) in &self.repeated {
                write(session, component, key, (first, *series));
            }
        }
        if finish <= now {
            finish = next_tick(finish, FINISH, now);
            let looked = object::milliseconds_after(finish, -FINISH);
            let over = |at: Timestamp| after(at, FINISH) < looked;
            self.repeated.retain(|key, (first, series)| {
                if over(series.last) {
                    write(session, component, key, (first, *series));
                    return false;
                }
                true
            });
            self.single.retain(|_, first| !over(first.at));
        }
        self.next = Some((finish, refresh));
        (!self.repeated.is_empty()).then(|| finish.min(refresh))
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
fn write(session: &mut Session<'_>, component: &str, key: &Key, (first, series): (&First, Series)) {
    let body = json!({"series": series.value()});
    let patched = session.patch_merge(&known::NEW_EVENTS, &first.namespace, &first.name, "", &body);
    if patched.is_err_and(|error| is_not_found(&error)) {
        // A failure is of no consequence here either.
        let anew = event(component, key, first, Some(series));
        let _ = session.create(&known::NEW_EVENTS, anew);
    }
}

impl Series {
    fn value(self) -> Value {
        json!({"count": self.count, "lastObservedTime": object::stamp_micro(self.last)})
    }
}

fn event(component: &str, key: &Key, first: &First, series: Option<Series>) -> Value {
    let (kind, action, reason, involved) = key;
    let regarding: Value = serde_json::from_str(involved).unwrap_or_default();
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": first.name, "namespace": first.namespace},
        "eventTime": object::stamp_micro(first.at), "series": series.map(Series::value),
        "reportingController": component, "reportingInstance": format!("{component}-{HOST}"),
        "action": action, "reason": reason, "regarding": regarding, "note": first.message, "type": kind,
    })
}
