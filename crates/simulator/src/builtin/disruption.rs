//! Status of disruption budgets: how many pods may be evicted now.
//!
//! Mirrors `pkg/controller/disruption/disruption.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::{Selector, go_selector};
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

/// Begins a key that is a pod's: no budget is called so.
const POD: &str = "/";

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
        if !scaled {
            return Vec::new();
        }
        let namespace = Some(change.namespace.as_str());
        let mut keys = control::keys(session, &known::POD_DISRUPTION_BUDGETS, namespace);
        if change.resource == known::PODS && keys.len() > 1 {
            keys.push((change.namespace.clone(), format!("{POD}{}", change.name)));
        }
        keys
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        if let Some(pod) = key.1.strip_prefix(POD) {
            tell_of_several(work, &key.0, pod);
            return Ok(None);
        }
        let Some(budget) = work
            .session
            .get(&known::POD_DISRUPTION_BUDGETS, &key.0, &key.1)
        else {
            return Ok(None);
        };
        let Ok(selector) = selector(&budget) else {
            return Ok(None);
        };
        let pods = work.session.list(&known::PODS, Some(&key.0));
        let pods: Vec<Arc<Value>> = pods
            .into_iter()
            .filter(|p| selector.matches(&object::labels(p)))
            .collect();
        let expected = expected(work.session, &budget, &pods);
        for note in notes(&budget, &pods, &expected, work.now()) {
            work.recorder.record_once(work.session, &note);
        }
        let (status, wake) = match expected {
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

fn selector(budget: &Value) -> Result<Selector, machinery::labels::SelectorError> {
    let selector = budget.pointer("/spec/selector").cloned();
    Selector::from_label_selector(&selector.unwrap_or_default())
}

/// Tells of a pod that several budgets select. Here all of them follow it; upstream lets one wait for its next turn.
fn tell_of_several(work: &mut Work<'_, '_>, namespace: &str, name: &str) {
    let Some(pod) = work.session.get(&known::PODS, namespace, name) else {
        return;
    };
    let labels = object::labels(&pod);
    let selects = |budget: &Arc<Value>| selector(budget).is_ok_and(|s| s.matches(&labels));
    let budgets = work
        .session
        .list(&known::POD_DISRUPTION_BUDGETS, Some(namespace));
    let mut chosen = budgets.into_iter().filter(selects);
    if let (Some(first), Some(_)) = (chosen.next(), chosen.next()) {
        let message = format!(
            "Pod {namespace:?}/{name:?} matches multiple PodDisruptionBudgets.  Chose {:?} arbitrarily.",
            object::name(&first)
        );
        let note = Note::new(&pod, true, "MultiplePodDisruptionBudgets", message);
        work.recorder.record(work.session, &note);
    }
}

/// What there is to tell of a budget and its pods.
fn notes(
    budget: &Value,
    pods: &[Arc<Value>],
    expected: &Result<Expected, String>,
    now: Timestamp,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if pods.is_empty() {
        let message = "No matching pods found".to_owned();
        notes.push(Note::new(budget, false, "NoPods", message));
    }
    if let Err(error) = expected {
        let message = format!("Failed to calculate the number of expected pods: {error}");
        let reason = "CalculateExpectedPodCountFailed";
        notes.push(Note::new(budget, true, reason, message));
        return notes;
    }
    if needs_scale(budget) && pods.iter().any(|p| object::controller_of(p).is_none()) {
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the PDB \
             cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \
             \".spec.minAvailable\" field of the PDB to an integer value.",
            go_selector(budget.pointer("/spec/selector"))
        );
        notes.push(Note::new(budget, true, "UnmanagedPods", message));
    }
    let stayed = |pod: &&Arc<Value>| {
        !object::is_terminating(pod) && leaving(budget, pod).is_some_and(|(_, until)| until < now)
    };
    let namespace = object::namespace(budget);
    notes.extend(pods.iter().filter(stayed).map(|pod| {
        // Both are the namespace, as upstream has it.
        let message =
            format!("Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't");
        Note::new(pod, true, "NotDeleted", message)
    }));
    notes
}

/// Whether a budget is a share of what the pods' controllers want.
fn needs_scale(budget: &Value) -> bool {
    let said = |pointer: &str| budget.pointer(pointer).filter(|v| !v.is_null());
    said("/spec/maxUnavailable").is_some()
        || said("/spec/minAvailable").is_some_and(Value::is_string)
}

/// Since when a pod is being evicted, and until when it should be gone.
fn leaving(budget: &Value, pod: &Value) -> Option<(Timestamp, Timestamp)> {
    let pods = budget.pointer("/status/disruptedPods")?;
    let at = object::time(pods, &format!("/{}", object::name(pod)))?;
    Some((at, object::seconds_after(at, DELETION_TIMEOUT)))
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
    let mut disrupted = Map::new();
    let mut wake: Option<Timestamp> = None;
    let mut healthy = 0;
    for pod in pods.iter().filter(|p| !object::is_terminating(p)) {
        match leaving(budget, pod) {
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
