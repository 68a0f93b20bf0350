//! Performs plans: effects in order, up to the first failure, then the status.

use bytes::Bytes;
use machinery::patch::merge;
use serde_json::{Value, json};

use crate::client::Client;
use crate::effect::{Effect, IfExists, IfMissing, Patch};
use crate::error::Error;
use crate::events::EventRecorder;
use crate::fence::Fence;
use crate::plan::{Failure, Performed, Plan};
use crate::reconciler::StatusWrite;
use crate::resource::{ObjectKey, POD, ResourceRef};

/// Carries out what reconcilers decide. Clones share everything.
#[derive(Clone)]
pub struct Driver {
    client: Client,
    recorder: EventRecorder,
}

/// What became of a plan.
pub struct Outcome {
    /// The plan, with what was carried out.
    pub plan: Plan<Performed>,
    /// Why it stopped.
    pub error: Option<Error>,
    /// What the next pass has to wait for.
    pub fences: Vec<Fence>,
}

impl Driver {
    /// A driver that writes with this client.
    pub fn new(client: Client, recorder: EventRecorder) -> Self {
        Self { client, recorder }
    }

    /// Performs the effects in order and stops at the first that fails.
    pub async fn perform(&self, plan: Plan) -> Outcome {
        let mut answers = Vec::with_capacity(plan.effects.len());
        let mut fences = Vec::new();
        for (index, effect) in plan.effects.iter().enumerate() {
            tracing::debug!(%effect, "performing");
            match self.effect(effect).await {
                Ok(answer) => {
                    fences.extend(self.fence(effect, answer.as_ref()));
                    answers.push(answer);
                }
                Err(error) => {
                    tracing::info!(%effect, %error, "effect failed");
                    let failure = self.failure(index, effect, &error).await;
                    return Outcome {
                        plan: plan.performed(answers, Some(failure)),
                        error: Some(error),
                        fences,
                    };
                }
            }
        }
        Outcome {
            plan: plan.performed(answers, None),
            error: None,
            fences,
        }
    }

    /// Writes a status, if it differs. Answers whether something was written.
    pub async fn write_status(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
        status: StatusWrite,
    ) -> Result<bool, Error> {
        let part = |subresource: bool| subresource.then_some("status");
        let written = match status {
            StatusWrite::Unchanged => return Ok(false),
            StatusWrite::MergePatch {
                subresource,
                old,
                new,
            } => {
                let difference = merge::diff(&old, &new);
                if difference
                    .as_object()
                    .is_some_and(serde_json::Map::is_empty)
                {
                    return Ok(false);
                }
                let patch = Patch::Merge(json!({"status": difference}));
                self.client
                    .patch(resource, key, part(subresource), &patch)
                    .await
            }
            StatusWrite::Update {
                subresource,
                object,
            } => {
                self.client
                    .update(resource, &object, part(subresource))
                    .await
            }
        };
        match written {
            Ok(_) => Ok(true),
            Err(error) => {
                if error.is_conflict() || error.is_not_found() {
                    // Our view was old: the next pass shall see the new one.
                    self.client.refresh(resource, key).await?;
                }
                Err(error)
            }
        }
    }

    async fn effect(&self, effect: &Effect) -> Result<Option<Bytes>, Error> {
        let answer = match effect {
            Effect::Create {
                resource,
                object,
                if_exists,
            } => {
                let created = self.client.create(resource, object).await;
                match (created, if_exists) {
                    (Err(error), IfExists::Accept) if error.is_already_exists() => return Ok(None),
                    (created, IfExists::Accept | IfExists::Fail) => created?,
                }
            }
            Effect::Update {
                resource,
                object,
                subresource,
            } => self.client.update(resource, object, *subresource).await?,
            Effect::Patch {
                resource,
                key,
                subresource,
                patch,
                if_missing,
            } => {
                let patched = self.client.patch(resource, key, *subresource, patch).await;
                match (patched, if_missing) {
                    (Err(error), IfMissing::Skip) if error.is_not_found() => {
                        self.gone(resource, key);
                        return Ok(None);
                    }
                    (patched, IfMissing::Skip | IfMissing::Fail) => patched?,
                }
            }
            Effect::Delete {
                resource,
                key,
                options,
            } => match self.client.delete(resource, key, options).await {
                Err(error) if error.is_not_found() => {
                    self.gone(resource, key);
                    return Ok(None);
                }
                deleted => deleted?,
            },
            Effect::Evict { key, uid } => match self.client.evict(key, uid.as_deref()).await {
                Err(error) if error.is_not_found() => {
                    self.gone(&POD, key);
                    return Ok(None);
                }
                evicted => evicted?,
            },
            Effect::Event {
                regarding,
                kind,
                reason,
                message,
            } => {
                self.recorder.record(regarding, *kind, reason, message);
                return Ok(None);
            }
        };
        Ok(Some(answer.bytes().clone()))
    }

    /// The object does not exist, whatever the caches say.
    fn gone(&self, resource: &ResourceRef, key: &ObjectKey) {
        for sink in self.client.sinks(resource) {
            sink.deleted(key, None);
        }
    }

    /// What the caches cannot show yet.
    fn fence(&self, effect: &Effect, answer: Option<&Bytes>) -> Option<Fence> {
        let (resource, key) = effect.target()?;
        let held = self
            .client
            .sinks(&resource)
            .iter()
            .filter_map(|sink| sink.version(&key))
            .min()?;
        let version = match effect {
            // The pod changes or goes; its present state is what must not be seen again.
            Effect::Evict { .. } => held + 1,
            Effect::Create { .. }
            | Effect::Update { .. }
            | Effect::Patch { .. }
            | Effect::Delete { .. } => version_of(answer?)?,
            Effect::Event { .. } => return None,
        };
        (held < version).then_some(Fence {
            resource,
            key,
            version,
        })
    }

    /// Describes a failure and, where our view of an object was wrong, reads the object.
    async fn failure(&self, index: usize, effect: &Effect, error: &Error) -> Failure {
        let existing: Option<Value> = match effect.target() {
            Some((resource, key))
                if error.is_already_exists() || error.is_conflict() || error.is_not_found() =>
            {
                self.client
                    .refresh(&resource, &key)
                    .await
                    .unwrap_or_default()
            }
            _ => None,
        };
        Failure {
            effect: index,
            reason: error.reason().to_owned(),
            message: error.to_string(),
            class: error.class(),
            existing,
        }
    }
}

/// Resource version in an answer, if it is an object with one.
fn version_of(answer: &[u8]) -> Option<u64> {
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Versioned {
        resource_version: String,
    }
    #[derive(serde::Deserialize)]
    struct Object {
        #[serde(default)]
        metadata: Versioned,
    }
    serde_json::from_slice::<Object>(answer)
        .ok()?
        .metadata
        .resource_version
        .parse()
        .ok()
}
