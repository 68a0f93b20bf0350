//! Anti-affinity between the pods of the new ReplicaSet and those of the stable one.
//!
//! Mirrors upstream's `utils/replicaset/replicaset.go` (`GenerateReplicaSetAffinity` and its neighbours), but tells
//! new from stable by label, not by a recomputed hash.

use serde_json::{Value, json};

use crate::api::Rollout;
use crate::api::labels::POD_TEMPLATE_HASH;
use crate::api::strategy::AntiAffinity;
use crate::rollout::observe::Observed;
use crate::rollout::template;
use crate::rollout::tree::child;
use crate::views::ReplicaSetView;

/// The strategy's anti-affinity, if it names a rule.
fn wanted(rollout: &Rollout) -> Option<&AntiAffinity> {
    let strategy = &rollout.spec.strategy;
    let canary = strategy
        .canary
        .as_ref()
        .and_then(|c| c.anti_affinity.as_ref());
    let blue_green = strategy
        .blue_green
        .as_ref()
        .and_then(|b| b.anti_affinity.as_ref());
    canary
        .or(blue_green)
        .filter(|rule| rule.preferred.is_some() || rule.required.is_some())
}

/// `spec.affinity` of the template of the ReplicaSet labelled `hash`: the user's, with our term while another
/// ReplicaSet is stable.
pub fn generate(rollout: &Rollout, observed: &Observed, hash: &str) -> Option<Value> {
    let own = observed
        .template()
        .pointer("/spec/affinity")
        .filter(|a| !a.is_null())
        .cloned();
    let stable = &rollout.status.stable_rs;
    let Some(rule) = wanted(rollout) else {
        return own;
    };
    if stable.is_empty() || stable == hash {
        return own;
    }
    let term = json!({
        "labelSelector": {"matchExpressions": [{"key": POD_TEMPLATE_HASH, "operator": "In", "values": [stable]}]},
        "namespaces": [rollout.metadata.namespace],
        "topologyKey": "kubernetes.io/hostname",
    });
    let (list, entry) = match &rule.preferred {
        Some(preferred) => (
            "preferredDuringSchedulingIgnoredDuringExecution",
            json!({"weight": preferred.weight, "podAffinityTerm": term}),
        ),
        None => ("requiredDuringSchedulingIgnoredDuringExecution", term),
    };
    let mut affinity = own.unwrap_or_else(|| json!({}));
    let slot = child(child(&mut affinity, "podAntiAffinity"), list);
    match slot {
        Value::Array(terms) => terms.push(entry),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            *slot = json!([entry]);
        }
    }
    Some(affinity)
}

/// Whether the injected term names another ReplicaSet than the stable one.
pub fn is_stale(rollout: &Rollout, set: &ReplicaSetView, hash: &str) -> bool {
    if wanted(rollout).is_none() || rollout.status.stable_rs == hash {
        return false;
    }
    let values = live_affinity(set)
        .as_ref()
        .and_then(template::injected_values);
    values
        .and_then(|values| values.into_iter().next())
        .is_some_and(|value| value != rollout.status.stable_rs)
}

/// The change of a live affinity as a JSON merge patch; `None` if there is nothing injected and nothing to inject.
pub fn change(
    rollout: &Rollout,
    observed: &Observed,
    set: &ReplicaSetView,
    hash: &str,
) -> Option<Value> {
    let generated = generate(rollout, observed, hash);
    let live = live_affinity(set);
    match (live, generated) {
        (Some(_), None) => Some(Value::Null),
        (Some(live), Some(generated)) if live != generated => {
            Some(machinery::patch::merge::diff(&live, &generated))
        }
        (None, Some(generated)) if template::has_injected_term(&generated) => Some(generated),
        (Some(_) | None, Some(_)) | (None, None) => None,
    }
}

/// `spec.affinity` of a ReplicaSet's template, if the controller injected a term into it.
fn live_affinity(set: &ReplicaSetView) -> Option<Value> {
    let template = &set.spec.template;
    if !template.as_str().contains("podAntiAffinity") {
        return None;
    }
    template
        .value()
        .pointer("/spec/affinity")
        .filter(|affinity| template::has_injected_term(affinity))
        .cloned()
}
