//! Pure decisions of the autoscaler: what its metrics ask for, and what it says of them in its status.
//!
//! Mirrors `computeReplicasForMetrics` and `reconcileAutoscaler` of `pkg/controller/podautoscaler/horizontal.go`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::limits::{self, Memory};
use super::propose::{Failure, propose};
use super::target;
use crate::builtin::object::{self, count, integer, items, text};

/// Everything a decision looks at.
pub(crate) struct Observed {
    /// The autoscaler.
    pub(crate) autoscaler: Arc<Value>,
    /// The Scale of its target.
    pub(crate) scale: Value,
    /// The target itself.
    pub(crate) target: Option<Arc<Value>>,
    /// The pods its selector finds.
    pub(crate) pods: Vec<Arc<Value>>,
    /// Autoscalers (namespace, name) whose selectors find one of these pods, itself included.
    pub(crate) rivals: Vec<(String, String)>,
    /// Objects that metrics are of, by kind and name.
    pub(crate) described: BTreeMap<(String, String), Arc<Value>>,
    /// The time.
    pub(crate) now: Timestamp,
}

/// A warning to record: reason, message.
pub(crate) type Warning = (&'static str, String);

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// Conditions so far.
    pub(crate) conditions: Vec<Value>,
    /// `status.currentMetrics`; null where none was looked at.
    pub(crate) metrics: Value,
    /// Warnings, in order.
    pub(crate) warnings: Vec<Warning>,
    /// What comes of it.
    pub(crate) outcome: Outcome,
}

/// What comes of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing could be calculated.
    Failed,
    /// The size stays.
    Stay,
    /// The target is to have another size.
    Rescale {
        /// Replicas.
        replicas: i64,
        /// Why.
        reason: String,
    },
}

/// Sets a condition; its transition time moves with its status.
pub(crate) fn set_condition(
    conditions: &mut Vec<Value>,
    (kind, status): (&str, &str),
    (reason, message): (&str, &str),
    now: Timestamp,
) {
    let made = json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": object::stamp(now)});
    let Some(old) = conditions.iter_mut().find(|c| text(c, "/type") == kind) else {
        conditions.push(made);
        return;
    };
    let since = if text(old, "/status") == status {
        old.get("lastTransitionTime").cloned()
    } else {
        None
    };
    *old = made;
    if let Some(since) = since {
        object::set(old, &["lastTransitionTime"], since);
    }
}

/// The decision for an autoscaler whose target was found. `memory` gets the recommendation.
pub(crate) fn decide(observed: &Observed, memory: &mut Memory) -> Decision {
    let spec = observed.autoscaler.get("spec").unwrap_or(&Value::Null);
    let now = observed.now;
    let current = count(&observed.scale, "/spec/replicas");
    let (least, most) = (
        integer(spec, "/minReplicas").unwrap_or(1),
        count(spec, "/maxReplicas"),
    );
    let mut decision = Decision {
        conditions: items(&observed.autoscaler, "/status/conditions").to_vec(),
        metrics: Value::Null,
        warnings: Vec::new(),
        outcome: Outcome::Stay,
    };
    let able = "the HPA controller was able to get the target's current scale";
    set_condition(
        &mut decision.conditions,
        ("AbleToScale", "True"),
        ("SucceededGetScale", able),
        now,
    );
    if memory.recommendations.is_empty() {
        memory.recommendations.push((current, now));
    }
    if current == 0 {
        let text = "scaling is disabled since the replica count of the target is zero";
        set_condition(
            &mut decision.conditions,
            ("ScalingActive", "False"),
            ("ScalingDisabled", text),
            now,
        );
        return decision;
    }
    let bound = if current > most {
        Some((most, "Current number of replicas above Spec.MaxReplicas"))
    } else if current < least {
        Some((least, "Current number of replicas below Spec.MinReplicas"))
    } else {
        None
    };
    if let Some((replicas, reason)) = bound {
        let reason = reason.to_owned();
        decision.outcome = Outcome::Rescale { replicas, reason };
        return decision;
    }
    let Some((wanted, name)) = follow_metrics(observed, &mut decision) else {
        decision.outcome = Outcome::Failed;
        return decision;
    };
    let request = limits::Request {
        current,
        wanted,
        least,
        most,
        now,
    };
    let limited = limits::limit(memory, spec.get("behavior"), request);
    set_condition(
        &mut decision.conditions,
        ("AbleToScale", "True"),
        limited.able,
        now,
    );
    let is_limited = if limited.is_cut { "True" } else { "False" };
    set_condition(
        &mut decision.conditions,
        ("ScalingLimited", is_limited),
        limited.bound,
        now,
    );
    if limited.replicas != current {
        let reason = match wanted.cmp(&current) {
            Ordering::Greater => format!("{name} above target"),
            Ordering::Less => "All metrics below target".to_owned(),
            // An earlier, larger recommendation came through.
            Ordering::Equal => String::new(),
        };
        decision.outcome = Outcome::Rescale {
            replicas: limited.replicas,
            reason,
        };
    }
    decision
}

/// The most that any metric asks for, and which one; `None` where the size can't be told.
fn follow_metrics(observed: &Observed, decision: &mut Decision) -> Option<(i64, String)> {
    let now = observed.now;
    if let Some((reason, event, message)) = target::complaint(observed) {
        let told = message.clone().unwrap_or_else(|| event.1.clone());
        set_condition(
            &mut decision.conditions,
            ("ScalingActive", "False"),
            (reason, &told),
            now,
        );
        decision.warnings.push((event.0, event.1.clone()));
        decision
            .warnings
            .push(("FailedComputeMetricsReplicas", event.1));
        return None;
    }
    let specs = items(&observed.autoscaler, "/spec/metrics");
    let current = count(&observed.scale, "/spec/replicas");
    let mut best: Option<(i64, String)> = None;
    let mut statuses = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    for spec in specs {
        match propose(observed, spec) {
            Ok(proposal) => {
                statuses.push(proposal.status);
                if best
                    .as_ref()
                    .is_none_or(|(n, _)| *n == 0 || proposal.replicas > *n)
                {
                    best = Some((proposal.replicas, proposal.name));
                }
            }
            Err(failure) => {
                statuses.push(json!({"type": ""}));
                decision
                    .warnings
                    .push((failure.reason, failure.message.clone()));
                failures.push(failure);
            }
        }
    }
    decision.metrics = json!(statuses);
    let wanted = best.as_ref().map_or(0, |(n, _)| *n);
    if let Some(first) = failures.first()
        && (failures.len() >= specs.len() || wanted < current)
    {
        let text = format!(
            "the HPA was unable to compute the replica count: {}",
            first.message
        );
        set_condition(
            &mut decision.conditions,
            ("ScalingActive", "False"),
            (first.reason, &text),
            now,
        );
        let text = format!(
            "invalid metrics ({} invalid out of {}), first error is: {}",
            failures.len(),
            specs.len(),
            first.error
        );
        decision
            .warnings
            .push(("FailedComputeMetricsReplicas", text));
        return None;
    }
    let (wanted, name) = best?;
    let text = format!("the HPA was able to successfully calculate a replica count from {name}");
    set_condition(
        &mut decision.conditions,
        ("ScalingActive", "True"),
        ("ValidMetricFound", &text),
        now,
    );
    Some((wanted, name))
}
