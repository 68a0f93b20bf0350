//! From what is wanted and what is stored to effects.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use runtime::{DeleteOptions, Effect, ObjectKey, Patch, Propagation, ResourceRef};
use serde_json::{Value, json};

use super::resources::STATEFUL_SET;
use crate::workload::{Change, Recreation, secret_change, service_change, workload_change};

/// Objects by name; all are of one kind and in one namespace.
pub type ByName = BTreeMap<String, Value>;

/// The write for a Secret or `ConfigMap`.
pub fn put_data(resource: &ResourceRef, stored: &ByName, wanted: &Value) -> Option<Effect> {
    let stored = stored.get(meta::name(wanted));
    write(resource, secret_change(stored, wanted))
}

/// The writes for Secrets or `ConfigMap`s that are numbered: those that are wanted, then the end of those beyond.
pub fn put_numbered(
    resource: &ResourceRef,
    stored: &ByName,
    prefix: &str,
    wanted: &[Value],
) -> Vec<Effect> {
    let names: BTreeSet<String> = wanted
        .iter()
        .map(|object| meta::name(object).to_owned())
        .collect();
    let puts = wanted
        .iter()
        .filter_map(|object| put_data(resource, stored, object));
    let beyond = stored.iter().filter(|(name, object)| {
        name.starts_with(prefix)
            && !names.contains(*name)
            && meta::deletion_timestamp(object).is_none()
    });
    let deletes = beyond.map(|(_, object)| delete(resource, object, Propagation::Background));
    puts.chain(deletes).collect()
}

/// The write for a governing Service.
pub fn put_service(stored: Option<&Value>, wanted: &Value) -> Option<Effect> {
    write(&runtime::resource::SERVICE, service_change(stored, wanted))
}

/// The writes for a StatefulSet. One that must be made anew is deleted without its pods, which get the labels first by
/// which its successor finds them; the watch of its end wakes the workload.
pub fn put_stateful_set(stored: &ByName, pods: &[Value], wanted: &Value) -> Vec<Effect> {
    let stored = stored.get(meta::name(wanted));
    match (workload_change(stored, wanted), stored) {
        (Change::Recreate(recreation), Some(stored)) => recreate(stored, pods, &recreation),
        (change, _) => write(&STATEFUL_SET, change).into_iter().collect(),
    }
}

/// Deletes an object that was seen, its dependents first.
pub fn delete(resource: &ResourceRef, stored: &Value, propagation: Propagation) -> Effect {
    Effect::Delete {
        resource: resource.clone(),
        key: ObjectKey::of(stored),
        options: DeleteOptions {
            uid: Some(meta::uid(stored).to_owned()),
            propagation: Some(propagation),
            ..DeleteOptions::default()
        },
    }
}

fn write(resource: &ResourceRef, change: Change) -> Option<Effect> {
    match change {
        Change::None | Change::Wait | Change::Recreate(_) => None,
        Change::Create(object) => Some(Effect::create(resource.clone(), object)),
        Change::Update(object) => Some(Effect::update(resource.clone(), object)),
    }
}

fn recreate(stored: &Value, pods: &[Value], recreation: &Recreation) -> Vec<Effect> {
    let mut effects = Vec::new();
    let own =
        |pod: &&Value| meta::controller_of(pod).is_some_and(|owner| owner.uid == meta::uid(stored));
    for pod in pods.iter().filter(own) {
        let Some(wanted) = &recreation.pod_labels else {
            continue;
        };
        let labels = meta::labels(pod);
        let missing: BTreeMap<&String, &String> = wanted
            .iter()
            .filter(|(key, value)| labels.get(*key) != Some(value))
            .collect();
        if !missing.is_empty() {
            let patch = Patch::Merge(json!({"metadata": {"labels": missing}}));
            let key = ObjectKey::of(pod);
            effects.push(Effect::patch(runtime::resource::POD, key, patch));
        }
    }
    effects.push(delete(&STATEFUL_SET, stored, Propagation::Orphan));
    effects
}
