//! D27 and D3: names that are too long, or alike.

use std::collections::BTreeSet;

use machinery::names::dns1123_label;
use serde_json::{Value, json};

use super::*;
use crate::api::kinds::ObjectMeta;
use crate::api::{Alertmanager, AlertmanagerConfig, PrometheusAgent, ThanosRuler};
use crate::config::alertmanager::{Inputs, known_version, whole};
use crate::rules::{config_map_names, file_name};
use crate::workload::{
    AgentInput, Secrets, ServerInput, Settings, ThanosRulerInput, agent_stateful_set,
    alertmanager_stateful_set, server_stateful_set, thanos_ruler_stateful_set,
};

const SECRETS: Secrets = Secrets {
    tls: 1,
    configuration: 0,
};

fn server(name: &str, spec: &Value, rules: &[String]) -> Value {
    let mut prometheus: Prometheus = workload(spec);
    prometheus.metadata.name = name.to_owned();
    let built = server_stateful_set(ServerInput {
        name: &format!("prometheus-{name}"),
        prometheus: &prometheus,
        settings: &Settings::default(),
        options: Options::default(),
        shard: 0,
        rule_config_maps: rules,
        secrets: SECRETS,
        input_hash: "",
    });
    built.unwrap().object
}

fn ruler(name: &str, rules: &[String]) -> Value {
    let mut object: ThanosRuler = workload(&json!({"queryEndpoints": ["x"]}));
    object.metadata.name = name.to_owned();
    let built = thanos_ruler_stateful_set(ThanosRulerInput {
        ruler: &object,
        settings: &Settings::default(),
        rule_config_maps: rules,
        tls_secrets: 1,
        input_hash: "",
    });
    built.unwrap().object
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|one| one["name"].as_str().unwrap()).collect()
}

/// Names of the volumes of pods. All are labels and differ, and every mount finds its volume.
fn volumes(set: &Value) -> Vec<&str> {
    let pod = &set["spec"]["template"]["spec"];
    let volumes = names(&pod["volumes"]);
    let unique: BTreeSet<&str> = volumes.iter().copied().collect();
    assert_eq!(unique.len(), volumes.len(), "{volumes:?}");
    for volume in &volumes {
        assert_eq!(dns1123_label(volume), Vec::<String>::new(), "{volume}");
    }
    let claims = &set["spec"]["volumeClaimTemplates"];
    let claims = claims.as_array().into_iter().flatten();
    let claims = claims.map(|claim| claim["metadata"]["name"].as_str().unwrap());
    let known: BTreeSet<&str> = unique.into_iter().chain(claims).collect();
    for kind in ["containers", "initContainers"] {
        for container in pod[kind].as_array().into_iter().flatten() {
            for mount in names(&container["volumeMounts"]) {
                assert!(known.contains(mount), "{mount}");
            }
        }
    }
    volumes
}

/// A volume is called as its ConfigMap is, and may have fewer letters.
#[test]
fn rules_of_workloads_with_long_names_are_mounted() {
    let rules = |prefix: &str| config_map_names(prefix, 1, 3);
    let short = rules("prometheus-main");
    let set = server("main", &json!({}), &short);
    let made = volumes(&set);
    assert!(short.iter().all(|name| made.contains(&name.as_str())));

    // The longest name that leaves room for the digest in the label of a revision.
    let long = "p".repeat(41);
    let rules = rules(&format!("prometheus-{long}"));
    let set = server(&long, &json!({}), &rules);
    let made = volumes(&set);
    let cut = made.iter().filter(|name| name.starts_with("prometheus-p"));
    let cut: Vec<&str> = cut.copied().filter(|name| name.len() == 63).collect();
    assert_eq!(cut.len(), 3, "{made:?}");
    let again = server(&long, &json!({}), &rules);
    assert_eq!(set, again);
    // What is mounted is what the Secret of rules is called.
    let volumes_of = &set["spec"]["template"]["spec"]["volumes"];
    let volumes_of = volumes_of.as_array().unwrap().iter();
    let maps = volumes_of.filter_map(|volume| volume["configMap"]["name"].as_str());
    assert_eq!(maps.collect::<Vec<&str>>(), rules);

    let long = "r".repeat(39);
    let rules = config_map_names(&format!("thanos-ruler-{long}"), 12, 1);
    assert_eq!(rules.len(), 12);
    let set = ruler(&long, &rules);
    assert!(volumes(&set).len() > 12);
}

/// D3.
#[test]
fn long_names_that_begin_alike_are_different_volumes() {
    let long = "a-name-that-goes-on-and-on-and-on-and-on-and-on-until-it-is-cut-off-";
    let both = [format!("{long}1"), format!("{long}2"), "short".to_owned()];
    let spec = json!({"secrets": both, "configMaps": both});
    let cut = |prefix: &str| {
        format!("{prefix}-{long}")
            .chars()
            .take(63)
            .collect::<String>()
    };
    let expect = |set: &Value, made: &[&str]| {
        for (prefix, part, field) in [
            ("secret", "secret", "secretName"),
            ("configmap", "configMap", "name"),
        ] {
            // The first one and the short one are called as ever.
            assert!(made.contains(&cut(prefix).as_str()));
            assert!(made.contains(&format!("{prefix}-short").as_str()));
            let volumes = set["spec"]["template"]["spec"]["volumes"].as_array();
            let volumes = volumes.unwrap().iter();
            let sources = volumes.filter(|volume| {
                let name = volume["name"].as_str().unwrap();
                name.starts_with(&format!("{prefix}-"))
            });
            let sources = sources.map(|volume| volume[part][field].as_str().unwrap());
            assert_eq!(sources.collect::<Vec<&str>>(), both);
        }
    };
    let set = server("main", &spec, &[]);
    expect(&set, &volumes(&set));

    let agent: PrometheusAgent = workload(&spec);
    let built = agent_stateful_set(AgentInput {
        name: "prom-agent-main",
        agent: &agent,
        settings: &Settings::default(),
        options: Options::default(),
        shard: 0,
        secrets: SECRETS,
        input_hash: "",
    });
    let set = built.unwrap().object;
    expect(&set, &volumes(&set));

    let alertmanager: Alertmanager = workload(&spec);
    let built = alertmanager_stateful_set(&alertmanager, &Settings::default(), 1, "");
    let set = built.unwrap().object;
    expect(&set, &volumes(&set));
}

/// A key of a Secret has 253 letters at most.
#[test]
fn material_with_a_long_name_is_a_file_with_a_digest() {
    let name = "n".repeat(200);
    let assets = secrets(&[(
        "team",
        &name,
        json!({"k": "short", "k".repeat(100): "first", "k".repeat(101): "second"}),
    )]);
    let config = |length: usize| {
        let tls = json!({"ca": {"secret": key(&name, &"k".repeat(length))}});
        let mut objects = Selected::default();
        let one = monitor(&json!({"scheme": "https", "tlsConfig": tls}));
        objects.service_monitors.insert(one.key(), one);
        let (made, document) = configured(&json!({}), &objects, &assets);
        let path = document["scrape_configs"][0]["tls_config"]["ca_file"].clone();
        let path = path.as_str().unwrap().to_owned();
        let (file, text) = made.tls_files.into_iter().next().unwrap();
        assert_eq!(path, format!("/etc/prometheus/certs/{file}"));
        (file, text)
    };
    let short = (format!("0_team_{name}_k"), "short".to_owned());
    assert_eq!(config(1), short);
    let (first, second) = (config(100), config(101));
    assert_eq!((first.0.len(), second.0.len()), (253, 253));
    let begins = format!("0_team_{name}_k");
    assert!(first.0.starts_with(&begins) && second.0.starts_with(&begins));
    assert_ne!(first.0, second.0);
    assert_eq!((first.1.as_str(), second.1.as_str()), ("first", "second"));
    assert_eq!(config(100), first);
}

/// The same for Alertmanager, whose files are found in its text.
#[test]
fn material_of_a_receiver_with_a_long_name_is_found() {
    let name = "n".repeat(250);
    let assets = secrets(&[("team", &name, json!({"ca.crt": "pem"}))]);
    let tls = json!({"ca": {"secret": key(&name, "ca.crt")}});
    let config: AlertmanagerConfig = selected(
        "AlertmanagerConfig",
        &json!({"route": {"receiver": "r"}, "receivers": [{"name": "r", "webhookConfigs": [
            {"url": "http://x/", "httpConfig": {"tlsConfig": tls}},
        ]}]}),
    );
    let alertmanager: Alertmanager = workload(&json!({"alertmanagerConfigSelector": {}}));
    let made = whole(Inputs {
        alertmanager: &alertmanager,
        version: &known_version("v0.33.1").unwrap(),
        base: None,
        configs: &[(config.key(), config)].into(),
        assets: &assets,
    });
    let files = made.unwrap().tls_files;
    let files: Vec<(usize, Vec<u8>)> = files
        .into_iter()
        .map(|(file, content)| (file.len(), content))
        .collect();
    assert_eq!(files, [(253, b"pem".to_vec())]);
}

/// The file of a PrometheusRule is a key of a ConfigMap.
#[test]
fn rules_with_a_long_name_are_a_file_with_a_digest() {
    let file = |name: &str| {
        file_name(&ObjectMeta {
            namespace: "team".to_owned(),
            name: name.to_owned(),
            uid: "9c0d3ef4-0f0b-4a5e-8d3c-2f1f5a9f2b11".to_owned(),
            ..ObjectMeta::default()
        })
    };
    let short = "team-rules-9c0d3ef4-0f0b-4a5e-8d3c-2f1f5a9f2b11.yaml";
    assert_eq!(file("rules"), short);
    let (first, second) = (file(&"r".repeat(252)), file(&"r".repeat(253)));
    assert_eq!((first.len(), second.len()), (253, 253));
    let begins = format!("team-{}-", "r".repeat(210));
    for file in [&first, &second] {
        let rest = file.strip_prefix(&begins).unwrap_or_default();
        let digest = rest.strip_suffix(".yaml").unwrap_or_default();
        assert!(
            digest.len() == 32 && digest.bytes().all(|one| one.is_ascii_hexdigit()),
            "{file}"
        );
    }
    assert_ne!(first, second);
}
