//! Prometheus Operator's end-to-end tests of the finalizer that workloads have where the gate
//! `StatusForConfigurationResources` is asked for (`test/e2e/status_subresource_test.go`).

use anyhow::Result;

use crate::cluster::Cluster;
use crate::subjects::{AGENT, RULER, SERVER};

/// testFinalizerWhenStatusForConfigResourcesEnabled
pub async fn finalizer_when_status_for_config_resources_enabled(cluster: &Cluster) -> Result<()> {
    SERVER.has_a_finalizer_while_it_is_there(cluster).await
}

/// testFinalizerForPromAgentWhenStatusForConfigResEnabled
pub async fn finalizer_for_prom_agent_when_status_for_config_res_enabled(
    cluster: &Cluster,
) -> Result<()> {
    AGENT.has_a_finalizer_while_it_is_there(cluster).await
}

/// testFinalizerForThanosRulerWhenStatusForConfigResEnabled
pub async fn finalizer_for_thanos_ruler_when_status_for_config_res_enabled(
    cluster: &Cluster,
) -> Result<()> {
    RULER.has_a_finalizer_while_it_is_there(cluster).await
}
