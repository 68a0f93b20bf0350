//! The writes of this controller as effects: one function for each form that upstream's users can observe.
//!
//! Upstream updates whole ReplicaSets and Rollouts; these are merge patches of the fields meant, so that nothing we
//! do not know is lost (`docs/differences.md`). Patches that take something away carry the resource version they were
//! decided on, so that a stale decision is refused.

pub use crate::api::ROLLOUT;
pub use runtime::resource::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, SERVICE};
use runtime::{Effect, ObjectKey, ObjectReference, Patch};
use serde_json::{Value, json};

use crate::api::ObjectMeta;
use crate::api::labels::{
    DESIRED_REPLICAS, MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH, SCALE_DOWN_DEADLINE,
};
use crate::rollout::tree::put;
use crate::views::{ReplicaSetView, ServiceView};

/// The key of an object.
pub fn key(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(meta.namespace.clone(), meta.name.clone())
}

/// Sets a ReplicaSet's size and the size it was scaled for; `drop_deadline` also removes its scale-down deadline.
pub fn scale(set: &ReplicaSetView, replicas: i32, desired: i32, drop_deadline: bool) -> Effect {
    let mut metadata = json!({"annotations": {DESIRED_REPLICAS: desired.to_string()}});
    if drop_deadline && set.metadata.annotations.contains_key(SCALE_DOWN_DEADLINE) {
        put(
            &mut metadata,
            &["annotations", SCALE_DOWN_DEADLINE],
            Value::Null,
        );
    }
    let mut patch = json!({"metadata": metadata});
    if replicas != set.spec_replicas() {
        put(&mut patch, &["spec", "replicas"], json!(replicas));
    }
    if replicas < set.spec_replicas() {
        lock(&mut patch, &set.metadata);
    }
    Effect::merge_patch(REPLICA_SET, key(&set.metadata), patch)
}

/// Changes fields of a ReplicaSet by a merge patch.
pub fn patch_replica_set(set: &ReplicaSetView, patch: Value) -> Effect {
    Effect::merge_patch(REPLICA_SET, key(&set.metadata), patch)
}

/// Adds the deadline after which a ReplicaSet is scaled to 0.
pub fn add_deadline(set: &ReplicaSetView, deadline: &str) -> Effect {
    let operation = json!([{"op": "add", "path": format!("/metadata/annotations/{SCALE_DOWN_DEADLINE}"), "value": deadline}]);
    Effect::patch(REPLICA_SET, key(&set.metadata), Patch::Json(operation))
}

/// Removes a ReplicaSet's scale-down deadline.
pub fn remove_deadline(set: &ReplicaSetView) -> Effect {
    let operation =
        json!([{"op": "remove", "path": format!("/metadata/annotations/{SCALE_DOWN_DEADLINE}")}]);
    Effect::patch(REPLICA_SET, key(&set.metadata), Patch::Json(operation))
}

/// Points a Service at the pods with this hash, claiming it for the Rollout if nobody has.
pub fn switch_service(service: &ServiceView, rollout: &str, hash: &str) -> Effect {
    let mut patch = json!({"spec": {"selector": {POD_TEMPLATE_HASH: hash}}});
    if !service
        .metadata
        .annotations
        .contains_key(MANAGED_BY_ROLLOUTS)
    {
        put(
            &mut patch,
            &["metadata", "annotations", MANAGED_BY_ROLLOUTS],
            json!(rollout),
        );
    }
    Effect::patch(SERVICE, key(&service.metadata), Patch::Strategic(patch))
}

/// Merge patch of the Rollout itself.
pub fn patch_rollout(key: &ObjectKey, patch: Value) -> Effect {
    Effect::merge_patch(ROLLOUT, key.clone(), patch)
}

/// Scales the Deployment that a Rollout takes over.
pub fn scale_deployment(key: &ObjectKey, resource_version: &str, replicas: i32) -> Effect {
    let patch =
        json!({"metadata": {"resourceVersion": resource_version}, "spec": {"replicas": replicas}});
    Effect::merge_patch(DEPLOYMENT, key.clone(), patch)
}

/// Makes an orphan ours, if it is still the object we saw.
pub fn adopt(set: &ReplicaSetView, owner: &Value) -> Effect {
    let patch = json!({"metadata": {"ownerReferences": [owner], "uid": set.metadata.uid}});
    Effect::patch(REPLICA_SET, key(&set.metadata), Patch::Strategic(patch))
}

/// Lets go of a ReplicaSet that our selector no longer matches.
pub fn release(set: &ReplicaSetView, owner_uid: &str) -> Effect {
    let reference = json!([{"$patch": "delete", "uid": owner_uid}]);
    let patch = json!({"metadata": {"ownerReferences": reference, "uid": set.metadata.uid}});
    Effect::patch(REPLICA_SET, key(&set.metadata), Patch::Strategic(patch))
}

/// Refuses the patch unless the object is still in the state that the decision was made on.
pub fn lock(patch: &mut Value, meta: &ObjectMeta) {
    if !meta.resource_version.is_empty() {
        put(
            patch,
            &["metadata", "resourceVersion"],
            json!(meta.resource_version),
        );
    }
}

/// A Normal event about the Rollout.
pub fn event(regarding: &ObjectReference, reason: &'static str, message: String) -> Effect {
    Effect::event(regarding.clone(), reason, message)
}
