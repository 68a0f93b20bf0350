//! Upstream's end-to-end tests of what the definitions take and refuse, under their names: a server that is asked alone, with
//! nobody's pods.

use std::fmt::Display;

use anyhow::{Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{PROMETHEUS_RULE, resource_of};
use crate::workloads::{agent, object, prometheus, service_monitor};

/// Asks the server to make an object, and takes it back; what the server says if it is invalid.
pub async fn refused(cluster: &Cluster, object: &Value) -> Result<Option<String>> {
    refused_as(cluster, &resource_of(object)?, object).await
}

/// The same of a version of its kind that scenarios don't know.
pub async fn refused_as(
    cluster: &Cluster,
    resource: &ResourceRef,
    object: &Value,
) -> Result<Option<String>> {
    let mut object = object.clone();
    meta::set(&mut object, "namespace", json!(cluster.namespace));
    match cluster.client().create(resource, &object).await {
        Ok(_) => {
            cluster.delete(resource, meta::name(&object)).await?;
            let name = meta::name(&object);
            cluster.until_gone(&[(resource, name)]).await?;
            Ok(None)
        }
        Err(error) if error.reason() == "Invalid" => Ok(Some(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Asks for each object, of which it is said whether it is valid.
pub async fn are_told_apart<Case: Display>(
    cluster: &Cluster,
    cases: Vec<(Case, bool, Value)>,
) -> Result<()> {
    for (case, valid, object) in cases {
        let answer = refused(cluster, &object).await?;
        ensure!(
            answer.is_none() == valid,
            "{case}: valid is {valid}, but the answer {answer:?}"
        );
    }
    Ok(())
}

fn alerting(endpoint: Value) -> Value {
    let mut endpoint = endpoint;
    for (field, value) in [
        ("port", json!(9797)),
        ("scheme", json!("HTTPS")),
        ("pathPrefix", json!("/alerts")),
        ("bearerTokenFile", json!("/file")),
        ("apiVersion", json!("V1")),
    ] {
        endpoint[field] = value;
    }
    json!({"alerting": {"alertmanagers": [endpoint]}})
}

/// testPrometheusCRDValidation
pub async fn prometheus_crd_validation(cluster: &Cluster) -> Result<()> {
    let size = |size: &str| json!({"retentionSize": size});
    let interval = |interval: &str| json!({"scrapeInterval": interval});
    let connections = |count: i64| json!({"web": {"maxConnections": count}});
    let concurrency = |count: i64| json!({"query": {"maxConcurrency": count}});
    let write = |write: Value| json!({"remoteWrite": [write]});
    let version = |version: &str| json!({"url": "http://example.com", "messageVersion": version});
    let versions = |versions: Value| json!({"remoteWriteReceiverMessageVersions": versions});
    let grace = |seconds: i64| json!({"terminationGracePeriodSeconds": seconds});
    let dns = json!({"nameservers": ["8.8.8.8"], "options": [{"name": "ndots", "value": "5"}]});
    let retain = json!({"whenScaled": "Retain", "retain": {"retentionPeriod": "3d"}});
    let strategy = json!({"type": "OnDelete", "rollingUpdate": {}});
    let specs = [
        ("zero-size-without-unit", true, size("0")),
        ("legacy-unit", true, size("1.5GB")),
        ("iec-unit", true, size("100MiB")),
        ("legacy-missing-symbol", false, size("10M")),
        ("legacy-missing-unit", false, size("1000")),
        ("iec-missing-symbol", false, size("15Gi")),
        ("zero-time-without-unit", true, interval("0")),
        ("time-in-seconds-unit", true, interval("30s")),
        ("complex-time-unit", true, interval("1h30m15s")),
        ("time-missing-symbols", false, interval("600")),
        ("time-unit-misspelled", false, interval("60ss")),
        ("max-connections", true, connections(100)),
        ("max-connections-negative-value", false, connections(-1)),
        ("max-concurrency", true, concurrency(100)),
        ("max-concurrency-zero-value", false, concurrency(0)),
        (
            "valid-dns-policy-and-config",
            true,
            json!({"dnsPolicy": "ClusterFirst", "dnsConfig": dns}),
        ),
        (
            "invalid-dns-policy",
            false,
            json!({"dnsPolicy": "InvalidPolicy"}),
        ),
        (
            "no-endpoint-namespace",
            true,
            alerting(json!({"name": "test"})),
        ),
        (
            "endpoint-namespace",
            true,
            alerting(json!({"name": "test", "namespace": "default"})),
        ),
        (
            "no-endpoint-name",
            false,
            alerting(json!({"name": "", "namespace": "default"})),
        ),
        (
            "valid-remote-write-message-version",
            true,
            write(version("V2.0")),
        ),
        (
            "invalid-remote-write-message-version",
            false,
            write(version("xx")),
        ),
        (
            "invalid-empty-remote-write-url",
            false,
            write(json!({"url": ""})),
        ),
        (
            "remote-write-url-without-host",
            false,
            write(json!({"url": "/example.com/write"})),
        ),
        (
            "valid-remote-write-receiver-message-versions",
            true,
            versions(json!(["V2.0"])),
        ),
        (
            "invalid-remote-write-receiver-message-versions",
            false,
            versions(json!(["V2.0", "xx"])),
        ),
        (
            "valid-retain-config",
            true,
            json!({"shardRetentionPolicy": retain}),
        ),
        ("invalid-terminationGracePeriodSeconds", false, grace(-100)),
        ("valid-terminationGracePeriodSeconds", true, grace(100)),
        (
            "invalid-updateStrategy",
            false,
            json!({"updateStrategy": {"type": ""}}),
        ),
        (
            "invalid-ondelete-with-rollingupdate",
            false,
            json!({"updateStrategy": strategy}),
        ),
    ];
    let cases = specs.into_iter();
    let cases = cases.map(|(case, valid, spec)| (case, valid, prometheus("test", &spec)));
    are_told_apart(cluster, cases.collect()).await
}

/// testRelabelConfigCRDValidation
pub async fn relabel_config_crd_validation(cluster: &Cluster) -> Result<()> {
    let port = json!({
        "sourceLabels": ["__address__"], "regex": r"([^:]+)(?::\d+)?", "replacement": "$1:80",
        "targetLabel": "__address__",
    });
    let with = |field: &str, value: &str| {
        let mut steps = port.clone();
        steps[field] = json!(value);
        steps
    };
    let dotted = json!({
        "sourceLabels": ["app.info"], "action": "replace", "targetLabel": "app.info",
        "replacement": "test.app",
    });
    let steps = [
        ("no-explicit-sep", true, with("action", "replace")),
        ("no-explicit-action", true, with("separator", ",")),
        ("empty-separator", true, json!({"separator": ""})),
        ("invalid-action", false, json!({"action": "replacee"})),
        ("accepts-utf-8-labels", true, dotted),
    ];
    let monitor = |step: Value| {
        let endpoint = json!({"port": "web", "relabelings": [step]});
        service_monitor("test", &endpoint)
    };
    let cases = steps.into_iter();
    let cases = cases.map(|(case, valid, step)| (case, valid, monitor(step)));
    are_told_apart(cluster, cases.collect()).await
}

/// testPrometheusShardingStrategyCELValidations
pub async fn prometheus_sharding_strategy_cel_validations(cluster: &Cluster) -> Result<()> {
    let zones = |shards: Value, values: Value| {
        let strategy = json!({"mode": "Topology", "topology": {"values": values}});
        json!({"shards": shards, "shardingStrategy": strategy})
    };
    let two = json!(["zone-a", "zone-b"]);
    let three = json!(["zone-a", "zone-b", "zone-c"]);
    let address = json!({"mode": "Address"});
    let both = json!({"mode": "Address", "topology": {}});
    let specs = [
        (
            "address sharding without topology",
            true,
            json!({"shardingStrategy": address}),
        ),
        (
            "default sharding with topology",
            false,
            json!({"shardingStrategy": {"topology": {}}}),
        ),
        (
            "address sharding with topology",
            false,
            json!({"shardingStrategy": both}),
        ),
        (
            "default shards < values",
            false,
            zones(Value::Null, two.clone()),
        ),
        ("shards < values", false, zones(json!(2), three)),
        ("shards >= values", true, zones(json!(2), two)),
    ];
    let cases = specs.into_iter();
    let cases = cases.map(|(case, valid, spec)| (case, valid, prometheus("test", &spec)));
    are_told_apart(cluster, cases.collect()).await
}

/// testPrometheusAgentDaemonSetCELValidations
pub async fn prometheus_agent_daemon_set_cel_validations(cluster: &Cluster) -> Result<()> {
    let group = json!({"matchLabels": {"group": "test"}});
    let claim = json!({
        "storageClassName": "standard", "resources": {"requests": {"storage": "200Mi"}},
    });
    let retention = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    let fields = [
        ("replicas", json!(3)),
        ("storage", json!({"volumeClaimTemplate": {"spec": claim}})),
        ("shards", json!(2)),
        ("persistentVolumeClaimRetentionPolicy", retention),
        ("scrapeConfigSelector", group.clone()),
        ("probeSelector", group.clone()),
        ("scrapeConfigNamespaceSelector", group.clone()),
        ("probeNamespaceSelector", group.clone()),
        ("serviceMonitorSelector", group.clone()),
        ("serviceMonitorNamespaceSelector", group),
        (
            "additionalScrapeConfigs",
            json!({"name": "test", "key": "test"}),
        ),
    ];
    let whole = json!({"mode": "DaemonSet", "replicas": null});
    let answer = refused(cluster, &agent("test", &whole)).await?;
    ensure!(answer.is_none(), "none of them is set: {answer:?}");
    for (field, value) in fields {
        let mut spec = whole.clone();
        spec[field] = value;
        let answer = refused(cluster, &agent("test", &spec)).await?;
        let what = match field {
            "shards" => "be greater than 1",
            _ => "be set",
        };
        let wanted = format!("{field} cannot {what} when mode is DaemonSet");
        ensure!(
            answer
                .as_ref()
                .is_some_and(|answer| answer.contains(&wanted)),
            "{wanted}: {answer:?}"
        );
    }
    Ok(())
}

/// TestPrometheusRuleCRDValidation
pub async fn prometheus_rule_crd_validation(cluster: &Cluster) -> Result<()> {
    let group = |name: &str| json!({"name": name, "rules": []});
    let partial = |strategy: &str| json!([{"name": "test", "partial_response_strategy": strategy}]);
    let firing = |duration: &str| {
        let rule = json!({"record": "rule1", "expr": "vector(0)", "keep_firing_for": duration});
        json!([{"name": "test", "rules": [rule]}])
    };
    let cases = [
        (
            "duplicate-rule-name",
            false,
            json!([group("rule1"), group("rule1")]),
        ),
        ("invalid-partial-rsp", false, partial("invalid")),
        (
            "valid-rule-names",
            true,
            json!([group("rule1"), group("rule2")]),
        ),
        ("empty-rule", true, json!([{"name": "empty"}])),
        ("valid-partial-rsp-1", true, partial("abort")),
        ("valid-partial-rsp-2", true, partial("ABORT")),
        ("valid-partial-rsp-3", true, partial("Warn")),
        ("valid-partial-rsp-4", true, partial("WaRn")),
        ("valid-partial-rsp-5", true, partial("")),
        ("valid-keep-firing-for", true, firing("5m")),
        ("invalid-keep-firing-for", false, firing("")),
    ];
    let rule = |groups: Value| object(&PROMETHEUS_RULE, "test", &json!({"groups": groups}));
    let cases = cases.map(|(case, valid, groups)| (case, valid, rule(groups)));
    are_told_apart(cluster, cases.into()).await
}
