//! What should happen next, as data.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use machinery::meta;
use serde_json::Value;

use crate::effect::Effect;
use crate::error::Class;

/// When to look at the object again if nothing changes it before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requeue {
    /// Not before something changes.
    #[default]
    Never,
    /// Just after this long.
    After(Duration),
    /// Just after this time; at once if it has passed.
    At(Timestamp),
    /// With the object's backoff, as after a failure.
    Backoff,
    /// Observe and decide again before this pass ends: one mutation at a time, where reads and writes must alternate.
    Immediately,
}

/// State of a plan that nobody has performed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned;

/// State of a plan whose effects have been tried, in order, up to the first failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Performed {
    answers: Vec<Option<Bytes>>,
    failure: Option<Failure>,
}

/// Why a plan stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Index of the effect that failed.
    pub effect: usize,
    /// Reason of the server's status, such as `AlreadyExists`; `Transport` when there was no answer.
    pub reason: String,
    /// Text of the error, as client-go prints it.
    pub message: String,
    /// When the pass will be tried again.
    pub class: Class,
    /// The object as it is now, if the name was taken or the lock was lost and it could be read.
    pub existing: Option<Value>,
}

impl Failure {
    /// The name was taken.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// The object was changed by someone else.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }
}

/// An ordered list of effects and when to look again. `Plan<Performed>` can only come from the driver (or, in tests,
/// from [`Plan::as_if_performed`]), so that a status never claims what was not tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan<S = Planned> {
    /// In the order in which they are performed.
    pub effects: Vec<Effect>,
    /// What is performed after these, whatever became of them: each on its own, however the others end. What fails is tried
    /// again by the next pass, and is no [failure](Plan::failure) of the plan.
    pub also: Vec<Effect>,
    /// When to look again.
    pub requeue: Requeue,
    state: S,
}

impl Plan {
    /// Nothing to do until something changes.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// These effects.
    pub fn of(effects: Vec<Effect>) -> Self {
        Self {
            effects,
            also: Vec::new(),
            requeue: Requeue::Never,
            state: Planned,
        }
    }

    /// The same plan with another requeue.
    #[must_use]
    pub fn requeue(mut self, requeue: Requeue) -> Self {
        self.requeue = requeue;
        self
    }

    /// The same plan with more that is performed whatever becomes of its effects.
    #[must_use]
    pub fn also(mut self, effects: Vec<Effect>) -> Self {
        self.also.extend(effects);
        self
    }

    /// Adds an effect at the end.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The plan as if every effect had succeeded without an answer: for tests of `status`, and to show a status
    /// in advance.
    pub fn as_if_performed(self) -> Plan<Performed> {
        let answers = self.effects.iter().map(|_| None).collect();
        self.performed(answers, None)
    }

    /// The plan with what happened to it.
    pub(crate) fn performed(
        self,
        answers: Vec<Option<Bytes>>,
        failure: Option<Failure>,
    ) -> Plan<Performed> {
        Plan {
            effects: self.effects,
            also: self.also,
            requeue: self.requeue,
            state: Performed { answers, failure },
        }
    }
}

impl Plan<Performed> {
    /// Why the plan stopped, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        self.state.failure.as_ref()
    }

    /// Whether the plan stopped because somebody else had changed the object since it was seen: the next pass sees that, so
    /// that there is nothing to report. A server that refuses with the same answer what nobody has changed is no such case.
    pub fn was_overtaken(&self) -> bool {
        let Some(failure) = self.failure().filter(|failure| failure.is_conflict()) else {
            return false;
        };
        let seen = match self.effects.get(failure.effect) {
            Some(Effect::Update { object, .. }) => meta::resource_version(object),
            Some(
                Effect::Create { .. }
                | Effect::Packed { .. }
                | Effect::Patch { .. }
                | Effect::Delete { .. }
                | Effect::Evict { .. }
                | Effect::Event { .. },
            )
            | None => return false,
        };
        let existing = failure.existing.as_ref();
        existing.is_some_and(|existing| meta::resource_version(existing) != seen)
    }

    /// How many effects were carried out.
    pub fn done(&self) -> usize {
        self.state.answers.len()
    }

    /// The object that the server answered effect `index` with. `None` for events, effects that were not carried
    /// out and answers without an object.
    pub fn answer(&self, index: usize) -> Option<Value> {
        let bytes = self.state.answers.get(index)?.as_ref()?;
        serde_json::from_slice(bytes).ok()
    }
}

impl fmt::Display for Requeue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("when something changes"),
            Self::After(delay) => write!(f, "after {delay:?}"),
            Self::At(time) => write!(f, "at {time}"),
            Self::Backoff => f.write_str("with backoff"),
            Self::Immediately => f.write_str("at once"),
        }
    }
}

/// One line an effect, as `carrick plan` prints it.
impl<S> fmt::Display for Plan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for effect in self.effects.iter().chain(&self.also) {
            writeln!(f, "{effect}")?;
        }
        write!(f, "again  {}", self.requeue)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::POD;

    #[test]
    fn who_meets_a_newer_object_was_overtaken() {
        let object = |version: &str| json!({"metadata": {"name": "p", "resourceVersion": version}});
        let stopped = |reason: &str, existing: Option<Value>| {
            let update = Effect::Update {
                resource: POD,
                object: object("7"),
                subresource: None,
            };
            let failure = Failure {
                effect: 0,
                reason: reason.to_owned(),
                message: String::new(),
                class: Class::Retry,
                existing,
            };
            Plan::of(vec![update]).performed(Vec::new(), Some(failure))
        };
        assert!(stopped("Conflict", Some(object("8"))).was_overtaken());
        for (reason, existing) in [
            ("Conflict", Some(object("7"))),
            ("Conflict", None),
            ("Forbidden", Some(object("8"))),
        ] {
            assert!(!stopped(reason, existing).was_overtaken(), "{reason}");
        }
        assert!(!Plan::nothing().as_if_performed().was_overtaken());
    }
}
