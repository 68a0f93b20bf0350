//! The API `monitoring.coreos.com`: ten kinds, how they are read and their custom resource definitions.
//!
//! Mirrors upstream's `pkg/apis/monitoring`. The types are for reading; writes are patches of the stored object, so fields
//! that these types don't know survive. What goes into pods as it is stays JSON.

pub mod alertmanager;
pub mod alertmanager_config;
pub mod cloud_discovery;
pub mod common;
pub mod common_prometheus;
pub mod crds;
pub mod defaults;
pub mod kinds;
pub mod patterns;
pub mod pod_monitor;
pub mod probe;
pub mod prometheus;
pub mod prometheus_agent;
pub mod prometheus_rule;
pub mod receiver;
pub mod receiver_chat;
pub mod remote;
mod rules;
pub mod schema;
pub mod scrape_config;
pub mod service_discovery;
pub mod service_monitor;
pub mod status;
pub mod thanos_ruler;
pub mod v1beta1;
pub mod workload;

pub use kinds::{
    Alertmanager, AlertmanagerConfig, Object, PodMonitor, Probe, Prometheus, PrometheusAgent,
    PrometheusRule, ScrapeConfig, ServiceMonitor, ThanosRuler, read,
};

/// API group of all kinds.
pub const GROUP: &str = "monitoring.coreos.com";
