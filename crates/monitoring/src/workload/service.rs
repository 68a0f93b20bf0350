//! Governing Services: each kind has one in a namespace, which gives the pods of its `StatefulSets` names.

use serde_json::{Value, json};

use super::Settings;
use super::metadata::{NAME, Owner, Texts, texts};
use super::stateful_set::{governing_service, port_name};
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler};

/// Name of the governing Service of Prometheus.
pub(super) const PROMETHEUS: &str = "prometheus-operated";
/// Name of the governing Service of agents.
pub(super) const AGENT: &str = "prometheus-agent-operated";
/// Name of the governing Service of Alertmanagers.
pub(super) const ALERTMANAGER: &str = "alertmanager-operated";
/// Name of the governing Service of Thanos Rulers.
pub(super) const THANOS_RULER: &str = "thanos-ruler-operated";

/// The Service of the servers of a namespace.
pub fn prometheus_service(prometheus: &Prometheus, settings: &Settings) -> Value {
    let mut ports = vec![web(&prometheus.spec.common)];
    if prometheus.spec.thanos.is_some() {
        ports.push(json!({"name": "grpc", "port": 10901, "targetPort": "grpc"}));
    }
    let owner = Owner::of(prometheus);
    let service = governing_service(owner, settings, PROMETHEUS, "prometheus", &ports);
    selecting(service, "prometheus")
}

/// The Service of the agents of a namespace.
pub fn agent_service(agent: &PrometheusAgent, settings: &Settings) -> Value {
    let ports = [web(&agent.spec.common)];
    let service = governing_service(Owner::of(agent), settings, AGENT, "prometheus", &ports);
    selecting(service, "prometheus-agent")
}

fn web(common: &CommonPrometheusFields) -> Value {
    let name = port_name(common.port_name.as_deref());
    json!({"name": name, "port": 9090, "targetPort": name})
}

/// The Service of the Alertmanagers of a namespace; members find each other by it before they are ready.
pub fn alertmanager_service(alertmanager: &Alertmanager, settings: &Settings) -> Value {
    let web = port_name(alertmanager.spec.port_name.as_deref());
    let ports = [
        json!({"name": web, "port": 9093, "targetPort": web, "protocol": "TCP"}),
        json!({"name": "tcp-mesh", "port": 9094, "targetPort": "mesh-tcp", "protocol": "TCP"}),
        json!({"name": "udp-mesh", "port": 9094, "targetPort": "mesh-udp", "protocol": "UDP"}),
    ];
    let owner = Owner::of(alertmanager);
    let service = governing_service(owner, settings, ALERTMANAGER, "alertmanager", &ports);
    let mut service = selecting(service, "alertmanager");
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("publishNotReadyAddresses".to_owned(), json!(true));
    }
    service
}

/// The Service of the Thanos Rulers of a namespace.
pub fn thanos_ruler_service(ruler: &ThanosRuler, settings: &Settings) -> Value {
    let web = port_name(ruler.spec.port_name.as_deref());
    let ports = [
        json!({"name": web, "port": 10902, "targetPort": web, "protocol": "TCP"}),
        json!({"name": "grpc", "port": 10901, "targetPort": "grpc", "protocol": "TCP"}),
    ];
    let owner = Owner::of(ruler);
    let service = governing_service(owner, settings, THANOS_RULER, "thanos-ruler", &ports);
    selecting(service, "thanos-ruler")
}

fn selecting(mut service: Value, program: &str) -> Value {
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("selector".to_owned(), json!(texts([(NAME, program)])));
    }
    service
}

/// Whether a Service of the user's can govern pods with these labels.
pub fn selects_pods(service: &Value, labels: &Texts) -> bool {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector
                .iter()
                .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
    })
}
