//! Sizes of the new and the stable set during a canary, with and without traffic routing
//! (upstream `utils/replicaset/canary.go`; the pseudo-code of the arithmetic is in the specification, 2.7 and 2.8).

use crate::api::Rollout;
use crate::api::status::TrafficWeights;
use crate::api::strategy::{ProgressType, ReplicaProgressThreshold};

use super::limits::{max_surge, max_unavailable};
use super::list::{sum_available, sum_spec};
use super::steps::{CanarySize, canary_size};
use super::view::ReplicaSetView;

/// Sizes of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Pods of the new set.
    pub new: i32,
    /// Pods of the stable set.
    pub stable: i32,
}

/// `a / b` rounded down, as a 32-bit number that wraps; 0 without a divisor. Equal to upstream's way through floats, which is
/// exact for such numbers.
pub(crate) fn divide_down(a: i64, b: i32) -> i32 {
    let (a, b) = if b < 0 {
        (-a, -i64::from(b))
    } else {
        (a, i64::from(b))
    };
    wrap_i32(a.checked_div_euclid(b).unwrap_or(0))
}

/// `a / b` rounded up, likewise.
pub(crate) fn divide_up(a: i64, b: i32) -> i32 {
    divide_down(-a, b).wrapping_neg()
}

/// The sizes that come closest to `weight` of `max_weight` without traffic routing. With surge there may be one pod more
/// than `replicas`; a weight strictly between gives each set a pod where that is possible.
pub fn approximate(replicas: i32, weight: i32, max_weight: i32, surge: i32) -> Counts {
    if replicas == 0 {
        return Counts { new: 0, stable: 0 };
    }
    let weighted = i64::from(replicas.wrapping_mul(weight));
    let (ceil, floor) = (
        divide_up(weighted, max_weight),
        divide_down(weighted, max_weight),
    );
    let zero_allowed = weight == max_weight || weight == 0 || (replicas == 1 && surge == 0);
    let floor_allowed = floor != 0 || zero_allowed;
    let more = replicas.wrapping_add(1);
    let options = [
        (ceil < replicas || zero_allowed, ceil, replicas),
        (
            !is_tied(weight, max_weight, replicas) && floor_allowed,
            floor,
            replicas,
        ),
        (surge > 0, ceil, more),
        (
            surge > 0 && !is_tied(weight, max_weight, more) && floor_allowed,
            floor,
            more,
        ),
    ];
    let mut best: Option<(f64, Counts)> = None;
    for (_, new, total) in options.into_iter().filter(|(allowed, _, _)| *allowed) {
        let delta = weight_delta(weight, max_weight, new, total);
        if best.is_none_or(|(least, _)| delta < least) {
            best = Some((
                delta,
                Counts {
                    new,
                    stable: total.wrapping_sub(new),
                },
            ));
        }
    }
    best.map_or(
        Counts {
            new: 0,
            stable: replicas,
        },
        |(_, counts)| counts,
    )
}

/// Whether rounding up and down are equally far from the weight.
pub fn is_tied(weight: i32, max_weight: i32, total: i32) -> bool {
    let exact = f64::from(total) * (f64::from(weight) / f64::from(max_weight));
    exact.fract().to_bits() == 0.5_f64.to_bits()
}

/// How far `new` of `total` pods are from the weight.
pub fn weight_delta(weight: i32, max_weight: i32, new: i32, total: i32) -> f64 {
    (f64::from(new.wrapping_mul(max_weight)) / f64::from(total) - f64::from(weight)).abs()
}

/// The pods a weight comes to, rounded up.
pub fn weight_to_replicas(replicas: i32, weight: i32, max_weight: i32) -> i32 {
    divide_up(i64::from(weight) * i64::from(replicas), max_weight)
}

/// Whether there is a stable set other than the new one.
pub fn has_distinct_stable(new: Option<&ReplicaSetView>, stable: Option<&ReplicaSetView>) -> bool {
    match (new, stable) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(stable)) => new.name() != stable.name(),
    }
}

/// Sizes without traffic routing: stable grows first, then the new set; others drain before either shrinks.
pub fn counts_basic(
    rollout: &Rollout,
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
    others: &[&ReplicaSetView],
) -> Counts {
    let replicas = rollout.replicas();
    let surge = max_surge(rollout);
    let weight = match canary_size(rollout, new, stable) {
        CanarySize::Weight(weight) => weight,
        CanarySize::Replicas(_) => 0,
    };
    let distinct = stable.filter(|_| has_distinct_stable(new, stable));
    let desired = match distinct {
        Some(_) => approximate(replicas, weight, rollout.max_traffic_weight(), surge),
        None => Counts {
            new: replicas,
            stable: 0,
        },
    };
    let (new_spec, stable_spec) = (spec_or_zero(new), spec_or_zero(distinct));
    let most = replicas.wrapping_add(surge);
    let others_spec = sum_spec(others);
    let mut room = most.wrapping_sub(others_spec.wrapping_add(new_spec).wrapping_add(stable_spec));
    let mut counts = Counts {
        new: new_spec,
        stable: stable_spec,
    };
    if distinct.is_some() && stable_spec < desired.stable && room > 0 {
        counts.stable = desired.stable.min(stable_spec.wrapping_add(room));
        room = room.wrapping_sub(counts.stable.wrapping_sub(stable_spec));
    }
    if new.is_some() && new_spec < desired.new && room > 0 {
        counts.new = desired.new.min(new_spec.wrapping_add(room));
    }
    if others_spec > 0 {
        return counts;
    }
    let least = replicas.wrapping_sub(max_unavailable(rollout));
    // Pods of the shrinking set are counted whether they are available or not: broken pods must not block their removal.
    let growing = new.is_none() || desired.new >= new_spec;
    let up = countable(new, !growing).wrapping_add(countable(stable, growing));
    let spare = up.wrapping_sub(least);
    if up <= least {
        return counts;
    }
    let limits = Limits { most, least };
    if !growing {
        counts.new = shrink(new, desired.new, spare, counts.new);
        (counts.new, counts.stable) = fit(new, stable, counts.new, counts.stable, limits);
    } else if distinct.is_some() {
        counts.stable = shrink(stable, desired.stable, spare, counts.stable);
        (counts.stable, counts.new) = fit(stable, new, counts.stable, counts.new, limits);
    }
    counts
}

/// How many pods there may be and must be available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pods: replicas and surge.
    pub most: i32,
    /// Least available pods: replicas without `maxUnavailable`.
    pub least: i32,
}

/// Pods of a set that may be counted on: those it is told to have if it shrinks anyway or availability doesn't matter,
/// else the available ones (upstream `GetReplicasForScaleDown`).
pub fn countable(set: Option<&ReplicaSetView>, ignore_availability: bool) -> i32 {
    let Some(set) = set else { return 0 };
    if set.spec_replicas() < set.available() || ignore_availability {
        set.spec_replicas()
    } else {
        set.available()
    }
}

/// The size of a draining set that may lose `spare` pods on its way to `desired`; `count` if it isn't larger than that.
pub fn shrink(drain: Option<&ReplicaSetView>, desired: i32, spare: i32, count: i32) -> i32 {
    match drain {
        Some(drain) if drain.spec_replicas() > desired => {
            desired.max(drain.spec_replicas().wrapping_sub(spare))
        }
        _ => count,
    }
}

/// Brings both sizes within the limits: the kept set gives way to `most`, gets back what `least` needs, and the draining set
/// makes up for that. Returns (drain, keep).
pub fn fit(
    drain: Option<&ReplicaSetView>,
    keep: Option<&ReplicaSetView>,
    drain_count: i32,
    keep_count: i32,
    limits: Limits,
) -> (i32, i32) {
    let Some(keep) = keep else {
        return (drain_count, keep_count);
    };
    let over = |keep_count: i32| {
        keep_count
            .wrapping_add(drain_count)
            .wrapping_sub(limits.most)
            .max(0)
    };
    let mut kept = keep_count.wrapping_sub(over(keep_count));
    let available = drain
        .map_or(0, |drain| drain.available().min(drain_count))
        .wrapping_add(keep.available().min(kept));
    let given_up = keep.available().wrapping_sub(kept).max(0);
    let lacking = limits.least.wrapping_sub(available).max(0);
    kept = kept.wrapping_add(given_up.min(lacking));
    (drain_count.wrapping_sub(over(kept)), kept)
}

/// A size raised to `minPodsPerReplicaSet` (at most all replicas) unless it is 0; only with traffic routing.
pub fn with_min_pods(rollout: &Rollout, count: i32) -> i32 {
    let canary = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .filter(|canary| canary.traffic_routing.is_some());
    match canary.and_then(|canary| canary.min_pods_per_replica_set) {
        Some(least) if count != 0 => count.max(least.min(rollout.replicas())),
        _ => count,
    }
}

/// Sizes with traffic routing. `weights` are the current traffic weights, which keep a set up as long as it has traffic.
pub fn counts_routed(
    rollout: &Rollout,
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
    weights: Option<&TrafficWeights>,
) -> Counts {
    let (replicas, max_weight) = (rollout.replicas(), rollout.max_traffic_weight());
    let by_weight = |weight| weight_to_replicas(replicas, weight, max_weight);
    let (mut new_count, weight) = match canary_size(rollout, new, stable) {
        CanarySize::Replicas(count) => (count, 0),
        CanarySize::Weight(weight) => (with_min_pods(rollout, by_weight(weight)), weight),
    };
    if !rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .is_some_and(|canary| canary.dynamic_stable_scale)
    {
        return Counts {
            new: new_count,
            stable: replicas,
        };
    }
    let mut stable_count = by_weight(max_weight.wrapping_sub(weight));
    if let Some(weights) = weights {
        stable_count = stable_count.max(by_weight(weights.stable.weight));
        if rollout.status.abort {
            new_count = new_count.max(by_weight(weights.canary.weight));
        }
    }
    Counts {
        new: with_min_pods(rollout, new_count),
        stable: with_min_pods(rollout, stable_count),
    }
}

/// Whether all pods that are wanted, and no others, are asked for and available.
pub fn all_available(set: Option<&ReplicaSetView>, desired: i32) -> bool {
    set.is_some_and(|set| desired == set.spec_replicas() && desired == set.available())
}

/// Whether all pods that are wanted, and no others, are asked for and exist.
pub fn all_created(set: Option<&ReplicaSetView>, desired: i32) -> bool {
    set.is_some_and(|set| desired == set.spec_replicas() && desired == set.status.replicas)
}

/// Whether enough pods are available for a step to count as done; all of them without a (non-negative) threshold.
pub fn threshold_met(
    threshold: Option<&ReplicaProgressThreshold>,
    set: Option<&ReplicaSetView>,
    desired: i32,
) -> bool {
    let (Some(threshold), Some(set)) = (threshold.filter(|threshold| threshold.value >= 0), set)
    else {
        return all_available(set, desired);
    };
    match threshold.kind {
        ProgressType::Percent => {
            let percent = f64::from(set.available()) / f64::from(desired) * 100.0;
            let wanted = f64::from(threshold.value);
            desired == 0 || percent >= wanted || (percent - wanted).abs() <= 1e-10
        }
        ProgressType::Pods | ProgressType::Other(_) => set.available() >= threshold.value,
    }
}

/// Whether the sets have the sizes of the current step, which lets weights and steps move on.
pub fn at_desired_counts(
    rollout: &Rollout,
    new: Option<&ReplicaSetView>,
    stable: Option<&ReplicaSetView>,
    others: &[&ReplicaSetView],
    weights: Option<&TrafficWeights>,
) -> bool {
    let Some(canary) = &rollout.spec.strategy.canary else {
        return false;
    };
    let routed = canary.traffic_routing.is_some();
    let desired = if routed {
        counts_routed(rollout, new, stable, weights)
    } else {
        counts_basic(rollout, new, stable, others)
    };
    // Without routing older sets still serve; with it the router keeps traffic off them.
    threshold_met(canary.replica_progress_threshold.as_ref(), new, desired.new)
        && ((routed && canary.dynamic_stable_scale) || all_created(stable, desired.stable))
        && (routed || sum_available(others) == 0)
}

fn spec_or_zero(set: Option<&ReplicaSetView>) -> i32 {
    set.map_or(0, ReplicaSetView::spec_replicas)
}

/// Go's conversion of `int64` to `int32`: the low half.
pub(crate) fn wrap_i32(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
