//! StatefulSets and Services that others have a hand in.

use machinery::builtin::defaults;
use serde_json::{Value, json};

use super::*;
use crate::api::{Alertmanager, ThanosRuler};
use crate::workload::{
    Change, Recreation, Secrets, ServerInput, Settings, Texts, ThanosRulerInput,
    alertmanager_stateful_set, prometheus_service, server_stateful_set, service_change,
    thanos_ruler_stateful_set, workload_change,
};

const SECRETS: Secrets = Secrets {
    tls: 1,
    configuration: 0,
};

fn server(spec: &Value, settings: &Settings) -> Value {
    let prometheus: Prometheus = workload(spec);
    let built = server_stateful_set(ServerInput {
        name: "prometheus-main",
        prometheus: &prometheus,
        settings,
        options: Options::default(),
        shard: 0,
        rule_config_maps: &[],
        secrets: SECRETS,
        input_hash: "",
    });
    built.unwrap().object
}

fn ruler(spec: &Value) -> Value {
    let ruler: ThanosRuler = workload(spec);
    let built = thanos_ruler_stateful_set(ThanosRulerInput {
        ruler: &ruler,
        settings: &Settings::default(),
        rule_config_maps: &["thanos-ruler-main-rulefiles-0".to_owned()],
        tls_secrets: 1,
        input_hash: "",
    });
    built.unwrap().object
}

fn alertmanager(spec: &Value) -> Value {
    let built =
        alertmanager_stateful_set(&workload::<Alertmanager>(spec), &Settings::default(), 1, "");
    built.unwrap().object
}

/// D11: no volume is of a Secret without a name.
#[test]
fn a_key_that_is_a_file_is_no_volume_of_any_workload() {
    let web = json!({"tlsConfig": {"keyFile": "/k", "certFile": "/c"}});
    let cluster = json!({
        "server": {"keyFile": "/k", "certFile": "/c"},
        "client": {"cert": {"secret": key("s", "c")}, "keySecret": key("s", "k")},
    });
    let sets = [
        server(&json!({"web": web}), &Settings::default()),
        alertmanager(&json!({"web": web, "clusterTLS": cluster})),
        ruler(&json!({"web": web, "queryEndpoints": ["x"]})),
    ];
    for set in sets {
        let volumes = set["spec"]["template"]["spec"]["volumes"].as_array();
        for volume in volumes.unwrap() {
            let Some(secret) = volume.get("secret") else {
                continue;
            };
            let name = secret["secretName"].as_str().unwrap_or_default();
            assert_ne!(name, "", "{volume}");
        }
    }
}

/// The Service as the API server stores it.
fn stored(change: Change) -> Value {
    let (Change::Create(mut object) | Change::Update(mut object)) = change else {
        panic!("nothing is written: {change:?}");
    };
    defaults::apply("", "v1", "Service", &mut object);
    object["spec"]["clusterIPs"] = json!(["None"]);
    object
}

/// The Service that a server of that UID wants.
fn service(uid: &str, spec: &Value) -> Value {
    let mut prometheus: Prometheus = workload(spec);
    prometheus.metadata.uid = uid.to_owned();
    prometheus_service(&prometheus, &Settings::default())
}

/// What is stored once all have looked at it twice, and nobody wants to write it any more.
fn settled(all: &[Value]) -> Value {
    let mut there: Option<Value> = None;
    for wanted in all.iter().chain(all) {
        match service_change(there.as_ref(), wanted) {
            Change::None => {}
            change => there = Some(stored(change)),
        }
    }
    let there = there.unwrap();
    for wanted in all {
        assert_eq!(service_change(Some(&there), wanted), Change::None);
    }
    there
}

fn ports(service: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().unwrap().iter();
    ports
        .map(|port| json!([port["name"], port["port"], port["targetPort"]]))
        .collect()
}

/// D18.
#[test]
fn servers_that_share_a_service_agree_on_its_ports() {
    let web = json!(["web", 9090, "web"]);
    let grpc = json!(["grpc", 10901, "grpc"]);
    let (plain, thanos) = (
        service("1", &json!({})),
        service("2", &json!({"thanos": {}})),
    );
    let both = json!([web, grpc]);
    let first = settled(&[plain.clone(), thanos.clone()]);
    assert_eq!(ports(&first), both);
    let second = settled(&[thanos, plain]);
    assert_eq!(ports(&second), both);
    // Who is alone takes back what it added.
    let alone = stored(service_change(None, &service("2", &json!({"thanos": {}}))));
    let without = stored(service_change(Some(&alone), &service("2", &json!({}))));
    assert_eq!(ports(&without), json!([web]));
    // The same but for the order of owners, which is that of their coming.
    let owners = |service: &Value| {
        let owners = service["metadata"]["ownerReferences"].as_array().unwrap();
        owners.iter().map(|owner| owner["uid"].clone()).collect()
    };
    let (one, other): (Vec<Value>, Vec<Value>) = (owners(&first), owners(&second));
    assert_eq!(
        (one, other),
        (vec![json!("1"), json!("2")], vec![json!("2"), json!("1")])
    );
}

/// Two names for one port can't be: the first that came has its way, and the other doesn't write against it.
#[test]
fn servers_that_name_a_port_differently_do_not_write_in_turn() {
    let (web, http) = (
        service("1", &json!({"portName": "web", "thanos": {}})),
        service("2", &json!({"portName": "http"})),
    );
    let grpc = json!(["grpc", 10901, "grpc"]);
    let one = settled(&[web.clone(), http.clone()]);
    assert_eq!(ports(&one), json!([["web", 9090, "web"], grpc]));
    let other = settled(&[http.clone(), web.clone()]);
    assert_eq!(ports(&other), json!([["http", 9090, "http"], grpc]));
    // Its owner may think again.
    let https = service("2", &json!({"portName": "https"}));
    let changed = stored(service_change(Some(&other), &https));
    assert_eq!(ports(&changed), json!([["https", 9090, "https"], grpc]));
    assert_eq!(service_change(Some(&changed), &web), Change::None);
    // Once it is alone, nothing of others is left.
    let mut alone = other;
    let owners = alone["metadata"]["ownerReferences"].as_array_mut().unwrap();
    owners.retain(|owner| owner["uid"] == "1");
    let changed = stored(service_change(Some(&alone), &web));
    assert_eq!(ports(&changed), json!([["web", 9090, "web"], grpc]));
}

/// How a stored set becomes another one.
fn change(before: Value, after: &Value) -> Change {
    let mut before = before;
    defaults::apply("apps", "v1", "StatefulSet", &mut before);
    workload_change(Some(&before), after)
}

/// D27: labels of selectors are upstream's, but a change of them leaves pods where they are.
#[test]
fn other_labels_in_a_selector_replace_no_pods() {
    let labelled = |value: &str| Settings {
        labels: Texts::from([("team".to_owned(), value.to_owned())]),
        ..Settings::default()
    };
    let before = server(&json!({}), &labelled("a"));
    let after = server(&json!({}), &labelled("b"));
    let labels = |labels: Value| {
        let labels: Texts = serde_json::from_value(labels).unwrap();
        Change::Recreate(Recreation {
            fields: vec!["selector"],
            pod_labels: Some(labels),
            replaces_pods: false,
        })
    };
    let expected = labels(json!({
        "app.kubernetes.io/instance": "main", "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": "main",
        "operator.prometheus.io/shard": "0", "prometheus": "main", "team": "b",
    }));
    assert_eq!(change(before, &after), expected);

    let spec =
        |value: &str| json!({"queryEndpoints": ["x"], "podMetadata": {"labels": {"team": value}}});
    let (before, after) = (ruler(&spec("a")), ruler(&spec("b")));
    let expected = labels(json!({
        "app.kubernetes.io/instance": "main", "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": "thanos-ruler", "thanos-ruler": "main", "team": "b",
    }));
    assert_eq!(change(before, &after), expected);
}
