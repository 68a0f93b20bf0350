//! What can't be used is left out or stops what it belongs to: the status says which object, which field and what to do, and
//! nothing else moves.

use std::time::Duration;

use monitoring::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, PROMETHEUS, PROMETHEUS_RULE, SECRET, SERVICE_MONITOR,
};
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play};

/// A Prometheus with a good monitor, and its configuration.
async fn begin(cluster: &Cluster, more: Value) -> String {
    let mut spec = json!({
        "serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {}, "ruleSelector": {},
    });
    machinery::schema::api::merge(&mut spec, more);
    cluster
        .create(&PROMETHEUS, "team", "main", json!({"spec": spec}))
        .await;
    monitor(cluster, "team", "good", json!({"port": "http"})).await;
    cluster.settled().await;
    let text = cluster.configuration("main").await;
    assert!(text.contains("serviceMonitor/team/good/0"), "{text}");
    text
}

async fn monitor(cluster: &Cluster, namespace: &str, name: &str, endpoint: Value) {
    let spec = json!({"selector": {}, "endpoints": [endpoint]});
    cluster
        .create(&SERVICE_MONITOR, namespace, name, json!({"spec": spec}))
        .await;
}

/// What an object says of why it isn't used.
async fn refusal(cluster: &Cluster, resource: &ResourceRef, name: &str) -> String {
    let bindings = cluster.bindings(resource, name).await;
    let condition = bindings
        .first()
        .map(|binding| binding["conditions"][0].clone())
        .unwrap_or_default();
    assert_eq!(condition["status"], "False", "{condition}");
    assert_eq!(condition["reason"], "InvalidConfiguration");
    condition["message"].as_str().unwrap().to_owned()
}

async fn reconciled(cluster: &Cluster, resource: &ResourceRef) -> (String, String) {
    let condition = cluster.condition(resource, "main", "Reconciled").await;
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

/// The configuration is as it was, and nobody goes on writing.
async fn nothing_moved(cluster: &Cluster, before: &str) {
    assert_eq!(cluster.configuration("main").await, before);
    assert_eq!(
        cluster.written_within(Duration::from_mins(3)).await,
        Vec::<String>::new()
    );
}

#[test]
fn a_regex_that_does_not_compile() {
    play(async |cluster| {
        let before = begin(cluster, json!({})).await;
        let rule = json!({"action": "keep", "sourceLabels": ["a"], "regex": "a("});
        let endpoint = json!({"port": "http", "metricRelabelings": [rule]});
        monitor(cluster, "team", "bad", endpoint).await;
        cluster.settled().await;
        assert_eq!(
            refusal(cluster, &SERVICE_MONITOR, "bad").await,
            "endpoints[0]: metricRelabelConfigs: [0]: invalid regex a( for relabel configuration: error parsing regexp: missing closing ): `^(?s:a()$`; correct the expression"
        );
        let (status, message) = reconciled(cluster, &PROMETHEUS).await;
        assert_eq!(status, "True");
        assert!(
            message.starts_with("left out: ServiceMonitor team/bad: endpoints[0]: "),
            "{message}"
        );
        nothing_moved(cluster, &before).await;
        // The cure is taken.
        let change = json!({"spec": {"endpoints": [{"port": "http"}]}});
        cluster.merge(&SERVICE_MONITOR, "bad", change).await;
        cluster.settled().await;
        let text = cluster.configuration("main").await;
        assert!(text.contains("serviceMonitor/team/bad/0"));
        assert_eq!(reconciled(cluster, &PROMETHEUS).await.1, "");
    });
}

#[test]
fn a_selector_whose_jobs_prometheus_would_refuse() {
    play(async |cluster| {
        let before = begin(cluster, json!({})).await;
        // No check of ours for its kind looks at this; Prometheus would refuse the whole configuration.
        let endpoint = json!({"port": "http(", "honorLabels": true});
        monitor(cluster, "team", "bad", endpoint).await;
        cluster.settled().await;
        let message = refusal(cluster, &SERVICE_MONITOR, "bad").await;
        assert!(
            message.starts_with(
                "Prometheus 3.13.2 would refuse the job serviceMonitor/team/bad/0: spec.endpoints[0].port: error parsing regexp: missing closing )"
            ),
            "{message}"
        );
        assert!(
            message.contains("; correct the expression (in its configuration: relabel_configs["),
            "{message}"
        );
        nothing_moved(cluster, &before).await;
    });
}

#[test]
fn a_text_of_a_mebibyte() {
    play(async |cluster| {
        let before = begin(cluster, json!({"version": "v2.53.3"})).await;
        let long = "é".repeat(512 * 1024);
        let rule = json!({"sourceLabels": ["a"], "targetLabel": long});
        monitor(
            cluster,
            "team",
            "bad",
            json!({"port": "http", "relabelings": [rule]}),
        )
        .await;
        cluster.settled().await;
        let message = refusal(cluster, &SERVICE_MONITOR, "bad").await;
        assert!(
            message.starts_with("endpoints[0]: relabelConfigs: [0]: \"éé")
                && message.contains("…; "),
            "{message}"
        );
        assert!(
            message.chars().count() <= 1100,
            "{} characters",
            message.chars().count()
        );
        nothing_moved(cluster, &before).await;
    });
}

#[test]
fn a_rule_that_is_cut_off() {
    play(async |cluster| {
        let before = begin(cluster, json!({})).await;
        let rules = json!([{"name": "g", "rules": [{"alert": "a", "expr": "sum("}]}]);
        cluster
            .create(
                &PROMETHEUS_RULE,
                "team",
                "bad",
                json!({"spec": {"groups": rules}}),
            )
            .await;
        cluster.settled().await;
        let message = refusal(cluster, &PROMETHEUS_RULE, "bad").await;
        assert!(
            message.contains("\"g\"") && message.contains("\"a\""),
            "{message}"
        );
        assert!(message.ends_with("; correct the expression"), "{message}");
        nothing_moved(cluster, &before).await;
    });
}

fn login() -> Value {
    let reference = |key: &str| json!({"name": "login", "key": key});
    json!({"username": reference("user"), "password": reference("pass")})
}

fn credentials() -> Value {
    json!({"stringData": {"user": "u", "pass": "hunter2"}})
}

#[test]
fn a_secret_that_vanishes() {
    play(async |cluster| {
        let good = begin(cluster, json!({})).await;
        cluster
            .create(&SECRET, "team", "login", credentials())
            .await;
        monitor(
            cluster,
            "team",
            "bad",
            json!({"port": "http", "basicAuth": login()}),
        )
        .await;
        cluster.settled().await;
        assert!(
            cluster
                .configuration("main")
                .await
                .contains("password: hunter2")
        );
        cluster.delete(&SECRET, "login").await;
        cluster.settled().await;
        assert_eq!(
            refusal(cluster, &SERVICE_MONITOR, "bad").await,
            "endpoints[0]: basicAuth: failed to get basic auth username: unable to get secret \"login\": secrets \"login\" not found; create it, or name another one"
        );
        nothing_moved(cluster, &good).await;
    });
}

#[test]
fn a_login_without_a_password() {
    play(async |cluster| {
        let before = begin(cluster, json!({})).await;
        cluster
            .create(&SECRET, "team", "login", credentials())
            .await;
        let login = json!({"username": login()["username"]});
        let endpoint = json!({"port": "http", "basicAuth": login});
        monitor(cluster, "team", "bad", endpoint).await;
        cluster.settled().await;
        assert_eq!(
            refusal(cluster, &SERVICE_MONITOR, "bad").await,
            "endpoints[0]: basicAuth: failed to get basic auth password: password isn't set: name a Secret and a key"
        );
        nothing_moved(cluster, &before).await;
    });
}

#[test]
fn a_secret_of_the_workload_itself_that_vanishes() {
    play(async |cluster| {
        cluster
            .create(&SECRET, "team", "login", credentials())
            .await;
        let remote = json!([{"url": "http://x.y/", "basicAuth": login()}]);
        let before = begin(cluster, json!({"remoteWrite": remote})).await;
        cluster.delete(&SECRET, "login").await;
        cluster
            .until("it says so", async || {
                reconciled(cluster, &PROMETHEUS).await.0 == "False"
            })
            .await;
        assert_eq!(
            reconciled(cluster, &PROMETHEUS).await.1,
            "remoteWrite[0]: basicAuth: failed to get basic auth username: unable to get secret \"login\": secrets \"login\" not found; create it, or name another one"
        );
        nothing_moved(cluster, &before).await;
    });
}

#[test]
fn monitors_that_name_secrets_of_other_namespaces() {
    play(async |cluster| {
        let before = begin(cluster, json!({})).await;
        cluster.namespace("other", &json!({})).await;
        cluster
            .create(&SECRET, "team", "login", credentials())
            .await;
        monitor(
            cluster,
            "other",
            "thief",
            json!({"port": "http", "basicAuth": login()}),
        )
        .await;
        cluster.settled().await;
        let key = runtime::ObjectKey::new("other", "thief");
        let thief = cluster
            .client
            .get(&SERVICE_MONITOR, &key)
            .await
            .unwrap()
            .unwrap();
        let condition = &thief["status"]["bindings"][0]["conditions"][0];
        assert_eq!(
            condition["message"],
            "endpoints[0]: basicAuth: failed to get basic auth username: unable to get secret \"login\": secrets \"login\" not found; create it, or name another one"
        );
        assert!(!cluster.configuration("main").await.contains("hunter2"));
        nothing_moved(cluster, &before).await;
    });
}

#[test]
fn bad_texts_in_additional_scrape_configs() {
    play(async |cluster| {
        let reference = json!({"name": "extra", "key": "jobs.yaml"});
        let text = |text: &str| json!({"stringData": {"jobs.yaml": text}});
        cluster
            .create(&SECRET, "team", "extra", text("- job_name: extra\n"))
            .await;
        let before = begin(cluster, json!({"additionalScrapeConfigs": reference})).await;
        assert!(before.contains("- job_name: extra\n"));
        let mut bomb = "- job_name: a\n  params:\n    a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (one, before) in ('b'..='i').zip('a'..) {
            let aliases = vec![format!("*{before}"); 9].join(",");
            bomb = format!("{bomb}    {one}: &{one} [{aliases}]\n");
        }
        let cases = [
            (
                bomb.as_str(),
                "document contains excessive aliasing; write it out, without aliases of what has aliases",
            ),
            (
                "job_name: extra\n",
                "expected a list of mappings; write what is expected",
            ),
            (
                "- job_name: extra\n  surprise: 1\n",
                "[0].surprise: no version up to 3.13.2 knows this field; remove it",
            ),
            (
                "- job_name: extra\n- job_name: extra\n",
                "[1].job_name: \"extra\" is the name of [0] too; rename one",
            ),
            (
                "- job_name: serviceMonitor/team/good/0\n",
                "is the name of a selected object's job; rename it",
            ),
            (
                "- job_name: extra\n  basic_auth: hunter2\n",
                "[0].basic_auth: expected a mapping, found a text",
            ),
        ];
        for (bad, wanted) in cases {
            cluster.merge(&SECRET, "extra", text(bad)).await;
            cluster
                .until(wanted, async || {
                    reconciled(cluster, &PROMETHEUS).await.1.contains(wanted)
                })
                .await;
            let (status, message) = reconciled(cluster, &PROMETHEUS).await;
            assert_eq!(status, "False");
            let place = "additionalScrapeConfigs (key \"jobs.yaml\" of Secret \"extra\"): ";
            assert!(message.starts_with(place), "{message}");
            assert!(
                message.ends_with("; the last good configuration, if any, stays"),
                "{message}"
            );
            nothing_moved(cluster, &before).await;
        }
        cluster
            .merge(&SECRET, "extra", text("- job_name: extra\n"))
            .await;
        cluster
            .until("it is cured", async || {
                reconciled(cluster, &PROMETHEUS).await.0 == "True"
            })
            .await;
        nothing_moved(cluster, &before).await;
    });
}

async fn alertmanager_configuration(cluster: &Cluster) -> String {
    cluster
        .compressed("alertmanager-main-generated", "alertmanager.yaml.gz")
        .await
}

#[test]
fn a_configuration_that_alertmanager_would_refuse() {
    play(async |cluster| {
        let given = |receiver: &str| {
            let text = format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: good}}]\n");
            json!({"stringData": {"alertmanager.yaml": text}})
        };
        cluster
            .create(&SECRET, "team", "alertmanager-main", given("good"))
            .await;
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": {}}))
            .await;
        cluster.settled().await;
        let before = alertmanager_configuration(cluster).await;
        cluster
            .merge(&SECRET, "alertmanager-main", given("nobody"))
            .await;
        cluster
            .until("it says so", async || {
                reconciled(cluster, &ALERTMANAGER).await.0 == "False"
            })
            .await;
        let (_, message) = reconciled(cluster, &ALERTMANAGER).await;
        assert!(
            message.contains(
                "would refuse it: route.receiver: undefined receiver \"nobody\" used in route; add it to the receivers, or name another one"
            ),
            "{message}"
        );
        assert_eq!(alertmanager_configuration(cluster).await, before);
    });
}

#[test]
fn an_alertmanager_config_that_alertmanager_would_refuse_is_left_out_alone() {
    play(async |cluster| {
        let spec = json!({"alertmanagerConfigSelector": {}});
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
            .await;
        let config = |receiver: &Value| json!({"spec": {"route": {"receiver": "r"}, "receivers": [receiver]}});
        let hook = json!({"name": "r", "webhookConfigs": [{"url": "http://x.y/"}]});
        cluster
            .create(&ALERTMANAGER_CONFIG, "team", "good", config(&hook))
            .await;
        cluster.settled().await;
        let before = alertmanager_configuration(cluster).await;
        assert!(before.contains("team/good/r"), "{before}");
        // D21: no smarthost, neither here nor in global.
        let mail = json!({"name": "r", "emailConfigs": [{"to": "a@x.y", "from": "b@x.y"}]});
        cluster
            .create(&ALERTMANAGER_CONFIG, "team", "bad", config(&mail))
            .await;
        let mut worse = config(&hook);
        worse["spec"]["inhibitRules"] = json!([{"equal": [""]}]);
        cluster
            .create(&ALERTMANAGER_CONFIG, "team", "worse", worse)
            .await;
        cluster.settled().await;
        let message = refusal(cluster, &ALERTMANAGER_CONFIG, "bad").await;
        assert!(message.to_lowercase().contains("smarthost"), "{message}");
        // Only the whole of it shows that one.
        let message = refusal(cluster, &ALERTMANAGER_CONFIG, "worse").await;
        assert!(
            message.contains("would refuse it: spec.inhibitRules[0]: invalid label name"),
            "{message}"
        );
        assert_eq!(alertmanager_configuration(cluster).await, before);
        let (status, told) = reconciled(cluster, &ALERTMANAGER).await;
        assert_eq!(status, "True");
        assert!(
            told.starts_with("left out: AlertmanagerConfig team/bad: "),
            "{told}"
        );
    });
}

#[test]
fn a_name_too_long_for_a_label_is_told_in_the_status() {
    play(async |cluster| {
        let name = "a".repeat(64);
        cluster
            .create(&PROMETHEUS, "team", &name, json!({"spec": {}}))
            .await;
        cluster.settled().await;
        let told = cluster.condition(&PROMETHEUS, &name, "Reconciled").await;
        assert_eq!(told["status"], "False", "{told}");
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains("must be no more than 63 bytes"),
            "{message}"
        );
    });
}
