//! Writes of built-in controllers that wait for answers from outside.
//!
//! A controller cannot wait inside a step. Its write fails with [`ApiError::pending`], the world asks, and once the answers
//! are there the controller is woken and writes the same again, which then uses them. A controller that works key by key
//! is as good as blocked in that call: nothing else it tries for this key is done before.
//!
//! [`ApiError::pending`]: crate::status_error::ApiError::pending

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use serde_json::Value;

use super::{Answer, Pending, Question};
use crate::faults::Verdict;

/// How long a write that nobody repeats is remembered, in seconds.
const FORGET_SECONDS: i64 = 120;

/// Number of a waiting write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitId(u64);

/// What makes two writes the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriteKey {
    actor: &'static str,
    method: String,
    path: String,
    body: String,
}

impl WriteKey {
    /// The key of a write. Times in its body don't count: a controller stamps what it writes anew at each attempt.
    pub(crate) fn new(actor: &'static str, method: &str, path: &str, body: &str) -> Self {
        let timeless = serde_json::from_str::<Value>(body).map(|mut body| {
            forget_times(&mut body);
            body.to_string()
        });
        Self {
            actor,
            method: method.to_owned(),
            path: path.to_owned(),
            body: timeless.unwrap_or_default(),
        }
    }
}

fn forget_times(value: &mut Value) {
    match value {
        Value::String(text) if text.ends_with('Z') && text.parse::<Timestamp>().is_ok() => {
            text.clear();
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        Value::Object(fields) => fields.values_mut().for_each(forget_times),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One attempt of a write.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// What it takes along from attempt to attempt.
    pub pending: Pending,
    /// What was decided over it at its first attempt; `None` at the first.
    pub verdict: Option<Verdict>,
}

#[derive(Debug)]
struct Waiter {
    id: WaitId,
    attempt: Attempt,
    /// Not asked yet.
    questions: Vec<Question>,
    /// Asked or to be asked, and not answered.
    open: usize,
}

/// All writes that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    writes: BTreeMap<WriteKey, Waiter>,
    last: u64,
    /// Within a pass over one key: whether a write of it waits.
    blocked: Option<bool>,
}

impl Waiting {
    /// An attempt of a write, or `None` while its questions are open.
    pub(crate) fn attempt(
        &mut self,
        key: &WriteKey,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> Option<Attempt> {
        match self.writes.get(key) {
            Some(waiter) if waiter.open > 0 => {
                self.block();
                return None;
            }
            Some(_) | None => {}
        }
        let known = self.writes.remove(key);
        Some(known.map_or_else(
            || Attempt {
                pending: Pending::new(now, entropy),
                verdict: None,
            },
            |waiter| waiter.attempt,
        ))
    }

    /// A write asks and waits.
    pub(crate) fn wait(
        &mut self,
        key: WriteKey,
        attempt: Attempt,
        questions: Vec<Question>,
        now: Timestamp,
    ) {
        self.last += 1;
        let waiter = Waiter {
            id: WaitId(self.last),
            attempt,
            open: questions.len(),
            questions,
        };
        let oldest = now
            .checked_sub(SignedDuration::from_secs(FORGET_SECONDS))
            .unwrap_or(Timestamp::MIN);
        self.writes
            .retain(|_, waiter| waiter.attempt.pending.started >= oldest);
        self.writes.insert(key, waiter);
        self.block();
    }

    /// The questions nobody has asked yet.
    pub(crate) fn take_questions(&mut self) -> Vec<(WaitId, Question)> {
        let mut all: Vec<(WaitId, Question)> = Vec::new();
        for waiter in self.writes.values_mut() {
            let id = waiter.id;
            all.extend(waiter.questions.drain(..).map(|question| (id, question)));
        }
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// Adds an answer. Returns the controller to wake if it was the last that a write of it waits for.
    pub(crate) fn answer(
        &mut self,
        id: WaitId,
        question: &Question,
        answer: Answer,
    ) -> Option<&'static str> {
        let (key, waiter) = self.writes.iter_mut().find(|(_, waiter)| waiter.id == id)?;
        waiter.attempt.pending.answer(question, answer);
        waiter.open = waiter.open.saturating_sub(1);
        (waiter.open == 0).then_some(key.actor)
    }

    fn block(&mut self) {
        if let Some(blocked) = &mut self.blocked {
            *blocked = true;
        }
    }

    /// Begins a pass over one key.
    pub(crate) fn begin_pass(&mut self) {
        self.blocked = Some(false);
    }

    /// Ends it. Tells whether it has to be repeated once answers are there.
    pub(crate) fn end_pass(&mut self) -> bool {
        self.blocked.take() == Some(true)
    }

    /// Whether a write of the pass under way waits.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_that_differ_in_times_alone_are_the_same() {
        let key = |body: &str| WriteKey::new("c", "PUT", "/p", body);
        let early = key(r#"{"a":"2030-01-01T00:00:00Z","b":["x"]}"#);
        assert_eq!(early, key(r#"{"a":"2030-01-01T00:00:09Z","b":["x"]}"#));
        assert_ne!(early, key(r#"{"a":"2030-01-01T00:00:00Z","b":["y"]}"#));
    }
}
