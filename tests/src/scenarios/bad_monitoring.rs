//! Input of monitoring that is wrong: its status names object, field and remedy, and nothing else moves.

use anyhow::{Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use super::prometheus::has;
use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS, PROMETHEUS_RULE, SECRET, SERVICE_MONITOR, STATEFUL_SET, text};
use crate::workloads::{condition, object, prometheus, rule, says, secret, service_monitor};

const TAKEN: [&str; 1] = ["prometheuses main True"];
const REFUSED: [&str; 1] = ["prometheuses main False"];

/// A server with a good monitor and a good rule, at work; its configuration and its pods.
struct Good {
    configuration: String,
    pods: Vec<(String, String)>,
    set: String,
}

async fn good(cluster: &Cluster, more: &Value) -> Result<Good> {
    cluster
        .apply(&service_monitor("good", &json!({"port": "http"})))
        .await?;
    cluster.apply(&rule("good", "up == 0")).await?;
    cluster.apply(&prometheus("main", more)).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let job = cluster.job("serviceMonitor", "good");
    let configuration = cluster
        .until_configured("main", "the good job", |text| has(text, &job))
        .await?;
    let set = cluster.set("prometheus-main").await?;
    Ok(Good {
        configuration,
        pods: cluster.pods().await?,
        set: set.get("spec").map(Value::to_string).unwrap_or_default(),
    })
}

impl Good {
    /// What is good is as it was: the configuration, the pods, the StatefulSet and the bindings.
    async fn is_untouched(&self, cluster: &Cluster) -> Result<()> {
        let now = cluster.configuration("main").await?;
        ensure!(
            now == self.configuration,
            "the configuration changed:\n{now}"
        );
        let set = cluster.get(&STATEFUL_SET, "prometheus-main").await?;
        let spec = set.get("spec").map(Value::to_string);
        ensure!(
            spec.as_ref() == Some(&self.set),
            "the StatefulSet changed: {spec:?}"
        );
        for resource in [&SERVICE_MONITOR, &PROMETHEUS_RULE] {
            cluster.until_bound(resource, "good", &TAKEN).await?;
        }
        cluster.assert_same_pods(&self.pods).await
    }
}

/// Waits until an object is refused, and returns why.
async fn refused(cluster: &Cluster, resource: &ResourceRef, name: &str) -> Result<String> {
    let told = cluster.until_bound(resource, name, &REFUSED).await?;
    Ok(text(&told, "/status/bindings/0/conditions/0/message").to_owned())
}

/// Fails unless a text has all these parts.
fn names(said: &str, parts: &[&str]) -> Result<()> {
    let missing: Vec<&&str> = parts.iter().filter(|part| !said.contains(**part)).collect();
    ensure!(missing.is_empty(), "{missing:?} isn't in {said:?}");
    Ok(())
}

/// The server says itself which objects it leaves out.
async fn is_told_by_the_server(cluster: &Cluster, part: &str) -> Result<()> {
    let told = cluster
        .until("the server names it", &PROMETHEUS, "main", |object| {
            text(condition(object, "Reconciled"), "/reason") == "RejectedResources"
        })
        .await?;
    names(text(condition(&told, "Reconciled"), "/message"), &[part])
}

/// A regular expression that doesn't compile, of a target's and of a sample's relabeling.
pub async fn names_a_regex_that_does_not_compile(cluster: &Cluster) -> Result<()> {
    let good = good(cluster, &json!({})).await?;
    let step = json!({"sourceLabels": ["a"], "regex": "(unclosed", "action": "keep"});
    for field in ["relabelings", "metricRelabelings"] {
        let endpoint = json!({"port": "http", field: [step]});
        cluster.apply(&service_monitor("bad", &endpoint)).await?;
        let said = refused(cluster, &SERVICE_MONITOR, "bad").await?;
        names(
            &said,
            &[
                "(unclosed",
                "regex",
                "missing closing )",
                "; correct the expression",
            ],
        )?;
        is_told_by_the_server(cluster, "bad").await?;
        good.is_untouched(cluster).await?;
        cluster.delete(&SERVICE_MONITOR, "bad").await?;
        cluster.until_gone(&[(&SERVICE_MONITOR, "bad")]).await?;
    }
    Ok(())
}

/// A rule that doesn't parse, beside one that does in the same object: group and rule are named.
pub async fn names_a_rule_that_does_not_parse(cluster: &Cluster) -> Result<()> {
    let good = good(cluster, &json!({})).await?;
    let mut bad = rule("bad", "up == 0");
    let (good_one, record) = (
        bad["spec"]["groups"][0]["rules"][0].take(),
        json!({"record": "job:up:sum", "expr": "sum("}),
    );
    bad["spec"]["groups"][0]["rules"] = json!([good_one, record]);
    cluster.apply(&bad).await?;
    let said = refused(cluster, &PROMETHEUS_RULE, "bad").await?;
    names(
        &said,
        &[
            "bad",
            "job:up:sum",
            "could not parse expression",
            "; correct the expression",
        ],
    )?;
    is_told_by_the_server(cluster, "bad").await?;
    good.is_untouched(cluster).await?;
    let mended = json!({"spec": rule("bad", "sum(up)")["spec"]});
    cluster.merge(&PROMETHEUS_RULE, "bad", mended).await?;
    cluster
        .until_bound(&PROMETHEUS_RULE, "bad", &TAKEN)
        .await
        .map(drop)
}

/// Labels of a mebibyte: those of a monitor's own metadata are nobody's matter, those of a rule fit into no `ConfigMap`.
pub async fn takes_labels_of_a_mebibyte(cluster: &Cluster) -> Result<()> {
    let good = good(cluster, &json!({})).await?;
    let mut large = service_monitor("large", &json!({"port": "http"}));
    let labels: Value = (0..8000)
        .map(|at| (format!("label-{at:05}"), json!("x".repeat(63))))
        .collect();
    meta::set(&mut large, "labels", labels);
    cluster.apply(&large).await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "large", &TAKEN)
        .await?;
    let job = cluster.job("serviceMonitor", "large");
    let with = cluster
        .until_configured("main", "its job", |text| has(text, &job))
        .await?;
    ensure!(!with.contains("label-00001"), "its labels are in there");
    cluster.delete(&SERVICE_MONITOR, "large").await?;
    cluster
        .until_configured("main", "without it", |text| text == good.configuration)
        .await?;

    let mut bad = rule("bad", "up == 0");
    bad["spec"]["groups"][0]["rules"][0]["labels"] = json!({"note": "x".repeat(1 << 20)});
    cluster.apply(&bad).await?;
    let said = refused(cluster, &PROMETHEUS_RULE, "bad").await?;
    names(
        &said,
        &[
            "1048665 bytes",
            "maximum limit of 524288 bytes",
            "; spread the groups over several objects",
        ],
    )?;
    ensure!(said.len() < 2000, "{} bytes of reason", said.len());
    good.is_untouched(cluster).await
}

fn credentials(secret: &str) -> Value {
    let key = |key: &str| json!({"name": secret, "key": key});
    json!({"port": "http", "basicAuth": {"username": key("username"), "password": key("password")}})
}

fn account(name: &str) -> Value {
    secret(name, &json!({"username": "user", "password": "secret"}))
}

/// A Secret goes, and a key of it: the monitor that names it goes too, and is back with it.
pub async fn names_a_secret_that_vanishes(cluster: &Cluster) -> Result<()> {
    let good = good(cluster, &json!({})).await?;
    cluster.apply(&account("account")).await?;
    cluster
        .apply(&service_monitor("web", &credentials("account")))
        .await?;
    let taken = async || cluster.until_bound(&SERVICE_MONITOR, "web", &TAKEN).await;
    taken().await?;
    cluster.delete(&SECRET, "account").await?;
    let said = refused(cluster, &SERVICE_MONITOR, "web").await?;
    names(
        &said,
        &[
            "\"account\"",
            "not found",
            "; create it, or name another one",
        ],
    )?;
    cluster
        .until_configured("main", "without it", |text| text == good.configuration)
        .await?;
    good.is_untouched(cluster).await?;
    cluster.apply(&account("account")).await?;
    taken().await?;
    let without = json!({"data": {"password": null}});
    cluster.merge(&SECRET, "account", without).await?;
    let said = refused(cluster, &SERVICE_MONITOR, "web").await?;
    names(
        &said,
        &["account", "password", "; create it, or name another one"],
    )?;
    good.is_untouched(cluster).await
}

/// Monitors of two namespaces that name each other's Secrets get none; where there is one of that name beside them, they get
/// that one.
pub async fn keeps_to_secrets_of_its_own_namespace(cluster: &Cluster) -> Result<()> {
    let everywhere = json!({"serviceMonitorNamespaceSelector": {}});
    let good = good(cluster, &everywhere).await?;
    let other = cluster.view("other");
    cluster.apply(&account("here")).await?;
    other.apply(&account("there")).await?;
    for (at, name, foreign) in [(cluster, "web", "there"), (&other, "api", "here")] {
        at.apply(&service_monitor(name, &credentials(foreign)))
            .await?;
        let said = refused(at, &SERVICE_MONITOR, name).await?;
        names(
            &said,
            &[foreign, "not found", "; create it, or name another one"],
        )?;
    }
    good.is_untouched(cluster).await?;
    let own = secret("here", &json!({"username": "own", "password": "own"}));
    other.apply(&own).await?;
    other.until_bound(&SERVICE_MONITOR, "api", &TAKEN).await?;
    let now = cluster
        .until_configured("main", "its own", |text| text.contains("username: own"))
        .await?;
    ensure!(!now.contains("username: user"), "{now}");
    Ok(())
}

/// A YAML of some hundred bytes that would be a billion words.
fn bomb() -> String {
    let mut text = "- &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for at in 1..10 {
        let alias = format!("*a{}", at - 1);
        let list = vec![alias; 9].join(", ");
        text.push_str(&format!("- &a{at} [{list}]\n"));
    }
    text
}

/// Additional jobs that are no list of jobs, that explode, or that vanish: the last good configuration stays, the server says
/// why, and another server takes no notice.
pub async fn keeps_the_last_good_configuration(cluster: &Cluster) -> Result<()> {
    let jobs = "- job_name: extra\n  static_configs:\n  - targets: [\"a:1\"]\n";
    let given = |text: &str| secret("additional", &json!({"jobs.yaml": text}));
    cluster.apply(&given(jobs)).await?;
    let reference = json!({"name": "additional", "key": "jobs.yaml"});
    let more = json!({"additionalScrapeConfigs": reference});
    let good = good(cluster, &more).await?;
    ensure!(good.configuration.contains("job_name: extra"));
    let second = json!({"serviceMonitorSelector": {}, "replicas": 1});
    cluster
        .apply(&object(&PROMETHEUS, "second", &second))
        .await?;
    cluster.until_ready(&PROMETHEUS, "second").await?;
    let good = Good {
        pods: cluster.pods().await?,
        ..good
    };
    let bomb = bomb();
    for (text, part, cure) in [
        (bomb.as_str(), "excessive aliasing", "; write it out"),
        ("- job_name: [", "yaml", "; correct the YAML"),
        (
            "- scrape_interval: 5 bananas\n  job_name: x\n",
            "bananas",
            "; write one as in 30s",
        ),
    ] {
        cluster.apply(&given(text)).await?;
        let what = format!("Reconciled is False for {part}");
        let told = cluster
            .until(&what, &PROMETHEUS, "main", |object| {
                says(object, "Reconciled", "False") && text_of(object).contains(part)
            })
            .await?;
        names(&text_of(&told), &["additional", cure])?;
        let now = cluster.configuration("main").await?;
        ensure!(now == good.configuration, "{part}: it changed:\n{now}");
        cluster.assert_same_pods(&good.pods).await?;
        let other = cluster.get(&PROMETHEUS, "second").await?;
        ensure!(says(&other, "Reconciled", "True"), "{other}");
        cluster.apply(&given(jobs)).await?;
        cluster
            .until_says(&PROMETHEUS, "main", "Reconciled", "True")
            .await?;
    }
    cluster.delete(&SECRET, "additional").await?;
    let told = cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "False")
        .await?;
    names(
        &text_of(&told),
        &[
            "additional",
            "not found",
            "; create it, or name another one",
        ],
    )?;
    let now = cluster.configuration("main").await?;
    ensure!(now == good.configuration, "it changed:\n{now}");
    cluster.apply(&given(jobs)).await?;
    cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "True")
        .await
        .map(drop)
}

/// What a server says of its last pass.
fn text_of(object: &Value) -> String {
    text(condition(object, "Reconciled"), "/message").to_owned()
}
