//! Upstream's end-to-end test of repair policies (`test/e2e/repair_policy_test.go`): pods that are stuck are evicted.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::subjects::SERVER;

/// testRepairPolicy, evict
pub async fn of_a_server(cluster: &Cluster) -> Result<()> {
    SERVER.is_repaired(cluster).await
}
