//! Rows of pods: the STATUS column is a summary of phase, conditions and container states.

use jiff::Timestamp;
use machinery::human;
use serde_json::Value;

use super::view::View;

/// What the containers of a pod add up to.
#[derive(Default)]
struct Summary {
    restarts: i64,
    last_restart: Option<Timestamp>,
    ready: usize,
    total: usize,
    reason: String,
}

pub(super) fn cells(pod: View<'_>) -> Vec<Value> {
    let summary = summarize(pod);
    let restarts = match summary.last_restart {
        Some(at) if summary.restarts != 0 => {
            format!(
                "{} ({} ago)",
                summary.restarts,
                human::age(Some(at), pod.now())
            )
        }
        Some(_) | None => summary.restarts.to_string(),
    };
    vec![
        pod.name(),
        Value::from(format!("{}/{}", summary.ready, summary.total)),
        Value::from(summary.reason),
        Value::from(restarts),
        pod.age(),
        Value::from(pod.str_or("/status/podIPs/0/ip", "<none>")),
        Value::from(pod.str_or("/spec/nodeName", "<none>")),
        Value::from(pod.str_or("/status/nominatedNodeName", "<none>")),
        Value::from(readiness_gates(pod)),
    ]
}

fn readiness_gates(pod: View<'_>) -> String {
    let gates = pod.list("/spec/readinessGates");
    let total = gates.len();
    if total == 0 {
        return "<none>".to_owned();
    }
    let passed = gates
        .filter(|gate| condition(pod, gate.str("/conditionType")) == Some("True"))
        .count();
    format!("{passed}/{total}")
}

fn condition<'a>(pod: View<'a>, kind: &str) -> Option<&'a str> {
    pod.list("/status/conditions")
        .find(|condition| condition.str("/type") == kind)
        .map(|condition| condition.str("/status"))
}

fn summarize(pod: View<'_>) -> Summary {
    let sidecars: Vec<&str> = pod
        .list("/spec/initContainers")
        .filter(|container| container.str("/restartPolicy") == "Always")
        .map(|container| container.str("/name"))
        .collect();
    let mut summary = Summary {
        total: pod.len("/spec/containers") + sidecars.len(),
        reason: pod.str_or("/status/reason", "").to_owned(),
        ..Summary::default()
    };
    if summary.reason.is_empty() {
        pod.str("/status/phase").clone_into(&mut summary.reason);
    }
    let gated = |condition: View<'_>| {
        condition.str("/type") == "PodScheduled" && condition.str("/reason") == "SchedulingGated"
    };
    if pod.list("/status/conditions").any(gated) {
        "SchedulingGated".clone_into(&mut summary.reason);
    }
    let init = init_containers(pod, &sidecars, &mut summary);
    if init.finished || condition(pod, "Initialized") == Some("True") {
        (summary.restarts, summary.last_restart) = init.restarts;
        containers(pod, &mut summary);
    }
    let deleted = pod.has("/metadata/deletionTimestamp");
    let terminal = matches!(pod.str("/status/phase"), "Succeeded" | "Failed");
    if deleted && pod.str("/status/reason") == "NodeLost" {
        "Unknown".clone_into(&mut summary.reason);
    } else if deleted && !terminal {
        "Terminating".clone_into(&mut summary.reason);
    }
    summary
}

struct InitOutcome {
    /// No init container is still at work.
    finished: bool,
    /// Restarts of sidecars, and when the last was.
    restarts: (i64, Option<Timestamp>),
}

fn init_containers(pod: View<'_>, sidecars: &[&str], summary: &mut Summary) -> InitOutcome {
    let mut restarts = (0, None);
    for (index, status) in pod.list("/status/initContainerStatuses").enumerate() {
        let sidecar = sidecars.contains(&status.str("/name"));
        let finished_at = status.instant("/lastState/terminated/finishedAt");
        summary.restarts += status.int("/restartCount");
        summary.last_restart = summary.last_restart.max(finished_at);
        if sidecar {
            restarts.0 += status.int("/restartCount");
            restarts.1 = restarts.1.max(finished_at);
        }
        let terminated = status.has("/state/terminated");
        if terminated && status.int("/state/terminated/exitCode") == 0 {
            continue;
        }
        if sidecar && status.bool("/started") {
            summary.ready += usize::from(status.bool("/ready"));
            continue;
        }
        let waiting = status.str("/state/waiting/reason");
        summary.reason = if terminated {
            format!("Init:{}", ended(status))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{}", pod.len("/spec/initContainers"))
        };
        return InitOutcome {
            finished: false,
            restarts,
        };
    }
    InitOutcome {
        finished: true,
        restarts,
    }
}

/// Reason, signal or exit code of a terminated container.
fn ended(status: View<'_>) -> String {
    let reason = status.str("/state/terminated/reason");
    let signal = status.int("/state/terminated/signal");
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", status.int("/state/terminated/exitCode"))
    }
}

fn containers(pod: View<'_>, summary: &mut Summary) {
    let mut running = false;
    let mut failure = String::new();
    for status in pod.list("/status/containerStatuses").rev() {
        summary.restarts += status.int("/restartCount");
        summary.last_restart = summary
            .last_restart
            .max(status.instant("/lastState/terminated/finishedAt"));
        let waiting = status.str("/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if status.has("/state/terminated") {
            summary.reason = ended(status);
            if status.int("/state/terminated/exitCode") != 0 {
                summary.reason.clone_into(&mut failure);
            }
        } else if status.bool("/ready") && status.has("/state/running") {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" {
        if running && condition(pod, "Ready") == Some("True") {
            "Running".clone_into(&mut summary.reason);
        } else if !failure.is_empty() {
            summary.reason = failure;
        } else if running {
            "NotReady".clone_into(&mut summary.reason);
        }
    }
}
