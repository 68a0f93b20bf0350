//! The workloads: `StatefulSets`, `DaemonSets` and governing Services made of the four kinds that run something.
//!
//! Pure: an object, the operator's settings and the names of what was made before give a whole object to be written. What
//! users give for pods stays JSON and goes through the built-in types once, as Go's structs would print it, so that absent
//! and empty come out alike. Mirrors upstream's three `statefulset.go`, `pkg/operator` and `pkg/webconfig`.

mod alertmanager;
mod arguments;
mod change;
mod cluster_tls;
pub mod gzip;
mod health;
mod image;
mod merge;
mod metadata;
mod names;
mod parts;
mod pod;
mod prometheus;
mod reloader;
mod secrets;
mod service;
mod settings;
mod shards;
mod stateful_set;
mod storage;
mod thanos_ruler;
mod web;

pub use alertmanager::{alertmanager_selector, alertmanager_spec, alertmanager_stateful_set};
pub use change::{Change, Recreation, secret_change, service_change, workload_change};
pub use cluster_tls::{CLUSTER_TLS, CLUSTER_TLS_KEY, ClusterTls};
pub use health::{Availability, Counts, Health, available, shards_available, written};
pub(crate) use metadata::INPUT_HASH;
pub use metadata::Texts;
pub use parts::{Secrets, configuration_secrets, further_secrets, joined, mounted_further};
pub use prometheus::{
    AgentInput, ServerInput, agent_daemon_set, agent_selector, agent_stateful_set,
    prometheus_selector, server_stateful_set, shard_name, shard_names,
};
pub use secrets::{
    Data, SECRET_HOLDS, compressed, rule_config_map, secret, thanos_client_secret,
    tls_asset_secrets,
};
pub use service::{
    agent_service, alertmanager_service, prometheus_service, selects_pods, thanos_ruler_service,
};
pub use settings::{ALERTMANAGER_VERSION, ReloaderSettings, Repair, Settings, THANOS_VERSION};
pub use shards::{Excess, excess_shard, kept_for};
pub use thanos_ruler::{ThanosRulerInput, thanos_ruler_selector, thanos_ruler_stateful_set};
pub use web::{
    ALERTMANAGER_WEB_CONFIG, Mounted, PROMETHEUS_WEB_CONFIG, THANOS_RULER_WEB_CONFIG,
    WEB_CONFIG_KEY, WebConfig,
};

use serde_json::Value;

/// Why there is no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WorkloadError(pub String);

impl WorkloadError {
    /// Puts what was being done before the text.
    #[must_use]
    pub fn within(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

/// A workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The whole object, without status.
    pub object: Value,
    /// What was left out for the sake of the version, in order.
    pub warnings: Vec<String>,
}
