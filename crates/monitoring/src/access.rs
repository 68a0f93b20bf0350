//! What the monitoring controllers need rights for: what they were seen to call, and the little that no recorded call shows.
//! Their client sends nothing else, and manifests are printed from here.
//!
//! `data/rights.txt` is written by `cargo xtask generate`, which plays every scenario and notes what the controllers ask a
//! simulated API server for; a test drops one right after the other and sees a scenario change. Of those in `BY_HAND` that is
//! so for nodes and Endpoints alone.

use std::collections::BTreeSet;

#[cfg(test)]
use runtime::access::recorded;
use runtime::access::{Right, Verb, of_recording};
use runtime::{Account, ResourceRef};
use serde_json::{Value, json};

/// Name of the controllers' `ServiceAccount`; upstream's.
pub const NAME: &str = "prometheus-operator";

/// What the controllers were seen to call: a right a line, and where it was seen to be needed.
pub const CALLED: &str = include_str!("../data/rights.txt");

/// What the references that block the deletion of a workload need.
const BLOCKED: &str = "what is made blocks the deletion of its owner, and clusters that enforce permissions of owner \
                       references, as OpenShift does, let only those set that who may set the owner's finalizers";

/// Rights of calls that no scenario makes, each with what it is for.
pub const BY_HAND: &[(&str, &str)] = &[
    (
        "get namespaces",
        "`--namespaces` where they may not be listed: labels of namespaces, by which objects are selected",
    ),
    ("get alertmanagerconfigs.monitoring.coreos.com", CONFLICT),
    ("get podmonitors.monitoring.coreos.com", CONFLICT),
    ("get probes.monitoring.coreos.com", CONFLICT),
    ("get servicemonitors.monitoring.coreos.com", CONFLICT),
    ("list nodes", KUBELETS),
    ("get endpoints", KUBELETS),
    ("create endpoints", KUBELETS),
    ("update endpoints", KUBELETS),
    ("list endpointslices.discovery.k8s.io", KUBELETS),
    ("create endpointslices.discovery.k8s.io", KUBELETS),
    ("update endpointslices.discovery.k8s.io", KUBELETS),
    ("delete endpointslices.discovery.k8s.io", KUBELETS),
];

/// What the Service of the kubelets needs.
const KUBELETS: &str =
    "`--kubelet-service`: the Service of the kubelets, with an address for each node";

/// Why what is only watched may have to be read.
const CONFLICT: &str =
    "after a conflict an object is read anew, as the others of its kind were seen to be";

/// Rights that are no calls: an API server looks for them while it admits another one. Each with what it is for.
pub const LOOKED_FOR: &[(&str, &str)] = &[
    (
        "update alertmanagers/finalizers.monitoring.coreos.com",
        BLOCKED,
    ),
    (
        "update prometheuses/finalizers.monitoring.coreos.com",
        BLOCKED,
    ),
    (
        "update prometheusagents/finalizers.monitoring.coreos.com",
        BLOCKED,
    ),
    (
        "update thanosrulers/finalizers.monitoring.coreos.com",
        BLOCKED,
    ),
];

/// The `ServiceAccount` of the controllers in a namespace.
pub fn account(namespace: impl Into<String>) -> Account {
    Account {
        name: NAME,
        namespace: namespace.into(),
        namespaced: false,
        labels: json!({
            "app.kubernetes.io/component": "controller",
            "app.kubernetes.io/name": NAME,
        }),
    }
}

/// Whom the controllers act as, and what they are granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The namespace they run in.
    pub namespace: String,
    /// The namespaces they look after, with a Role in each; none for all, with a ClusterRole.
    pub namespaces: BTreeSet<String>,
    /// Whether agents may run on every node.
    pub daemon_sets: bool,
    /// Whether Secrets of the whole cluster may be listed and watched, so that their changes are seen at once. In namespaces
    /// they may always be.
    pub watches_secrets: bool,
}

impl Grants {
    /// The account, its roles and their bindings, in an order in which they can be applied.
    pub fn objects(&self) -> Vec<(ResourceRef, Value)> {
        self.objects_with(&rights())
    }

    /// The same of these rights.
    pub fn objects_with(&self, rights: &[Right]) -> Vec<(ResourceRef, Value)> {
        let rights = rights.iter().filter(|right| self.includes(right));
        let rights: Vec<Right> = rights.cloned().collect();
        let account = account(self.namespace.clone());
        if self.namespaces.is_empty() {
            return account.objects(&rights).into();
        }
        let (own, rights): (Vec<Right>, Vec<Right>) = rights
            .into_iter()
            .filter(ends_with_a_namespace)
            .partition(|right| right.resource == "leases");
        let mut objects = vec![account.account()];
        let places = self.namespaces.iter().chain([&self.namespace]);
        for place in places.collect::<BTreeSet<&String>>() {
            let mut granted = Vec::new();
            if self.namespaces.contains(place) {
                granted.extend(rights.iter().cloned());
            }
            if *place == self.namespace {
                granted.extend(own.iter().cloned());
            }
            objects.extend(account.granted_in(place, &granted));
        }
        objects
    }

    fn includes(&self, right: &Right) -> bool {
        match (right.resource.as_str(), right.verb) {
            ("daemonsets", _) => self.daemon_sets,
            ("secrets", Verb::List | Verb::Watch) => {
                self.watches_secrets || !self.namespaces.is_empty()
            }
            _ => true,
        }
    }
}

/// Whether a Role can grant a right, or is worth it: what is of the cluster it can't, but for reading the namespace that it is
/// in, and without nodes there is no Service of the kubelets.
fn ends_with_a_namespace(right: &Right) -> bool {
    match right.resource.as_str() {
        "namespaces" => right.verb == Verb::Get,
        "nodes"
        | "storageclasses"
        | "selfsubjectaccessreviews"
        | "endpoints"
        | "endpointslices" => false,
        _ => true,
    }
}

/// All rights, by group and resource.
pub fn rights() -> Vec<Right> {
    let others = LOOKED_FOR.iter().chain(BY_HAND);
    of_recording(CALLED, others.map(|(right, _)| *right))
}

#[test]
fn every_line_of_the_recording_is_a_right_or_a_remark() {
    let lines = CALLED.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        assert!(recorded(line).is_some(), "{line:?}");
    }
    for (text, _) in LOOKED_FOR.iter().chain(BY_HAND) {
        assert!(text.parse::<Right>().is_ok(), "{text}");
    }
    assert!(rights().len() > 60);
}

#[test]
fn rights_in_namespaces_are_roles_that_name_nothing_of_the_cluster() {
    let mut grants = Grants {
        namespace: "own".to_owned(),
        namespaces: ["a", "b"].map(str::to_owned).into(),
        ..Grants::default()
    };
    let said = |grants: &Grants| -> Vec<String> {
        let objects = grants.objects().into_iter().map(|(_, object)| object);
        let said = |object: Value| {
            use machinery::meta::{kind, namespace};
            let rules = object.get("rules").and_then(Value::as_array);
            let rules = rules.map_or(0, Vec::len);
            format!("{} {:?} {rules}", kind(&object), namespace(&object))
        };
        objects.map(said).collect()
    };
    let text = said(&grants);
    let kinds: Vec<&str> = text
        .iter()
        .map(|one| one.rsplit_once(' ').map_or("", |(kind, _)| kind))
        .collect();
    assert_eq!(
        kinds,
        [
            "ServiceAccount \"own\"",
            "Role \"a\"",
            "RoleBinding \"a\"",
            "Role \"b\"",
            "RoleBinding \"b\"",
            "Role \"own\"",
            "RoleBinding \"own\"",
        ]
    );
    assert_eq!(text[5], "Role \"own\" 1", "a Lease and nothing else");
    let text = |grants: &Grants| format!("{:?}", grants.objects());
    for resource in ["daemonsets", "nodes", "endpoints", "storageclasses"] {
        assert!(!text(&grants).contains(resource), "{resource}");
    }
    grants.daemon_sets = true;
    assert!(text(&grants).contains("daemonsets"));
    grants.namespaces.clear();
    assert_eq!(said(&grants).len(), 3);
    assert!(text(&grants).contains("storageclasses"));
}

#[test]
fn secrets_of_the_whole_cluster_are_listed_only_where_that_is_asked_for() {
    let verbs = |grants: &Grants| -> Value {
        let objects = grants.objects().into_iter().map(|(_, object)| object);
        let rules = objects.filter_map(|object| object.get("rules")?.as_array().cloned());
        let of_secrets = |rule: &Value| rule.pointer("/resources/0") == Some(&json!("secrets"));
        let mut found = rules.flatten().filter(of_secrets);
        found
            .next()
            .and_then(|rule| rule.get("verbs").cloned())
            .unwrap_or_default()
    };
    let mut grants = Grants::default();
    assert_eq!(verbs(&grants), json!(["get", "create", "update", "delete"]));
    grants.watches_secrets = true;
    let all = json!(["get", "list", "watch", "create", "update", "delete"]);
    assert_eq!(verbs(&grants), all);
    let in_one = Grants {
        namespaces: ["a".to_owned()].into(),
        ..Grants::default()
    };
    assert_eq!(verbs(&in_one), all);
}
