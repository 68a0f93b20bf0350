//! Which nodes a DaemonSet wants a pod on, and what such a pod looks like.
//!
//! Mirrors `NodeShouldRunDaemonPod` of `daemon_controller.go` and `util/daemonset_util.go`.

use serde_json::{Value, json};

use crate::builtin::object::{self, flag, items, text};
use crate::builtin::pod;
use crate::builtin::scheduler::place;

/// Label of pods and revisions with the revision's hash.
pub(crate) const HASH: &str = "controller-revision-hash";
/// Label of pods with the template's generation, from before there were revisions.
pub(crate) const GENERATION: &str = "pod-template-generation";
/// The same number on the DaemonSet.
const GENERATION_ANNOTATION: &str = "deprecated.daemonset.template.generation";

const REQUIRED: [&str; 4] = [
    "spec",
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// Whether a node is one of the DaemonSet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A pod belongs there.
    Pod,
    /// A pod that is there may stay; no new one is made.
    NoNewPod,
    /// No pod may be there.
    Nothing,
}

/// What the DaemonSet wants on a node.
pub(crate) fn wants(set: &Value, node: &Value) -> Wants {
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let mut pod = json!({"spec": template.get("spec").cloned().unwrap_or_else(|| json!({}))});
    add_tolerations(&mut pod);
    let fixed = text(&pod, "/spec/nodeName");
    if !(fixed.is_empty() || fixed == object::name(node)) || !place::is_selected(&pod, node) {
        return Wants::Nothing;
    }
    let untolerated = |effects: &[&str]| {
        items(node, "/spec/taints").iter().any(|t| {
            let effect = text(t, "/effect");
            effects.contains(&effect)
                && !place::tolerates(&pod, text(t, "/key"), text(t, "/value"), effect)
        })
    };
    if !untolerated(&["NoSchedule", "NoExecute"]) {
        Wants::Pod
    } else if !untolerated(&["NoExecute"]) {
        Wants::NoNewPod
    } else {
        Wants::Nothing
    }
}

/// The template's generation, as the DaemonSet's annotation says.
pub(crate) fn generation(set: &Value) -> Option<i64> {
    object::annotation(set, GENERATION_ANNOTATION)?.parse().ok()
}

/// Whether a pod was made of the present template.
pub(crate) fn is_updated(set: &Value, pod: &Value, hash: &str) -> bool {
    let labels = object::labels(pod);
    let has = |key: &str, value: &str| labels.get(key).map(String::as_str) == Some(value);
    (!hash.is_empty() && has(HASH, hash))
        || generation(set).is_some_and(|g| has(GENERATION, &g.to_string()))
}

/// The pod for a node: it can be bound to no other one.
pub(crate) fn new_pod(set: &Value, node: &str, hash: &str) -> Value {
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let mut pod = pod::from_template(set, &template);
    add_tolerations(&mut pod);
    if let Some(generation) = generation(set) {
        object::set(
            &mut pod,
            &["metadata", "labels", GENERATION],
            json!(generation.to_string()),
        );
    }
    object::set(&mut pod, &["metadata", "labels", HASH], json!(hash));
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    object::set(
        &mut pod,
        &REQUIRED,
        json!({"nodeSelectorTerms": [{"matchFields": [field]}]}),
    );
    pod
}

/// The node a pod is on or can only be bound to.
pub(crate) fn target(pod: &Value) -> Option<&str> {
    let bound = text(pod, "/spec/nodeName");
    if !bound.is_empty() {
        return Some(bound);
    }
    let terms = items(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    let field = terms
        .iter()
        .flat_map(|t| items(t, "/matchFields"))
        .find(|f| text(f, "/key") == "metadata.name" && text(f, "/operator") == "In")?;
    match items(field, "/values") {
        [one] => one.as_str(),
        _ => None,
    }
}

/// Gives a pod the tolerations that keep a daemon on a node in trouble.
fn add_tolerations(pod: &mut Value) {
    let mut wanted = vec![
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    if flag(pod, "/spec/hostNetwork") {
        wanted.push(("network-unavailable", "NoSchedule"));
    }
    let mut tolerations: Vec<Value> = items(pod, "/spec/tolerations").to_vec();
    for (taint, effect) in wanted {
        let key = format!("node.kubernetes.io/{taint}");
        let wanted = json!({"key": key, "operator": "Exists", "effect": effect});
        let same = |t: &&mut Value| {
            ["/key", "/operator", "/effect", "/value"]
                .iter()
                .all(|p| text(t, p) == text(&wanted, p))
        };
        match tolerations.iter_mut().find(same) {
            Some(present) => *present = wanted,
            None => tolerations.push(wanted),
        }
    }
    object::set(pod, &["spec", "tolerations"], json!(tolerations));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(spec: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "agent", "namespace": "d", "uid": "u", "annotations": {GENERATION_ANNOTATION: "2"}},
            "spec": {"template": {"metadata": {"labels": {"app": "agent"}}, "spec": spec}},
        })
    }

    fn node(taint: Option<(&str, &str)>) -> Value {
        let taints: Vec<Value> = taint
            .iter()
            .map(|(key, effect)| json!({"key": key, "effect": effect}))
            .collect();
        json!({"metadata": {"name": "a", "labels": {"zone": "x"}}, "spec": {"taints": taints}})
    }

    #[test]
    fn taints_selectors_and_names_decide_where_a_pod_belongs() {
        let plain = set(&json!({}));
        assert_eq!(wants(&plain, &node(None)), Wants::Pod);
        assert_eq!(
            wants(&plain, &node(Some(("k", "NoSchedule")))),
            Wants::NoNewPod
        );
        assert_eq!(
            wants(&plain, &node(Some(("k", "NoExecute")))),
            Wants::Nothing
        );
        assert_eq!(
            wants(&plain, &node(Some(("k", "PreferNoSchedule")))),
            Wants::Pod
        );
        let cordoned = node(Some(("node.kubernetes.io/unschedulable", "NoSchedule")));
        assert_eq!(wants(&plain, &cordoned), Wants::Pod);
        let elsewhere = set(&json!({"nodeSelector": {"zone": "y"}}));
        assert_eq!(wants(&elsewhere, &node(None)), Wants::Nothing);
        assert_eq!(
            wants(&set(&json!({"nodeName": "b"})), &node(None)),
            Wants::Nothing
        );
    }

    #[test]
    fn a_new_pod_can_only_go_to_its_node() {
        let set = set(&json!({"hostNetwork": true}));
        let pod = new_pod(&set, "b", "abc");
        assert_eq!(
            pod["metadata"]["labels"],
            json!({"app": "agent", HASH: "abc", GENERATION: "2"})
        );
        assert_eq!(target(&pod), Some("b"));
        assert_eq!(items(&pod, "/spec/tolerations").len(), 7);
        assert!(is_updated(&set, &pod, "other"));
        let mut older = pod.clone();
        older["metadata"]["labels"][GENERATION] = json!("1");
        assert!(is_updated(&set, &older, "abc"));
        assert!(!is_updated(&set, &older, "other"));
    }
}
