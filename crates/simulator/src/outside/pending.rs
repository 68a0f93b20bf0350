//! A request that waits for answers, and the questions and answers of the run that is under way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::{Answer, Place, Question};

/// An answer together with the uid it has to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    /// The uid that was asked with.
    pub uid: String,
    /// The answer.
    pub answer: Answer,
}

/// What a request takes along from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// When the first run was. Every run sees this time, so that what it asks doesn't change by itself.
    pub(crate) started: Timestamp,
    /// When it fails if it is still waiting; `None` if somebody else looks after that.
    pub(crate) deadline: Option<Timestamp>,
    /// Randomness at the start of every run.
    pub(crate) entropy: Entropy,
    /// Randomness for the uids of reviews, which goes on.
    uids: Entropy,
    answers: BTreeMap<String, Answered>,
    /// Revisions that objects are shown with though others may be stored first, by uid.
    foreseen: BTreeMap<String, u64>,
}

fn fork(entropy: &mut Entropy) -> Entropy {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&entropy.next_u64().to_be_bytes());
    }
    Entropy::from_bytes(bytes)
}

impl Pending {
    /// A request without answers, with randomness of its own.
    pub(crate) fn new(started: Timestamp, entropy: &mut Entropy) -> Self {
        Self {
            started,
            deadline: None,
            entropy: fork(entropy),
            uids: fork(entropy),
            answers: BTreeMap::new(),
            foreseen: BTreeMap::new(),
        }
    }

    /// The same for a request that may take so long.
    pub(crate) fn within(limit: SignedDuration, started: Timestamp, entropy: &mut Entropy) -> Self {
        Self {
            deadline: started.checked_add(limit).ok(),
            ..Self::new(started, entropy)
        }
    }

    /// Adds an answer. It is used again for the same question only, and only within this request.
    pub fn answer(&mut self, question: &Question, answer: Answer) {
        let answered = Answered {
            uid: question.uid.clone(),
            answer,
        };
        self.answers.insert(question.subject.clone(), answered);
    }

    /// Forgets the answers.
    pub(crate) fn forget(&mut self) {
        self.answers.clear();
    }

    /// Whether the request has taken too long.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }
}

/// What the run that is under way may use, and what it asks.
#[derive(Debug)]
pub(crate) struct Asking {
    // Reads ask too, when they convert, and a change of an object is computed with the server borrowed.
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    uids: Entropy,
    answers: BTreeMap<String, Answered>,
    foreseen: BTreeMap<String, u64>,
    asked: Vec<Question>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            state: RefCell::new(State {
                uids: Entropy::seeded(0),
                answers: BTreeMap::new(),
                foreseen: BTreeMap::new(),
                asked: Vec::new(),
            }),
        }
    }
}

impl Asking {
    /// A run with the answers of a pending request.
    pub(crate) fn with(pending: &Pending) -> Self {
        Self {
            state: RefCell::new(State {
                uids: pending.uids.clone(),
                answers: pending.answers.clone(),
                foreseen: pending.foreseen.clone(),
                asked: Vec::new(),
            }),
        }
    }

    /// The answer to a question, or `None`: then it is asked, and the run must end with [`crate::status_error::ApiError::pending`].
    /// `asker` tells apart who asks the same; `request.uid` of the body is filled in here.
    pub(crate) fn ask(
        &self,
        asker: &str,
        place: &Place,
        ca_bundle: &Bytes,
        timeout: Duration,
        body: Value,
    ) -> Option<Answered> {
        let about = body.to_string();
        self.ask_about(asker, place, ca_bundle, timeout, body, &about)
    }

    /// The same where `about` tells the question from others, and not all of its body.
    pub(crate) fn ask_about(
        &self,
        asker: &str,
        place: &Place,
        ca_bundle: &Bytes,
        timeout: Duration,
        mut body: Value,
        about: &str,
    ) -> Option<Answered> {
        let mut state = self.state.borrow_mut();
        let subject = format!("{asker}\n{}\n{about}", place.url());
        if let Some(answered) = state.answers.get(&subject) {
            return Some(answered.clone());
        }
        if state.asked.iter().any(|asked| asked.subject == subject) {
            return None;
        }
        let uid = state.uids.uid();
        if let Some(request) = body.get_mut("request").and_then(Value::as_object_mut) {
            request.insert("uid".to_owned(), json!(uid));
        }
        state.asked.push(Question {
            subject,
            uid,
            place: place.clone(),
            ca_bundle: ca_bundle.clone(),
            timeout,
            body,
        });
        None
    }

    /// The revision that everybody who is asked is shown of an object: the first that was foreseen, also in later runs.
    pub(crate) fn foresee(&self, uid: &str, next: u64) -> u64 {
        let mut state = self.state.borrow_mut();
        *state.foreseen.entry(uid.to_owned()).or_insert(next)
    }

    /// Whether the run has asked something.
    pub(crate) fn has_asked(&self) -> bool {
        !self.state.borrow().asked.is_empty()
    }

    /// Ends a run of a pending request: what it asked.
    pub(crate) fn end(self, pending: &mut Pending) -> Vec<Question> {
        let state = self.state.into_inner();
        pending.uids = state.uids;
        pending.foreseen = state.foreseen;
        state.asked
    }
}
