//! Reading and writing the annotations that carry state (upstream `utils/annotations`).

use std::collections::BTreeMap;

use super::labels;
use super::meta::ObjectMeta;

/// Annotations of a Rollout that are not copied to its ReplicaSets.
const NOT_COPIED: [&str; 5] = [
    labels::LAST_APPLIED_CONFIGURATION,
    labels::REVISION,
    labels::REVISION_HISTORY,
    labels::DESIRED_REPLICAS,
    labels::NOTIFIED,
];

/// An annotation that holds a 32-bit number; absent and unreadable are the same.
pub fn number(meta: &ObjectMeta, key: &str) -> Option<i32> {
    go_int(meta.annotations.get(key)?)
}

/// The revision of any object, 0 without annotation; `None` if it is not a number (upstream `replicaset.Revision`).
pub fn revision(meta: &ObjectMeta) -> Option<i64> {
    match meta.annotations.get(labels::REVISION) {
        None => Some(0),
        Some(text) => text.parse().ok(),
    }
}

/// `spec.replicas` of the Rollout when this ReplicaSet was last scaled.
pub fn desired_replicas(meta: &ObjectMeta) -> Option<i32> {
    number(meta, labels::DESIRED_REPLICAS)
}

/// Generation of the referenced workload, noted on the Rollout.
pub fn workload_generation(meta: &ObjectMeta) -> Option<i32> {
    number(meta, labels::WORKLOAD_GENERATION)
}

/// Whether a Rollout's annotation stays off its ReplicaSets.
pub fn is_not_copied(key: &str) -> bool {
    NOT_COPIED.contains(&key)
}

/// Sets `key` to `value`; true if that changed something. An absent annotation equals an empty one.
pub fn set(annotations: &mut BTreeMap<String, String>, key: &str, value: &str) -> bool {
    if annotations.get(key).map_or("", String::as_str) == value {
        return false;
    }
    annotations.insert(key.to_owned(), value.to_owned());
    true
}

/// Copies a Rollout's annotations to a ReplicaSet; true if that changed something.
pub fn copy_to_replica_set(
    rollout: &BTreeMap<String, String>,
    replica_set: &mut BTreeMap<String, String>,
) -> bool {
    let mut changed = false;
    for (key, value) in rollout.iter().filter(|(key, _)| !is_not_copied(key)) {
        changed |= set(replica_set, key, value);
    }
    changed
}

/// Notes the desired size on a ReplicaSet; true if that changed something.
pub fn set_desired_replicas(annotations: &mut BTreeMap<String, String>, desired: i32) -> bool {
    set(annotations, labels::DESIRED_REPLICAS, &desired.to_string())
}

/// Whether a ReplicaSet's annotations are stale: the desired size, or a deadline left on an empty one.
pub fn replicas_need_update(annotations: &BTreeMap<String, String>, desired: i32) -> bool {
    let noted = annotations
        .get(labels::DESIRED_REPLICAS)
        .map_or("", String::as_str);
    let deadline = annotations
        .get(labels::SCALE_DOWN_DEADLINE)
        .map_or("", String::as_str);
    noted != desired.to_string() || (desired == 0 && !deadline.is_empty())
}

/// Brings a new ReplicaSet's annotations up to date: copies, revision with history, and for one that doesn't exist yet the
/// desired size. True if that changed something; revisions that are no numbers stop it.
pub fn sync_new_replica_set(
    rollout: &ObjectMeta,
    desired: i32,
    annotations: &mut BTreeMap<String, String>,
    revision: &str,
    exists: bool,
) -> bool {
    let mut changed = copy_to_replica_set(&rollout.annotations, annotations);
    let old = annotations.get(labels::REVISION).cloned();
    let old_number = match old.as_deref().unwrap_or_default() {
        "" => 0,
        text => match text.parse::<i64>() {
            Ok(number) => number,
            Err(_) => return false,
        },
    };
    let Ok(new_number) = revision.parse::<i64>() else {
        return false;
    };
    if old_number < new_number {
        annotations.insert(labels::REVISION.to_owned(), revision.to_owned());
        changed = true;
    }
    if let Some(old) = old.filter(|_| changed) {
        let history = match annotations.get(labels::REVISION_HISTORY) {
            Some(history) if !history.is_empty() && !history.starts_with(',') => {
                format!("{history},{old}")
            }
            _ => old,
        };
        annotations.insert(labels::REVISION_HISTORY.to_owned(), history);
    }
    if !exists {
        changed |= set_desired_replicas(annotations, desired);
    }
    changed
}

/// Go's `strconv.ParseInt(text, 10, 32)`: no blanks, a sign allowed.
fn go_int(text: &str) -> Option<i32> {
    text.parse().ok()
}
