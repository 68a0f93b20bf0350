//! What a Prometheus says of itself: numbers of pods and two conditions (upstream's `pkg/prometheus/operator.go`).

use machinery::meta;
use serde_json::{Map, Value, json};

use super::observe::Observed;
use crate::operator::decision::Decision;
use crate::operator::status::reconciled;
use crate::operator::stored::selector_text;
use crate::workload::{
    Availability, Counts, Health, prometheus_selector, shard_names, shards_available, written,
};

/// The whole status. `failure`: why the plan stopped, if it did.
pub fn status(observed: &Observed, decision: &Decision, failure: Option<&str>) -> Value {
    let mut status = Map::new();
    let mut conditions = Vec::new();
    let mut before = Vec::new();
    if let Ok(prometheus) = &observed.prometheus {
        let shards = shards(observed);
        let counts = shards.iter().map(|(_, health)| health.counts());
        if let Value::Object(counts) = counts.sum::<Counts>().to_value() {
            status.extend(counts);
        }
        let one = |(index, (_, health)): (usize, &(String, Health<'_>))| {
            let mut one = health.counts().to_value();
            if let Some(one) = one.as_object_mut() {
                one.insert("shardID".to_owned(), json!(index.to_string()));
            }
            one
        };
        let by_shard: Vec<Value> = shards.iter().enumerate().map(one).collect();
        let common = &prometheus.spec.common;
        let selector = prometheus_selector(&prometheus.metadata.name);
        status.insert("shardStatuses".to_owned(), json!(by_shard));
        status.insert("shards".to_owned(), json!(common.shards.unwrap_or(1)));
        status.insert("paused".to_owned(), json!(common.paused == Some(true)));
        status.insert("selector".to_owned(), json!(selector_text(&selector)));
        conditions.push(shards_available(&shards));
        before.clone_from(&prometheus.status.conditions);
    }
    conditions.push(reconciled(decision, failure));
    let generation = meta::generation(&observed.object);
    let conditions = written(&before, conditions, generation, observed.now);
    status.insert("conditions".to_owned(), json!(conditions));
    Value::Object(status)
}

/// Whether all pods that are wanted are ready and of the newest template.
pub fn is_settled(observed: &Observed) -> bool {
    shards(observed).iter().all(|(_, health)| {
        let counts = health.counts();
        health.availability().0 == Availability::True && counts.updated == counts.replicas
    })
}

/// The wanted shards: the key of the StatefulSet of each, and how it is.
fn shards(observed: &Observed) -> Vec<(String, Health<'_>)> {
    let Ok(prometheus) = &observed.prometheus else {
        return Vec::new();
    };
    let common = &prometheus.spec.common;
    let names = shard_names("prometheus", &prometheus.metadata.name, common);
    let replicas = common.replicas.filter(|replicas| *replicas >= 0);
    names
        .into_iter()
        .map(|name| {
            let set = observed.stored.stateful_sets.get(&name);
            let key = format!("{}/{name}", prometheus.metadata.namespace);
            (key, Health::new(set, &observed.pods, replicas))
        })
        .collect()
}
