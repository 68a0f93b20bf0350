//! When what led to a change of a Service's endpoints happened, which their annotation tells.
//!
//! Mirrors `k8s.io/endpointslice/util/trigger_time_tracker.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::builtin::control::Key;
use crate::builtin::object::{self, text};
use crate::status_error::ApiError;

/// Annotation with the time of the change that led to the last write.
pub(crate) const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// The times of each Service, as they were when it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct TriggerTimes(BTreeMap<Key, Times>);

/// When a Service was created, and since when each of its pods is ready or not, by name. RFC 3339 in UTC, so that texts compare as times.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    service: String,
    pods: BTreeMap<String, String>,
}

impl TriggerTimes {
    /// The earliest time that is new since the last look, with what to [`keep`](Self::keep) for the next one; the Service's own at the
    /// first look, and none where nothing that has a time has changed, as when pods go.
    pub(crate) fn changed(&self, service: &Value, pods: &[Arc<Value>]) -> (Option<String>, Times) {
        let times = Times::of(service, pods);
        let key = (
            object::namespace(service).to_owned(),
            object::name(service).to_owned(),
        );
        let Some(before) = self.0.get(&key) else {
            return (Some(times.service.clone()), times);
        };
        let pods = times
            .pods
            .iter()
            .filter(|(name, at)| before.pods.get(*name).is_none_or(|before| *at > before))
            .map(|(_, at)| at);
        let service = Some(&times.service).filter(|at| **at > before.service);
        let earliest = pods.chain(service).min().cloned();
        (earliest, times)
    }

    /// Remembers what was looked at, whether it led to a write or not: only not where the writes wait for somebody outside, for then it
    /// is looked at in the same way again.
    pub(crate) fn keep(&mut self, key: &Key, times: Times, written: &Result<(), ApiError>) {
        if *written != Err(ApiError::pending()) {
            self.0.insert(key.clone(), times);
        }
    }

    /// Forgets a Service that is gone.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

impl Times {
    fn of(service: &Value, pods: &[Arc<Value>]) -> Self {
        let since = |pod: &Arc<Value>| {
            let ready = object::condition(pod, "Ready")?;
            let at = text(ready, "/lastTransitionTime");
            (!at.is_empty()).then(|| (object::name(pod).to_owned(), at.to_owned()))
        };
        Self {
            service: text(service, "/metadata/creationTimestamp").to_owned(),
            pods: pods.iter().filter_map(since).collect(),
        }
    }
}

/// Puts the time into the annotation; without one the annotation goes.
pub(crate) fn annotate(object: &mut Value, trigger: Option<&str>) {
    match trigger {
        Some(at) => object::set(object, &["metadata", "annotations", TRIGGER], at.into()),
        None => object::remove(object, &["metadata", "annotations", TRIGGER]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, since: &str) -> Arc<Value> {
        Arc::new(
            json!({"metadata": {"name": name}, "status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": format!("2030-01-01T00:00:{since}Z")},
            ]}}),
        )
    }

    #[test]
    fn the_earliest_of_what_is_new_is_told() {
        let service = json!({"metadata": {"name": "web", "namespace": "d", "creationTimestamp": "2030-01-01T00:00:00Z"}});
        let key = ("d".to_owned(), "web".to_owned());
        let mut times = TriggerTimes::default();
        let mut look = |pods: &[Arc<Value>]| {
            let (trigger, seen) = times.changed(&service, pods);
            times.keep(&key, seen, &Ok(()));
            trigger.map(|at| at[17..19].to_owned())
        };
        let some = |at: &str| Some(at.to_owned());
        assert_eq!(look(&[pod("a", "05")]), some("00"), "it wasn't known");
        assert_eq!(look(&[pod("a", "05")]), None);
        let three = [pod("a", "09"), pod("b", "08"), pod("c", "07")];
        assert_eq!(look(&three), some("07"));
        assert_eq!(look(&three[..2]), None, "a pod that went has no time");
        assert_eq!(look(&three), some("07"));
        times.forget(&key);
        let (trigger, seen) = times.changed(&service, &three);
        assert_eq!(trigger.as_deref(), Some("2030-01-01T00:00:00Z"));
        times.keep(&key, seen, &Err(ApiError::pending()));
        let (trigger, _) = times.changed(&service, &three);
        assert_eq!(trigger.as_deref(), Some("2030-01-01T00:00:00Z"));
    }
}
