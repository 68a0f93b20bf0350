//! Each of MON-1 to MON-5 violated by a made-up history, and a history in which none is.

mod mounted;
mod shards;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use machinery::patch::merge;
use serde_json::{Value, json};

use super::monitoring::{Change, Monitoring, Subject};

const SERVER: &str = "monitoring.coreos.com/prometheuses";
const MONITORS: &str = "monitoring.coreos.com/servicemonitors";
const RULES: &str = "monitoring.coreos.com/prometheusrules";
const SETS: &str = "apps/statefulsets";

/// A made-up history of a Prometheus `main` in the namespace `a`, with two monitors.
#[derive(Default)]
struct History {
    seen: Monitoring,
    objects: BTreeMap<(String, String), Arc<Value>>,
    revision: usize,
    now: Timestamp,
}

impl History {
    /// A server, two monitors and a rule that are there, and what is made of them.
    fn usual() -> Self {
        let mut history = Self::default();
        history.put(
            "/namespaces",
            "a",
            &json!({"kind": "Namespace", "metadata": {"name": "a"}}),
        );
        history.put(SERVER, "a/main", &server());
        for name in ["one", "two"] {
            history.put(MONITORS, &format!("a/{name}"), &monitor(name, "http"));
        }
        history.put(RULES, "a/alerts", &rule("up == 0"));
        history.configure(&[("one", "http"), ("two", "http")]);
        history.rule_file("up == 0");
        history.put(SETS, "a/prometheus-main", &set("v1"));
        history
    }

    /// The object is written, or changed.
    fn put(&mut self, table: &str, key: &str, object: &Value) {
        self.revision += 1;
        let mut after = object.clone();
        after["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let after = Arc::new(after);
        let place = (table.to_owned(), key.to_owned());
        let before = self.objects.insert(place, after.clone());
        self.see(table, key, before.as_deref(), &after, false);
    }

    /// A merge patch of an object that is there.
    fn change(&mut self, table: &str, key: &str, patch: &Value) {
        let known = &self.objects[&(table.to_owned(), key.to_owned())];
        let object = merge::apply(known, patch);
        self.put(table, key, &object);
    }

    fn delete(&mut self, table: &str, key: &str) {
        let place = (table.to_owned(), key.to_owned());
        let before = self.objects.remove(&place).unwrap();
        self.see(table, key, Some(&before), &before, true);
    }

    fn see(
        &mut self,
        table: &str,
        key: &str,
        before: Option<&Value>,
        after: &Arc<Value>,
        deleted: bool,
    ) {
        let key = key.to_owned();
        let change = Change {
            key,
            before,
            after,
            deleted,
            time: self.now,
        };
        self.seen.observe(&Subject::of(table).unwrap(), change);
    }

    /// The configuration is written, with jobs of monitors and their ports.
    fn configure(&mut self, jobs: &[(&str, &str)]) {
        self.configure_every("30s", jobs);
    }

    fn configure_every(&mut self, interval: &str, jobs: &[(&str, &str)]) {
        let job = |(name, port): &(&str, &str)| {
            format!("- job_name: serviceMonitor/a/{name}/0\n  metrics_path: /{port}\n")
        };
        let jobs: String = jobs.iter().map(job).collect();
        let text = format!("global:\n  scrape_interval: {interval}\nscrape_configs:\n{jobs}");
        self.publish(&text, Compression::default());
    }

    fn publish(&mut self, text: &str, compression: Compression) {
        let mut packed = GzEncoder::new(Vec::new(), compression);
        packed.write_all(text.as_bytes()).unwrap();
        let data = STANDARD.encode(packed.finish().unwrap());
        let secret = json!({
            "kind": "Secret", "metadata": made("prometheus-main"), "data": {"prometheus.yaml.gz": data},
        });
        self.put("/secrets", "a/prometheus-main", &secret);
    }

    fn rule_file(&mut self, expr: &str) {
        let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n");
        let files = json!({
            "kind": "ConfigMap", "metadata": made("prometheus-main-rulefiles-0"),
            "data": {"a-alerts-u3.yaml": text},
        });
        self.put("/configmaps", "a/prometheus-main-rulefiles-0", &files);
    }

    /// The invariants that are violated, without what is said about it.
    fn violated(&self) -> Vec<&str> {
        let violations = self.seen.violations.iter();
        let ids = violations.filter_map(|one| one.split_once(':'));
        ids.map(|(id, _)| id).collect()
    }
}

fn server() -> Value {
    json!({
        "kind": "Prometheus",
        "metadata": {"name": "main", "namespace": "a", "uid": "u1", "generation": 1, "labels": {"x": "0"}},
        "spec": {"shards": 1, "additionalScrapeConfigs": {"name": "more", "key": "jobs"}},
    })
}

fn monitor(name: &str, port: &str) -> Value {
    json!({
        "kind": "ServiceMonitor", "metadata": {"name": name, "namespace": "a", "uid": name},
        "spec": {"endpoints": [{"port": port, "bearerTokenSecret": {"name": format!("of-{name}"), "key": "t"}}]},
    })
}

fn rule(expr: &str) -> Value {
    json!({
        "kind": "PrometheusRule", "metadata": {"name": "alerts", "namespace": "a", "uid": "u3"},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]},
    })
}

/// The metadata of what is made of the server.
fn made(name: &str) -> Value {
    json!({
        "name": name, "namespace": "a", "labels": {"managed-by": "prometheus-operator"},
        "ownerReferences": [
            {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "name": "main", "uid": "u1", "controller": true},
        ],
    })
}

fn set(image: &str) -> Value {
    let env = json!([{"name": "SHARD", "value": "0"}]);
    json!({
        "kind": "StatefulSet", "metadata": made("prometheus-main"),
        "spec": {"template": {"spec": {"containers": [{"name": "prometheus", "image": image, "env": env}]}}},
    })
}

/// A Secret of somebody else's.
fn given(name: &str, token: &str) -> Value {
    json!({
        "kind": "Secret", "metadata": {"name": name, "namespace": "a"}, "data": {"t": token},
    })
}

#[test]
fn a_history_in_which_all_is_well() {
    let mut history = History::usual();
    // Each change of a monitor is one of its job, and of no other.
    for port in ["web", "http"] {
        history.put(MONITORS, "a/one", &monitor("one", port));
        history.configure(&[("one", port), ("two", "http")]);
    }
    // What a monitor names, what its workload names, and its namespace.
    history.put("/secrets", "a/of-one", &given("of-one", "eA=="));
    history.configure(&[("one", "token"), ("two", "http")]);
    history.put("/secrets", "a/more", &given("more", "eA=="));
    history.configure(&[("one", "more"), ("two", "more")]);
    history.change(
        "/namespaces",
        "a",
        &json!({"metadata": {"labels": {"b": "c"}}}),
    );
    history.configure(&[("two", "more")]);
    history.change(SERVER, "a/main", &json!({"spec": {"paused": false}}));
    history.configure(&[("one", "more"), ("two", "more")]);
    history.put(RULES, "a/alerts", &rule("up == 1"));
    history.rule_file("up == 1");
    // Another template for another spec, and a StatefulSet anew for another generation each.
    history.change(SERVER, "a/main", &json!({"spec": {"version": "v3.5.0"}}));
    history.put(SETS, "a/prometheus-main", &set("v2"));
    for generation in [2, 3] {
        let change =
            json!({"metadata": {"generation": generation}, "spec": {"storage": generation}});
        history.change(SERVER, "a/main", &change);
        history.delete(SETS, "a/prometheus-main");
        history.put(SETS, "a/prometheus-main", &set("v2"));
    }
    history.seen.settled();
    assert_eq!(history.seen.violations, [""; 0]);
}

#[test]
fn mon_1_a_configuration_that_does_not_load() {
    let mut history = History::usual();
    history.configure_every("soon", &[("one", "http"), ("two", "http")]);
    assert_eq!(history.violated(), ["MON-1"]);
    history.put(RULES, "a/alerts", &rule("sum("));
    history.rule_file("sum(");
    assert_eq!(history.violated(), ["MON-1", "MON-1"]);
}

#[test]
fn mon_2_a_set_is_deleted_twice_for_one_generation() {
    let mut history = History::usual();
    for _ in 0..2 {
        history.delete(SETS, "a/prometheus-main");
        history.put(SETS, "a/prometheus-main", &set("v1"));
    }
    assert_eq!(history.violated(), ["MON-2"]);
}

#[test]
fn mon_2_a_set_that_was_deleted_is_missing_in_the_end() {
    let mut history = History::usual();
    history.delete(SETS, "a/prometheus-main");
    history.seen.settled();
    assert_eq!(history.violated(), ["MON-2"]);
}

#[test]
fn mon_3_the_job_of_a_good_monitor_goes_with_a_bad_one() {
    let mut history = History::usual();
    history.put(MONITORS, "a/one", &monitor("one", "bad("));
    history.configure(&[]);
    assert_eq!(history.violated(), ["MON-3"]);
    let first = history.seen.violations.first().unwrap();
    assert!(first.contains("serviceMonitor/a/two/0"), "{first}");
}

#[test]
fn mon_3_other_objects_allow_no_change() {
    let elsewhere: [fn(&mut History); 6] = [
        |history| {
            for replicas in [2, 3] {
                history.change(SERVER, "a/main", &json!({"spec": {"replicas": replicas}}));
            }
        },
        |history| history.put("/secrets", "a/nobodys", &given("nobodys", "eA==")),
        |history| history.put("/secrets", "b/of-one", &given("of-one", "eA==")),
        |history| history.put("/secrets", "a/of-two", &given("of-two", "eA==")),
        |history| history.put(MONITORS, "a/two", &monitor("two", "web")),
        |history| {
            let mut other = server();
            other["metadata"]["name"] = json!("other");
            history.put(SERVER, "a/other", &other);
            history.change(SERVER, "a/other", &json!({"spec": {"shards": 2}}));
        },
    ];
    for (number, change) in elsewhere.into_iter().enumerate() {
        let mut history = History::usual();
        change(&mut history);
        history.configure(&[("one", "flapping"), ("two", "http")]);
        assert_eq!(history.violated(), ["MON-3"], "number {number}");
    }
}

#[test]
fn mon_5_pods_are_replaced_though_nothing_changed() {
    let mut history = History::usual();
    history.put(SETS, "a/prometheus-main", &set("v2"));
    assert_eq!(history.violated(), ["MON-5"]);
}

#[test]
fn mon_5_the_same_is_written_in_other_bytes() {
    let text = "global:\n  scrape_interval: 30s\nscrape_configs:\n- job_name: x\n  metrics_path: /aaaaaaaaaaaa\n";
    let mut history = History::default();
    history.put(SERVER, "a/main", &server());
    history.publish(text, Compression::none());
    history.publish(text, Compression::best());
    assert_eq!(history.violated(), ["MON-5"]);
}

#[test]
fn mon_5_rules_change_though_their_object_did_not() {
    let mut history = History::usual();
    history.put("/secrets", "a/nobodys", &given("nobodys", "eA=="));
    history.rule_file("up == 1");
    assert_eq!(history.violated(), ["MON-5"]);
}
