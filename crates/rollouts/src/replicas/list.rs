//! Finding and counting among the ReplicaSets of a Rollout (upstream `utils/replicaset/{replicaset,bluegreen}.go`).

use std::cmp::Ordering;

use crate::api::Rollout;
use crate::api::annotations;
use crate::api::status::TrafficWeights;

use super::canary::{counts_basic, counts_routed};
use super::view::ReplicaSetView;

/// Sum of the pods the sets are told to have.
pub fn sum_spec(sets: &[&ReplicaSetView]) -> i32 {
    sum(sets, ReplicaSetView::spec_replicas)
}

/// Sum of available pods.
pub fn sum_available(sets: &[&ReplicaSetView]) -> i32 {
    sum(sets, ReplicaSetView::available)
}

/// Sum of existing pods.
pub fn sum_actual(sets: &[&ReplicaSetView]) -> i32 {
    sum(sets, |set| set.status.replicas)
}

/// Sum of ready pods.
pub fn sum_ready(sets: &[&ReplicaSetView]) -> i32 {
    sum(sets, |set| set.status.ready_replicas)
}

fn sum(sets: &[&ReplicaSetView], of: impl Fn(&ReplicaSetView) -> i32) -> i32 {
    sets.iter()
        .fold(0, |total, set| total.wrapping_add(of(set)))
}

/// The first set with this pod template hash.
pub fn with_hash<'a>(sets: &[&'a ReplicaSetView], hash: &str) -> Option<&'a ReplicaSetView> {
    sets.iter()
        .copied()
        .find(|set| set.pod_template_hash() == hash)
}

/// Splits off the last set with this hash. Sets without the label belong to neither side; an empty hash finds nothing and
/// leaves all.
pub fn split_by_hash<'a>(
    sets: &[&'a ReplicaSetView],
    hash: &str,
) -> (Option<&'a ReplicaSetView>, Vec<&'a ReplicaSetView>) {
    if hash.is_empty() {
        return (None, sets.to_vec());
    }
    let label = crate::api::labels::POD_TEMPLATE_HASH;
    let labelled = sets
        .iter()
        .copied()
        .filter(|set| set.metadata.labels.contains_key(label));
    let (found, others): (Vec<_>, Vec<_>) =
        labelled.partition(|set| set.pod_template_hash() == hash);
    (found.last().copied(), others)
}

/// The stable set: the new one if it has the stable hash, else the first that has.
pub fn stable<'a>(
    rollout: &Rollout,
    new: Option<&'a ReplicaSetView>,
    sets: &[&'a ReplicaSetView],
) -> Option<&'a ReplicaSetView> {
    let hash = &rollout.status.stable_rs;
    if hash.is_empty() {
        return None;
    }
    new.filter(|new| new.pod_template_hash() == hash)
        .or_else(|| with_hash(sets, hash))
}

/// All sets but the new and the stable one, told apart by name.
pub fn others<'a>(
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
    sets: &[&'a ReplicaSetView],
) -> Vec<&'a ReplicaSetView> {
    let is = |set: &ReplicaSetView, other: Option<&ReplicaSetView>| {
        other.is_some_and(|other| other.name() == set.name())
    };
    sets.iter()
        .copied()
        .filter(|set| !is(set, new) && !is(set, stable))
        .collect()
}

/// All sets but the new one, told apart by UID.
pub fn older<'a>(
    new: Option<&ReplicaSetView>,
    sets: &[&'a ReplicaSetView],
) -> Vec<&'a ReplicaSetView> {
    let is_new = |set: &ReplicaSetView| new.is_some_and(|new| new.metadata.uid == set.metadata.uid);
    sets.iter().copied().filter(|set| !is_new(set)).collect()
}

/// The highest revision; sets with unreadable ones are skipped.
pub fn max_revision(sets: &[&ReplicaSetView]) -> i64 {
    sets.iter()
        .filter_map(|set| annotations::revision(&set.metadata))
        .fold(0, i64::max)
}

/// Oldest first, by name at equal times.
pub fn by_creation(a: &ReplicaSetView, b: &ReplicaSetView) -> Ordering {
    let key = |set: &ReplicaSetView| {
        set.metadata
            .creation_timestamp
            .map(crate::api::Time::seconds)
    };
    key(a).cmp(&key(b)).then_with(|| a.name().cmp(b.name()))
}

/// The only set that has pods or should; with none the new one, else the newest. `None` if there are several.
pub fn active_or_latest<'a>(
    new: Option<&'a ReplicaSetView>,
    older: &[&'a ReplicaSetView],
) -> Option<&'a ReplicaSetView> {
    let mut sorted = older.to_vec();
    sorted.sort_by(|a, b| by_creation(b, a));
    let latest = new.or_else(|| sorted.first().copied());
    let mut active = sorted
        .into_iter()
        .chain(new)
        .filter(|set| set.spec_replicas() > 0);
    match (active.next(), active.next()) {
        (None, _) => latest,
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
    }
}

/// The size the new set should have (upstream `NewRSNewReplicas`); `None` without a strategy.
pub fn new_replicas(
    rollout: &Rollout,
    sets: &[&ReplicaSetView],
    new: &ReplicaSetView,
    weights: Option<&TrafficWeights>,
) -> Option<i32> {
    if rollout.spec.strategy.blue_green.is_some() {
        return Some(new_replicas_blue_green(rollout, sets, new));
    }
    let canary = rollout.spec.strategy.canary.as_ref()?;
    let stable = stable(rollout, Some(new), sets);
    let counts = if canary.traffic_routing.is_some() {
        counts_routed(rollout, Some(new), stable, weights)
    } else {
        counts_basic(rollout, Some(new), stable, &others(Some(new), stable, sets))
    };
    Some(counts.new)
}

/// Full size, or `previewReplicaCount` until the switch is near.
fn new_replicas_blue_green(
    rollout: &Rollout,
    sets: &[&ReplicaSetView],
    new: &ReplicaSetView,
) -> i32 {
    let status = &rollout.status;
    let preview = rollout
        .spec
        .strategy
        .blue_green
        .as_ref()
        .and_then(|blue_green| blue_green.preview_replica_count);
    let Some(preview) = preview else {
        return rollout.replicas();
    };
    let active = split_by_hash(sets, &status.blue_green.active_selector).0;
    if active.is_none_or(|active| active.name() == new.name()) || status.promote_full {
        return rollout.replicas();
    }
    let recorded = new.pod_template_hash() == status.current_pod_hash;
    let paused = rollout.spec.paused || !status.pause_conditions.is_empty();
    if recorded && !paused && status.blue_green.scale_up_preview_check_point {
        rollout.replicas()
    } else {
        preview
    }
}

/// Whether the new set has its size and all of it is available.
pub fn ready_for_pause(rollout: &Rollout, new: &ReplicaSetView, sets: &[&ReplicaSetView]) -> bool {
    new_replicas(rollout, sets, new, None)
        .is_some_and(|count| new.spec_replicas() == count && new.available() == count)
}

/// Whether a set has all pods of the Rollout, knows it, and all are available (upstream `annotations.IsSaturated`).
pub fn is_saturated(rollout: &Rollout, set: Option<&ReplicaSetView>) -> bool {
    let Some(set) = set else { return false };
    let replicas = rollout.replicas();
    annotations::desired_replicas(&set.metadata) == Some(replicas)
        && set.spec_replicas() == replicas
        && set.available() == replicas
}
