//! Replica counts, weights and fenceposts.

use rollouts::api::status::TrafficWeights;
use rollouts::replicas::canary::{self, Limits};
use rollouts::replicas::steps::{self, CanarySize};
use rollouts::replicas::{limits, list};
use serde_json::{Value, json};

use super::super::case::Case;
use super::super::registry::Registry;
use super::{refs, rollout, set, sets};

pub fn register(registry: &mut Registry) {
    limits_and_weights(registry);
    canary_counts(registry);
    steps_in_force(registry);
    threshold(registry);
}

fn limits_and_weights(registry: &mut Registry) {
    registry.on("utils/replicaset.MaxSurge", |case| {
        case.expect(&[("r0", json!(limits::max_surge(&rollout(case, "rollout"))))])
    });
    registry.on("utils/replicaset.MaxUnavailable", |case| {
        case.expect(&[(
            "r0",
            json!(limits::max_unavailable(&rollout(case, "rollout"))),
        )])
    });
    registry.on("utils/replicaset.resolveFenceposts", |case| {
        let (surge, unavailable) = (
            case.read_option("maxSurge"),
            case.read_option("maxUnavailable"),
        );
        let ours = limits::resolve_fenceposts(
            surge.as_ref(),
            unavailable.as_ref(),
            case.number("desired"),
        );
        let failed = case.out("/error") != Value::Null;
        if ours.is_err() != failed {
            return Err(format!("error: upstream {failed}, ours {ours:?}"));
        }
        let (surge, unavailable) = ours.unwrap_or((0, 0));
        case.expect(&[("r0", json!(surge)), ("r1", json!(unavailable))])
    });
    registry.on(
        "utils/replicaset.approximateWeightedCanaryStableReplicaCounts",
        |case| {
            let number = |name| case.number(name);
            let ours = canary::approximate(
                number("specReplicas"),
                number("desiredWeight"),
                number("maxWeight"),
                number("maxSurge"),
            );
            case.expect(&[("r0", json!(ours.new)), ("r1", json!(ours.stable))])
        },
    );
    registry.on("utils/replicaset.floorCeilingTied", |case| {
        let number = |name| case.number(name);
        let tied = canary::is_tied(
            number("desiredWeight"),
            number("maxWeight"),
            number("totalReplicas"),
        );
        case.expect(&[("r0", json!(tied))])
    });
    registry.on("utils/replicaset.weightDelta", |case| {
        let number = |name| case.number(name);
        let delta = canary::weight_delta(
            number("desiredWeight"),
            number("maxWeight"),
            number("canaryReplicas"),
            number("totalReplicas"),
        );
        case.expect(&[("r0", json!(delta))])
    });
    registry.on("utils/replicaset.trafficWeightToReplicas", |case| {
        let number = |name| case.number(name);
        let ours =
            canary::weight_to_replicas(number("replicas"), number("weight"), number("maxWeight"));
        case.expect(&[("r0", json!(ours))])
    });
}

fn weights(case: &Case) -> Option<TrafficWeights> {
    case.read_option("weights")
}

fn canary_counts(registry: &mut Registry) {
    registry.on(
        "utils/replicaset.CalculateReplicaCountsForBasicCanary",
        |case| {
            let (new, stable, others) = (
                set(case, "newRS"),
                set(case, "stableRS"),
                sets(case, "oldRSs"),
            );
            let ours = canary::counts_basic(
                &rollout(case, "rollout"),
                new.as_ref(),
                stable.as_ref(),
                &refs(&others),
            );
            case.expect(&[("r0", json!(ours.new)), ("r1", json!(ours.stable))])
        },
    );
    registry.on(
        "utils/replicaset.CalculateReplicaCountsForTrafficRoutedCanary",
        |case| {
            let (new, stable) = (set(case, "newRS"), set(case, "stableRS"));
            let weights = weights(case);
            let ours = canary::counts_routed(
                &rollout(case, "rollout"),
                new.as_ref(),
                stable.as_ref(),
                weights.as_ref(),
            );
            case.expect(&[("r0", json!(ours.new)), ("r1", json!(ours.stable))])
        },
    );
    registry.on("utils/replicaset.GetReplicasForScaleDown", |case| {
        let ignore = case.arg("ignoreAvailability") == Value::Bool(true);
        case.expect(&[(
            "r0",
            json!(canary::countable(set(case, "rs").as_ref(), ignore)),
        )])
    });
    registry.on("utils/replicaset.calculateScaleDownReplicaCount", |case| {
        let ours = canary::shrink(
            set(case, "drainRS").as_ref(),
            case.number("desireRSReplicaCount"),
            case.number("scaleDownCount"),
            case.number("drainRSReplicaCount"),
        );
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.adjustReplicaWithinLimits", |case| {
        let most = case.number("maxReplicaCountAllowed");
        let (drain, keep) = canary::fit(
            set(case, "drainRS").as_ref(),
            set(case, "adjustRS").as_ref(),
            case.number("drainRSReplicaCount"),
            case.number("adjustRSReplicaCount"),
            Limits {
                most,
                least: case.number("minAvailableReplicaCount"),
            },
        );
        case.expect(&[("r0", json!(drain)), ("r1", json!(keep))])
    });
    registry.on("utils/replicaset.CheckMinPodsPerReplicaSet", |case| {
        let ours = canary::with_min_pods(&rollout(case, "rollout"), case.number("count"));
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.NewRSNewReplicas", |case| {
        let (new, all) = (set(case, "newRS").unwrap_or_default(), sets(case, "allRSs"));
        let weights = weights(case);
        let ours = list::new_replicas(
            &rollout(case, "rollout"),
            &refs(&all),
            &new,
            weights.as_ref(),
        );
        if ours.is_none() != (case.out("/error") != Value::Null) {
            return Err(format!("ours {ours:?}"));
        }
        case.expect(&[("r0", json!(ours.unwrap_or(0)))])
    });
}

fn steps_in_force(registry: &mut Registry) {
    registry.on("utils/replicaset.GetCurrentSetWeight", |case| {
        case.expect(&[(
            "r0",
            json!(steps::current_set_weight(&rollout(case, "rollout"))),
        )])
    });
    registry.on("utils/replicaset.GetDesiredCanaryWeight", |case| {
        let (new, stable) = (set(case, "newRS"), set(case, "stableRS"));
        let ours =
            steps::desired_canary_weight(&rollout(case, "rollout"), new.as_ref(), stable.as_ref());
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.GetCanaryReplicasOrWeight", |case| {
        let (new, stable) = (set(case, "newRS"), set(case, "stableRS"));
        let ours =
            match steps::canary_size(&rollout(case, "rollout"), new.as_ref(), stable.as_ref()) {
                CanarySize::Replicas(replicas) => (json!(replicas), 0),
                CanarySize::Weight(weight) => (Value::Null, weight),
            };
        case.expect(&[("r0", ours.0), ("r1", json!(ours.1))])
    });
    registry.on("utils/replicaset.UseSetCanaryScale", |case| {
        let rollout = rollout(case, "rollout");
        case.expect(&[("r0", json!(steps::canary_scale_in_force(&rollout)))])
    });
}

fn threshold(registry: &mut Registry) {
    registry.on("utils/replicaset.ReplicaProgressThresholdMet", |case| {
        let (threshold, rs) = (case.read_option("threshold"), set(case, "rs"));
        let ours = canary::threshold_met(threshold.as_ref(), rs.as_ref(), case.number("desired"));
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.allDesiredAreAvailable", |case| {
        case.expect(&[(
            "r0",
            json!(canary::all_available(
                set(case, "rs").as_ref(),
                case.number("desired")
            )),
        )])
    });
    registry.on("utils/replicaset.allDesiredAreCreated", |case| {
        case.expect(&[(
            "r0",
            json!(canary::all_created(
                set(case, "rs").as_ref(),
                case.number("desired")
            )),
        )])
    });
    registry.on("utils/replicaset.AtDesiredReplicaCountsForCanary", |case| {
        let (new, stable, others) = (
            set(case, "newRS"),
            set(case, "stableRS"),
            sets(case, "olderRSs"),
        );
        let weights = weights(case);
        let ours = canary::at_desired_counts(
            &rollout(case, "ro"),
            new.as_ref(),
            stable.as_ref(),
            &refs(&others),
            weights.as_ref(),
        );
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.ReadyForPause", |case| {
        let (new, all) = (set(case, "newRS").unwrap_or_default(), sets(case, "allRSs"));
        let ours = list::ready_for_pause(&rollout(case, "rollout"), &new, &refs(&all));
        case.expect(&[("r0", json!(ours))])
    });
}
