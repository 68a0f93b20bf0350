//! The loop every keyed controller shares: changes and timers become keys, each key is brought into line, failures back off.
//!
//! The place of client-go's work queue and informers, in virtual time and in key order.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::Builtin;
use super::event::Recorder;
use super::object;
use super::write::Work;
use crate::apiserver::resource::Resource;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Namespace and name of what a controller looks after.
pub(crate) type Key = (String, String);

/// The key of an object.
pub(crate) fn key_of(object: &Value) -> Key {
    (
        object::namespace(object).to_owned(),
        object::name(object).to_owned(),
    )
}

/// A controller that brings one object at a time into line with the world.
pub(crate) trait Control: Send {
    /// Its name, and the component its events come from.
    const NAME: &'static str;

    /// Learns what there is when the controller starts, before anything else.
    fn begin(&mut self, _: &Session<'_>) {}

    /// Learns of a change, before it is asked what to look at.
    fn observe(&mut self, _: &Change) {}

    /// Everything to look at when the controller starts.
    fn all(&self, session: &Session<'_>) -> Vec<Key>;

    /// What a change makes worth looking at.
    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key>;

    /// How long a change may wait for others, in milliseconds, before a key is looked at for it.
    fn delay(&self, _: &Change, _: &Key) -> i64 {
        0
    }

    /// Brings one object into line. Returns when to look again without a change.
    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError>;
}

/// Runs a [`Control`] as a built-in controller.
pub(crate) struct Loop<C> {
    control: C,
    recorder: Recorder,
    queue: Queue,
    started: bool,
}

impl<C: Control> Loop<C> {
    /// A loop that has seen nothing yet.
    pub(crate) fn new(control: C) -> Self {
        Self {
            control,
            recorder: Recorder::new(C::NAME),
            queue: Queue::default(),
            started: false,
        }
    }

    fn failed(&mut self, key: Key, error: &ApiError, now: Timestamp) {
        let (namespace, name) = key.clone();
        let failures = self.queue.failed(key, now);
        if is_told(failures) {
            let controller = C::NAME;
            tracing::warn!(controller, namespace, name, failures, %error, "an object stays as it is");
        }
    }
}

impl<C: Control> Builtin for Loop<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        let now = session.now();
        if !self.started {
            self.started = true;
            self.control.begin(session);
            for key in self.control.all(session) {
                self.queue.add(key, now);
            }
        }
        for change in changes {
            self.control.observe(change);
        }
        for change in changes {
            for key in self.control.affected(session, change) {
                let delay = self.control.delay(change, &key);
                self.queue.add(key, object::milliseconds_after(now, delay));
            }
        }
        self.queue.wake(now);
        for key in self.queue.take_due(now) {
            session.begin_pass();
            let mut work = Work {
                session: &mut *session,
                recorder: &mut self.recorder,
            };
            let result = self.control.sync(&mut work, &key);
            if session.end_pass() {
                self.queue.wait(key);
                continue;
            }
            match result {
                Ok(wake) => self.queue.done(key, wake),
                Err(error) => self.failed(key, &error, now),
            }
        }
        [self.queue.next(), self.recorder.tend(session)]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Keys with the time each is due, and how often each has failed in a row.
#[derive(Debug, Default)]
struct Queue {
    due: BTreeMap<Key, Timestamp>,
    /// Keys with a write that waits for an answer from outside; tried again at the next step.
    waiting: BTreeSet<Key>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// First wait after a failure; doubled each time, as client-go's default limiter does.
    const FIRST_BACKOFF_MS: i64 = 5;
    /// Longest wait after a failure.
    const LAST_BACKOFF_MS: i64 = 1_000_000;

    fn add(&mut self, key: Key, at: Timestamp) {
        let due = self.due.entry(key).or_insert(at);
        *due = (*due).min(at);
    }

    fn wait(&mut self, key: Key) {
        self.waiting.insert(key);
    }

    fn wake(&mut self, now: Timestamp) {
        for key in std::mem::take(&mut self.waiting) {
            self.add(key, now);
        }
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Key> {
        let keys: Vec<Key> = self
            .due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &keys {
            self.due.remove(key);
        }
        keys
    }

    fn done(&mut self, key: Key, wake: Option<Timestamp>) {
        self.failures.remove(&key);
        if let Some(at) = wake {
            self.due.insert(key, at);
        }
    }

    /// Makes a key wait. Returns how often it has failed in a row.
    fn failed(&mut self, key: Key, now: Timestamp) -> u32 {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let wait = Self::FIRST_BACKOFF_MS
            .saturating_mul(1_i64.checked_shl(*failures).unwrap_or(i64::MAX))
            .clamp(1, Self::LAST_BACKOFF_MS);
        *failures = (*failures + 1).min(32);
        let failures = *failures;
        self.due.insert(key, object::milliseconds_after(now, wait));
        failures
    }

    fn next(&self) -> Option<Timestamp> {
        self.due.values().min().copied()
    }
}

/// Whether so many failures in a row are worth a line. A conflict is over at the next try; what is refused for good is told
/// more and more seldom.
fn is_told(failures: u32) -> bool {
    failures >= 4 && failures.is_power_of_two()
}

/// The key of the controller of a changed object, if it is of this kind; of both its controllers where that changed.
pub(crate) fn controllers(change: &Change, owner: &Resource) -> Vec<Key> {
    let own = change.controllers().iter().flatten();
    let mut keys: Vec<Key> = own
        .filter(|controller| controller.kind == owner.kind)
        .map(|controller| (change.namespace.clone(), controller.name.clone()))
        .collect();
    keys.dedup();
    keys
}

/// Whether a changed object has no controller, so that anybody might adopt it.
pub(crate) fn is_orphan(change: &Change) -> bool {
    let [_, controller] = change.controllers();
    change.after.is_some() && controller.is_none()
}

/// The keys of all objects of a resource, in one namespace or in all.
pub(crate) fn keys(
    session: &Session<'_>,
    resource: &Resource,
    namespace: Option<&str>,
) -> Vec<Key> {
    session
        .list(resource, namespace)
        .iter()
        .map(|o| key_of(o))
        .collect()
}

/// The key of the changed object itself.
pub(crate) fn itself(change: &Change) -> Key {
    (change.namespace.clone(), change.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_back_off_until_a_success() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let key = ("n".to_owned(), "a".to_owned());
        let mut queue = Queue::default();
        let waits: Vec<i64> = (0..30)
            .map(|_| {
                queue.failed(key.clone(), now);
                queue
                    .next()
                    .unwrap()
                    .duration_since(now)
                    .as_millis()
                    .try_into()
                    .unwrap()
            })
            .collect();
        assert_eq!(waits[..4], [5, 10, 20, 40]);
        assert_eq!(waits[29], 1_000_000);
        assert_eq!(
            queue.take_due(object::seconds_after(now, 1000)),
            std::slice::from_ref(&key)
        );
        queue.done(key.clone(), None);
        assert_eq!(queue.next(), None);
        let told: Vec<u32> = (0..20).filter(|failures| is_told(*failures)).collect();
        assert_eq!(told, [4, 8, 16]);
        queue.failed(key, now);
        assert_eq!(queue.next(), Some(object::milliseconds_after(now, 5)));
    }

    #[test]
    fn a_change_pulls_a_timer_forward_and_never_back() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let later = object::seconds_after(now, 9);
        let key = ("n".to_owned(), "a".to_owned());
        let mut queue = Queue::default();
        queue.done(key.clone(), Some(later));
        assert_eq!(queue.take_due(now), Vec::<Key>::new());
        queue.add(key.clone(), now);
        queue.add(key.clone(), later);
        assert_eq!(queue.take_due(now), [key]);
        assert_eq!(queue.next(), None);
    }
}
