//! What installs the monitoring controllers, under the names of upstream's `example/rbac/prometheus-operator`: users only swap
//! the image.

pub mod webhooks;

use serde_json::{Value, json};

use crate::access::{Grants, NAME};
use crate::api::crds;
use webhooks::{Certified, Webhooks};

/// Where they run unless told otherwise, as upstream's `bundle.yaml` has it.
pub const NAMESPACE: &str = "default";

/// How the controllers are to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// Whom they act as, and what they are granted.
    pub grants: Grants,
    /// The image they run.
    pub image: String,
    /// The image of the config-reloader of every pod, if it is Carrick's own; upstream's without it.
    pub reloader: Option<String>,
    /// What the webhooks prove with who they are, if they shall run too.
    pub webhooks: Option<Certified>,
}

impl Install {
    /// Everything, in an order in which it can be applied.
    pub fn objects(&self) -> Vec<Value> {
        let webhooks = self.webhooks.as_ref().map(|certified| Webhooks {
            namespace: &self.grants.namespace,
            image: &self.image,
            certified,
        });
        let mut objects = match &webhooks {
            Some(webhooks) => webhooks.definitions(),
            None => crds::crds(),
        };
        objects.extend(self.grants.objects().into_iter().map(|(_, object)| object));
        objects.push(self.service());
        objects.push(self.deployment());
        objects.extend(webhooks.iter().flat_map(Webhooks::objects));
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
        // As upstream's Deployment is started.
        command.push("--disable-unmanaged-prometheus-configuration=true".to_owned());
        if let Some(image) = &self.reloader {
            command.push(format!("--prometheus-config-reloader={image}"));
            command.push("--spread-large-configurations=true".to_owned());
        }
        if self.grants.daemon_sets {
            command.push("--feature-gates=PrometheusAgentDaemonSet=true".to_owned());
        }
        command
    }

    fn deployment(&self) -> Value {
        let annotations = json!({"kubectl.kubernetes.io/default-container": NAME});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": self.metadata(),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels()},
                "template": {
                    "metadata": {"annotations": annotations, "labels": labels()},
                    "spec": self.pod(),
                },
            },
        })
    }

    fn pod(&self) -> Value {
        let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
        let mut container = json!({
            "name": NAME, "image": self.image,
            "command": self.command(),
            "ports": [{"containerPort": 8080, "name": "http"}],
            "livenessProbe": probe("/healthz"),
            "readinessProbe": probe("/readyz"),
            "resources": {
                "limits": {"cpu": "200m", "memory": "200Mi"},
                "requests": {"cpu": "100m", "memory": "100Mi"},
            },
        });
        let mut pod = json!({
            "serviceAccountName": NAME,
            "automountServiceAccountToken": true,
            "nodeSelector": {"kubernetes.io/os": "linux"},
        });
        secured(&mut pod, &mut container);
        pod
    }
}

/// A pod with that container, which may do as little as possible on its node.
fn secured(pod: &mut Value, container: &mut Value) {
    if let Some(container) = container.as_object_mut() {
        let context = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        container.insert("securityContext".to_owned(), context);
    }
    if let Some(pod) = pod.as_object_mut() {
        let context = json!({
            "runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"},
        });
        pod.insert("securityContext".to_owned(), context);
        pod.insert("containers".to_owned(), json!([container]));
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
        reloader: None,
        webhooks: None,
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
    install.reloader = Some("r".to_owned());
    assert_eq!(
        install.command(),
        [
            "carrick",
            "run",
            "--only",
            "monitoring",
            "--namespaces=a,b",
            "--disable-unmanaged-prometheus-configuration=true",
            "--prometheus-config-reloader=r",
            "--spread-large-configurations=true",
            "--feature-gates=PrometheusAgentDaemonSet=true"
        ]
    );
}
