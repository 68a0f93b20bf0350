//! Upstream's end-to-end tests of files, certificates and rules that a server is given, and of what it is not written for, under
//! their names (`test/e2e/prometheus_test.go`). Nobody runs Prometheus here: what it would read is looked at.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    CONFIG_MAP, POD, PROMETHEUS_RULE, SECRET, SERVICE, SERVICE_MONITOR, STATEFUL_SET, text,
};
use crate::subjects::SERVER;
use crate::workloads::{object, pod_monitor, rule, secret, service_monitor};

/// What has the shape of a certificate, and of a key.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAcwADAAAwEA\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAcwADAAAwEA\n-----END PRIVATE KEY-----\n";

/// A Secret with all that TLS and authentication need.
pub(super) fn material() -> Value {
    let data = json!({"ca": CERTIFICATE, "cert": CERTIFICATE, "key": KEY, "token": "bearer", "user": "u", "word": "w"});
    secret("material", &data)
}

fn of(key: &str) -> Value {
    json!({"name": "material", "key": key})
}

/// TLS whose files are keys of that Secret.
fn by_secret() -> Value {
    json!({"ca": {"secret": of("ca")}, "cert": {"secret": of("cert")}, "keySecret": of("key")})
}

/// testPromArbitraryFSAcc: where files of the server's pod are denied, monitors that name some are refused, and those that name
/// Secrets aren't.
pub async fn prom_arbitrary_fs_acc(cluster: &Cluster) -> Result<()> {
    let denied = |deny: bool| json!({"arbitraryFSAccessThroughSMs": {"deny": deny}});
    cluster.apply(&material()).await?;
    SERVER.running(cluster, &denied(true)).await?;
    let endpoints = [
        (
            "bearer-file",
            false,
            json!({"bearerTokenFile": "/etc/ca-certificates/bearer-token"}),
        ),
        (
            "ca-file",
            false,
            json!({"tlsConfig": {"caFile": "/etc/ca-certificates/cert.pem"}}),
        ),
        (
            "cert-file",
            false,
            json!({"tlsConfig": {"certFile": "/etc/ca-certificates/cert.pem", "keyFile": "/etc/ca-certificates/key.pem"}}),
        ),
        (
            "bearer-secret",
            true,
            json!({"bearerTokenSecret": of("token")}),
        ),
        ("tls-secret", true, json!({"tlsConfig": by_secret()})),
    ];
    for (name, taken, endpoint) in &endpoints {
        let mut endpoint = endpoint.clone();
        endpoint["port"] = json!("web");
        cluster.apply(&service_monitor(name, &endpoint)).await?;
        let user = if *taken {
            "prometheuses test True"
        } else {
            "prometheuses test False"
        };
        cluster.until_bound(&SERVICE_MONITOR, name, &[user]).await?;
    }
    let made = cluster.configuration("test").await?;
    ensure!(!made.contains("/etc/ca-certificates"), "{made}");
    SERVER.change(cluster, denied(false)).await?;
    for (name, _, _) in &endpoints {
        cluster
            .until_bound(&SERVICE_MONITOR, name, &["prometheuses test True"])
            .await?;
    }
    Ok(())
}

/// Waits until the server's pods are given the files of that Secret, and its configuration says where they are.
async fn until_given(cluster: &Cluster, beginning: &str) -> Result<()> {
    let file = |key: &str| format!("0_{}_material_{key}", cluster.namespace);
    let held = "prometheus-test-tls-assets-0";
    cluster
        .until("the files", &SECRET, held, |secret| {
            ["ca", "cert", "key"]
                .iter()
                .all(|key| secret.pointer(&format!("/data/{}", file(key))).is_some())
        })
        .await?;
    let wanted = ["ca", "cert", "key"]
        .map(|key| format!("    {key}_file: /etc/prometheus/certs/{}\n", file(key)));
    cluster
        .until_configured("test", "where they are", |text| {
            let from = text.find(beginning);
            let rest = from.and_then(|at| text.get(at..)).unwrap_or_default();
            wanted.iter().all(|line| rest.contains(line))
        })
        .await
        .map(drop)
}

/// testPromTLSConfigViaSecret
pub async fn prom_tls_config_via_secret(cluster: &Cluster) -> Result<()> {
    cluster.apply(&material()).await?;
    SERVER.running(cluster, &json!({})).await?;
    let endpoint = json!({"port": "mtls", "scheme": "https", "tlsConfig": by_secret()});
    cluster.apply(&service_monitor("secure", &endpoint)).await?;
    until_given(cluster, &cluster.job("serviceMonitor", "secure")).await
}

/// testPromSecurePodMonitor, and testPromGetAuthSecret of its user.
pub async fn prom_secure_pod_monitor(cluster: &Cluster) -> Result<()> {
    cluster.apply(&material()).await?;
    SERVER
        .running(cluster, &json!({"podMonitorSelector": {}}))
        .await?;
    let mut monitor = pod_monitor("secure", "mtls");
    monitor["spec"]["podMetricsEndpoints"] = json!([{
        "port": "mtls", "scheme": "https", "tlsConfig": by_secret(),
        "basicAuth": {"username": of("user"), "password": of("word")},
    }]);
    cluster.apply(&monitor).await?;
    let job = cluster.job("podMonitor", "secure");
    until_given(cluster, &job).await?;
    let made = cluster.configuration("test").await?;
    let login = "  basic_auth:\n    username: u\n    password: w\n";
    ensure!(made.contains(login), "{made}");
    Ok(())
}

/// testPromRemoteWriteWithTLS
pub async fn prom_remote_write_with_tls(cluster: &Cluster) -> Result<()> {
    cluster.apply(&material()).await?;
    let write = json!({"url": "https://receiver:9090/api/v1/write", "tlsConfig": by_secret()});
    SERVER
        .running(cluster, &json!({"remoteWrite": [write]}))
        .await?;
    until_given(cluster, "remote_write:").await
}

/// testPromWebWithThanosSidecar: where the server speaks TLS, its sidecar and its reloader do.
pub async fn prom_web_with_thanos_sidecar(cluster: &Cluster) -> Result<()> {
    cluster.apply(&material()).await?;
    let tls = json!({"cert": {"secret": of("cert")}, "keySecret": of("key")});
    let spec = json!({"web": {"tlsConfig": tls}, "thanos": {}});
    SERVER.running(cluster, &spec).await?;
    let set = cluster.set(SERVER.set).await?;
    let containers = set.pointer("/spec/template/spec/containers");
    let containers = containers
        .and_then(Value::as_array)
        .context("no containers")?;
    for (name, argument) in [
        ("thanos-sidecar", "--prometheus.url=https://localhost:9090"),
        (
            "config-reloader",
            "--reload-url=https://localhost:9090/-/reload",
        ),
        (
            "prometheus",
            "--web.config.file=/etc/prometheus/web_config/web-config.yaml",
        ),
    ] {
        let mut named = containers.iter().filter(|one| text(one, "/name") == name);
        let arguments = named.next().and_then(|one| one.get("args"));
        let arguments = arguments.and_then(Value::as_array).into_iter().flatten();
        let mut arguments = arguments.filter_map(Value::as_str);
        ensure!(
            arguments.any(|one| one.starts_with(argument)),
            "{name} has no {argument}: {set}"
        );
    }
    Ok(())
}

/// testPrometheusRuleWithParserOptions: a rule of experimental PromQL is taken where the server has it switched on.
pub async fn prom_rule_with_parser_options(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    let experimental = rule("experimental", "mad_over_time(up[5m]) > 0");
    cluster.apply(&experimental).await?;
    cluster
        .until_bound(
            &PROMETHEUS_RULE,
            "experimental",
            &["prometheuses test False"],
        )
        .await?;
    let features = json!({"enableFeatures": ["promql-experimental-functions"]});
    SERVER.change(cluster, features).await?;
    cluster
        .until_bound(
            &PROMETHEUS_RULE,
            "experimental",
            &["prometheuses test True"],
        )
        .await
        .map(drop)
}

/// Names and versions of what was made of the server; of the StatefulSet, whose status changes, its generation.
async fn versions(cluster: &Cluster) -> Result<Vec<String>> {
    let made: [(&ResourceRef, &str); 4] = [
        (&CONFIG_MAP, "prometheus-test-rulefiles-0"),
        (&SECRET, "prometheus-test"),
        (&SECRET, "prometheus-test-tls-assets-0"),
        (&SERVICE, "prometheus-operated"),
    ];
    let mut versions = Vec::new();
    for (resource, name) in made {
        let object = cluster.get(resource, name).await?;
        versions.push(format!("{name} {}", meta::resource_version(&object)));
    }
    let set = cluster.set(SERVER.set).await?;
    versions.push(format!("{} {}", SERVER.set, meta::generation(&set)));
    Ok(versions)
}

/// testPromOnlyUpdatedOnRelevantChanges: neither pods that come and go nor annotations of others are a reason to write.
pub async fn prom_only_updated_on_relevant_changes(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    cluster.apply(&rule("alerts", "vector(1)")).await?;
    SERVER.running(cluster, &json!({})).await?;
    for (resource, name) in [(&SERVICE_MONITOR, "web"), (&PROMETHEUS_RULE, "alerts")] {
        cluster
            .until_bound(resource, name, &["prometheuses test True"])
            .await?;
    }
    cluster.quiet(Duration::from_mins(1)).await?;
    let before = versions(cluster).await?;
    let pod = cluster.get(&POD, "prometheus-test-0").await?;
    cluster.delete(&POD, "prometheus-test-0").await?;
    cluster
        .until("another pod", &POD, "prometheus-test-0", |found| {
            meta::uid(found) != meta::uid(&pod)
        })
        .await?;
    SERVER.until_ready(cluster).await?;
    let note = json!({"metadata": {"annotations": {"test-annotation": "test-value"}}});
    cluster.merge(&SERVICE_MONITOR, "web", note).await?;
    cluster.quiet(Duration::from_mins(1)).await?;
    let after = versions(cluster).await?;
    ensure!(after == before, "{before:?} became {after:?}");
    Ok(())
}

/// testPromWhenDeleteCRDCleanUpViaOwnerRef: rule files go with the server.
pub async fn prom_when_delete_crd_clean_up_via_owner_ref(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    let files = "prometheus-test-rulefiles-0";
    cluster.get(&CONFIG_MAP, files).await?;
    cluster.until_deleted(SERVER.resource, "test").await?;
    cluster
        .until_gone(&[(&CONFIG_MAP, files), (&STATEFUL_SET, SERVER.set)])
        .await
}

/// testPrometheusUTF8LabelSupport and testPrometheusUTF8MetricsSupport: names that are no identifiers are scraped, relabelled and
/// ruled on.
pub async fn prometheus_utf8_support(cluster: &Cluster) -> Result<()> {
    SERVER
        .running(cluster, &json!({"version": "v3.5.0"}))
        .await?;
    let step = json!({"action": "replace", "targetLabel": "app.info", "replacement": "test.app"});
    let endpoint = json!({"port": "web", "relabelings": [step]});
    cluster.apply(&service_monitor("dotted", &endpoint)).await?;
    let alert =
        json!({"alert": "Dotted", "expr": "{\"http.requests\", \"app.info\"=\"test.app\"} > 0"});
    let group = json!({"groups": [{"name": "dotted", "rules": [alert]}]});
    cluster
        .apply(&object(&PROMETHEUS_RULE, "dotted", &group))
        .await?;
    for (resource, name) in [(&SERVICE_MONITOR, "dotted"), (&PROMETHEUS_RULE, "dotted")] {
        cluster
            .until_bound(resource, name, &["prometheuses test True"])
            .await?;
    }
    cluster
        .until_configured("test", "the label", |text| {
            text.contains(
                "  - target_label: app.info\n    replacement: test.app\n    action: replace\n",
            )
        })
        .await
        .map(drop)
}
