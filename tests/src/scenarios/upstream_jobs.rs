//! Upstream's end-to-end tests of what a server scrapes and whom it alerts, under their names (`test/e2e/prometheus_test.go`,
//! `test/e2e/scrapeconfig_test.go`). Nobody runs Prometheus here: what it would find is its configuration, and what the
//! Services lead to.

use anyhow::{Result, ensure};
use machinery::meta;
use machinery::patch::merge;
use serde_json::{Value, json};

use super::prometheus::has;
use crate::cluster::Cluster;
use crate::objects::{
    CONFIG_MAP, PROMETHEUS_RULE, SCRAPE_CONFIG, SECRET, SERVICE, SERVICE_MONITOR, STATEFUL_SET,
    text,
};
use crate::subjects::SERVER;
use crate::workloads::{object, probe, rule, secret, service_monitor};

/// A ScrapeConfig, labelled `group: sc`.
fn job(name: &str, spec: &Value) -> Value {
    let mut object = object(&SCRAPE_CONFIG, name, spec);
    meta::set(&mut object, "labels", json!({"group": "sc"}));
    object
}

fn targets(count: usize) -> Value {
    let targets: Vec<String> = (1..=count).map(|at| format!("target{at}:9090")).collect();
    json!({"staticConfigs": [{"targets": targets}]})
}

/// A ScrapeConfig comes, changes and goes in a namespace; its targets do the same, and no pod notices.
async fn comes_changes_and_goes(cluster: &Cluster, at: &Cluster) -> Result<()> {
    let pods = cluster.pods().await?;
    let name = at.job("scrapeConfig", "scrape-config");
    for count in [2, 3] {
        at.apply(&job("scrape-config", &targets(count))).await?;
        let what = format!("{count} targets");
        cluster
            .until_configured("test", &what, |text| {
                has(text, &name) && text.matches(":9090\n").count() == count
            })
            .await?;
    }
    at.delete(&SCRAPE_CONFIG, "scrape-config").await?;
    cluster
        .until_configured("test", "no target", |text| {
            !has(text, &name) && !text.contains(":9090")
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}

fn selecting() -> Value {
    json!({"scrapeConfigSelector": {"matchLabels": {"group": "sc"}}})
}

/// testScrapeConfigLifecycle
pub async fn scrape_config_lifecycle(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &selecting()).await?;
    comes_changes_and_goes(cluster, cluster).await
}

/// testScrapeConfigLifecycleInDifferentNS
pub async fn scrape_config_lifecycle_in_different_ns(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    let name = json!({"kubernetes.io/metadata.name": other.namespace});
    let namespaces = json!({"scrapeConfigNamespaceSelector": {"matchLabels": name}});
    SERVER
        .running(cluster, &merge::apply(&selecting(), &namespaces))
        .await?;
    // One of the server's own namespace isn't selected.
    cluster
        .apply(&job(
            "here",
            &json!({"staticConfigs": [{"targets": ["here:1"]}]}),
        ))
        .await?;
    comes_changes_and_goes(cluster, &other).await?;
    let now = cluster.configuration("test").await?;
    ensure!(!now.contains("here:1"), "{now}");
    Ok(())
}

/// testScrapeConfigKubernetesNodeRole: nodes are asked for, with the token that is in a Secret.
pub async fn scrape_config_kubernetes_node_role(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&secret("prometheus-sa-secret", &json!({"token": "bearer"})))
        .await?;
    SERVER.running(cluster, &selecting()).await?;
    let spec = json!({
        "scheme": "HTTPS", "tlsConfig": {"insecureSkipVerify": true},
        "authorization": {"credentials": {"name": "prometheus-sa-secret", "key": "token"}},
        "kubernetesSDConfigs": [{"role": "Node"}],
    });
    cluster.apply(&job("nodes", &spec)).await?;
    let name = cluster.job("scrapeConfig", "nodes");
    let made = cluster
        .until_configured("test", "the nodes", |text| has(text, &name))
        .await?;
    for part in [
        "  scheme: https\n",
        "    insecure_skip_verify: true\n",
        "  kubernetes_sd_configs:\n  - role: node\n",
        "  authorization:\n    type: Bearer\n    credentials: bearer\n",
    ] {
        ensure!(made.contains(part), "{part:?} isn't in {made}");
    }
    cluster.delete(&SCRAPE_CONFIG, "nodes").await?;
    cluster
        .until_configured("test", "no nodes", |text| !has(text, &name))
        .await
        .map(drop)
}

/// testScrapeConfigDNSSDConfig
pub async fn scrape_config_dns_sd_config(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &selecting()).await?;
    let names = json!({"names": ["demo.do.prometheus.io"], "type": "A", "port": 9100, "refreshInterval": "5m"});
    cluster
        .apply(&job("names", &json!({"dnsSDConfigs": [names]})))
        .await?;
    let name = cluster.job("scrapeConfig", "names");
    let wanted = "  dns_sd_configs:\n  - names:\n    - demo.do.prometheus.io\n    refresh_interval: 5m\n    type: A\n    port: 9100\n";
    let made = cluster
        .until_configured("test", "the names", |text| has(text, &name))
        .await?;
    ensure!(made.contains(wanted), "{made}");
    Ok(())
}

/// testPromStaticProbe: the prober is scraped, with the target as a parameter.
pub async fn prom_static_probe(cluster: &Cluster) -> Result<()> {
    let mut probe = probe("page");
    probe["spec"] = json!({
        "module": "http_2xx", "prober": {"url": "blackbox-exporter:9115", "path": "/probe"},
        "targets": {"staticConfig": {"static": ["prometheus-test:9090"]}},
    });
    cluster.apply(&probe).await?;
    SERVER
        .running(cluster, &json!({"probeSelector": {}}))
        .await?;
    let name = cluster.job("probe", "page");
    let made = cluster
        .until_configured("test", "the probe", |text| has(text, &name))
        .await?;
    for part in [
        "  metrics_path: /probe\n",
        "  params:\n    module:\n    - http_2xx\n",
        "    - prometheus-test:9090\n",
        "  - target_label: __address__\n    replacement: blackbox-exporter:9115\n",
    ] {
        ensure!(made.contains(part), "{part:?} isn't in {made}");
    }
    Ok(())
}

/// testPromAlertmanagerDiscovery, by Endpoints and by EndpointSlices
pub async fn prom_alertmanager_discovery(cluster: &Cluster) -> Result<()> {
    let manager =
        json!({"name": "alertmanager-test", "namespace": cluster.namespace, "port": "web"});
    let alerting = json!({"alerting": {"alertmanagers": [manager]}});
    SERVER.running(cluster, &alerting).await?;
    let pods = cluster.pods().await?;
    for (role, written) in [
        ("Endpoints", "endpoints"),
        ("EndpointSlice", "endpointslice"),
    ] {
        SERVER
            .changed(cluster, json!({"serviceDiscoveryRole": role}))
            .await?;
        let discovery = format!(
            "kubernetes_sd_configs:\n    - role: {written}\n      namespaces:\n        names:\n        - {}\n",
            cluster.namespace
        );
        let made = cluster
            .until_configured("test", role, |text| text.contains(&discovery))
            .await?;
        let service = "      - __meta_kubernetes_service_name\n      regex: alertmanager-test\n";
        ensure!(made.contains(service), "{made}");
    }
    cluster.assert_same_pods(&pods).await
}

/// testPromExposingWithKubernetesAPI, up to what the API server's proxy looks for: a Service that leads to the pod's port
pub async fn prom_exposing_with_kubernetes_api(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    cluster.expose(json!({"prometheus": "test"}), 9090).await?;
    cluster
        .until_leads_to("exposed", ("web", 9090), 1)
        .await
        .map(drop)
}

/// testThanos: a sidecar at each replica, which a querier finds by the governing Service.
pub async fn thanos(cluster: &Cluster) -> Result<()> {
    let spec = json!({"replicas": 2, "thanos": {"version": "v0.37.2"}});
    SERVER.running(cluster, &spec).await?;
    cluster
        .until_leads_to("prometheus-operated", ("grpc", 10901), 2)
        .await?;
    let set = cluster.set("prometheus-test").await?;
    let containers = set.pointer("/spec/template/spec/containers");
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    let mut sidecars = containers.filter(|one| text(one, "/name") == "thanos-sidecar");
    let sidecar = sidecars.next().unwrap_or(&Value::Null);
    ensure!(
        text(sidecar, "/image").ends_with("thanos:v0.37.2"),
        "{sidecar}"
    );
    Ok(())
}

/// testPromAdditionalScrapeConfig: jobs out of a Secret beside those of monitors, and the Secret is followed.
pub async fn prom_additional_scrape_config(cluster: &Cluster) -> Result<()> {
    let given = |name: &str| {
        let jobs = format!(
            "- job_name: \"{name}\"\n  static_configs:\n  - targets: [\"localhost:9090\"]\n"
        );
        secret("additional", &json!({"prometheus-additional.yaml": jobs}))
    };
    cluster.apply(&given("first")).await?;
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    let reference = json!({"name": "additional", "key": "prometheus-additional.yaml"});
    SERVER
        .running(cluster, &json!({"additionalScrapeConfigs": reference}))
        .await?;
    let pods = cluster.pods().await?;
    let monitor = cluster.job("serviceMonitor", "web");
    let until = async |name: &str| {
        let job = format!("job_name: {name}");
        cluster
            .until_configured("test", name, |text| {
                has(text, &monitor) && text.replace('"', "").contains(&job)
            })
            .await
    };
    until("first").await?;
    cluster.apply(&given("second")).await?;
    let now = until("second").await?;
    ensure!(!now.contains("first"), "{now}");
    cluster.assert_same_pods(&pods).await
}

/// testPrometheusReconciliationOnSecretChanges: credentials of a monitor come from its Secret, as it is now.
pub async fn prometheus_reconciliation_on_secret_changes(cluster: &Cluster) -> Result<()> {
    let given = |password: &str| secret("auth", &json!({"username": "user", "password": password}));
    let key = |key: &str| json!({"name": "auth", "key": key});
    let basic = json!({"username": key("username"), "password": key("password")});
    cluster
        .apply(&service_monitor(
            "web",
            &json!({"port": "http", "basicAuth": basic}),
        ))
        .await?;
    SERVER.running(cluster, &json!({})).await?;
    for password in ["first", "second"] {
        cluster.apply(&given(password)).await?;
        let wanted = format!("  basic_auth:\n    username: user\n    password: {password}\n");
        cluster
            .until_configured("test", password, |text| text.contains(&wanted))
            .await?;
        cluster
            .until_bound(&SERVICE_MONITOR, "web", &["prometheuses test True"])
            .await?;
    }
    Ok(())
}

/// testPromSharedResourcesReconciliation: the Service that governs several servers is made again, and stays with the last.
pub async fn prom_shared_resources_reconciliation(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    let second = crate::workloads::prometheus("second", &json!({}));
    cluster.apply(&second).await?;
    cluster.until_ready(SERVER.resource, "second").await?;
    let before = cluster.get(&SERVICE, "prometheus-operated").await?;
    cluster.delete(&SERVICE, "prometheus-operated").await?;
    for name in ["second", "test"] {
        let note = json!({"spec": {"externalLabels": {"touched": "yes"}}});
        cluster.merge(SERVER.resource, name, note).await?;
    }
    cluster
        .until("another one", &SERVICE, "prometheus-operated", |service| {
            meta::uid(service) != meta::uid(&before)
        })
        .await?;
    cluster.delete(SERVER.resource, "second").await?;
    cluster
        .until_gone(&[
            (SERVER.resource, "second"),
            (&STATEFUL_SET, "prometheus-second"),
            (&SECRET, "prometheus-second"),
        ])
        .await?;
    cluster.get(&SERVICE, "prometheus-operated").await.map(drop)
}

/// testPromMultiplePrometheusRulesDifferentNS
pub async fn prom_multiple_prometheus_rules_different_ns(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    SERVER
        .running(cluster, &json!({"ruleNamespaceSelector": {}}))
        .await?;
    for (at, name) in [(cluster, "here"), (&other, "there")] {
        let rule = at.apply(&rule(name, "vector(1)")).await?;
        let file = format!("{}-{name}-{}.yaml", at.namespace, meta::uid(&rule));
        cluster
            .until(&file, &CONFIG_MAP, "prometheus-test-rulefiles-0", |held| {
                held.get("data")
                    .is_some_and(|data| data.get(&file).is_some())
            })
            .await?;
        at.until_bound(&PROMETHEUS_RULE, name, &["prometheuses test True"])
            .await?;
    }
    Ok(())
}
