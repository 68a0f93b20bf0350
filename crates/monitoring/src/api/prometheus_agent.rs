//! The kind PrometheusAgent.

use super::common_prometheus::CommonPrometheusFields;
use super::schema::api_object;

api_object! {
    /// A Prometheus that only scrapes and sends.
    pub struct PrometheusAgentSpec = {"x-kubernetes-validations": super::rules::prometheus_agent_spec()} {
        /// Kind of the workload.
        "mode" mode: Option<String> = {"enum": ["StatefulSet", "DaemonSet"]},
        ; /// What Prometheus and PrometheusAgent have in common.
        inline common: CommonPrometheusFields
    }
}

impl PrometheusAgentSpec {
    /// Whether a pod runs on every node, instead of replicas in shards.
    pub fn is_on_every_node(&self) -> bool {
        self.mode.as_deref() == Some("DaemonSet")
    }
}
