//! The workload that a Rollout takes its template from, and takes over.
//!
//! Mirrors upstream's `rollout/templateref.go` and `rollout/scale_utils.go`. Only a Deployment is scaled down, and only
//! during the first revision: `onsuccess` once the Rollout is healthy, `progressively` as its pods become ready.

use serde_json::json;

use super::pass::{Pass, revision_of};
use super::writes;
use crate::api::labels::WORKLOAD_GENERATION;
use crate::api::status::RolloutPhase;

impl Pass<'_> {
    /// `spec.workloadRef.scaleDown`, "" without a reference.
    pub fn scale_down_mode(&self) -> &str {
        self.rollout
            .spec
            .workload_ref
            .as_ref()
            .map_or("", |reference| reference.scale_down.as_str())
    }

    /// Notes the referenced workload's generation on the Rollout, or removes a note that no longer has a reference.
    pub fn sync_workload_generation(&mut self) {
        let live = self
            .observed
            .workload
            .as_ref()
            .map(|workload| workload.metadata.generation.to_string());
        let annotations = &mut self.rollout.metadata.annotations;
        if annotations.get(WORKLOAD_GENERATION) == live.as_ref() {
            return;
        }
        if live.is_none() && self.rollout.spec.workload_ref.is_some() {
            return;
        }
        match &live {
            Some(generation) => {
                annotations.insert(WORKLOAD_GENERATION.to_owned(), generation.clone())
            }
            None => annotations.remove(WORKLOAD_GENERATION),
        };
        let patch = json!({"metadata": {"annotations": {WORKLOAD_GENERATION: live}}});
        self.effects.push(writes::patch_rollout(&self.key(), patch));
    }

    /// `progressively`: the Deployment shrinks as the first ReplicaSet's pods become ready.
    pub fn scale_workload_progressively(&mut self, new: usize, shrinks: bool) {
        let first = self.sets.get(new).and_then(revision_of) == Some(1);
        if !first || self.scale_down_mode() != "progressively" {
            return;
        }
        let ready = self.rollout.status.ready_replicas;
        if self.rollout.status.phase == RolloutPhase::Healthy {
            self.scale_workload(0);
        } else if ready > 0 || shrinks {
            self.scale_workload(self.replicas() - ready);
        }
    }

    /// Scales the Deployment that the Rollout refers to.
    pub fn scale_workload(&mut self, replicas: i32) {
        let Some(workload) = &self.observed.workload else {
            return;
        };
        let kind = self
            .rollout
            .spec
            .workload_ref
            .as_ref()
            .map_or("", |reference| reference.kind.as_str());
        let replicas = replicas.max(0);
        if kind == "Deployment" && workload.replicas != replicas {
            let key = writes::key(&workload.metadata);
            self.effects.push(writes::scale_deployment(
                &key,
                &workload.metadata.resource_version,
                replicas,
            ));
        }
    }
}
