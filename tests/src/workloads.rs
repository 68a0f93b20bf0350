//! Verbs and questions about monitoring: small manifests, and what is made of them.

use anyhow::{Context as _, Result, ensure};
use machinery::meta;
use machinery::patch::merge;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, DAEMON_SET, ENDPOINTS, NAMESPACE, POD, POD_MONITOR, PROBE,
    PROMETHEUS, PROMETHEUS_AGENT, PROMETHEUS_RULE, SCRAPE_CONFIG, SECRET, SERVICE_MONITOR,
    STATEFUL_SET, THANOS_RULER, number, text,
};
use crate::unpack;

/// An object of a resource.
pub fn object(resource: &ResourceRef, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": resource.api_version(), "kind": resource.kind,
        "metadata": {"name": name}, "spec": spec,
    })
}

/// A Prometheus of one replica that selects all monitors and rules of its namespace, with more in its spec.
pub fn prometheus(name: &str, more: &Value) -> Value {
    let spec = json!({"replicas": 1, "serviceMonitorSelector": {}, "ruleSelector": {}});
    object(&PROMETHEUS, name, &merge::apply(&spec, more))
}

/// An agent of one replica that selects all pod monitors of its namespace, with more in its spec.
pub fn agent(name: &str, more: &Value) -> Value {
    let spec = json!({"replicas": 1, "podMonitorSelector": {}});
    object(&PROMETHEUS_AGENT, name, &merge::apply(&spec, more))
}

/// An agent on every node that selects all pod monitors of its namespace, with more in its spec.
pub fn agent_on_every_node(name: &str, more: &Value) -> Value {
    let spec = json!({"mode": "DaemonSet", "podMonitorSelector": {}});
    object(&PROMETHEUS_AGENT, name, &merge::apply(&spec, more))
}

/// An Alertmanager of one replica that takes all routes of its namespace, with more in its spec.
pub fn alertmanager(name: &str, more: &Value) -> Value {
    let spec = json!({"replicas": 1, "alertmanagerConfigSelector": {}});
    object(&ALERTMANAGER, name, &merge::apply(&spec, more))
}

/// A Thanos Ruler of one replica that takes all rules of its namespace, with more in its spec.
pub fn thanos_ruler(name: &str, more: &Value) -> Value {
    let spec = json!({"replicas": 1, "ruleSelector": {}, "queryEndpoints": ["http://query:9090"]});
    object(&THANOS_RULER, name, &merge::apply(&spec, more))
}

/// A ServiceMonitor with one endpoint.
pub fn service_monitor(name: &str, endpoint: &Value) -> Value {
    let spec = json!({"selector": {"matchLabels": {"app": name}}, "endpoints": [endpoint]});
    object(&SERVICE_MONITOR, name, &spec)
}

/// A PodMonitor of all pods, with one port.
pub fn pod_monitor(name: &str, port: &str) -> Value {
    let spec = json!({"selector": {}, "podMetricsEndpoints": [{"port": port}]});
    object(&POD_MONITOR, name, &spec)
}

/// A Probe of one target.
pub fn probe(name: &str) -> Value {
    let targets = json!({"staticConfig": {"static": ["http://a/"]}});
    let spec = json!({"prober": {"url": "prober:9115"}, "targets": targets});
    object(&PROBE, name, &spec)
}

/// A ScrapeConfig with one target.
pub fn scrape_config(name: &str) -> Value {
    let spec = json!({"staticConfigs": [{"targets": ["a:80"]}]});
    object(&SCRAPE_CONFIG, name, &spec)
}

/// A PrometheusRule with one alert.
pub fn rule(name: &str, expr: &str) -> Value {
    let rules = json!([{"alert": "Alert", "expr": expr}]);
    object(
        &PROMETHEUS_RULE,
        name,
        &json!({"groups": [{"name": name, "rules": rules}]}),
    )
}

/// An AlertmanagerConfig with one webhook as receiver.
pub fn routes(name: &str, receiver: &str) -> Value {
    let spec = json!({
        "route": {"receiver": receiver},
        "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
    });
    object(&ALERTMANAGER_CONFIG, name, &spec)
}

/// A Secret with these texts.
pub fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// A `ConfigMap` with these texts.
pub fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A condition of an object; null while it has none of that type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object.pointer("/status/conditions");
    let mut conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let found = conditions.find(|condition| text(condition, "/type") == kind);
    found.unwrap_or(&Value::Null)
}

/// Whether a condition of an object has a status, and was concluded from the spec as it is.
pub fn says(object: &Value, kind: &str, status: &str) -> bool {
    let condition = condition(object, kind);
    text(condition, "/status") == status
        && number(condition, "/observedGeneration") == meta::generation(object)
}

/// Whether all pods that a workload asks for are available, all of its newest template.
fn is_ready(workload: &Value) -> bool {
    let spec = |field: &str| match workload.pointer(&format!("/spec/{field}")) {
        Some(value) => value.as_i64().unwrap_or(0),
        None => 1,
    };
    let wanted = spec("replicas") * spec("shards");
    let counts = ["replicas", "updatedReplicas", "availableReplicas"];
    says(workload, "Reconciled", "True")
        && says(workload, "Available", "True")
        && counts
            .iter()
            .all(|count| number(workload, &format!("/status/{count}")) == wanted)
}

/// Whether the pods of an agent on every node are available, all of its newest template.
fn is_on_every_node(agent: &Value, set: &Value) -> bool {
    let nodes = number(set, "/status/desiredNumberScheduled");
    let counts = ["replicas", "updatedReplicas", "availableReplicas"];
    // The agent may not have told yet what became of its DaemonSet.
    let told = ["updatedNumberScheduled", "numberAvailable"];
    nodes > 0
        && number(set, "/status/observedGeneration") == meta::generation(set)
        && told
            .iter()
            .all(|count| number(set, &format!("/status/{count}")) == nodes)
        && says(agent, "Reconciled", "True")
        && says(agent, "Available", "True")
        && counts
            .iter()
            .all(|count| number(agent, &format!("/status/{count}")) == nodes)
}

/// Who uses an object, by its status: `RESOURCE NAME STATUS`, sorted.
pub fn bindings(object: &Value) -> Vec<String> {
    let bindings = object.pointer("/status/bindings").and_then(Value::as_array);
    let said = |binding: &Value| {
        let of = |pointer: &str| text(binding, pointer).to_owned();
        format!(
            "{} {} {}",
            of("/resource"),
            of("/name"),
            of("/conditions/0/status")
        )
    };
    let mut said: Vec<String> = bindings.into_iter().flatten().map(said).collect();
    said.sort();
    said
}

impl Cluster {
    /// Waits until a workload has all the pods it asks for, ready and of its newest template.
    pub async fn until_ready(&self, resource: &ResourceRef, name: &str) -> Result<Value> {
        let what = format!("{} {name} is ready", resource.kind);
        self.until(&what, resource, name, is_ready).await
    }

    /// Waits until an agent has a pod on every node, ready and of its newest template; its DaemonSet.
    pub async fn until_on_every_node(&self, name: &str) -> Result<Value> {
        let set_name = format!("prom-agent-{name}");
        let what = format!("PrometheusAgent {name} is ready on every node");
        self.eventually(&what, async || {
            let set = self.find(&DAEMON_SET, &set_name).await?;
            let agent = self.get(&PROMETHEUS_AGENT, name).await?;
            Ok(set.filter(|set| is_on_every_node(&agent, set)))
        })
        .await
    }

    /// Waits until a condition of a workload has a status, concluded from its spec as it is.
    pub async fn until_says(
        &self,
        resource: &ResourceRef,
        name: &str,
        kind: &str,
        status: &str,
    ) -> Result<Value> {
        let what = format!("{kind} of {} {name} is {status}", resource.kind);
        self.until(&what, resource, name, |object| says(object, kind, status))
            .await
    }

    /// Applies an object that a workload controls.
    pub async fn apply_owned(
        &self,
        object: &Value,
        resource: &ResourceRef,
        owner: &str,
    ) -> Result<Value> {
        let owner = self.get(resource, owner).await?;
        let mut object = object.clone();
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": resource.api_version(), "kind": resource.kind, "name": meta::name(&owner),
            "uid": meta::uid(&owner), "controller": true, "blockOwnerDeletion": true,
        }]);
        self.apply(&object).await
    }

    /// Waits until objects are gone.
    pub async fn until_gone(&self, gone: &[(&ResourceRef, &str)]) -> Result<()> {
        for (resource, name) in gone {
            let what = format!("no {} {name} any more", resource.kind);
            self.eventually(&what, async || {
                Ok(self.find(resource, name).await?.is_none().then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until an object is used by exactly these: `RESOURCE NAME STATUS`.
    pub async fn until_bound(
        &self,
        resource: &ResourceRef,
        name: &str,
        users: &[&str],
    ) -> Result<Value> {
        let what = format!("{} {name} is used by {users:?}", resource.kind);
        self.until(&what, resource, name, |object| bindings(object) == users)
            .await
    }

    /// What a Secret holds under a key, decompressed; empty while it isn't there.
    pub async fn held(&self, secret: &str, key: &str) -> Result<String> {
        let Some(secret) = self.find(&SECRET, secret).await? else {
            return Ok(String::new());
        };
        let mut parts = unpack::Parts::new();
        if secret.pointer(&format!("/data/{key}.parts")).is_some() {
            for other in self.list(&SECRET).await? {
                parts.extend(unpack::parts_of(&other, key));
            }
        }
        Ok(unpack::text_of(&secret, key, &parts))
    }

    /// Labels its namespace `monitored: "true"`, or takes that away.
    pub async fn label_as_monitored(&self, is: bool) -> Result<()> {
        let label = if is { json!("true") } else { Value::Null };
        let patch = json!({"metadata": {"labels": {"monitored": label}}});
        self.merge(&NAMESPACE, &self.namespace, patch).await?;
        Ok(())
    }

    /// The configuration in the Secret that is made for an Alertmanager; empty while there is none.
    pub async fn routing(&self, name: &str) -> Result<String> {
        self.held(
            &format!("alertmanager-{name}-generated"),
            "alertmanager.yaml.gz",
        )
        .await
    }

    /// Waits until the configuration of an Alertmanager is as wanted.
    pub async fn until_routed(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let read = async || self.routing(name).await;
        self.until_text(name, what, read, is).await
    }

    /// Waits until a configuration is as wanted; tells what it is otherwise.
    async fn until_text(
        &self,
        name: &str,
        what: &str,
        read: impl AsyncFn() -> Result<String>,
        is: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let what = format!("the configuration of {name}: {what}");
        let seen = self.eventually(&what, async || {
            Ok(Some(read().await?).filter(|text| is(text)))
        });
        match seen.await {
            Ok(text) => Ok(text),
            Err(error) => {
                let text = read().await?;
                Err(error.context(format!("it is\n{text}")))
            }
        }
    }

    /// The configuration in the Secret of a Prometheus; empty while there is none.
    pub async fn configuration(&self, name: &str) -> Result<String> {
        self.held(&format!("prometheus-{name}"), "prometheus.yaml.gz")
            .await
    }

    /// Waits until the configuration of a Prometheus is as wanted.
    pub async fn until_configured(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let read = async || self.configuration(name).await;
        self.until_text(name, what, read, is).await
    }

    /// Makes a Service `exposed` of the pods with these labels, for the port that they call `web`.
    pub async fn expose(&self, selector: Value, port: i64) -> Result<()> {
        let port = json!({"name": "web", "port": port, "targetPort": "web"});
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "exposed"},
            "spec": {"selector": selector, "ports": [port]},
        }))
        .await
        .map(drop)
    }

    /// Waits until a Service leads to so many pods at a port, given by its name and number. Returns its Endpoints.
    pub async fn until_leads_to(
        &self,
        service: &str,
        wanted: (&str, i64),
        pods: usize,
    ) -> Result<Value> {
        let what = format!("{pods} pods behind {service} at {wanted:?}");
        self.until(&what, &ENDPOINTS, service, |found| {
            let ports = found.pointer("/subsets/0/ports").and_then(Value::as_array);
            let mut ports = ports.into_iter().flatten();
            let addresses = found.pointer("/subsets/0/addresses");
            ports.any(|port| (text(port, "/name"), number(port, "/port")) == wanted)
                && addresses.and_then(Value::as_array).map_or(0, Vec::len) == pods
        })
        .await
    }

    /// The name of a job of a monitor of this namespace, as a line of the configuration begins.
    pub fn job(&self, kind: &str, name: &str) -> String {
        format!("- job_name: {kind}/{}/{name}", self.namespace)
    }

    /// UIDs of the pods, by name.
    pub async fn pods(&self) -> Result<Vec<(String, String)>> {
        let pods = self.list(&POD).await?;
        let named = |pod: &Value| (meta::name(pod).to_owned(), meta::uid(pod).to_owned());
        Ok(pods.iter().map(named).collect())
    }

    /// Fails unless the pods are still the same ones.
    pub async fn assert_same_pods(&self, before: &[(String, String)]) -> Result<()> {
        let now = self.pods().await?;
        ensure!(
            now == before,
            "pods were replaced: {before:?} became {now:?}"
        );
        Ok(())
    }

    /// Deletes a workload as kubectl does, and waits until all that was made of it is gone.
    pub async fn until_deleted(&self, resource: &ResourceRef, name: &str) -> Result<()> {
        self.delete(resource, name).await?;
        self.until_gone(&[(resource, name)]).await?;
        self.eventually("what was made of it is gone too", async || {
            let mut left = 0;
            for resource in [&STATEFUL_SET, &DAEMON_SET, &SECRET, &POD] {
                let all = self.list(resource).await?;
                let ours = |object: &&Value| {
                    let by = machinery::meta::label(object, "app.kubernetes.io/managed-by");
                    by == Some("prometheus-operator")
                };
                left += all.iter().filter(ours).count();
            }
            Ok((left == 0).then_some(()))
        })
        .await
    }

    /// The StatefulSet of that name.
    pub async fn set(&self, name: &str) -> Result<Value> {
        let set = self.find(&STATEFUL_SET, name).await?;
        set.with_context(|| format!("no StatefulSet {name}"))
    }
}
