//! From what is wanted and what is stored to effects.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use runtime::{DeleteOptions, Effect, ObjectKey, Patch, Propagation, ResourceRef};
use serde_json::{Value, json};

use super::resources::{DAEMON_SET, STATEFUL_SET};
use crate::workload::{Change, Recreation, Texts, secret_change, service_change, workload_change};

/// Objects by name; all are of one kind and in one namespace.
pub type ByName = BTreeMap<String, Value>;

/// The write for a Secret or `ConfigMap`.
pub fn put_data(resource: &ResourceRef, stored: &ByName, wanted: Value) -> Option<Effect> {
    let stored = stored.get(meta::name(&wanted));
    write(resource, secret_change(stored, wanted))
}

/// The writes for Secrets or `ConfigMap`s that are numbered: those that are wanted, then the end of those beyond, if the
/// workload with that uid controls them: what was asked for by name may be somebody else's.
pub fn put_numbered(
    resource: &ResourceRef,
    owner: &str,
    stored: &ByName,
    prefix: &str,
    wanted: Vec<Value>,
) -> Vec<Effect> {
    let names: BTreeSet<String> = wanted
        .iter()
        .map(|object| meta::name(object).to_owned())
        .collect();
    let puts = wanted
        .into_iter()
        .filter_map(|object| put_data(resource, stored, object));
    let beyond = stored.iter().filter(|(name, object)| {
        name.starts_with(prefix)
            && !names.contains(*name)
            && meta::deletion_timestamp(object).is_none()
            && meta::controller_of(object).is_some_and(|controller| controller.uid == owner)
    });
    let deletes = beyond.map(|(_, object)| delete(resource, object, Propagation::Background));
    puts.chain(deletes).collect()
}

/// The write for a governing Service.
pub fn put_service(stored: Option<&Value>, wanted: &Value) -> Option<Effect> {
    write(&runtime::resource::SERVICE, service_change(stored, wanted))
}

/// Pods that may bear the names of a StatefulSet's.
#[derive(Clone, Copy, Debug)]
pub struct Pods<'a> {
    /// Those with the name of the workload.
    pub found: &'a [Value],
    /// Whether their labels may be changed.
    pub can_label: bool,
}

/// The writes for a StatefulSet. One that must be made anew is deleted without its pods, which get the labels first by
/// which its successor finds them; the watch of its end wakes the workload. Pods that can't be labelled, or that an older
/// StatefulSet left, make room one after the other.
pub fn put_stateful_set(stored: &ByName, pods: Pods<'_>, wanted: &Value) -> Vec<Effect> {
    let stored = stored.get(meta::name(wanted));
    match (workload_change(stored, wanted), stored) {
        (Change::Recreate(recreation), Some(stored)) => recreate(stored, pods, &recreation),
        (Change::None, Some(stored)) => take_in(stored, pods),
        (change, _) => write(&STATEFUL_SET, change).into_iter().collect(),
    }
}

/// The writes for a DaemonSet. One that must be made anew is deleted with its pods: those that get other labels before are
/// replaced at once by the old one, and those that get none are nobody's afterwards.
pub fn put_daemon_set(stored: &ByName, wanted: &Value) -> Option<Effect> {
    let stored = stored.get(meta::name(wanted));
    match (workload_change(stored, wanted), stored) {
        (Change::Recreate(_), Some(stored)) => {
            Some(delete(&DAEMON_SET, stored, Propagation::Foreground))
        }
        (change, _) => write(&DAEMON_SET, change),
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

fn recreate(stored: &Value, pods: Pods<'_>, recreation: &Recreation) -> Vec<Effect> {
    if recreation.replaces_pods {
        return vec![delete(&STATEFUL_SET, stored, Propagation::Foreground)];
    }
    let own =
        |pod: &&Value| meta::controller_of(pod).is_some_and(|owner| owner.uid == meta::uid(stored));
    let own = pods.found.iter().filter(own);
    let wanted = recreation.pod_labels.as_ref().filter(|_| pods.can_label);
    let labelled = wanted.map(|wanted| own.filter_map(|pod| label(pod, wanted)));
    let mut effects: Vec<Effect> = labelled.into_iter().flatten().collect();
    effects.push(delete(&STATEFUL_SET, stored, Propagation::Orphan));
    effects
}

/// Gives a pod the labels that it lacks.
fn label(pod: &Value, wanted: &Texts) -> Option<Effect> {
    let labels = meta::labels(pod);
    let missing: BTreeMap<&String, &String> = wanted
        .iter()
        .filter(|(key, value)| labels.get(*key) != Some(value))
        .collect();
    let patch = Patch::Merge(json!({"metadata": {"labels": missing}}));
    let key = ObjectKey::of(pod);
    (!missing.is_empty()).then(|| Effect::patch(runtime::resource::POD, key, patch))
}

/// Pods that belong to nobody and have names that the StatefulSet needs: they get its labels, so that it adopts them. Where
/// that isn't allowed one is deleted, as soon as all others are ready.
fn take_in(set: &Value, pods: Pods<'_>) -> Vec<Effect> {
    let selector = meta::string_map(set.pointer("/spec/selector/matchLabels"));
    let replicas = set.pointer("/spec/replicas").and_then(Value::as_u64);
    let replicas = replicas.unwrap_or(1);
    let ordinal = |pod: &Value| -> Option<u64> {
        let rest = meta::name(pod).strip_prefix(meta::name(set))?;
        rest.strip_prefix('-')?.parse().ok()
    };
    let in_the_way = |pod: &&Value| {
        meta::controller_of(pod).is_none()
            && meta::deletion_timestamp(pod).is_none()
            && ordinal(pod).is_some_and(|ordinal| ordinal < replicas)
            && label(pod, &selector).is_some()
    };
    let orphans: Vec<&Value> = pods.found.iter().filter(in_the_way).collect();
    if pods.can_label {
        let labelled = orphans.iter().filter_map(|pod| label(pod, &selector));
        return labelled.collect();
    }
    let ready = set.pointer("/status/readyReplicas").and_then(Value::as_u64);
    let others = replicas.saturating_sub(orphans.len() as u64);
    let first = orphans
        .first()
        .filter(|_| ready.unwrap_or(0) >= others)
        .map(|pod| {
            let (key, uid) = (ObjectKey::of(pod), meta::uid(pod).to_owned());
            Effect::delete(runtime::resource::POD, key, uid)
        });
    first.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::resources::SECRET;
    use super::*;

    fn daemon_set(selector: &str, image: &str) -> Value {
        let labels = json!({"l": selector});
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "namespace": "n", "uid": "u"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]},
                },
            },
        })
    }

    #[test]
    fn of_numbered_ones_beyond_those_that_are_wanted_only_its_own_go() {
        let secret = |name: &str, owner: &str| {
            let controller = json!({
                "apiVersion": "v1", "kind": "K", "name": "k", "uid": owner, "controller": true,
            });
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": name, "namespace": "n", "uid": name, "ownerReferences": [controller],
                },
            })
        };
        let wanted = secret("p-0", "own");
        let all = [("p-1", "own"), ("p-2", "other"), ("q-1", "own")];
        let stored: ByName = all
            .into_iter()
            .map(|(name, owner)| (name.to_owned(), secret(name, owner)))
            .collect();
        let effects = put_numbered(&SECRET, "own", &stored, "p-", vec![wanted.clone()]);
        let gone = delete(&SECRET, &secret("p-1", "own"), Propagation::Background);
        assert_eq!(effects, [Effect::create(SECRET, wanted), gone]);
    }

    #[test]
    fn a_daemon_set_is_made_changed_and_made_anew_with_its_pods() {
        let wanted = daemon_set("1", "i");
        let none = ByName::new();
        assert_eq!(
            put_daemon_set(&none, &wanted),
            Some(Effect::create(DAEMON_SET, wanted.clone()))
        );
        let mut kept = wanted.clone();
        machinery::builtin::defaults::apply("apps", "v1", "DaemonSet", &mut kept);
        meta::set_resource_version(&mut kept, "7");
        let mut stored = ByName::from([("d".to_owned(), kept)]);
        assert_eq!(put_daemon_set(&stored, &wanted), None);
        let other = daemon_set("1", "j");
        let Some(Effect::Update { object, .. }) = put_daemon_set(&stored, &other) else {
            panic!("not updated");
        };
        assert_eq!(meta::resource_version(&object), "7");
        assert_eq!(meta::annotations(&object), BTreeMap::new());
        let Some(Effect::Delete { options, .. }) = put_daemon_set(&stored, &daemon_set("2", "i"))
        else {
            panic!("not made anew");
        };
        assert_eq!(options.propagation, Some(Propagation::Foreground));
        assert_eq!(options.uid.as_deref(), Some("u"));
        let going = json!("2030-01-01T00:00:00Z");
        for set in stored.values_mut() {
            meta::set(set, "deletionTimestamp", going.clone());
        }
        assert_eq!(put_daemon_set(&stored, &other), None);
    }
}
