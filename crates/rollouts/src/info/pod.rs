//! A pod as `kubectl get pods` shows it.

use machinery::meta;
use machinery::pointer::{count, items, text};
use serde_json::Value;

use super::Row;

/// A pod of a ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodInfo {
    /// Name, age, status and icon.
    pub row: Row,
    /// Containers that are ready.
    pub ready: usize,
    /// Containers.
    pub containers: usize,
    /// Restarts of all its containers.
    pub restarts: i64,
}

impl PodInfo {
    /// Reads a pod.
    pub fn new(pod: &Value) -> Self {
        let init = initialising(pod);
        let main = running(pod);
        let (status, ready, restarts) = match init {
            Some((reason, restarts)) => (reason, 0, restarts),
            None => main,
        };
        let status = if meta::deletion_timestamp(pod).is_none() {
            status
        } else if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".to_owned()
        } else {
            "Terminating".to_owned()
        };
        Self {
            row: Row {
                name: meta::name(pod).to_owned(),
                created: meta::creation_timestamp(pod),
                icon: icon(&status),
                status,
            },
            ready,
            containers: items(pod, "/spec/containers").len(),
            restarts,
        }
    }

    /// The INFO column: `ready:1/1`, and restarts if there were any.
    pub fn info(&self) -> String {
        let ready = format!("ready:{}/{}", self.ready, self.containers);
        match self.restarts {
            ..=0 => ready,
            restarts => format!("{ready},restarts:{restarts}"),
        }
    }
}

/// The status word of a pod whose init containers haven't all ended well, with their restarts.
fn initialising(pod: &Value) -> Option<(String, i64)> {
    let total = items(pod, "/spec/initContainers").len();
    let mut restarts = 0;
    for (index, container) in items(pod, "/status/initContainerStatuses")
        .iter()
        .enumerate()
    {
        restarts += count(container, "/restartCount");
        let waiting = text(container, "/state/waiting/reason");
        let reason = match container.pointer("/state/terminated") {
            Some(ended) if count(ended, "/exitCode") == 0 => continue,
            Some(ended) => end_reason(ended),
            None if !waiting.is_empty() && waiting != "PodInitializing" => waiting.to_owned(),
            None => format!("{index}/{total}"),
        };
        return Some((format!("Init:{reason}"), restarts));
    }
    None
}

/// The status word of a pod past its init containers, its ready containers and restarts.
fn running(pod: &Value) -> (String, usize, i64) {
    let phase = text(pod, "/status/phase");
    let given = text(pod, "/status/reason");
    let mut reason = if given.is_empty() { phase } else { given }.to_owned();
    let (mut ready, mut restarts) = (0, 0);
    // From the last to the first: what the first says counts most.
    for container in items(pod, "/status/containerStatuses").iter().rev() {
        restarts += count(container, "/restartCount");
        let waiting = text(container, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut reason);
        } else if let Some(ended) = container.pointer("/state/terminated") {
            reason = end_reason(ended);
        } else if container.pointer("/ready") == Some(&Value::Bool(true))
            && container.pointer("/state/running").is_some()
        {
            ready += 1;
        }
    }
    if reason == "Completed" && ready > 0 {
        "Running".clone_into(&mut reason);
    }
    (reason, ready, restarts)
}

fn end_reason(ended: &Value) -> String {
    let reason = text(ended, "/reason");
    let signal = count(ended, "/signal");
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", count(ended, "/exitCode"))
    }
}

fn icon(status: &str) -> &'static str {
    if status.starts_with("Init:") {
        return "◌";
    }
    if status.starts_with("Signal:") || status.starts_with("ExitCode:") {
        return "✖";
    }
    if status.ends_with("Error") || status.starts_with("Err") {
        return "⚠";
    }
    match status {
        "Pending" | "Terminating" | "ContainerCreating" => "◌",
        "Running" | "Completed" => "✔",
        "Failed" | "InvalidImageName" | "CrashLoopBackOff" => "✖",
        "ImagePullBackOff" | "RegistryUnavailable" => "⚠",
        "Unknown" => "?",
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> PodInfo {
        PodInfo::new(&json!({
            "metadata": {"name": "p"},
            "spec": {"containers": [{}, {}], "initContainers": [{}, {}]},
            "status": status,
        }))
    }

    #[test]
    fn a_pod_shows_what_its_first_container_waits_for() {
        let info = pod(&json!({"phase": "Pending", "containerStatuses": [
            {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            {"restartCount": 1, "ready": true, "state": {"running": {}}},
        ]}));
        assert_eq!(
            (info.row.status.as_str(), info.row.icon),
            ("CrashLoopBackOff", "✖")
        );
        assert_eq!(info.info(), "ready:1/2,restarts:3");
    }

    #[test]
    fn init_containers_come_before_everything_else() {
        let ended = json!({"state": {"terminated": {"exitCode": 0}}});
        let info = pod(
            &json!({"phase": "Pending", "initContainerStatuses": [ended, {"state": {"running": {}}}]}),
        );
        assert_eq!((info.row.status.as_str(), info.row.icon), ("Init:1/2", "◌"));
        let failed = json!({"state": {"terminated": {"exitCode": 3}}});
        assert_eq!(
            pod(&json!({"initContainerStatuses": [failed]})).row.status,
            "Init:ExitCode:3"
        );
    }
}
