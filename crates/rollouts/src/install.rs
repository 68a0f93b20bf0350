//! What installs the Rollouts controller, under the names of upstream's `manifests/`: users only swap the image.

use runtime::access::Right;
use runtime::{Account, ResourceRef};
use serde_json::{Value, json};

use crate::access;

/// Name of the Deployment, its ServiceAccount and its role.
pub const NAME: &str = "argo-rollouts";

/// How the controller is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The namespace it runs in.
    pub namespace: String,
    /// The image it runs.
    pub image: String,
    /// Whether it only looks after Rollouts in that namespace.
    pub namespaced: bool,
}

impl Install {
    /// Everything, in an order in which it can be applied.
    pub fn objects(&self) -> Vec<Value> {
        self.objects_with(&access::rights())
    }

    /// The same with other rights.
    pub fn objects_with(&self, rights: &[Right]) -> Vec<Value> {
        // As upstream's: who may only install into a namespace can't install definitions.
        let mut objects = if self.namespaced {
            Vec::new()
        } else {
            crate::api::crds::crds()
        };
        let access = self.access(rights);
        objects.extend(access.into_iter().map(|(_, object)| object));
        for name in [
            "argo-rollouts-config",
            "argo-rollouts-notification-configmap",
        ] {
            objects.push(json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": self.namespace, "labels": labels()},
            }));
        }
        objects.push(self.service());
        objects.push(self.deployment());
        objects
    }

    /// A `ServiceAccount` with these rights, its role and its binding: what `carrick rbac` prints with all of [`access`].
    pub fn access(&self, rights: &[Right]) -> [(ResourceRef, Value); 3] {
        let account = Account {
            name: NAME,
            namespace: self.namespace.clone(),
            namespaced: self.namespaced,
            labels: labels(),
        };
        account.objects(rights)
    }

    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "argo-rollouts-metrics", "namespace": self.namespace, "labels": labels()},
            "spec": {
                "ports": [{"name": "metrics", "port": 8090, "protocol": "TCP", "targetPort": 8090}],
                "selector": {"app.kubernetes.io/name": NAME},
            },
        })
    }

    fn deployment(&self) -> Value {
        let mut command = vec!["carrick", "run"];
        if self.namespaced {
            command.push("--namespaced");
        }
        let probe = |path: &str, port: &str| json!({"httpGet": {"path": path, "port": port}, "periodSeconds": 10});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": NAME, "namespace": self.namespace, "labels": labels()},
            "spec": {
                "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
                "strategy": {"type": "Recreate"},
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": NAME}},
                    "spec": {
                        "serviceAccountName": NAME,
                        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                        "containers": [{
                            "name": NAME, "image": self.image, "command": command,
                            "ports": [
                                {"containerPort": 8090, "name": "metrics"},
                                {"containerPort": 8080, "name": "healthz"},
                            ],
                            "livenessProbe": probe("/healthz", "healthz"),
                            "readinessProbe": probe("/metrics", "metrics"),
                            "securityContext": {
                                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                                "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
                            },
                        }],
                    },
                },
            },
        })
    }
}

fn labels() -> Value {
    json!({
        "app.kubernetes.io/component": "rollouts-controller",
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/part-of": NAME,
    })
}
