//! How built-in controllers read and write: the same path as HTTP requests, without HTTP.

mod change;
mod scale;
mod typed;

use std::sync::Arc;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use machinery::meta;
use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::apiserver::body::shares_labels;
use crate::apiserver::delete::Deleted;
use crate::apiserver::owners::SERVER;
use crate::apiserver::registry::Served;
use crate::apiserver::resource::Resource;
use crate::apiserver::store::key;
use crate::apiserver::write::{UpdateTarget, Writer};
use crate::faults::{Call, Failure, Faults, Verdict};
use crate::outside::waiting::{Attempt, WriteKey};
use crate::recorder::Recorder;
use crate::request::User;
use crate::status_error::ApiError;
pub use change::Change;
pub(crate) use typed::typed;
use typed::typed_beside;

/// How dependents are treated when an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Delete them afterwards.
    Background,
    /// Delete them first.
    Foreground,
    /// Leave them alone.
    Orphan,
}

/// Options of a DELETE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds; `None` is the kind's default.
    pub grace_period_seconds: Option<i64>,
    /// `None` is the kind's default.
    pub propagation: Option<Propagation>,
    /// The deprecated boolean.
    pub orphan_dependents: Option<bool>,
    /// Only if the uid is this.
    pub uid: Option<String>,
    /// Only if the resourceVersion is this.
    pub resource_version: Option<String>,
    /// Do everything but store.
    pub dry_run: bool,
}

/// A controller's view of the API server for one step.
pub struct Session<'a> {
    pub(crate) api: &'a mut ApiServer,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) faults: Option<&'a mut (dyn Faults + 'static)>,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) actor: &'static str,
    pub(crate) now: Timestamp,
}

impl Session<'_> {
    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Seeded randomness.
    pub fn entropy(&mut self) -> &mut Entropy {
        self.entropy
    }

    /// The newest revision of the store.
    pub fn revision(&self) -> u64 {
        self.api.revision()
    }

    /// One object; the namespace is empty for cluster-scoped ones.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let table = self.table(resource)?;
        self.api
            .store()
            .get(&table, &key(namespace, name))
            .map(|entry| entry.value.clone())
    }

    /// All objects of a resource in key order, in one namespace or in all.
    pub fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(table) = self.table(resource) else {
            return Vec::new();
        };
        let prefix = namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        let table = self.api.store().table(&table);
        table
            .into_iter()
            .flat_map(|table| table.range(&prefix, ""))
            .map(|(_, entry)| entry.value.clone())
            .collect()
    }

    fn served(&self, resource: &Resource) -> Option<&Arc<Served>> {
        self.api
            .registry()
            .get(&resource.group, &resource.version, &resource.plural)
    }

    fn table(&self, resource: &Resource) -> Option<Arc<str>> {
        self.served(resource).map(|served| served.table.clone())
    }

    /// Every resource the server stores, built-in and custom, in its storage version, for collectors.
    pub fn resources(&self) -> Vec<Resource> {
        let stored = self.api.registry().all_storage();
        stored
            .filter(|served| served.has_verb("list"))
            .map(|served| served.resource.clone())
            .collect()
    }

    /// The resource of an apiVersion and kind, as owner references name them, in its storage version.
    pub fn resource_of(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let served = self.api.registry().of_kind(api_version, kind)?;
        let stored = self.api.registry().storage(&served.table).unwrap_or(served);
        Some(stored.resource.clone())
    }

    /// Creates an object. The namespace is taken from it; `metadata.generateName` works.
    pub fn create(&mut self, resource: &Resource, object: Value) -> Result<Arc<Value>, ApiError> {
        let namespace = meta::namespace(&object).to_owned();
        let path = path(resource, &namespace, "", "");
        let body = self.shown(&object);
        self.write("POST", &path, &body, |session| {
            let served = session.known(resource)?;
            let shares_labels = shares_labels(&served, &object);
            let object = typed(&served, object)?;
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            writer.shares_labels = shares_labels;
            let entry = session
                .api
                .create(&served, &namespace, object, &mut writer)?;
            Ok(entry.value.clone())
        })
    }

    /// Replaces an object; a resourceVersion in it is a precondition.
    pub fn update(&mut self, resource: &Resource, object: Value) -> Result<Arc<Value>, ApiError> {
        self.put(resource, object, "")
    }

    /// Replaces an object through its `/status` subresource.
    pub fn update_status(
        &mut self,
        resource: &Resource,
        object: Value,
    ) -> Result<Arc<Value>, ApiError> {
        self.put(resource, object, "status")
    }

    fn put(
        &mut self,
        resource: &Resource,
        object: Value,
        subresource: &str,
    ) -> Result<Arc<Value>, ApiError> {
        let (namespace, name) = (
            meta::namespace(&object).to_owned(),
            meta::name(&object).to_owned(),
        );
        let path = path(resource, &namespace, &name, subresource);
        let body = self.shown(&object);
        self.write("PUT", &path, &body, |session| {
            let served = session.known(resource)?;
            let place = key(&namespace, &name);
            let new = match session.api.store().get(&served.table, &place) {
                Some(stored) => typed_beside(&served, object, &stored.value)?,
                None => typed(&served, object)?,
            };
            let uid = meta::uid(&new).to_owned();
            let target = UpdateTarget {
                served: &served,
                namespace: &namespace,
                name: &name,
                subresource,
                uid: &uid,
                may_create: false,
            };
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            // It is asked for once.
            let mut new = Some(new);
            let updated = session.api.update(target, &mut writer, &mut |_, _, _| {
                Ok(new.take().unwrap_or_default())
            })?;
            Ok(updated.entry.value.clone())
        })
    }

    /// Applies a merge patch, on the main endpoint (`""`) or a subresource (`"status"`).
    pub fn patch_merge(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
    ) -> Result<Arc<Value>, ApiError> {
        let url = path(resource, namespace, name, subresource);
        let shown = self.shown(patch);
        self.write("PATCH", &url, &shown, |session| {
            let served = session.known(resource)?;
            let update = UpdateTarget {
                served: &served,
                namespace,
                name,
                subresource,
                uid: "",
                may_create: false,
            };
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            let updated = session.api.update(update, &mut writer, &mut |_, old, _| {
                typed_beside(&served, machinery::patch::merge::apply(old, patch), old)
            })?;
            Ok(updated.entry.value.clone())
        })
    }

    /// Deletes an object. `Some` is the object that lives on (finalizers, grace), `None` that it is gone.
    pub fn delete(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Option<Arc<Value>>, ApiError> {
        let path = path(resource, namespace, name, "");
        self.write("DELETE", &path, "", |session| {
            let served = session.known(resource)?;
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            match session
                .api
                .delete(&served, namespace, name, options, &mut writer)?
            {
                Deleted::Remains(entry) => Ok(Some(entry.value.clone())),
                Deleted::Gone(_) => Ok(None),
            }
        })
    }

    /// Posts to a subresource with a body of its own: pods `binding` and `eviction`, namespaces `finalize` (a replace).
    pub fn post_subresource(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        body: Value,
    ) -> Result<(), ApiError> {
        if subresource == "finalize" {
            return self.put(resource, body, "finalize").map(|_| ());
        }
        let path = path(resource, namespace, name, subresource);
        let shown = self.shown(&body);
        self.write("POST", &path, &shown, |session| {
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            match subresource {
                "binding" => session.api.bind(namespace, name, &body, &mut writer),
                "eviction" => session.api.evict(namespace, name, &body, &mut writer),
                _ => Err(ApiError::unknown_resource()),
            }
        })
    }

    /// Who the controller is, if anybody wants to know.
    fn user(&self) -> Option<User> {
        let judged = self.api.is_judged();
        judged.then(|| User::service_account("kube-system", self.actor))
    }

    fn known(&self, resource: &Resource) -> Result<Arc<Served>, ApiError> {
        self.served(resource)
            .cloned()
            .ok_or_else(ApiError::unknown_resource)
    }

    /// A body for whoever decides over faults or may have to be asked; empty if nobody does.
    fn shown(&self, body: &Value) -> String {
        if self.faults.is_some() || self.api.asks_outside() {
            body.to_string()
        } else {
            String::new()
        }
    }

    /// Counts a write and asks for faults.
    fn judge(&mut self, method: &str, path: &str, body: &str) -> Verdict {
        let counts = self.recorder.count(self.actor, true);
        let Some(faults) = &mut self.faults else {
            return Verdict::Pass;
        };
        faults.before(&Call {
            actor: self.actor,
            call: counts.calls,
            write: Some(counts.writes),
            method,
            path,
            body: body.as_bytes(),
        })
    }

    /// Runs a write that may have to ask somebody outside, with the time and the randomness of its first attempt.
    /// The outer error is [`ApiError::pending`].
    fn run_asking<T>(
        &mut self,
        key: WriteKey,
        mut attempt: Attempt,
        run: impl FnOnce(&mut Self) -> Result<T, ApiError>,
    ) -> Result<Result<T, ApiError>, ApiError> {
        let mut entropy = attempt.pending.entropy.clone();
        let now = std::mem::replace(&mut self.now, attempt.pending.started);
        std::mem::swap(self.entropy, &mut entropy);
        self.api.begin_asking(&attempt.pending);
        let result = run(self);
        std::mem::swap(self.entropy, &mut entropy);
        self.now = now;
        let questions = self.api.end_asking(&mut attempt.pending);
        if questions.is_empty() {
            return Ok(result);
        }
        self.api.waiting.wait(key, attempt, questions, now);
        Err(ApiError::pending())
    }

    /// Begins a pass over one key: as soon as one of its writes waits for an answer from outside, the others wait too.
    pub(crate) fn begin_pass(&mut self) {
        self.api.waiting.begin_pass();
    }

    /// Ends it. Tells whether the pass has to be repeated when the controller is stepped again.
    pub(crate) fn end_pass(&mut self) -> bool {
        self.api.waiting.end_pass()
    }

    /// Counts a write, asks for faults, runs it, adds it to the trace.
    fn write<T>(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        run: impl FnOnce(&mut Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        if self.api.waiting.is_blocked() {
            return Err(ApiError::pending());
        }
        let key = self
            .api
            .asks_outside()
            .then(|| WriteKey::new(self.actor, method, path, body));
        let attempt = match &key {
            Some(key) => {
                let attempt = self.api.waiting.attempt(key, self.now, self.entropy);
                Some(attempt.ok_or_else(ApiError::pending)?)
            }
            None => None,
        };
        let decided = attempt.as_ref().and_then(|attempt| attempt.verdict.clone());
        let verdict = decided.unwrap_or_else(|| self.judge(method, path, body));
        if let Verdict::Fail(failure) = &verdict {
            return Err(failed(failure));
        }
        let result = match (key, attempt) {
            (Some(key), Some(mut attempt)) => {
                attempt.verdict = Some(verdict.clone());
                self.run_asking(key, attempt, run)?
            }
            _ => run(self),
        };
        let status = result.as_ref().map_or_else(|error| error.code, |_| 200);
        self.recorder.record(
            self.actor,
            method,
            path,
            &[],
            status,
            &self.api.revision().to_be_bytes(),
        );
        match verdict {
            Verdict::CommitThenFail(failure) => Err(failed(&failure)),
            Verdict::Pass | Verdict::Fail(_) => result,
        }
    }
}

/// What a controller without a network sees of a failed call.
fn failed(failure: &Failure) -> ApiError {
    match failure {
        Failure::Status(error) => error.clone(),
        Failure::Reset => ApiError::internal("connection reset by peer"),
        Failure::Silence => ApiError::new(
            504,
            "Timeout",
            "request did not complete within the allotted timeout",
            None,
        ),
    }
}

/// The manager a controller's writes are known by: the program it is part of.
fn manager_of(actor: &str) -> &'static str {
    match actor {
        "kubelet" => "kubelet",
        "default-scheduler" => "kube-scheduler",
        "customresourcedefinitions" | "apiservice-availability" => SERVER,
        _ => "kube-controller-manager",
    }
}

fn writer<'a>(
    actor: &str,
    now: Timestamp,
    entropy: &'a mut Entropy,
    user: Option<&'a User>,
) -> Writer<'a> {
    Writer {
        user,
        manager: Some(manager_of(actor).into()),
        ..Writer::own(now, entropy)
    }
}

/// The path a client would use.
fn path(resource: &Resource, namespace: &str, name: &str, subresource: &str) -> String {
    let mut path = if resource.group.is_empty() {
        "/api/".to_owned()
    } else {
        "/apis/".to_owned()
    };
    path.push_str(&resource.api_version());
    if !namespace.is_empty() {
        path.push_str("/namespaces/");
        path.push_str(namespace);
    }
    for part in [resource.plural.as_ref(), name, subresource] {
        if !part.is_empty() {
            path.push('/');
            path.push_str(part);
        }
    }
    path
}
