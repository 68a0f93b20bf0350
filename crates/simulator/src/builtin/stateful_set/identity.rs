//! What makes a pod a member of a StatefulSet: its ordinal, name, labels, host name and volumes.
//!
//! Mirrors `stateful_set_utils.go`.

use std::ops::Range;

use serde_json::{Value, json};

use super::claims;
use crate::builtin::object::{self, count, integer, items, text};
use crate::builtin::pod;

/// Label with the pod's name.
pub(crate) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// Label with the pod's ordinal.
pub(crate) const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
/// Label with the name of the revision the pod was made of.
pub(crate) const REVISION: &str = "controller-revision-hash";

/// The name before the last dash, and the number behind it; `None` for a name that no StatefulSet gives.
pub(crate) fn parent_and_ordinal(pod: &Value) -> Option<(&str, i64)> {
    let (parent, digits) = object::name(pod).rsplit_once('-')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ordinal = digits.parse::<i32>().map_or(-1, i64::from);
    Some((parent, ordinal))
}

/// The ordinal of a pod, -1 where it has none.
pub(crate) fn ordinal(pod: &Value) -> i64 {
    parent_and_ordinal(pod).map_or(-1, |(_, ordinal)| ordinal)
}

/// Whether a pod is a member by its name.
pub(crate) fn is_member(set: &Value, pod: &Value) -> bool {
    parent_and_ordinal(pod).is_some_and(|(parent, _)| parent == object::name(set))
}

/// The first ordinal.
pub(crate) fn first(set: &Value) -> i64 {
    count(set, "/spec/ordinals/start")
}

/// `spec.replicas`, which the API server defaults to 1.
pub(crate) fn replicas(set: &Value) -> i64 {
    integer(set, "/spec/replicas").unwrap_or(1)
}

/// The ordinals the StatefulSet wants.
pub(crate) fn wanted(set: &Value) -> Range<i64> {
    first(set)..first(set).saturating_add(replicas(set))
}

/// Whether the pod's ordinal is one the StatefulSet wants.
pub(crate) fn is_in_range(set: &Value, pod: &Value) -> bool {
    wanted(set).contains(&ordinal(pod))
}

/// The name of the pod with an ordinal.
pub(crate) fn pod_name(set: &Value, ordinal: i64) -> String {
    format!("{}-{ordinal}", object::name(set))
}

/// A pod of the template of `set`, labelled with the revision that template comes from.
pub(crate) fn new_pod(set: &Value, ordinal: i64, revision: &str) -> Value {
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let mut pod = pod::from_template(set, &template);
    let name = pod_name(set, ordinal);
    object::set(&mut pod, &["metadata", "name"], json!(name));
    set_labels(&mut pod, ordinal);
    object::set(&mut pod, &["metadata", "labels", REVISION], json!(revision));
    object::set(&mut pod, &["spec", "hostname"], json!(name));
    object::set(
        &mut pod,
        &["spec", "subdomain"],
        json!(text(set, "/spec/serviceName")),
    );
    set_volumes(set, &mut pod);
    pod
}

fn set_labels(pod: &mut Value, ordinal: i64) {
    let name = object::name(pod).to_owned();
    object::set(pod, &["metadata", "labels", POD_NAME], json!(name));
    object::set(
        pod,
        &["metadata", "labels", POD_INDEX],
        json!(ordinal.to_string()),
    );
}

/// One volume per claim template, ahead of the others; a volume of the same name makes way.
fn set_volumes(set: &Value, pod: &mut Value) {
    let ordinal = ordinal(pod);
    let templates = items(set, "/spec/volumeClaimTemplates");
    if templates.is_empty() {
        return;
    }
    let mut volumes: Vec<Value> = templates
        .iter()
        .map(|t| {
            let claim = claims::name(set, t, ordinal);
            json!({"name": object::name(t), "persistentVolumeClaim": {"claimName": claim}})
        })
        .collect();
    volumes.extend(
        items(pod, "/spec/volumes")
            .iter()
            .filter(|v| {
                !templates
                    .iter()
                    .any(|t| object::name(t) == text(v, "/name"))
            })
            .cloned(),
    );
    object::set(pod, &["spec", "volumes"], json!(volumes));
}

/// Whether the pod carries its name as a label.
fn has_identity(pod: &Value) -> bool {
    object::labels(pod).get(POD_NAME).map(String::as_str) == Some(object::name(pod))
}

/// Whether the pod has a volume for every claim template.
fn has_volumes(set: &Value, pod: &Value) -> bool {
    let ordinal = ordinal(pod);
    items(set, "/spec/volumeClaimTemplates").iter().all(|t| {
        let claim = claims::name(set, t, ordinal);
        items(pod, "/spec/volumes").iter().any(|v| {
            text(v, "/name") == object::name(t)
                && text(v, "/persistentVolumeClaim/claimName") == claim
        })
    })
}

/// Whether labels and volumes of a pod are as they should be.
pub(crate) fn is_consistent(set: &Value, pod: &Value) -> bool {
    has_identity(pod) && has_volumes(set, pod)
}

/// The pod with labels and volumes as they should be.
pub(crate) fn corrected(set: &Value, pod: &Value) -> Value {
    let mut corrected = pod.clone();
    if !has_identity(pod) {
        set_labels(&mut corrected, ordinal(pod));
    }
    if !has_volumes(set, pod) {
        set_volumes(set, &mut corrected);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_parent_and_ordinal() {
        let of = |name: &str| {
            let pod = json!({"metadata": {"name": name}});
            parent_and_ordinal(&pod).map(|(parent, ordinal)| (parent.to_owned(), ordinal))
        };
        assert_eq!(of("a-b-12"), Some(("a-b".to_owned(), 12)));
        assert_eq!(of("a-99999999999"), Some(("a".to_owned(), -1)));
        assert_eq!(of("a-"), None);
        assert_eq!(of("a-x1"), None);
    }

    #[test]
    fn a_new_pod_has_its_identity_and_a_volume_per_claim() {
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "d", "uid": "u"},
            "spec": {"serviceName": "svc", "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
                "template": {"metadata": {"labels": {"app": "web"}},
                    "spec": {"volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]}}},
        });
        let pod = new_pod(&set, 3, "web-abc");
        assert_eq!(
            pod["metadata"]["labels"],
            json!({"app": "web", POD_NAME: "web-3", POD_INDEX: "3", REVISION: "web-abc"})
        );
        assert_eq!(
            pod["spec"],
            json!({"hostname": "web-3", "subdomain": "svc", "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-3"}}, {"name": "tmp", "emptyDir": {}}]})
        );
        assert!(is_consistent(&set, &pod));
        let mut stripped = pod.clone();
        object::remove(&mut stripped, &["metadata", "labels", POD_NAME]);
        assert!(!is_consistent(&set, &stripped));
        assert_eq!(corrected(&set, &stripped), pod);
    }
}
