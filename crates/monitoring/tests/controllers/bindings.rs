//! What selected objects say of who uses them.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::operator::bindings::FINALIZER;
use monitoring::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, PROMETHEUS, SERVICE_MONITOR,
};
use monitoring::run::{Bindings, Gates};
use serde_json::{Value, json};

use crate::cluster::{Cluster, play, play_with};

async fn prometheus(cluster: &Cluster, name: &str, selector: Value) {
    let spec = json!({"serviceMonitorSelector": selector});
    cluster
        .create(&PROMETHEUS, "team", name, json!({"spec": spec}))
        .await;
}

async fn monitor(cluster: &Cluster, name: &str, endpoint: Value) {
    let spec = json!({"selector": {}, "endpoints": [endpoint]});
    let object = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
    cluster.create(&SERVICE_MONITOR, "team", name, object).await;
}

/// Workload and status of each entry, and the message if there is one.
async fn said(cluster: &Cluster, name: &str) -> Vec<String> {
    let bindings = cluster.bindings(&SERVICE_MONITOR, name).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said: Vec<String> = bindings
        .iter()
        .map(|binding| {
            let condition = &binding["conditions"][0];
            let all = [
                &binding["resource"],
                &binding["name"],
                &condition["status"],
                &condition["reason"],
                &condition["message"],
            ];
            let all: Vec<String> = all.into_iter().map(text).collect();
            all.join(" ").trim_end().to_owned()
        })
        .collect();
    said.sort();
    said
}

#[test]
fn a_monitor_says_who_uses_it_until_nobody_does() {
    says_who_uses_it(Bindings::On, &Value::Null);
}

#[test]
fn a_monitor_says_who_uses_it_until_nobody_does_that_is_kept() {
    says_who_uses_it(Bindings::Kept, &json!([FINALIZER]));
}

fn says_who_uses_it(bindings: Bindings, finalizers: &Value) {
    let gates = Gates {
        bindings,
        ..Gates::default()
    };
    let options = RunOptions {
        gates,
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        prometheus(cluster, "one", json!({})).await;
        prometheus(cluster, "two", json!({"matchLabels": {"app": "web"}})).await;
        monitor(cluster, "web", json!({"port": "http"})).await;
        cluster.settled().await;
        assert_eq!(
            said(cluster, "web").await,
            ["prometheuses one True", "prometheuses two True"]
        );
        let other = json!({"metadata": {"labels": {"app": "other"}}});
        cluster.merge(&SERVICE_MONITOR, "web", other).await;
        cluster
            .until("the second one has left", async || {
                said(cluster, "web").await == ["prometheuses one True"]
            })
            .await;
        let written = cluster.written_within(Duration::from_mins(3)).await;
        assert!(
            written.len() <= 1,
            "only the Secret of the second: {written:?}"
        );
        let object = cluster.get(&PROMETHEUS, "one").await.unwrap();
        assert_eq!(object["metadata"]["finalizers"], *finalizers);
        cluster.delete(&PROMETHEUS, "one").await;
        cluster
            .until("it is gone", async || {
                let gone = cluster.get(&PROMETHEUS, "one").await.is_none();
                // What isn't kept goes before nobody says any more that it is used by it.
                gone && (finalizers.is_array() || said(cluster, "web").await.is_empty())
            })
            .await;
        assert_eq!(said(cluster, "web").await, Vec::<String>::new());
    });
}

#[test]
fn a_bad_monitor_says_what_is_wrong_and_then_that_it_is_not() {
    play(async |cluster| {
        prometheus(cluster, "one", json!({})).await;
        monitor(
            cluster,
            "bad",
            json!({"port": "http", "scrapeTimeout": "5m"}),
        )
        .await;
        cluster.settled().await;
        let text = &said(cluster, "bad").await[0];
        let wanted = "prometheuses one False InvalidConfiguration endpoints[0]";
        assert!(text.starts_with(wanted), "{text}");
        let since = cluster.bindings(&SERVICE_MONITOR, "bad").await[0]["conditions"][0].clone();
        assert_eq!(since["observedGeneration"], 1);
        // Another mistake is no transition.
        let worse = json!({"spec": {"endpoints": [{"port": "http", "scrapeTimeout": "6m"}]}});
        cluster.merge(&SERVICE_MONITOR, "bad", worse).await;
        cluster.settled().await;
        let still = cluster.bindings(&SERVICE_MONITOR, "bad").await[0]["conditions"][0].clone();
        assert_eq!(still["observedGeneration"], 2);
        assert_eq!(still["lastTransitionTime"], since["lastTransitionTime"]);
        let good = json!({"spec": {"endpoints": [{"port": "http"}]}});
        cluster.merge(&SERVICE_MONITOR, "bad", good).await;
        cluster
            .until("it is accepted", async || {
                said(cluster, "bad").await == ["prometheuses one True"]
            })
            .await;
    });
}

#[test]
fn a_workload_that_cannot_be_rendered_tells_what_its_selection_is_worth() {
    play(async |cluster| {
        let reference = json!({"name": "none", "key": "k"});
        let spec = json!({"serviceMonitorSelector": {}, "additionalScrapeConfigs": reference});
        cluster
            .create(&PROMETHEUS, "team", "one", json!({"spec": spec}))
            .await;
        monitor(cluster, "web", json!({"port": "http"})).await;
        cluster
            .until_condition(&PROMETHEUS, "one", "Reconciled", "False")
            .await;
        cluster.settled().await;
        assert_eq!(said(cluster, "web").await, ["prometheuses one True"]);
        assert_eq!(
            cluster.condition(&PROMETHEUS, "one", "Reconciled").await["status"],
            "False"
        );
    });
}

#[test]
fn routes_say_who_uses_them_and_a_bad_base_what_is_wrong() {
    play(async |cluster| {
        let base = json!({"name": "base"});
        let spec = json!({"alertmanagerConfiguration": base, "alertmanagerConfigSelector": {}});
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
            .await;
        let routes = |receiver: &str| {
            json!({"spec": {
                "route": {"receiver": receiver},
                "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
            }})
        };
        for (name, receiver) in [("base", "hook"), ("good", "hook"), ("bad", "nobody")] {
            cluster
                .create(&ALERTMANAGER_CONFIG, "team", name, routes(receiver))
                .await;
        }
        cluster.settled().await;
        for (name, status) in [("base", "True"), ("good", "True"), ("bad", "False")] {
            let said = cluster.bindings(&ALERTMANAGER_CONFIG, name).await;
            assert_eq!(said.len(), 1, "{name}");
            assert_eq!(said[0]["resource"], "alertmanagers");
            assert_eq!(said[0]["conditions"][0]["status"], status, "{name}");
        }
    });
}
