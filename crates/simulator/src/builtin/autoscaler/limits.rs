//! What keeps an autoscaler from following a metric at once: bounds, stabilisation windows, policies.
//!
//! Mirrors `normalizeDesiredReplicas` and its neighbours of `pkg/controller/podautoscaler/horizontal.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::calculate::{real, whole};
use crate::builtin::object::{self, count, integer, items, text};

/// Seconds a smaller recommendation has to stand, unless the object says otherwise.
const DOWN_WINDOW: i64 = 300;

/// A number of replicas and when it was noted.
pub(crate) type Noted = (i64, Timestamp);

/// What is remembered of one autoscaler between its passes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// What the metrics asked for.
    pub(crate) recommendations: Vec<Noted>,
    /// By how many replicas it scaled up.
    pub(crate) ups: Vec<Noted>,
    /// By how many replicas it scaled down.
    pub(crate) downs: Vec<Noted>,
}

/// What is to be limited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// Replicas the target wants now.
    pub(crate) current: i64,
    /// What the metrics ask for.
    pub(crate) wanted: i64,
    /// `minReplicas`.
    pub(crate) least: i64,
    /// `maxReplicas`.
    pub(crate) most: i64,
    /// The time.
    pub(crate) now: Timestamp,
}

/// Reason and message of a condition.
pub(crate) type Told = (&'static str, &'static str);

/// What remains of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limited {
    /// Replicas.
    pub(crate) replicas: i64,
    /// For condition `AbleToScale`, which is true.
    pub(crate) able: Told,
    /// Whether condition `ScalingLimited` is true.
    pub(crate) is_cut: bool,
    /// For condition `ScalingLimited`.
    pub(crate) bound: Told,
}

const READY: Told = ("ReadyForNewScale", "recommended size matches current size");
const UP_STABILISED: Told = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILISED: Told = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP_LIMIT: Told = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const DOWN_LIMIT: Told = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);
const TOO_MANY: Told = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: Told = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const WITHIN: Told = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);

/// Limits a request, and remembers it.
pub(crate) fn limit(memory: &mut Memory, behaviour: Option<&Value>, request: Request) -> Limited {
    let stable = match behaviour {
        Some(behaviour) => stabilise(memory, behaviour, request),
        None => stabilise_down(memory, request),
    };
    let able = if stable == request.wanted {
        READY
    } else if behaviour.is_some() && request.wanted >= request.current {
        UP_STABILISED
    } else {
        DOWN_STABILISED
    };
    let stabilised = Request {
        wanted: stable,
        ..request
    };
    let (replicas, bound) = match behaviour {
        Some(behaviour) => by_rate(memory, behaviour, stabilised),
        None => by_rules(stabilised),
    };
    Limited {
        replicas,
        able,
        is_cut: replicas != stable,
        bound,
    }
}

/// The highest recent recommendation.
fn stabilise_down(memory: &mut Memory, request: Request) -> i64 {
    let cutoff = object::seconds_after(request.now, -DOWN_WINDOW);
    memory.recommendations.retain(|(_, at)| *at >= cutoff);
    let highest = memory.recommendations.iter().map(|(n, _)| *n).max();
    memory.recommendations.push((request.wanted, request.now));
    highest.map_or(request.wanted, |highest| highest.max(request.wanted))
}

/// The current size, brought between the lowest and the highest recent recommendation.
fn stabilise(memory: &mut Memory, behaviour: &Value, request: Request) -> i64 {
    let up = integer(behaviour, "/scaleUp/stabilizationWindowSeconds").unwrap_or(0);
    let down = integer(behaviour, "/scaleDown/stabilizationWindowSeconds").unwrap_or(DOWN_WINDOW);
    let since = |seconds: i64| object::seconds_after(request.now, -seconds);
    let recent = |cutoff: Timestamp| {
        let all = memory.recommendations.iter();
        all.filter(move |(_, at)| *at > cutoff).map(|(n, _)| *n)
    };
    let lowest = recent(since(up)).chain([request.wanted]).min();
    let highest = recent(since(down)).chain([request.wanted]).max();
    let stable = request
        .current
        .max(lowest.unwrap_or(request.wanted))
        .min(highest.unwrap_or(request.wanted));
    let oldest = since(up.max(down));
    memory.recommendations.retain(|(_, at)| *at >= oldest);
    memory.recommendations.push((request.wanted, request.now));
    stable
}

/// Without policies: at most twice the size, or four.
fn by_rules(request: Request) -> (i64, Told) {
    let rate = (2 * request.current).max(4);
    let (most, told) = if request.most > rate {
        (rate, UP_LIMIT)
    } else {
        (request.most, TOO_MANY)
    };
    if request.wanted < request.least {
        (request.least, TOO_FEW)
    } else if request.wanted > most {
        (most, told)
    } else {
        (request.wanted, WITHIN)
    }
}

fn by_rate(memory: &Memory, behaviour: &Value, request: Request) -> (i64, Told) {
    let Request {
        current,
        wanted,
        least,
        most,
        now,
    } = request;
    if wanted > current {
        let rate = rate(
            memory,
            behaviour.get("scaleUp"),
            current,
            now,
            Direction::Up,
        )
        .max(current);
        let (allowed, told) = if most > rate {
            (rate, UP_LIMIT)
        } else {
            (most, TOO_MANY)
        };
        if wanted > allowed {
            return (allowed, told);
        }
    } else if wanted < current {
        let rules = behaviour.get("scaleDown");
        let rate = rate(memory, rules, current, now, Direction::Down).min(current);
        let (allowed, told) = if least < rate {
            (rate, DOWN_LIMIT)
        } else {
            (least, TOO_FEW)
        };
        if wanted < allowed {
            return (allowed, told);
        }
    }
    (wanted, WITHIN)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// The size that the policies allow at most (up) or at least (down).
fn rate(
    memory: &Memory,
    rules: Option<&Value>,
    current: i64,
    now: Timestamp,
    direction: Direction,
) -> i64 {
    let Some(rules) = rules else { return current };
    let select = text(rules, "/selectPolicy");
    if select == "Disabled" {
        return current;
    }
    let proposals = items(rules, "/policies").iter().map(|policy| {
        let changed = |events: &[Noted]| -> i64 {
            let cutoff = object::seconds_after(now, -count(policy, "/periodSeconds"));
            let recent = events.iter().filter(|(_, at)| *at > cutoff);
            recent.map(|(n, _)| *n).sum()
        };
        let start = current - changed(&memory.ups) + changed(&memory.downs);
        let value = count(policy, "/value");
        match (text(policy, "/type"), direction) {
            ("Percent", Direction::Up) => whole((real(start) * (1.0 + real(value) / 100.0)).ceil()),
            ("Percent", Direction::Down) => whole(real(start) * (1.0 - real(value) / 100.0)),
            (_, Direction::Up) => start.saturating_add(value),
            (_, Direction::Down) => start.saturating_sub(value),
        }
    });
    let largest = (select == "Min") == (direction == Direction::Down);
    let chosen = if largest {
        proposals.max()
    } else {
        proposals.min()
    };
    chosen.unwrap_or(current)
}

/// Notes a change of size, if policies will want to know.
pub(crate) fn note(
    memory: &mut Memory,
    behaviour: Option<&Value>,
    from: i64,
    to: i64,
    now: Timestamp,
) {
    let Some(behaviour) = behaviour else { return };
    let (list, rules) = if to > from {
        (&mut memory.ups, "/scaleUp/policies")
    } else {
        (&mut memory.downs, "/scaleDown/policies")
    };
    let periods = items(behaviour, rules).iter();
    let longest = periods.map(|p| count(p, "/periodSeconds")).max();
    let cutoff = object::seconds_after(now, -longest.unwrap_or(0));
    list.retain(|(_, at)| *at >= cutoff);
    list.push(((to - from).abs(), now));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(current: i64, wanted: i64, second: i64) -> Request {
        let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        Request {
            current,
            wanted,
            least: 1,
            most: 20,
            now: object::seconds_after(start, second),
        }
    }

    #[test]
    fn without_behaviour_it_grows_by_double_and_shrinks_after_five_minutes() {
        let mut memory = Memory::default();
        let up = limit(&mut memory, None, request(3, 15, 0));
        assert_eq!((up.replicas, up.bound), (6, UP_LIMIT));
        assert!(up.is_cut);
        let down = limit(&mut memory, None, request(15, 2, 299));
        assert_eq!((down.replicas, down.able), (15, DOWN_STABILISED));
        let later = limit(&mut memory, None, request(15, 2, 301));
        assert_eq!(
            (later.replicas, later.able, later.bound),
            (2, READY, WITHIN)
        );
        let none = limit(&mut Memory::default(), None, request(3, 0, 0));
        assert_eq!((none.replicas, none.bound), (1, TOO_FEW));
        let many = limit(&mut Memory::default(), None, request(15, 25, 0));
        assert_eq!((many.replicas, many.bound), (20, TOO_MANY));
    }

    #[test]
    fn policies_limit_the_rate_per_period() {
        let behaviour = json!({
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                {"type": "Pods", "value": 2, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}]},
            "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min", "policies": [
                {"type": "Pods", "value": 3, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}]},
        });
        let mut memory = Memory::default();
        let behaviour = Some(&behaviour);
        let first = limit(&mut memory, behaviour, request(4, 10, 0));
        assert_eq!((first.replicas, first.bound), (6, UP_LIMIT));
        note(&mut memory, behaviour, 4, 6, request(0, 0, 0).now);
        let second = limit(&mut memory, behaviour, request(6, 10, 30));
        assert_eq!((second.replicas, second.bound), (6, UP_LIMIT));
        let third = limit(&mut memory, behaviour, request(6, 10, 61));
        assert_eq!(third.replicas, 8);
        let down = limit(&mut Memory::default(), behaviour, request(10, 1, 0));
        assert_eq!((down.replicas, down.bound), (9, DOWN_LIMIT));
    }

    #[test]
    fn windows_hold_both_directions_and_disabled_ends_one() {
        let behaviour = json!({
            "scaleUp": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 900, "periodSeconds": 60}]},
            "scaleDown": {"selectPolicy": "Disabled", "policies": [{"type": "Pods", "value": 9, "periodSeconds": 60}]},
        });
        let mut memory = Memory::default();
        memory.recommendations.push((4, request(0, 0, 0).now));
        let held = limit(&mut memory, Some(&behaviour), request(4, 8, 30));
        assert_eq!((held.replicas, held.able), (4, UP_STABILISED));
        let later = limit(&mut memory, Some(&behaviour), request(4, 8, 61));
        assert_eq!((later.replicas, later.able), (8, READY));
        let down = limit(&mut memory, Some(&behaviour), request(8, 1, 999));
        assert_eq!((down.replicas, down.bound), (8, DOWN_LIMIT));
    }
}
