//! Prometheus, as server and as agent (upstream's `pkg/prometheus/common.go`, `server/statefulset.go`,
//! `agent/statefulset.go` and `agent/daemonset.go`).

mod agent;
mod arguments;
mod compaction;
mod member;
mod server;
mod thanos;
mod volumes;

pub use agent::{AgentInput, agent_daemon_set, agent_stateful_set};
pub use server::{ServerInput, server_stateful_set};
pub(super) use thanos::grpc_tls;

use super::metadata::{Texts, selecting};
use crate::api::common_prometheus::CommonPrometheusFields;

/// Where the configuration is mounted.
const CONFIG: &str = "/etc/prometheus/config";
/// Where the configuration lies with variables put in.
const CONFIG_OUT: &str = "/etc/prometheus/config_out";
/// The configuration with variables put in.
const CONFIG_FILE: &str = "/etc/prometheus/config_out/prometheus.env.yaml";
/// Where data lies.
const STORAGE: &str = "/prometheus";
/// The folder of the volume with data.
const STORAGE_FOLDER: &str = "prometheus-db";
/// The volume of logs that are named by a bare file name.
const LOG_VOLUME: &str = "log-file";

/// What workloads call the shard of a pod.
pub(super) const SHARD: &str = "operator.prometheus.io/shard";
/// What workloads call the object they belong to.
pub(super) const OBJECT: &str = "operator.prometheus.io/name";
/// What workloads call the kind of the object.
pub(super) const MODE: &str = "operator.prometheus.io/mode";

/// Name of the StatefulSet of a shard; `prefix` is `prometheus` or `prom-agent`.
pub fn shard_name(prefix: &str, name: &str, shard: i32) -> String {
    match shard {
        0 => format!("{prefix}-{name}"),
        shard => format!("{prefix}-{name}-shard-{shard}"),
    }
}

/// Names of the `StatefulSets` of all shards, in order.
pub fn shard_names(prefix: &str, name: &str, common: &CommonPrometheusFields) -> Vec<String> {
    (0..common.shards.unwrap_or(1).max(1))
        .map(|shard| shard_name(prefix, name, shard))
        .collect()
}

/// Labels of the pods of all shards of a server.
pub fn prometheus_selector(name: &str) -> Texts {
    let mut labels = all_shards("prometheus", name);
    labels.insert("prometheus".to_owned(), name.to_owned());
    labels
}

/// Labels of the pods of all shards of an agent.
pub fn agent_selector(name: &str) -> Texts {
    all_shards("prometheus-agent", name)
}

fn all_shards(program: &str, name: &str) -> Texts {
    let mut labels = selecting(program, name);
    labels.insert(OBJECT.to_owned(), name.to_owned());
    labels
}
