//! Pure decisions about nodes: silence, taints, and when a pod has to go.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builtin::object::{self, integer, items, text, time};

/// Seconds without a sign of life until a node counts as silent.
const GRACE: i64 = 50;
/// Seconds a pod stays on a troubled node unless it says otherwise; the API server gives pods tolerations that say so.
const PATIENCE: i64 = 300;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Whether a node is silent, and if not, when it will be unless heard of.
pub(crate) fn silence(
    node: &Value,
    lease: Option<&Value>,
    now: Timestamp,
) -> (bool, Option<Timestamp>) {
    let heartbeat = object::condition(node, "Ready").and_then(|c| time(c, "/lastHeartbeatTime"));
    let renewed = lease.and_then(|l| time(l, "/spec/renewTime"));
    let last = [
        heartbeat,
        renewed,
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

/// The taints a node should have for its Ready condition; `None` where it has them.
pub(crate) fn taints(node: &Value, now: Timestamp) -> Option<Value> {
    let wanted = match object::condition(node, "Ready").map_or("", |c| text(c, "/status")) {
        "True" => None,
        "Unknown" => Some(UNREACHABLE),
        _ => Some(NOT_READY),
    };
    let ours = |t: &&Value| matches!(text(t, "/key"), NOT_READY | UNREACHABLE);
    let old = items(node, "/spec/taints");
    let mut taints: Vec<Value> = old.iter().filter(|t| !ours(t)).cloned().collect();
    let Some(key) = wanted else {
        return (taints.len() != old.len()).then(|| {
            if taints.is_empty() {
                Value::Null
            } else {
                json!(taints)
            }
        });
    };
    for effect in ["NoSchedule", "NoExecute"] {
        let there = old
            .iter()
            .find(|t| text(t, "/key") == key && text(t, "/effect") == effect)
            .cloned();
        taints.push(there.unwrap_or_else(
            || json!({"key": key, "effect": effect, "timeAdded": object::stamp(now)}),
        ));
    }
    let sorted = |list: &[Value]| {
        let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    (sorted(&taints) != sorted(old)).then(|| json!(taints))
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
        assert_eq!(silence(&node(), None, at(49)), (false, Some(at(50))));
        assert_eq!(silence(&node(), None, at(50)), (true, Some(at(50))));
        assert_eq!(
            silence(&node(), Some(&lease), at(50)),
            (false, Some(at(80)))
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
        node["spec"]["taints"] = taints(&node, at(50)).unwrap();
        assert_eq!(
            node["spec"]["taints"],
            json!([
                {"key": UNREACHABLE, "effect": "NoSchedule", "timeAdded": "2030-01-01T00:00:50Z"},
                {"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": "2030-01-01T00:00:50Z"},
            ])
        );
        assert_eq!(taints(&node, at(60)), None);
        node["status"]["conditions"][0]["status"] = json!("True");
        assert_eq!(taints(&node, at(60)), Some(Value::Null));
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
