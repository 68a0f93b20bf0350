//! Where a pod goes, as a pure function of nodes and pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use machinery::quantity::Quantity;
use serde_json::Value;

use super::residents::{Load, Residents};
use crate::builtin::object::{self, flag, items, text};

/// Where a pod has its required node affinity.
const REQUIRED: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// The outcome for one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fit {
    /// This node.
    Node(String),
    /// None, and why, in the scheduler's words.
    None(String),
}

/// The first node that takes the pod: those with the fewest pods come first. `unfit` is asked last, and says what else is
/// wrong with a node.
pub(crate) fn place(
    pod: &Value,
    nodes: impl Iterator<Item = Arc<Value>>,
    residents: &Residents,
    unfit: &dyn Fn(&Value) -> Option<&'static str>,
) -> Fit {
    let wanted = Wants::of(pod);
    let named = named_nodes(pod);
    let mut refusals: Vec<Refusal> = Vec::new();
    for node in nodes {
        let name = object::name(&node);
        let refusal = if named.as_ref().is_some_and(|named| !named.contains(name)) {
            Some(Refusal::lasting(
                "node(s) didn't satisfy plugin(s) [NodeAffinity]",
            ))
        } else {
            refusal(pod, &node, &wanted, residents.load(name))
        };
        match refusal.or_else(|| unfit(&node).map(Refusal::lasting)) {
            Some(refusal) => refusals.push(refusal),
            None => return Fit::Node(name.to_owned()),
        }
    }
    Fit::None(explained(refusals.len(), &refusals))
}

/// Why a node doesn't take a pod.
struct Refusal {
    reasons: Vec<String>,
    /// Whether the node might take it if other pods went.
    is_for_pods: bool,
}

impl Refusal {
    /// One that stays, whichever pods go.
    fn lasting(reason: &str) -> Self {
        Self {
            reasons: vec![reason.to_owned()],
            is_for_pods: false,
        }
    }
}

/// The scheduler's message (`FitError.Error` of `framework/types.go`), after it looked for pods to preempt in vain.
fn explained(nodes: usize, refusals: &[Refusal]) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let reasons = refusals.iter().flat_map(|refusal| &refusal.reasons);
    let preemption = refusals.iter().map(|refusal| {
        if refusal.is_for_pods {
            "No preemption victims found for incoming pod"
        } else {
            "Preemption is not helpful for scheduling"
        }
    });
    format!(
        "0/{nodes} nodes are available: {}. no new claims to deallocate, preemption: 0/{nodes} nodes are available: {}.",
        counted(reasons.map(String::as_str)),
        counted(preemption)
    )
}

/// Each text with how often it comes, sorted.
fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_insert(0) += 1;
    }
    let mut lines: Vec<String> = counts
        .iter()
        .map(|(text, count)| format!("{count} {text}"))
        .collect();
    lines.sort();
    lines.join(", ")
}

/// Why a node doesn't take the pod; `None` if it does. In the order of the scheduler's filters.
fn refusal(pod: &Value, node: &Value, wanted: &Wants, load: Option<&Load>) -> Option<Refusal> {
    if flag(node, "/spec/unschedulable")
        && !tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule")
    {
        return Some(Refusal::lasting("node(s) were unschedulable"));
    }
    let taint = items(node, "/spec/taints").iter().find(|t| {
        let effect = text(t, "/effect");
        effect != "PreferNoSchedule" && !tolerates(pod, text(t, "/key"), text(t, "/value"), effect)
    });
    if taint.is_some() {
        return Some(Refusal::lasting("node(s) had untolerated taint(s)"));
    }
    if !is_selected(pod, node) {
        return Some(Refusal::lasting(
            "node(s) didn't match Pod's node affinity/selector",
        ));
    }
    let taken = load.map_or(&[][..], |load| &load.ports);
    let conflicts = |port: &HostPort| taken.iter().any(|other| port.conflicts(other));
    if wanted.ports.iter().any(conflicts) {
        return Some(Refusal {
            reasons: vec!["node(s) didn't have free ports for the requested pod ports".to_owned()],
            is_for_pods: true,
        });
    }
    lacking(node, wanted, load)
}

/// What a pod takes of its node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// What it asks for, in thousandths: the sum over its containers, or the largest init container where that is more.
    pub(super) requests: BTreeMap<String, i64>,
    /// Its ports of the node.
    pub(super) ports: Vec<HostPort>,
}

impl Wants {
    pub(super) fn of(pod: &Value) -> Self {
        Self {
            requests: requests(pod),
            ports: host_ports(pod),
        }
    }
}

/// A port of its node that a pod takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    address: String,
    protocol: String,
    port: i64,
}

impl HostPort {
    const EVERY_ADDRESS: &'static str = "0.0.0.0";

    fn conflicts(&self, other: &Self) -> bool {
        let is_every = |port: &Self| port.address == Self::EVERY_ADDRESS;
        (&self.protocol, self.port) == (&other.protocol, other.port)
            && (is_every(self) || is_every(other) || self.address == other.address)
    }
}

fn said(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise } else { text }.to_owned()
}

/// The ports of its node that a pod's containers take, init containers only where they keep running.
fn host_ports(pod: &Value) -> Vec<HostPort> {
    let stay = items(pod, "/spec/initContainers")
        .iter()
        .filter(|container| text(container, "/restartPolicy") == "Always");
    items(pod, "/spec/containers")
        .iter()
        .chain(stay)
        .flat_map(|container| items(container, "/ports"))
        .map(|port| HostPort {
            address: said(text(port, "/hostIP"), HostPort::EVERY_ADDRESS),
            protocol: said(text(port, "/protocol"), "TCP"),
            port: object::count(port, "/hostPort"),
        })
        .filter(|port| port.port > 0)
        .collect()
}

/// Whether a node is one that the pod's node selector and required node affinity name.
pub(crate) fn is_selected(pod: &Value, node: &Value) -> bool {
    let labels = object::labels(node);
    object::string_map(pod, "/spec/nodeSelector")
        .iter()
        .all(|(k, v)| labels.get(k) == Some(v))
        && affinity_matches(pod, node, &labels)
}

/// The nodes that a pod's required affinity names, as each pod of a DaemonSet does; the others aren't even looked at. `None` where
/// one of the terms names none, and where none is left, which is told of each node (`NodeAffinity.PreFilter`).
fn named_nodes(pod: &Value) -> Option<BTreeSet<&str>> {
    let mut named = BTreeSet::new();
    for term in items(pod, &format!("{REQUIRED}/nodeSelectorTerms")) {
        let fields = items(term, "/matchFields").iter();
        let fields =
            fields.filter(|f| text(f, "/key") == "metadata.name" && text(f, "/operator") == "In");
        let values = |field| items(field, "/values").iter().filter_map(Value::as_str);
        let sets = fields.map(|field| values(field).collect::<BTreeSet<&str>>());
        named.extend(sets.reduce(|all, one| &all & &one)?);
    }
    (!named.is_empty()).then_some(named)
}

/// Whether a pod tolerates a taint.
pub(crate) fn tolerates(pod: &Value, key: &str, value: &str, effect: &str) -> bool {
    items(pod, "/spec/tolerations").iter().any(|t| {
        let key_fits = match text(t, "/key") {
            "" => text(t, "/operator") == "Exists",
            k => k == key,
        };
        let value_fits = text(t, "/operator") == "Exists" || text(t, "/value") == value;
        key_fits && value_fits && matches!(text(t, "/effect"), e if e.is_empty() || e == effect)
    })
}

fn affinity_matches(pod: &Value, node: &Value, labels: &BTreeMap<String, String>) -> bool {
    let Some(required) = pod.pointer(REQUIRED).filter(|r| !r.is_null()) else {
        return true;
    };
    selector_matches(required, node, labels)
}

/// Whether a node is one of those that a node selector (`nodeSelectorTerms`) names.
pub(crate) fn selector_matches(
    selector: &Value,
    node: &Value,
    labels: &BTreeMap<String, String>,
) -> bool {
    let field = |key: &str| (key == "metadata.name").then(|| object::name(node));
    items(selector, "/nodeSelectorTerms").iter().any(|term| {
        let (expressions, fields) = (
            items(term, "/matchExpressions"),
            items(term, "/matchFields"),
        );
        (!expressions.is_empty() || !fields.is_empty())
            && expressions
                .iter()
                .all(|e| requirement_holds(e, labels.get(text(e, "/key")).map(String::as_str)))
            && fields
                .iter()
                .all(|e| requirement_holds(e, field(text(e, "/key"))))
    })
}

fn requirement_holds(requirement: &Value, actual: Option<&str>) -> bool {
    let values: Vec<&str> = items(requirement, "/values")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let listed = actual.is_some_and(|a| values.contains(&a));
    let number = |s: &str| s.parse::<i64>().ok();
    let bound = || Some((number(actual?)?, number(values.first()?)?));
    match text(requirement, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => actual.is_some(),
        "DoesNotExist" => actual.is_none(),
        "Gt" => bound().is_some_and(|(a, b)| a > b),
        "Lt" => bound().is_some_and(|(a, b)| a < b),
        _ => false,
    }
}

/// What a node has too little of for a pod.
fn lacking(node: &Value, wanted: &Wants, load: Option<&Load>) -> Option<Refusal> {
    let allocatable = node
        .pointer("/status/allocatable")
        .and_then(Value::as_object);
    let room = |name: &str| {
        let amount = allocatable.and_then(|all| all.get(name)?.as_str());
        amount.map_or(0, milli)
    };
    let mut refusal = Refusal {
        reasons: Vec::new(),
        is_for_pods: true,
    };
    let pods = load.map_or(0, |load| load.pods);
    if room("pods") < 1000 * (i64::try_from(pods).unwrap_or(i64::MAX / 2000) + 1) {
        refusal.reasons.push("Too many pods".to_owned());
    }
    for (name, amount) in wanted.requests.iter().filter(|(_, amount)| **amount > 0) {
        let used = load.and_then(|load| load.requests.get(name)).copied();
        if room(name).saturating_sub(used.unwrap_or(0)) < *amount {
            refusal.reasons.push(format!("Insufficient {name}"));
            refusal.is_for_pods &= *amount <= room(name);
        }
    }
    (!refusal.reasons.is_empty()).then_some(refusal)
}

fn milli(quantity: &str) -> i64 {
    Quantity::parse(quantity).map_or(0, |q| q.milli_value())
}

/// What a pod asks for, in thousandths: its containers and sidecars together, or an init container with the sidecars before it
/// where that is more; what the pod asks for as a whole instead; and what it costs beside (`component-helpers`, `PodRequests`).
pub(crate) fn requests(pod: &Value) -> BTreeMap<String, i64> {
    let list = |holder: &Value, pointer: &str| -> BTreeMap<String, i64> {
        let amounts = object::string_map(holder, pointer).into_iter();
        amounts.map(|(name, q)| (name, milli(&q))).collect()
    };
    let of = |container: &Value| list(container, "/resources/requests");
    let add = |to: &mut BTreeMap<String, i64>, more: &BTreeMap<String, i64>| {
        for (name, amount) in more {
            let entry = to.entry(name.clone()).or_insert(0);
            *entry = entry.saturating_add(*amount);
        }
    };
    let mut sum = BTreeMap::new();
    for container in items(pod, "/spec/containers") {
        add(&mut sum, &of(container));
    }
    let (mut sidecars, mut most) = (BTreeMap::new(), BTreeMap::new());
    for container in items(pod, "/spec/initContainers") {
        let own = of(container);
        let mut then = sidecars.clone();
        add(&mut then, &own);
        if text(container, "/restartPolicy") == "Always" {
            add(&mut sum, &own);
            sidecars.clone_from(&then);
        }
        for (name, amount) in then {
            let entry = most.entry(name).or_insert(0);
            *entry = amount.max(*entry);
        }
    }
    for (name, amount) in most {
        let entry = sum.entry(name).or_insert(0);
        *entry = amount.max(*entry);
    }
    sum.extend(list(pod, "/spec/resources/requests"));
    add(&mut sum, &list(pod, "/spec/overhead"));
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"zone": name}}, "status": {"allocatable": {"cpu": "2", "pods": "2"}}})
    }

    fn pod(spec: &Value) -> Value {
        let mut pod = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "500m"}}}]}});
        for (key, value) in spec.as_object().unwrap() {
            pod["spec"][key] = value.clone();
        }
        pod
    }

    fn fit(pod: &Value, nodes: &[Value], pods: &[Value]) -> Fit {
        let mut residents = Residents::default();
        for node in nodes {
            residents.note_node(object::name(node), true);
        }
        for (number, pod) in pods.iter().enumerate() {
            let key = (String::new(), number.to_string());
            residents.note_pod(key, Some(pod));
        }
        let node = |name: &str| nodes.iter().find(|node| object::name(node) == name);
        let nodes = residents.nodes().filter_map(node).cloned().map(Arc::new);
        place(pod, nodes, &residents, &|_| None)
    }

    #[test]
    fn pods_spread_by_count_then_name() {
        let nodes = [node("a"), node("b")];
        let there = pod(&json!({"nodeName": "a"}));
        assert_eq!(
            fit(&pod(&json!({})), &nodes, &[]),
            Fit::Node("a".to_owned())
        );
        assert_eq!(
            fit(&pod(&json!({})), &nodes, &[there]),
            Fit::Node("b".to_owned())
        );
    }

    #[test]
    fn selectors_affinity_and_taints_narrow_the_choice() {
        let mut nodes = [node("a"), node("b")];
        assert_eq!(
            fit(&pod(&json!({"nodeSelector": {"zone": "b"}})), &nodes, &[]),
            Fit::Node("b".to_owned())
        );
        let terms =
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]);
        let affine = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
        assert_eq!(fit(&pod(&affine), &nodes, &[]), Fit::Node("b".to_owned()));
        nodes[0]["spec"] = json!({"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]});
        assert_eq!(
            fit(&pod(&json!({})), &nodes, &[]),
            Fit::Node("b".to_owned())
        );
        let tolerant =
            pod(&json!({"tolerations": [{"key": "k", "operator": "Equal", "value": "v"}]}));
        assert_eq!(fit(&tolerant, &nodes, &[]), Fit::Node("a".to_owned()));
    }

    #[test]
    fn nodes_that_a_pod_does_not_name_are_not_looked_at() {
        let term =
            json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]});
        let terms = |terms: Value| {
            json!({"containers": [{"resources": {"requests": {"cpu": "3"}}}], "affinity": {"nodeAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
        };
        let told = |spec: &Value| match fit(&pod(spec), &[node("a"), node("b")], &[]) {
            Fit::None(told) => told[..told.find(". no new").unwrap()].to_owned(),
            Fit::Node(name) => name,
        };
        assert_eq!(
            told(&terms(json!([term]))),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]"
        );
        let zone =
            json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["c"]}]});
        assert_eq!(
            told(&terms(json!([term, zone]))),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector"
        );
    }

    #[test]
    fn sidecars_run_beside_containers_and_later_init_containers() {
        let asks = |cpu: &str| json!({"requests": {"cpu": cpu}});
        let mut pod = pod(&json!({
            "initContainers": [{"resources": asks("900m")}, {"restartPolicy": "Always", "resources": asks("300m")}, {"resources": asks("700m")}],
            "overhead": {"cpu": "50m"},
        }));
        assert_eq!(requests(&pod), BTreeMap::from([("cpu".to_owned(), 1050)]));
        pod["spec"]["initContainers"][2]["resources"] = asks("100m");
        pod["spec"]["initContainers"][0]["resources"] = asks("100m");
        assert_eq!(requests(&pod), BTreeMap::from([("cpu".to_owned(), 850)]));
        pod["spec"]["resources"] = asks("2");
        assert_eq!(requests(&pod), BTreeMap::from([("cpu".to_owned(), 2050)]));
    }

    #[test]
    fn a_pod_nobody_takes_is_told_why() {
        let mut nodes = [node("a"), node("b")];
        nodes[1]["spec"] = json!({"unschedulable": true});
        let big = pod(&json!({"containers": [{"resources": {"requests": {"cpu": "3"}}}]}));
        assert_eq!(
            fit(&big, &nodes, &[]),
            Fit::None(
                "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. no new claims to deallocate, \
                 preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
                    .to_owned()
            )
        );
    }

    fn ports(ports: &Value) -> Value {
        pod(&json!({"nodeName": "a", "containers": [{"name": "c", "ports": ports}]}))
    }

    #[test]
    fn a_port_of_a_node_is_taken_once() {
        let there = ports(&json!([{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]));
        assert_eq!(
            fit(&there, &[node("a")], std::slice::from_ref(&there)),
            Fit::None(
                "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to \
                 deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
                    .to_owned()
            )
        );
        let fits = |wanted: &Value, taken: &Value| {
            let (wanted, taken) = (ports(&json!([wanted])), ports(&json!([taken])));
            matches!(fit(&wanted, &[node("a")], &[taken]), Fit::Node(_))
        };
        let everywhere = json!({"hostPort": 80, "hostIP": "0.0.0.0"});
        let here = json!({"hostPort": 80, "hostIP": "127.0.0.1"});
        let elsewhere = json!({"hostPort": 80, "hostIP": "127.0.0.2"});
        let datagrams = json!({"hostPort": 80, "protocol": "UDP"});
        assert!(!fits(&everywhere, &here) && !fits(&here, &everywhere) && !fits(&here, &here));
        assert!(fits(&here, &elsewhere) && fits(&datagrams, &everywhere));
        let none = json!({"containerPort": 80});
        assert!(fits(&none, &none));
    }
}
