//! Alertmanagers.

use std::time::Duration;

use monitoring::operator::resources::{ALERTMANAGER, ALERTMANAGER_CONFIG, SECRET, STATEFUL_SET};
use runtime::resource::SERVICE;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play};

async fn alertmanager(cluster: &Cluster, spec: Value) {
    cluster
        .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
        .await;
}

async fn routes(cluster: &Cluster, name: &str, receiver: &str) {
    let spec = json!({
        "route": {"receiver": receiver},
        "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
    });
    cluster
        .create(&ALERTMANAGER_CONFIG, "team", name, json!({"spec": spec}))
        .await;
}

async fn configuration(cluster: &Cluster) -> String {
    cluster
        .compressed("alertmanager-main-generated", "alertmanager.yaml.gz")
        .await
}

async fn condition(cluster: &Cluster, kind: &str) -> Value {
    cluster.condition(&ALERTMANAGER, "main", kind).await
}

#[test]
fn a_cluster_gets_all_it_needs_and_becomes_available() {
    play(async |cluster| {
        alertmanager(cluster, json!({"replicas": 3})).await;
        cluster
            .until("available", async || {
                condition(cluster, "Available").await["status"] == "True"
            })
            .await;
        let set = cluster.get(&STATEFUL_SET, "alertmanager-main").await;
        assert_eq!(set.unwrap()["spec"]["replicas"], 3);
        assert!(
            cluster
                .get(&SERVICE, "alertmanager-operated")
                .await
                .is_some()
        );
        assert_eq!(
            configuration(cluster).await,
            "route:\n  receiver: 'null'\nreceivers:\n- name: 'null'"
        );
        assert_eq!(
            cluster.written_within(Duration::from_mins(3)).await,
            Vec::<String>::new()
        );
    });
}

#[test]
fn the_users_secret_is_followed_with_all_its_keys() {
    play(async |cluster| {
        let given = |receiver: &str| {
            let text =
                format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}}}]\n");
            json!({"stringData": {"alertmanager.yaml": text, "page.tmpl": "{{ . }}"}})
        };
        cluster
            .create(&SECRET, "team", "alertmanager-main", given("first"))
            .await;
        alertmanager(cluster, json!({})).await;
        cluster.settled().await;
        assert!(configuration(cluster).await.contains("receiver: first"));
        let made = cluster.get(&SECRET, "alertmanager-main-generated").await;
        let data = made.unwrap()["data"].clone();
        let keys: Vec<&String> = data.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["alertmanager.yaml.gz", "page.tmpl"]);
        cluster
            .merge(&SECRET, "alertmanager-main", given("second"))
            .await;
        cluster
            .until("the new receiver is there", async || {
                configuration(cluster).await.contains("receiver: second")
            })
            .await;
    });
}

#[test]
fn configs_are_added_and_a_bad_one_leaves_the_others_as_they_are() {
    play(async |cluster| {
        alertmanager(cluster, json!({"alertmanagerConfigSelector": {}})).await;
        routes(cluster, "good", "hook").await;
        cluster.settled().await;
        let before = configuration(cluster).await;
        assert!(before.contains("receiver: team/good/hook"), "{before}");
        routes(cluster, "broken", "nobody").await;
        cluster.settled().await;
        assert_eq!(configuration(cluster).await, before);
        let change = json!({"spec": {"route": {"receiver": "hook"}}});
        cluster.merge(&ALERTMANAGER_CONFIG, "broken", change).await;
        cluster
            .until("it is added", async || {
                configuration(cluster).await.contains("team/broken/hook")
            })
            .await;
    });
}

#[test]
fn a_named_base_is_followed() {
    play(async |cluster| {
        let base = json!({"name": "base"});
        alertmanager(cluster, json!({"alertmanagerConfiguration": base})).await;
        cluster
            .until("it says that the base is missing", async || {
                condition(cluster, "Reconciled").await["message"]
                    == "there is no AlertmanagerConfig team/base; create it, or name another one"
            })
            .await;
        routes(cluster, "base", "hook").await;
        cluster
            .until("it is made of the base", async || {
                configuration(cluster)
                    .await
                    .contains("receiver: team/base/hook")
            })
            .await;
    });
}
