//! What installs the Rollouts controller, under the names of upstream's `manifests/`: users only swap the image.

use serde_json::{Value, json};

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
        // As upstream's: who may only install into a namespace can't install definitions.
        let mut objects = if self.namespaced {
            Vec::new()
        } else {
            crate::api::crds::crds()
        };
        objects.push(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": self.metadata(true),
        }));
        objects.extend(self.roles());
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

    fn metadata(&self, in_namespace: bool) -> Value {
        let mut metadata = json!({"name": NAME, "labels": labels()});
        if in_namespace && let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
        }
        metadata
    }

    fn roles(&self) -> [Value; 2] {
        let (role, binding) = if self.namespaced {
            ("Role", "RoleBinding")
        } else {
            ("ClusterRole", "ClusterRoleBinding")
        };
        let api = "rbac.authorization.k8s.io/v1";
        [
            json!({"apiVersion": api, "kind": role, "metadata": self.metadata(self.namespaced), "rules": rules()}),
            json!({
                "apiVersion": api, "kind": binding, "metadata": self.metadata(self.namespaced),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": NAME},
                "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": self.namespace}],
            }),
        ]
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
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.metadata(true),
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

/// What the controller does, and nothing else.
fn rules() -> Value {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let read = ["get", "list", "watch"];
    json!([
        rule(
            "argoproj.io",
            &["rollouts", "rollouts/status", "rollouts/finalizers"],
            &["get", "list", "watch", "update", "patch"]
        ),
        rule(
            "apps",
            &["replicasets"],
            &[
                "create", "get", "list", "watch", "update", "patch", "delete"
            ]
        ),
        rule(
            "apps",
            &["deployments"],
            &["get", "list", "watch", "update", "patch"]
        ),
        rule("", &["podtemplates"], &read),
        rule("", &["services"], &["get", "list", "watch", "patch"]),
        rule("", &["pods"], &["get", "list", "watch", "patch"]),
        rule("", &["pods/eviction"], &["create"]),
        rule("", &["events"], &["create", "update", "patch"]),
        rule(
            "coordination.k8s.io",
            &["leases"],
            &["create", "get", "update"]
        ),
    ])
}
