//! The objects these commands read and write.

use anyhow::{Result, bail};
use jiff::Timestamp;
use rollouts::api::{ANALYSIS_RUN, EXPERIMENT, ROLLOUT};
use rollouts::commands::Patches;
use rollouts::info::{RolloutInfo, Surroundings};
use runtime::Patch;
use runtime::client::Client;
use runtime::error::Error;
use runtime::resource::{DEPLOYMENT, ObjectKey, POD, REPLICA_SET, ResourceRef};
use serde_json::Value;

use crate::cli::Connection;

/// An unset variable of a script is no name: the request would go to the whole collection.
fn check(name: &str) -> Result<()> {
    if name.is_empty() {
        bail!("resource name may not be empty");
    }
    Ok(())
}

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
        check(name)?;
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
            Some(name) => self.client.get(&DEPLOYMENT, &self.key(name)).await?,
            None => None,
        };
        Ok(Surroundings {
            replica_sets: self.list(&REPLICA_SET).await?,
            pods: self.list(&POD).await?,
            experiments: self.list(&EXPERIMENT).await?,
            analysis_runs: self.list(&ANALYSIS_RUN).await?,
            workload,
        })
    }

    /// The picture of a Rollout.
    pub async fn rollout_info(&self, name: &str) -> Result<RolloutInfo> {
        check(name)?;
        let Some(rollout) = self.client.get(&ROLLOUT, &self.key(name)).await? else {
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
        check(name)?;
        let merge = |body: Value| Patch::Merge(body);
        if let Some(status) = &patches.status {
            match self
                .client
                .patch(
                    &ROLLOUT,
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
                        .patch(&ROLLOUT, &self.key(name), None, &all)
                        .await?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(spec) = &patches.spec {
            self.client
                .patch(&ROLLOUT, &self.key(name), None, &merge(spec.clone()))
                .await?;
        }
        Ok(())
    }
}

/// Creates an object, or merges it into the one that is there.
pub async fn create_or_merge(
    client: &Client,
    resource: &ResourceRef,
    object: &Value,
) -> Result<()> {
    let key = ObjectKey::of(object);
    if client.get(resource, &key).await?.is_none() {
        client.create(resource, object).await?;
    } else {
        client
            .patch(resource, &key, None, &Patch::Merge(object.clone()))
            .await?;
    }
    Ok(())
}
