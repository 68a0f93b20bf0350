//! The parts of a configuration that belong to the workload itself.

use serde_json::{Value, json};

use super::*;
use crate::api::{PrometheusAgent, ThanosRuler};
use crate::config::prometheus::{agent_configuration, ruler_remote_write};
use crate::config::version::Version;

fn remote_write(version: &str, spec: &Value) -> (Value, Vec<String>) {
    let ruler: ThanosRuler = workload(&json!({"remoteWrite": [spec]}));
    let version = Version::parse(version).unwrap();
    let assets = secrets(&[("monitoring", "s", json!({"token": "t"}))]);
    let made = ruler_remote_write(&ruler, &version, &assets).unwrap();
    let document = machinery::yaml::parse(&made.text).unwrap().value;
    (document["remote_write"][0].clone(), made.warnings)
}

/// D1.
#[test]
fn a_ruler_writes_with_what_its_thanos_reads() {
    let spec = json!({
        "url": "http://x", "roundRobinDNS": true, "messageVersion": "V1.0", "sendNativeHistograms": true,
        "noProxy": "a", "proxyFromEnvironment": true, "proxyConnectHeader": {"h": [key("s", "token")]},
        "azureAd": {"cloud": "AzurePublic", "sdk": {"tenantId": "t"}},
        "tlsConfig": {"minVersion": "TLS12", "maxVersion": "TLS13"},
        "queueConfig": {"capacity": 1, "sampleAgeLimit": "1h"},
    });
    let (oldest, warnings) = remote_write("0.24.0", &spec);
    let expected = json!({"url": "http://x", "tls_config": {}, "queue_config": {"capacity": 1}});
    assert_eq!(oldest, expected);
    let left_out = [
        "protobuf_message",
        "send_native_histograms",
        "min_version",
        "max_version",
        "no_proxy",
        "proxy_from_environment",
        "proxy_connect_header",
        "sdk",
        "azuread",
        "sample_age_limit",
        "round_robin_dns",
    ];
    let mut left_out: Vec<String> = left_out
        .iter()
        .map(|key| format!("ignoring {key:?} not supported by Prometheus 2.32.0"))
        .collect();
    let mut warnings = warnings;
    left_out.sort();
    warnings.sort();
    assert_eq!(warnings, left_out);

    let (older, _) = remote_write("0.32.0", &spec);
    let expected = json!({
        "url": "http://x", "send_native_histograms": true, "tls_config": {"min_version": "TLS12", "max_version": "TLS13"},
        "no_proxy": "a", "proxy_from_environment": true, "proxy_connect_header": {"h": ["t"]},
        "azuread": {"cloud": "AzurePublic"}, "queue_config": {"capacity": 1},
    });
    assert_eq!(older, expected);

    let (newest, warnings) = remote_write("0.42.4", &spec);
    let expected = json!({
        "url": "http://x", "protobuf_message": "prometheus.WriteRequest", "send_native_histograms": true,
        "tls_config": {"min_version": "TLS12", "max_version": "TLS13"},
        "no_proxy": "a", "proxy_from_environment": true, "proxy_connect_header": {"h": ["t"]},
        "azuread": {"cloud": "AzurePublic", "sdk": {"tenant_id": "t"}},
        "queue_config": {"capacity": 1, "sample_age_limit": "1h"}, "round_robin_dns": true,
    });
    assert_eq!((newest, warnings), (expected, Vec::new()));
}

/// D2.
#[test]
fn headers_of_tracing_are_in_order() {
    let mut headers = serde_json::Map::new();
    for name in ["z", "a", "m", "B", "a10", "a2"] {
        headers.insert(name.to_owned(), json!(name));
    }
    let spec = json!({"tracingConfig": {"endpoint": "x:4317", "headers": headers}});
    let (made, _) = configured(&spec, &Selected::default(), &Assets::default());
    let expected = "tracing:\n  endpoint: x:4317\n  headers:\n    B: B\n    a: a\n    a10: a10\n    a2: a2\n    m: m\n    z: z\n";
    let (_, tracing) = made.text.split_once("\ntracing").unwrap();
    assert_eq!(format!("tracing{tracing}"), expected);
}

/// D4: each of them breaks upstream's operator in the middle of a pass.
#[test]
fn an_old_version_loses_the_authorization_of_the_workload_itself() {
    let authorization = json!({"credentials": key("s", "token")});
    let spec = |version: &str| {
        json!({
            "version": version, "apiserverConfig": {"host": "https://x", "authorization": authorization},
            "remoteWrite": [{"url": "http://x", "authorization": authorization}],
            "remoteRead": [{"url": "http://x", "authorization": authorization}],
            "scrapeClasses": [{"name": "c", "default": true, "authorization": authorization}],
        })
    };
    let mut objects = Selected::default();
    let one = monitor(&json!({"port": "web"}));
    objects.service_monitors.insert(one.key(), one);
    let assets = secrets(&[("monitoring", "s", json!({"token": "t"}))]);
    let found = |document: &Value| {
        let job = &document["scrape_configs"][0];
        let places = [
            &job["authorization"],
            &job["kubernetes_sd_configs"][0]["authorization"],
            &document["remote_write"][0]["authorization"],
            &document["remote_read"][0]["authorization"],
        ];
        places.map(Value::clone)
    };
    let (old, document) = configured(&spec("v2.25.2"), &objects, &assets);
    assert_eq!(found(&document), [const { Value::Null }; 4]);
    let told = "ignoring \"authorization\" not supported by Prometheus 2.25.2";
    let told = old.warnings.iter().filter(|warning| *warning == told);
    assert_eq!(told.count(), 4);
    let (_, document) = configured(&spec("v2.26.0"), &objects, &assets);
    let expected = json!({"type": "Bearer", "credentials": "t"});
    assert_eq!(found(&document), [(); 4].map(|()| expected.clone()));
}

/// D5.
#[test]
fn an_agent_has_one_storage_block_with_all_that_it_knows() {
    let agent: PrometheusAgent = workload(&json!({
        "scrapeInterval": "30s",
        "tsdb": {"outOfOrderTimeWindow": "10m", "staleSeriesCompactionThreshold": "500m", "chunkEncoding": {"floats": "Xor2"}},
    }));
    let (selected, additional) = (Selected::default(), Additional::default());
    let assets = Assets::default();
    let made = agent_configuration(&agent, &selected, &additional, &assets, Options::default());
    let document = machinery::yaml::parse(&made.unwrap().text).unwrap();
    assert_eq!(document.duplicates, Vec::<String>::new());
    let expected = json!({
        "global": {"scrape_interval": "30s", "external_labels": {"prometheus": "monitoring/main", "prometheus_replica": "$(POD_NAME)"}},
        "scrape_configs": [],
        "storage": {"tsdb": {"out_of_order_time_window": "10m", "stale_series_compaction_threshold": 0.5, "chunk_encoding": {"floats": "xor2"}}},
    });
    assert_eq!(document.value, expected);
}

/// D14: the class is the workload's, and so is what it names.
#[test]
fn a_scrape_class_names_secrets_of_its_prometheus() {
    let class = json!({
        "name": "c", "default": true, "authorization": {"credentials": key("own", "token")},
        "tlsConfig": {"ca": {"secret": key("own", "ca")}},
    });
    let assets = secrets(&[
        ("monitoring", "own", json!({"token": "t", "ca": "pem"})),
        ("team", "own", json!({"token": "another", "ca": "another"})),
    ]);
    let mut objects = Selected::default();
    let one = monitor(&json!({"port": "web"}));
    objects.service_monitors.insert(one.key(), one);
    let (made, document) = configured(&json!({"scrapeClasses": [class]}), &objects, &assets);
    let job = &document["scrape_configs"][0];
    let expected = json!({"type": "Bearer", "credentials": "t"});
    assert_eq!(job["authorization"], expected);
    let file = "0_monitoring_own_ca";
    let expected = json!({"ca_file": format!("/etc/prometheus/certs/{file}")});
    assert_eq!(job["tls_config"], expected);
    let files = [(file.to_owned(), "pem".to_owned())];
    assert_eq!(made.tls_files, files.into());
}

/// D15.
#[test]
fn the_api_server_and_traces_are_reached_with_secrets_of_the_prometheus() {
    let tls = json!({"ca": {"secret": key("own", "ca")}, "cert": {"secret": key("own", "crt")}, "keySecret": key("own", "key")});
    let spec = json!({
        "apiserverConfig": {"host": "https://x", "tlsConfig": tls, "basicAuth": {"username": key("own", "user"), "password": key("own", "pass")}},
        "tracingConfig": {"endpoint": "x:4317", "tlsConfig": {"ca": {"secret": key("own", "traces")}}},
    });
    let data = json!({"ca": "a", "crt": "b", "key": "c", "user": "u", "pass": "p", "traces": "d"});
    let assets = secrets(&[("monitoring", "own", data)]);
    let mut objects = Selected::default();
    let one = monitor(&json!({"port": "web"}));
    objects.service_monitors.insert(one.key(), one);
    let (made, document) = configured(&spec, &objects, &assets);
    let file = |key: &str| format!("/etc/prometheus/certs/0_monitoring_own_{key}");
    let expected = json!([{
        "role": "endpoints", "namespaces": {"names": ["team"]}, "api_server": "https://x",
        "basic_auth": {"username": "u", "password": "p"},
        "tls_config": {"ca_file": file("ca"), "cert_file": file("crt"), "key_file": file("key")},
    }]);
    assert_eq!(
        document["scrape_configs"][0]["kubernetes_sd_configs"],
        expected
    );
    let expected = json!({"endpoint": "x:4317", "tls_config": {"ca_file": file("traces")}});
    assert_eq!(document["tracing"], expected);
    let files = [("ca", "a"), ("crt", "b"), ("key", "c"), ("traces", "d")];
    let files = files.map(|(key, text)| (format!("0_monitoring_own_{key}"), text.to_owned()));
    assert_eq!(made.tls_files, files.into());
}

/// D16, the second half.
#[test]
fn an_enforced_size_of_answers_is_the_largest_of_all_jobs() {
    let global = |size: &str, enforced: &str| {
        let spec = json!({"scrapeInterval": "30s", "bodySizeLimit": size, "enforcedBodySizeLimit": enforced});
        let (_, mut document) = configured(&spec, &Selected::default(), &Assets::default());
        document["global"]["body_size_limit"].take()
    };
    assert_eq!(global("2GB", "10MB"), "10MB");
    assert_eq!(global("10MB", "2GB"), "10MB");
    assert_eq!(global("10MB", ""), "10MB");
    assert_eq!(global("", "10MB"), "10MB");
}
