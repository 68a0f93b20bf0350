//! Addresses of nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use machinery::meta;
use serde_json::Value;

/// Which addresses of a node are taken if it has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Those within the cluster.
    #[default]
    Internal,
    /// Those from outside.
    External,
}

impl Preference {
    fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// What is looked at of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Identity over time.
    pub uid: String,
    /// Addresses of type `InternalIP`.
    pub internal: Vec<String>,
    /// Addresses of type `ExternalIP`.
    pub external: Vec<String>,
    /// Whether its kubelet tells how it is.
    pub known: bool,
}

impl Node {
    /// What is looked at of an object.
    pub fn of(object: &Value) -> Self {
        let list = |place: &str| object.pointer(place).and_then(Value::as_array);
        let text = |value: &Value, field: &str| {
            let text = value.get(field).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let addresses = |kind: &str| {
            let all = list("/status/addresses").into_iter().flatten();
            let of_kind = all.filter(|one| text(one, "type") == kind);
            of_kind.map(|one| text(one, "address")).collect()
        };
        let conditions = list("/status/conditions").into_iter().flatten();
        let mut ready = conditions.filter(|one| text(one, "type") == "Ready");
        Self {
            name: meta::name(object).to_owned(),
            uid: meta::uid(object).to_owned(),
            internal: addresses("InternalIP"),
            external: addresses("ExternalIP"),
            known: ready.any(|one| text(one, "status") != "Unknown"),
        }
    }
}

/// An address of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// The address, as the node says it.
    pub address: String,
    /// Whether it is one of IPv4.
    pub is_v4: bool,
    /// Name of the node.
    pub node: String,
    /// The node's identity.
    pub uid: String,
}

/// All addresses, in the order of the nodes' names, and what is wrong with nodes that have none. A node that nobody knows
/// anything of any more leaves its address to one that has the same.
pub fn addresses(nodes: &[Node], preference: Preference) -> (Vec<NodeAddress>, Vec<String>) {
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    let mut errors = Vec::new();
    let mut found = Vec::new();
    let priority = preference.name();
    for node in nodes {
        let (first, second) = match preference {
            Preference::Internal => (&node.internal, &node.external),
            Preference::External => (&node.external, &node.internal),
        };
        let chosen = if first.is_empty() { second } else { first };
        if chosen.is_empty() {
            errors.push(format!(
                "failed to determine hostname for node {:?} (priority: {priority}): host address unknown",
                node.name
            ));
        }
        for address in chosen {
            match address.parse::<IpAddr>() {
                Ok(ip) => found.push((node, address, ip.to_canonical().is_ipv4())),
                Err(_) => errors.push(format!(
                    "failed to parse IP address {address:?} for node {:?} (priority: {priority})",
                    node.name
                )),
            }
        }
    }
    let known: BTreeMap<&String, &String> = found
        .iter()
        .filter(|(node, ..)| node.known)
        .map(|(node, address, _)| (*address, &node.name))
        .collect();
    let unknown: BTreeSet<&String> = found
        .iter()
        .filter(|(node, ..)| !node.known)
        .map(|(_, address, _)| *address)
        .collect();
    let keeps = |(node, address, _): &(&Node, &String, bool)| {
        let better = known.get(address).filter(|_| unknown.contains(address));
        better.is_none_or(|name| **name == node.name)
    };
    let kept = found.iter().filter(|one| keeps(one));
    let addresses = kept.map(|(node, address, is_v4)| NodeAddress {
        address: (*address).clone(),
        is_v4: *is_v4,
        node: node.name.clone(),
        uid: node.uid.clone(),
    });
    (addresses.collect(), errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn node(name: &str, internal: &[&str], external: &[&str]) -> Node {
        Node {
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            internal: texts(internal),
            external: texts(external),
            known: true,
        }
    }

    fn shown(nodes: &[Node], preference: Preference) -> Vec<String> {
        let (found, _) = addresses(nodes, preference);
        let found = found.iter();
        found
            .map(|one| format!("{} {} {}", one.node, one.address, one.is_v4))
            .collect()
    }

    #[test]
    fn all_addresses_of_the_preferred_type_are_taken_in_order_of_names() {
        let nodes = [
            node("b", &["10.0.0.2", "fd00::2"], &["1.1.1.2"]),
            node("a", &["::ffff:10.0.0.1"], &[]),
            node("c", &[], &["1.1.1.3"]),
        ];
        let internal = [
            "a ::ffff:10.0.0.1 true",
            "b 10.0.0.2 true",
            "b fd00::2 false",
            "c 1.1.1.3 true",
        ];
        assert_eq!(shown(&nodes, Preference::Internal), internal);
        let external = ["a ::ffff:10.0.0.1 true", "b 1.1.1.2 true", "c 1.1.1.3 true"];
        assert_eq!(shown(&nodes, Preference::External), external);
    }

    #[test]
    fn nodes_without_a_usable_address_are_named() {
        let nodes = [node("b", &["host"], &[]), node("a", &[], &[])];
        let (found, errors) = addresses(&nodes, Preference::External);
        assert_eq!(found, []);
        let expected = [
            "failed to determine hostname for node \"a\" (priority: external): host address unknown",
            "failed to parse IP address \"host\" for node \"b\" (priority: external)",
        ];
        assert_eq!(errors, expected);
    }

    #[test]
    fn a_node_that_fell_silent_leaves_its_address_to_its_successor() {
        let silent = |name: &str, address: &str| Node {
            known: false,
            ..node(name, &[address], &[])
        };
        let nodes = [
            silent("old", "10.0.0.1"),
            node("new", &["10.0.0.1"], &[]),
            silent("alone", "10.0.0.3"),
        ];
        let expected = ["alone 10.0.0.3 true", "new 10.0.0.1 true"];
        assert_eq!(shown(&nodes, Preference::Internal), expected);
    }

    #[test]
    fn a_node_is_known_if_its_kubelet_says_anything() {
        let of = |status: &str| {
            let conditions = json!([{"type": "Ready", "status": status}, {"type": "DiskPressure", "status": "False"}]);
            Node::of(
                &json!({"metadata": {"name": "n", "uid": "u"}, "status": {"conditions": conditions, "addresses": [
                {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "n"}, {"type": "ExternalIP", "address": "1.1.1.1"}]}}),
            )
        };
        let expected = Node {
            uid: "u".to_owned(),
            ..node("n", &["10.0.0.1"], &["1.1.1.1"])
        };
        assert_eq!(of("False"), expected);
        assert!(!of("Unknown").known);
        assert!(!Node::of(&json!({"metadata": {"name": "n"}})).known);
    }
}
