//! How troubled zones are, and how fast the nodes of each may lose their pods: a control plane that hears of few nodes has more likely
//! lost its network than its nodes.
//!
//! Mirrors `handleDisruption` and `ComputeZoneState` of `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, and the limiters of
//! `pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go`, which let one node pass at a time. Two things are simpler: nodes that
//! wait for the same moment go by name, and what a zone's state says counts at once, not when the state is another one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::decide;
use crate::builtin::object::{self, labels};

/// Seconds between two nodes of a zone that lose their pods (`--node-eviction-rate` is 0.1 a second).
const PACE: i64 = 10;
/// The same in a large zone that is partly disrupted (`--secondary-node-eviction-rate` is 0.01 a second).
const SLOW_PACE: i64 = 100;
/// Zones with more nodes are large (`--large-cluster-size-threshold`).
const LARGE: usize = 50;
/// Percentage of troubled nodes from which on a zone is partly disrupted (`--unhealthy-zone-threshold`).
const UNHEALTHY: usize = 55;
/// So many troubled nodes disrupt no zone in which another one is ready.
const FEW: usize = 2;

/// A node with this label doesn't count.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";
const REGION: [&str; 2] = [
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
];
const ZONE: [&str; 2] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

/// Region and zone of a node; both are empty where it has none.
type Zone = (String, String);

/// How many nodes of a zone are ready and how many are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    ready: usize,
    troubled: usize,
}

/// How much of a zone is troubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Normal,
    Partial,
    Full,
}

impl Tally {
    /// The count that a node is part of.
    fn count_of(&mut self, node: &Seen) -> &mut usize {
        if node.ready {
            &mut self.ready
        } else {
            &mut self.troubled
        }
    }

    fn state(self) -> State {
        let all = self.ready + self.troubled;
        if self.ready == 0 && self.troubled > 0 {
            State::Full
        } else if self.troubled > FEW && self.troubled * 100 >= all * UNHEALTHY {
            State::Partial
        } else {
            State::Normal
        }
    }
}

/// What follows from how troubled all zones are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outlook {
    /// No node of any zone is ready: all pods may stay where they are.
    halted: bool,
    /// Seconds between two nodes of a zone that lose their pods; `None` where no further one does.
    paces: BTreeMap<Zone, Option<i64>>,
}

fn outlook(zones: &BTreeMap<Zone, Tally>) -> Outlook {
    let halted = !zones.is_empty() && zones.values().all(|tally| tally.state() == State::Full);
    let pace = |tally: &Tally| match tally.state() {
        State::Normal | State::Full => Some(PACE),
        State::Partial => (tally.ready + tally.troubled > LARGE).then_some(SLOW_PACE),
    };
    let paces = zones.iter().map(|(zone, tally)| {
        let pace = pace(tally).filter(|_| !halted);
        (zone.clone(), pace)
    });
    Outlook {
        halted,
        paces: paces.collect(),
    }
}

/// Lets one node of a zone pass at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limiter {
    pace: Option<i64>,
    /// When the next one may pass, if any.
    free: Timestamp,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            pace: Some(PACE),
            free: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Limiter {
    /// Another pace begins with a pause where nobody could have passed.
    fn swap(&mut self, pace: Option<i64>, now: Timestamp) {
        if pace == self.pace {
            return;
        }
        let waits = self.pace.is_none() || self.free > now;
        let pause = pace.filter(|_| waits).unwrap_or_default();
        *self = Self {
            pace,
            free: object::seconds_after(now, pause),
        };
    }

    fn next(self) -> Option<Timestamp> {
        self.pace.map(|_| self.free)
    }

    fn pass(&mut self, now: Timestamp) {
        self.free = object::seconds_after(now, self.pace.unwrap_or_default());
    }
}

/// What becomes of the pods of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Execution {
    /// It has the taint that is due, if one is, or another one of that sort, which is replaced at once.
    Stands,
    /// The taint is due now, and others have to wait for it.
    Begins,
    /// No taint before then, or before zones are another way.
    Waits(Option<Timestamp>),
}

/// What counts of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    zone: Zone,
    ready: bool,
    counts: bool,
}

/// All nodes by zone, kept up to date with each change of one.
#[derive(Debug, Default)]
pub(super) struct Zones {
    nodes: BTreeMap<String, Seen>,
    tallies: BTreeMap<Zone, Tally>,
    outlook: Outlook,
    limiters: BTreeMap<Zone, Limiter>,
    /// No node was ready when time was told last.
    halted: bool,
    /// Since when one is again.
    resumed: Option<Timestamp>,
}

impl Zones {
    /// Learns of a node, or that it is gone. Tells whether that changes anything for others.
    pub(super) fn note(&mut self, name: &str, node: Option<&Value>) -> bool {
        let seen = node.map(seen);
        if self.nodes.get(name) == seen.as_ref() {
            return false;
        }
        let before = match &seen {
            Some(seen) => self.nodes.insert(name.to_owned(), seen.clone()),
            None => self.nodes.remove(name),
        };
        if let Some(before) = before.filter(|before| before.counts) {
            let tally = self.tallies.entry(before.zone.clone()).or_default();
            let count = tally.count_of(&before);
            *count = count.saturating_sub(1);
            if *tally == Tally::default() {
                self.tallies.remove(&before.zone);
            }
        }
        if let Some(seen) = seen.filter(|seen| seen.counts) {
            let tally = self.tallies.entry(seen.zone.clone()).or_default();
            *tally.count_of(&seen) += 1;
        }
        let outlook = outlook(&self.tallies);
        let turns = outlook != self.outlook;
        self.outlook = outlook;
        turns
    }

    /// Names of the nodes that are not ready.
    pub(super) fn troubled(&self) -> impl Iterator<Item = &str> {
        let troubled = self.nodes.iter().filter(|(_, seen)| !seen.ready);
        troubled.map(|(name, _)| name.as_str())
    }

    /// Lets what was learnt count from now on.
    pub(super) fn settle(&mut self, now: Timestamp) {
        for (zone, pace) in &self.outlook.paces {
            if !self.limiters.contains_key(zone) {
                self.limiters.insert(zone.clone(), Limiter::default());
            }
            if let Some(limiter) = self.limiters.get_mut(zone) {
                limiter.swap(*pace, now);
            }
        }
        if self.halted && !self.outlook.halted {
            self.resumed = Some(now);
        }
        self.halted = self.outlook.halted;
    }

    /// When a node was ready again after none had been: silence counts from then on, as all may have been out of hearing.
    pub(super) fn resumed(&self) -> Option<Timestamp> {
        self.resumed
    }

    /// What becomes of the pods of a node.
    pub(super) fn execution(&self, node: &Value, now: Timestamp) -> Execution {
        if decide::execution(node).is_none() {
            return Execution::Stands;
        }
        if self.halted {
            return Execution::Waits(None);
        }
        if decide::is_executed(node) {
            return Execution::Stands;
        }
        let limiter = self.limiters.get(&zone(node)).copied().unwrap_or_default();
        match limiter.next() {
            Some(at) if at <= now => Execution::Begins,
            later => Execution::Waits(later),
        }
    }

    /// A node got its taint, and the next one of its zone has to wait.
    pub(super) fn begun(&mut self, node: &Value, now: Timestamp) {
        self.limiters.entry(zone(node)).or_default().pass(now);
    }
}

fn seen(node: &Value) -> Seen {
    Seen {
        zone: zone(node),
        ready: object::is_true(node, "Ready"),
        counts: !labels(node).contains_key(EXCLUDED),
    }
}

fn zone(node: &Value) -> Zone {
    let labels = labels(node);
    let one = |keys: [&str; 2]| {
        let found = keys.into_iter().find_map(|key| labels.get(key));
        found.cloned().unwrap_or_default()
    };
    (one(REGION), one(ZONE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        object::seconds_after("2030-01-01T00:00:00Z".parse().unwrap(), second)
    }

    fn node(name: &str, zone: &str, ready: bool) -> Value {
        let status = if ready { "True" } else { "Unknown" };
        json!({"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
            "status": {"conditions": [{"type": "Ready", "status": status}]}})
    }

    /// Zones with so many ready and troubled nodes each, at second 0.
    fn zones(counts: &[(&str, usize, usize)]) -> Zones {
        let mut zones = Zones::default();
        for (zone, ready, troubled) in counts {
            for number in 0..ready + troubled {
                let name = format!("{zone}-{number}");
                zones.note(&name, Some(&node(&name, zone, number < *ready)));
            }
        }
        zones.settle(at(0));
        zones
    }

    #[test]
    fn a_zone_is_disrupted_by_more_than_two_nodes_and_more_than_half_of_them() {
        let state = |ready, troubled| Tally { ready, troubled }.state();
        assert_eq!(state(0, 0), State::Normal);
        assert_eq!(state(0, 1), State::Full);
        assert_eq!(state(1, 2), State::Normal);
        assert_eq!(state(1, 3), State::Partial);
        assert_eq!(state(9, 11), State::Partial);
        assert_eq!(state(10, 12), State::Normal);
        assert_eq!(state(1, 0), State::Normal);
    }

    #[test]
    fn paces_follow_from_all_zones() {
        let paces = |counts: &[(&str, usize, usize)]| {
            let outlook = zones(counts).outlook;
            let paces: Vec<Option<i64>> = outlook.paces.into_values().collect();
            (outlook.halted, paces)
        };
        assert_eq!(paces(&[]), (false, vec![]));
        assert_eq!(paces(&[("a", 2, 1)]), (false, vec![Some(10)]));
        assert_eq!(paces(&[("a", 0, 1)]), (true, vec![None]));
        // A zone that is lost alone is emptied, one that is lost in part isn't unless it is large.
        let one = [("a", 0, 3), ("b", 1, 0), ("c", 2, 3), ("d", 20, 31)];
        let expected = vec![Some(10), Some(10), None, Some(100)];
        assert_eq!(paces(&one), (false, expected));
        let all = [("a", 0, 3), ("b", 0, 60)];
        assert_eq!(paces(&all), (true, vec![None, None]));
    }

    #[test]
    fn one_node_of_a_zone_passes_at_a_time() {
        let mut zones = zones(&[("a", 2, 2), ("b", 1, 1)]);
        let (first, second, other) = (
            node("a-2", "a", false),
            node("a-3", "a", false),
            node("b-1", "b", false),
        );
        assert_eq!(zones.execution(&first, at(0)), Execution::Begins);
        zones.begun(&first, at(0));
        let waits = Execution::Waits(Some(at(10)));
        assert_eq!(zones.execution(&second, at(0)), waits);
        assert_eq!(zones.execution(&other, at(0)), Execution::Begins);
        assert_eq!(zones.execution(&second, at(10)), Execution::Begins);
        let ready = node("a-0", "a", true);
        assert_eq!(zones.execution(&ready, at(0)), Execution::Stands);
    }

    #[test]
    fn without_a_ready_node_nothing_begins_and_after_that_silence_counts_anew() {
        let mut zones = zones(&[("a", 1, 1)]);
        let mut lost = node("a-1", "a", false);
        lost["spec"] =
            json!({"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]});
        assert_eq!(zones.execution(&lost, at(1)), Execution::Stands);
        assert!(zones.note("a-0", Some(&node("a-0", "a", false))));
        zones.settle(at(1));
        assert_eq!(zones.execution(&lost, at(1)), Execution::Waits(None));
        assert_eq!(zones.resumed(), None);
        assert_eq!(zones.troubled().collect::<Vec<_>>(), ["a-0", "a-1"]);
        assert!(zones.note("a-0", Some(&node("a-0", "a", true))));
        zones.settle(at(60));
        assert_eq!(zones.resumed(), Some(at(60)));
        let waits = Execution::Waits(Some(at(70)));
        assert_eq!(zones.execution(&node("a-1", "a", false), at(60)), waits);
    }

    #[test]
    fn what_changes_nothing_for_others_is_told_as_such() {
        let mut zones = zones(&[("a", 3, 0)]);
        assert!(!zones.note("a-0", Some(&node("a-0", "a", true))));
        assert!(!zones.note("a-0", Some(&node("a-0", "a", false))));
        assert!(zones.note("b-0", Some(&node("b-0", "b", false))));
        // What is excluded counts for nothing, and who is gone neither.
        let mut excluded = node("c-0", "c", false);
        excluded["metadata"]["labels"][EXCLUDED] = json!("");
        assert!(!zones.note("c-0", Some(&excluded)));
        assert!(zones.note("b-0", None));
        assert_eq!(zones.tallies.len(), 1);
    }
}
