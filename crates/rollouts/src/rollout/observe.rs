//! Reading the world: the Rollout, what it owns and what it refers to. Caches first; no writes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use machinery::hash;
use machinery::labels::{Selector, format_label_selector};
use runtime::ObjectReference;
use serde_json::{Value, json};

use super::template;
use crate::api::{API_VERSION, Rollout, RolloutStatus};
use crate::views::{PodView, ReplicaSetView, ServiceView, Strings, WorkloadView};

/// Everything a decision may look at.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The Rollout.
    pub rollout: Rollout,
    /// Its pod template, taken from the referenced workload if there is one.
    pub template: Value,
    /// Its label selector, likewise.
    pub selector: Value,
    /// The selector as text.
    pub selector_text: String,
    /// Digest of the template as it stands.
    pub raw_digest: String,
    /// Hash of the canary steps; "" for blue-green.
    pub step_hash: String,
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
    /// The time of this pass.
    pub now: Timestamp,
    /// How often every Rollout is looked at without a reason.
    pub resync: Duration,
    matcher: Selector,
}

impl Observed {
    /// What follows from the Rollout and the referenced workload alone; everything else is filled in afterwards.
    pub fn new(rollout: Rollout, workload: Option<WorkloadView>, now: Timestamp) -> Self {
        let own = rollout.spec.template.value();
        let resolved = workload
            .as_ref()
            .and_then(|workload| workload.template.clone());
        let template = resolved.unwrap_or(own);
        let selector = match &rollout.spec.selector {
            Some(selector) => json!(selector),
            None => workload
                .as_ref()
                .and_then(|workload| workload.selector.clone())
                .unwrap_or_default(),
        };
        let canary = rollout.spec.strategy.canary.as_deref();
        let steps = canary
            .and_then(|canary| canary.steps.as_ref())
            .map(|steps| json!(steps));
        let step_hash = match (&rollout.spec.strategy.blue_green, canary) {
            (None, Some(_)) => hash::step_hash(steps.as_ref()),
            (Some(_), _) | (None, None) => String::new(),
        };
        Self {
            selector_text: format_label_selector(&selector),
            matcher: Selector::from_label_selector(&selector)
                .unwrap_or_else(|_| Selector::nothing()),
            raw_digest: template::raw_digest(&template),
            template,
            selector,
            step_hash,
            workload,
            workload_error: None,
            replica_sets: Vec::new(),
            may_adopt: false,
            services: BTreeMap::new(),
            pods: Vec::new(),
            now,
            resync: Duration::from_mins(15),
            rollout,
        }
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
