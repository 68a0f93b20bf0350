//! Performs plans: effects in order, up to the first failure, then the status.

use bytes::Bytes;
use machinery::patch::merge;
use serde_json::{Value, json};

use crate::client::Client;
use crate::effect::{Effect, IfExists, IfMissing};
use crate::error::Error;
use crate::events::EventRecorder;
use crate::fence::Fence;
use crate::patch::Patch;
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

    /// Performs the effects in order and stops at the first that fails; then what is performed anyway.
    pub async fn perform(&self, plan: Plan) -> Outcome {
        let mut answers = Vec::with_capacity(plan.effects.len());
        let mut fences = Vec::new();
        let mut failed = None;
        for (index, effect) in plan.effects.iter().enumerate() {
            match self.fenced(effect, &mut fences).await {
                Ok(answer) => answers.push(answer.filter(|_| keeps_answer(effect))),
                Err(error) => {
                    failed = Some((self.failure(index, effect, &error).await, error));
                    break;
                }
            }
        }
        let (failure, mut error) = failed.unzip();
        for (index, effect) in plan.also.iter().enumerate() {
            if let Err(other) = self.fenced(effect, &mut fences).await {
                // Whatever our view of the object was, the next pass shall see it as it is.
                self.failure(index, effect, &other).await;
                error = error.or(Some(other));
            }
        }
        Outcome {
            plan: plan.performed(answers, failure),
            error,
            fences,
        }
    }

    /// Performs an effect, and notes what the caches must show first before anybody looks again.
    async fn fenced(
        &self,
        effect: &Effect,
        fences: &mut Vec<Fence>,
    ) -> Result<Option<Bytes>, Error> {
        tracing::debug!(%effect, "performing");
        let before = self.held(effect);
        let answer = self.effect(effect).await;
        match &answer {
            Ok(answer) => fences.extend(self.fence(effect, before, answer.as_ref())),
            Err(error) => tracing::info!(%effect, %error, "effect failed"),
        }
        answer
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
                resource_version,
            } => {
                let difference = merge::diff(&old, &new);
                if difference
                    .as_object()
                    .is_some_and(serde_json::Map::is_empty)
                {
                    return Ok(false);
                }
                let mut body = json!({"status": difference});
                if let (Some(version), Some(fields)) = (resource_version, body.as_object_mut()) {
                    fields.insert("metadata".to_owned(), json!({"resourceVersion": version}));
                }
                let patch = Patch::Merge(body);
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
            Effect::Packed {
                resource,
                key,
                is_update,
                object,
            } => {
                let object = Bytes::from(object.unpacked());
                self.client.put(resource, key, *is_update, object).await?
            }
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
                related,
                kind,
                reason,
                message,
            } => {
                let objects = (regarding, related.as_deref());
                self.recorder
                    .record_related(objects, *kind, reason, message);
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

    /// The oldest version of an effect's object that a cache holds.
    fn held(&self, effect: &Effect) -> Option<u64> {
        let (resource, key) = effect.target()?;
        let sinks = self.client.sinks(&resource);
        sinks.iter().filter_map(|sink| sink.version(&key)).min()
    }

    /// What the caches cannot show yet. `before`: what they held before the effect; a watch may be faster than its answer.
    fn fence(&self, effect: &Effect, before: Option<u64>, answer: Option<&Bytes>) -> Option<Fence> {
        let (resource, key) = effect.target()?;
        let held = self.held(effect)?;
        let version = match effect {
            // The pod changes or goes; its present state is what must not be seen again.
            Effect::Evict { .. } => before? + 1,
            Effect::Create { .. }
            | Effect::Update { .. }
            | Effect::Packed { .. }
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

/// Answers to large objects are as large.
fn keeps_answer(effect: &Effect) -> bool {
    match effect {
        Effect::Packed { .. } => false,
        Effect::Create { .. }
        | Effect::Update { .. }
        | Effect::Patch { .. }
        | Effect::Delete { .. }
        | Effect::Evict { .. }
        | Effect::Event { .. } => true,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::DeleteOptions;
    use crate::error::Class;
    use crate::events;
    use crate::testing::FakeApi;

    const CONFIG_MAP: ResourceRef = ResourceRef::namespaced("", "v1", "ConfigMap", "configmaps");

    fn config_map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ns"}})
    }

    /// Performs a plan against a server that knows the config map `there`.
    fn performed(effects: Vec<Effect>) -> (Outcome, Vec<String>) {
        performed_with(Plan::of(effects))
    }

    fn performed_with(plan: Plan) -> (Outcome, Vec<String>) {
        let api = FakeApi::default();
        api.put("/api/v1/configmaps", config_map("there"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let outcome = runtime.block_on(async {
            let client = api.client();
            let (recorder, _writer) =
                events::channel(client.clone(), "test", events::EventApi::Core);
            Driver::new(client, recorder).perform(plan).await
        });
        let writes = api.state().writes.clone();
        (outcome, writes)
    }

    #[test]
    fn what_is_already_as_wanted_counts_as_done() {
        let gone = ObjectKey::new("ns", "gone");
        let patch = Patch::Merge(json!({}));
        let (outcome, _) = performed(vec![
            Effect::Create {
                resource: CONFIG_MAP,
                object: config_map("there"),
                if_exists: IfExists::Accept,
            },
            Effect::Delete {
                resource: CONFIG_MAP,
                key: gone.clone(),
                options: DeleteOptions::default(),
            },
            Effect::Evict {
                key: gone.clone(),
                uid: None,
            },
            Effect::Patch {
                resource: CONFIG_MAP,
                key: gone,
                subresource: None,
                patch,
                if_missing: IfMissing::Skip,
            },
        ]);
        assert_eq!((outcome.plan.failure(), outcome.plan.done()), (None, 4));
    }

    #[test]
    fn the_first_failure_ends_the_plan_and_shows_what_is_in_the_way() {
        let (outcome, writes) = performed(vec![
            Effect::create(CONFIG_MAP, config_map("new")),
            Effect::create(CONFIG_MAP, config_map("there")),
            Effect::create(CONFIG_MAP, config_map("never")),
        ]);
        let path = "POST /api/v1/namespaces/ns/configmaps";
        assert_eq!(writes, [format!("{path} 201"), format!("{path} 409")]);
        let mut existing = config_map("there");
        existing["metadata"]["uid"] = json!("uid-1");
        existing["metadata"]["resourceVersion"] = json!("1");
        let failure = Failure {
            effect: 1,
            reason: "AlreadyExists".to_owned(),
            message: "\"there\" already exists".to_owned(),
            class: Class::Retry,
            existing: Some(existing),
        };
        assert_eq!(
            (outcome.plan.failure(), outcome.plan.done()),
            (Some(&failure), 1)
        );
        assert_eq!(outcome.plan.answer(0).unwrap()["metadata"]["uid"], "uid-2");
    }

    #[test]
    fn large_objects_are_written_as_others_and_their_answers_are_not_kept() {
        let large = |name: &str| {
            let mut object = config_map(name);
            object["data"] = json!({"a": "x".repeat(100_000)});
            object
        };
        let mut again = large("new");
        again["metadata"]["resourceVersion"] = json!("2");
        let plain = vec![
            Effect::create(CONFIG_MAP, large("new")),
            Effect::update(CONFIG_MAP, again),
            Effect::create(CONFIG_MAP, large("there")),
        ];
        let (wanted, writes) = performed(plain.clone());
        let packed: Vec<Effect> = plain.iter().cloned().map(Effect::packed).collect();
        let lines =
            |effects: &[Effect]| -> Vec<String> { effects.iter().map(Effect::to_string).collect() };
        assert_eq!(lines(&packed), lines(&plain));
        let creates =
            |effects: &[Effect]| -> Vec<bool> { effects.iter().map(Effect::creates).collect() };
        assert_eq!(creates(&packed), creates(&plain));
        let (outcome, packed_writes) = performed(packed);
        assert_eq!(packed_writes, writes);
        assert_eq!(outcome.plan.failure(), wanted.plan.failure());
        assert_eq!((outcome.plan.done(), outcome.plan.answer(0)), (2, None));
        assert_eq!(wanted.plan.answer(0).unwrap()["metadata"]["name"], "new");
    }

    #[test]
    fn what_is_done_anyway_is_done_after_a_failure_each_on_its_own() {
        let create = |name: &str| Effect::create(CONFIG_MAP, config_map(name));
        let plan = vec![create("there"), create("never")];
        let also = vec![create("there"), create("new")];
        let (outcome, writes) = performed_with(Plan::of(plan).also(also));
        let path = "POST /api/v1/namespaces/ns/configmaps";
        let wanted = ["409", "409", "201"].map(|code| format!("{path} {code}"));
        assert_eq!(writes, wanted);
        assert_eq!(
            outcome.plan.failure().map(|failure| failure.effect),
            Some(0)
        );
        let (outcome, _) = performed_with(Plan::nothing().also(vec![create("there")]));
        // The plan has not failed, and yet the pass is tried again.
        assert_eq!(outcome.plan.failure(), None);
        assert!(outcome.error.is_some());
    }

    #[test]
    fn an_equal_status_is_not_written() {
        let api = FakeApi::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let key = ObjectKey::new("ns", "there");
        let status = |new: Value| StatusWrite::MergePatch {
            subresource: true,
            old: json!({"a": 1, "b": 2}),
            new,
            resource_version: None,
        };
        let written = runtime.block_on(async {
            api.put("/api/v1/configmaps", config_map("there"));
            let client = api.client();
            let (recorder, _writer) =
                events::channel(client.clone(), "test", events::EventApi::Core);
            let driver = Driver::new(client, recorder);
            let mut written = Vec::new();
            for new in [json!({"a": 1, "b": 2}), json!({"a": 3})] {
                written.push(
                    driver
                        .write_status(&CONFIG_MAP, &key, status(new))
                        .await
                        .unwrap(),
                );
            }
            written
        });
        assert_eq!(written, [false, true]);
        assert_eq!(
            api.state().writes,
            ["PATCH /api/v1/namespaces/ns/configmaps/there/status 200"]
        );
    }
}
