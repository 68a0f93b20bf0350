//! The anti-affinity term that keeps new pods off the nodes of the stable set (upstream
//! `utils/replicaset/replicaset.go`). An affinity is JSON, `None` if the template has none.

use serde_json::{Map, Value, json};

use crate::api::Rollout;
use crate::api::labels;
use crate::api::strategy::AntiAffinity;

const ANTI: &str = "podAntiAffinity";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// The rule of the strategy, if it names one of the two kinds.
pub fn rule(rollout: &Rollout) -> Option<&AntiAffinity> {
    let strategy = &rollout.spec.strategy;
    let blue_green = strategy
        .blue_green
        .as_ref()
        .and_then(|blue_green| blue_green.anti_affinity.as_ref());
    let canary = strategy
        .canary
        .as_ref()
        .and_then(|canary| canary.anti_affinity.as_ref());
    canary
        .or(blue_green)
        .filter(|rule| rule.preferred.is_some() || rule.required.is_some())
}

/// The term against the stable set.
pub fn term(rollout: &Rollout) -> Value {
    json!({
        "labelSelector": {"matchExpressions": [
            {"key": labels::POD_TEMPLATE_HASH, "operator": "In", "values": [rollout.status.stable_rs]},
        ]},
        "namespaces": [rollout.metadata.namespace],
        "topologyKey": "kubernetes.io/hostname",
    })
}

/// The affinity of a new set: the template's, and the term unless the stable set has the same hash.
pub fn for_new_set(rollout: &Rollout, affinity: Option<&Value>, hash: &str) -> Option<Value> {
    let stable = &rollout.status.stable_rs;
    let Some(rule) = rule(rollout).filter(|_| !stable.is_empty() && stable != hash) else {
        return affinity.cloned();
    };
    let (list, entry) = match &rule.preferred {
        Some(preferred) => (
            PREFERRED,
            json!({"weight": preferred.weight, "podAffinityTerm": term(rollout)}),
        ),
        None => (REQUIRED, term(rollout)),
    };
    let mut affinity = affinity
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let anti = affinity
        .entry(ANTI)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(anti) = anti.as_object_mut() {
        let terms = anti.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(terms) = terms.as_array_mut() {
            terms.push(entry);
        }
    }
    Some(Value::Object(affinity))
}

/// Position and content of the injected term, told by the hash label among its expressions.
pub fn find<'a>(affinity: Option<&'a Value>, rollout: &Rollout) -> Option<(usize, &'a Value)> {
    let preferred = rule(rollout)?.preferred.is_some();
    let terms = affinity?
        .get(ANTI)?
        .get(if preferred { PREFERRED } else { REQUIRED })?
        .as_array()?;
    let inner = |entry: &'a Value| {
        if preferred {
            entry.get("podAffinityTerm")
        } else {
            Some(entry)
        }
    };
    let mut terms = terms
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((index, inner(entry)?)));
    terms.find(|(_, term)| hash_expressions(term).next().is_some())
}

fn hash_expressions(term: &Value) -> impl Iterator<Item = &Value> {
    let expressions = term
        .pointer("/labelSelector/matchExpressions")
        .and_then(Value::as_array);
    let is_hash = |expression: &&Value| {
        expression.get("key").and_then(Value::as_str) == Some(labels::POD_TEMPLATE_HASH)
    };
    expressions.into_iter().flatten().filter(is_hash)
}

/// The affinity without the injected term, and without what the term left empty.
pub fn without_injected(affinity: Option<&Value>, rollout: &Rollout) -> Option<Value> {
    let Some((index, _)) = find(affinity, rollout) else {
        return affinity.cloned();
    };
    let mut affinity = affinity?.as_object()?.clone();
    let mut anti = affinity.get(ANTI)?.as_object()?.clone();
    let list = if rule(rollout)?.preferred.is_some() {
        PREFERRED
    } else {
        REQUIRED
    };
    if let Some(terms) = anti.get_mut(list).and_then(Value::as_array_mut) {
        terms.remove(index);
    }
    anti.retain(|_, terms| terms.as_array().is_none_or(|terms| !terms.is_empty()));
    if anti.is_empty() {
        affinity.remove(ANTI);
    } else {
        affinity.insert(ANTI.to_owned(), Value::Object(anti));
    }
    (!affinity.is_empty()).then_some(Value::Object(affinity))
}

/// Whether the injected term names a stable set of the past.
pub fn needs_update(affinity: Option<&Value>, rollout: &Rollout, hash: &str) -> bool {
    let Some((_, term)) = find(affinity, rollout) else {
        return false;
    };
    let stable = rollout.status.stable_rs.as_str();
    let first = |expression: &Value| {
        expression
            .pointer("/values/0")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    stable != hash
        && hash_expressions(term)
            .filter_map(first)
            .any(|value| value != stable)
}
