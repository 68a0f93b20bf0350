//! What an Alertmanager says of itself: numbers of pods and two conditions.

use machinery::meta;
use serde_json::{Map, Value, json};

use super::observe::Observed;
use crate::operator::decision::Decision;
use crate::operator::status::reconciled;
use crate::operator::stored::selector_text;
use crate::workload::{Availability, Health, alertmanager_selector, available, written};

/// The whole status. `failure`: why the plan stopped, if it did.
pub fn status(observed: &Observed, decision: &Decision, failure: Option<&str>) -> Value {
    let mut status = Map::new();
    let mut conditions = Vec::new();
    let mut before = Vec::new();
    if let (Ok(alertmanager), Some(health)) = (&observed.alertmanager, health(observed)) {
        if let Value::Object(counts) = health.counts().to_value() {
            status.extend(counts);
        }
        let selector = alertmanager_selector(&alertmanager.metadata.name);
        let paused = alertmanager.spec.paused == Some(true);
        status.insert("paused".to_owned(), json!(paused));
        status.insert("selector".to_owned(), json!(selector_text(&selector)));
        conditions.push(available(&health));
        before.clone_from(&alertmanager.status.conditions);
    }
    conditions.push(reconciled(decision, failure));
    let generation = meta::generation(&observed.object);
    let conditions = written(&before, conditions, generation, observed.now);
    status.insert("conditions".to_owned(), json!(conditions));
    Value::Object(status)
}

/// Whether all pods that are wanted are ready and of the newest template.
pub fn is_settled(observed: &Observed) -> bool {
    health(observed).is_some_and(|health| {
        let counts = health.counts();
        health.availability().0 == Availability::True && counts.updated == counts.replicas
    })
}

fn health(observed: &Observed) -> Option<Health<'_>> {
    let alertmanager = observed.alertmanager.as_ref().ok()?;
    let name = format!("alertmanager-{}", alertmanager.metadata.name);
    let set = observed.stored.stateful_sets.get(&name);
    let replicas = alertmanager.spec.replicas.map(|replicas| replicas.max(0));
    Some(Health::new(set, &observed.pods, replicas))
}
