//! The status of a pod whose containers really run.
//!
//! Mirrors `getPhase` of `pkg/kubelet/kubelet_pods.go`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::container::{Container, Ended, Phase};
use crate::builtin::object::{self, count, items, text};
use crate::nodes::stages::Stage;
use crate::nodes::status;

/// The whole new status. Without an address nothing has started yet.
pub(super) fn of(
    pod: &Value,
    address: Option<IpAddr>,
    containers: &BTreeMap<String, Container>,
    now: Timestamp,
) -> Value {
    let phase = phase(pod, containers);
    let mut next = pod.clone();
    let mut put = |key: &str, value: Value| object::set(&mut next, &["status", key], value);
    put("phase", json!(phase));
    if pod.pointer("/status/startTime").is_none() {
        put("startTime", json!(object::stamp(now)));
    }
    // The node of these pods is this machine.
    put("hostIP", json!("127.0.0.1"));
    put("hostIPs", json!([{"ip": "127.0.0.1"}]));
    if let Some(address) = address {
        put("podIP", json!(address.to_string()));
        put("podIPs", json!([{"ip": address.to_string()}]));
    }
    put(
        "observedGeneration",
        json!(count(pod, "/metadata/generation")),
    );
    for (list, key) in [
        ("/spec/containers", "containerStatuses"),
        ("/spec/initContainers", "initContainerStatuses"),
    ] {
        let of_list: Vec<Value> = items(pod, list)
            .iter()
            .filter_map(|spec| Some(one(pod, spec, containers.get(text(spec, "/name"))?)))
            .collect();
        if !of_list.is_empty() {
            put(key, json!(of_list));
        }
    }
    let initialised = address.is_some() && is_initialised(pod, containers);
    let stage = match phase {
        "Succeeded" => Stage::Succeeded,
        "Failed" => Stage::Failed,
        _ if !initialised => Stage::Creating,
        _ => Stage::Running,
    };
    let conditions = status::conditions(stage, &next, now);
    object::set(&mut next, &["status", "conditions"], json!(conditions));
    next.get("status").cloned().unwrap_or_default()
}

fn is_initialised(pod: &Value, containers: &BTreeMap<String, Container>) -> bool {
    items(pod, "/spec/initContainers").iter().all(|init| {
        let phase = containers.get(text(init, "/name")).map(|c| &c.phase);
        match phase {
            Some(Phase::Ended(ended)) => ended.code == 0,
            Some(Phase::Running { .. }) => text(init, "/restartPolicy") == "Always",
            Some(Phase::Waiting { .. }) | None => false,
        }
    })
}

fn phase(pod: &Value, containers: &BTreeMap<String, Container>) -> &'static str {
    let of = |list: &str| -> Vec<&Container> {
        items(pod, list)
            .iter()
            .filter_map(|spec| containers.get(text(spec, "/name")))
            .collect()
    };
    let failed = |c: &&Container| matches!(c.phase, Phase::Ended(ended) if ended.code != 0);
    if of("/spec/initContainers").iter().any(failed) {
        return "Failed";
    }
    let main = of("/spec/containers");
    if main.iter().all(|c| matches!(c.phase, Phase::Ended(_))) {
        return if main.iter().any(failed) {
            "Failed"
        } else {
            "Succeeded"
        };
    }
    let has_started = |c: &&Container| {
        c.last.is_some() || matches!(c.phase, Phase::Running { .. } | Phase::Ended(_))
    };
    if main.iter().all(has_started) {
        "Running"
    } else {
        "Pending"
    }
}

fn terminated(id: &str, ended: Ended) -> Value {
    let reason = if ended.code == 0 {
        "Completed"
    } else {
        "Error"
    };
    json!({"terminated": {"exitCode": ended.code, "reason": reason, "startedAt": object::stamp(ended.since),
        "finishedAt": object::stamp(ended.at), "containerID": id}})
}

fn one(pod: &Value, spec: &Value, container: &Container) -> Value {
    let (name, image) = (text(spec, "/name"), text(spec, "/image"));
    let id = |run: i64| format!("carrick://{}/{name}/{run}", object::uid(pod));
    let state = match &container.phase {
        Phase::Waiting {
            reason, message, ..
        } => {
            let mut waiting = json!({"reason": reason});
            if !message.is_empty() {
                object::set(&mut waiting, &["message"], json!(message));
            }
            json!({"waiting": waiting})
        }
        Phase::Running { since } => json!({"running": {"startedAt": object::stamp(*since)}}),
        Phase::Ended(ended) => terminated(&id(container.restarts), *ended),
    };
    let has_run = !matches!(container.phase, Phase::Waiting { .. }) || container.last.is_some();
    // The status is about the newest run: one that waits for the next hasn't been restarted yet.
    let run = match container.phase {
        Phase::Running { .. } | Phase::Ended(_) => container.restarts,
        Phase::Waiting { .. } => (container.restarts - 1).max(0),
    };
    let last = container.last.map_or_else(
        || json!({}),
        |last| terminated(&id(container.restarts - 1), last),
    );
    let ready = match &container.phase {
        Phase::Running { .. } => container.ready(),
        Phase::Ended(ended) => {
            // An init container that did its work is ready.
            ended.code == 0
                && items(pod, "/spec/initContainers")
                    .iter()
                    .any(|c| text(c, "/name") == name)
        }
        Phase::Waiting { .. } => false,
    };
    let mut status = json!({
        "name": name, "image": image, "imageID": if has_run { image } else { "" }, "ready": ready, "started": container.started(),
        "restartCount": run, "state": state, "lastState": last,
    });
    if has_run {
        object::set(&mut status, &["containerID"], json!(id(run)));
    }
    status
}
