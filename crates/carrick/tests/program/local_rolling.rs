//! What upstream's end-to-end suite asks of Alertmanagers that are exchanged one after the other (`test/e2e/alertmanager_test.go`):
//! that nobody is told twice, and that nothing gets lost.

use serde_json::{Value, json};

use super::api::exchange;
use super::local_monitoring::{is_ready, on_a_platform, until};
use super::local_upstream::{monitoring, secret};
use super::place::Place;
use super::site::Site;

const REPLICAS: usize = 3;

fn pod(at: usize) -> String {
    format!("alertmanager-rolling-{at}")
}

/// Sends an alert to the Alertmanagers that are there; those that are exchanged just now don't answer.
async fn send(place: &Place<'_>, name: &str) {
    let body = json!([{"labels": {"alertname": name}}]).to_string();
    let request = format!(
        "POST /api/v2/alerts HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for object in place.list("Pod").await {
        if let Some(ip) = object["status"]["podIP"].as_str() {
            let _ = exchange(&format!("{ip}:9093"), &request).await;
        }
    }
}

/// How often a receiver was told of an alert.
fn told(site: &Site, name: &str) -> usize {
    let asked = site.asked();
    let alerts = asked.iter().filter(|asked| {
        let sent: Value = serde_json::from_slice(&asked.body).unwrap();
        sent["groupLabels"]["alertname"] == name
    });
    alerts.count()
}

/// Waits until all are ready that have a label, and goes on sending meanwhile.
async fn until_ready(place: &Place<'_>, round: &str, alerts: &[&str]) {
    let all = until("all are ready", || async {
        for name in alerts {
            send(place, name).await;
        }
        let pods = place.list("Pod").await;
        let ready = pods
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["round"] == round && is_ready(Some(pod)));
        (ready.count() == REPLICAS).then_some(())
    });
    all.await;
}

#[test]
fn no_alert_is_lost_or_told_twice_while_alertmanagers_are_exchanged() {
    on_a_platform("local-rolling", async |_, api| {
        let place = Place::new(api, "rolling", json!({})).await;
        let receiver = Site::plain().await;
        let text = format!(
            "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s\n  repeat_interval: 1h\n\
             receivers:\n- name: hook\n  webhook_configs:\n  - url: http://127.0.0.1:{}/\n",
            receiver.port
        );
        let given = secret("alertmanager-rolling", "alertmanager.yaml", &text);
        place.create(&given).await;
        let spec = json!({"version": "v0.25.0", "replicas": REPLICAS, "podMetadata": {"labels": {"round": "one"}}});
        place
            .create(&monitoring("Alertmanager", "rolling", &spec))
            .await;
        until_ready(&place, "one", &["early"]).await;
        let early = until("the first alert", || async {
            send(&place, "early").await;
            (told(&receiver, "early") > 0).then_some(())
        });
        early.await;

        let patch = json!({"spec": {"podMetadata": {"labels": {"round": "two"}}}});
        place.change("Alertmanager", "rolling", &patch).await;
        // One is gone: what begins now has to get there too.
        let first = format!("{}: exchanged", pod(REPLICAS - 1));
        let begun = until(&first, || async {
            send(&place, "early").await;
            let pods = place.list("Pod").await;
            let exchanged = pods
                .iter()
                .any(|pod| pod["metadata"]["labels"]["round"] == "two");
            exchanged.then_some(())
        });
        begun.await;
        until_ready(&place, "two", &["early", "late"]).await;
        let late = until("the alert of meanwhile", || async {
            send(&place, "late").await;
            (told(&receiver, "late") > 0).then_some(())
        });
        late.await;
        // Whoever is to tell something now has told it.
        send(&place, "last").await;
        receiver
            .until_asked("the last alert", |_| told(&receiver, "last") > 0)
            .await;
        for name in ["early", "late", "last"] {
            assert_eq!(told(&receiver, name), 1, "{name}");
        }
    });
}
