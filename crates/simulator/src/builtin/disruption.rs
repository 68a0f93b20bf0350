//! Status of disruption budgets: how many pods may be evicted now.
//!
//! Mirrors `pkg/controller/disruption/disruption.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::{Map, Value, json};

use super::control::{self, Control, Key};
use super::deployment::size::scaled_value;
use super::event::Note;
use super::object::{self, count, text};
use super::pod;
use super::write::{Work, Write};
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Seconds within which an evicted pod is expected to go.
const DELETION_TIMEOUT: i64 = 120;

/// The disruption controller.
pub(crate) struct Disruption;

impl Control for Disruption {
    const NAME: &'static str = "controllermanager";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::POD_DISRUPTION_BUDGETS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::POD_DISRUPTION_BUDGETS {
            return vec![control::itself(change)];
        }
        let scaled = change.resource == known::REPLICA_SETS
            || change.resource == known::DEPLOYMENTS
            || change.resource == known::STATEFUL_SETS
            || change.resource == known::PODS;
        if scaled {
            control::keys(
                session,
                &known::POD_DISRUPTION_BUDGETS,
                Some(&change.namespace),
            )
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(budget) = work
            .session
            .get(&known::POD_DISRUPTION_BUDGETS, &key.0, &key.1)
        else {
            return Ok(None);
        };
        let Ok(selector) = Selector::from_label_selector(
            &budget
                .pointer("/spec/selector")
                .cloned()
                .unwrap_or_default(),
        ) else {
            return Ok(None);
        };
        let pods = work.session.list(&known::PODS, Some(&key.0));
        let pods: Vec<Arc<Value>> = pods
            .into_iter()
            .filter(|p| selector.matches(&object::labels(p)))
            .collect();
        if pods.is_empty() {
            let message = "No matching pods found".to_owned();
            let note = Note::new(&budget, false, "NoPods", message);
            work.recorder.record_once(work.session, &note);
        }
        let (status, wake) = match expected(work.session, &budget, &pods) {
            Ok(expected) => status(&budget, &pods, expected, work.now()),
            Err(message) => (failed(&budget, &message, work.now()), None),
        };
        if budget.get("status") != Some(&status) {
            let mut wanted = (*budget).clone();
            object::set(&mut wanted, &["status"], status);
            work.perform(vec![Write::UpdateStatus(
                known::POD_DISRUPTION_BUDGETS,
                wanted,
            )])?;
        }
        Ok(wake)
    }
}

/// How many pods there should be, and how many of them healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expected {
    pods: i64,
    healthy: i64,
}

fn expected(
    session: &Session<'_>,
    budget: &Value,
    pods: &[Arc<Value>],
) -> Result<Expected, String> {
    let value = |key: &str| {
        budget
            .pointer(&format!("/spec/{key}"))
            .filter(|v| !v.is_null())
    };
    if let Some(unavailable) = value("maxUnavailable") {
        let scale = scale(session, pods)?;
        return Ok(Expected {
            pods: scale,
            healthy: (scale - scaled_value(unavailable, scale, true)).max(0),
        });
    }
    match value("minAvailable") {
        Some(number) if number.is_i64() => Ok(Expected {
            pods: length(pods),
            healthy: number.as_i64().unwrap_or(0),
        }),
        Some(percent) => {
            let scale = scale(session, pods)?;
            Ok(Expected {
                pods: scale,
                healthy: scaled_value(percent, scale, true),
            })
        }
        None => Ok(Expected {
            pods: 0,
            healthy: 0,
        }),
    }
}

/// The sum of the sizes of the pods' controllers; pods without a controller don't count.
fn scale(session: &Session<'_>, pods: &[Arc<Value>]) -> Result<i64, String> {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let Some(reference) = object::controller_of(pod) else {
            continue;
        };
        let Some((uid, size)) = controller(session, object::namespace(pod), reference) else {
            return Err(format!(
                "found no controllers for pod \"{}\"",
                object::name(pod)
            ));
        };
        sizes.insert(uid, size);
    }
    Ok(sizes.into_values().sum())
}

/// The object that decides over a pod's number, and its size: a Deployment where there is one, else the pod's own controller.
fn controller(session: &Session<'_>, namespace: &str, reference: &Value) -> Option<(String, i64)> {
    let resource = session.resource_of(text(reference, "/apiVersion"), text(reference, "/kind"))?;
    let owner = session
        .get(&resource, namespace, text(reference, "/name"))
        .filter(|o| object::uid(o) == text(reference, "/uid"))?;
    let size = object::integer(&owner, "/spec/replicas")?;
    if resource == known::REPLICA_SETS
        && let Some(above) =
            object::controller_of(&owner).filter(|r| text(r, "/kind") == "Deployment")
    {
        return controller(session, namespace, above);
    }
    Some((object::uid(&owner).to_owned(), size))
}

fn length(pods: &[Arc<Value>]) -> i64 {
    i64::try_from(pods.len()).unwrap_or(i64::MAX)
}

fn status(
    budget: &Value,
    pods: &[Arc<Value>],
    expected: Expected,
    now: Timestamp,
) -> (Value, Option<Timestamp>) {
    let leaving = |pod: &Value| {
        let at = object::time(
            budget.pointer("/status/disruptedPods")?,
            &format!("/{}", object::name(pod)),
        )?;
        Some((at, object::seconds_after(at, DELETION_TIMEOUT)))
    };
    let mut disrupted = Map::new();
    let mut wake: Option<Timestamp> = None;
    let mut healthy = 0;
    for pod in pods.iter().filter(|p| !object::is_terminating(p)) {
        match leaving(pod) {
            Some((at, until)) if until >= now => {
                disrupted.insert(object::name(pod).to_owned(), json!(object::stamp(at)));
                let next = object::milliseconds_after(until, 1);
                wake = Some(wake.map_or(next, |w| w.min(next)));
                healthy += i64::from(until == now && pod::is_ready(pod));
            }
            Some(_) | None => healthy += i64::from(pod::is_ready(pod)),
        }
    }
    let allowed = if expected.pods > 0 {
        (healthy - expected.healthy).max(0)
    } else {
        0
    };
    let mut status = json!({
        "currentHealthy": healthy, "desiredHealthy": expected.healthy, "expectedPods": expected.pods, "disruptionsAllowed": allowed,
    });
    let generation = count(budget, "/metadata/generation");
    if generation != 0 {
        object::set(&mut status, &["observedGeneration"], json!(generation));
    }
    if !disrupted.is_empty() {
        object::set(&mut status, &["disruptedPods"], Value::Object(disrupted));
    }
    let (state, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    object::set(
        &mut status,
        &["conditions"],
        condition(budget, state, reason, "", generation, now),
    );
    (status, wake)
}

/// When the number of pods can't be told, no eviction is allowed.
fn failed(budget: &Value, message: &str, now: Timestamp) -> Value {
    let mut status = budget.get("status").cloned().unwrap_or_else(|| json!({}));
    let generation = count(&status, "/observedGeneration");
    object::set(&mut status, &["disruptionsAllowed"], json!(0));
    object::set(
        &mut status,
        &["conditions"],
        condition(budget, "False", "SyncFailed", message, generation, now),
    );
    status
}

fn condition(
    budget: &Value,
    state: &str,
    reason: &str,
    message: &str,
    generation: i64,
    now: Timestamp,
) -> Value {
    const KIND: &str = "DisruptionAllowed";
    let since = object::condition(budget, KIND)
        .filter(|c| text(c, "/status") == state)
        .map_or_else(
            || object::stamp(now),
            |c| text(c, "/lastTransitionTime").to_owned(),
        );
    let mut made = json!({"type": KIND, "status": state, "reason": reason, "message": message, "lastTransitionTime": since});
    if generation != 0 {
        object::set(&mut made, &["observedGeneration"], json!(generation));
    }
    json!([made])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(ready: &[bool]) -> Vec<Arc<Value>> {
        let one = |(n, ready): (usize, &bool)| {
            let state = if *ready { "True" } else { "False" };
            Arc::new(
                json!({"metadata": {"name": format!("p{n}")}, "status": {"conditions": [{"type": "Ready", "status": state}]}}),
            )
        };
        ready.iter().enumerate().map(one).collect()
    }

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn disruptions_are_what_is_healthy_beyond_what_must_be() {
        let budget = json!({"metadata": {"generation": 1}});
        let (told, wake) = status(
            &budget,
            &pods(&[true, true, false]),
            Expected {
                pods: 3,
                healthy: 1,
            },
            now(),
        );
        assert_eq!(wake, None);
        assert_eq!(
            told,
            json!({"currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 3, "disruptionsAllowed": 1, "observedGeneration": 1,
                "conditions": [{"type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": "",
                    "lastTransitionTime": "2030-01-01T00:00:00Z", "observedGeneration": 1}]})
        );
        let (told, _) = status(
            &budget,
            &[],
            Expected {
                pods: 0,
                healthy: 0,
            },
            now(),
        );
        assert_eq!(
            (
                &told["disruptionsAllowed"],
                &told["conditions"][0]["reason"]
            ),
            (&json!(0), &json!("InsufficientPods"))
        );
    }

    #[test]
    fn a_pod_that_is_being_evicted_no_longer_counts_as_healthy() {
        let budget = json!({"status": {"disruptedPods": {"p0": "2029-12-31T23:59:00Z", "gone": "2029-12-31T23:59:00Z"}}});
        let (told, wake) = status(
            &budget,
            &pods(&[true, true]),
            Expected {
                pods: 2,
                healthy: 1,
            },
            now(),
        );
        assert_eq!(
            (&told["currentHealthy"], &told["disruptionsAllowed"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(told["disruptedPods"], json!({"p0": "2029-12-31T23:59:00Z"}));
        assert_eq!(wake, Some("2030-01-01T00:01:00.001Z".parse().unwrap()));
    }
}
