//! Which pods are where and which wait for a node, kept from one change to the next: looking through all pods for each
//! pod would take the square of their number.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::place::{HostPort, Wants};
use super::wants_a_node;
use crate::apiserver::resource::known;
use crate::builtin::control::{Key, key_of};
use crate::builtin::object::{self, text};
use crate::builtin::pod;
use crate::session::{Change, Session};

/// What the pods of a node that haven't finished ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many there are.
    pub(crate) pods: usize,
    /// The sum of their requests, in thousandths.
    pub(crate) requests: BTreeMap<String, i64>,
    /// The ports of the node that they take.
    pub(super) ports: Vec<HostPort>,
}

/// Pods by node.
#[derive(Debug, Default)]
pub(crate) struct Residents {
    /// Where each pod counts, and for what.
    pods: BTreeMap<Key, (String, Wants)>,
    loads: BTreeMap<String, Load>,
    /// The nodes there are, the one with the fewest pods first, then by name.
    nodes: BTreeSet<(usize, String)>,
    waiting: BTreeSet<Key>,
}

impl Residents {
    /// Everything there is.
    pub(crate) fn of(session: &Session<'_>) -> Self {
        let mut residents = Self::default();
        for node in session.list(&known::NODES, None) {
            residents.note_node(object::name(&node), true);
        }
        for pod in session.list(&known::PODS, None) {
            residents.note_pod(key_of(&pod), Some(&pod));
        }
        residents
    }

    /// Takes a change in.
    pub(crate) fn observe(&mut self, change: &Change) {
        if change.resource == known::NODES {
            self.note_node(&change.name, change.after.is_some());
        } else if change.resource == known::PODS {
            let key = (change.namespace.clone(), change.name.clone());
            self.note_pod(key, change.after.as_deref());
        }
    }

    /// A node is there, or gone.
    pub(crate) fn note_node(&mut self, name: &str, is_there: bool) {
        let place = (self.load(name).map_or(0, |load| load.pods), name.to_owned());
        if is_there {
            self.nodes.insert(place);
        } else {
            self.nodes.remove(&place);
        }
    }

    /// What a pod is now, or that it is gone.
    pub(crate) fn note_pod(&mut self, key: Key, pod: Option<&Value>) {
        if pod.is_some_and(wants_a_node) {
            self.waiting.insert(key.clone());
        } else {
            self.waiting.remove(&key);
        }
        if let Some((node, wants)) = self.pods.remove(&key) {
            self.count(&node, &wants, false);
        }
        let resident = pod.filter(|pod| !pod::is_finished(pod));
        let node = resident.map_or("", |pod| text(pod, "/spec/nodeName"));
        if let Some(pod) = resident.filter(|_| !node.is_empty()) {
            let wants = Wants::of(pod);
            self.count(node, &wants, true);
            self.pods.insert(key, (node.to_owned(), wants));
        }
    }

    fn count(&mut self, node: &str, wants: &Wants, comes: bool) {
        let load = self.loads.entry(node.to_owned()).or_default();
        let before = (load.pods, node.to_owned());
        load.pods = if comes {
            load.pods + 1
        } else {
            load.pods.saturating_sub(1)
        };
        for (name, amount) in &wants.requests {
            let sum = load.requests.entry(name.clone()).or_insert(0);
            *sum = if comes {
                sum.saturating_add(*amount)
            } else {
                sum.saturating_sub(*amount)
            };
        }
        if comes {
            load.ports.extend(wants.ports.iter().cloned());
        } else {
            for port in &wants.ports {
                // Two pods may take one port if they were bound by hand: one of them goes.
                if let Some(at) = load.ports.iter().position(|taken| taken == port) {
                    load.ports.swap_remove(at);
                }
            }
        }
        let after = (load.pods, node.to_owned());
        if load.pods == 0 {
            self.loads.remove(node);
        }
        if self.nodes.remove(&before) {
            self.nodes.insert(after);
        }
    }

    /// What the pods of a node ask for; `None` without pods.
    pub(crate) fn load(&self, node: &str) -> Option<&Load> {
        self.loads.get(node)
    }

    /// Names of the nodes, the one with the fewest pods first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|(_, name)| name.as_str())
    }

    /// How many nodes there are.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The pods that wait for a node.
    pub(crate) fn waiting(&self) -> Vec<Key> {
        self.waiting.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Key {
        ("n".to_owned(), name.to_owned())
    }

    fn pod(node: &str, phase: &str) -> Value {
        json!({"metadata": {"namespace": "n"}, "spec": {"nodeName": node, "containers": [
            {"resources": {"requests": {"cpu": "250m"}}},
        ]}, "status": {"phase": phase}})
    }

    fn nodes(residents: &Residents) -> Vec<&str> {
        residents.nodes().collect()
    }

    #[test]
    fn pods_count_while_they_run_and_where_they_are() {
        let mut residents = Residents::default();
        for node in ["a", "b"] {
            residents.note_node(node, true);
        }
        residents.note_pod(key("p"), Some(&pod("a", "Running")));
        residents.note_pod(key("p"), Some(&pod("a", "Running")));
        assert_eq!(nodes(&residents), ["b", "a"]);
        let load = Load {
            pods: 1,
            requests: BTreeMap::from([("cpu".to_owned(), 250)]),
            ports: Vec::new(),
        };
        assert_eq!(residents.load("a"), Some(&load));
        residents.note_pod(key("p"), Some(&pod("a", "Succeeded")));
        assert_eq!(
            (nodes(&residents), residents.load("a")),
            (vec!["a", "b"], None)
        );
        residents.note_pod(key("q"), Some(&pod("b", "Pending")));
        residents.note_pod(key("q"), None);
        assert_eq!(
            (nodes(&residents), residents.load("b")),
            (vec!["a", "b"], None)
        );
    }

    #[test]
    fn a_node_that_comes_back_still_has_its_pods() {
        let mut residents = Residents::default();
        residents.note_node("a", true);
        residents.note_pod(key("p"), Some(&pod("a", "Running")));
        residents.note_node("a", false);
        residents.note_pod(key("q"), Some(&pod("a", "Running")));
        assert_eq!(residents.node_count(), 0);
        residents.note_node("a", true);
        residents.note_node("b", true);
        assert_eq!(nodes(&residents), ["b", "a"]);
    }

    #[test]
    fn pods_without_a_node_wait() {
        let mut residents = Residents::default();
        residents.note_pod(key("p"), Some(&pod("", "Pending")));
        assert_eq!(residents.waiting(), [key("p")]);
        residents.note_pod(key("p"), Some(&pod("a", "Pending")));
        assert!(residents.waiting().is_empty());
    }
}
