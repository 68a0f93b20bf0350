//! What the monitoring controllers need rights for. Their client sends nothing else, and manifests are printed from here.

use runtime::Account;
use runtime::access::Verb::{Create, Delete, Get, List, Patch, Update, Watch};
use runtime::access::{Grant, Right};
use runtime::resource::{EVENT, LEASE, NAMESPACE, POD, SERVICE};

use serde_json::json;

use crate::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, CONFIG_MAP, POD_MONITOR, PROBE, PROMETHEUS, PROMETHEUS_RULE,
    SCRAPE_CONFIG, SECRET, SERVICE_MONITOR, STATEFUL_SET, STORAGE_CLASS,
};

/// Everything the controllers ask an API server for.
pub const GRANTS: &[Grant] = &[
    Grant::new(PROMETHEUS, &[Get, List, Watch]),
    Grant::below(PROMETHEUS, "status", &[Patch]),
    // What is made blocks the deletion of its owner; see the grants of the Rollouts controller.
    Grant::below(PROMETHEUS, "finalizers", &[Update]),
    Grant::new(ALERTMANAGER, &[Get, List, Watch]),
    Grant::below(ALERTMANAGER, "status", &[Patch]),
    Grant::below(ALERTMANAGER, "finalizers", &[Update]),
    Grant::new(ALERTMANAGER_CONFIG, &[List, Watch]),
    Grant::new(SERVICE_MONITOR, &[List, Watch]),
    Grant::new(POD_MONITOR, &[List, Watch]),
    Grant::new(PROBE, &[List, Watch]),
    Grant::new(SCRAPE_CONFIG, &[List, Watch]),
    Grant::new(PROMETHEUS_RULE, &[List, Watch]),
    Grant::new(NAMESPACE, &[List, Watch]),
    Grant::new(
        STATEFUL_SET,
        &[Get, List, Watch, Create, Update, Patch, Delete],
    ),
    Grant::new(SECRET, &[Get, List, Watch, Create, Update, Delete]),
    Grant::new(CONFIG_MAP, &[Get, List, Watch, Create, Update, Delete]),
    Grant::new(SERVICE, &[Get, List, Watch, Create, Update]),
    Grant::new(POD, &[Get, List, Patch]),
    Grant::new(STORAGE_CLASS, &[Get]),
    Grant::new(EVENT, &[Create, Patch]),
    Grant::new(LEASE, &[Get, Create, Update]),
];

/// Name of the controllers' `ServiceAccount`; upstream's.
pub const NAME: &str = "prometheus-operator";

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

/// Each verb of the grants.
pub fn rights() -> Vec<Right> {
    GRANTS.iter().flat_map(Grant::rights).collect()
}
