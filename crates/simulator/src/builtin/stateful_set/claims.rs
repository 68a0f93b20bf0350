//! The `PersistentVolumeClaims` of a StatefulSet's pods, and who owns them under the retention policy.
//!
//! Mirrors `stateful_set_utils.go` and `stateful_pod_control.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::identity;
use crate::builtin::object::{self, flag, items, text};

/// The claims of a namespace by name.
pub(crate) type Claims = BTreeMap<String, Arc<Value>>;

/// `TEMPLATE-SET-ORDINAL`.
pub(crate) fn name(set: &Value, template: &Value, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", object::name(template), object::name(set))
}

/// The claims a pod needs, as they are to be created.
pub(crate) fn wanted(set: &Value, pod: &Value) -> Vec<Value> {
    let ordinal = identity::ordinal(pod);
    let selected = object::string_map(set, "/spec/selector/matchLabels");
    let one = |template: &Value| {
        let mut labels = object::labels(template);
        labels.extend(selected.clone());
        let mut claim = template.clone();
        object::set(&mut claim, &["apiVersion"], json!("v1"));
        object::set(&mut claim, &["kind"], json!("PersistentVolumeClaim"));
        object::set(
            &mut claim,
            &["metadata", "name"],
            json!(name(set, template, ordinal)),
        );
        object::set(
            &mut claim,
            &["metadata", "namespace"],
            json!(object::namespace(set)),
        );
        object::set(&mut claim, &["metadata", "labels"], json!(labels));
        claim
    };
    items(set, "/spec/volumeClaimTemplates")
        .iter()
        .map(one)
        .collect()
}

/// When claims are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    /// With the pod, once the StatefulSet is scaled below it.
    scaled: bool,
    /// With the StatefulSet.
    deleted: bool,
}

fn policy(set: &Value) -> Policy {
    let deletes = |key: &str| {
        text(
            set,
            &format!("/spec/persistentVolumeClaimRetentionPolicy/{key}"),
        ) == "Delete"
    };
    Policy {
        scaled: deletes("whenScaled"),
        deleted: deletes("whenDeleted"),
    }
}

/// The owner a claim should have.
fn owner<'a>(set: &'a Value, pod: &'a Value) -> Option<&'a Value> {
    let Policy { scaled, deleted } = policy(set);
    let leaves = !identity::is_in_range(set, pod);
    match (scaled, deleted) {
        (true, _) if leaves => Some(pod),
        (_, true) => Some(set),
        (_, false) => None,
    }
}

fn refers_to(reference: &Value, owner: &Value) -> bool {
    text(reference, "/apiVersion") == text(owner, "/apiVersion")
        && text(reference, "/kind") == text(owner, "/kind")
        && text(reference, "/name") == object::name(owner)
}

fn references(claim: &Value) -> &[Value] {
    items(claim, "/metadata/ownerReferences")
}

/// Whether a claim refers to an earlier object of the owner's name.
pub(crate) fn is_stale(claim: &Value, owner: &Value) -> bool {
    references(claim)
        .iter()
        .find(|r| refers_to(r, owner))
        .is_some_and(|r| text(r, "/uid") != object::uid(owner))
}

/// Whether somebody other than the StatefulSet or the pod controls a claim that the policy speaks of.
pub(crate) fn has_foreign_controller(claim: &Value, set: &Value, pod: &Value) -> bool {
    let Policy { scaled, deleted } = policy(set);
    if !scaled && !deleted {
        return false;
    }
    references(claim).iter().any(|r| {
        match [set, pod].into_iter().find(|owner| refers_to(r, owner)) {
            Some(owner) => text(r, "/uid") != object::uid(owner),
            None => flag(r, "/controller"),
        }
    })
}

/// Whether a pod must wait for a claim of its predecessor to go.
pub(crate) fn is_blocked(set: &Value, pod: &Value, claims: &Claims) -> bool {
    policy(set).scaled && of(set, pod, claims).any(|claim| is_stale(claim, pod))
}

/// The claims a pod needs that are there.
fn of<'a>(set: &Value, pod: &Value, claims: &'a Claims) -> impl Iterator<Item = &'a Arc<Value>> {
    let ordinal = identity::ordinal(pod);
    let names: Vec<String> = items(set, "/spec/volumeClaimTemplates")
        .iter()
        .map(|t| name(set, t, ordinal))
        .collect();
    names.into_iter().filter_map(|name| claims.get(&name))
}

/// Whether all claims of a pod that are there have the owner they should have.
pub(crate) fn are_owned(set: &Value, pod: &Value, claims: &Claims) -> bool {
    of(set, pod, claims).all(|claim| is_owned(claim, set, pod))
}

/// Whether all claims of a pod are there, not going, and have the owner they should have.
pub(crate) fn are_complete(set: &Value, pod: &Value, claims: &Claims) -> bool {
    let present = of(set, pod, claims).filter(|c| !object::is_terminating(c));
    present.count() == items(set, "/spec/volumeClaimTemplates").len() && are_owned(set, pod, claims)
}

fn is_owned(claim: &Value, set: &Value, pod: &Value) -> bool {
    if is_stale(claim, set) || is_stale(claim, pod) {
        return true;
    }
    let refers = |owner: &Value| {
        references(claim)
            .iter()
            .any(|r| text(r, "/uid") == object::uid(owner))
    };
    if has_foreign_controller(claim, set, pod) {
        return !refers(set) && !refers(pod);
    }
    let is_idle = |r: &Value| {
        !flag(r, "/controller")
            && [set, pod]
                .iter()
                .any(|owner| text(r, "/uid") == object::uid(owner))
    };
    if references(claim).iter().any(is_idle) {
        return false;
    }
    let wanted = owner(set, pod).map(object::uid);
    [set, pod]
        .iter()
        .all(|o| refers(o) == (wanted == Some(object::uid(o))))
}

/// The claim with the owner it should have; `None` where nothing is to be changed.
pub(crate) fn with_owner(claim: &Value, set: &Value, pod: &Value) -> Option<Value> {
    if is_owned(claim, set, pod) {
        return None;
    }
    let mut kept: Vec<Value> = references(claim)
        .iter()
        .filter(|r| !refers_to(r, set) && !refers_to(r, pod))
        .cloned()
        .collect();
    if !has_foreign_controller(claim, set, pod)
        && let Some(owner) = owner(set, pod)
    {
        kept.push(object::controller_reference(owner));
    }
    let mut claim = claim.clone();
    if kept.is_empty() {
        object::remove(&mut claim, &["metadata", "ownerReferences"]);
    } else {
        object::set(&mut claim, &["metadata", "ownerReferences"], json!(kept));
    }
    Some(claim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(scaled: &str, deleted: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "d", "uid": "set"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": scaled, "whenDeleted": deleted},
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"a": "b"}}, "spec": {"storageClassName": "x"}}]},
        })
    }

    fn pod(ordinal: i64) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("web-{ordinal}"), "uid": format!("pod{ordinal}")}})
    }

    fn owners(claim: &Value, set: &Value, pod: &Value) -> Option<Vec<String>> {
        with_owner(claim, set, pod).map(|c| {
            references(&c)
                .iter()
                .map(|r| text(r, "/uid").to_owned())
                .collect()
        })
    }

    #[test]
    fn a_claim_has_the_templates_labels_and_the_selectors() {
        assert_eq!(
            wanted(&set("Retain", "Retain"), &pod(0)),
            [json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data-web-0", "namespace": "d", "labels": {"a": "b", "app": "web"}}, "spec": {"storageClassName": "x"}})]
        );
    }

    #[test]
    fn the_policy_decides_who_owns_a_claim() {
        let plain = json!({"metadata": {"name": "data-web-0"}});
        let owned = |policy: (&str, &str), ordinal: i64| {
            owners(&plain, &set(policy.0, policy.1), &pod(ordinal))
        };
        let one = |uid: &str| Some(vec![uid.to_owned()]);
        assert_eq!(owned(("Retain", "Retain"), 0), None);
        assert_eq!(owned(("Retain", "Delete"), 0), one("set"));
        assert_eq!(owned(("Retain", "Delete"), 1), one("set"));
        assert_eq!(owned(("Delete", "Retain"), 0), None);
        assert_eq!(owned(("Delete", "Retain"), 1), one("pod1"));
        assert_eq!(owned(("Delete", "Delete"), 0), one("set"));
        assert_eq!(owned(("Delete", "Delete"), 1), one("pod1"));
    }

    #[test]
    fn other_controllers_and_earlier_owners_are_left_alone() {
        let set = set("Delete", "Delete");
        let mut claim = json!({"metadata": {"name": "data-web-0", "ownerReferences": [{"uid": "x", "kind": "Other", "controller": true}]}});
        assert!(has_foreign_controller(&claim, &set, &pod(0)));
        assert_eq!(with_owner(&claim, &set, &pod(0)), None);
        let mut earlier = object::controller_reference(&pod(0));
        earlier["uid"] = json!("earlier");
        claim["metadata"]["ownerReferences"] = json!([earlier]);
        assert_eq!(with_owner(&claim, &set, &pod(0)), None);
        let claims = Claims::from([("data-web-0".to_owned(), Arc::new(claim))]);
        assert!(is_blocked(&set, &pod(0), &claims));
    }
}
