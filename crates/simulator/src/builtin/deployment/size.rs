//! Arithmetic of a rolling update: surge, unavailability, and the shares of ReplicaSets when a Deployment is scaled mid-way.
//!
//! Mirrors `NewRSNewReplicas`, `ResolveFenceposts` and `GetReplicaSetProportion` of `util/deployment_util.go`, and `scale` of `sync.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::revision::{DESIRED, MAX, Sets};
use crate::builtin::object::{self, annotation, count, integer, text};

/// `spec.replicas`, which the API server defaults to 1.
pub(crate) fn replicas(object: &Value) -> i64 {
    integer(object, "/spec/replicas").unwrap_or(1)
}

/// Pods available in a ReplicaSet, as its status says.
pub(crate) fn available(set: &Value) -> i64 {
    count(set, "/status/availableReplicas")
}

/// Sum of `spec.replicas`.
pub(crate) fn total(sets: &[&Value]) -> i64 {
    sets.iter().map(|s| replicas(s)).sum()
}

/// Whether the strategy is `RollingUpdate`.
pub(crate) fn is_rolling(deployment: &Value) -> bool {
    text(deployment, "/spec/strategy/type") == "RollingUpdate"
}

/// Pods allowed beyond `spec.replicas`.
pub(crate) fn max_surge(deployment: &Value) -> i64 {
    if is_rolling(deployment) {
        fenceposts(deployment).0
    } else {
        0
    }
}

/// Pods that may be missing from `spec.replicas`.
pub(crate) fn max_unavailable(deployment: &Value) -> i64 {
    let wanted = replicas(deployment);
    if !is_rolling(deployment) || wanted == 0 {
        return 0;
    }
    fenceposts(deployment).1.min(wanted)
}

/// Surge rounds up, unavailability down; where both come out as 0 one pod may be unavailable, or nothing could ever move.
fn fenceposts(deployment: &Value) -> (i64, i64) {
    let wanted = replicas(deployment);
    let scaled = |pointer: &str, up: bool| {
        deployment
            .pointer(pointer)
            .map_or(0, |v| scaled_value(v, wanted, up))
    };
    let surge = scaled("/spec/strategy/rollingUpdate/maxSurge", true);
    let unavailable = scaled("/spec/strategy/rollingUpdate/maxUnavailable", false);
    if surge == 0 && unavailable == 0 {
        (0, 1)
    } else {
        (surge, unavailable)
    }
}

/// A number, or a percentage of `total` such as `"25%"`; 0 for anything else.
pub(crate) fn scaled_value(value: &Value, total: i64, round_up: bool) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent: Option<i64> = value
        .as_str()
        .and_then(|s| s.strip_suffix('%'))
        .and_then(|s| s.parse().ok());
    percent.map_or(0, |p| {
        let product = p.saturating_mul(total);
        if round_up {
            product.saturating_add(99).div_euclid(100)
        } else {
            product.div_euclid(100)
        }
    })
}

/// The size the new ReplicaSet may grow to; `current` is its size now, which `sets` may not know yet.
pub(crate) fn new_set_replicas(deployment: &Value, sets: &Sets<'_>, current: i64) -> i64 {
    let wanted = replicas(deployment);
    if !is_rolling(deployment) {
        return wanted;
    }
    let room = wanted + max_surge(deployment) - total(&sets.all());
    if room <= 0 {
        current
    } else {
        current + room.min(wanted - current)
    }
}

/// Whether an active ReplicaSet was sized for another `spec.replicas`: the Deployment has been scaled.
pub(crate) fn is_scaling_event(deployment: &Value, sets: &Sets<'_>) -> bool {
    let noted = |set: &Value| annotation(set, DESIRED).and_then(|v| v.parse::<u32>().ok());
    sets.all()
        .into_iter()
        .filter(|s| replicas(s) > 0)
        .filter_map(noted)
        .any(|n| i64::from(n) != replicas(deployment))
}

/// The ReplicaSets to resize after a scaling event or while paused, with their new sizes; a size may equal the old one where only
/// the annotations are out of date.
pub(crate) fn proportional<'a>(deployment: &Value, sets: &Sets<'a>) -> Vec<(&'a Value, i64)> {
    let wanted = replicas(deployment);
    let mut active: Vec<&Value> = sets.all().into_iter().filter(|s| replicas(s) > 0).collect();
    let only = match active.as_slice() {
        [] => sets.new.or_else(|| sets.old.last().copied()),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(only) = only {
        return if replicas(only) == wanted {
            Vec::new()
        } else {
            vec![(only, wanted)]
        };
    }
    if sets.new.is_some_and(|new| is_saturated(deployment, new)) {
        return sets
            .old
            .iter()
            .filter(|s| replicas(s) > 0)
            .map(|s| (*s, 0))
            .collect();
    }
    if active.is_empty() || !is_rolling(deployment) {
        return Vec::new();
    }
    let allowed = if wanted > 0 {
        wanted + max_surge(deployment)
    } else {
        0
    };
    let to_add = allowed - total(&active);
    active.sort_by(|a, b| {
        let by_age = if to_add > 0 {
            object::by_age(b, a)
        } else {
            object::by_age(a, b)
        };
        replicas(b).cmp(&replicas(a)).then(by_age)
    });
    shares(deployment, &active, to_add)
}

fn shares<'a>(deployment: &Value, active: &[&'a Value], to_add: i64) -> Vec<(&'a Value, i64)> {
    let mut sizes: BTreeMap<usize, i64> = BTreeMap::new();
    let mut added = 0;
    for (index, set) in active.iter().enumerate() {
        let share = if to_add == 0 || to_add == added {
            0
        } else {
            proportion(deployment, set, to_add, added)
        };
        sizes.insert(index, replicas(set) + share);
        added += share;
    }
    if to_add != 0
        && let Some(largest) = sizes.get_mut(&0)
    {
        *largest = (*largest + to_add - added).max(0);
    }
    active
        .iter()
        .zip(sizes.into_values())
        .map(|(s, n)| (*s, n))
        .collect()
}

/// The part of `to_add` (negative to remove) that falls to one ReplicaSet.
fn proportion(deployment: &Value, set: &Value, to_add: i64, added: i64) -> i64 {
    let fraction = fraction(deployment, set);
    let allowed = to_add - added;
    if to_add > 0 {
        fraction.min(allowed)
    } else {
        fraction.max(allowed)
    }
}

fn fraction(deployment: &Value, set: &Value) -> i64 {
    let wanted = replicas(deployment);
    let size = replicas(set);
    if wanted == 0 {
        return -size;
    }
    let noted = annotation(set, MAX)
        .and_then(|v| v.parse::<u32>().ok())
        .map(i64::from)
        .filter(|n| *n != 0);
    let before = noted.unwrap_or_else(|| count(deployment, "/status/replicas"));
    if before == 0 {
        return 0;
    }
    rounded_share(size, wanted + max_surge(deployment), before) - size
}

/// `size * most / before` rounded half away from zero, all positive. A percentage may be of any length, and their product
/// too large for either.
fn rounded_share(size: i64, most: i64, before: i64) -> i64 {
    let (product, before) = (i128::from(size) * i128::from(most), i128::from(before));
    i64::try_from((2 * product + before).div_euclid(2 * before)).unwrap_or(i64::MAX)
}

/// Whether the new ReplicaSet has the full size and all its pods available.
fn is_saturated(deployment: &Value, set: &Value) -> bool {
    let wanted = replicas(deployment);
    let noted = annotation(set, DESIRED).and_then(|v| v.parse::<i64>().ok());
    replicas(set) == wanted && noted == Some(wanted) && available(set) == wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(replicas: i64, surge: &Value, unavailable: &Value) -> Value {
        json!({"spec": {"replicas": replicas, "template": {"image": "new"},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
    }

    fn set(name: &str, replicas: i64, max: &str, second: u8) -> Value {
        json!({"metadata": {"name": name, "uid": name, "annotations": {MAX: max, DESIRED: max},
            "creationTimestamp": format!("2030-01-01T00:00:{second:02}Z")},
            "spec": {"replicas": replicas, "template": {"image": name}}})
    }

    #[test]
    fn surge_rounds_up_and_unavailability_down() {
        let d = deployment(10, &json!("25%"), &json!("25%"));
        assert_eq!((max_surge(&d), max_unavailable(&d)), (3, 2));
        let both_zero = deployment(1, &json!(0), &json!("25%"));
        assert_eq!((max_surge(&both_zero), max_unavailable(&both_zero)), (0, 1));
        assert_eq!(max_unavailable(&deployment(2, &json!(0), &json!(9))), 2);
        assert_eq!(max_unavailable(&deployment(0, &json!(0), &json!(9))), 0);
    }

    #[test]
    fn shares_are_rounded_and_never_too_large_to_be_computed() {
        assert_eq!(rounded_share(3, 5, 4), 4);
        assert_eq!(rounded_share(3, 3, 4), 2);
        assert_eq!(rounded_share(100, i64::MAX, 1), i64::MAX);
    }

    #[test]
    fn a_new_set_grows_into_the_surge() {
        let d = deployment(4, &json!(1), &json!(0));
        let old = set("old", 4, "5", 0);
        let sets = Sets::sort(&d, &[&old]);
        assert_eq!(new_set_replicas(&d, &sets, 0), 1);
        assert_eq!(
            new_set_replicas(&deployment(4, &json!(9), &json!(0)), &sets, 0),
            4
        );
        assert_eq!(
            new_set_replicas(&deployment(3, &json!(1), &json!(0)), &sets, 0),
            0
        );
    }

    #[test]
    fn scaling_mid_rollout_shares_the_difference_in_proportion() {
        let d = deployment(15, &json!(3), &json!(0));
        let (old, new) = (set("old", 8, "13", 0), set("new", 5, "13", 1));
        let mut scaled: Vec<(String, i64)> = proportional(&d, &Sets::sort(&d, &[&old, &new]))
            .into_iter()
            .map(|(s, n)| (object::name(s).to_owned(), n))
            .collect();
        scaled.sort();
        assert_eq!(scaled, [("new".to_owned(), 7), ("old".to_owned(), 11)]);
        let down = deployment(0, &json!(3), &json!(0));
        let sizes: Vec<i64> = proportional(&down, &Sets::sort(&down, &[&old, &new]))
            .into_iter()
            .map(|(_, n)| n)
            .collect();
        assert_eq!(sizes, [0, 0]);
    }

    #[test]
    fn a_single_active_set_takes_the_whole_size() {
        let d = deployment(7, &json!(1), &json!(0));
        let (old, new) = (set("old", 0, "5", 0), set("new", 5, "5", 1));
        let sets = Sets::sort(&d, &[&old, &new]);
        assert_eq!(proportional(&d, &sets), [(&new, 7)]);
        assert!(is_scaling_event(&d, &sets));
    }
}
