//! A Prometheus and an Alertmanager that really run, as pods of `carrick up`: a target that appears, a rule that fires, an alert
//! that arrives, a bad rule that doesn't. Left out, with a line, where the programs aren't installed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, PODS, runtime};
use super::common::{Folder, Up};

/// Longest wait for anything that Prometheus or Alertmanager does.
const PATIENCE: Duration = Duration::from_mins(1);
/// A target appears so long after its monitor, at most.
const APPEARS: Duration = Duration::from_secs(5);
/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);
pub const MONITORING: &str = "/apis/monitoring.coreos.com/v1/namespaces/default";

/// Where the examples are.
pub fn example(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/monitoring");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    machinery::yaml::parse_documents(&text).unwrap()
}

/// Whether the programs of both images are there.
pub fn installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |names: &[&str]| {
        let folders = std::env::split_paths(&path).collect::<Vec<PathBuf>>();
        names
            .iter()
            .any(|name| folders.iter().any(|folder| folder.join(name).exists()))
    };
    has(&["prometheus"]) && has(&["alertmanager", "prometheus-alertmanager"])
}

/// Runs a test on a platform of its own, of which it gets the folder of the state too, if servers can run here.
pub fn on_a_platform(name: &str, test: impl AsyncFnOnce(&Path, &Api)) {
    if !installed() {
        println!("skipped: no prometheus, no alertmanager; run scripts/setup monitoring");
        return;
    }
    let folder = Folder::new(name);
    let _up = Up::start(&folder.0).unwrap();
    runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        test(&folder.0, &api).await;
    });
}

/// Does what it is given until that gives something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            // Others need the processor more than whoever asks.
            tokio::time::sleep(PAUSE).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// A page of an API of Prometheus' kind.
pub async fn get(address: &str, path: &str) -> Value {
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
    let response = super::api::exchange(address, &request).await;
    let body = response.unwrap_or_default();
    serde_json::from_str(&body).unwrap_or_default()
}

/// Creates what a manifest of the examples holds.
async fn apply(api: &Api, name: &str) {
    for object in example(name) {
        create(api, &object).await;
    }
}

pub async fn create(api: &Api, object: &Value) {
    let kind = object["kind"].as_str().unwrap();
    let group = match object["apiVersion"].as_str().unwrap() {
        "v1" => "/api/v1".to_owned(),
        version => format!("/apis/{version}"),
    };
    let plural = match kind {
        "Prometheus" => "prometheuses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let path = format!("{group}/namespaces/default/{plural}");
    api.send("POST", &path, object).await;
}

/// Whether there is a pod that is ready.
pub fn is_ready(pod: Option<&Value>) -> bool {
    let conditions = pod.and_then(|pod| pod.pointer("/status/conditions"));
    let mut conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// The targets that a server says it has; `None` while it doesn't answer.
pub async fn active_targets(web: &str) -> Option<Vec<Value>> {
    let answer = get(web, "/api/v1/targets?state=active").await;
    Some(answer.pointer("/data/activeTargets")?.as_array()?.clone())
}

/// Waits for the first pod of a label to be ready, and returns its address.
pub async fn ready(api: &Api, label: &str) -> (String, String) {
    let list = format!("{PODS}?labelSelector={label}");
    let pod = api.until(&list, is_ready).await.unwrap();
    let text = |pointer: &str| pod.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    (text("/metadata/name"), text("/status/podIP"))
}

fn up_targets(answer: &Value) -> Vec<&Value> {
    let all = answer.pointer("/data/activeTargets");
    let all = all.and_then(Value::as_array).into_iter().flatten();
    all.filter(|target| target["health"] == "up").collect()
}

/// Programs of this machine that listen at addresses of a pod.
fn processes_with(text: &str) -> usize {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(text)).count()
}

/// What a time becomes where more wants to run than there are processors: everybody gets a share then, and the programs that are
/// measured here are several.
fn on_a_busy_machine(time: Duration) -> Duration {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load
        .split(' ')
        .next()
        .and_then(|load| load.parse::<f64>().ok());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processors = f64::from(u32::try_from(processors).unwrap_or(u32::MAX));
    time.mul_f64((load.unwrap_or_default() / processors).max(1.0))
}

/// Both pods become targets, soon after their monitor.
async fn targets_come_up(api: &Api, web: &str) {
    // The pods first, so that what is measured is the monitor.
    let (monitor, rest): (Vec<Value>, Vec<Value>) = example("hello.yaml")
        .into_iter()
        .partition(|object| object["kind"] == "ServiceMonitor");
    for object in &rest {
        create(api, object).await;
    }
    ready(api, "app=hello").await;
    let begin = tokio::time::Instant::now();
    create(api, &monitor[0]).await;
    let found = until("a target", || async {
        let answer = get(web, "/api/v1/targets?state=active").await;
        (!answer
            .pointer("/data/activeTargets")?
            .as_array()?
            .is_empty())
        .then_some(())
    });
    found.await;
    let (took, bound) = (begin.elapsed(), on_a_busy_machine(APPEARS));
    println!("target after {took:?}");
    assert!(
        took <= bound,
        "a target appeared {took:?} after its monitor, not within {bound:?}"
    );
    let targets = until("two targets that are up", || async {
        let answer = get(web, "/api/v1/targets?state=active").await;
        (up_targets(&answer).len() == 2).then_some(answer)
    });
    let targets = targets.await;
    println!("both up after {:?}", begin.elapsed());
    for target in up_targets(&targets) {
        assert_eq!(target["scrapePool"], "serviceMonitor/default/hello/0");
        let labels = &target["labels"];
        for (name, value) in [
            ("job", "hello"),
            ("service", "hello"),
            ("namespace", "default"),
            ("endpoint", "http"),
        ] {
            assert_eq!(labels[name], value, "{labels}");
        }
        assert!(
            labels["instance"].as_str().unwrap().starts_with("127."),
            "{labels}"
        );
        assert!(
            labels["pod"].as_str().unwrap().starts_with("hello-"),
            "{labels}"
        );
    }
}

/// The rule of the examples fires, and the receiver gets the alert.
async fn the_alert_arrives(api: &Api, web: &str) {
    let begin = tokio::time::Instant::now();
    apply(api, "alert.yaml").await;
    let (receiver, _) = ready(api, "app=receiver").await;
    let fires = until("an alert that fires", || async {
        let answer = get(web, "/api/v1/alerts").await;
        let alerts = answer.pointer("/data/alerts")?.as_array()?;
        let mut alerts = alerts.iter();
        alerts.find(|alert| alert["state"] == "firing").cloned()
    });
    let alert = fires.await;
    println!("firing after {:?}", begin.elapsed());
    assert_eq!(alert["labels"]["alertname"], "HelloIsAsked");
    let path = format!("{PODS}/{receiver}/log");
    let arrives = until("an alert that arrives", || async {
        let log = api.text(&path).await;
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.next()
    });
    let sent = arrives.await;
    println!("arrived after {:?}", begin.elapsed());
    assert_eq!(sent["receiver"], "default/receiver/receiver");
    assert_eq!(sent["alerts"][0]["labels"]["alertname"], "HelloIsAsked");
    assert_eq!(sent["alerts"][0]["labels"]["namespace"], "default");
}

/// A rule that Prometheus would refuse never gets there, and the good one beside it does.
async fn a_bad_rule_stays_outside(api: &Api, web: &str) {
    for (name, expression) in [("bad", "sum("), ("good", "vector(1)")] {
        let rule = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": name},
            "spec": {"groups": [{"name": name, "rules": [{"alert": name, "expr": expression}]}]}});
        let path = format!("{MONITORING}/prometheusrules");
        api.send("POST", &path, &rule).await;
    }
    let groups = until("the good rule", || async {
        let answer = get(web, "/api/v1/rules").await;
        let groups = answer.pointer("/data/groups")?.as_array()?.clone();
        let named = |name: &str| groups.iter().any(|group| group["name"] == name);
        named("good").then_some(groups)
    });
    let groups = groups.await;
    assert!(
        groups.iter().all(|group| group["name"] != "bad"),
        "{groups:?}"
    );
    let request = "GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n";
    let metrics = super::api::exchange(web, request).await.unwrap();
    assert!(metrics.contains("\nprometheus_config_last_reload_successful 1\n"));
}

#[test]
fn a_target_appears_a_rule_fires_and_the_alert_arrives() {
    if !installed() {
        println!("skipped: no prometheus, no alertmanager; run scripts/setup monitoring");
        return;
    }
    let folder = Folder::new("local-monitoring");
    let up = Up::start(&folder.0).unwrap();
    let ip = runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        apply(&api, "prometheus.yaml").await;
        let (prometheus, ip) = ready(&api, "prometheus=main").await;
        ready(&api, "alertmanager=main").await;
        let web = format!("{ip}:9090");
        let log = api
            .text(&format!("{PODS}/{prometheus}/log?container=prometheus"))
            .await;
        assert!(
            log.contains("Server is ready to receive web requests"),
            "{log}"
        );

        targets_come_up(&api, &web).await;
        the_alert_arrives(&api, &web).await;
        a_bad_rule_stays_outside(&api, &web).await;

        api.send(
            "DELETE",
            &format!("{MONITORING}/prometheuses/main"),
            &json!({}),
        )
        .await;
        api.until(&format!("{PODS}?labelSelector=prometheus=main"), |pod| {
            pod.is_none()
        })
        .await;
        assert_eq!(processes_with(&ip), 0, "nothing of the pod is left");
        ip
    });
    let network = ip.rsplit_once('.').unwrap().0.to_owned();
    assert!(processes_with(&network) > 0, "the others still run");
    up.signal("INT");
    let (ended, _) = up.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(processes_with(&network), 0, "nothing is left over");
}

#[test]
fn without_the_programs_their_pods_are_simulated() {
    let folder = Folder::new("local-absent");
    let mut command = std::process::Command::new(super::common::PROGRAM);
    command.args(["up", "--addr", "127.0.0.1:0", "--state"]);
    let up = Up::of(command.arg(&folder.0).env("PATH", "/nowhere")).unwrap();
    runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        apply(&api, "prometheus.yaml").await;
        let (_, ip) = ready(&api, "prometheus=main").await;
        assert!(!ip.starts_with("127."), "{ip}");
    });
    up.signal("INT");
    let (ended, _) = up.end();
    let line = "pods of prometheus/prometheus are simulated: the program isn't installed\nhint: scripts/setup monitoring";
    assert_eq!(ended.stderr.matches(line).count(), 1, "{}", ended.stderr);
}
