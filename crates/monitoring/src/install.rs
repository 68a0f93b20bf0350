//! What installs the monitoring controllers, under the names of upstream's `example/rbac/prometheus-operator`: users only swap
//! the image.

use serde_json::{Value, json};

use crate::access::{self, NAME};
use crate::api::crds;

/// Where they run unless told otherwise, as upstream's `bundle.yaml` has it.
pub const NAMESPACE: &str = "default";

/// How the controllers are to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The namespace they run in.
    pub namespace: String,
    /// The image they run.
    pub image: String,
}

impl Install {
    /// Everything, in an order in which it can be applied.
    pub fn objects(&self) -> Vec<Value> {
        let mut objects = crds::crds();
        let access = access::account(self.namespace.clone()).objects(&access::rights());
        objects.extend(access.into_iter().map(|(_, object)| object));
        objects.push(self.service());
        objects.push(self.deployment());
        objects
    }

    fn metadata(&self) -> Value {
        json!({"name": NAME, "namespace": self.namespace, "labels": labels()})
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
                            "command": ["carrick", "run", "--only", "monitoring", "--kubelet-service=kube-system/kubelet"],
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
    let install = Install {
        namespace: "n".to_owned(),
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
}
