//! What a claim asks for, what a volume offers, and whether they fit.
//!
//! Mirrors `k8s.io/component-helpers/storage/volume` and `pkg/controller/volume/persistentvolume/index.go`.

use std::borrow::Cow;
use std::sync::Arc;

use machinery::labels::Selector;
use machinery::quantity::Quantity;
use serde_json::Value;

use crate::apiserver::resource::Resource;
use crate::builtin::object::{self, annotation, items, text};
use crate::builtin::write::Work;
use crate::session::Session;

/// core/v1 `PersistentVolume`.
pub(crate) const VOLUMES: Resource =
    Resource::new("", "v1", "PersistentVolume", "persistentvolumes", false);
/// storage.k8s.io/v1 `StorageClass`.
pub(crate) const CLASSES: Resource = Resource::new(
    "storage.k8s.io",
    "v1",
    "StorageClass",
    "storageclasses",
    false,
);

/// Annotation of a claim whose volume is final.
pub(crate) const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Annotation of a claim or volume that was bound by the controller, not by a user.
pub(crate) const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Annotation of a volume with the provisioner that made it.
pub(crate) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Annotation of a claim with the node of the pod that waits for it.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Annotations of a claim with the provisioner that is to make its volume.
pub(crate) const PROVISIONER: [&str; 2] = [
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];

/// The name of a claim's or volume's class, `""` for none.
pub(crate) fn class_name(object: &Value) -> &str {
    annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| text(object, "/spec/storageClassName"))
}

/// The class of a claim.
pub(crate) fn class_of(session: &Session<'_>, claim: &Value) -> Option<Arc<Value>> {
    session.get(&CLASSES, "", class_name(claim))
}

/// Whether a claim of this class waits until a pod that uses it has a node.
pub(crate) fn waits_for_consumer(class: Option<&Value>) -> bool {
    class.is_some_and(|c| text(c, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// Whether a claim has its volume.
pub(crate) fn is_bound(claim: &Value) -> bool {
    !text(claim, "/spec/volumeName").is_empty() && annotation(claim, BIND_COMPLETED).is_some()
}

/// Whether a volume is reserved for this very claim.
pub(crate) fn is_reserved_for(volume: &Value, claim: &Value) -> bool {
    let uid = text(volume, "/spec/claimRef/uid");
    text(volume, "/spec/claimRef/name") == object::name(claim)
        && text(volume, "/spec/claimRef/namespace") == object::namespace(claim)
        && (uid.is_empty() || uid == object::uid(claim))
}

/// Whether anybody has reserved a volume.
pub(crate) fn is_reserved(volume: &Value) -> bool {
    !text(volume, "/spec/claimRef/name").is_empty()
}

fn size(object: &Value, pointer: &str) -> Option<Quantity> {
    Quantity::parse(text(object, pointer)).ok()
}

/// The volume for a claim: the one reserved for it, or the smallest that fits. `None` where there is none.
pub(crate) fn best<'a>(
    claim: &Value,
    volumes: &'a [Arc<Value>],
    only_reserved: bool,
) -> Option<&'a Arc<Value>> {
    if let Some(reserved) = volumes
        .iter()
        .find(|v| is_reserved_for(v, claim) && has_room(v, claim))
    {
        return Some(reserved);
    }
    if only_reserved {
        return None;
    }
    let selector = claim
        .pointer("/spec/selector")
        .map(Selector::from_label_selector);
    let selects = |v: &Value| match &selector {
        None => true,
        Some(Ok(selector)) => selector.matches_object(v),
        Some(Err(_)) => false,
    };
    volumes
        .iter()
        .filter(|v| {
            !is_reserved(v)
                && !object::is_terminating(v)
                && text(v, "/status/phase") == "Available"
                && class_name(v) == class_name(claim)
                && has_room(v, claim)
                && selects(v)
        })
        .min_by(|a, b| {
            size(a, "/spec/capacity/storage")
                .cmp(&size(b, "/spec/capacity/storage"))
                .then_with(|| object::name(a).cmp(object::name(b)))
        })
}

/// Whether size, access modes and volume mode of a volume are what a claim asks for.
fn has_room(volume: &Value, claim: &Value) -> bool {
    let modes = items(volume, "/spec/accessModes");
    let mode = |o: &Value| match text(o, "/spec/volumeMode") {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    mode(volume) == mode(claim)
        && items(claim, "/spec/accessModes")
            .iter()
            .all(|m| modes.contains(m))
        && size(volume, "/spec/capacity/storage") >= size(claim, "/spec/resources/requests/storage")
}

/// The claims a pod uses, by name, and whether the pod brings them with it.
pub(crate) fn claims_of(pod: &Value) -> impl Iterator<Item = (Cow<'_, str>, bool)> {
    items(pod, "/spec/volumes").iter().filter_map(|volume| {
        if volume.get("ephemeral").is_some() {
            return Some((ephemeral_claim(pod, volume).into(), true));
        }
        let name = text(volume, "/persistentVolumeClaim/claimName");
        (!name.is_empty()).then_some((name.into(), false))
    })
}

/// Whether a pod uses a claim.
pub(crate) fn uses(pod: &Value, claim: &Value) -> bool {
    claims_of(pod).any(|(name, is_own)| {
        name == object::name(claim) && (!is_own || is_for_pod(pod, claim).is_ok())
    })
}

/// The name of the claim of a volume that a pod brings with it.
pub(crate) fn ephemeral_claim(pod: &Value, volume: &Value) -> String {
    format!("{}-{}", object::name(pod), text(volume, "/name"))
}

/// Whether a claim was made for a pod; the error is upstream's.
pub(crate) fn is_for_pod(pod: &Value, claim: &Value) -> Result<(), String> {
    let owner = object::controller_of(claim);
    if owner.is_some_and(|owner| text(owner, "/uid") == object::uid(pod)) {
        return Ok(());
    }
    let namespace = object::namespace(pod);
    Err(format!(
        "PVC {namespace}/{} was not created for pod {namespace}/{} (pod is not owner)",
        object::name(claim),
        object::name(pod)
    ))
}

/// All volumes.
pub(crate) fn volumes(work: &Work<'_, '_>) -> Vec<Arc<Value>> {
    work.session.list(&VOLUMES, None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume(name: &str, storage: &str, class: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name},
            "spec": {"capacity": {"storage": storage}, "accessModes": ["ReadWriteOnce"], "storageClassName": class},
            "status": {"phase": "Available"}}))
    }

    fn claim() -> Value {
        json!({"metadata": {"name": "c", "namespace": "d", "uid": "u"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "x", "resources": {"requests": {"storage": "2Gi"}}}})
    }

    fn name(found: Option<&Arc<Value>>) -> Option<&str> {
        found.map(|v| object::name(v))
    }

    #[test]
    fn the_smallest_volume_that_fits_is_taken() {
        let volumes = [
            volume("big", "10Gi", "x"),
            volume("fits", "3Gi", "x"),
            volume("small", "1Gi", "x"),
            volume("other", "2Gi", "y"),
        ];
        assert_eq!(name(best(&claim(), &volumes, false)), Some("fits"));
        assert_eq!(name(best(&claim(), &volumes, true)), None);
        let mut many = claim();
        many["spec"]["accessModes"] = json!(["ReadWriteMany"]);
        assert_eq!(name(best(&many, &volumes, false)), None);
    }

    #[test]
    fn a_volume_reserved_for_the_claim_comes_first_and_others_are_left_alone() {
        let reserved = |uid: &str| {
            let mut volume = (*volume("mine", "9Gi", "")).clone();
            volume["spec"]["claimRef"] = json!({"namespace": "d", "name": "c", "uid": uid});
            Arc::new(volume)
        };
        let volumes = [volume("fits", "3Gi", "x"), reserved("")];
        assert_eq!(name(best(&claim(), &volumes, true)), Some("mine"));
        let volumes = [volume("fits", "3Gi", "x"), reserved("earlier")];
        assert_eq!(name(best(&claim(), &volumes, false)), Some("fits"));
    }
}
