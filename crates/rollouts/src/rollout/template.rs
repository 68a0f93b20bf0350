//! Comparing pod templates: digests that survive a change of hash functions, defaults and spelling.
//!
//! Mirrors the comparison in upstream's `utils/replicaset/replicaset.go` (`FindNewReplicaSet`,
//! `PodTemplateEqualIgnoreHash`), but as digests: a ReplicaSet is found by equality of digests, so that caches need
//! not keep whole templates. The *raw* digest is of the Rollout's template as it stands; it is written on every
//! ReplicaSet we create or take over. The *live* and *desired* digests are of defaulted templates without anything
//! that the controller or the API server added.

use machinery::builtin::defaults::pod_template;
use machinery::decode;
use machinery::hash::hexadecimal;
use machinery::schema::TypeTable;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::metadata;
use crate::api::labels::{EPHEMERAL_METADATA, POD_TEMPLATE_HASH as HASH_LABEL};
use crate::views::ReplicaSetView;

/// Annotation on our ReplicaSets: [`raw_digest`] of the Rollout's template that they were made from.
pub const DIGEST_ANNOTATION: &str = "rollouts.carrick.dev/template-digest";

/// Digest of a Rollout's template as it stands, blind to key order, nulls and empty containers.
pub fn raw_digest(template: &Value) -> String {
    digest(&compact(template))
}

/// Digest of a Rollout's template with Kubernetes' defaults, to compare with [`live_digest`].
pub fn desired_digest(template: &Value) -> String {
    digest(&canonical(template.clone()))
}

/// Digest of a ReplicaSet's template without the hash label, injected metadata and injected anti-affinity.
pub fn live_digest(set: &ReplicaSetView) -> String {
    let injected = set
        .metadata
        .annotations
        .get(EPHEMERAL_METADATA)
        .map_or("", String::as_str);
    without_injections(set.spec.template.value(), injected)
}

fn without_injections(mut template: Value, injected: &str) -> String {
    if let Some(injected) = metadata::parse(injected) {
        remove_keys(&mut template, "/metadata/labels", injected.labels.keys());
        remove_keys(
            &mut template,
            "/metadata/annotations",
            injected.annotations.keys(),
        );
    }
    if let Some(affinity) = template.pointer_mut("/spec/affinity") {
        remove_injected_term(affinity);
    }
    digest(&canonical(template))
}

/// Whether an affinity holds a pod anti-affinity term on the hash label.
pub fn has_injected_term(affinity: &Value) -> bool {
    injected_values(affinity).is_some()
}

/// The hashes that the first injected anti-affinity term names.
pub fn injected_values(affinity: &Value) -> Option<Vec<String>> {
    TERM_LISTS.iter().find_map(|(list, inner)| {
        let terms = affinity
            .pointer(&format!("/podAntiAffinity/{list}"))?
            .as_array()?;
        terms
            .iter()
            .find_map(|term| hash_values(inner.map_or(Some(term), |key| term.get(key))?))
    })
}

/// Removes the last injected term, and containers that become empty.
pub fn remove_injected_term(affinity: &mut Value) {
    for (list, inner) in TERM_LISTS {
        let Some(terms) = affinity
            .pointer_mut(&format!("/podAntiAffinity/{list}"))
            .and_then(Value::as_array_mut)
        else {
            continue;
        };
        let is_ours = |term: &Value| {
            inner
                .map_or(Some(term), |key| term.get(key))
                .is_some_and(is_injected)
        };
        if let Some(index) = terms.iter().rposition(is_ours) {
            terms.remove(index);
        }
    }
}

const TERM_LISTS: [(&str, Option<&str>); 2] = [
    (
        "preferredDuringSchedulingIgnoredDuringExecution",
        Some("podAffinityTerm"),
    ),
    ("requiredDuringSchedulingIgnoredDuringExecution", None),
];

fn hash_values(term: &Value) -> Option<Vec<String>> {
    let expressions = term
        .pointer("/labelSelector/matchExpressions")?
        .as_array()?;
    let found = expressions
        .iter()
        .find(|e| e.get("key").and_then(Value::as_str) == Some(HASH_LABEL))?;
    let values = found
        .get("values")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Some(
        values
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
    )
}

/// Exactly the shape that the controller injects, so that a user's own term on the label is left alone.
fn is_injected(term: &Value) -> bool {
    let one_expression = term
        .pointer("/labelSelector/matchExpressions")
        .and_then(Value::as_array)
        .is_some_and(|e| e.len() == 1);
    let labels = term.pointer("/labelSelector/matchLabels");
    one_expression
        && labels.is_none_or(|l| l.as_object().is_none_or(Map::is_empty))
        && hash_values(term).is_some_and(|v| v.len() == 1)
        && term.get("topologyKey").and_then(Value::as_str) == Some("kubernetes.io/hostname")
}

fn remove_keys<'a>(template: &mut Value, pointer: &str, keys: impl Iterator<Item = &'a String>) {
    if let Some(map) = template.pointer_mut(pointer).and_then(Value::as_object_mut) {
        for key in keys {
            map.remove(key);
        }
    }
}

/// The template as the API server would hold it, without what differs between a Rollout's and a ReplicaSet's.
fn canonical(template: Value) -> Value {
    let table = TypeTable::builtin();
    let typed = table.type_named("io.k8s.api.core.v1.PodTemplateSpec");
    let mut template = typed
        .and_then(|ty| decode::normalise(ty, &template).ok())
        .unwrap_or(template);
    pod_template(&mut template);
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(HASH_LABEL);
    }
    if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("serviceAccount");
    }
    compact(&template)
}

/// Without nulls and empty containers, so that absent and empty are the same.
fn compact(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map
                .iter()
                .map(|(k, v)| (k.clone(), compact(v)))
                .filter(|(_, v)| !is_empty(v));
            Value::Object(kept.collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(compact).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn digest(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    let (half, _) = digest.split_at(digest.len() / 2);
    hexadecimal(half)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn injections_do_not_change_the_digest_of_a_template() {
        let plain = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
        let live = json!({
            "metadata": {"labels": {"app": "web", HASH_LABEL: "abc", "role": "canary"}, "creationTimestamp": null},
            "spec": {
                "containers": [{"name": "c", "image": "i:1", "resources": {}}],
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                    "labelSelector": {"matchExpressions": [{"key": HASH_LABEL, "operator": "In", "values": ["old"]}]},
                    "namespaces": ["default"], "topologyKey": "kubernetes.io/hostname"}]}},
            },
        });
        assert_eq!(
            without_injections(live.clone(), r#"{"labels":{"role":"canary"}}"#),
            desired_digest(&plain)
        );
        assert_ne!(without_injections(live, ""), desired_digest(&plain));
    }

    #[test]
    fn raw_digest_ignores_key_order_and_empty_values_only() {
        let one = json!({"spec": {"b": 1, "a": [], "c": null}});
        assert_eq!(raw_digest(&one), raw_digest(&json!({"spec": {"b": 1}})));
        assert_ne!(raw_digest(&one), raw_digest(&json!({"spec": {"b": 2}})));
    }
}
