//! `undo`: back to the template of an older revision.

use anyhow::Result;
use clap::Args;
use rollouts::api::ROLLOUT;
use rollouts::commands::{self, Undo};
use runtime::Patch;
use runtime::resource::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, ResourceRef};
use serde_json::Value;

use super::objects::Objects;
use crate::cli::print;

#[derive(Args)]
pub struct UndoArgs {
    /// The Rollout
    name: String,
    /// The revision to rollback to; 0 is the one before the last
    #[arg(long, default_value_t = 0)]
    to_revision: i64,
}

impl UndoArgs {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        let rollout = objects.get(&ROLLOUT, &self.name).await?;
        let sets = objects.list(&REPLICA_SET).await?;
        let patch = match commands::undo(&rollout, &sets, self.to_revision)? {
            Undo::Patch(patch) => Patch::Json(patch),
            Undo::Skipped => {
                let revision = self.to_revision;
                return print(&format!(
                    "skipped rollback (current template already matches revision {revision})"
                ));
            }
        };
        let (resource, name) = target(&rollout).unwrap_or((ROLLOUT, &self.name));
        objects
            .client
            .patch(&resource, &objects.key(name), None, &patch)
            .await?;
        print(&format!("rollout '{}' undo\n", self.name))
    }
}

/// The workload that holds the template, if the Rollout refers to one.
fn target(rollout: &Value) -> Option<(ResourceRef, &str)> {
    let reference = rollout.pointer("/spec/workloadRef")?;
    let resource = match reference.get("kind").and_then(Value::as_str)? {
        "Deployment" => DEPLOYMENT,
        "ReplicaSet" => REPLICA_SET,
        "PodTemplate" => POD_TEMPLATE,
        _ => return None,
    };
    Some((resource, reference.get("name").and_then(Value::as_str)?))
}
