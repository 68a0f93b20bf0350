//! Marks of objects that are about to go (`BeforeDelete` of `apiserver/pkg/registry/rest/delete.go`).

use jiff::{SignedDuration, Timestamp};
use machinery::{meta, time};
use serde_json::{Value, json};

use crate::session::DeleteOptions;

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

/// What a graceful kind does with a deletion.
pub(super) enum Grace {
    /// The kind is not graceful, or its grace is over.
    None,
    /// A deletion is under way and this one does not shorten it.
    Pending,
    /// Marked with this period.
    Marked(i64),
}

impl Grace {
    /// The period that a pod is given which wasn't going yet.
    pub(super) fn first_period(&self, stored: &Value) -> Option<i64> {
        match self {
            Self::Marked(period) if meta::deletion_timestamp(stored).is_none() => Some(*period),
            Self::Marked(_) | Self::None | Self::Pending => None,
        }
    }
}

/// Marks a pod for deletion after its grace period (`BeforeDelete`, pod strategy).
pub(super) fn pod_grace(pod: &mut Value, options: &DeleteOptions, now: Timestamp) -> Grace {
    let requested = options
        .grace_period_seconds
        .map(|seconds| if seconds < 0 { 1 } else { seconds });
    if let Some(deletion) = meta::deletion_timestamp(pod) {
        let current = meta::deletion_grace_period_seconds(pod).unwrap_or(0);
        if current == 0 {
            return Grace::None;
        }
        let Some(mut period) = requested.filter(|period| *period < current) else {
            return Grace::Pending;
        };
        let mut at = after(deletion, period - current);
        if at < now {
            at = now;
            period = i64::from(period != 0);
        }
        meta::set(pod, "deletionTimestamp", json!(time::rfc3339(at)));
        meta::set(pod, "deletionGracePeriodSeconds", json!(period));
        return Grace::Marked(period);
    }
    let text = |pointer: &str| {
        pod.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let done = text("/spec/nodeName").is_empty()
        || matches!(text("/status/phase"), "Succeeded" | "Failed");
    let default = pod
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(30);
    let period = if done {
        0
    } else {
        requested.unwrap_or(default).max(0)
    };
    meta::set(
        pod,
        "deletionTimestamp",
        json!(time::rfc3339(after(now, period))),
    );
    meta::set(pod, "deletionGracePeriodSeconds", json!(period));
    if meta::generation(pod) > 0 {
        meta::set_generation(pod, meta::generation(pod) + 1);
    }
    Grace::Marked(period)
}

/// Marks an object that goes as soon as nothing holds it.
pub(super) fn mark_deleting(object: &mut Value, now: Timestamp) {
    match meta::deletion_timestamp(object) {
        Some(at) if at <= now => {}
        found => {
            if found.is_none() && meta::generation(object) > 0 {
                meta::set_generation(object, meta::generation(object) + 1);
            }
            meta::set(object, "deletionTimestamp", json!(time::rfc3339(now)));
        }
    }
    meta::set(object, "deletionGracePeriodSeconds", json!(0));
}
