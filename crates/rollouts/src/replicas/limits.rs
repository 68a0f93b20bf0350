//! `maxSurge` and `maxUnavailable` as numbers of pods (upstream `utils/replicaset/replicaset.go`).

use crate::api::Rollout;
use crate::api::meta::IntOrString;

use super::canary::{divide_down, divide_up};

/// A text that is neither a number nor a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid value for IntOrString")]
pub struct Unreadable;

/// Both limits of an update that keeps `desired` pods: surge rounds up, unavailable down, and if both come to 0,
/// unavailable becomes 1. A missing side counts as 0.
pub fn resolve_fenceposts(
    max_surge: Option<&IntOrString>,
    max_unavailable: Option<&IntOrString>,
    desired: i32,
) -> Result<(i32, i32), Unreadable> {
    let surge = max_surge.map_or(Ok(0), |limit| pods(limit, desired, true))?;
    let unavailable = max_unavailable.map_or(Ok(0), |limit| pods(limit, desired, false))?;
    Ok((
        surge,
        if surge == 0 && unavailable == 0 {
            1
        } else {
            unavailable
        },
    ))
}

/// Pods that may be too many; 0 unless the strategy is canary.
pub fn max_surge(rollout: &Rollout) -> i32 {
    if rollout.spec.strategy.canary.is_none() {
        return 0;
    }
    fenceposts(rollout).map_or(0, |(surge, _)| surge)
}

/// Pods that may be missing; at most all of them. Unreadable limits count as 0.
pub fn max_unavailable(rollout: &Rollout) -> i32 {
    let desired = rollout.replicas();
    if desired == 0 {
        return 0;
    }
    let unavailable = if rollout.spec.strategy.canary.is_some() {
        fenceposts(rollout).map_or(0, |(_, unavailable)| unavailable)
    } else {
        pods(&rollout.max_unavailable_or_default(), desired, false).unwrap_or(0)
    };
    unavailable.min(desired)
}

fn fenceposts(rollout: &Rollout) -> Result<(i32, i32), Unreadable> {
    let (surge, unavailable) = (
        rollout.max_surge_or_default(),
        rollout.max_unavailable_or_default(),
    );
    resolve_fenceposts(Some(&surge), Some(&unavailable), rollout.replicas())
}

/// Go's deprecated `GetValueFromIntOrPercent`, which takes any text for a percentage, with or without `%`.
fn pods(limit: &IntOrString, total: i32, round_up: bool) -> Result<i32, Unreadable> {
    match limit {
        IntOrString::Int(number) => Ok(*number),
        IntOrString::String(text) => {
            let percent: i32 = text.replace('%', "").parse().map_err(|_| Unreadable)?;
            let exact = i64::from(percent) * i64::from(total);
            Ok(if round_up {
                divide_up(exact, 100)
            } else {
                divide_down(exact, 100)
            })
        }
    }
}
