//! Thanos Rulers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use monitoring::RunOptions;
use monitoring::operator::resources::{
    CONFIG_MAP, PROMETHEUS_RULE, SECRET, STATEFUL_SET, THANOS_RULER,
};
use runtime::resource::SERVICE;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play_with};

const KINDS: &[&str] = &["ThanosRuler"];

async fn ruler(cluster: &Cluster, more: &Value) {
    let spec = json!({"ruleSelector": {}, "queryEndpoints": ["http://query:9090"]});
    let spec = machinery::patch::merge::apply(&spec, more);
    cluster
        .create(&THANOS_RULER, "team", "main", json!({"spec": spec}))
        .await;
}

async fn rule(cluster: &Cluster, name: &str, expr: &str) {
    let rules = json!([{"alert": "a", "expr": expr}]);
    let spec =
        json!({"groups": [{"name": name, "rules": rules, "partial_response_strategy": "warn"}]});
    cluster
        .create(&PROMETHEUS_RULE, "team", name, json!({"spec": spec}))
        .await;
}

/// The files of all rules.
async fn files(cluster: &Cluster) -> Vec<String> {
    let map = cluster
        .get(&CONFIG_MAP, "thanos-ruler-main-rulefiles-0")
        .await;
    let data = map.unwrap_or_default()["data"].take();
    let data = data.as_object().cloned().unwrap_or_default();
    data.values()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

async fn remote_write(cluster: &Cluster) -> String {
    let secret = cluster.get(&SECRET, "thanos-ruler-main-config").await;
    let secret = secret.unwrap_or_default();
    let data = secret["data"]["remote-write.yaml"].as_str();
    let bytes = STANDARD.decode(data.unwrap_or_default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn reconciled(cluster: &Cluster) -> Value {
    cluster.condition(&THANOS_RULER, "main", "Reconciled").await
}

#[test]
fn a_ruler_gets_all_it_needs_and_becomes_available() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        ruler(cluster, &json!({"replicas": 2})).await;
        rule(cluster, "good", "up == 0").await;
        cluster
            .until_condition(&THANOS_RULER, "main", "Available", "True")
            .await;
        let set = cluster.get(&STATEFUL_SET, "thanos-ruler-main").await;
        assert_eq!(set.unwrap()["spec"]["replicas"], 2);
        for name in [
            "thanos-ruler-main-tls-assets-0",
            "thanos-ruler-main-web-config",
        ] {
            assert!(cluster.get(&SECRET, name).await.is_some(), "{name}");
        }
        assert_eq!(remote_write(cluster).await, "remote_write: []\n");
        let service = cluster.get(&SERVICE, "thanos-ruler-operated").await;
        assert_eq!(service.unwrap()["spec"]["clusterIP"], "None");
        // Prometheus would refuse what Thanos reads.
        let made = files(cluster).await;
        assert!(
            made[0].contains("partial_response_strategy: warn"),
            "{made:?}"
        );
        let object = cluster.get(&THANOS_RULER, "main").await.unwrap();
        assert_eq!(object["status"]["availableReplicas"], 2);
        cluster.settled().await;
        let wake = json!({"metadata": {"labels": {"wake": "up"}}});
        cluster.merge(&PROMETHEUS_RULE, "good", wake).await;
        let written = cluster.written_within(Duration::from_mins(3)).await;
        assert_eq!(written, Vec::<String>::new());
    });
}

#[test]
fn one_bad_rule_leaves_the_others_as_they_are() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        ruler(cluster, &json!({})).await;
        cluster
            .until("it says that nothing is selected", async || {
                reconciled(cluster).await["message"] == "No PrometheusRule have been selected."
            })
            .await;
        rule(cluster, "good", "up == 0").await;
        cluster.settled().await;
        let before = files(cluster).await;
        assert_eq!(before.len(), 1);
        rule(cluster, "broken", "sum(").await;
        cluster.settled().await;
        assert_eq!(files(cluster).await, before);
        let said = &cluster.bindings(&PROMETHEUS_RULE, "broken").await[0];
        assert_eq!(said["resource"], "thanosrulers");
        assert_eq!(said["conditions"][0]["status"], "False");
        assert_eq!(reconciled(cluster).await["reason"], "RejectedResources");
    });
}

#[test]
fn a_ruler_that_asks_nobody_says_so() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        ruler(cluster, &json!({"queryEndpoints": null})).await;
        rule(cluster, "good", "up == 0").await;
        cluster
            .until_condition(&THANOS_RULER, "main", "Reconciled", "False")
            .await;
        assert_eq!(
            reconciled(cluster).await["message"],
            "main: thanos ruler requires query config or at least one query endpoint to be specified; set spec.queryConfig or spec.queryEndpoints"
        );
        // What the rule is worth is known all the same.
        cluster
            .until("the rule says that it is used", async || {
                !cluster.bindings(&PROMETHEUS_RULE, "good").await.is_empty()
            })
            .await;
    });
}

#[test]
fn where_it_writes_to_follows_the_secret() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        let reference = |key: &str| json!({"name": "login", "key": key});
        let auth = json!({"username": reference("user"), "password": reference("pass")});
        let one = json!([{"url": "http://store/", "basicAuth": auth}]);
        let login = |pass: &str| json!({"stringData": {"user": "u", "pass": pass}});
        cluster.create(&SECRET, "team", "login", login("one")).await;
        ruler(cluster, &json!({"remoteWrite": one})).await;
        cluster.settled().await;
        let text = remote_write(cluster).await;
        assert!(text.contains("password: one\n"), "{text}");
        cluster.merge(&SECRET, "login", login("two")).await;
        cluster
            .until("the password is the new one", async || {
                remote_write(cluster).await.contains("password: two\n")
            })
            .await;
    });
}
