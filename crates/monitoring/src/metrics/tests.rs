//! What is counted, and how it is printed.

use super::*;
use runtime::queue::{Backoff, Queue};
use std::collections::BTreeMap;

fn metrics(registry: &Registry) -> Metrics {
    let metrics = Metrics {
        families: Arc::new(Families::new(registry)),
        state: Arc::default(),
    };
    let scraped = metrics.clone();
    registry.collector(move |out| scraped.lock().expose(out));
    queues(registry);
    metrics
}

/// Values by their names and labels.
fn values(registry: &Registry) -> BTreeMap<String, String> {
    let text = registry.encode();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        line.rsplit_once(' ')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    lines.filter_map(pair).collect()
}

#[test]
fn alerts_find_their_series_before_anything_happened() {
    let registry = Registry::new();
    let metrics = metrics(&registry);
    let _ = (
        metrics.of(Name::PrometheusAgent),
        metrics.of(Name::ThanosRuler),
    );
    let found = values(&registry);
    for name in [
        "list_operations_total",
        "list_operations_failed_total",
        "watch_operations_total",
        "watch_operations_failed_total",
        "reconcile_operations_total",
        "reconcile_errors_total",
        "status_update_operations_total",
        "status_update_errors_total",
        "reconcile_sts_delete_create_total",
        "ready",
    ] {
        for controller in ["prometheus-agent", "thanos"] {
            let series = format!("prometheus_operator_{name}{{controller=\"{controller}\"}}");
            assert_eq!(
                found.get(&series).map(String::as_str),
                Some("0"),
                "{series}"
            );
        }
    }
    assert!(
        !found
            .keys()
            .any(|name| name.contains("controller=\"prometheus\""))
    );
}

#[test]
fn requests_count_for_the_controllers_that_read_the_kind() {
    let registry = Registry::new();
    let metrics = metrics(&registry);
    let _ = Name::ALL.map(|name| metrics.of(name));
    let of = |method: &str, target: &str, status: Option<u16>| {
        metrics.exchanged(&Exchange {
            method,
            target,
            body: &[],
            status,
            waited: (method == "PATCH").then_some(Duration::from_millis(250)),
            took: Duration::from_millis(1500),
        });
    };
    of(
        "GET",
        "/apis/monitoring.coreos.com/v1/prometheusrules",
        Some(200),
    );
    of("GET", "/api/v1/secrets", Some(403));
    of("GET", "/api/v1/nodes", Some(403));
    of("GET", "/api/v1/secrets?watch=true", None);
    of(
        "PATCH",
        "/apis/monitoring.coreos.com/v1/namespaces/a/alertmanagers/m/status",
        Some(409),
    );
    let found = values(&registry);
    let value = |name: &str, controller: &str| {
        found[&format!("prometheus_operator_{name}{{controller=\"{controller}\"}}")].as_str()
    };
    assert_eq!(value("list_operations_total", "prometheus"), "2");
    assert_eq!(value("list_operations_total", "alertmanager"), "1");
    assert_eq!(value("list_operations_failed_total", "thanos"), "1");
    assert_eq!(
        value("watch_operations_failed_total", "prometheus-agent"),
        "1"
    );
    assert_eq!(value("status_update_operations_total", "alertmanager"), "1");
    assert_eq!(value("status_update_errors_total", "alertmanager"), "1");
    assert_eq!(value("status_update_operations_total", "prometheus"), "0");
    let requests = |code: &str| {
        found[&format!(
            "prometheus_operator_kubernetes_client_http_requests_total{{status_code=\"{code}\"}}"
        )]
            .as_str()
    };
    let spent = |what: &str, end: &str, endpoint: &str| {
        let name = format!("prometheus_operator_kubernetes_client_{what}_duration_seconds_{end}");
        found
            .get(&format!("{name}{{endpoint=\"{endpoint}\"}}"))
            .cloned()
    };
    let status =
        "/apis/monitoring.coreos.com/v1/namespaces/%7Bnamespace%7D/alertmanagers/%7Bname%7D/status";
    for (what, end, endpoint, wanted) in [
        ("http_request", "count", "/api/v1/secrets", Some("2")),
        ("http_request", "sum", "/api/v1/secrets", Some("3")),
        ("http_request", "sum", status, Some("1.5")),
        ("rate_limiter", "count", status, Some("1")),
        ("rate_limiter", "sum", status, Some("0.25")),
        ("rate_limiter", "count", "/api/v1/secrets", None),
    ] {
        let wanted = wanted.map(str::to_owned);
        assert_eq!(
            spent(what, end, endpoint),
            wanted,
            "{what} {end} {endpoint}"
        );
    }
    assert_eq!((requests("200"), requests("<error>")), ("1", "1"));
    assert_eq!(requests("403"), "2");
}

#[test]
fn what_is_known_of_a_workload_goes_with_it() {
    let registry = Registry::new();
    let prometheus = metrics(&registry).of(Name::Prometheus);
    let selected = |selected, rejected| {
        BTreeMap::from([("ServiceMonitor".to_owned(), Counts { selected, rejected })])
    };
    let seen = Seen {
        ok: true,
        recreations: 1,
        spec: Some(Spec {
            replicas: 2,
            shards: Some(3),
            sample_limit: Some(5_000_000_000),
        }),
        selected: Some(selected(4, 1)),
    };
    let (one, other) = (ObjectKey::new("a", "one"), ObjectKey::new("b", "other"));
    prometheus.settled(&one, Duration::from_millis(700), seen.clone());
    let failed = Seen {
        ok: false,
        selected: Some(selected(2, 2)),
        ..seen
    };
    prometheus.settled(&other, Duration::from_millis(50), failed);
    let found = values(&registry);
    let own = |name: &str| {
        found
            .get(&format!("prometheus_operator_{name}"))
            .map(String::as_str)
    };
    assert_eq!(
        own("reconcile_operations_total{controller=\"prometheus\"}"),
        Some("2")
    );
    assert_eq!(
        own("reconcile_errors_total{controller=\"prometheus\"}"),
        Some("1")
    );
    assert_eq!(
        own("reconcile_sts_delete_create_total{controller=\"prometheus\"}"),
        Some("2")
    );
    assert_eq!(
        own("reconcile_duration_seconds_bucket{controller=\"prometheus\",le=\"0.5\"}"),
        Some("1")
    );
    assert_eq!(
        own("syncs{controller=\"prometheus\",status=\"failed\"}"),
        Some("1")
    );
    assert_eq!(
        own("syncs{controller=\"prometheus\",status=\"ok\"}"),
        Some("1")
    );
    let managed = |state: &str| {
        own(&format!(
            "managed_resources{{controller=\"prometheus\",resource=\"ServiceMonitor\",state=\"{state}\"}}"
        ))
    };
    assert_eq!(
        (managed("selected"), managed("rejected")),
        (Some("6"), Some("3"))
    );
    let object = "{controller=\"prometheus\",name=\"one\",namespace=\"a\"}";
    assert_eq!(own(&format!("spec_replicas{object}")), Some("2"));
    assert_eq!(own(&format!("spec_shards{object}")), Some("3"));
    assert_eq!(
        own(&format!("prometheus_enforced_sample_limit{object}")),
        Some("5000000000")
    );

    prometheus.metrics.lock().forget(Name::Prometheus, &one);
    prometheus.metrics.lock().forget(Name::Prometheus, &other);
    let found = values(&registry);
    assert!(!found.keys().any(|name| name.contains("name=\"one\"")));
    let series = "prometheus_operator_managed_resources{controller=\"prometheus\",resource=\"ServiceMonitor\",state=\"selected\"}";
    assert_eq!(found[series], "0");
    assert_eq!(
        found["prometheus_operator_syncs{controller=\"prometheus\",status=\"ok\"}"],
        "0"
    );
}

#[test]
fn queues_have_upstreams_names_too() {
    let registry = Registry::new();
    let _ = metrics(&registry);
    let queue = Queue::new("thanosruler", Backoff::default(), &registry);
    queue.add(ObjectKey::new("n", "a"));
    queue.add(ObjectKey::new("n", "b"));
    let found = values(&registry);
    let value = |name: &str| {
        let labels = "{controller=\"thanos\",name=\"thanosruler\"}";
        found[&format!("prometheus_operator_workqueue_{name}{labels}")].as_str()
    };
    assert_eq!(value("depth"), "2");
    assert_eq!(value("adds_total"), "2");
    assert_eq!(value("unfinished_work_seconds"), "0");
    assert_eq!(value("longest_running_processor_seconds"), "0");
}

#[test]
fn the_processor_has_gos_name() {
    let mut out = Exposition::default();
    about_the_program(&mut out, "prometheus_operator_build_info");
    let text = out.text();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    assert!(text.contains(&format!(r#"goarch="{arch}""#)), "{text}");
}
