//! What the monitoring controllers need rights for. Their client sends nothing else, and manifests are printed from here.

use runtime::Account;
use runtime::access::Right;
use serde_json::json;

/// Name of the controllers' `ServiceAccount`; upstream's.
pub const NAME: &str = "prometheus-operator";

/// A resource with its group, and what is done to its objects. `finalizers` are never called: what is made blocks the deletion
/// of its owner, and clusters that enforce permissions of owner references let only those set that who may update them.
const USED: &[(&str, &str)] = &[
    (
        "alertmanagerconfigs.monitoring.coreos.com",
        "get list watch",
    ),
    ("alertmanagerconfigs/status.monitoring.coreos.com", "patch"),
    (
        "alertmanagers.monitoring.coreos.com",
        "get list watch patch",
    ),
    ("alertmanagers/finalizers.monitoring.coreos.com", "update"),
    ("alertmanagers/status.monitoring.coreos.com", "patch"),
    ("configmaps", "get list watch create update delete"),
    ("endpoints", "get create update"),
    (
        "endpointslices.discovery.k8s.io",
        "list create update delete",
    ),
    ("events.events.k8s.io", "create patch"),
    ("leases.coordination.k8s.io", "get create update"),
    ("namespaces", "list watch"),
    ("nodes", "list"),
    ("podmonitors.monitoring.coreos.com", "get list watch"),
    ("podmonitors/status.monitoring.coreos.com", "patch"),
    ("pods", "list patch delete"),
    ("pods/eviction", "create"),
    ("probes.monitoring.coreos.com", "get list watch"),
    ("probes/status.monitoring.coreos.com", "patch"),
    (
        "prometheusagents.monitoring.coreos.com",
        "get list watch patch",
    ),
    (
        "prometheusagents/finalizers.monitoring.coreos.com",
        "update",
    ),
    ("prometheusagents/status.monitoring.coreos.com", "patch"),
    ("prometheuses.monitoring.coreos.com", "get list watch patch"),
    ("prometheuses/finalizers.monitoring.coreos.com", "update"),
    ("prometheuses/status.monitoring.coreos.com", "patch"),
    ("prometheusrules.monitoring.coreos.com", "get list watch"),
    ("prometheusrules/status.monitoring.coreos.com", "patch"),
    ("scrapeconfigs.monitoring.coreos.com", "get list watch"),
    ("scrapeconfigs/status.monitoring.coreos.com", "patch"),
    ("secrets", "get list watch create update delete"),
    ("selfsubjectaccessreviews.authorization.k8s.io", "create"),
    ("servicemonitors.monitoring.coreos.com", "get list watch"),
    ("servicemonitors/status.monitoring.coreos.com", "patch"),
    ("services", "get create update"),
    (
        "statefulsets.apps",
        "get list watch create update patch delete",
    ),
    ("storageclasses.storage.k8s.io", "get"),
    ("thanosrulers.monitoring.coreos.com", "get list watch patch"),
    ("thanosrulers/finalizers.monitoring.coreos.com", "update"),
    ("thanosrulers/status.monitoring.coreos.com", "patch"),
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

/// All rights, by group and resource.
pub fn rights() -> Vec<Right> {
    let each = USED.iter().flat_map(|(resource, verbs)| {
        let verbs = verbs.split(' ');
        verbs.filter_map(move |verb| format!("{verb} {resource}").parse().ok())
    });
    let mut rights: Vec<Right> = each.collect();
    rights.sort_unstable();
    rights
}

#[test]
fn every_line_is_as_many_rights_as_it_has_verbs() {
    let verbs = USED.iter().map(|(_, verbs)| verbs.split(' ').count());
    assert_eq!(rights().len(), verbs.sum::<usize>());
}
