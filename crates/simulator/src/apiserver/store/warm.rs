//! Which versions are kept as whole values: the newest and those that were asked for, up to a limit.
//!
//! A value of maps and lists takes ten times the memory of its JSON. A cluster of a few thousand pods is whole; of a
//! hundred thousand all but the last few thousand changes are bytes. What has a successor is only asked for by those
//! who follow the changes, and makes room sooner.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::packing::Packing;
use super::version::Version;

/// The part of the limit that is for versions with a successor: few, as what was looked at just now is quicker to free.
const SUPERSEDED: usize = 128;

/// The versions that are whole, oldest first.
#[derive(Debug)]
pub(super) struct Warm {
    newest: Queue,
    superseded: Queue,
    /// How many have left `newest`.
    gone: u64,
    packing: Packing,
}

#[derive(Debug)]
struct Queue {
    limit: usize,
    held: usize,
    versions: VecDeque<(Weak<Version>, usize)>,
}

impl Queue {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            versions: VecDeque::new(),
        }
    }

    fn push(&mut self, version: Weak<Version>, weight: usize) {
        self.held += weight;
        self.versions.push_back((version, weight));
    }

    /// One that is too much.
    fn pop(&mut self) -> Option<Weak<Version>> {
        if self.held <= self.limit {
            return None;
        }
        let (version, weight) = self.versions.pop_front()?;
        self.held = self.held.saturating_sub(weight);
        Some(version)
    }
}

impl Warm {
    /// Keeps about that many bytes of values.
    pub(super) fn new(limit: usize) -> Self {
        let superseded = limit / SUPERSEDED;
        Self {
            newest: Queue::new(limit - superseded),
            superseded: Queue::new(superseded),
            gone: 0,
            packing: Packing::default(),
        }
    }

    /// A version of that many bytes is whole from now on; the oldest make room for it.
    pub(super) fn add(&mut self, version: &Arc<Version>, weight: usize) {
        version.set_place(self.gone + self.newest.versions.len() as u64);
        self.newest.push(Arc::downgrade(version), weight);
        while let Some(oldest) = self.newest.pop() {
            self.gone += 1;
            // One that was taken out already has another queue, and left nothing here.
            self.packing.add(oldest);
        }
    }

    /// A version has a successor.
    pub(super) fn supersede(&mut self, version: &Version) {
        let place = version.place().checked_sub(self.gone);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(held) = place.and_then(|place| self.newest.versions.get_mut(place)) else {
            return;
        };
        let (version, weight) = std::mem::take(held);
        self.newest.held = self.newest.held.saturating_sub(weight);
        self.superseded.push(version, weight);
        while let Some(oldest) = self.superseded.pop() {
            self.packing.add(oldest);
        }
    }

    /// Waits until all that had to make room is packed.
    #[cfg(test)]
    pub(super) fn settle(&mut self) {
        self.packing.settle();
    }
}
