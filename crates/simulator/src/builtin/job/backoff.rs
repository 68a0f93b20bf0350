//! How long a Job waits after failures, which it remembers as long as it runs: the pods may be gone by then.
//!
//! Mirrors `pkg/controller/job/backoff_utils.go`.

use jiff::Timestamp;
use serde_json::Value;

use crate::builtin::object::{self, integer, items, seconds_after, text, time};

/// First wait after a failed pod, in seconds; doubled with each further one.
const FIRST: i64 = 10;
/// Longest wait after a failed pod, in seconds.
const LONGEST: i64 = 600;

/// The failures of a Job since the last success.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: i64,
    last: Option<Timestamp>,
}

impl Backoff {
    /// With the pods that have ended since.
    pub(crate) fn after<'a>(
        self,
        succeeded: impl Iterator<Item = &'a Value>,
        failed: impl Iterator<Item = &'a Value>,
    ) -> Self {
        let success = succeeded.filter_map(ended).max();
        let before = match success {
            Some(_) => Self::default(),
            None => self,
        };
        let since = |at: &Timestamp| success.is_none_or(|success| *at > success);
        failed
            .filter_map(ended)
            .filter(since)
            .fold(before, |known, at| Self {
                failures: known.failures + 1,
                // The last of those that are new, whatever was before.
                last: known.last.max(Some(at)),
            })
    }

    /// When the next pod may be created.
    pub(crate) fn until(self) -> Option<Timestamp> {
        self.last.map(|at| end(at, self.failures))
    }
}

/// When the wait after so many failures is over, the last of which was at `last`.
pub(crate) fn end(last: Timestamp, failures: i64) -> Timestamp {
    let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX);
    let wait = 1_i64
        .checked_shl(doublings.min(16))
        .map_or(LONGEST, |n| (FIRST * n).min(LONGEST));
    seconds_after(last, wait)
}

/// When a pod ended: its containers, else its readiness, else when it was deleted, else its creation.
pub(crate) fn ended(pod: &Value) -> Option<Timestamp> {
    let unready = || {
        object::condition(pod, "Ready")
            .filter(|c| text(c, "/status") == "False")
            .and_then(|c| time(c, "/lastTransitionTime"))
    };
    let deleted = || {
        let grace = integer(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        time(pod, "/metadata/deletionTimestamp").map(|at| seconds_after(at, -grace))
    };
    last_finish(pod)
        .or_else(unready)
        .or_else(deleted)
        .or_else(|| time(pod, "/metadata/creationTimestamp"))
}

/// When the last of the containers and sidecars finished; `None` as long as one runs.
fn last_finish(pod: &Value) -> Option<Timestamp> {
    let sidecars: Vec<&str> = items(pod, "/spec/initContainers")
        .iter()
        .filter(|c| text(c, "/restartPolicy") == "Always")
        .map(|c| text(c, "/name"))
        .collect();
    let sidecars = items(pod, "/status/initContainerStatuses")
        .iter()
        .filter(|s| sidecars.contains(&text(s, "/name")));
    let finished: Option<Vec<Timestamp>> = items(pod, "/status/containerStatuses")
        .iter()
        .chain(sidecars)
        .map(|s| time(s, "/state/terminated/finishedAt"))
        .collect();
    finished?.into_iter().max()
}
