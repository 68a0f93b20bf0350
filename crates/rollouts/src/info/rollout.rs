//! A Rollout with everything below it.

use jiff::Timestamp;
use machinery::meta;
use serde_json::Value;

use super::analysis::{self, AnalysisRunInfo, ExperimentInfo};
use super::images::{self, ImageInfo};
use super::replica_set::{self, ReplicaSetInfo, Tag};
use super::{Surroundings, is_owned};
use crate::api::decode::lenient;
use crate::api::labels;
use crate::api::rollout::Rollout;
use crate::api::status::{PingPongType, RolloutPhase};
use crate::{phase, replicas::steps};

/// `spec.workloadRef` names a Deployment that doesn't exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("deployment.apps \"{0}\" not found")]
pub struct MissingWorkload(pub String);

/// What a canary adds to the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryInfo {
    /// Steps done and steps there are; none without steps.
    pub step: Option<(i32, usize)>,
    /// The weight that the steps ask for.
    pub set_weight: i32,
    /// The weight there is.
    pub actual_weight: i32,
}

/// Numbers of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaCounts {
    /// Asked for.
    pub desired: i32,
    /// There.
    pub current: i32,
    /// Of the newest revision.
    pub updated: i32,
    /// Ready.
    pub ready: i32,
    /// Available.
    pub available: i32,
}

/// A Rollout with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutInfo {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Since when it exists.
    pub created: Option<Timestamp>,
    /// `Healthy`, `Paused`, ….
    pub phase: RolloutPhase,
    /// Why it is so.
    pub message: String,
    /// Set for a canary, not for blue-green.
    pub canary: Option<CanaryInfo>,
    /// Numbers of pods.
    pub replicas: ReplicaCounts,
    /// Its ReplicaSets, the newest revision first.
    pub replica_sets: Vec<ReplicaSetInfo>,
    /// Its Experiments.
    pub experiments: Vec<ExperimentInfo>,
    /// Its AnalysisRuns.
    pub analysis_runs: Vec<AnalysisRunInfo>,
}

impl RolloutInfo {
    /// Reads a Rollout and what belongs to it.
    ///
    /// # Errors
    /// If its pod template is a Deployment's, and that isn't there.
    pub fn new(object: &Value, around: &Surroundings) -> Result<Self, MissingWorkload> {
        let mut rollout: Rollout = lenient(object).object;
        let from_reference = resolve_workload(&mut rollout, around)?;
        let uid = meta::uid(object);
        let mut sets: Vec<_> = around
            .replica_sets
            .iter()
            .filter(|set| is_owned(set, uid))
            .map(|set| ReplicaSetInfo::new(set, &around.pods, tags(&rollout, set)))
            .collect();
        replica_set::sort(&mut sets);
        let mut experiments: Vec<_> = around
            .experiments
            .iter()
            .filter(|experiment| is_owned(experiment, uid))
            .map(|experiment| ExperimentInfo::new(experiment, around))
            .collect();
        experiments.sort_by(|a, b| {
            b.revision
                .cmp(&a.revision)
                .then_with(|| a.row.name.cmp(&b.row.name))
        });
        let (phase, message) = phase::observed(&rollout, from_reference);
        Ok(Self {
            name: meta::name(object).to_owned(),
            namespace: meta::namespace(object).to_owned(),
            created: meta::creation_timestamp(object),
            phase,
            message,
            canary: canary(&rollout, &sets),
            replicas: counts(&rollout),
            replica_sets: sets,
            experiments,
            analysis_runs: analysis::runs_of(uid, &around.analysis_runs),
        })
    }

    /// The images its pods run.
    pub fn images(&self) -> Vec<ImageInfo> {
        images::of_rollout(&self.replica_sets, &self.experiments)
    }

    /// `Canary` or `BlueGreen`.
    pub fn strategy(&self) -> &'static str {
        if self.canary.is_some() {
            "Canary"
        } else {
            "BlueGreen"
        }
    }

    /// The sign of its phase.
    pub fn icon(&self) -> &'static str {
        phase_icon(&self.phase)
    }

    /// Its ReplicaSets of a revision.
    pub fn replica_sets_of(&self, revision: i64) -> impl Iterator<Item = &ReplicaSetInfo> {
        self.replica_sets
            .iter()
            .filter(move |set| set.revision == revision)
    }

    /// The line of `status`: the phase, and why.
    pub fn status_line(&self) -> String {
        let phase = self.phase.as_str();
        if self.message.is_empty() {
            phase.to_owned()
        } else {
            format!("{phase} - {}", self.message)
        }
    }

    /// Whether `status` has nothing more to wait for.
    pub fn is_settled(&self) -> bool {
        ["Healthy", "Degraded"].contains(&self.phase.as_str())
    }

    /// Every revision that something belongs to, the newest first.
    pub fn revisions(&self) -> Vec<i64> {
        let sets = self.replica_sets.iter().map(|set| set.revision);
        let experiments = self
            .experiments
            .iter()
            .map(|experiment| experiment.revision);
        let runs = self.analysis_runs.iter().map(|run| run.revision);
        let mut revisions: Vec<i64> = sets.chain(experiments).chain(runs).collect();
        revisions.sort_unstable_by(|a, b| b.cmp(a));
        revisions.dedup();
        revisions
    }
}

/// Takes the pod template from the referenced Deployment. Tells whether there is a reference.
fn resolve_workload(rollout: &mut Rollout, around: &Surroundings) -> Result<bool, MissingWorkload> {
    let Some(reference) = &rollout.spec.workload_ref else {
        return Ok(false);
    };
    let Some(workload) = &around.workload else {
        return Err(MissingWorkload(reference.name.clone()));
    };
    if let Some(template) = workload.pointer("/spec/template") {
        rollout.spec.template = crate::api::meta::RawJson::new(template);
    }
    Ok(true)
}

fn tags(rollout: &Rollout, set: &Value) -> Vec<Tag> {
    let hash = meta::label(set, labels::POD_TEMPLATE_HASH).unwrap_or_default();
    let status = &rollout.status;
    let is_stable = hash == status.stable_rs;
    let mut tags = Vec::new();
    if is_stable {
        tags.push(Tag::Stable);
    }
    if let Some(canary) = &rollout.spec.strategy.canary {
        let is_canary = !is_stable && hash == status.current_pod_hash;
        if is_canary {
            tags.push(Tag::Canary);
        }
        if canary.ping_pong.is_some() && (is_stable || is_canary) {
            let stable_is_ping = status.canary.stable_ping_pong == PingPongType::Ping;
            tags.push(if is_stable == stable_is_ping {
                Tag::Ping
            } else {
                Tag::Pong
            });
        }
    }
    if rollout.spec.strategy.blue_green.is_some() {
        if hash == status.blue_green.active_selector {
            tags.push(Tag::Active);
        } else if hash == status.blue_green.preview_selector {
            tags.push(Tag::Preview);
        }
    }
    tags
}

fn canary(rollout: &Rollout, sets: &[ReplicaSetInfo]) -> Option<CanaryInfo> {
    let canary = rollout.spec.strategy.canary.as_ref()?;
    let steps = canary.steps().len();
    let step = rollout.status.current_step_index.filter(|_| steps > 0);
    Some(CanaryInfo {
        step: step.map(|index| (index, steps)),
        set_weight: crate::replicas::steps::current_set_weight(rollout),
        actual_weight: actual_weight(rollout, sets),
    })
}

fn actual_weight(rollout: &Rollout, sets: &[ReplicaSetInfo]) -> i32 {
    let all = rollout.max_traffic_weight();
    let available = rollout.status.available_replicas;
    let is_routed = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .is_some_and(|canary| canary.traffic_routing.is_some());
    if steps::current_step(rollout).0.is_none() {
        all
    } else if available <= 0 {
        0
    } else if is_routed {
        let recorded = rollout
            .status
            .canary
            .weights
            .as_ref()
            .map(|weights| weights.canary.weight);
        recorded.unwrap_or_else(|| steps::current_set_weight(rollout))
    } else {
        let canary = sets.iter().find(|set| set.tags.contains(&Tag::Canary));
        canary.map_or(0, |set| (set.available.saturating_mul(all)) / available)
    }
}

fn counts(rollout: &Rollout) -> ReplicaCounts {
    ReplicaCounts {
        desired: rollout.replicas(),
        current: rollout.status.replicas,
        updated: rollout.status.updated_replicas,
        ready: rollout.status.ready_replicas,
        available: rollout.status.available_replicas,
    }
}

fn phase_icon(phase: &RolloutPhase) -> &'static str {
    match phase.as_str() {
        "Progressing" => "◌",
        "Paused" => "॥",
        "Healthy" => "✔",
        "Degraded" => "✖",
        _ => " ",
    }
}
