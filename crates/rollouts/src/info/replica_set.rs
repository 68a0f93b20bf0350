//! A ReplicaSet in the tree.

use jiff::Timestamp;
use machinery::{human, meta};
use serde_json::Value;

use super::pod::PodInfo;
use super::{Row, is_owned, revision};
use crate::api::labels;
use crate::replicas::view::ReplicaSetView;

/// What a ReplicaSet is to its Rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// Runs what was last promoted.
    Stable,
    /// Runs what is being tried.
    Canary,
    /// Behind the active Service.
    Active,
    /// Behind the preview Service.
    Preview,
    /// Behind the ping Service.
    Ping,
    /// Behind the pong Service.
    Pong,
}

impl Tag {
    /// The word in the INFO column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Preview => "preview",
            Self::Ping => "ping",
            Self::Pong => "pong",
        }
    }
}

/// A ReplicaSet of a Rollout or an Experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSetInfo {
    /// Name, age, status and icon.
    pub row: Row,
    /// Revision, 0 if it has none.
    pub revision: i64,
    /// What it is to its Rollout, in the order of the INFO column.
    pub tags: Vec<Tag>,
    /// Name of the Experiment's template it was made from, if any.
    pub template: String,
    /// Pods it has.
    pub replicas: i32,
    /// Pods available.
    pub available: i32,
    /// When it is to be scaled down, as written.
    pub scale_down_deadline: String,
    /// Images of its containers.
    pub images: Vec<String>,
    /// Images of its init containers.
    pub init_container_images: Vec<String>,
    /// Its pods, the oldest first.
    pub pods: Vec<PodInfo>,
}

impl ReplicaSetInfo {
    /// Reads a ReplicaSet and those of `pods` that it owns.
    pub fn new(set: &Value, pods: &[Value], tags: Vec<Tag>) -> Self {
        let view = ReplicaSetView::from_value(set);
        let (status, icon) = status(set, &view);
        let mut owned: Vec<PodInfo> = pods
            .iter()
            .filter(|pod| is_owned(pod, meta::uid(set)))
            .map(PodInfo::new)
            .collect();
        owned.sort_by(|a, b| (a.row.created, &a.row.name).cmp(&(b.row.created, &b.row.name)));
        let note = |key| meta::annotation(set, key).unwrap_or_default().to_owned();
        Self {
            row: Row {
                name: meta::name(set).to_owned(),
                created: meta::creation_timestamp(set),
                status: status.to_owned(),
                icon,
            },
            revision: revision(set),
            tags,
            template: note(labels::EXPERIMENT_TEMPLATE_NAME),
            replicas: view.status.replicas,
            available: view.status.available_replicas,
            scale_down_deadline: note(labels::SCALE_DOWN_DEADLINE),
            images: images(set, "/spec/template/spec/containers"),
            init_container_images: images(set, "/spec/template/spec/initContainers"),
            pods: owned,
        }
    }

    /// How long until it is scaled down: `29s`, `passed`; nothing without a deadline.
    pub fn delay(&self, now: Timestamp) -> Option<String> {
        let deadline: Timestamp = self.scale_down_deadline.parse().ok()?;
        let left = deadline.duration_since(now);
        Some(if left.is_negative() {
            "passed".to_owned()
        } else {
            human::duration(left.as_secs())
        })
    }
}

fn status(set: &Value, view: &ReplicaSetView) -> (&'static str, &'static str) {
    let failed = |c: &crate::replicas::view::ReplicaSetCondition| {
        c.kind == "ReplicaFailure" && c.status == crate::api::status::ConditionStatus::True
    };
    let wanted = view.spec.replicas.unwrap_or(1);
    if view.status.conditions.iter().any(failed) {
        ("ReplicaFailure", "✖")
    } else if view.status.available_replicas < wanted
        || view.status.observed_generation < meta::generation(set)
    {
        ("Progressing", "◌")
    } else if wanted == 0 {
        ("ScaledDown", "•")
    } else {
        ("Healthy", "✔")
    }
}

/// The images of a list of containers.
pub(super) fn images(object: &Value, pointer: &str) -> Vec<String> {
    let containers = object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    containers
        .iter()
        .filter_map(|container| container.get("image").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// Revisions descending, then names.
pub(super) fn sort(sets: &mut [ReplicaSetInfo]) {
    sets.sort_by(|a, b| {
        b.revision
            .cmp(&a.revision)
            .then_with(|| a.row.name.cmp(&b.row.name))
    });
}
