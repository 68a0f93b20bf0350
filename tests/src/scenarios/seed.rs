//! kube-prometheus-stack 14.0.1 with our program in place of its operator: its objects, its definitions and its role, and then
//! the new ones (S2 to S21 of the acceptance, as far as an API server and controllers suffice).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use super::prometheus::has;
pub use super::seed_take_over::takes_over_what_is_there;
use crate::cluster::Cluster;
use crate::explore::difference;
use crate::objects::{
    ALERTMANAGER, CLAIM, CONFIG_MAP, DEFINITION, EVENT, NAMESPACE, NODE, PROMETHEUS,
    PROMETHEUS_RULE, SECRET, SERVICE, SERVICE_MONITOR, STATEFUL_SET, number, text,
};
use crate::seed::{self, FULLNAME};
use crate::workloads::{object, pod_monitor, probe, rule, secret, service_monitor};

/// Name of its server.
pub const SERVER: &str = "monitor-kube-prometheus-st-prometheus";
/// Its StatefulSet.
pub const SET: &str = "prometheus-monitor-kube-prometheus-st-prometheus";
/// Name of its Alertmanager.
pub const MANAGER: &str = "monitor-kube-prometheus-st-alertmanager";

/// Fields that the chart leaves to the definitions' defaults.
const DEFAULTED: [&str; 4] = ["scrapeInterval", "evaluationInterval", "portName", "shards"];

/// What is warned of under the old role and without the newer definitions, and how often.
const WARNINGS: [(&str, usize); 6] = [
    ("nothing of this kind is selected kind=ScrapeConfig", 1),
    // The agent's.
    ("switched off", 1),
    // Those of servers, Alertmanagers and Thanos Rulers.
    ("status isn't written", 3),
    // Those of monitors, probes, rules and AlertmanagerConfigs.
    ("objects of this kind don't say who uses them", 5),
    ("no Events are written", 1),
    ("claims don't grow with spec.storage", 1),
];

/// The namespace as the release expects it: labelled, with a node, a volume and a Secret for the server.
pub(super) async fn ground(cluster: &Cluster) -> Result<()> {
    label(cluster, &cluster.namespace, json!("prometheus")).await?;
    let nodes = cluster.list(&NODE).await?;
    let node = nodes.first().context("no node")?;
    let labels = json!({"metadata": {"labels": {"role": "monitor"}}});
    cluster.merge(&NODE, meta::name(node), labels).await?;
    let claims = [0, 1].map(|number| format!("{SET}-db-{SET}-{number}"));
    let claims = claims.each_ref().map(String::as_str);
    cluster.storage("rbd", &claims).await?;
    let keys = ["etcd-ca", "etcd-client", "etcd-client-key"];
    let data: Value = keys
        .into_iter()
        .map(|key| (key.to_owned(), json!("x")))
        .collect();
    cluster.apply(&secret("etcd-client-cert", &data)).await?;
    for name in [SERVER, MANAGER] {
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        cluster.apply(&account).await?;
    }
    Ok(())
}

async fn label(cluster: &Cluster, namespace: &str, name: Value) -> Result<()> {
    let labels = json!({"metadata": {"labels": {"name": name}}});
    cluster.merge(&NAMESPACE, namespace, labels).await.map(drop)
}

/// The recorded server and its monitors; none where there are no recordings.
pub async fn installed(cluster: &Cluster) -> Result<bool> {
    let namespace = &cluster.namespace;
    let (Some(server), Some(monitors)) = (
        seed::recorded("prom.yaml", namespace)?,
        seed::recorded("sm.yaml", namespace)?,
    ) else {
        return Ok(false);
    };
    ground(cluster).await?;
    for mut object in seed::objects(&server)?
        .into_iter()
        .chain(seed::objects(&monitors)?)
    {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("uid");
            metadata.remove("generation");
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.retain(|field, _| !DEFAULTED.contains(&field.as_str()));
        }
        cluster.apply(&object).await?;
    }
    Ok(true)
}

/// Waits until the server's pod is ready; its own status may say nothing.
pub async fn until_running(cluster: &Cluster, set: &str) -> Result<Value> {
    cluster
        .until("a ready pod", &STATEFUL_SET, set, |set| {
            number(set, "/status/readyReplicas") == number(set, "/spec/replicas")
                && number(set, "/status/observedGeneration") == meta::generation(set)
                && text(set, "/status/currentRevision") == text(set, "/status/updateRevision")
        })
        .await
}

/// S2, S3, S6 to S12: with old definitions and the old role, the StatefulSet and the configuration are the recorded ones.
pub async fn is_installed(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    let set = until_running(cluster, SET).await?;
    let namespace = &cluster.namespace;
    let recorded = seed::recorded("out-sts.yaml", namespace)?.context("recorded")?;
    let (wanted, found) = (seed::expected_set(&recorded)?, seed::comparable(&set));
    ensure!(
        wanted == found,
        "S6: the StatefulSet is another:\n{}",
        difference(&wanted, &found)
    );
    let wanted = seed::recorded("out-prometheus.yaml", namespace)?.context("recorded")?;
    let found = cluster.configuration(SERVER).await?;
    ensure!(
        wanted.trim_end() == found.trim_end(),
        "S11: the configuration is another:\n{found}"
    );
    let claims = cluster.list(&CLAIM).await?;
    let claim = claims.first().context("S7: no claim")?;
    ensure!(text(claim, "/spec/storageClassName") == "rbd" && claims.len() == 1);
    let written = cluster.quiet(Duration::from_mins(3)).await?;
    ensure!(written.is_empty(), "S18: {written:?}");
    let warnings = cluster.warnings();
    for (what, times) in WARNINGS {
        let found = warnings.iter().filter(|found| found.contains(what)).count();
        ensure!(
            found == times,
            "S2: {what}: warned {found} times: {warnings:#?}"
        );
    }
    Ok(())
}

/// S14: labels of namespaces decide about monitors and rules, and no pod notices. Probes are selected everywhere, by their own
/// label.
pub async fn selects_by_namespace(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    let before = until_running(cluster, SET).await?;
    let other = cluster.view("other");
    other
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    let mut probe = probe("page");
    probe["metadata"]["labels"] = json!({"release": "monitor"});
    other.apply(&probe).await?;
    other.apply(&pod_monitor("pods", "http")).await?;
    let alerts = other.apply(&rule("alerts", "up == 0")).await?;
    let probed = other.job("probe", "page");
    let jobs = [
        other.job("serviceMonitor", "web"),
        other.job("podMonitor", "pods"),
    ];
    cluster
        .until_configured(SERVER, "the probe alone", |text| {
            has(text, &probed) && !jobs.iter().any(|job| has(text, job))
        })
        .await?;
    let file = format!("{}-alerts-{}.yaml", other.namespace, meta::uid(&alerts));
    for (name, there) in [(json!("prometheus"), true), (Value::Null, false)] {
        label(cluster, &other.namespace, name).await?;
        let what = format!("the jobs of the other namespace: {there}");
        cluster
            .until_configured(SERVER, &what, |text| {
                jobs.iter().all(|job| has(text, job) == there)
            })
            .await?;
        let what = format!("the rules of the other namespace: {there}");
        cluster
            .until(&what, &CONFIG_MAP, &format!("{SET}-rulefiles-0"), |held| {
                let data = held.get("data");
                data.is_some_and(|data| data.get(&file).is_some()) == there
            })
            .await?;
    }
    let after = cluster.set(SET).await?;
    ensure!(
        meta::resource_version(&before) == meta::resource_version(&after),
        "the StatefulSet was written"
    );
    Ok(())
}

/// The old Alertmanager with its own Secret and no routes of others, once its pod is ready; its StatefulSet.
pub async fn alertmanager_installed(cluster: &Cluster) -> Result<Value> {
    let given = "global:\n  resolve_timeout: 5m\nroute:\n  group_by: [job]\n  receiver: 'null'\n  routes:\n  - match:\n      alertname: Watchdog\n    receiver: 'null'\nreceivers:\n- name: 'null'\ntemplates:\n- /etc/alertmanager/config/*.tmpl\n";
    let name = format!("alertmanager-{MANAGER}");
    cluster
        .apply(&secret(&name, &json!({"alertmanager.yaml": given})))
        .await?;
    let spec = json!({
        "image": "quay.io/prometheus/alertmanager:v0.21.0", "version": "v0.21.0", "replicas": 1,
        "listenLocal": false, "logFormat": "logfmt", "logLevel": "info", "paused": false, "portName": "web",
        "retention": "120h", "routePrefix": "/", "serviceAccountName": MANAGER,
        "externalUrl": format!("http://{MANAGER}.{}:9093", cluster.namespace),
        "alertmanagerConfigSelector": {}, "alertmanagerConfigNamespaceSelector": {},
        "securityContext": {"fsGroup": 2000, "runAsGroup": 2000, "runAsNonRoot": true, "runAsUser": 1000},
    });
    cluster
        .apply(&object(&ALERTMANAGER, MANAGER, &spec))
        .await?;
    until_running(cluster, &name).await
}

/// S16: the old Alertmanager is told what its version knows.
pub async fn runs_its_alertmanager(cluster: &Cluster) -> Result<()> {
    ground(cluster).await?;
    let set = alertmanager_installed(cluster).await?;
    let name = meta::name(&set);
    let found = set.pointer("/spec/template/spec/containers/0/args");
    let url = format!("http://{MANAGER}.{}:9093", cluster.namespace);
    let wanted = json!([
        "--config.file=/etc/alertmanager/config_out/alertmanager.env.yaml",
        "--storage.path=/alertmanager",
        "--data.retention=120h",
        "--cluster.listen-address=",
        "--web.listen-address=:9093",
        format!("--web.external-url={url}"),
        "--web.route-prefix=/",
        format!("--cluster.peer={name}-0.alertmanager-operated:9094"),
        "--cluster.reconnect-timeout=5m",
    ]);
    ensure!(found == Some(&wanted), "{found:?} instead of {wanted}");
    let made = cluster
        .held(&format!("{name}-generated"), "alertmanager.yaml.gz")
        .await?;
    let found = machinery::yaml::parse(&made)?.value;
    let wanted = json!({
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": "null", "group_by": ["job"],
            "routes": [{"receiver": "null", "match": {"alertname": "Watchdog"}}],
        },
        "receivers": [{"name": "null"}], "templates": ["/etc/alertmanager/config/*.tmpl"],
    });
    ensure!(
        found == wanted,
        "another configuration: {}",
        difference(&wanted, &found)
    );
    Ok(())
}

/// S17 and S18: rules arrive without what 2.24 doesn't know; a changed one is one write, a Secret of pods is none.
pub async fn writes_its_rules(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    let group = |expr: &str| {
        json!({"groups": [{
            "name": "g", "limit": 5, "labels": {"team": "a"},
            "rules": [{"alert": "A", "expr": expr, "for": "5m", "keep_firing_for": "10m"}],
        }]})
    };
    let rule = object(&PROMETHEUS_RULE, "alerts", &group("up == 0"));
    let rule = cluster.apply(&rule).await?;
    let until = async |expr: &str| {
        let file = format!("{}-alerts-{}.yaml", cluster.namespace, meta::uid(&rule));
        let known =
            format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n    for: 5m\n");
        let wanted = json!({file: known});
        cluster
            .until(expr, &CONFIG_MAP, &format!("{SET}-rulefiles-0"), |held| {
                held.get("data") == Some(&wanted)
            })
            .await
    };
    until("up == 0").await?;
    until_running(cluster, SET).await?;
    cluster.quiet(Duration::from_mins(2)).await?;
    let before = made(cluster).await?;
    let change = json!({"stringData": {"etcd-ca": "y"}});
    cluster.merge(&SECRET, "etcd-client-cert", change).await?;
    let written = cluster.quiet(Duration::from_mins(2)).await?;
    ensure!(
        written.is_empty() && made(cluster).await? == before,
        "a Secret of pods changed: {written:?}"
    );
    let change = json!({"spec": group("up == 1")});
    cluster.merge(&PROMETHEUS_RULE, "alerts", change).await?;
    until("up == 1").await?;
    cluster.quiet(Duration::from_mins(2)).await?;
    let after = made(cluster).await?;
    let changed: Vec<&String> = after
        .iter()
        .zip(&before)
        .filter(|(after, before)| after != before)
        .map(|((name, _), _)| name)
        .collect();
    ensure!(
        changed == [&format!("ConfigMap {SET}-rulefiles-0")],
        "{changed:?} changed"
    );
    // A second sync, of a process that knows nothing.
    cluster.restart_controllers();
    let written = cluster.quiet(Duration::from_mins(2)).await?;
    ensure!(
        written.is_empty() && made(cluster).await? == after,
        "written by a second sync: {written:?}"
    );
    Ok(())
}

/// Names and versions of all that we made.
async fn made(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let mut made = Vec::new();
    for resource in [&SECRET, &CONFIG_MAP, &SERVICE, &STATEFUL_SET] {
        for object in cluster.list(resource).await? {
            if meta::label(&object, "managed-by") == Some("prometheus-operator") {
                let name = format!("{} {}", resource.kind, meta::name(&object));
                made.push((name, meta::resource_version(&object).to_owned()));
            }
        }
    }
    Ok(made)
}

/// S20: authorization that 2.24 doesn't know is left out, and the job is there.
pub async fn leaves_out_authorization(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    let token = secret("token", &json!({"token": "t"}));
    cluster.apply(&token).await?;
    let endpoint = json!({
        "port": "http", "authorization": {"credentials": {"name": "token", "key": "token"}},
    });
    cluster.apply(&service_monitor("web", &endpoint)).await?;
    let job = cluster.job("serviceMonitor", "web");
    let text = cluster
        .until_configured(SERVER, "the job", |text| has(text, &job))
        .await?;
    ensure!(!text.contains("authorization:"), "{text}");
    Ok(())
}

/// S21: with the present definitions and role on top, status, events and defaults begin to work, and no pod is replaced.
pub async fn goes_on_with_new_definitions(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    until_running(cluster, SET).await?;
    cluster.quiet(Duration::from_mins(1)).await?;
    let pods = cluster.pods().await?;
    let silent = cluster.get(&PROMETHEUS, SERVER).await?;
    ensure!(silent.get("status").is_none(), "it has a status");
    let bad = service_monitor("bad", &json!({"port": "http", "scrapeTimeout": "5m"}));
    let told = async || -> Result<bool> {
        let events = cluster.list(&EVENT).await?;
        let mut about = events
            .iter()
            .map(|event| text(event, "/involvedObject/name"));
        Ok(about.any(|name| name == "bad"))
    };
    cluster.apply(&bad).await?;
    cluster.quiet(Duration::from_mins(1)).await?;
    ensure!(!told().await?, "an Event without the right to write one");
    let warnings = cluster.warnings();
    let skipped = warnings
        .iter()
        .any(|said| said.contains("no Events are written"));
    ensure!(skipped, "no warning of Events: {warnings:#?}");
    for definition in cluster.stage().definitions() {
        let name = meta::name(&definition).to_owned();
        match cluster.find(&DEFINITION, &name).await? {
            Some(_) => cluster
                .merge(&DEFINITION, &name, definition)
                .await
                .map(drop)?,
            None => cluster.apply(&definition).await.map(drop)?,
        }
    }
    cluster.grant(&cluster.stage().rights()).await?;
    let said = cluster.until_ready(&PROMETHEUS, SERVER).await?;
    ensure!(
        text(&said, "/spec/scrapeInterval") == "30s",
        "no defaults: {said}"
    );
    let name = format!("{FULLNAME}-kube-etcd");
    let user = format!("prometheuses {SERVER} True");
    cluster
        .until_bound(&SERVICE_MONITOR, &name, &[&user])
        .await?;
    // What is refused anew is told now.
    let other = json!({"spec": {"endpoints": [{"port": "http", "scrapeTimeout": "6m"}]}});
    cluster.merge(&SERVICE_MONITOR, "bad", other).await?;
    cluster
        .eventually("an Event about the bad monitor", async || {
            Ok(told().await?.then_some(()))
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}
