//! What installs the monitoring controllers, under the names of upstream's `example/rbac/prometheus-operator`: users only swap
//! the image.

use serde_json::{Value, json};

use crate::access::{Grants, NAME};
use crate::api::crds;

/// Where they run unless told otherwise, as upstream's `bundle.yaml` has it.
pub const NAMESPACE: &str = "default";

/// How the controllers are to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// Whom they act as, and what they are granted.
    pub grants: Grants,
    /// The image they run.
    pub image: String,
}

impl Install {
    /// Everything, in an order in which it can be applied.
    pub fn objects(&self) -> Vec<Value> {
        let mut objects = crds::crds();
        objects.extend(self.grants.objects().into_iter().map(|(_, object)| object));
        objects.push(self.service());
        objects.push(self.deployment());
        objects
    }

    fn metadata(&self) -> Value {
        json!({"name": NAME, "namespace": self.grants.namespace, "labels": labels()})
    }

    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": self.metadata(),
            "spec": {
                "clusterIP": "None",
                "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
                "selector": labels(),
            },
        })
    }

    fn command(&self) -> Vec<String> {
        let mut command = ["carrick", "run", "--only", "monitoring"]
            .map(str::to_owned)
            .to_vec();
        let namespaces: Vec<&str> = self.grants.namespaces.iter().map(String::as_str).collect();
        if namespaces.is_empty() {
            command.push("--kubelet-service=kube-system/kubelet".to_owned());
        } else {
            command.push(format!("--namespaces={}", namespaces.join(",")));
        }
        if self.grants.daemon_sets {
            command.push("--feature-gates=PrometheusAgentDaemonSet=true".to_owned());
        }
        command
    }

    fn deployment(&self) -> Value {
        let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": self.metadata(),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels()},
                "template": {
                    "metadata": {
                        "annotations": {"kubectl.kubernetes.io/default-container": NAME},
                        "labels": labels(),
                    },
                    "spec": {
                        "serviceAccountName": NAME,
                        "nodeSelector": {"kubernetes.io/os": "linux"},
                        "securityContext": {
                            "runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [{
                            "name": NAME, "image": self.image,
                            "command": self.command(),
                            "ports": [{"containerPort": 8080, "name": "http"}],
                            "livenessProbe": probe("/healthz"),
                            "readinessProbe": probe("/readyz"),
                            "securityContext": {
                                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }],
                    },
                },
            },
        })
    }
}

fn labels() -> Value {
    json!({"app.kubernetes.io/component": "controller", "app.kubernetes.io/name": NAME})
}

#[test]
fn what_is_installed_is_found_by_its_service() {
    let mut install = Install {
        grants: Grants {
            namespace: "n".to_owned(),
            ..Grants::default()
        },
        image: "i".to_owned(),
    };
    let objects = install.objects();
    let deployment = objects.last().unwrap();
    let service = objects.get(objects.len() - 2).unwrap();
    assert_eq!(
        service.pointer("/spec/selector"),
        deployment.pointer("/spec/template/metadata/labels")
    );
    assert_eq!(objects.len(), 10 + 3 + 2);
    install.grants.namespaces = ["a", "b"].map(str::to_owned).into();
    install.grants.daemon_sets = true;
    assert_eq!(
        install.command(),
        [
            "carrick",
            "run",
            "--only",
            "monitoring",
            "--namespaces=a,b",
            "--feature-gates=PrometheusAgentDaemonSet=true"
        ]
    );
}
