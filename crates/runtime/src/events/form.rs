//! The two APIs of Events: what an object of each looks like, and what raises its count.

use machinery::time::rfc3339;
use serde_json::{Value, json};

use super::correlate::Draft;
use super::namespace;
use crate::effect::ObjectReference;
use crate::resource::{EVENT, NEW_EVENT, ResourceRef};

/// Through which API Events are written. Both show the same objects; rights for them are apart.
#[derive(Clone, Copy, Debug, Default)]
pub enum EventApi {
    /// Core `v1`, as client-go's `tools/record` does.
    #[default]
    Core,
    /// `events.k8s.io/v1`, as client-go's `tools/events` does.
    New {
        /// What was being done, by what an Event is about; never empty.
        action: fn(&ObjectReference) -> &'static str,
    },
}

impl EventApi {
    /// The resource that is written to.
    pub(super) fn resource(self) -> ResourceRef {
        match self {
            Self::Core => EVENT,
            Self::New { .. } => NEW_EVENT,
        }
    }

    /// What of an Event changes when the same happens again. The new API changes nothing but the series.
    pub(super) fn raise(self, draft: &Draft, message: &str, count: u32) -> Value {
        match self {
            Self::Core => json!({
                "count": count,
                "lastTimestamp": seconds(draft.nanoseconds),
                "message": message,
            }),
            Self::New { .. } => json!({"series": series(draft, count)}),
        }
    }

    /// The object, seen so many times since `first`.
    pub(super) fn event(
        self,
        draft: &Draft,
        component: &str,
        (name, message): (&str, &str),
        (count, first): (u32, i128),
    ) -> Value {
        let metadata = json!({"name": name, "namespace": namespace(&draft.regarding)});
        match self {
            // As `makeEvent` of client-go's `tools/record/event.go` fills it.
            Self::Core => json!({
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": metadata,
                "involvedObject": draft.regarding.to_value(),
                "reason": draft.reason,
                "message": message,
                "source": {"component": component},
                "firstTimestamp": seconds(first),
                "lastTimestamp": seconds(draft.nanoseconds),
                "count": count,
                "type": draft.kind.as_str(),
                "eventTime": null,
                "reportingComponent": component,
                "reportingInstance": "",
            }),
            // As `makeEvent` of client-go's `tools/events/event_recorder.go` fills it.
            Self::New { action } => {
                let mut event = json!({
                    "apiVersion": "events.k8s.io/v1",
                    "kind": "Event",
                    "metadata": metadata,
                    "eventTime": micros(first),
                    "series": (count > 1).then(|| series(draft, count)),
                    "reportingController": component,
                    "reportingInstance": component,
                    "action": action(&draft.regarding),
                    "reason": draft.reason,
                    "regarding": draft.regarding.to_value(),
                    "note": message,
                    "type": draft.kind.as_str(),
                });
                if let (Some(related), Some(fields)) = (&draft.related, event.as_object_mut()) {
                    fields.insert("related".to_owned(), related.to_value());
                }
                event
            }
        }
    }
}

fn series(draft: &Draft, count: u32) -> Value {
    json!({"count": count, "lastObservedTime": micros(draft.nanoseconds)})
}

fn timestamp(nanoseconds: i128) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(nanoseconds).ok()
}

/// A time as the core API has it.
fn seconds(nanoseconds: i128) -> String {
    timestamp(nanoseconds).map(rfc3339).unwrap_or_default()
}

/// A time as the new API has it.
fn micros(nanoseconds: i128) -> String {
    timestamp(nanoseconds)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::EventType;

    fn draft() -> Draft {
        Draft {
            regarding: ObjectReference {
                api_version: "monitoring.coreos.com/v1".to_owned(),
                kind: "ServiceMonitor".to_owned(),
                namespace: "shop".to_owned(),
                name: "cart".to_owned(),
                ..ObjectReference::default()
            },
            related: None,
            kind: EventType::Warning,
            reason: "InvalidConfiguration".to_owned(),
            message: "no port".to_owned(),
            nanoseconds: 1_000_002_000,
        }
    }

    const NEW: EventApi = EventApi::New {
        action: |_| "Selecting",
    };

    #[test]
    fn the_new_api_says_what_was_done_and_counts_in_a_series() {
        let event = |seen| NEW.event(&draft(), "operator", ("cart.1", "no port"), seen);
        let once = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": "cart.1", "namespace": "shop"},
            "eventTime": "1970-01-01T00:00:01.000002Z",
            "series": null,
            "reportingController": "operator",
            "reportingInstance": "operator",
            "action": "Selecting",
            "reason": "InvalidConfiguration",
            "regarding": {
                "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "namespace": "shop", "name": "cart",
            },
            "note": "no port",
            "type": "Warning",
        });
        assert_eq!(event((1, 1_000_002_000)), once);
        let draft_of_two = Draft {
            related: Some(ObjectReference {
                kind: "Prometheus".to_owned(),
                name: "main".to_owned(),
                ..ObjectReference::default()
            }),
            ..draft()
        };
        let event_of_two = NEW.event(&draft_of_two, "operator", ("cart.1", "no port"), (1, 0));
        let related = json!({"kind": "Prometheus", "name": "main"});
        assert_eq!(event_of_two["related"], related);
        let series = json!({"count": 2, "lastObservedTime": "1970-01-01T00:00:01.000002Z"});
        let twice = event((2, 0));
        assert_eq!(twice["series"], series);
        assert_eq!(twice["eventTime"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            NEW.raise(&draft(), "another note", 2),
            json!({"series": series})
        );
    }
}
