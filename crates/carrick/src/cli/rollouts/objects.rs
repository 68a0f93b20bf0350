//! The objects these commands read and write.

use anyhow::{Result, bail};
use jiff::Timestamp;
use rollouts::commands::Patches;
use rollouts::info::{RolloutInfo, Surroundings};
use runtime::Patch;
use runtime::client::Client;
use runtime::error::Error;
use runtime::resource::{ObjectKey, ResourceRef};
use serde_json::Value;

use crate::cli::Connection;

/// Rollouts.
pub const ROLLOUTS: ResourceRef =
    ResourceRef::namespaced("argoproj.io", "v1alpha1", "Rollout", "rollouts");
/// Experiments.
pub const EXPERIMENTS: ResourceRef =
    ResourceRef::namespaced("argoproj.io", "v1alpha1", "Experiment", "experiments");
const ANALYSIS_RUNS: ResourceRef =
    ResourceRef::namespaced("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns");
/// ReplicaSets.
pub const REPLICA_SETS: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "ReplicaSet", "replicasets");
/// Deployments.
pub const DEPLOYMENTS: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "Deployment", "deployments");
const PODS: ResourceRef = ResourceRef::namespaced("", "v1", "Pod", "pods");

/// The objects of one namespace.
pub struct Objects {
    /// The client they come through.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Objects {
    /// Connects as the flags say.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let connected = connection.connect("kubectl-argo-rollouts").await?;
        Ok(Self {
            client: connected.client,
            namespace: connected.namespace,
        })
    }

    /// The time, for ages.
    pub fn now(&self) -> Timestamp {
        self.client.clock().now()
    }

    /// The key of an object in this namespace.
    pub fn key(&self, name: &str) -> ObjectKey {
        ObjectKey {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        }
    }

    /// One object.
    ///
    /// # Errors
    /// If it isn't there, in the server's words.
    pub async fn get(&self, resource: &ResourceRef, name: &str) -> Result<Value> {
        match self.client.get(resource, &self.key(name)).await? {
            Some(object) => Ok(object),
            None => bail!(
                "{}.{} \"{name}\" not found",
                resource.plural,
                resource.group
            ),
        }
    }

    /// All objects of the namespace; none if the kind isn't installed.
    pub async fn list(&self, resource: &ResourceRef) -> Result<Vec<Value>> {
        match self.client.list(resource, &self.namespace, "").await {
            Err(Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    /// Everything a Rollout's picture is made of, except the Rollout.
    pub async fn surroundings(&self, rollout: Option<&Value>) -> Result<Surroundings> {
        let reference = rollout.and_then(|rollout| rollout.pointer("/spec/workloadRef/name"));
        let workload = match reference.and_then(Value::as_str) {
            Some(name) => self.client.get(&DEPLOYMENTS, &self.key(name)).await?,
            None => None,
        };
        Ok(Surroundings {
            replica_sets: self.list(&REPLICA_SETS).await?,
            pods: self.list(&PODS).await?,
            experiments: self.list(&EXPERIMENTS).await?,
            analysis_runs: self.list(&ANALYSIS_RUNS).await?,
            workload,
        })
    }

    /// The picture of a Rollout.
    pub async fn rollout_info(&self, name: &str) -> Result<RolloutInfo> {
        let Some(rollout) = self.client.get(&ROLLOUTS, &self.key(name)).await? else {
            // From a lister upstream, which names the kind and not the resource.
            bail!("rollout.argoproj.io \"{name}\" not found");
        };
        Ok(RolloutInfo::new(
            &rollout,
            &self.surroundings(Some(&rollout)).await?,
        )?)
    }

    /// Patches a Rollout, the status first. Where the CRD has no status subresource, both at once.
    pub async fn patch(&self, name: &str, patches: &Patches) -> Result<()> {
        let merge = |body: Value| Patch::Merge(body);
        if let Some(status) = &patches.status {
            match self
                .client
                .patch(
                    &ROLLOUTS,
                    &self.key(name),
                    Some("status"),
                    &merge(status.clone()),
                )
                .await
            {
                Ok(_) => {}
                Err(Error::Api(answer)) if answer.code == 404 => {
                    let all = merge(patches.combined());
                    self.client
                        .patch(&ROLLOUTS, &self.key(name), None, &all)
                        .await?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(spec) = &patches.spec {
            self.client
                .patch(&ROLLOUTS, &self.key(name), None, &merge(spec.clone()))
                .await?;
        }
        Ok(())
    }
}
