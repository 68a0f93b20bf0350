//! Whatever keeps a workload itself from going on, what it selects is told of.

use monitoring::RunOptions;
use monitoring::operator::resources::{
    POD_MONITOR, PROBE, PROMETHEUS, PROMETHEUS_AGENT, SCRAPE_CONFIG, SERVICE_MONITOR,
};
use runtime::ResourceRef;
use runtime::resource::EVENT;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play, play_with};

/// One object of each kind that can't be used, and a good one.
async fn monitors(cluster: &Cluster) {
    let rules = json!([{"action": "keep", "sourceLabels": ["a"], "regex": "("}]);
    let endpoint = json!([{"port": "http", "relabelings": rules}]);
    let target = json!({"staticConfig": {"static": ["a"], "relabelingConfigs": rules}});
    for (resource, name, spec) in [
        (
            &SERVICE_MONITOR,
            "service",
            json!({"selector": {}, "endpoints": endpoint}),
        ),
        (
            &POD_MONITOR,
            "pod",
            json!({"selector": {}, "podMetricsEndpoints": endpoint}),
        ),
        (
            &PROBE,
            "probe",
            json!({"prober": {"url": "a"}, "targets": target}),
        ),
        (
            &SCRAPE_CONFIG,
            "scrape",
            json!({"staticConfigs": [{"targets": ["a"]}], "relabelings": rules}),
        ),
        (
            &POD_MONITOR,
            "good",
            json!({"selector": {}, "podMetricsEndpoints": [{"port": "http"}]}),
        ),
    ] {
        let object = json!({"spec": spec});
        cluster.create(resource, "team", name, object).await;
    }
}

async fn workload(cluster: &Cluster, resource: &ResourceRef, trouble: Value) {
    let mut spec = json!({
        "serviceMonitorSelector": {}, "podMonitorSelector": {}, "probeSelector": {}, "scrapeConfigSelector": {},
    });
    machinery::schema::api::merge(&mut spec, trouble);
    let object = json!({"spec": spec});
    cluster.create(resource, "team", "main", object).await;
}

/// What objects say of whether they are accepted, and whom there is an Event about.
async fn told(cluster: &Cluster) -> (Vec<(&'static str, Value)>, Vec<String>) {
    let mut statuses = Vec::new();
    for (resource, name) in [
        (&SERVICE_MONITOR, "service"),
        (&POD_MONITOR, "pod"),
        (&PROBE, "probe"),
        (&SCRAPE_CONFIG, "scrape"),
        (&POD_MONITOR, "good"),
    ] {
        let bindings = cluster.bindings(resource, name).await;
        let status = bindings.first().map(|one| &one["conditions"][0]["status"]);
        statuses.push((name, status.cloned().unwrap_or_default()));
    }
    let events = cluster.client.list(&EVENT, "team", "").await.unwrap();
    let mut about: Vec<String> = events
        .iter()
        .filter(|event| event["reason"] == "InvalidConfiguration")
        .map(|event| event["involvedObject"]["name"].as_str().unwrap().to_owned())
        .collect();
    about.sort_unstable();
    (statuses, about)
}

async fn all_are_told(cluster: &Cluster, resource: &ResourceRef, message: &str) {
    cluster
        .until_condition(resource, "main", "Reconciled", "False")
        .await;
    cluster.settled().await;
    let condition = cluster.condition(resource, "main", "Reconciled").await;
    assert_eq!(condition["message"], message);
    let (statuses, about) = told(cluster).await;
    let expected = [
        ("service", json!("False")),
        ("pod", json!("False")),
        ("probe", json!("False")),
        ("scrape", json!("False")),
        ("good", json!("True")),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(about, ["pod", "probe", "scrape", "service"]);
}

fn absent(key: &str) -> Value {
    json!({"name": "absent", "key": key})
}

const NO_JOBS: &str = "additionalScrapeConfigs: unable to get secret \"absent\": secrets \"absent\" not found; create it, or name another one";
const NO_LOGIN: &str = "remoteWrite[0]: basicAuth: failed to get basic auth username: unable to get secret \"absent\": secrets \"absent\" not found; create it, or name another one";

fn remote() -> Value {
    let login = json!({"username": absent("user"), "password": absent("pass")});
    json!({"remoteWrite": [{"url": "http://x.y/", "basicAuth": login}]})
}

#[test]
fn additional_jobs_that_are_not_there() {
    play(async |cluster| {
        monitors(cluster).await;
        let trouble = json!({"additionalScrapeConfigs": absent("jobs")});
        workload(cluster, &PROMETHEUS, trouble).await;
        all_are_told(cluster, &PROMETHEUS, NO_JOBS).await;
    });
}

#[test]
fn a_login_of_the_workload_that_is_not_there() {
    play(async |cluster| {
        monitors(cluster).await;
        workload(cluster, &PROMETHEUS, remote()).await;
        all_are_told(cluster, &PROMETHEUS, NO_LOGIN).await;
    });
}

#[test]
fn a_timeout_of_the_workload_that_is_too_long() {
    play(async |cluster| {
        monitors(cluster).await;
        let trouble = json!({"scrapeTimeout": "2m", "scrapeInterval": "1m"});
        workload(cluster, &PROMETHEUS, trouble).await;
        let message = "scrapeTimeout \"2m\" greater than scrapeInterval \"1m\"; write a shorter timeout or a longer interval";
        all_are_told(cluster, &PROMETHEUS, message).await;
    });
}

#[test]
fn additional_jobs_of_an_agent_that_are_not_there() {
    play_with(
        &["PrometheusAgent"],
        RunOptions::default(),
        async |cluster| {
            monitors(cluster).await;
            let trouble = json!({"additionalScrapeConfigs": absent("jobs")});
            workload(cluster, &PROMETHEUS_AGENT, trouble).await;
            all_are_told(cluster, &PROMETHEUS_AGENT, NO_JOBS).await;
        },
    );
}
