//! What a workload says of itself: numbers of pods and conditions (upstream's `pkg/prometheus/operator.go`).

use machinery::meta;
use runtime::StatusWrite;
use serde_json::{Map, Value, json};

use super::decision::Decision;
use super::pass::shortened;
use super::workload::{Observed, Workload};
use crate::api::status::Condition;
use crate::workload::{Availability, Counts, written};

/// Characters of a message at most.
const LONGEST: usize = 4000;

/// The condition `Reconciled`. `failure`: why the plan stopped, if it did.
fn reconciled(decision: &Decision, failure: Option<&str>) -> Condition {
    let failed = decision.outcome.as_ref().err().map(String::as_str);
    let (status, reason, message) = match (failed.or(failure), &decision.remark) {
        (Some(why), _) => ("False", "ReconciliationFailed", shortened(why, LONGEST)),
        (None, Some((reason, message))) => ("True", *reason, message.clone()),
        (None, None) => ("True", "", String::new()),
    };
    Condition {
        r#type: "Reconciled".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        ..Condition::default()
    }
}

/// The whole status. `failure`: why the plan stopped, if it did.
fn status<W: Workload>(
    observed: &Observed<W>,
    decision: &Decision,
    failure: Option<&str>,
) -> Value {
    let mut status = Map::new();
    let mut conditions = Vec::new();
    let mut before: &[Condition] = &[];
    if let Ok(workload) = &observed.workload {
        let sets = workload.sets(observed);
        let counts = sets.iter().map(|(_, health)| health.counts());
        if let Value::Object(counts) = counts.sum::<Counts>().to_value() {
            status.extend(counts);
        }
        status.insert("paused".to_owned(), json!(workload.is_paused()));
        workload.describe(&sets, &mut status);
        conditions.extend(W::available(&sets));
        before = workload.conditions();
    }
    conditions.push(reconciled(decision, failure));
    let generation = meta::generation(&observed.object);
    let conditions = written(before, conditions, generation, observed.now);
    status.insert("conditions".to_owned(), json!(conditions));
    Value::Object(status)
}

/// Whether all pods that are wanted are ready and of the newest template.
pub fn is_settled<W: Workload>(observed: &Observed<W>) -> bool {
    observed.workload.as_ref().is_ok_and(|workload| {
        workload.sets(observed).iter().all(|(_, health)| {
            let counts = health.counts();
            health.availability().0 == Availability::True && counts.updated == counts.replicas
        })
    })
}

/// The status of a workload, written if it differs from what is stored.
pub fn write<W: Workload>(
    observed: &Observed<W>,
    decision: &Decision,
    failure: Option<&str>,
) -> StatusWrite {
    if !decision.reports || !observed.setup.reports {
        return StatusWrite::Unchanged;
    }
    let old = observed.object.get("status");
    let old = old.filter(|status| !status.is_null()).cloned();
    StatusWrite::MergePatch {
        subresource: true,
        new: status(observed, decision, failure),
        old: old.unwrap_or_else(|| json!({})),
        resource_version: None,
    }
}
