//! The trace of a simulation: a running SHA-256 over calls and replies in order, where somebody wants it, and counters per
//! actor.

use std::collections::BTreeMap;

use machinery::hash::hexadecimal;
use sha2::{Digest, Sha256};

/// What tells a refusal for want of a right from one by admission.
const NO_RIGHT: &[u8] = b"forbidden: User ";
/// The same of the right to block an owner's deletion, which is one to its finalizers.
const NO_BLOCK: &[u8] = b"forbidden: cannot set ";

/// Calls of one actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All calls.
    pub calls: u64,
    /// Calls by POST, PUT, PATCH and DELETE.
    pub writes: u64,
}

/// Hashes and counts.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    hash: Option<Sha256>,
    counts: BTreeMap<String, Counts>,
    log: Option<Vec<String>>,
    forbidden: Vec<String>,
}

impl Recorder {
    /// From now on also hash what is recorded, for [`Recorder::trace`]. That takes a fifth of the time of a request.
    pub fn keep_trace(&mut self) {
        self.hash.get_or_insert_with(Sha256::new);
    }

    /// Also keep one line per call (`actor method path status`).
    pub fn keep_log(&mut self) {
        self.log.get_or_insert_with(Vec::new);
    }

    /// The lines kept so far.
    pub fn log(&self) -> &[String] {
        self.log.as_deref().unwrap_or_default()
    }

    /// Calls that were refused because their sender lacks the right (`actor method path`), with ` finalizers` at the end if
    /// it is the one to block the deletion of an owner.
    pub fn forbidden(&self) -> &[String] {
        &self.forbidden
    }

    /// Counts a call and returns its numbers.
    pub fn count(&mut self, actor: &str, write: bool) -> Counts {
        if !self.counts.contains_key(actor) {
            self.counts.insert(actor.to_owned(), Counts::default());
        }
        match self.counts.get_mut(actor) {
            Some(counts) => {
                counts.calls += 1;
                counts.writes += u64::from(write);
                *counts
            }
            None => Counts::default(),
        }
    }

    /// Adds a call and its reply to the trace.
    pub fn record(
        &mut self,
        actor: &str,
        method: &str,
        path: &str,
        body: &[u8],
        status: u16,
        reply: &[u8],
    ) {
        if let Some(hash) = &mut self.hash {
            for part in [
                actor.as_bytes(),
                method.as_bytes(),
                path.as_bytes(),
                body,
                &status.to_be_bytes(),
                reply,
            ] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let says = |text: &[u8]| reply.windows(text.len()).any(|part| part == text);
        if status == 403 && says(NO_RIGHT) {
            self.forbidden.push(format!("{actor} {method} {path}"));
        } else if status == 403 && says(NO_BLOCK) {
            self.forbidden
                .push(format!("{actor} {method} {path} finalizers"));
        }
        if let Some(log) = &mut self.log {
            log.push(format!("{actor} {method} {path} {status}"));
        }
    }

    /// Counts of an actor.
    pub fn counts(&self, actor: &str) -> Counts {
        self.counts.get(actor).copied().unwrap_or_default()
    }

    /// The hash of everything recorded since [`Recorder::keep_trace`], in hexadecimal; `None` if nobody called it.
    pub fn trace(&self) -> Option<String> {
        let hash = self.hash.clone()?;
        Some(hexadecimal(&hash.finalize()))
    }
}
