//! The end of events: one hour after it was written last an event is gone, as its lease in etcd is over (`--event-ttl`).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use machinery::meta;
use serde_json::Value;

use super::resource::known;
use super::store::key;
use crate::builtin::Builtin;
use crate::session::{Change, Session};

/// How long an event stays after each write.
const TTL: SignedDuration = SignedDuration::from_hours(1);

/// Removes events whose time is over. Nobody is asked: it is no request.
#[derive(Debug, Default)]
pub struct EventExpiry {
    started: bool,
    /// By the revision of its last write, which is the order of their ends: when each event ends, and its key.
    due: BTreeMap<u64, (Timestamp, String)>,
}

impl Builtin for EventExpiry {
    fn name(&self) -> &'static str {
        "event-ttl"
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        let now = session.now();
        let end = now.checked_add(TTL).unwrap_or(Timestamp::MAX);
        if !self.started {
            self.started = true;
            // Those of an earlier run have another hour, as leases have after etcd was started again.
            for event in session.list(&known::EVENTS, None) {
                let place = key(meta::namespace(&event), meta::name(&event));
                self.due.insert(revision(&event), (end, place));
            }
        }
        for change in changes.iter().filter(|c| c.resource == known::EVENTS) {
            if let Some(before) = &change.before {
                self.due.remove(&revision(before));
            }
            if change.after.is_some() {
                let place = key(&change.namespace, &change.name);
                self.due.insert(change.revision, (end, place));
            }
        }
        if let Ok(served) = session.api.known(&known::EVENTS) {
            while let Some(first) = self.due.first_entry().filter(|e| e.get().0 <= now) {
                let (_, place) = first.remove();
                session.api.commit_remove(&served, &place, now);
            }
        }
        self.due.values().next().map(|(end, _)| *end)
    }
}

fn revision(object: &Value) -> u64 {
    meta::resource_version(object).parse().unwrap_or_default()
}
