//! Finding, claiming, creating and annotating ReplicaSets.
//!
//! Mirrors upstream's `utils/replicaset/replicaset.go` (`FindNewReplicaSet`) and `rollout/sync.go`
//! (`createDesiredReplicaSet`, `syncReplicaSetRevision`). The lookup is a superset of upstream's, so that objects made
//! by any release are taken over without a new revision: an unchanged template never yields a new ReplicaSet.

use machinery::hash::{self, CreationTimestamp};
use runtime::{Effect, Event, EventType, Failure, ObjectKey};
use serde_json::{Value, json};

use super::affinity;
use super::pass::{Pass, hash_of, revision_of};
use super::writes::{self, REPLICA_SET};
use crate::api::annotations::is_not_copied;
use crate::api::labels::{
    DESIRED_REPLICAS, EPHEMERAL_METADATA, POD_TEMPLATE_HASH as HASH_LABEL, REVISION,
    REVISION_HISTORY,
};
use crate::api::meta::PodTemplateMetadata;
use crate::api::status::{ConditionStatus, ConditionType, RolloutCondition};
use crate::api::{Rollout, RolloutStatus};
use crate::conditions;
use crate::rollout::metadata::PodMetadata;
use crate::rollout::observe::Observed;
use crate::rollout::status::{conditions::patched, duration};
use crate::rollout::template::{self, DIGEST_ANNOTATION};
use crate::rollout::tree::put;
use crate::views::{ReplicaSetView, Strings};

/// Sorts what was observed into ours, and what has to be adopted or released first.
///
/// Only orphans that match the selector are adopted, and only if a fresh read confirmed that the Rollout still exists.
pub fn claim(observed: &Observed) -> (Vec<ReplicaSetView>, Vec<Effect>) {
    let mut ours = Vec::new();
    let mut effects = Vec::new();
    for set in &observed.replica_sets {
        let matches = observed.selects(&set.metadata.labels);
        match set.metadata.controller_of() {
            Some(owner) if owner.uid != observed.rollout.metadata.uid => {}
            Some(_) if matches => ours.push(set.clone()),
            Some(_) => effects.push(writes::release(set, &observed.rollout.metadata.uid)),
            None if matches && set.metadata.deletion_timestamp.is_none() && observed.may_adopt => {
                effects.push(writes::adopt(set, &owner_reference(observed)));
                ours.push(set.clone());
            }
            None => {}
        }
    }
    ours.sort_by(|a, b| {
        (a.metadata.creation_timestamp, a.name()).cmp(&(b.metadata.creation_timestamp, b.name()))
    });
    (ours, effects)
}

/// The controlling owner reference to our Rollout.
fn owner_reference(observed: &Observed) -> Value {
    json!({
        "apiVersion": crate::api::API_VERSION,
        "kind": "Rollout",
        "name": observed.rollout.metadata.name,
        "uid": observed.rollout.metadata.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The index of the ReplicaSet that the Rollout's template stands for.
pub fn find_new(observed: &Observed, rollout: &Rollout, sets: &[ReplicaSetView]) -> Option<usize> {
    let status = &rollout.status;
    if let Some(known) = takeover(observed, rollout, sets) {
        return Some(known);
    }
    let raw = &observed.facts.raw_digest;
    if let Some(found) = best(status, sets, |set| {
        annotation(set, DIGEST_ANNOTATION) == raw
    }) {
        return Some(found);
    }
    let own = observed.template();
    let desired = template::desired_digest(&own);
    let same = |set: &ReplicaSetView| template::live_digest(set) == desired;
    let hashes = [CreationTimestamp::Omitted, CreationTimestamp::Null]
        .map(|form| hash::pod_template_hash_as(&own, status.collision_count, form));
    let by_label = |set: &ReplicaSetView| {
        let collides = set.metadata.annotations.contains_key(DIGEST_ANNOTATION) && !same(set);
        hashes.iter().any(|hash| hash_of(set) == hash) && !collides
    };
    best(status, sets, by_label).or_else(|| best(status, sets, same))
}

/// Nobody edited the spec since a controller last looked: the recorded ReplicaSet is the new one, whatever its hash.
fn takeover(observed: &Observed, rollout: &Rollout, sets: &[ReplicaSetView]) -> Option<usize> {
    let status = &rollout.status;
    let progressing = conditions::get(status, &ConditionType::Progressing);
    let unchanged = status.observed_generation == observed.rollout.metadata.generation.to_string()
        && conditions::get(status, &ConditionType::InvalidSpec).is_none()
        && progressing.is_none_or(|condition| condition.reason != "ReplicaSetCreateError")
        && observed.workload_unchanged(status);
    if !unchanged || status.current_pod_hash.is_empty() {
        return None;
    }
    let index = sets
        .iter()
        .position(|set| hash_of(set) == status.current_pod_hash)?;
    let revision = revision_of(sets.get(index)?)?;
    let newest = sets.iter().filter_map(revision_of).max()?;
    (revision == newest).then_some(index)
}

/// Of several candidates the recorded one, else the stable one, else the newest.
fn best(
    status: &RolloutStatus,
    sets: &[ReplicaSetView],
    fits: impl Fn(&ReplicaSetView) -> bool,
) -> Option<usize> {
    let rank = |set: &ReplicaSetView| {
        let hash = hash_of(set);
        (
            !hash.is_empty() && hash == status.current_pod_hash,
            !hash.is_empty() && hash == status.stable_rs,
        )
    };
    sets.iter()
        .enumerate()
        .filter(|(_, set)| fits(set))
        .max_by_key(|(index, set)| (rank(set), *index))
        .map(|(i, _)| i)
}

impl Pass<'_> {
    /// Plans the ReplicaSet of a new template, with no replicas yet, and the Rollout's new revision.
    pub fn create_new_set(&mut self) -> RolloutStatus {
        let hash = hash::pod_template_hash(
            &self.observed.template(),
            self.rollout.status.collision_count,
        );
        let revision = self.next_revision(None).to_string();
        let object = self.new_set_object(&hash, &revision);
        let name = format!("{}-{hash}", self.observed.rollout.metadata.name);
        self.effects
            .push(Effect::create(REPLICA_SET, object.clone()));
        let mut planned = ReplicaSetView::from_value(&object);
        // Without it the set would look older than all others, and the update like a rollback.
        planned.metadata.creation_timestamp = Some(self.now_time());
        self.sets.push(planned);
        self.new = Some(self.sets.len() - 1);
        self.set_rollout_revision(&revision);
        self.event(
            conditions::reason::NEW_REPLICA_SET_CREATED,
            format!("Created ReplicaSet {name} (revision {revision})"),
        );
        let mut status = self.rollout.status.clone();
        let message = conditions::message::new_replica_set(&name);
        let condition = self.condition(
            ConditionType::Progressing,
            ConditionStatus::True,
            conditions::reason::NEW_REPLICA_SET_CREATED,
            message,
        );
        conditions::set(&mut status, condition);
        status
    }

    /// The ReplicaSet of the current template as it is created.
    fn new_set_object(&self, hash: &str, revision: &str) -> Value {
        let observed = self.observed;
        let mut annotations = self.copied_annotations();
        annotations.insert(REVISION.to_owned(), revision.to_owned());
        annotations.insert(DESIRED_REPLICAS.to_owned(), self.replicas().to_string());
        annotations.insert(
            DIGEST_ANNOTATION.to_owned(),
            observed.facts.raw_digest.clone(),
        );
        let mut pods = observed.template();
        put(&mut pods, &["metadata", "labels", HASH_LABEL], json!(hash));
        let labels = pods.pointer("/metadata/labels").cloned();
        if let Some(affinity) = affinity::generate(&self.rollout, observed, hash) {
            put(&mut pods, &["spec", "affinity"], affinity);
        }
        if let Some(wanted) = self.metadata_of_new_set() {
            for (key, value) in &wanted.labels {
                put(&mut pods, &["metadata", "labels", key], json!(value));
            }
            for (key, value) in &wanted.annotations {
                put(&mut pods, &["metadata", "annotations", key], json!(value));
            }
            if !wanted.labels.is_empty() || !wanted.annotations.is_empty() {
                annotations.insert(EPHEMERAL_METADATA.to_owned(), wanted.text());
            }
        }
        let mut selector = json!(self.rollout.spec.selector);
        put(&mut selector, &["matchLabels", HASH_LABEL], json!(hash));
        let mut spec = json!({"replicas": 0, "selector": selector, "template": pods});
        if self.rollout.spec.min_ready_seconds != 0 {
            put(
                &mut spec,
                &["minReadySeconds"],
                json!(self.rollout.spec.min_ready_seconds),
            );
        }
        json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", observed.rollout.metadata.name),
                "namespace": observed.rollout.metadata.namespace,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner_reference(observed)],
            },
            "spec": spec,
        })
    }

    fn metadata_of_new_set(&self) -> Option<PodMetadata> {
        let strategy = &self.rollout.spec.strategy;
        let updating = self.stable.is_some();
        let wanted = match (&strategy.canary, &strategy.blue_green) {
            (Some(canary), _) if updating => &canary.canary_metadata,
            (Some(canary), _) => &canary.stable_metadata,
            (None, Some(blue_green)) if updating => &blue_green.preview_metadata,
            (None, Some(blue_green)) => &blue_green.active_metadata,
            (None, None) => return None,
        };
        wanted.as_ref().map(pod_metadata)
    }

    fn copied_annotations(&self) -> Strings {
        let all = &self.rollout.metadata.annotations;
        all.iter()
            .filter(|(key, _)| !is_not_copied(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// One more than the highest revision of all ReplicaSets but `except`.
    fn next_revision(&self, except: Option<usize>) -> i64 {
        let others = self
            .sets
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != except);
        others
            .filter_map(|(_, set)| revision_of(set))
            .max()
            .unwrap_or(0)
            // Anybody may annotate a ReplicaSet with the largest number, after which Go's begin again.
            .wrapping_add(1)
    }

    /// Brings the new ReplicaSet's annotations, readiness time and anti-affinity up to date, and the Rollout's
    /// revision after it. Starts the progress clock if nobody has.
    pub fn sync_new_set(&mut self) {
        let Some(index) = self.new else { return };
        let revision = self.next_revision(Some(index)).to_string();
        let Some(set) = self.sets.get(index) else {
            return;
        };
        let mut annotations = self.annotation_changes(set, &revision);
        let min_ready_seconds = self.rollout.spec.min_ready_seconds;
        let hash = hash_of(set).to_owned();
        let mut patch = json!({});
        if !annotations.is_empty()
            || set.spec.min_ready_seconds != min_ready_seconds
            || affinity::is_stale(&self.rollout, set, &hash)
        {
            if set.spec.min_ready_seconds != min_ready_seconds {
                put(
                    &mut patch,
                    &["spec", "minReadySeconds"],
                    json!(min_ready_seconds),
                );
            }
            if let Some(change) = affinity::change(&self.rollout, self.observed, set, &hash) {
                put(
                    &mut patch,
                    &["spec", "template", "spec", "affinity"],
                    change,
                );
            }
        }
        let digest = &self.observed.facts.raw_digest;
        if annotation(set, DIGEST_ANNOTATION) != digest {
            annotations.insert(DIGEST_ANNOTATION.to_owned(), digest.clone());
        }
        if !annotations.is_empty() {
            put(&mut patch, &["metadata", "annotations"], json!(annotations));
        }
        if patch != json!({}) {
            self.effects.push(writes::patch_replica_set(set, patch));
            if let Some(set) = self.sets.get_mut(index) {
                set.metadata.annotations.extend(annotations);
                set.spec.min_ready_seconds = min_ready_seconds;
            }
        }
        let recorded = self
            .sets
            .get(index)
            .map(|set| annotation(set, REVISION).to_owned())
            .unwrap_or_default();
        self.set_rollout_revision(&recorded);
        self.start_progress_clock();
    }

    fn annotation_changes(&self, set: &ReplicaSetView, revision: &str) -> Strings {
        let live = &set.metadata.annotations;
        let recorded = annotation(set, REVISION);
        let mut changes: Strings = self
            .copied_annotations()
            .into_iter()
            .filter(|(key, value)| live.get(key) != Some(value))
            .collect();
        let old = if recorded.is_empty() {
            Some(0)
        } else {
            recorded.parse::<i64>().ok()
        };
        if old.is_none() {
            changes.clear();
        } else if old < revision.parse().ok() {
            changes.insert(REVISION.to_owned(), revision.to_owned());
        }
        if !changes.is_empty() && live.contains_key(REVISION) {
            let history = annotation(set, REVISION_HISTORY);
            let history = if history.is_empty() {
                recorded.to_owned()
            } else {
                format!("{history},{recorded}")
            };
            changes.insert(REVISION_HISTORY.to_owned(), history);
        }
        changes
    }

    /// Records the revision on the Rollout.
    fn set_rollout_revision(&mut self, revision: &str) {
        if self
            .rollout
            .metadata
            .annotations
            .get(REVISION)
            .map(String::as_str)
            == Some(revision)
        {
            return;
        }
        self.rollout
            .metadata
            .annotations
            .insert(REVISION.to_owned(), revision.to_owned());
        let patch = json!({"metadata": {"annotations": {REVISION: revision}}});
        self.effects.push(writes::patch_rollout(&self.key(), patch));
        self.event(
            "RolloutUpdated",
            format!("Rollout updated to revision {revision}"),
        );
    }

    fn start_progress_clock(&mut self) {
        if conditions::get(&self.rollout.status, &ConditionType::Progressing).is_some() {
            return;
        }
        let Some(set) = self.new_set() else { return };
        let message = conditions::message::found_replica_set(set.name());
        let condition = self.condition(
            ConditionType::Progressing,
            ConditionStatus::True,
            conditions::reason::FOUND_NEW_REPLICA_SET,
            message,
        );
        conditions::set(&mut self.rollout.status, condition);
    }

    /// A condition as of now.
    pub fn condition(
        &self,
        kind: ConditionType,
        status: ConditionStatus,
        reason: &str,
        message: String,
    ) -> RolloutCondition {
        let now = Some(self.now_time());
        RolloutCondition {
            kind,
            status,
            last_update_time: now,
            last_transition_time: now,
            reason: reason.to_owned(),
            message,
        }
    }
}

/// Metadata of the API as the injector takes it.
pub fn pod_metadata(from: &PodTemplateMetadata) -> PodMetadata {
    PodMetadata {
        labels: from.labels.clone(),
        annotations: from.annotations.clone(),
    }
}

/// Whether an object in the way of a create is ours after all: same owner and same template.
pub fn is_ours(observed: &Observed, existing: &Value) -> bool {
    let set = ReplicaSetView::from_value(existing);
    let owned = set
        .metadata
        .controller_of()
        .is_some_and(|owner| owner.uid == observed.rollout.metadata.uid);
    owned
        && (annotation(&set, DIGEST_ANNOTATION) == observed.facts.raw_digest
            || template::live_digest(&set) == template::desired_digest(&observed.template()))
}

/// The status after the new ReplicaSet could not be created: another hash if the name belongs to somebody else, else a
/// condition that tells why. Nothing if it was created after all.
pub fn after_failed_create(
    observed: &Observed,
    name: &str,
    failure: &Failure,
) -> Option<RolloutStatus> {
    let mut status = observed.rollout.status.clone();
    if failure.is_already_exists() {
        let existing = failure.existing.as_ref()?;
        if is_ours(observed, existing) {
            return None;
        }
        status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
        return Some(status);
    }
    let pass = Pass::new(observed, observed.rollout.clone(), Vec::new());
    let reason = conditions::reason::REPLICA_SET_CREATE_ERROR;
    let message = conditions::message::replica_set_create_error(name, &failure.message);
    let condition = pass.condition(
        ConditionType::Progressing,
        ConditionStatus::False,
        reason,
        message,
    );
    conditions::set(&mut status, condition);
    let mut status = patched(&pass, status);
    // Without a ReplicaSet the template looks changed in every pass, as if one update followed the other.
    let stored = &observed.rollout.status.duration;
    if stored.as_ref().is_some_and(duration::is_open) {
        status.duration.clone_from(stored);
    }
    Some(status)
}

/// The Warning about a ReplicaSet that could not be created; none if its name belongs to somebody else, which another hash
/// helps against.
pub fn create_error_event(observed: &Observed, name: &str, failure: &Failure) -> Option<Event> {
    (!failure.is_already_exists()).then(|| Event {
        regarding: observed.reference(),
        kind: EventType::Warning,
        reason: conditions::reason::REPLICA_SET_CREATE_ERROR.to_owned(),
        message: conditions::message::replica_set_create_error(name, &failure.message),
    })
}

/// Key of the ReplicaSet that a create effect names.
pub fn created_key(effect: &Effect) -> Option<ObjectKey> {
    match effect {
        Effect::Create {
            resource, object, ..
        } if *resource == REPLICA_SET => Some(ObjectKey::of(object)),
        Effect::Create { .. }
        | Effect::Update { .. }
        | Effect::Packed { .. }
        | Effect::Patch { .. }
        | Effect::Delete { .. }
        | Effect::Evict { .. }
        | Effect::Event { .. } => None,
    }
}

/// Value of an annotation, or "".
fn annotation<'a>(set: &'a ReplicaSetView, key: &str) -> &'a str {
    set.metadata.annotations.get(key).map_or("", String::as_str)
}
