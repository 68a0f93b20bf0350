//! Labels and annotations that ReplicaSets and their pods carry for their role in the update.
//!
//! Mirrors upstream's `rollout/ephemeralmetadata.go`: the ReplicaSet first, so that pods made in between are right, then
//! its live pods, always, so that a crash between the two is healed.

use std::mem;

use runtime::{Effect, IfMissing, Patch};
use serde_json::{Value, json};

use super::pass::Pass;
use super::replica_sets::pod_metadata;
use super::writes;
use crate::api::labels::EPHEMERAL_METADATA;
use crate::rollout::metadata::{self, PodMetadata};
use crate::views::{ReplicaSetView, strings};

impl Pass<'_> {
    /// Gives each ReplicaSet and its pods the metadata of its role. Nothing happens unless a role has metadata.
    pub fn reconcile_metadata(&mut self) {
        let strategy = &self.rollout.spec.strategy;
        let (updating, settled) = match (strategy.canary.as_deref(), strategy.blue_green.as_deref())
        {
            (Some(canary), _) => (&canary.canary_metadata, &canary.stable_metadata),
            (None, Some(blue_green)) => (&blue_green.preview_metadata, &blue_green.active_metadata),
            (None, None) => return,
        };
        if updating.is_none() && settled.is_none() {
            return;
        }
        let (updating, settled) = (
            updating.as_ref().map(pod_metadata),
            settled.as_ref().map(pod_metadata),
        );
        let stable_hash = &self.rollout.status.stable_rs;
        let promoted = stable_hash.is_empty() || stable_hash == self.new_hash();
        let mut wanted: Vec<(Option<usize>, Option<PodMetadata>)> = Vec::new();
        if promoted {
            wanted.push((self.new, settled));
        } else {
            wanted.push((self.new, updating));
            wanted.push((self.stable, settled));
        }
        wanted.extend(self.others().into_iter().map(|index| (Some(index), None)));
        for (index, desired) in wanted {
            if let Some(index) = index {
                self.inject(index, desired.as_ref());
            }
        }
    }

    fn inject(&mut self, index: usize, desired: Option<&PodMetadata>) {
        let Some(set) = self.sets.get_mut(index) else {
            return;
        };
        let injected = set
            .metadata
            .annotations
            .get(EPHEMERAL_METADATA)
            .and_then(|text| metadata::parse(text));
        let template = set.spec.template.value();
        let (labels, annotations) = (
            strings(template.pointer("/metadata/labels")),
            strings(template.pointer("/metadata/annotations")),
        );
        let changes = metadata::changes(&labels, &annotations, injected.as_ref(), desired);
        if !changes.is_empty() {
            let note = desired.map(PodMetadata::text);
            let patch = json!({
                "metadata": {"annotations": {EPHEMERAL_METADATA: note}},
                "spec": {"template": {"metadata": changes.as_patch()}},
            });
            let effect = writes::patch_replica_set(set, patch);
            match note {
                Some(note) => set
                    .metadata
                    .annotations
                    .insert(EPHEMERAL_METADATA.to_owned(), note),
                None => set.metadata.annotations.remove(EPHEMERAL_METADATA),
            };
            self.effects.push(effect);
        }
        if self
            .sets
            .get(index)
            .is_some_and(|set| set.spec_replicas() > 0)
        {
            self.inject_pods(index, injected.as_ref(), desired);
        }
    }

    fn inject_pods(
        &mut self,
        index: usize,
        injected: Option<&PodMetadata>,
        desired: Option<&PodMetadata>,
    ) {
        let uid = self
            .sets
            .get(index)
            .map(|set: &ReplicaSetView| set.metadata.uid.clone())
            .unwrap_or_default();
        let mut effects = mem::take(&mut self.effects);
        let controlled = self.observed.pods.iter().filter(|pod| {
            pod.metadata
                .controller_of()
                .is_some_and(|owner| owner.uid == uid)
        });
        for pod in controlled {
            let changes = metadata::changes(
                &pod.metadata.labels,
                &pod.metadata.annotations,
                injected,
                desired,
            );
            if !changes.is_empty() {
                let body: Value = json!({"metadata": changes.as_patch()});
                effects.push(Effect::Patch {
                    resource: runtime::resource::POD,
                    key: writes::key(&pod.metadata),
                    subresource: None,
                    patch: Patch::Merge(body),
                    if_missing: IfMissing::Skip,
                });
            }
        }
        self.effects = effects;
    }
}
