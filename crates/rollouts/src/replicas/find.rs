//! Which ReplicaSet belongs to the pod template, and whether template or steps changed (upstream
//! `utils/replicaset/replicaset.go`).

use jiff::Timestamp;
use machinery::builtin::defaults;
use machinery::decode::normalise;
use machinery::hash;
use machinery::schema::TypeTable;
use serde_json::{Map, Value, json};

use crate::api::Rollout;
use crate::api::labels;
use crate::api::schema::go_text;

use super::affinity;
use super::list::{by_creation, with_hash};
use super::metadata;
use super::view::ReplicaSetView;

/// The hash of the Rollout's pod template, as Rollouts 1.9 computes it. An existing ReplicaSet's label counts more.
pub fn pod_template_hash(rollout: &Rollout) -> String {
    hash::pod_template_hash(
        &rollout.spec.template.value(),
        rollout.status.collision_count,
    )
}

/// The hash of the steps: `""` for blue-green, that of `null` without steps.
pub fn step_hash(rollout: &Rollout) -> String {
    let strategy = &rollout.spec.strategy;
    match &strategy.canary {
        Some(canary) if strategy.blue_green.is_none() => {
            hash::safe_encode(&hash::fnv32a(go_text(&canary.steps).as_bytes()).to_string())
        }
        _ => String::new(),
    }
}

/// The set that runs the Rollout's pod template: by label with one of the hashes that upstream ever used, else by equality of
/// the templates, where the recorded and the stable hash are preferred among equals. `None` calls for a new set.
pub fn new_set<'a>(rollout: &Rollout, sets: &[&'a ReplicaSetView]) -> Option<&'a ReplicaSetView> {
    let mut sets = sets.to_vec();
    sets.sort_by(|a, b| by_creation(a, b));
    let template = rollout.spec.template.value();
    let collision = rollout.status.collision_count;
    let forms = [
        hash::CreationTimestamp::Omitted,
        hash::CreationTimestamp::Null,
    ];
    let by_hash = forms.into_iter().find_map(|form| {
        with_hash(
            &sets,
            &hash::pod_template_hash_as(&template, collision, form),
        )
    });
    by_hash.or_else(|| {
        let desired = comparable(&template, true);
        let equal: Vec<&ReplicaSetView> = sets
            .into_iter()
            .filter(|set| live_template(rollout, set) == desired)
            .collect();
        let recorded = with_hash(&equal, &rollout.status.current_pod_hash);
        recorded
            .or_else(|| with_hash(&equal, &rollout.status.stable_rs))
            .or_else(|| equal.first().copied())
    })
}

/// Whether two pod templates ask for the same pods: hash label and deprecated alias aside, `desired` with Kubernetes'
/// defaults.
pub fn templates_equal(live: &Value, desired: &Value) -> bool {
    comparable(live, false) == comparable(desired, true)
}

/// A live template without what this controller injected into it.
fn live_template(rollout: &Rollout, set: &ReplicaSetView) -> Value {
    let mut template = set.spec.template.value();
    let mut role = pod_metadata(&template);
    if metadata::sync_pod_metadata(&mut role, metadata::injected(&set.metadata).as_ref(), None)
        && let Some(meta) = template.get_mut("metadata").and_then(Value::as_object_mut)
    {
        let (labels, annotations) = (json!(role.labels), json!(role.annotations));
        meta.insert("labels".to_owned(), labels);
        meta.insert("annotations".to_owned(), annotations);
    }
    if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
        match affinity::without_injected(spec.get("affinity"), rollout) {
            Some(affinity) => spec.insert("affinity".to_owned(), affinity),
            None => spec.remove("affinity"),
        };
    }
    comparable(&template, false)
}

/// Labels and annotations of a template.
pub fn pod_metadata(template: &Value) -> crate::api::meta::PodTemplateMetadata {
    let meta = template.get("metadata").cloned().unwrap_or_default();
    crate::api::decode::lenient(&meta).object
}

/// The form in which templates are compared; nil, empty and absent are one, quantities are canonical.
fn comparable(template: &Value, default: bool) -> Value {
    let table = TypeTable::builtin();
    let normal = |value: &Value| {
        let ty = table.type_named("io.k8s.api.core.v1.PodTemplateSpec");
        ty.and_then(|ty| normalise(ty, value).ok())
            .unwrap_or_else(|| value.clone())
    };
    let mut template = normal(template);
    if default {
        defaults::pod_template(&mut template);
        template = normal(&template);
    }
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(labels::POD_TEMPLATE_HASH);
    }
    if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("serviceAccount");
    }
    without_empty_collections(template)
}

/// Drops empty lists and empty maps in one pass from the leaves up, as Go's semantic equality sees them.
fn without_empty_collections(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(key, field)| (key, without_empty_collections(field)));
            let is_empty_map = |key: &str, field: &Value| {
                ["labels", "annotations", "matchLabels", "nodeSelector"].contains(&key)
                    && field.as_object().is_some_and(Map::is_empty)
            };
            let kept = fields.filter(|(key, field)| {
                !field.is_null()
                    && field.as_array().is_none_or(|list| !list.is_empty())
                    && !is_empty_map(key, field)
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(without_empty_collections).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Whether the pod template is another than the recorded one. The new set's label counts, not a computed hash.
pub fn template_changed(rollout: &Rollout, new: Option<&ReplicaSetView>) -> bool {
    let recorded = &rollout.status.current_pod_hash;
    if recorded.is_empty() {
        return false;
    }
    match new {
        Some(new) => recorded != new.pod_template_hash(),
        None => *recorded != pod_template_hash(rollout),
    }
}

/// Whether the steps are others than the recorded ones; nothing recorded counts as changed.
pub fn steps_changed(rollout: &Rollout) -> bool {
    let recorded = &rollout.status.current_step_hash;
    recorded.is_empty() || *recorded != step_hash(rollout)
}

/// Whether template or steps changed, which starts the update over.
pub fn template_or_steps_changed(rollout: &Rollout, new: Option<&ReplicaSetView>) -> bool {
    steps_changed(rollout) || template_changed(rollout, new)
}

/// Whether a restart is due and not yet carried out.
pub fn needs_restart(rollout: &Rollout, now: Timestamp) -> bool {
    let Some(at) = rollout.spec.restart_at else {
        return false;
    };
    rollout.status.restarted_at != Some(at) && now > at.0
}
