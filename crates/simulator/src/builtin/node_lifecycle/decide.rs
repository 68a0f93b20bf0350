//! Pure decisions about nodes: silence, taints, and when a pod has to go.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builtin::object::{self, flag, integer, items, text, time};

/// Seconds without a sign of life until a node counts as silent.
const GRACE: i64 = 50;
/// Seconds a pod stays on a troubled node unless it says otherwise; the API server gives pods tolerations that say so.
const PATIENCE: i64 = 300;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Whether a node is silent, and if not, when it will be unless heard of. Silence before `resumed` doesn't count.
pub(crate) fn silence(
    node: &Value,
    lease: Option<&Value>,
    resumed: Option<Timestamp>,
    now: Timestamp,
) -> (bool, Option<Timestamp>) {
    let heartbeat = object::condition(node, "Ready").and_then(|c| time(c, "/lastHeartbeatTime"));
    let renewed = lease.and_then(|l| time(l, "/spec/renewTime"));
    let last = [
        heartbeat,
        renewed,
        resumed,
        time(node, "/metadata/creationTimestamp"),
    ]
    .into_iter()
    .flatten()
    .max();
    let Some(end) = last.map(|at| object::seconds_after(at, GRACE)) else {
        return (false, None);
    };
    (end <= now, Some(end))
}

/// The status of a silent node; `None` where it says so already.
pub(crate) fn unknown_status(node: &Value, now: Timestamp) -> Option<Value> {
    let mut conditions: Vec<Value> = items(node, "/status/conditions").to_vec();
    for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        let (stands, made) = match conditions.iter().find(|c| text(c, "/type") == kind) {
            Some(c) => (
                text(c, "/status") == "Unknown",
                with_unknown(
                    c.clone(),
                    "NodeStatusUnknown",
                    "Kubelet stopped posting node status.",
                    now,
                ),
            ),
            None => (
                false,
                with_unknown(
                    json!({"type": kind}),
                    "NodeStatusNeverUpdated",
                    "Kubelet never posted node status.",
                    now,
                ),
            ),
        };
        if stands {
            continue;
        }
        match conditions.iter_mut().find(|c| text(c, "/type") == kind) {
            Some(old) => *old = made,
            None => conditions.push(made),
        }
    }
    if conditions.as_slice() == items(node, "/status/conditions") {
        return None;
    }
    let mut status = node.get("status").cloned().unwrap_or_else(|| json!({}));
    object::set(&mut status, &["conditions"], json!(conditions));
    Some(status)
}

fn with_unknown(mut condition: Value, reason: &str, message: &str, now: Timestamp) -> Value {
    for (key, value) in [
        ("status", "Unknown"),
        ("reason", reason),
        ("message", message),
    ] {
        object::set(&mut condition, &[key], json!(value));
    }
    object::set(
        &mut condition,
        &["lastTransitionTime"],
        json!(object::stamp(now)),
    );
    condition
}

/// Conditions of a node, the status in which each counts, and the taint that keeps pods from being scheduled then.
const CONDITION_TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    (
        "MemoryPressure",
        "True",
        "node.kubernetes.io/memory-pressure",
    ),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
    ),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
/// Taint of a node that was cordoned.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Whether a taint is one that follows from the node.
fn follows(taint: &Value) -> bool {
    let key = text(taint, "/key");
    match text(taint, "/effect") {
        "NoSchedule" => {
            key == UNSCHEDULABLE || CONDITION_TAINTS.iter().any(|(_, _, known)| *known == key)
        }
        "NoExecute" => matches!(key, NOT_READY | UNREACHABLE),
        _ => false,
    }
}

/// Key of the taint that makes pods leave a node that is not ready.
pub(crate) fn execution(node: &Value) -> Option<&'static str> {
    match object::condition(node, "Ready").map_or("", |c| text(c, "/status")) {
        "False" => Some(NOT_READY),
        "Unknown" => Some(UNREACHABLE),
        _ => None,
    }
}

/// Whether a node has a taint of that sort.
pub(crate) fn is_executed(node: &Value) -> bool {
    let taints = items(node, "/spec/taints").iter();
    taints
        .filter(|taint| text(taint, "/effect") == "NoExecute")
        .any(follows)
}

/// Keys and effects of the taints that follow from the node, those that make pods leave only if it `executes`.
fn due_taints(node: &Value, executes: bool) -> Vec<(&'static str, &'static str)> {
    let holds = |kind: &str, status: &str| {
        object::condition(node, kind).is_some_and(|c| text(c, "/status") == status)
    };
    let mut due: Vec<(&str, &str)> = CONDITION_TAINTS
        .iter()
        .filter(|(kind, status, _)| holds(kind, status))
        .map(|(_, _, key)| (*key, "NoSchedule"))
        .collect();
    if flag(node, "/spec/unschedulable") {
        due.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let key = execution(node).filter(|_| executes);
    due.extend(key.map(|key| (key, "NoExecute")));
    due
}

/// The taints a node should have; `None` where it has them.
pub(crate) fn taints(node: &Value, executes: bool, now: Timestamp) -> Option<Value> {
    let old = items(node, "/spec/taints");
    let due = due_taints(node, executes);
    let is = |taint: &Value, (key, effect): (&str, &str)| {
        text(taint, "/key") == key && text(taint, "/effect") == effect
    };
    let keeps = |taint: &&Value| !follows(taint) || due.iter().any(|one| is(taint, *one));
    let mut taints: Vec<Value> = old.iter().filter(keeps).cloned().collect();
    for one in &due {
        if !old.iter().any(|taint| is(taint, *one)) {
            taints.push(json!({"key": one.0, "effect": one.1, "timeAdded": object::stamp(now)}));
        }
    }
    if taints.as_slice() == old {
        None
    } else if taints.is_empty() {
        Some(Value::Null)
    } else {
        Some(json!(taints))
    }
}

/// When a pod has to leave its node for a `NoExecute` taint; `None` if it may stay.
pub(crate) fn evicted_at(pod: &Value, node: &Value) -> Option<Timestamp> {
    items(node, "/spec/taints")
        .iter()
        .filter(|t| text(t, "/effect") == "NoExecute")
        .filter_map(|t| leaves_at(pod, t))
        .min()
}

fn leaves_at(pod: &Value, taint: &Value) -> Option<Timestamp> {
    let added = time(taint, "/timeAdded").unwrap_or(Timestamp::UNIX_EPOCH);
    let key = text(taint, "/key");
    let tolerates = |t: &&Value| {
        let exists = text(t, "/operator") == "Exists";
        let key_fits = if text(t, "/key").is_empty() {
            exists
        } else {
            text(t, "/key") == key
        };
        key_fits
            && (exists || text(t, "/value") == text(taint, "/value"))
            && matches!(text(t, "/effect"), "" | "NoExecute")
    };
    let tolerations: Vec<&Value> = items(pod, "/spec/tolerations")
        .iter()
        .filter(tolerates)
        .collect();
    if tolerations.is_empty() {
        let patience = if matches!(key, NOT_READY | UNREACHABLE) {
            PATIENCE
        } else {
            0
        };
        return Some(object::seconds_after(added, patience));
    }
    let seconds = tolerations
        .iter()
        .filter_map(|t| integer(t, "/tolerationSeconds"))
        .min()?;
    Some(object::seconds_after(added, seconds.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        object::seconds_after("2030-01-01T00:00:00Z".parse().unwrap(), second)
    }

    fn node() -> Value {
        json!({"metadata": {"name": "n"}, "status": {"conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": "2030-01-01T00:00:00Z"}]}})
    }

    #[test]
    fn a_node_is_silent_fifty_seconds_after_its_last_sign_of_life() {
        let lease = json!({"spec": {"renewTime": "2030-01-01T00:00:30.000000Z"}});
        assert_eq!(silence(&node(), None, None, at(49)), (false, Some(at(50))));
        assert_eq!(silence(&node(), None, None, at(50)), (true, Some(at(50))));
        assert_eq!(
            silence(&node(), Some(&lease), None, at(50)),
            (false, Some(at(80)))
        );
        assert_eq!(
            silence(&node(), Some(&lease), Some(at(90)), at(100)),
            (false, Some(at(140)))
        );
    }

    #[test]
    fn a_silent_node_becomes_unknown_once_and_is_tainted() {
        let mut node = node();
        node["status"] = unknown_status(&node, at(50)).unwrap();
        assert_eq!(
            node["status"]["conditions"][0]["reason"],
            "NodeStatusUnknown"
        );
        assert_eq!(unknown_status(&node, at(60)), None);
        node["spec"]["taints"] = taints(&node, true, at(50)).unwrap();
        assert_eq!(
            node["spec"]["taints"],
            json!([
                {"key": UNREACHABLE, "effect": "NoSchedule", "timeAdded": "2030-01-01T00:00:50Z"},
                {"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": "2030-01-01T00:00:50Z"},
            ])
        );
        assert_eq!(taints(&node, true, at(60)), None);
        let kept = json!([{"key": UNREACHABLE, "effect": "NoSchedule", "timeAdded": "2030-01-01T00:00:50Z"}]);
        assert_eq!(taints(&node, false, at(60)), Some(kept));
        node["status"]["conditions"][0]["status"] = json!("True");
        assert_eq!(taints(&node, true, at(60)), Some(Value::Null));
    }

    #[test]
    fn conditions_and_cordons_become_taints_and_other_taints_stay() {
        let mut node = node();
        node["spec"] =
            json!({"unschedulable": true, "taints": [{"key": "mine", "effect": "NoExecute"}]});
        let pressure = json!({"type": "DiskPressure", "status": "True"});
        node["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(pressure);
        let keys = |taints: &Value| -> Vec<String> {
            let taints = taints.as_array().unwrap().iter();
            taints
                .map(|t| text(t, "/key").replace("node.kubernetes.io/", ""))
                .collect()
        };
        let all = taints(&node, true, at(0)).unwrap();
        assert_eq!(keys(&all), ["mine", "disk-pressure", "unschedulable"]);
        node["spec"]["taints"] = all;
        assert_eq!(taints(&node, true, at(9)), None);
        node["spec"]["unschedulable"] = json!(false);
        let rest = taints(&node, true, at(9)).unwrap();
        assert_eq!(keys(&rest), ["mine", "disk-pressure"]);
    }

    #[test]
    fn pods_leave_when_their_patience_is_over() {
        let taint =
            json!({"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": object::stamp(at(0))});
        let node = json!({"spec": {"taints": [taint]}});
        let pod = |tolerations: Value| json!({"spec": {"tolerations": tolerations}});
        assert_eq!(evicted_at(&pod(json!([])), &node), Some(at(300)));
        let brief = json!([{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7}]);
        assert_eq!(evicted_at(&pod(brief), &node), Some(at(7)));
        assert_eq!(
            evicted_at(&pod(json!([{"operator": "Exists"}])), &node),
            None
        );
    }
}
