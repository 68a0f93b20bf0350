//! Recent changes of one table: what watches and lists of older revisions are served from.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::Event;

/// Changes of one table that are kept at most, however young they are (`watch_cache.go`, `defaultUpperBoundCapacity`).
const CHANGES: usize = 100 * 1024;
/// Bytes that a change takes beside its object.
const BESIDE: usize = 400;

/// The changes of one table, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: VecDeque<Kept>,
    compacted: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    event: Event,
    bytes: usize,
}

impl History {
    /// The oldest revision from which every later change is known.
    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// About how many bytes its changes take once their objects are packed.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Revision of the newest change; 0 without one.
    pub(super) fn newest(&self) -> u64 {
        self.kept.back().map_or(0, |kept| kept.event.revision)
    }

    /// The changes after a revision, in order.
    pub(super) fn since(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Event> {
        let from = self
            .kept
            .partition_point(|kept| kept.event.revision <= revision);
        self.kept.range(from..).map(|kept| &kept.event)
    }

    /// Adds a change of an object of that many bytes; forgets those before `keep_from` and those that are too many.
    pub(super) fn push(&mut self, event: Event, bytes: usize, keep_from: Timestamp) {
        let bytes = bytes + BESIDE;
        while let Some(first) = self.kept.front()
            && (first.event.time < keep_from || self.kept.len() >= CHANGES)
        {
            self.forget_first();
        }
        self.bytes += bytes;
        self.kept.push_back(Kept { event, bytes });
    }

    /// Forgets the oldest changes until they were about that many bytes.
    pub(super) fn forget(&mut self, bytes: usize) {
        let most = self.bytes.saturating_sub(bytes);
        while self.bytes > most && !self.kept.is_empty() {
            self.forget_first();
        }
    }

    /// Forgets everything up to a revision that is the newest.
    pub(super) fn clear(&mut self, revision: u64) {
        *self = Self {
            compacted: revision,
            ..Self::default()
        };
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.bytes = self.bytes.saturating_sub(first.bytes);
            self.compacted = first.event.revision;
        }
    }
}
