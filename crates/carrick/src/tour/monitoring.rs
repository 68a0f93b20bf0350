//! What the tour shows of monitoring: asked of Prometheus and Alertmanager themselves, and of the receiver's log.

use std::time::Duration;

use anyhow::Result;
use monitoring::api::GROUP;
use runtime::resource::{POD, ResourceRef};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cli::Objects;
use crate::part::{items, text};

pub(super) const PROMETHEUS: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "Prometheus", "prometheuses");
pub(super) const ALERTMANAGER: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "Alertmanager", "alertmanagers");
pub(super) const ALERTMANAGER_CONFIG: ResourceRef = ResourceRef::namespaced(
    GROUP,
    "v1alpha1",
    "AlertmanagerConfig",
    "alertmanagerconfigs",
);
pub(super) const SERVICE_MONITOR: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "ServiceMonitor", "servicemonitors");
pub(super) const PROMETHEUS_RULE: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "PrometheusRule", "prometheusrules");

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Targets of `examples/monitoring/hello.yaml`.
const TARGETS: usize = 2;
/// The alert of `examples/monitoring/alert.yaml`.
const ALERT: &str = "HelloIsAsked";

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Prometheus and Alertmanager are ready.
    Available,
    /// Both pods are targets, and up.
    TargetsUp,
    /// The rule fires.
    Firing,
    /// The receiver got the alert.
    Arrived,
}

/// The picture of what is waited for; `None` until it is there.
pub async fn picture(objects: &Objects, look: Look) -> Result<Option<String>> {
    let prometheus = pod(objects, "prometheus=main").await?;
    let alertmanager = pod(objects, "alertmanager=main").await?;
    let (Some(prometheus), Some(alertmanager)) = (prometheus, alertmanager) else {
        return Ok(None);
    };
    Ok(match look {
        Look::Available => Some(format!(
            "{:<22}http://{}:9090\n{:<22}http://{}:9093\n",
            prometheus.name, prometheus.ip, alertmanager.name, alertmanager.ip
        )),
        Look::TargetsUp => {
            let answer = get(&prometheus.ip, "/api/v1/targets?state=active").await;
            let page = format!("http://{}:9090/targets", prometheus.ip);
            answer.and_then(|answer| targets(&answer, &page))
        }
        Look::Firing => {
            let answer = get(&prometheus.ip, "/api/v1/alerts").await;
            let page = format!("http://{}:9090/alerts", prometheus.ip);
            answer.and_then(|answer| alerts(&answer, &page))
        }
        Look::Arrived => match pod(objects, "app=receiver").await? {
            Some(receiver) => {
                let path = format!("{}/{}/log", POD.collection_path("default"), receiver.name);
                let log = objects.client.read(&path).await?;
                arrived(&String::from_utf8_lossy(&log))
            }
            None => None,
        },
    })
}

/// A pod that is ready.
struct Ready {
    name: String,
    ip: String,
}

async fn pod(objects: &Objects, selector: &str) -> Result<Option<Ready>> {
    let pods = objects
        .client
        .list(&POD, &objects.namespace, selector)
        .await?;
    let ready = |pod: &&Value| {
        items(pod, "/status/conditions")
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    Ok(pods.iter().find(ready).map(|pod| Ready {
        name: text(pod, "/metadata/name").to_owned(),
        ip: text(pod, "/status/podIP").to_owned(),
    }))
}

/// What a page of Prometheus' API answers; `None` if it doesn't.
async fn get(ip: &str, path: &str) -> Option<Value> {
    let asking = async {
        let mut stream = TcpStream::connect((ip, 9090)).await.ok()?;
        // HTTP/1.0 comes in one piece and ends.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {ip}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await.ok()?;
        let (_, body) = response.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    };
    tokio::time::timeout(PATIENCE, asking).await.ok().flatten()
}

fn targets(answer: &Value, page: &str) -> Option<String> {
    let up = items(answer, "/data/activeTargets").filter(|one| one["health"] == "up");
    let mut lines: Vec<String> = up
        .map(|one| {
            let label = |name: &str| text(one, &format!("/labels/{name}"));
            format!(
                "{:<32}{:<8}{:<26}up\n",
                text(one, "/scrapePool"),
                label("job"),
                label("pod")
            )
        })
        .collect();
    lines.sort();
    (lines.len() >= TARGETS).then(|| {
        let head = format!("{:<32}{:<8}{:<26}HEALTH", "POOL", "JOB", "POD");
        format!("{head}\n{}\nin its own page: {page}\n", lines.concat())
    })
}

fn alerts(answer: &Value, page: &str) -> Option<String> {
    let mut firing = items(answer, "/data/alerts")
        .filter(|one| one["state"] == "firing" && text(one, "/labels/alertname") == ALERT);
    let first = firing.next()?;
    Some(format!(
        "{ALERT} is firing: {}\n\nin its own page: {page}\n",
        text(first, "/annotations/summary")
    ))
}

/// The first alert that a log tells of.
fn arrived(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let sent: Value = serde_json::from_str(line).ok()?;
        let alert = items(&sent, "/alerts").next()?;
        (text(alert, "/labels/alertname") == ALERT).then(|| {
            format!(
                "POST /alerts\nstatus    {}\nreceiver  {}\nalert     {ALERT}: {}\n",
                text(&sent, "/status"),
                text(&sent, "/receiver"),
                text(alert, "/annotations/summary")
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_shown_once_all_are_up() {
        let target = |pod: &str, health: &str| json!({"health": health, "scrapePool": "serviceMonitor/default/hello/0", "labels": {"job": "hello", "pod": pod}});
        let answer = |second: &str| json!({"data": {"activeTargets": [target("hello-2", second), target("hello-1", "up")]}});
        assert_eq!(targets(&answer("unknown"), "PAGE"), None);
        let shown = targets(&answer("up"), "PAGE").unwrap();
        let rows: Vec<&str> = shown.lines().filter(|line| line.ends_with("up")).collect();
        assert!(
            rows[0].contains("hello-1") && rows[1].contains("hello-2"),
            "{shown}"
        );
    }

    #[test]
    fn an_alert_is_found_in_a_log_of_other_things() {
        let sent = json!({"status": "firing", "receiver": "default/receiver/receiver", "alerts": [
            {"labels": {"alertname": ALERT}, "annotations": {"summary": "asked"}}]});
        assert_eq!(arrived("listening\nGET / HTTP/1.1"), None);
        let shown = arrived(&format!("POST /alerts HTTP/1.1\n{sent}\n")).unwrap();
        assert!(
            shown.contains("default/receiver/receiver") && shown.ends_with("asked\n"),
            "{shown}"
        );
    }
}
