//! Namespaces of a `carrick up`, and servers that run in them.

use serde_json::{Value, json};

use super::api::Api;
use super::local_monitoring::{active_targets, is_ready, until};

/// A namespace in which servers may look for everything there is in the cluster.
pub struct Place<'a> {
    pub api: &'a Api,
    pub namespace: &'static str,
}

/// Which servers may look for targets everywhere.
pub async fn allow_looking(api: &Api) {
    let read = ["get", "list", "watch"];
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "prometheus"},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "endpoints", "pods", "nodes"], "verbs": read},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        ],
    });
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    api.send("POST", roles, &role).await;
}

/// Where objects of a kind are.
fn collection(kind: &str, namespace: &str) -> String {
    let group = match kind {
        "Deployment" | "StatefulSet" => "/apis/apps/v1",
        "ServiceMonitor" | "PodMonitor" | "PrometheusRule" | "Prometheus" | "Alertmanager" => {
            "/apis/monitoring.coreos.com/v1"
        }
        "ScrapeConfig" => "/apis/monitoring.coreos.com/v1alpha1",
        _ => "/api/v1",
    };
    let plural = match kind {
        "Prometheus" => "prometheuses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    format!("{group}/namespaces/{namespace}/{plural}")
}

impl<'a> Place<'a> {
    /// A new namespace, with these labels.
    pub async fn new(api: &'a Api, namespace: &'static str, labels: Value) -> Self {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels},
        });
        api.send("POST", "/api/v1/namespaces", &object).await;
        let place = Self { api, namespace };
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "prometheus"},
        });
        place.create(&account).await;
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "prometheus"},
            "subjects": [{"kind": "ServiceAccount", "name": "prometheus", "namespace": namespace}],
        });
        let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        api.send("POST", bindings, &binding).await;
        place
    }

    /// Gives the namespace other labels; null takes one away.
    pub async fn label(&self, labels: Value) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        let wanted = json!({"metadata": {"labels": labels}});
        self.api.send("PATCH", &path, &wanted).await;
    }

    pub async fn create(&self, object: &Value) {
        let kind = object["kind"].as_str().unwrap();
        let path = collection(kind, self.namespace);
        self.api.send("POST", &path, object).await;
    }

    fn path(&self, kind: &str, name: &str) -> String {
        format!("{}/{name}", collection(kind, self.namespace))
    }

    /// Merges something into an object.
    pub async fn change(&self, kind: &str, name: &str, patch: &Value) {
        self.api.send("PATCH", &self.path(kind, name), patch).await;
    }

    pub async fn delete(&self, kind: &str, name: &str) {
        let path = self.path(kind, name);
        self.api.send("DELETE", &path, &json!({})).await;
    }

    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.api.text(&collection(kind, self.namespace)).await;
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    pub async fn named(&self, kind: &str, name: &str) -> Option<Value> {
        let mut all = self.list(kind).await.into_iter();
        all.find(|object| object["metadata"]["name"] == name)
    }

    /// Waits for the first pod of a label to be ready, and returns its address.
    pub async fn ready(&self, label: &str) -> String {
        let pods = collection("Pod", self.namespace);
        let list = format!("{pods}?labelSelector={label}");
        let pod = self.api.until(&list, is_ready).await.unwrap();
        pod["status"]["podIP"].as_str().unwrap().to_owned()
    }

    /// A server that is quick to start and to look, with more in its spec.
    pub async fn begin_server(&self, name: &str, annotations: &Value, more: &Value) {
        let mut object = json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "version": "v2.42.0", "serviceAccountName": "prometheus", "scrapeInterval": "1s", "evaluationInterval": "1s",
                "containers": [{"name": "prometheus", "startupProbe": {"periodSeconds": 1}}],
            },
        });
        let spec = object["spec"].as_object_mut().unwrap();
        spec.extend(more.as_object().unwrap().clone());
        self.create(&object).await;
    }

    /// Where a server answers, once it is ready.
    pub async fn web(&self, name: &str) -> String {
        let ip = self.ready(&format!("prometheus={name}")).await;
        format!("{ip}:9090")
    }

    /// A server that runs, and where it answers.
    pub async fn server(&self, name: &str, more: &Value) -> String {
        self.begin_server(name, &json!({}), more).await;
        self.web(name).await
    }

    /// A pod that nobody runs: whoever looks for it finds what listens at these ports of this test. It and a Service that
    /// leads to it are labelled `app: NAME`.
    pub async fn stand_in(&self, name: &str, ports: &[(&str, u16)]) {
        let (mut containers, mut services) = (Vec::new(), Vec::new());
        for (port, number) in ports {
            containers.push(json!({"name": port, "containerPort": number}));
            services.push(json!({"name": port, "port": number, "targetPort": number}));
        }
        let metadata = json!({"name": name, "labels": {"app": name}});
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {
                "schedulerName": "nobody", "automountServiceAccountToken": false,
                "containers": [{"name": "site", "image": "registry.example/site", "ports": containers}],
            },
        });
        self.create(&pod).await;
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": services},
        });
        self.create(&service).await;
        let status = json!({"status": {
            "phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }});
        let path = format!("{}/status", self.path("Pod", name));
        self.api.send("PATCH", &path, &status).await;
    }
}

/// What a monitor looks for: pods or Services labelled `app: NAME`, at this endpoint.
pub fn monitor(kind: &str, name: &str, app: &str, endpoint: &Value) -> Value {
    let field = match kind {
        "PodMonitor" => "podMetricsEndpoints",
        _ => "endpoints",
    };
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": app}}, field: [endpoint]},
    })
}

/// The jobs that a server has targets of, as it says.
pub async fn pools(web: &str) -> Option<Vec<String>> {
    let all = active_targets(web).await?;
    let pool = |target: &Value| Some(target["scrapePool"].as_str()?.to_owned());
    Some(all.iter().filter_map(pool).collect())
}

/// Waits until a server can't reach a target of a job, and returns why.
pub async fn failing(web: &str, pool: &str) -> String {
    let found = until(pool, || async {
        let all = active_targets(web).await?;
        let mut down = all.into_iter().filter(|target| target["health"] == "down");
        let target = down.find(|target| target["scrapePool"] == pool)?;
        Some(target["lastError"].as_str()?.to_owned())
    });
    found.await
}
