//! Upstream's end-to-end test of repair policies (`test/e2e/repair_policy_test.go`): pods that are stuck are deleted.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::subjects::{MANAGER, RULER, SERVER};

/// testRepairPolicy, delete
pub async fn of_each_workload(cluster: &Cluster) -> Result<()> {
    SERVER.is_repaired(cluster).await?;
    MANAGER.is_repaired(cluster).await?;
    RULER.is_repaired(cluster).await
}
