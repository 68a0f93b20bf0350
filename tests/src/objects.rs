//! Kinds that scenarios touch, and small manifests.

use std::borrow::Cow;

use anyhow::{Context as _, Result};
pub use machinery::pointer::{count as number, text};
pub use monitoring::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, CONFIG_MAP, DAEMON_SET, POD_MONITOR, PROBE, PROMETHEUS,
    PROMETHEUS_AGENT, PROMETHEUS_RULE, SCRAPE_CONFIG, SECRET, SERVICE_MONITOR, STATEFUL_SET,
    STORAGE_CLASS, THANOS_RULER,
};
pub use rollouts::api::ROLLOUT;
use runtime::ResourceRef;
pub use runtime::resource::{
    CUSTOM_RESOURCE_DEFINITION as DEFINITION, DEPLOYMENT, EVENT, NAMESPACE, POD, POD_TEMPLATE,
    REPLICA_SET, SERVICE,
};
use serde_json::{Value, json};

/// Routes of Alertmanagers in their newer version.
pub const ALERTMANAGER_CONFIG_BETA: ResourceRef = ResourceRef::namespaced(
    "monitoring.coreos.com",
    "v1beta1",
    "AlertmanagerConfig",
    "alertmanagerconfigs",
);
/// Claims of volumes.
pub const CLAIM: ResourceRef =
    ResourceRef::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");

/// Addresses behind Services.
pub const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");
/// Nodes.
pub const NODE: ResourceRef = ResourceRef::cluster("", "v1", "Node", "nodes");
/// Accounts of pods.
pub const SERVICE_ACCOUNT: ResourceRef =
    ResourceRef::namespaced("", "v1", "ServiceAccount", "serviceaccounts");
/// Volumes.
pub const VOLUME: ResourceRef =
    ResourceRef::cluster("", "v1", "PersistentVolume", "persistentvolumes");

/// What Rollouts are about, besides pods.
pub static OF_ROLLOUTS: [&ResourceRef; 4] = [&ROLLOUT, &DEPLOYMENT, &REPLICA_SET, &SERVICE];

/// What monitoring is about, besides pods.
pub static OF_MONITORING: [&ResourceRef; 16] = [
    &PROMETHEUS,
    &PROMETHEUS_AGENT,
    &ALERTMANAGER,
    &THANOS_RULER,
    &SERVICE_MONITOR,
    &POD_MONITOR,
    &PROBE,
    &SCRAPE_CONFIG,
    &PROMETHEUS_RULE,
    &ALERTMANAGER_CONFIG,
    &STATEFUL_SET,
    &DAEMON_SET,
    &SERVICE,
    &SECRET,
    &CONFIG_MAP,
    &CLAIM,
];

static OTHERS: [&ResourceRef; 7] = [
    &SERVICE_ACCOUNT,
    &POD,
    &POD_TEMPLATE,
    &EVENT,
    &NAMESPACE,
    &DEFINITION,
    &STORAGE_CLASS,
];

/// The resource of an object, by its `apiVersion` and `kind`.
pub fn resource_of(object: &Value) -> Result<ResourceRef> {
    let text = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut known = OF_ROLLOUTS.iter().chain(&OF_MONITORING).chain(&OTHERS);
    let found =
        known.find(|known| known.api_version() == text("apiVersion") && known.kind == text("kind"));
    found
        .map(|found| (*found).clone())
        .with_context(|| format!("no resource for {} {}", text("apiVersion"), text("kind")))
}

/// The plural of a resource that scenarios know, as a constant.
pub fn plural(text: &str) -> Option<&'static str> {
    let known = OF_ROLLOUTS.iter().chain(&OF_MONITORING).chain(&OTHERS);
    let plurals = known.filter_map(|resource| match &resource.plural {
        Cow::Borrowed(plural) => Some(*plural),
        Cow::Owned(_) => None,
    });
    plurals.into_iter().find(|plural| *plural == text)
}

/// A pod template of one container, labelled `app: NAME`.
pub fn template(name: &str, image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": name, "image": image}]},
    })
}

/// A Deployment.
pub fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name, image)},
    })
}

/// A Rollout with a strategy.
pub fn rollout(name: &str, replicas: i64, image: &str, strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "strategy": strategy,
            "selector": {"matchLabels": {"app": name}}, "template": template(name, image),
        },
    })
}

/// A Service in front of the pods labelled `app: APP`.
pub fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
    })
}
