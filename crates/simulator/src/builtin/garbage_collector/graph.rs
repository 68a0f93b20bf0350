//! The graph of owners and dependents, and what it says should become of an object. Pure.
//!
//! Mirrors `pkg/controller/garbagecollector/{graph,garbagecollector}.go`. The graph here is never behind the store, so owners need no
//! second look-up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::apiserver::resource::Resource;
use crate::builtin::object::{self, flag, items, text};
use crate::session::Propagation;

/// Finalizer of an object whose dependents go first.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an object whose dependents stay.
pub(crate) const ORPHAN: &str = "orphan";

/// One object as the collector sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Its resource.
    pub(crate) resource: Resource,
    /// Its namespace, `""` for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Its owner references as they stand.
    pub(crate) owners: Vec<Value>,
    /// Its finalizers.
    pub(crate) finalizers: Vec<String>,
    /// Whether deletion was asked for.
    pub(crate) terminating: bool,
}

impl Node {
    fn of(resource: &Resource, object: &Value) -> Self {
        let finalizers = items(object, "/metadata/finalizers")
            .iter()
            .filter_map(|f| f.as_str().map(str::to_owned));
        Self {
            resource: resource.clone(),
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
            owners: items(object, "/metadata/ownerReferences").to_vec(),
            finalizers: finalizers.collect(),
            terminating: object::is_terminating(object),
        }
    }

    fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|f| f == finalizer)
    }

    /// Whether it waits for its dependents to go.
    fn deletes_dependents(&self) -> bool {
        self.terminating && self.has(FOREGROUND)
    }

    /// Whether it refers to the owners it referred to before, but says other things of them. The collector sees that when it
    /// looks at the object for another reason (`referencesDiffs` of `graph_builder.go`).
    fn refers_otherwise(&self, before: &Self) -> bool {
        let uids = |node: &Self| -> BTreeSet<String> {
            let references = node.owners.iter();
            references.map(|r| text(r, "/uid").to_owned()).collect()
        };
        !self.terminating && self.owners != before.owners && uids(self) == uids(before)
    }

    fn blocks(&self, owner: &str) -> bool {
        self.owners
            .iter()
            .any(|r| text(r, "/uid") == owner && flag(r, "/blockOwnerDeletion"))
    }
}

/// What should become of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It stays as it is.
    Keep,
    /// It stays, with only these owner references.
    Release(Vec<Value>),
    /// It goes; where `unblock` is set, its references are first rewritten to this, so that a cycle can end.
    Delete {
        /// How its own dependents are treated.
        propagation: Propagation,
        /// References that no longer block.
        unblock: Option<Vec<Value>>,
    },
    /// Its dependents (by uid) forget it, then its `orphan` finalizer goes.
    Orphan(Vec<String>),
    /// All that blocked it is gone: its `foregroundDeletion` finalizer goes.
    Finish,
}

/// The resource of an apiVersion and kind, as it is stored; `None` where there is no such kind.
pub(crate) type Kinds<'a> = &'a dyn Fn(&str, &str) -> Option<Resource>;

/// All objects by uid, and who depends on whom.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: BTreeMap<String, Node>,
    dependents: BTreeMap<String, BTreeSet<String>>,
}

enum Owner {
    Solid,
    Absent,
    Waiting,
    /// Of a kind that isn't known, or that can't own this object: nothing is done about the object.
    Unclear,
}

impl Graph {
    /// Takes note of an object. Returns the uids whose verdict may have changed.
    pub(crate) fn observe(&mut self, resource: &Resource, object: &Value) -> BTreeSet<String> {
        let uid = object::uid(object).to_owned();
        let node = Node::of(resource, object);
        let before = self.nodes.get(&uid);
        let is_affected = before.is_none_or(|before| !node.refers_otherwise(before));
        let mut affected = self.unlink(&uid);
        for owner in node.owners.iter().map(|r| text(r, "/uid").to_owned()) {
            self.dependents
                .entry(owner.clone())
                .or_default()
                .insert(uid.clone());
            affected.insert(owner);
        }
        if node.terminating {
            affected.extend(self.dependents_of(&uid));
        }
        self.nodes.insert(uid.clone(), node);
        if is_affected {
            affected.insert(uid);
        }
        affected
    }

    /// Forgets an object that is gone. Returns the uids whose verdict may have changed.
    pub(crate) fn forget(&mut self, uid: &str) -> BTreeSet<String> {
        let mut affected = self.unlink(uid);
        self.nodes.remove(uid);
        affected.extend(self.dependents_of(uid));
        affected
    }

    fn unlink(&mut self, uid: &str) -> BTreeSet<String> {
        let owners: BTreeSet<String> = self
            .nodes
            .get(uid)
            .into_iter()
            .flat_map(|n| &n.owners)
            .map(|r| text(r, "/uid").to_owned())
            .collect();
        for owner in &owners {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        owners
    }

    /// One object.
    pub(crate) fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    fn dependents_of(&self, uid: &str) -> Vec<String> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// What an owner is, looked up by what the reference says of it: that something of another kind or name has its uid
    /// doesn't count.
    fn owner(&self, node: &Node, reference: &Value, kinds: Kinds<'_>) -> Owner {
        let Some(resource) = kinds(text(reference, "/apiVersion"), text(reference, "/kind")) else {
            return Owner::Unclear;
        };
        if node.namespace.is_empty() && resource.namespaced {
            return Owner::Unclear;
        }
        let owner = self.nodes.get(text(reference, "/uid")).filter(|owner| {
            owner.resource.group == resource.group
                && owner.resource.plural == resource.plural
                && owner.name == text(reference, "/name")
                && is_reachable(node, owner)
        });
        match owner {
            Some(owner) if owner.deletes_dependents() => Owner::Waiting,
            Some(_) => Owner::Solid,
            None => Owner::Absent,
        }
    }

    /// What should become of an object.
    pub(crate) fn verdict(&self, uid: &str, kinds: Kinds<'_>) -> Verdict {
        let Some(node) = self.nodes.get(uid) else {
            return Verdict::Keep;
        };
        if node.terminating {
            return self.terminating(uid, node);
        }
        if node.owners.is_empty() {
            return Verdict::Keep;
        }
        let (mut solid, mut waiting) = (Vec::new(), false);
        for reference in &node.owners {
            match self.owner(node, reference, kinds) {
                Owner::Solid => solid.push(reference.clone()),
                Owner::Waiting => waiting = true,
                Owner::Absent => {}
                Owner::Unclear => return Verdict::Keep,
            }
        }
        let has_dependents = self.dependents.contains_key(uid);
        if solid.len() == node.owners.len() {
            Verdict::Keep
        } else if !solid.is_empty() {
            Verdict::Release(solid)
        } else if waiting && has_dependents {
            let in_a_cycle = self
                .dependents_of(uid)
                .iter()
                .filter_map(|d| self.nodes.get(d))
                .any(Node::deletes_dependents);
            Verdict::Delete {
                propagation: Propagation::Foreground,
                unblock: in_a_cycle.then(|| unblocked(&node.owners)),
            }
        } else {
            Verdict::Delete {
                propagation: usual(node),
                unblock: None,
            }
        }
    }

    fn terminating(&self, uid: &str, node: &Node) -> Verdict {
        if node.has(ORPHAN) {
            return Verdict::Orphan(self.dependents_of(uid));
        }
        let blocked = || {
            self.dependents_of(uid)
                .iter()
                .filter_map(|d| self.nodes.get(d))
                .any(|d| d.blocks(uid))
        };
        if node.has(FOREGROUND) && !blocked() {
            Verdict::Finish
        } else {
            Verdict::Keep
        }
    }

    /// References of an object to owners that are there, but where it can't have owners.
    pub(crate) fn misplaced(&self, uid: &str) -> Vec<&Value> {
        let Some(node) = self.nodes.get(uid) else {
            return Vec::new();
        };
        let elsewhere = |r: &&Value| {
            self.nodes
                .get(text(r, "/uid"))
                .is_some_and(|owner| !is_reachable(node, owner))
        };
        node.owners.iter().filter(elsewhere).collect()
    }
}

/// Owners are cluster-scoped, or in the namespace of what they own.
fn is_reachable(node: &Node, owner: &Node) -> bool {
    owner.namespace.is_empty() || owner.namespace == node.namespace
}

fn usual(node: &Node) -> Propagation {
    if node.has(ORPHAN) {
        Propagation::Orphan
    } else if node.has(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}

fn unblocked(references: &[Value]) -> Vec<Value> {
    let unblock = |reference: &Value| {
        let mut reference = reference.clone();
        object::set(&mut reference, &["blockOwnerDeletion"], json!(false));
        reference
    };
    references.iter().map(unblock).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::resource::known;

    fn kinds(_: &str, kind: &str) -> Option<Resource> {
        match kind {
            "ConfigMap" => Some(known::CONFIG_MAPS),
            "Secret" => Some(known::SECRETS),
            "Node" => Some(known::NODES),
            _ => None,
        }
    }

    fn object(namespace: &str, name: &str, owners: &[(&str, bool)]) -> Value {
        let reference = |(owner, block): &(&str, bool)| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": owner, "blockOwnerDeletion": block});
        json!({"metadata": {"namespace": namespace, "name": name, "uid": name,
            "ownerReferences": owners.iter().map(reference).collect::<Vec<_>>()}})
    }

    fn deleting(mut object: Value, finalizer: &str) -> Value {
        object["metadata"]["finalizers"] = json!([finalizer]);
        object["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
        object
    }

    fn graph(objects: &[Value]) -> Graph {
        let mut graph = Graph::default();
        for object in objects {
            graph.observe(&known::CONFIG_MAPS, object);
        }
        graph
    }

    fn background() -> Verdict {
        Verdict::Delete {
            propagation: Propagation::Background,
            unblock: None,
        }
    }

    #[test]
    fn an_object_lives_as_long_as_one_owner_does() {
        let mut graph = graph(&[
            object("n", "a", &[]),
            object("n", "c", &[("a", true), ("b", false)]),
        ]);
        assert!(
            matches!(graph.verdict("c", &kinds), Verdict::Release(left) if left.len() == 1 && left[0]["uid"] == "a")
        );
        let affected = graph.forget("a");
        assert_eq!(affected, BTreeSet::from(["c".to_owned()]));
        assert_eq!(graph.verdict("c", &kinds), background());
    }

    #[test]
    fn owners_elsewhere_and_of_unknown_kinds() {
        let mut foreign = object("n", "d", &[("x", false)]);
        let mut graph = graph(&[
            object("other", "x", &[]),
            foreign.clone(),
            object("", "cluster", &[("x", false)]),
        ]);
        assert_eq!(graph.verdict("d", &kinds), background());
        assert_eq!(graph.misplaced("d").len(), 1);
        assert_eq!(graph.verdict("cluster", &kinds), Verdict::Keep);
        assert_eq!(graph.misplaced("cluster").len(), 1);
        foreign["metadata"]["ownerReferences"][0]["kind"] = json!("Unknown");
        foreign["metadata"]["ownerReferences"][0]["uid"] = json!("gone");
        graph.observe(&known::CONFIG_MAPS, &foreign);
        assert_eq!(graph.verdict("d", &kinds), Verdict::Keep);
    }

    #[test]
    fn an_owner_is_looked_up_by_all_that_a_reference_says() {
        let refers = |api_version: &str, kind: &str| {
            let mut object = object("n", "d", &[("o", false)]);
            object["metadata"]["ownerReferences"][0]["apiVersion"] = json!(api_version);
            object["metadata"]["ownerReferences"][0]["kind"] = json!(kind);
            object
        };
        let owner = object("n", "o", &[]);
        let verdict = |dependent: Value| {
            let graph = graph(&[owner.clone(), dependent]);
            graph.verdict("d", &kinds)
        };
        assert_eq!(verdict(refers("v1", "ConfigMap")), Verdict::Keep);
        assert_eq!(verdict(refers("v1beta1", "ConfigMap")), Verdict::Keep);
        assert_eq!(verdict(refers("v1", "Secret")), background());
        assert_eq!(verdict(refers("v1", "Node")), background());
        assert_eq!(verdict(refers("v1", "Unknown")), Verdict::Keep);
        let mut both = refers("v1", "Secret");
        let right = refers("v1", "ConfigMap")["metadata"]["ownerReferences"][0].clone();
        both["metadata"]["ownerReferences"]
            .as_array_mut()
            .unwrap()
            .push(right.clone());
        assert_eq!(verdict(both), Verdict::Release(vec![right]));
    }

    #[test]
    fn a_reference_that_turns_wrong_is_not_looked_at_for_that() {
        let right = object("n", "d", &[("o", false)]);
        let mut graph = graph(&[object("n", "o", &[]), right.clone()]);
        let mut wrong = right.clone();
        wrong["metadata"]["ownerReferences"][0]["kind"] = json!("Secret");
        let of = |uids: &[&str]| -> BTreeSet<String> {
            uids.iter().map(|uid| (*uid).to_owned()).collect()
        };
        assert_eq!(graph.observe(&known::CONFIG_MAPS, &wrong), of(&["o"]));
        assert_eq!(graph.observe(&known::CONFIG_MAPS, &wrong), of(&["d", "o"]));
        let more = object("n", "d", &[("o", false), ("p", false)]);
        let affected = graph.observe(&known::CONFIG_MAPS, &more);
        assert_eq!(affected, of(&["d", "o", "p"]));
    }

    #[test]
    fn while_an_owner_is_of_an_unknown_kind_nothing_is_done() {
        let mut dependent = object("n", "d", &[("gone", false), ("x", false)]);
        dependent["metadata"]["ownerReferences"][1]["kind"] = json!("Unknown");
        let graph = graph(&[dependent]);
        assert_eq!(graph.verdict("d", &kinds), Verdict::Keep);
    }

    #[test]
    fn a_foreground_owner_waits_for_those_that_block_it() {
        let owner = deleting(object("n", "o", &[]), FOREGROUND);
        let mut graph = graph(&[
            owner,
            object("n", "blocks", &[("o", true)]),
            object("n", "free", &[("o", false)]),
        ]);
        assert_eq!(graph.verdict("o", &kinds), Verdict::Keep);
        assert_eq!(graph.verdict("blocks", &kinds), background());
        assert_eq!(graph.verdict("free", &kinds), background());
        assert!(graph.forget("blocks").contains("o"));
        assert_eq!(graph.verdict("o", &kinds), Verdict::Finish);
    }

    #[test]
    fn a_dependent_with_dependents_goes_in_the_foreground_and_cycles_are_cut() {
        let owner = deleting(object("n", "o", &[("m", true)]), FOREGROUND);
        let graph = graph(&[owner, object("n", "m", &[("o", true)])]);
        let Verdict::Delete {
            propagation,
            unblock: Some(references),
        } = graph.verdict("m", &kinds)
        else {
            panic!("no cycle seen");
        };
        assert_eq!(propagation, Propagation::Foreground);
        assert_eq!(references[0]["blockOwnerDeletion"], false);
    }

    #[test]
    fn orphaning_names_the_dependents() {
        let owner = deleting(object("n", "o", &[]), ORPHAN);
        let graph = graph(&[owner, object("n", "d", &[("o", true)])]);
        assert_eq!(
            graph.verdict("o", &kinds),
            Verdict::Orphan(vec!["d".to_owned()])
        );
        assert_eq!(graph.verdict("d", &kinds), Verdict::Keep);
    }
}
