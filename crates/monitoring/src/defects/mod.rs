//! What upstream gets wrong and we don't, whole documents and objects compared. The numbers are those of the list of its
//! defects; the ones that aren't here have their tests beside the code that does better.

mod alertmanager;
mod configuration;
mod jobs;
mod names;
mod workloads;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::{Prometheus, ServiceMonitor, read};
use crate::config::assets::Assets;
use crate::config::prometheus::{Additional, Generated, Options, Selected, server_configuration};

/// An object `monitoring/main`.
fn workload<T: DeserializeOwned>(spec: &Value) -> T {
    let metadata = json!({"name": "main", "namespace": "monitoring", "uid": "1"});
    read(&json!({"metadata": metadata, "spec": spec})).unwrap()
}

/// An object `team/app`.
fn selected<T: DeserializeOwned>(kind: &str, spec: &Value) -> T {
    let metadata = json!({"name": "app", "namespace": "team"});
    read(&json!({"kind": kind, "metadata": metadata, "spec": spec})).unwrap()
}

/// A monitor of one endpoint.
fn monitor(endpoint: &Value) -> ServiceMonitor {
    selected(
        "ServiceMonitor",
        &json!({"selector": {}, "endpoints": [endpoint]}),
    )
}

/// Secrets by namespace and name.
fn secrets(all: &[(&str, &str, Value)]) -> Assets {
    let mut assets = Assets::default();
    for (namespace, name, data) in all {
        let metadata = json!({"name": name, "namespace": namespace});
        assets.insert(&json!({"kind": "Secret", "metadata": metadata, "stringData": data}));
    }
    assets
}

fn key(secret: &str, key: &str) -> Value {
    json!({"name": secret, "key": key})
}

/// The configuration of a server, and what it says.
fn configured(spec: &Value, selected: &Selected, assets: &Assets) -> (Generated, Value) {
    let prometheus: Prometheus = workload(spec);
    let additional = Additional::default();
    let made = server_configuration(
        &prometheus,
        selected,
        &additional,
        assets,
        Options::default(),
    );
    let made = made.unwrap();
    let document = machinery::yaml::parse(&made.text).unwrap();
    assert_eq!(document.duplicates, Vec::<String>::new());
    (made, document.value)
}
