//! Autoscalers: the size of whatever has a Scale follows metrics, which annotations set (`metrics.rs` has the table).
//!
//! Mirrors `pkg/controller/podautoscaler`: every autoscaler is looked at each 15 s, 15 s after it appeared for the first time.

mod calculate;
mod decide;
mod limits;
mod metrics;
mod propose;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::{Value, json};

use self::decide::{Decision, Observed, Outcome, set_condition};
use self::limits::Memory;
use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, count, items, text};
use super::write::{Work, Write, is_not_found};
use crate::apiserver::resource::{Resource, known};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Seconds between two looks at an autoscaler.
const PERIOD: i64 = 15;
/// How often a size that somebody else changed meanwhile is tried again.
const ATTEMPTS: usize = 5;

/// The horizontal pod autoscaling controller.
#[derive(Default)]
pub(crate) struct Autoscalers {
    known: BTreeMap<Key, Known>,
}

/// What is kept of an autoscaler.
struct Known {
    due: Timestamp,
    memory: Memory,
    /// The selector of its target, as it was seen last.
    selector: Option<Selector>,
}

impl Control for Autoscalers {
    const NAME: &'static str = "horizontal-pod-autoscaler";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::HORIZONTAL_POD_AUTOSCALERS, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::HORIZONTAL_POD_AUTOSCALERS {
            vec![control::itself(change)]
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let resource = &known::HORIZONTAL_POD_AUTOSCALERS;
        let Some(autoscaler) = work.session.get(resource, &key.0, &key.1) else {
            self.known.remove(key);
            return Ok(None);
        };
        let now = work.now();
        let next = object::seconds_after(now, PERIOD);
        let known = self.known.entry(key.clone()).or_insert_with(|| Known {
            due: next,
            memory: Memory::default(),
            selector: None,
        });
        if known.due > now {
            return Ok(Some(known.due));
        }
        known.due = next;
        self.reconcile(work, key, &autoscaler)?;
        Ok(Some(next))
    }
}

impl Autoscalers {
    fn reconcile(
        &mut self,
        work: &mut Work<'_, '_>,
        key: &Key,
        autoscaler: &Arc<Value>,
    ) -> Result<(), ApiError> {
        let now = work.now();
        let reference = autoscaler
            .pointer("/spec/scaleTargetRef")
            .unwrap_or(&Value::Null);
        let name = text(reference, "/name");
        let found = target::resource(work.session, reference).and_then(|resource| {
            let scale = work.session.scale(&resource, &key.0, name);
            scale
                .map(|scale| (resource, scale))
                .map_err(|error| error.message.clone())
        });
        let (resource, scale) = match found {
            Ok(found) => found,
            Err(error) => {
                let mut conditions = items(autoscaler, "/status/conditions").to_vec();
                let text = format!(
                    "the HPA controller was unable to get the target's current scale: {error}"
                );
                set_condition(
                    &mut conditions,
                    ("AbleToScale", "False"),
                    ("FailedGetScale", &text),
                    now,
                );
                let mut status = autoscaler.get("status").cloned().unwrap_or_default();
                object::set(&mut status, &["conditions"], json!(conditions));
                work.perform(vec![Note::warning(autoscaler, "FailedGetScale", error)])?;
                return write_status(work, autoscaler, status);
            }
        };
        let observed = self.observe(work.session, key, autoscaler, (&resource, scale));
        let Some(known) = self.known.get_mut(key) else {
            return Ok(());
        };
        let mut decision = decide::decide(&observed, &mut known.memory);
        for (reason, message) in std::mem::take(&mut decision.warnings) {
            work.perform(vec![Note::warning(autoscaler, reason, message)])?;
        }
        let rescaled = rescale(work, &observed, &resource, &mut decision);
        if let (Some(true), Outcome::Rescale { replicas, .. }) = (rescaled, &decision.outcome) {
            let current = count(&observed.scale, "/spec/replicas");
            let behaviour = autoscaler.pointer("/spec/behavior");
            limits::note(&mut known.memory, behaviour, current, *replicas, now);
        }
        write_status(work, autoscaler, status(&observed, &decision, rescaled))
    }

    fn observe(
        &mut self,
        session: &Session<'_>,
        key: &Key,
        autoscaler: &Arc<Value>,
        (resource, scale): (&Resource, Value),
    ) -> Observed {
        let selector = target::selector(&scale).and_then(Result::ok);
        let mut pods = session.list(&known::PODS, Some(&key.0));
        pods.retain(|pod| selector.as_ref().is_some_and(|s| s.matches_object(pod)));
        if let Some(known) = self.known.get_mut(key) {
            known.selector = selector;
        }
        let selects = |known: &Known| {
            let selector = known.selector.as_ref();
            selector.is_some_and(|s| pods.iter().any(|pod| s.matches_object(pod)))
        };
        let rivals = self
            .known
            .iter()
            .filter(|(other, known)| other.0 == key.0 && selects(known));
        let described = items(autoscaler, "/spec/metrics")
            .iter()
            .filter_map(|spec| {
                let reference = spec.pointer("/object/describedObject")?;
                let resource = target::resource(session, reference).ok()?;
                let namespace = if resource.namespaced {
                    key.0.as_str()
                } else {
                    ""
                };
                let name = text(reference, "/name");
                let found = session.get(&resource, namespace, name)?;
                Some((
                    (text(reference, "/kind").to_owned(), name.to_owned()),
                    found,
                ))
            });
        Observed {
            rivals: rivals.map(|(other, _)| other.clone()).collect(),
            described: described.collect(),
            target: session.get(resource, &key.0, object::name(&scale)),
            autoscaler: autoscaler.clone(),
            scale,
            pods,
            now: session.now(),
        }
    }
}

/// Gives the target its new size, and the conditions and events that tell of it. `None` where its size stays.
fn rescale(
    work: &mut Work<'_, '_>,
    observed: &Observed,
    resource: &Resource,
    decision: &mut Decision,
) -> Option<bool> {
    let Outcome::Rescale { replicas, reason } = &decision.outcome else {
        return None;
    };
    let (replicas, now) = (*replicas, observed.now);
    let autoscaler = &observed.autoscaler;
    let (namespace, name) = (
        object::namespace(autoscaler).to_owned(),
        object::name(&observed.scale).to_owned(),
    );
    let mut scale = observed.scale.clone();
    let mut result = Ok(());
    for _ in 0..ATTEMPTS {
        object::set(&mut scale, &["spec", "replicas"], json!(replicas));
        result = work.session.rescale(resource, &namespace, &name, &scale);
        match &result {
            Err(error) if error.reason == "Conflict" => {
                if let Ok(latest) = work.session.scale(resource, &namespace, &name) {
                    scale = latest;
                }
            }
            Ok(()) | Err(_) => break,
        }
    }
    let (status, reason, message, note) = match &result {
        Ok(()) => (
            "True",
            "SucceededRescale",
            format!("the HPA controller was able to update the target scale to {replicas}"),
            Note::normal(
                autoscaler,
                "SuccessfulRescale",
                format!("New size: {replicas}; reason: {reason}"),
            ),
        ),
        Err(error) => (
            "False",
            "FailedUpdateScale",
            format!("the HPA controller was unable to update the target scale: {error}"),
            Note::warning(
                autoscaler,
                "FailedRescale",
                format!("New size: {replicas}; reason: {reason}; error: {error}"),
            ),
        ),
    };
    set_condition(
        &mut decision.conditions,
        ("AbleToScale", status),
        (reason, &message),
        now,
    );
    // An event that can't be written is of no consequence.
    let _ = work.perform(vec![note]);
    Some(result.is_ok())
}

/// The whole new status.
fn status(observed: &Observed, decision: &Decision, rescaled: Option<bool>) -> Value {
    let old = observed.autoscaler.get("status").unwrap_or(&Value::Null);
    let current = count(&observed.scale, "/spec/replicas");
    let desired = match (&decision.outcome, rescaled) {
        (Outcome::Rescale { replicas, .. }, Some(true)) => *replicas,
        (Outcome::Failed, _) | (_, Some(false)) => count(old, "/desiredReplicas"),
        (Outcome::Stay | Outcome::Rescale { .. }, _) => current,
    };
    let mut status = json!({
        "desiredReplicas": desired, "currentMetrics": decision.metrics, "conditions": decision.conditions,
    });
    if current != 0 {
        object::set(&mut status, &["currentReplicas"], json!(current));
    }
    let scaled = if rescaled == Some(true) {
        Some(json!(object::stamp(observed.now)))
    } else {
        old.get("lastScaleTime").cloned()
    };
    for (key, value) in [
        ("lastScaleTime", scaled),
        ("observedGeneration", old.get("observedGeneration").cloned()),
    ] {
        if let Some(value) = value {
            object::set(&mut status, &[key], value);
        }
    }
    status
}

fn write_status(
    work: &mut Work<'_, '_>,
    autoscaler: &Value,
    status: Value,
) -> Result<(), ApiError> {
    let mut wanted = autoscaler.clone();
    object::set(&mut wanted, &["status"], status);
    if wanted == *autoscaler {
        return Ok(());
    }
    match work.perform(vec![Write::UpdateStatus(
        known::HORIZONTAL_POD_AUTOSCALERS,
        wanted,
    )]) {
        Err(error) if !is_not_found(&error) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
