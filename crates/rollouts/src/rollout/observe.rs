//! Reading the world: the Rollout, what it owns and what it refers to. Caches first; no writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use machinery::labels::{Selector, format_label_selector};
use runtime::{
    Cache, Error, Index, Meta, ObjectKey, ObjectReference, Projection, Reader, ResourceRef,
};
use serde_json::{Value, json};

use super::decide::writes::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, ROLLOUT};
use super::facts::{Facts, Memory};
use crate::api::decode::lenient;
use crate::api::meta::{LabelSelector, RawJson};
use crate::api::rollout::ObjectRef;
use crate::api::{API_VERSION, Rollout, RolloutStatus};
use crate::views::{Cached, Packed, PodView, ReplicaSetView, ServiceView, Strings, WorkloadView};

/// Everything a decision may look at.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The Rollout. Template and selector are those of the referenced workload if there is one.
    pub rollout: Rollout,
    /// Whether the stored Rollout has malformed parts, which were left out here.
    pub malformed: bool,
    /// What follows from its spec alone.
    pub facts: Arc<Facts>,
    /// The referenced workload.
    pub workload: Option<WorkloadView>,
    /// Why the workload reference leads nowhere.
    pub workload_error: Option<String>,
    /// ReplicaSets that are ours or orphans that match.
    pub replica_sets: Vec<ReplicaSetView>,
    /// Whether a fresh read confirmed that the Rollout lives, so that orphans may be adopted.
    pub may_adopt: bool,
    /// The Services that the strategy names, as far as they exist.
    pub services: BTreeMap<String, ServiceView>,
    /// Pods of the namespace that our ReplicaSets may own; empty unless something asks for them.
    pub pods: Vec<PodView>,
    /// Since when counts have been waiting to be written, as the last pass said.
    pub unwritten_since: Option<Timestamp>,
    /// The time of this pass.
    pub now: Timestamp,
    /// How often every Rollout is looked at without a reason.
    pub resync: Duration,
    matcher: Selector,
}

impl Observed {
    /// What follows from the Rollout and the referenced workload alone; everything else is filled in afterwards.
    pub fn new(rollout: Rollout, workload: Option<WorkloadView>, now: Timestamp) -> Self {
        Self::remembering(&Memory::default(), rollout, workload, now)
    }

    /// The same, with facts that were computed before.
    pub fn remembering(
        memory: &Memory,
        mut rollout: Rollout,
        workload: Option<WorkloadView>,
        now: Timestamp,
    ) -> Self {
        let mut version = None;
        if let Some(workload) = &workload {
            version = Some(workload.state());
            if let Some(template) = &workload.template {
                rollout.spec.template = RawJson::new(template);
            }
            if rollout.spec.selector.is_none() {
                let resolved = workload.selector.as_ref();
                rollout.spec.selector = resolved.map(|s| lenient::<LabelSelector>(s).object);
            }
        }
        let selector = json!(rollout.spec.selector);
        Self {
            malformed: false,
            facts: memory.recall(&rollout, version),
            matcher: Selector::from_label_selector(&selector)
                .unwrap_or_else(|_| Selector::nothing()),
            workload,
            workload_error: None,
            replica_sets: Vec::new(),
            may_adopt: false,
            services: BTreeMap::new(),
            pods: Vec::new(),
            unwritten_since: None,
            now,
            resync: Duration::from_mins(15),
            rollout,
        }
    }

    /// The pod template, parsed anew on each call.
    pub fn template(&self) -> Value {
        self.rollout.spec.template.value()
    }

    /// Whether the Rollout's selector matches these labels. An empty one matches nothing: it would match everything.
    pub fn selects(&self, labels: &Strings) -> bool {
        !self.matcher.is_empty() && self.matcher.matches(labels)
    }

    /// Reference to the Rollout, for events.
    pub fn reference(&self) -> ObjectReference {
        let metadata = &self.rollout.metadata;
        ObjectReference {
            api_version: API_VERSION.to_owned(),
            kind: "Rollout".to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        }
    }

    /// Whether the referenced workload is as it was when the status was written; true without a reference.
    pub fn workload_unchanged(&self, status: &RolloutStatus) -> bool {
        let live = self
            .workload
            .as_ref()
            .map(|workload| workload.metadata.generation.to_string());
        live.unwrap_or_default() == status.workload_observed_generation
    }

    /// The selector of a ReplicaSet as text.
    pub fn selector_text_of(&self, set: &ReplicaSetView) -> String {
        format_label_selector(&json!(set.spec.selector))
    }
}

/// Names of the Services that a Rollout's strategy uses.
pub fn service_names(rollout: &Rollout) -> Vec<&str> {
    let strategy = &rollout.spec.strategy;
    let mut names = Vec::new();
    if let Some(blue_green) = strategy.blue_green.as_deref() {
        names.extend([
            blue_green.active_service.as_str(),
            blue_green.preview_service.as_str(),
        ]);
    } else if let Some(canary) = strategy.canary.as_deref() {
        names.extend([
            canary.stable_service.as_str(),
            canary.canary_service.as_str(),
        ]);
        if let Some(pair) = &canary.ping_pong {
            names.extend([pair.ping_service.as_str(), pair.pong_service.as_str()]);
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Whether a pass reads pods: a restart is asked for, or a role has metadata.
pub fn needs_pods(rollout: &Rollout) -> bool {
    let strategy = &rollout.spec.strategy;
    let canary = strategy.canary.as_deref();
    let blue_green = strategy.blue_green.as_deref();
    let restart =
        rollout.spec.restart_at.is_some() && rollout.spec.restart_at != rollout.status.restarted_at;
    restart
        || canary.is_some_and(|c| c.canary_metadata.is_some() || c.stable_metadata.is_some())
        || blue_green.is_some_and(|b| b.preview_metadata.is_some() || b.active_metadata.is_some())
}

/// The caches that the Rollout controller reads.
pub struct Caches {
    /// Rollouts.
    pub rollouts: Cache<Packed<Rollout>>,
    /// ReplicaSets with the hash label, as [`finding`] says.
    pub replica_sets: Index<Packed<ReplicaSetView>>,
    /// Services.
    pub services: Cache<Cached<ServiceView>>,
    /// Pods with the hash label, by the UID of their controller.
    pub pods: Index<Cached<PodView>>,
    /// Metadata of Deployments.
    pub deployments: Cache<Meta>,
    /// Metadata of `PodTemplates`.
    pub pod_templates: Cache<Meta>,
    /// Metadata of all ReplicaSets, filled once a Rollout takes its template from one.
    pub workload_sets: Cache<Meta>,
    /// Referenced workloads, read once for each state of them.
    pub workloads: Workloads,
    /// What follows from each spec.
    pub facts: Memory,
    /// Whose counts wait to be written.
    pub unwritten: Unwritten,
    /// How often every Rollout is looked at without a reason.
    pub resync: Duration,
}

/// The referenced workloads as last read. They are few; the caches hold only metadata of their kinds.
#[derive(Default)]
pub struct Workloads {
    read: Mutex<BTreeMap<(String, ObjectKey), (u64, WorkloadView)>>,
}

/// Since when the counts of a Rollout have been waiting to be written. Nothing is lost with it but the wait.
#[derive(Default)]
pub struct Unwritten {
    since: Mutex<BTreeMap<ObjectKey, Timestamp>>,
}

impl Unwritten {
    fn since(&self, key: &ObjectKey) -> Option<Timestamp> {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(key).copied()
    }

    /// What a pass decided; `None` if nothing waits.
    pub fn remember(&self, key: &ObjectKey, waits: Option<Timestamp>) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match waits {
            Some(time) => {
                since.insert(key.clone(), time);
            }
            None => {
                since.remove(key);
            }
        }
    }
}

/// Reads everything that a decision about one Rollout may look at; `None` if it is gone.
pub async fn observe(
    key: &ObjectKey,
    reader: &Reader,
    caches: &Caches,
) -> Result<Option<Observed>, Error> {
    let Some(found) = caches.rollouts.get(key) else {
        caches.facts.forget(key);
        caches.unwritten.remember(key, None);
        return Ok(None);
    };
    let rollout = found.view();
    let (workload, workload_error) = match &rollout.spec.workload_ref {
        Some(reference) => resolve(&rollout, reference, reader, caches).await?,
        None => (None, None),
    };
    let mut observed = Observed::remembering(&caches.facts, rollout, workload, reader.now());
    observed.malformed = found.is_malformed();
    observed.workload_error = workload_error;
    observed.resync = caches.resync;
    observed.unwritten_since = caches.unwritten.since(key);
    let uid = observed.rollout.metadata.uid.clone();
    let sets = replica_sets_of(&observed, caches);
    if sets
        .iter()
        .any(|set| set.metadata.controller_of().is_none())
    {
        let fresh = reader.get(&ROLLOUT, key).await?;
        observed.may_adopt = fresh.is_some_and(|fresh| {
            let text = |pointer: &str| fresh.pointer(pointer).and_then(Value::as_str);
            text("/metadata/uid") == Some(&uid) && text("/metadata/deletionTimestamp").is_none()
        });
    }
    if needs_pods(&observed.rollout) {
        caches.pods.filled().await;
        let pods = sets
            .iter()
            .flat_map(|set| caches.pods.get(&set.metadata.uid));
        observed.pods = pods.map(|pod| pod.view.clone()).collect();
    }
    observed.replica_sets = sets;
    for name in service_names(&observed.rollout) {
        let found = caches
            .services
            .get(&ObjectKey::new(key.namespace.clone(), name));
        observed
            .services
            .extend(found.map(|service| (name.to_owned(), service.view.clone())));
    }
    Ok(Some(observed))
}

/// What a ReplicaSet is found by: the UID of its controller, or its namespace if it has none.
pub fn finding(set: &Packed<ReplicaSetView>) -> Vec<String> {
    let meta = set.meta();
    vec![match meta.controller() {
        Some(owner) => owner.uid.to_string(),
        None => orphans_of(&meta.key.namespace),
    }]
}

fn orphans_of(namespace: &str) -> String {
    format!("orphans/{namespace}")
}

/// The ReplicaSets that are the Rollout's, and orphans that match, by name.
fn replica_sets_of(observed: &Observed, caches: &Caches) -> Vec<ReplicaSetView> {
    let metadata = &observed.rollout.metadata;
    let owned = caches.replica_sets.get(&metadata.uid);
    let orphans = caches.replica_sets.get(&orphans_of(&metadata.namespace));
    let mut sets: Vec<ReplicaSetView> = owned.iter().map(|set| set.view()).collect();
    let matching = orphans
        .iter()
        .map(|set| set.view())
        .filter(|set| observed.selects(&set.metadata.labels));
    sets.extend(matching);
    sets.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    sets
}

/// The workload that a Rollout refers to, or why there is none.
async fn resolve(
    rollout: &Rollout,
    reference: &ObjectRef,
    reader: &Reader,
    caches: &Caches,
) -> Result<(Option<WorkloadView>, Option<String>), Error> {
    let problem = |text: String| Ok((None, Some(text)));
    if !rollout.spec.template.is_empty() {
        return problem("template must be empty for workload reference rollout".to_owned());
    }
    let group = reference
        .api_version
        .split_once('/')
        .map_or("", |(group, _)| group);
    let resource = match (group, reference.kind.as_str()) {
        ("apps", "Deployment") => DEPLOYMENT,
        ("apps", "ReplicaSet") => REPLICA_SET,
        ("", "PodTemplate") => POD_TEMPLATE,
        (group, kind) => {
            return problem(format!("workload of type {group}/{kind} is not supported"));
        }
    };
    let key = ObjectKey::new(rollout.metadata.namespace.clone(), reference.name.clone());
    let view = caches
        .workloads
        .get(&resource, &key, reader, caches)
        .await?;
    match view {
        Some(view) => Ok((Some(view), None)),
        None => problem(format!(
            "{} \"{}\" not found",
            qualified(&resource),
            reference.name
        )),
    }
}

/// A resource as the API server's not-found texts name it.
fn qualified(resource: &ResourceRef) -> String {
    if resource.group.is_empty() {
        resource.plural.to_string()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

impl Workloads {
    /// Takes in a workload that isn't stored yet, and the metadata that stands for it in its cache.
    pub fn learn(&self, cache: &Cache<Meta>, object: &Value) -> Result<(), Error> {
        cache.put(object)?;
        let key = ObjectKey::of(object);
        if let (Some(meta), Some(view)) = (cache.get(&key), WorkloadView::from_object(object)) {
            self.remember(cache.resource(), key, state_of(&meta), view);
        }
        Ok(())
    }

    fn remember(&self, resource: &ResourceRef, key: ObjectKey, state: u64, view: WorkloadView) {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((resource.kind.to_string(), key), (state, view));
    }

    /// A workload: as last read if the cached metadata says that it has not changed since.
    async fn get(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
        reader: &Reader,
        caches: &Caches,
    ) -> Result<Option<WorkloadView>, Error> {
        let metadata = match resource.kind.as_ref() {
            "Deployment" => caches.deployments.get(key),
            "PodTemplate" => caches.pod_templates.get(key),
            "ReplicaSet" => {
                caches.workload_sets.filled().await;
                caches.workload_sets.get(key)
            }
            _ => None,
        };
        if let Some(meta) = &metadata {
            let name = (resource.kind.to_string(), key.clone());
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, view)) = read
                .get(&name)
                .filter(|(known, _)| *known == state_of(meta))
            {
                let mut view = view.clone();
                // The status may have changed since, and writes insist on the version.
                view.metadata.resource_version = meta.version.to_string();
                return Ok(Some(view));
            }
        }
        let Some(object) = reader.get(resource, key).await? else {
            return Ok(None);
        };
        let Some(view) = WorkloadView::from_object(&object) else {
            return Ok(None);
        };
        if let Some(meta) = &metadata {
            self.remember(resource, key.clone(), state_of(meta), view.clone());
        }
        Ok(Some(view))
    }
}

/// What tells one state of a workload's spec from another: its generation, or its version where it has none, as a
/// PodTemplate.
fn state_of(meta: &Meta) -> u64 {
    u64::try_from(meta.generation)
        .ok()
        .filter(|generation| *generation > 0)
        .unwrap_or(meta.version)
}
