//! What the Prometheus configuration promises beyond the recorded calls.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stdout,
    reason = "in tests, a panic is the failure"
)]

use monitoring::api::{Prometheus, PrometheusAgent, ScrapeConfig, ServiceMonitor, read};
use monitoring::config::assets::Assets;
use monitoring::config::prometheus::{
    Additional, Generated, Options, Selected, agent_configuration, server_configuration,
};
use serde_json::{Value, json};

fn prometheus(spec: Value) -> Prometheus {
    read(&json!({"metadata": {"name": "main", "namespace": "monitoring"}, "spec": spec})).unwrap()
}

fn monitor(endpoint: Value) -> ServiceMonitor {
    read(&json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "app", "namespace": "team"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [endpoint]},
    }))
    .unwrap()
}

fn with_monitor(monitor: ServiceMonitor) -> Selected {
    let mut selected = Selected::default();
    selected.service_monitors.insert(monitor.key(), monitor);
    selected
}

fn with_scrape_config(spec: Value) -> Selected {
    let config: ScrapeConfig = read(&json!({
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "ScrapeConfig",
        "metadata": {"name": "sc", "namespace": "team"},
        "spec": spec,
    }))
    .unwrap();
    let mut selected = Selected::default();
    selected.scrape_configs.insert(config.key(), config);
    selected
}

fn secret(namespace: &str, name: &str, data: Value) -> Assets {
    let mut assets = Assets::default();
    assets.insert(&json!({
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }));
    assets
}

fn generate(prometheus: &Prometheus, selected: &Selected, assets: &Assets) -> (Generated, Value) {
    let made = server_configuration(
        prometheus,
        selected,
        &Additional::default(),
        assets,
        Options::default(),
    )
    .unwrap();
    let document = machinery::yaml::parse(&made.text).unwrap();
    assert_eq!(document.duplicates, Vec::<String>::new());
    (made, document.value)
}

#[test]
fn no_text_of_a_user_leaves_its_place() {
    let evil = "/metrics\n- job_name: mine\n  x: ${1} {{ . }} \"'# %";
    let params = json!({"a: b": ["y\n---\n", "\u{85}", "null", "0x1f", "1e3"], "": [""]});
    let selected = with_monitor(monitor(json!({"path": evil, "params": params})));
    let (_, document) = generate(&prometheus(json!({})), &selected, &Assets::default());
    assert_eq!(document["scrape_configs"].as_array().unwrap().len(), 1);
    assert_eq!(document["scrape_configs"][0]["metrics_path"], evil);
    assert_eq!(document["scrape_configs"][0]["params"], params);
}

#[test]
fn one_monitor_more_leaves_the_jobs_of_others_as_they_are() {
    let prometheus = prometheus(json!({"shards": 2}));
    let one = with_monitor(monitor(json!({"port": "web"})));
    let mut two = one.clone();
    let mut other = monitor(json!({"port": "http"}));
    other.metadata.name = "zzz".to_owned();
    two.service_monitors.insert(other.key(), other);
    let (alone, _) = generate(&prometheus, &one, &Assets::default());
    let (together, _) = generate(&prometheus, &two, &Assets::default());
    let job = alone
        .text
        .split("- job_name:")
        .nth(1)
        .unwrap()
        .split("\nstorage:")
        .next()
        .unwrap();
    assert!(together.text.contains(job), "{}", together.text);
}

#[test]
fn an_old_version_loses_authorization_with_a_warning() {
    let assets = secret("team", "s", json!({"token": "t"}));
    let endpoint = json!({"authorization": {"credentials": {"name": "s", "key": "token"}}});
    let selected = with_monitor(monitor(endpoint));
    let (made, document) = generate(
        &prometheus(json!({"version": "v2.24.0"})),
        &selected,
        &assets,
    );
    assert!(document["scrape_configs"][0].get("authorization").is_none());
    assert!(
        made.warnings
            .iter()
            .any(|warning| warning.contains("\"authorization\"")),
        "{:?}",
        made.warnings
    );
    let (_, document) = generate(
        &prometheus(json!({"version": "v2.26.0"})),
        &selected,
        &assets,
    );
    assert_eq!(
        document["scrape_configs"][0]["authorization"],
        json!({"type": "Bearer", "credentials": "t"})
    );
}

#[test]
fn an_agent_has_one_storage_block() {
    let agent: PrometheusAgent = read(&json!({
        "metadata": {"name": "agent", "namespace": "monitoring"},
        "spec": {"tsdb": {
            "outOfOrderTimeWindow": "10m",
            "staleSeriesCompactionThreshold": "500m",
            "chunkEncoding": {"floats": "Xor2"},
        }},
    }))
    .unwrap();
    let nothing = (
        Selected::default(),
        Additional::default(),
        Assets::default(),
    );
    let made = agent_configuration(
        &agent,
        &nothing.0,
        &nothing.1,
        &nothing.2,
        Options::default(),
    )
    .unwrap();
    let document = machinery::yaml::parse(&made.text).unwrap();
    assert_eq!(document.duplicates, Vec::<String>::new());
    let expected = json!({
        "out_of_order_time_window": "10m",
        "stale_series_compaction_threshold": 0.5,
        "chunk_encoding": {"floats": "xor2"},
    });
    assert_eq!(document.value["storage"]["tsdb"], expected);
}

#[test]
fn the_enforced_label_comes_last_and_reaches_every_target() {
    let prometheus = prometheus(json!({"enforcedNamespaceLabel": "ns"}));
    let selected = with_scrape_config(json!({"staticConfigs": [{"targets": ["a:1"]}]}));
    let (_, document) = generate(&prometheus, &selected, &Assets::default());
    let last = document["scrape_configs"][0]["relabel_configs"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(*last, json!({"target_label": "ns", "replacement": "team"}));
    let steps = |reference: Value| {
        let prometheus = self::prometheus(json!({
            "enforcedNamespaceLabel": "ns", "excludedFromEnforcement": [reference],
        }));
        let (_, document) = generate(&prometheus, &selected, &Assets::default());
        let steps = document["scrape_configs"][0]["relabel_configs"].as_array();
        steps.unwrap().len()
    };
    let mut spared = json!({
        "group": "monitoring.coreos.com", "resource": "scrapeconfigs", "namespace": "team",
    });
    assert_eq!(steps(spared.clone()), 1);
    // The definitions have a default for it, which generators don't add.
    spared.as_object_mut().unwrap().remove("group");
    assert_eq!(steps(spared), 2);
}

#[test]
fn credentials_of_the_workload_come_from_its_own_namespace() {
    let assets = secret("monitoring", "own", json!({"user": "u", "token": "t"}));
    let key = |key: &str| json!({"name": "own", "key": key});
    let prometheus = prometheus(json!({
        "apiserverConfig": {"host": "https://api", "basicAuth": {"username": key("user"), "password": key("token")}},
        "scrapeClasses": [{"name": "c", "default": true, "authorization": {"credentials": key("token")}}],
    }));
    let selected = with_monitor(monitor(json!({"port": "web"})));
    let (_, document) = generate(&prometheus, &selected, &assets);
    let job = &document["scrape_configs"][0];
    assert_eq!(
        job["authorization"],
        json!({"type": "Bearer", "credentials": "t"})
    );
    let api = &job["kubernetes_sd_configs"][0];
    assert_eq!(api["basic_auth"], json!({"username": "u", "password": "t"}));
}

#[test]
fn legacy_names_are_escaped_where_the_server_knows_others() {
    let selected = with_scrape_config(json!({"nameValidationScheme": "Legacy"}));
    let (_, document) = generate(
        &prometheus(json!({"version": "v3.5.3"})),
        &selected,
        &Assets::default(),
    );
    assert_eq!(
        document["scrape_configs"][0]["metric_name_escaping_scheme"],
        "underscores"
    );
    let global = prometheus(json!({"version": "v3.5.3", "nameValidationScheme": "Legacy"}));
    let (_, document) = generate(&global, &selected, &Assets::default());
    assert!(
        document["scrape_configs"][0]
            .get("metric_name_escaping_scheme")
            .is_none()
    );
}

#[test]
fn additional_jobs_must_be_a_list_of_mappings() {
    let prometheus = prometheus(json!({"shards": 2}));
    let refused = |text: &str| {
        let additional = Additional {
            scrape_configs: Some(text.to_owned()),
            ..Additional::default()
        };
        server_configuration(
            &prometheus,
            &Selected::default(),
            &additional,
            &Assets::default(),
            Options::default(),
        )
        .unwrap_err()
        .to_string()
    };
    for text in [
        "a: b",
        "- a",
        "just text",
        "- relabel_configs: x",
        "- relabel_configs: [1]",
        "- a: [",
        "- a: 1\n  a: 2",
    ] {
        let error = refused(text);
        assert!(
            error.starts_with("generate additional scrape configs: "),
            "{text}: {error}"
        );
    }
}
