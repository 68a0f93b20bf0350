//! Kinds that scenarios touch, and small manifests.

use anyhow::{Context as _, Result};
pub use machinery::pointer::{count as number, text};
pub use rollouts::api::ROLLOUT;
use runtime::ResourceRef;
pub use runtime::resource::{
    CUSTOM_RESOURCE_DEFINITION as DEFINITION, DEPLOYMENT, EVENT, NAMESPACE, POD, POD_TEMPLATE,
    REPLICA_SET, SERVICE,
};
use serde_json::{Value, json};

/// Core ConfigMap.
pub const CONFIG_MAP: ResourceRef = ResourceRef::namespaced("", "v1", "ConfigMap", "configmaps");
const KNOWN: [&ResourceRef; 10] = [
    &ROLLOUT,
    &REPLICA_SET,
    &DEPLOYMENT,
    &SERVICE,
    &POD,
    &POD_TEMPLATE,
    &CONFIG_MAP,
    &EVENT,
    &NAMESPACE,
    &DEFINITION,
];

/// The resource of an object, by its `apiVersion` and `kind`.
pub fn resource_of(object: &Value) -> Result<ResourceRef> {
    let text = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let found = KNOWN
        .into_iter()
        .find(|known| known.api_version() == text("apiVersion") && known.kind == text("kind"));
    found
        .cloned()
        .with_context(|| format!("no resource for {} {}", text("apiVersion"), text("kind")))
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
