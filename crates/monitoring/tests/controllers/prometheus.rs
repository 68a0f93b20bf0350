//! Prometheus servers.

use std::time::Duration;

use monitoring::operator::resources::{
    CONFIG_MAP, PROMETHEUS, PROMETHEUS_RULE, SECRET, SERVICE_MONITOR, STATEFUL_SET,
};
use runtime::resource::{EVENT, NAMESPACE, POD, SERVICE};
use serde_json::{Value, json};

use crate::cluster::{Cluster, play};

async fn prometheus(cluster: &Cluster, more: Value) {
    let mut spec = json!({"serviceMonitorSelector": {}, "ruleSelector": {}});
    machinery::schema::api::merge(&mut spec, more);
    cluster
        .create(&PROMETHEUS, "team", "main", json!({"spec": spec}))
        .await;
}

async fn monitor(cluster: &Cluster, namespace: &str, name: &str, endpoint: Value) {
    let spec = json!({"selector": {"matchLabels": {"app": name}}, "endpoints": [endpoint]});
    cluster
        .create(&SERVICE_MONITOR, namespace, name, json!({"spec": spec}))
        .await;
}

async fn condition(cluster: &Cluster, kind: &str) -> Value {
    cluster.condition(&PROMETHEUS, "main", kind).await
}

async fn is_available(cluster: &Cluster) -> bool {
    condition(cluster, "Available").await["status"] == "True"
}

async fn has_job(cluster: &Cluster, job: &str) -> bool {
    let job = format!("job_name: serviceMonitor/{job}/0\n");
    cluster.configuration("main").await.contains(&job)
}

#[test]
fn a_server_gets_all_it_needs_and_becomes_available() {
    play(async |cluster| {
        prometheus(cluster, json!({"replicas": 2})).await;
        monitor(cluster, "team", "web", json!({"port": "http"})).await;
        cluster
            .until("available", async || is_available(cluster).await)
            .await;
        assert!(has_job(cluster, "team/web").await);
        let set = cluster.get(&STATEFUL_SET, "prometheus-main").await.unwrap();
        assert_eq!(set["spec"]["replicas"], 2);
        for name in ["prometheus-main-tls-assets-0", "prometheus-main-web-config"] {
            assert!(cluster.get(&SECRET, name).await.is_some(), "{name}");
        }
        let rules = cluster
            .get(&CONFIG_MAP, "prometheus-main-rulefiles-0")
            .await;
        assert_eq!(
            rules.unwrap()["metadata"]["labels"]["prometheus-name"],
            "main"
        );
        let service = cluster.get(&SERVICE, "prometheus-operated").await.unwrap();
        assert_eq!(service["spec"]["clusterIP"], "None");
        let object = cluster.get(&PROMETHEUS, "main").await.unwrap();
        let status = &object["status"];
        assert_eq!(
            (&status["replicas"], &status["availableReplicas"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(status["shardStatuses"][0]["shardID"], "0");
        assert_eq!(condition(cluster, "Reconciled").await["status"], "True");
    });
}

#[test]
fn an_unchanged_world_is_not_written() {
    play(async |cluster| {
        prometheus(cluster, json!({"thanos": {}})).await;
        monitor(cluster, "team", "web", json!({"port": "http"})).await;
        monitor(
            cluster,
            "team",
            "bad",
            json!({"port": "http", "scrapeTimeout": "5m"}),
        )
        .await;
        cluster.settled().await;
        let wake = json!({"metadata": {"labels": {"wake": "up"}}});
        cluster.merge(&SERVICE_MONITOR, "web", wake).await;
        assert_eq!(
            cluster.written_within(Duration::from_mins(5)).await,
            Vec::<String>::new()
        );
    });
}

#[test]
fn one_changed_monitor_is_one_write_of_the_configuration() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        monitor(cluster, "team", "web", json!({"port": "http"})).await;
        cluster.settled().await;
        let change = json!({"spec": {"endpoints": [{"port": "metrics"}]}});
        cluster.merge(&SERVICE_MONITOR, "web", change).await;
        assert_eq!(
            cluster.written_within(Duration::from_mins(5)).await,
            [
                "PUT /api/v1/namespaces/team/secrets/prometheus-main",
                "PATCH /apis/monitoring.coreos.com/v1/namespaces/team/servicemonitors/web/status",
            ]
        );
    });
}

#[test]
fn a_bad_monitor_and_a_bad_rule_are_told_once_and_the_others_stay_as_they_are() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        monitor(cluster, "team", "web", json!({"port": "http"})).await;
        let rule = |expr: &str| json!({"spec": {"groups": [{"name": "g", "rules": [{"alert": "a", "expr": expr}]}]}});
        cluster
            .create(&PROMETHEUS_RULE, "team", "good", rule("up == 0"))
            .await;
        cluster.settled().await;
        let before = cluster.configuration("main").await;
        monitor(
            cluster,
            "team",
            "bad",
            json!({"port": "http", "scrapeTimeout": "5m"}),
        )
        .await;
        cluster
            .create(&PROMETHEUS_RULE, "team", "broken", rule("sum("))
            .await;
        cluster.settled().await;
        assert_eq!(cluster.configuration("main").await, before);
        let rules = cluster
            .get(&CONFIG_MAP, "prometheus-main-rulefiles-0")
            .await;
        assert_eq!(rules.unwrap()["data"].as_object().unwrap().len(), 1);
        let events = cluster.client.list(&EVENT, "team", "").await.unwrap();
        let mut told: Vec<(&str, &str, u64)> = events
            .iter()
            .filter(|event| event["reason"] == "InvalidConfiguration")
            .map(|event| {
                let name = event["involvedObject"]["name"].as_str().unwrap();
                let message = event["message"].as_str().unwrap();
                (name, message, event["count"].as_u64().unwrap_or(1))
            })
            .collect();
        told.sort_unstable();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!((told[0].0, told[0].2), ("bad", 1));
        assert!(
            told[0].1.starts_with(
                r#""team/bad" was rejected due to invalid configuration: endpoints[0]"#
            ),
            "{}",
            told[0].1
        );
        assert!(
            told[1].1.starts_with(
                "PrometheusRule team/broken was rejected due to invalid configuration: "
            ),
            "{}",
            told[1].1
        );
    });
}

#[test]
fn labels_of_namespaces_decide_without_touching_the_pods() {
    play(async |cluster| {
        let selector = json!({"matchLabels": {"watched": "yes"}});
        prometheus(
            cluster,
            json!({"serviceMonitorNamespaceSelector": selector}),
        )
        .await;
        cluster.namespace("other", &json!({})).await;
        monitor(cluster, "other", "web", json!({"port": "http"})).await;
        cluster.settled().await;
        assert!(!has_job(cluster, "other/web").await);
        for (label, there) in [(json!("yes"), true), (Value::Null, false)] {
            let patch = json!({"metadata": {"labels": {"watched": label}}});
            cluster.merge(&NAMESPACE, "other", patch).await;
            let written = cluster.written_within(Duration::from_mins(2)).await;
            assert!(
                written.iter().all(|write| !write.contains("statefulsets")),
                "{written:?}"
            );
            assert_eq!(has_job(cluster, "other/web").await, there);
        }
    });
}

#[test]
fn a_secret_that_comes_later_and_changes_is_followed() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        let reference = |key: &str| json!({"name": "login", "key": key});
        let auth = json!({"username": reference("user"), "password": reference("pass")});
        monitor(
            cluster,
            "team",
            "web",
            json!({"port": "http", "basicAuth": auth}),
        )
        .await;
        cluster.settled().await;
        assert!(!has_job(cluster, "team/web").await);
        let login = |pass: &str| json!({"stringData": {"user": "u", "pass": pass}});
        cluster.create(&SECRET, "team", "login", login("one")).await;
        cluster
            .until("the job is there", async || {
                has_job(cluster, "team/web").await
            })
            .await;
        assert!(
            cluster
                .configuration("main")
                .await
                .contains("password: one\n")
        );
        cluster.merge(&SECRET, "login", login("two")).await;
        cluster
            .until("the password is the new one", async || {
                cluster
                    .configuration("main")
                    .await
                    .contains("password: two\n")
            })
            .await;
        // Secrets that nobody names wake nobody.
        cluster.settled().await;
        cluster
            .create(&SECRET, "team", "unrelated", login("x"))
            .await;
        let written = cluster.written_within(Duration::from_mins(2)).await;
        assert_eq!(written, Vec::<String>::new());
    });
}

#[test]
fn what_cannot_be_rendered_keeps_what_was_there() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        monitor(cluster, "team", "web", json!({"port": "http"})).await;
        cluster.settled().await;
        let before = cluster.configuration("main").await;
        let reference = json!({"name": "none", "key": "k"});
        let change = json!({"spec": {"additionalScrapeConfigs": reference}});
        cluster.merge(&PROMETHEUS, "main", change).await;
        cluster
            .until("the condition says so", async || {
                condition(cluster, "Reconciled").await["status"] == "False"
            })
            .await;
        let reconciled = condition(cluster, "Reconciled").await;
        assert_eq!(reconciled["reason"], "ReconciliationFailed");
        assert_eq!(
            reconciled["message"],
            r#"additionalScrapeConfigs: unable to get secret "none": secrets "none" not found; create it, or name another one"#
        );
        assert_eq!(cluster.configuration("main").await, before);
        // The missing Secret is what cures it.
        let content = json!({"stringData": {"k": "- job_name: extra\n"}});
        cluster.create(&SECRET, "team", "none", content).await;
        cluster
            .until("it is cured", async || {
                condition(cluster, "Reconciled").await["status"] == "True"
            })
            .await;
        assert!(
            cluster
                .configuration("main")
                .await
                .contains("job_name: extra\n")
        );
    });
}

#[test]
fn a_new_selector_makes_the_set_anew_around_its_pods() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        cluster
            .until("available", async || is_available(cluster).await)
            .await;
        cluster.settled().await;
        let uid = |object: &Value| machinery::meta::uid(object).to_owned();
        let set = cluster.get(&STATEFUL_SET, "prometheus-main").await.unwrap();
        let pod = cluster.get(&POD, "prometheus-main-0").await.unwrap();
        let change = json!({"spec": {"podManagementPolicy": "OrderedReady"}});
        cluster.merge(&PROMETHEUS, "main", change).await;
        cluster
            .until("it is another set", async || {
                let found = cluster.get(&STATEFUL_SET, "prometheus-main").await;
                found.is_some_and(|found| uid(&found) != uid(&set))
            })
            .await;
        cluster.settled().await;
        let found = cluster.get(&STATEFUL_SET, "prometheus-main").await.unwrap();
        assert_eq!(found["spec"]["podManagementPolicy"], "OrderedReady");
        let same = cluster.get(&POD, "prometheus-main-0").await.unwrap();
        assert_eq!(uid(&same), uid(&pod), "the pod is the same one");
        let owner = machinery::meta::controller_of(&same).unwrap();
        assert_eq!(owner.uid, uid(&found));
    });
}

#[test]
fn shards_come_and_go_and_changes_by_hand_are_taken_back() {
    play(async |cluster| {
        prometheus(cluster, json!({"shards": 2})).await;
        cluster
            .until("available", async || is_available(cluster).await)
            .await;
        let second = "prometheus-main-shard-1";
        let by_hand = json!({"spec": {"replicas": 5}});
        cluster.merge(&STATEFUL_SET, second, by_hand).await;
        cluster
            .until("there is one replica", async || {
                let set = cluster.get(&STATEFUL_SET, second).await.unwrap();
                set["spec"]["replicas"] == 1
            })
            .await;
        let change = json!({"spec": {"shards": 1}});
        cluster.merge(&PROMETHEUS, "main", change).await;
        cluster
            .until("the second shard is gone", async || {
                cluster.get(&STATEFUL_SET, second).await.is_none()
            })
            .await;
    });
}

#[test]
fn a_paused_server_is_left_alone_and_a_deleted_one_takes_everything_with_it() {
    play(async |cluster| {
        prometheus(cluster, json!({})).await;
        cluster.settled().await;
        cluster
            .merge(
                &PROMETHEUS,
                "main",
                json!({"spec": {"paused": true, "replicas": 3}}),
            )
            .await;
        cluster.settled().await;
        let set = cluster.get(&STATEFUL_SET, "prometheus-main").await.unwrap();
        assert_eq!(set["spec"]["replicas"], 1);
        let object = cluster.get(&PROMETHEUS, "main").await.unwrap();
        assert_eq!(object["status"]["paused"], true);
        cluster.delete(&PROMETHEUS, "main").await;
        cluster
            .until("nothing is left", async || {
                cluster
                    .get(&STATEFUL_SET, "prometheus-main")
                    .await
                    .is_none()
                    && cluster.get(&SECRET, "prometheus-main").await.is_none()
                    && cluster.get(&SERVICE, "prometheus-operated").await.is_none()
            })
            .await;
    });
}
