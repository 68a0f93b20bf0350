//! The ten kinds as objects: metadata, spec and status.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::alertmanager::AlertmanagerSpec;
use super::alertmanager_config::AlertmanagerConfigSpec;
use super::pod_monitor::PodMonitorSpec;
use super::probe::ProbeSpec;
use super::prometheus::PrometheusSpec;
use super::prometheus_agent::PrometheusAgentSpec;
use super::prometheus_rule::PrometheusRuleSpec;
use super::scrape_config::ScrapeConfigSpec;
use super::service_monitor::ServiceMonitorSpec;
use super::status::{
    AlertmanagerStatus, ConfigResourceStatus, PrometheusStatus, ThanosRulerStatus,
};
use super::thanos_ruler::ThanosRulerSpec;

/// A Prometheus server.
pub type Prometheus = Object<PrometheusSpec, PrometheusStatus>;
/// A Prometheus in agent mode.
pub type PrometheusAgent = Object<PrometheusAgentSpec, PrometheusStatus>;
/// An Alertmanager cluster.
pub type Alertmanager = Object<AlertmanagerSpec, AlertmanagerStatus>;
/// A Thanos Ruler.
pub type ThanosRuler = Object<ThanosRulerSpec, ThanosRulerStatus>;
/// Services that are scraped.
pub type ServiceMonitor = Object<ServiceMonitorSpec, ConfigResourceStatus>;
/// Pods that are scraped.
pub type PodMonitor = Object<PodMonitorSpec, ConfigResourceStatus>;
/// Targets that a prober looks at.
pub type Probe = Object<ProbeSpec, ConfigResourceStatus>;
/// A scrape job with any service discovery.
pub type ScrapeConfig = Object<ScrapeConfigSpec, ConfigResourceStatus>;
/// Recording and alerting rules.
pub type PrometheusRule = Object<PrometheusRuleSpec, ConfigResourceStatus>;
/// Routes and receivers of an Alertmanager.
pub type AlertmanagerConfig = Object<AlertmanagerConfigSpec, ConfigResourceStatus>;

/// An object of this API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Object<Spec: Default, Status: Default> {
    /// Group and version, as written.
    pub api_version: String,
    /// Kind, as written.
    pub kind: String,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wished for.
    pub spec: Spec,
    /// What is.
    pub status: Status,
}

/// The metadata a controller needs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Name, unique within the namespace.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Identity over time.
    pub uid: String,
    /// Counts changes of the spec.
    pub generation: i64,
    /// When deletion was asked for.
    pub deletion_timestamp: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl<Spec: Default, Status: Default> Object<Spec, Status> {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

/// Reads an object or a part of one; null counts as absent, as it does for Go.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(without_nulls(value))
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(key, field)| (key.clone(), without_nulls(field)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
