//! What becomes of selected objects in the configuration of a Prometheus.

use serde_json::{Value, json};

use super::*;
use crate::api::{PodMonitor, Probe, PrometheusRule, ScrapeConfig};
use crate::config::version::Version;
use crate::promql;
use crate::rules::{Format, Reader};
use crate::selection::{Check, check_scrape_config};

/// The job of a ScrapeConfig.
fn job(spec: &Value, config: &Value, assets: &Assets) -> Value {
    let mut objects = Selected::default();
    let one: ScrapeConfig = selected("ScrapeConfig", config);
    objects.scrape_configs.insert(one.key(), one);
    let (_, mut document) = configured(spec, &objects, assets);
    document["scrape_configs"][0].take()
}

fn checked(version: &str, config: &Value, assets: &Assets) -> Result<(), String> {
    let prometheus: Prometheus = workload(&json!({}));
    let config: ScrapeConfig = selected("ScrapeConfig", config);
    let version = Version::parse(version).unwrap();
    check_scrape_config(
        &config,
        Check {
            common: &prometheus.spec.common,
            version: &version,
            scope: assets.within("team"),
        },
    )
}

/// D4.
#[test]
fn an_old_version_loses_the_authorization_of_every_kind_of_object() {
    let authorization = json!({"credentials": key("s", "token")});
    let mut objects = Selected::default();
    let one = monitor(&json!({"authorization": authorization}));
    objects.service_monitors.insert(one.key(), one);
    let spec = json!({"selector": {}, "podMetricsEndpoints": [{"authorization": authorization}]});
    let one: PodMonitor = selected("PodMonitor", &spec);
    objects.pod_monitors.insert(one.key(), one);
    let spec = json!({
        "prober": {"url": "x"}, "targets": {"staticConfig": {"static": ["y"]}}, "authorization": authorization,
    });
    let one: Probe = selected("Probe", &spec);
    objects.probes.insert(one.key(), one);
    let one: ScrapeConfig = selected("ScrapeConfig", &json!({"authorization": authorization}));
    objects.scrape_configs.insert(one.key(), one);
    let assets = secrets(&[("team", "s", json!({"token": "t"}))]);
    let of = |version: &str| {
        let (made, document) = configured(&json!({"version": version}), &objects, &assets);
        let jobs = document["scrape_configs"].as_array().unwrap().iter();
        let jobs = jobs.map(|job| (job["job_name"].clone(), job["authorization"].clone()));
        (jobs.collect::<Vec<(Value, Value)>>(), made.warnings)
    };
    let names = [
        "serviceMonitor/team/app/0",
        "podMonitor/team/app/0",
        "probe/team/app",
        "scrapeConfig/team/app",
    ];
    let with = |value: Value| names.map(|name| (json!(name), value.clone())).to_vec();
    let (jobs, warnings) = of("v2.24.0");
    assert_eq!(jobs, with(Value::Null));
    let told = warnings
        .iter()
        .filter(|warning| warning.contains("\"authorization\""));
    assert_eq!(told.count(), 4);
    let (jobs, _) = of("v2.26.0");
    assert_eq!(jobs, with(json!({"type": "Bearer", "credentials": "t"})));
}

/// D7.
#[test]
fn an_old_version_refuses_a_scrape_config_for_what_it_uses() {
    let nothing = Assets::default();
    let of = |config: Value| checked("2.11.0", &config, &nothing);
    assert_eq!(of(json!({"staticConfigs": [{"targets": ["a:1"]}]})), Ok(()));
    assert_eq!(
        of(json!({"kubernetesSDConfigs": [{"role": "Pod"}]})),
        Ok(())
    );
    let refused = of(json!({"ovhcloudSDConfigs": [{
        "applicationKey": "a", "applicationSecret": key("s", "a"), "consumerKey": key("s", "b"), "service": "VPS",
    }]}));
    let refused = refused.unwrap_err();
    assert!(refused.to_lowercase().contains("ovhcloud"), "{refused}");
}

/// D8.
#[test]
fn names_by_the_old_rules_are_escaped_where_the_server_takes_others() {
    let of = |spec: &Value, config: &Value| {
        let job = job(spec, config, &Assets::default());
        [
            "metric_name_validation_scheme",
            "metric_name_escaping_scheme",
        ]
        .map(|key| job[key].clone())
    };
    let legacy = json!({"nameValidationScheme": "Legacy"});
    let both = [json!("legacy"), json!("underscores")];
    let alone = [json!("legacy"), Value::Null];
    let version =
        |more: Value| machinery::patch::merge::apply(&json!({"version": "v3.5.3"}), &more);
    assert_eq!(of(&version(json!({})), &legacy), both);
    let utf8 = json!({"nameEscapingScheme": "AllowUTF8"});
    assert_eq!(of(&version(utf8), &legacy), both);
    let dots = json!({"nameEscapingScheme": "Dots"});
    assert_eq!(of(&version(dots), &legacy), alone);
    assert_eq!(of(&version(legacy.clone()), &legacy), alone);
    assert_eq!(of(&json!({"version": "v3.3.1"}), &legacy), alone);
    let own = json!({"nameValidationScheme": "Legacy", "nameEscapingScheme": "Values"});
    let values = [json!("legacy"), json!("values")];
    assert_eq!(of(&version(json!({})), &own), values);
}

/// D9.
#[test]
fn the_enforced_namespace_reaches_targets_and_samples() {
    let spec = json!({"enforcedNamespaceLabel": "ns"});
    let config = json!({"staticConfigs": [{"targets": ["a:1"]}]});
    let expected = json!({
        "job_name": "scrapeConfig/team/app", "static_configs": [{"targets": ["a:1"], "labels": {}}],
        "relabel_configs": [
            {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"},
            {"target_label": "ns", "replacement": "team"},
        ],
        "metric_relabel_configs": [{"target_label": "ns", "replacement": "team"}],
    });
    assert_eq!(job(&spec, &config, &Assets::default()), expected);
}

/// D16, the first half.
#[test]
fn azure_is_asked_as_it_was_said() {
    let azure = json!({
        "environment": "AzurePublicCloud", "authenticationMethod": "ManagedIdentity", "subscriptionID": "sub",
        "clientSecret": key("s", "secret"), "basicAuth": {"username": key("s", "user"), "password": key("s", "pass")},
        "proxyUrl": "http://proxy", "followRedirects": false, "enableHTTP2": true, "tlsConfig": {"serverName": "x"},
    });
    let data = json!({"secret": "c", "user": "u", "pass": "p"});
    let assets = secrets(&[("team", "s", data)]);
    let config = json!({"azureSDConfigs": [azure]});
    let expected = json!([{
        "basic_auth": {"username": "u", "password": "p"}, "proxy_url": "http://proxy",
        "environment": "AzurePublicCloud", "authentication_method": "ManagedIdentity", "subscription_id": "sub",
        "client_secret": "c", "follow_redirects": false, "enable_http2": true, "tls_config": {"server_name": "x"},
    }]);
    assert_eq!(
        job(&json!({}), &config, &assets)["azure_sd_configs"],
        expected
    );
    assert_eq!(checked("3.13.2", &config, &assets), Ok(()));
    // What it names must be there, whatever the method.
    let refused = checked("3.13.2", &config, &Assets::default()).unwrap_err();
    assert!(refused.contains("unable to get secret \"s\""), "{refused}");
}

/// The file of an object with one rule, kept to its namespace.
fn file(rule: &Value, features: &[&str]) -> Result<String, Vec<String>> {
    let version = Version::parse("3.5.3").unwrap();
    let reader = Reader {
        format: Format::Prometheus,
        version: &version,
        options: promql::Options::of_features(features.iter().copied()),
    };
    let spec = json!({"groups": [{"name": "g", "interval": "", "rules": [rule]}]});
    let object: PrometheusRule = selected("PrometheusRule", &spec);
    reader.file_of(object, Some("ns")).map(|file| file.text)
}

/// D19.
#[test]
fn a_rule_of_new_promql_is_kept_to_its_namespace_or_refused_aloud() {
    let rule = json!({"record": "r", "expr": "sort_by_label(up, \"a\")"});
    let enforced = "groups:\n- name: g\n  rules:\n  - expr: sort_by_label(up{ns=\"team\"}, \"a\")\n    labels:\n      ns: team\n    record: r\n";
    assert_eq!(
        file(&rule, &["promql-experimental-functions"]),
        Ok(enforced.to_owned())
    );
    let refused = file(&rule, &[]).unwrap_err();
    let begins = "group \"g\", rule 1: failed to parse promql expression: ";
    assert!(
        refused.len() == 1 && refused[0].starts_with(begins),
        "{refused:?}"
    );
}

/// D20.
#[test]
fn empty_durations_of_rules_are_left_out() {
    let rule = json!({"alert": "a", "expr": "up", "for": ""});
    let expected = "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: up{ns=\"team\"}\n    labels:\n      ns: team\n";
    assert_eq!(file(&rule, &[]), Ok(expected.to_owned()));
}

/// D23.
#[test]
fn no_timestamps_are_taken_from_a_scrape_config_where_that_is_forbidden() {
    let of = |spec: Value, config: Value| {
        job(&spec, &config, &Assets::default())["honor_timestamps"].clone()
    };
    let forbidden = json!({"overrideHonorTimestamps": true});
    assert_eq!(of(forbidden.clone(), json!({})), false);
    assert_eq!(of(forbidden, json!({"honorTimestamps": true})), false);
    assert_eq!(of(json!({}), json!({})), Value::Null);
}
