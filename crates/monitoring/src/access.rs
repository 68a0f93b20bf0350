//! What the monitoring controllers need rights for: what they were seen to call, and the little that no recorded call shows.
//! Their client sends nothing else, and manifests are printed from here.
//!
//! `data/rights.txt` is written by `cargo xtask generate`, which plays every scenario and notes what the controllers ask a
//! simulated API server for; a test drops one right after the other and sees a scenario change.

use runtime::Account;
#[cfg(test)]
use runtime::access::recorded;
use runtime::access::{Right, of_recording};
use serde_json::json;

/// Name of the controllers' `ServiceAccount`; upstream's.
pub const NAME: &str = "prometheus-operator";

/// A right a line, and where it was seen to be needed.
const CALLED: &str = include_str!("../data/rights.txt");

/// What the references that block the deletion of a workload need.
const BLOCKED: &str = "what is made blocks the deletion of its owner, and clusters that enforce permissions of owner \
                       references, as OpenShift does, let only those set that who may set the owner's finalizers";

/// Rights of calls that no scenario makes, each with what it is for.
pub const BY_HAND: &[(&str, &str)] = &[
    (
        "delete secrets",
        "TLS material beyond 1 MiB is spread over several Secrets, of which fewer may suffice later",
    ),
    ("get podmonitors.monitoring.coreos.com", CONFLICT),
    ("get probes.monitoring.coreos.com", CONFLICT),
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

/// All rights, by group and resource.
pub fn rights() -> Vec<Right> {
    of(CALLED)
}

/// The rights of a recording, and those that no recording shows.
pub fn of(recording: &str) -> Vec<Right> {
    let others = LOOKED_FOR.iter().chain(BY_HAND);
    of_recording(recording, others.map(|(right, _)| *right))
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
