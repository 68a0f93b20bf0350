//! What upstream's end-to-end suite asks of running programs (`test/e2e/prometheus_test.go`, `alertmanager_test.go`), of those
//! that pods of `carrick up` really run: by the names of its tests. Left out, with a line, where they aren't installed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::api::{Api, exchange};
use super::local_monitoring::{
    MONITORING, active_targets, create, example, get, on_a_platform, ready, until,
};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// Who may look for targets, as in the examples, and what there is to look for.
async fn ground(api: &Api) {
    let all = example("prometheus.yaml")
        .into_iter()
        .chain(example("hello.yaml"));
    let is_ground = |object: &Value| {
        let kinds = [
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "Deployment",
            "Service",
        ];
        kinds.iter().any(|kind| object["kind"] == *kind)
    };
    for object in all.filter(is_ground) {
        create(api, &object).await;
    }
    ready(api, "app=hello").await;
}

/// A server that is quick to start and to look, with more in its spec, and where it answers.
async fn server(api: &Api, name: &str, more: &Value) -> String {
    let mut spec = json!({
        "version": "v2.42.0", "serviceAccountName": "prometheus", "scrapeInterval": "1s", "evaluationInterval": "1s",
        "containers": [{"name": "prometheus", "startupProbe": {"periodSeconds": 1}}],
    });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    create(api, &monitoring("Prometheus", name, &spec)).await;
    let (_, ip) = ready(api, &format!("prometheus={name}")).await;
    format!("{ip}:9090")
}

pub fn monitoring(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    })
}

pub fn secret(name: &str, key: &str, text: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text},
    })
}

/// Changes what is under a key of a Secret.
async fn change(api: &Api, name: &str, key: &str, text: &str) {
    let data = BASE64_STANDARD.encode(text);
    let patch = json!({"data": {key: data}});
    api.send("PATCH", &format!("{SECRETS}/{name}"), &patch)
        .await;
}

/// A job with one target behind the Service of the examples.
fn job(name: &str) -> String {
    format!(
        "- job_name: {name}\n  static_configs:\n  - targets: [\"hello.default.svc:80\"]\n    labels: {{from: {name}}}\n"
    )
}

/// Waits for a target of a job to be up, and returns its labels.
pub async fn target(web: &str, pool: &str) -> Value {
    let found = until(pool, || async {
        let all = active_targets(web).await?;
        let mut up = all.into_iter().filter(|target| target["health"] == "up");
        Some(up.find(|target| target["scrapePool"] == pool)?["labels"].clone())
    });
    found.await
}

/// Waits until no target is of a job.
pub async fn no_target(web: &str, pool: &str) {
    let gone = until("no target", || async {
        let all = active_targets(web).await?;
        all.iter()
            .all(|target| target["scrapePool"] != pool)
            .then_some(())
    });
    gone.await;
}

/// Waits for an alert to fire, and returns its labels.
pub async fn alert(web: &str, name: &str) -> Value {
    let found = until(name, || async {
        let answer = get(web, "/api/v1/alerts").await;
        let all = answer.pointer("/data/alerts")?.as_array()?.clone();
        let mut firing = all.into_iter().filter(|alert| alert["state"] == "firing");
        Some(firing.find(|alert| alert["labels"]["alertname"] == name)?["labels"].clone())
    });
    found.await
}

pub fn fires(name: &str) -> Value {
    json!({"groups": [{"name": name, "rules": [{"alert": name, "expr": "vector(1)"}]}]})
}

/// testPromReloadConfig: a server that selects nothing has the configuration that somebody puts into its Secret.
async fn is_configured_by_hand(api: &Api) {
    let web = server(api, "own", &json!({})).await;
    // Without an interval of its own, a target may be looked at only after a minute.
    let global = "global:\n  scrape_interval: 1s\n";
    let configuration = |name: &str| format!("{global}scrape_configs:\n{}", job(name));
    for (name, before) in [("first", None), ("second", Some("first"))] {
        let text = configuration(name);
        change(api, "prometheus-own", "prometheus.yaml.gz", &text).await;
        target(&web, name).await;
        if let Some(before) = before {
            no_target(&web, before).await;
        }
    }
}

/// testPromAdditionalScrapeConfig: a job from a Secret beside those of monitors; the Secret is followed.
async fn has_additional_jobs(api: &Api, web: &str) {
    for name in ["more", "other"] {
        change(api, "jobs", "jobs.yaml", &job(name)).await;
        assert_eq!(target(web, name).await["from"], name);
    }
    no_target(web, "more").await;
}

/// testPromAdditionalAlertManagerConfig and testPromAlertmanagerDiscovery: one of a Secret beside those of a Service.
async fn knows_two_alertmanagers(api: &Api, web: &str) {
    let (_, ip) = ready(api, "alertmanager=main").await;
    let both = [
        format!("http://{ip}:9093/"),
        "http://elsewhere:9093/".to_owned(),
    ];
    let known = until("both Alertmanagers", || async {
        let answer = get(web, "/api/v1/alertmanagers").await;
        let active = answer.pointer("/data/activeAlertmanagers")?.to_string();
        both.iter().all(|one| active.contains(one)).then_some(())
    });
    known.await;
}

/// testPromMultiplePrometheusRulesSameNS and testPromReloadRules: rules of two objects fire, and of one that changed.
async fn follows_its_rules(api: &Api, web: &str) {
    for name in ["first", "second"] {
        create(api, &monitoring("PrometheusRule", name, &fires(name))).await;
    }
    for name in ["first", "second"] {
        let labels = alert(web, name).await;
        // testPromEnforcedNamespaceLabel
        assert_eq!(labels["ns"], "default", "{labels}");
    }
    let rule = format!("{MONITORING}/prometheusrules/first");
    let patch = json!({"spec": fires("third")});
    api.send("PATCH", &rule, &patch).await;
    alert(web, "third").await;
    let gone = until("the rule that was there before", || async {
        let answer = get(web, "/api/v1/rules").await;
        let text = answer.pointer("/data/groups")?.to_string();
        (!text.contains("\"first\"")).then_some(())
    });
    gone.await;
}

/// testPromEnforcedNamespaceLabel, testPromNamespaceEnforcementExclusion, testPromDiscoverTargetPort: the label is on whatever
/// comes of a monitor, unless the monitor is excused; a port may be a pod's.
async fn enforces_a_label(api: &Api, web: &str) {
    let monitor = |endpoint: &Value| json!({"selector": {"matchLabels": {"app": "hello"}}, "endpoints": [endpoint]});
    for (name, endpoint, there) in [
        ("hello", json!({"port": "http"}), true),
        ("free", json!({"targetPort": 8080}), false),
    ] {
        create(
            api,
            &monitoring("ServiceMonitor", name, &monitor(&endpoint)),
        )
        .await;
        let labels = target(web, &format!("serviceMonitor/default/{name}/0")).await;
        assert_eq!(labels["ns"] == "default", there, "{name}: {labels}");
    }
}

/// testPromQueryLogFile: queries are written where the spec says.
async fn logs_queries(web: &str) {
    let answer = get(web, "/api/v1/status/config").await;
    let text = answer.pointer("/data/yaml").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("query_log_file: "));
    let file = line.unwrap_or_else(|| panic!("no query log in {text}"));
    assert!(file.ends_with("/query.log"), "{file}");
    let written = until("a query in the log", || async {
        get(web, "/api/v1/query?query=vector(42)").await;
        let log = std::fs::read_to_string(file).ok()?;
        log.contains("vector(42)").then_some(())
    });
    written.await;
}

#[test]
fn a_prometheus_does_what_upstreams_suite_asks_of_it() {
    on_a_platform("local-upstream-prometheus", async |_, api| {
        ground(api).await;
        let spec = json!({"version": "v0.25.0", "replicas": 1});
        create(api, &monitoring("Alertmanager", "main", &spec)).await;
        let elsewhere = "- static_configs:\n  - targets: [\"elsewhere:9093\"]\n";
        create(api, &secret("jobs", "jobs.yaml", &job("more"))).await;
        create(api, &secret("managers", "managers.yaml", elsewhere)).await;
        let free = json!({
            "group": "monitoring.coreos.com", "resource": "servicemonitors", "namespace": "default", "name": "free",
        });
        let manager =
            json!({"namespace": "default", "name": "alertmanager-operated", "port": "web"});
        let web = server(
            api,
            "main",
            &json!({
                "serviceMonitorSelector": {}, "ruleSelector": {},
                "additionalScrapeConfigs": {"name": "jobs", "key": "jobs.yaml"},
                "additionalAlertManagerConfigs": {"name": "managers", "key": "managers.yaml"},
                "alerting": {"alertmanagers": [manager]},
                "enforcedNamespaceLabel": "ns", "excludedFromEnforcement": [free],
                "queryLogFile": "query.log",
            }),
        )
        .await;
        has_additional_jobs(api, &web).await;
        knows_two_alertmanagers(api, &web).await;
        follows_its_rules(api, &web).await;
        enforces_a_label(api, &web).await;
        logs_queries(&web).await;
        is_configured_by_hand(api).await;
    });
}

/// Where the Alertmanagers of a cluster answer.
async fn managers(api: &Api) -> Vec<String> {
    let mut all = Vec::new();
    for at in 0..3 {
        let pod = format!("statefulset.kubernetes.io/pod-name=alertmanager-main-{at}");
        let (_, ip) = ready(api, &pod).await;
        all.push(format!("{ip}:9093"));
    }
    all
}

/// testAMClusterInitialization: each knows the three.
async fn know_each_other(api: &Api) -> Vec<String> {
    let all = managers(api).await;
    for web in &all {
        let known = until("three peers", || async {
            let status = get(web, "/api/v2/status").await;
            let peers = status.pointer("/cluster/peers")?.as_array()?.len();
            (peers == 3).then_some(())
        });
        known.await;
    }
    all
}

/// testAMClusterGossipSilences: a silence of one is everybody's.
async fn share_a_silence(all: &[String]) {
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "quiet", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2120-01-01T00:00:00Z", "createdBy": "test", "comment": "shared",
    });
    let body = silence.to_string();
    let request = format!(
        "POST /api/v2/silences HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(&all[0], &request).await.unwrap();
    assert!(answer.contains("silenceID"), "{answer}");
    for web in all {
        let known = until("the silence", || async {
            let silences = get(web, "/api/v2/silences").await;
            silences.to_string().contains("quiet").then_some(())
        });
        known.await;
    }
}

/// testAMReloadConfig: all have the configuration of the Secret, as it is now.
async fn follow_their_secret(api: &Api, all: &[String]) {
    for receiver in ["second", "third"] {
        change(api, "given", "alertmanager.yaml", &routes(receiver)).await;
        for web in all {
            let has = until(receiver, || async {
                let status = get(web, "/api/v2/status").await;
                let text = status.pointer("/config/original")?.as_str()?.to_owned();
                text.contains(&format!("receiver: {receiver}"))
                    .then_some(())
            });
            has.await;
        }
    }
}

fn routes(receiver: &str) -> String {
    format!("route:\n  receiver: {receiver}\nreceivers:\n- name: {receiver}\n")
}

#[test]
fn alertmanagers_do_what_upstreams_suite_asks_of_them() {
    on_a_platform("local-upstream-alertmanagers", async |_, api| {
        create(api, &secret("given", "alertmanager.yaml", &routes("first"))).await;
        let spec = json!({"version": "v0.25.0", "replicas": 3, "configSecret": "given"});
        create(api, &monitoring("Alertmanager", "main", &spec)).await;
        let all = know_each_other(api).await;
        share_a_silence(&all).await;
        follow_their_secret(api, &all).await;

        // testAMClusterAfterRollingUpdate, and the silence outlives it (testAMZeroDowntimeRollingDeployment).
        let patch = json!({"spec": {"podMetadata": {"labels": {"round": "two"}}}});
        let managed = format!("{MONITORING}/alertmanagers/main");
        api.send("PATCH", &managed, &patch).await;
        for at in 0..3 {
            let selector =
                format!("round=two,statefulset.kubernetes.io/pod-name=alertmanager-main-{at}");
            ready(api, &selector).await;
        }
        for web in know_each_other(api).await {
            let known = until("the silence again", || async {
                let silences = get(&web, "/api/v2/silences").await;
                silences.to_string().contains("quiet").then_some(())
            });
            known.await;
        }
    });
}
