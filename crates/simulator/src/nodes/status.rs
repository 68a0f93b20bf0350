//! The status a pod gets at each stage, as the kubelet and kwok's templates (`testbed/stages.yaml`) write it.
//!
//! Mirrors `pkg/kubelet/status/generate.go` for conditions and their texts.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::stages::{self, Stage};
use crate::builtin::object::{self, annotation, count, flag, items, text};

/// Where a pod runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Address of the node.
    pub(crate) host: String,
    /// Address of the pod.
    pub(crate) pod: String,
}

/// The pod with its whole new status at a stage. `Stage::Deleted` has none: the pod goes.
pub(crate) fn at(
    stage: Stage,
    pod: &Value,
    addresses: &Addresses,
    now: Timestamp,
) -> Option<Value> {
    let phase = match stage {
        Stage::Creating | Stage::PullError | Stage::PullBackOff => "Pending",
        Stage::Running | Stage::Ready | Stage::Gates | Stage::CrashLoop => "Running",
        Stage::Succeeded => "Succeeded",
        Stage::Failed => "Failed",
        Stage::Deleted => return None,
    };
    let mut next = pod.clone();
    let mut put = |key: &str, value: Value| object::set(&mut next, &["status", key], value);
    put("phase", json!(phase));
    put("hostIP", json!(addresses.host));
    put("hostIPs", json!([{"ip": addresses.host}]));
    if pod.pointer("/status/startTime").is_none() {
        put("startTime", json!(object::stamp(now)));
    }
    if stage != Stage::Creating || flag(pod, "/spec/hostNetwork") {
        put("podIP", json!(addresses.pod));
        put("podIPs", json!([{"ip": addresses.pod}]));
    }
    put("containerStatuses", containers(stage, pod, now));
    if !items(pod, "/spec/initContainers").is_empty() {
        put("initContainerStatuses", init_containers(stage, pod, now));
    }
    put(
        "observedGeneration",
        json!(count(pod, "/metadata/generation")),
    );
    let conditions = conditions(stage, &next, now);
    object::set(&mut next, &["status", "conditions"], json!(conditions));
    Some(next)
}

fn containers(stage: Stage, pod: &Value, now: Timestamp) -> Value {
    let old = items(pod, "/status/containerStatuses");
    if stage == Stage::Gates {
        return json!(old);
    }
    let ready = match stage {
        Stage::Running => stages::is_ready_at_once(pod),
        Stage::Ready => true,
        Stage::Creating
        | Stage::PullError
        | Stage::PullBackOff
        | Stage::CrashLoop
        | Stage::Gates
        | Stage::Succeeded
        | Stage::Failed
        | Stage::Deleted => false,
    };
    let one = |container: &Value| {
        let name = text(container, "/name");
        let before = old.iter().find(|s| text(s, "/name") == name);
        let image = text(container, "/image");
        let bad =
            stages::is_bad_image(image) || annotation(pod, stages::STAGE) == Some("image-error");
        let started = matches!(stage, Stage::Running | Stage::Ready);
        let has_run = !matches!(
            stage,
            Stage::Creating | Stage::PullError | Stage::PullBackOff
        );
        let mut status = json!({
            "name": name, "image": image, "ready": ready, "started": started, "lastState": {},
            "imageID": if has_run { image } else { "" },
            "restartCount": if stage == Stage::CrashLoop { 7 } else { 0 },
            "state": state(stage, image, bad, before, now),
        });
        if has_run {
            object::set(
                &mut status,
                &["containerID"],
                json!(container_id(pod, name)),
            );
        }
        if stage == Stage::CrashLoop {
            object::set(
                &mut status,
                &["lastState"],
                terminated(1, "Error", now, None),
            );
        }
        status
    };
    json!(
        items(pod, "/spec/containers")
            .iter()
            .map(one)
            .collect::<Vec<_>>()
    )
}

fn container_id(pod: &Value, container: &str) -> String {
    format!("containerd://{}/{container}", object::uid(pod))
}

fn state(stage: Stage, image: &str, bad: bool, before: Option<&Value>, now: Timestamp) -> Value {
    let running_since = before
        .and_then(|s| s.pointer("/state/running/startedAt"))
        .and_then(Value::as_str);
    match stage {
        Stage::PullError if bad => waiting(
            "ErrImagePull",
            &format!("failed to pull image \"{image}\": not found"),
        ),
        Stage::PullBackOff if bad => waiting(
            "ImagePullBackOff",
            &format!("Back-off pulling image \"{image}\""),
        ),
        Stage::Creating | Stage::PullError | Stage::PullBackOff => {
            json!({"waiting": {"reason": "ContainerCreating"}})
        }
        Stage::CrashLoop => waiting(
            "CrashLoopBackOff",
            "back-off 5m0s restarting failed container",
        ),
        Stage::Running | Stage::Ready | Stage::Gates | Stage::Deleted => {
            json!({"running": {"startedAt": running_since.map_or_else(|| object::stamp(now), str::to_owned)}})
        }
        Stage::Succeeded => terminated(0, "Completed", now, running_since),
        Stage::Failed => terminated(1, "Error", now, running_since),
    }
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

fn terminated(exit_code: i64, reason: &str, now: Timestamp, since: Option<&str>) -> Value {
    let now = object::stamp(now);
    json!({"terminated": {"exitCode": exit_code, "reason": reason, "startedAt": since.unwrap_or(&now), "finishedAt": now}})
}

fn init_containers(stage: Stage, pod: &Value, now: Timestamp) -> Value {
    if !matches!(
        stage,
        Stage::Creating | Stage::PullError | Stage::PullBackOff | Stage::Running | Stage::CrashLoop
    ) {
        return json!(items(pod, "/status/initContainerStatuses"));
    }
    let done = matches!(stage, Stage::Running | Stage::CrashLoop);
    let one = |container: &Value| {
        let (name, image) = (text(container, "/name"), text(container, "/image"));
        let sidecar = text(container, "/restartPolicy") == "Always";
        let phase = match (done, sidecar) {
            (true, true) => json!({"running": {"startedAt": object::stamp(now)}}),
            (true, false) => terminated(0, "Completed", now, None),
            (false, _) => json!({"waiting": {"reason": "PodInitializing"}}),
        };
        let mut status = json!({
            "name": name, "image": image, "imageID": if done { image } else { "" }, "ready": done, "started": done && sidecar,
            "restartCount": 0, "lastState": {}, "state": phase,
        });
        if done {
            object::set(
                &mut status,
                &["containerID"],
                json!(container_id(pod, name)),
            );
        }
        status
    };
    json!(
        items(pod, "/spec/initContainers")
            .iter()
            .map(one)
            .collect::<Vec<_>>()
    )
}

/// The kubelet's four conditions in its order, then what others put there (the scheduler, readiness gates).
pub(crate) fn conditions(stage: Stage, pod: &Value, now: Timestamp) -> Vec<Value> {
    let started = !matches!(stage, Stage::Creating);
    let initialized = items(pod, "/spec/initContainers").is_empty()
        || !matches!(
            stage,
            Stage::Creating | Stage::PullError | Stage::PullBackOff
        );
    let all_ready = items(pod, "/status/containerStatuses")
        .iter()
        .all(|s| flag(s, "/ready"));
    let containers = match stage {
        Stage::Succeeded => ("False", "PodCompleted", String::new()),
        Stage::Failed => ("False", "PodFailed", String::new()),
        Stage::Creating
        | Stage::PullError
        | Stage::PullBackOff
        | Stage::Running
        | Stage::CrashLoop
        | Stage::Ready
        | Stage::Gates
        | Stage::Deleted => {
            if all_ready {
                ("True", "", String::new())
            } else {
                let text = format!("containers with unready status: {}", unready(pod));
                ("False", "ContainersNotReady", text)
            }
        }
    };
    let unmet = stages::unmet_gates(pod);
    let ready = if containers.0 == "True" && !unmet.is_empty() {
        ("False", "ReadinessGatesNotReady", unmet.join(", "))
    } else {
        containers.clone()
    };
    let initialized = if initialized {
        let succeeded = matches!(stage, Stage::Succeeded);
        let reason = if succeeded { "PodCompleted" } else { "" };
        ("True", reason, String::new())
    } else {
        let text = format!("containers with incomplete status: {}", incomplete(pod));
        ("False", "ContainersNotInitialized", text)
    };
    let plain = |yes: bool| (if yes { "True" } else { "False" }, "", String::new());
    let ended = matches!(stage, Stage::Succeeded | Stage::Failed);
    let ours = [
        ("PodReadyToStartContainers", plain(started && !ended)),
        ("Initialized", initialized),
        ("Ready", ready),
        ("ContainersReady", containers),
    ];
    let mut conditions: Vec<Value> = ours
        .iter()
        .map(|(kind, (status, reason, message))| condition(pod, kind, status, reason, message, now))
        .collect();
    let theirs = items(pod, "/status/conditions")
        .iter()
        .filter(|c| ours.iter().all(|(kind, _)| text(c, "/type") != *kind));
    conditions.extend(theirs.cloned());
    conditions
}

fn unready(pod: &Value) -> String {
    listed(
        items(pod, "/status/containerStatuses")
            .iter()
            .filter(|s| !flag(s, "/ready"))
            .map(|s| text(s, "/name")),
    )
}

fn incomplete(pod: &Value) -> String {
    listed(
        items(pod, "/spec/initContainers")
            .iter()
            .map(|s| text(s, "/name")),
    )
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.collect::<Vec<_>>().join(" "))
}

fn condition(
    pod: &Value,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let since = object::condition(pod, kind)
        .filter(|c| text(c, "/status") == status)
        .map_or_else(
            || object::stamp(now),
            |c| text(c, "/lastTransitionTime").to_owned(),
        );
    let mut condition = json!({
        "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since,
        "observedGeneration": count(pod, "/metadata/generation"),
    });
    for (key, value) in [("reason", reason), ("message", message)] {
        if !value.is_empty() {
            object::set(&mut condition, &[key], json!(value));
        }
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({
            "metadata": {"name": "p", "uid": "u", "generation": 1},
            "spec": {"containers": [{"name": "c", "image": "web:1"}]},
            "status": {"phase": "Pending", "qosClass": "BestEffort", "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}]},
        })
    }

    fn step(pod: &mut Value, stage: Stage, now: &str) {
        let addresses = Addresses {
            host: "10.0.0.1".to_owned(),
            pod: "10.244.0.1".to_owned(),
        };
        pod["status"] = at(stage, pod, &addresses, now.parse().unwrap()).unwrap()["status"].clone();
    }

    fn told(pod: &Value) -> Vec<(String, String, String)> {
        let one = |c: &Value| {
            (
                text(c, "/type").to_owned(),
                text(c, "/status").to_owned(),
                text(c, "/lastTransitionTime").to_owned(),
            )
        };
        items(pod, "/status/conditions").iter().map(one).collect()
    }

    #[test]
    fn a_pod_becomes_ready_and_its_conditions_move_only_when_they_change() {
        let mut pod = pod();
        step(&mut pod, Stage::Creating, "2030-01-01T00:00:01Z");
        assert_eq!(
            pod["status"]["containerStatuses"][0]["state"],
            json!({"waiting": {"reason": "ContainerCreating"}})
        );
        step(&mut pod, Stage::Running, "2030-01-01T00:00:02Z");
        let wanted = [
            ("PodReadyToStartContainers", "2030-01-01T00:00:02Z"),
            ("Initialized", "2030-01-01T00:00:01Z"),
            ("Ready", "2030-01-01T00:00:02Z"),
            ("ContainersReady", "2030-01-01T00:00:02Z"),
            ("PodScheduled", "2030-01-01T00:00:00Z"),
        ];
        assert_eq!(
            told(&pod),
            wanted.map(|(kind, at)| (kind.to_owned(), "True".to_owned(), at.to_owned()))
        );
        assert_eq!(
            pod["status"]["containerStatuses"],
            json!([{"name": "c", "image": "web:1", "imageID": "web:1", "containerID": "containerd://u/c", "ready": true, "started": true,
                "restartCount": 0, "lastState": {}, "state": {"running": {"startedAt": "2030-01-01T00:00:02Z"}}}])
        );
        assert_eq!(pod["status"]["phase"], "Running");
        assert_eq!(pod["status"]["podIP"], "10.244.0.1");
        assert_eq!(pod["status"]["startTime"], "2030-01-01T00:00:01Z");
    }

    #[test]
    fn a_gate_keeps_ready_false_and_its_own_condition_is_kept() {
        let mut pod = pod();
        pod["spec"]["readinessGates"] = json!([{"conditionType": "lb"}]);
        pod["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "lb", "status": "False"}));
        step(&mut pod, Stage::Creating, "2030-01-01T00:00:01Z");
        step(&mut pod, Stage::Running, "2030-01-01T00:00:02Z");
        let ready = object::condition(&pod, "Ready").unwrap();
        assert_eq!(text(ready, "/reason"), "ReadinessGatesNotReady");
        assert_eq!(
            text(ready, "/message"),
            "the status of pod readiness gate \"lb\" is not \"True\", but False"
        );
        pod["status"]["conditions"][5]["status"] = json!("True");
        step(&mut pod, Stage::Gates, "2030-01-01T00:00:03Z");
        assert!(object::is_true(&pod, "Ready"));
        assert!(object::is_true(&pod, "lb"));
    }

    #[test]
    fn a_job_pod_ends_with_its_exit_code() {
        let mut pod = pod();
        step(&mut pod, Stage::Creating, "2030-01-01T00:00:01Z");
        step(&mut pod, Stage::Running, "2030-01-01T00:00:02Z");
        step(&mut pod, Stage::Failed, "2030-01-01T00:00:09Z");
        assert_eq!(
            pod["status"]["containerStatuses"][0]["state"],
            json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2030-01-01T00:00:02Z", "finishedAt": "2030-01-01T00:00:09Z"}})
        );
        assert_eq!(
            text(object::condition(&pod, "Ready").unwrap(), "/reason"),
            "PodFailed"
        );
    }
}
