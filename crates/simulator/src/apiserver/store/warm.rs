//! Which versions are kept as whole values: the newest and those that were asked for, up to a limit.
//!
//! A value of maps and lists takes ten times the memory of its JSON. A cluster of a few thousand pods is whole; of a
//! hundred thousand all but the last few thousand changes are bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::version::Version;

/// The versions that are whole, oldest first.
#[derive(Debug)]
pub(super) struct Warm {
    limit: usize,
    held: usize,
    versions: VecDeque<(Weak<Version>, usize)>,
}

impl Warm {
    /// Keeps about that many bytes of values.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            versions: VecDeque::new(),
        }
    }

    /// A version of that many bytes is whole from now on; the oldest make room for it.
    pub(super) fn add(&mut self, version: &Arc<Version>, weight: usize) {
        self.held += weight;
        self.versions.push_back((Arc::downgrade(version), weight));
        while self.held > self.limit
            && let Some((oldest, weight)) = self.versions.pop_front()
        {
            self.held = self.held.saturating_sub(weight);
            if let Some(oldest) = oldest.upgrade() {
                oldest.pack();
            }
        }
    }
}
