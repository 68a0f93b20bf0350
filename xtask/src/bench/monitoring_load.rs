//! What monitoring controllers are given in `bench monitoring`, and whether they have made something of it.
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::load::{client, send};

const NAMESPACE: &str = "bench";
const MONITORING: &str = "/apis/monitoring.coreos.com/v1/namespaces/bench";
const CORE: &str = "/api/v1/namespaces/bench";
const STATEFUL_SETS: &str = "/apis/apps/v1/namespaces/bench/statefulsets";
/// The Secret with the configuration, as upstream names it for a Prometheus `main`.
pub const SECRET: &str = "prometheus-main";
/// Requests at the same time.
const AT_ONCE: usize = 8;
/// Bytes of a Secret that nothing refers to.
const BULK: usize = 100 << 10;

/// What is waited for.
pub enum Wanted {
    /// All monitors in the configuration, all rules in `ConfigMap`s.
    Everything {
        /// How many `ServiceMonitor`s.
        monitors: usize,
        /// How many `PrometheusRule`s.
        rules: usize,
    },
    /// A text in the configuration.
    Text(String),
}

/// The one who asks.
pub struct Load {
    client: kube::Client,
    changes: std::cell::Cell<usize>,
}

impl Load {
    /// Installs the definitions and the namespace.
    pub async fn start(kubeconfig: &Path) -> Result<Self> {
        let client = client(kubeconfig).await?;
        for definition in monitoring::api::crds::crds() {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            send(&client, "POST", path, &definition).await?;
        }
        let namespace = json!({"metadata": {"name": NAMESPACE}});
        send(&client, "POST", "/api/v1/namespaces", &namespace).await?;
        let begin = Instant::now();
        for plural in ["prometheuses", "servicemonitors", "prometheusrules"] {
            let path = format!("{MONITORING}/{plural}");
            while send(&client, "GET", &path, &Value::Null).await.is_err() {
                if begin.elapsed() > Duration::from_mins(1) {
                    bail!("the definitions are not served");
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(Self {
            client,
            changes: std::cell::Cell::new(0),
        })
    }

    /// Creates Secrets that nothing refers to.
    pub async fn create_secrets(&self, secrets: usize) -> Result<()> {
        let text = STANDARD.encode(vec![b'x'; BULK]);
        self.each(0..secrets, &format!("{CORE}/secrets"), |number| {
            json!({"metadata": {"name": format!("bulk-{number:05}")}, "data": {"bulk": text}})
        })
        .await
    }

    /// Creates `PrometheusRule`s.
    pub async fn create_rules(&self, rules: usize) -> Result<()> {
        self.each(0..rules, &format!("{MONITORING}/prometheusrules"), rule)
            .await
    }

    /// Creates `ServiceMonitor`s.
    pub async fn create_monitors(&self, numbers: Range<usize>) -> Result<()> {
        self.each(numbers, &format!("{MONITORING}/servicemonitors"), monitor)
            .await
    }

    /// Creates the Prometheus that selects all of them.
    pub async fn begin(&self) -> Result<()> {
        let prometheus = json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": {"name": "main"},
            "spec": {"serviceMonitorSelector": {}, "ruleSelector": {}, "replicas": 1},
        });
        let path = format!("{MONITORING}/prometheuses");
        send(&self.client, "POST", &path, &prometheus).await
    }

    /// Deletes the Prometheus and whatever a controller has made for it.
    pub async fn end(&self) -> Result<()> {
        let prometheus = format!("{MONITORING}/prometheuses/main");
        send(&self.client, "DELETE", &prometheus, &Value::Null).await?;
        for (folder, bulk) in [
            (STATEFUL_SETS.to_owned(), false),
            (format!("{CORE}/services"), false),
            (format!("{CORE}/configmaps"), false),
            (format!("{CORE}/secrets"), true),
        ] {
            // Few are wanted of many Secrets: only the names of what the controllers made.
            let names = self.names(&folder, bulk).await?;
            for name in names {
                let path = format!("{folder}/{name}");
                // The garbage collector deletes them too.
                let _ = send(&self.client, "DELETE", &path, &Value::Null).await;
            }
        }
        Ok(())
    }

    /// Names of what the controllers have made in a collection.
    async fn names(&self, folder: &str, labelled: bool) -> Result<Vec<String>> {
        let query = if labelled {
            "?labelSelector=managed-by%3Dprometheus-operator"
        } else {
            ""
        };
        let list = self.get(&format!("{folder}{query}")).await?;
        let list = list.context("there is no such collection")?;
        let items = list.get("items").and_then(Value::as_array);
        let names = items.into_iter().flatten().filter_map(|item| {
            let name = item.pointer("/metadata/name")?.as_str()?;
            name.starts_with("prometheus-").then(|| name.to_owned())
        });
        Ok(names.collect())
    }

    /// Gives a monitor a path that it has not had yet; what is to be seen of it.
    pub async fn change(&self, number: usize) -> Result<Wanted> {
        let change = self.changes.get();
        self.changes.set(change + 1);
        let path = format!("/metrics/changed-{change}");
        let body = json!({"spec": {"endpoints": [{"port": "http", "path": path}]}});
        let target = format!("{MONITORING}/servicemonitors/m{number:05}");
        send(&self.client, "PATCH", &target, &body).await?;
        Ok(Wanted::Text(format!("metrics_path: {path}\n")))
    }

    /// Whether it is there.
    pub async fn has(&self, wanted: &Wanted) -> Result<bool> {
        let secret = self.get(&format!("{CORE}/secrets/{SECRET}")).await?;
        let Some(text) = secret.as_ref().and_then(configuration) else {
            return Ok(false);
        };
        match wanted {
            Wanted::Text(part) => Ok(text.contains(part)),
            Wanted::Everything { monitors, rules } => {
                if text.matches("job_name: serviceMonitor/").count() < *monitors {
                    return Ok(false);
                }
                let list = self.get(&format!("{CORE}/configmaps")).await?;
                let list = list.unwrap_or_default();
                let maps = list.get("items").and_then(Value::as_array);
                let files = maps.into_iter().flatten().filter_map(|map| {
                    let name = map.pointer("/metadata/name")?.as_str()?;
                    let data = map.get("data")?.as_object()?;
                    name.contains("-rulefiles-").then_some(data.len())
                });
                Ok(files.sum::<usize>() >= *rules)
            }
        }
    }

    async fn each(
        &self,
        numbers: Range<usize>,
        path: &str,
        body: impl Fn(usize) -> Value,
    ) -> Result<()> {
        stream::iter(numbers)
            .map(|number| {
                let body = body(number);
                async move { send(&self.client, "POST", path, &body).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn get(&self, path: &str) -> Result<Option<Value>> {
        let request = http::Request::get(path).body(Vec::new())?;
        match self.client.request::<Value>(request).await {
            Ok(value) => Ok(Some(value)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The configuration in a Secret, unless it can't be read.
fn configuration(secret: &Value) -> Option<String> {
    let text = secret.pointer("/data/prometheus.yaml.gz")?.as_str()?;
    let bytes = STANDARD.decode(text).ok()?;
    let mut configuration = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut configuration)
        .ok()?;
    Some(configuration)
}

fn monitor(number: usize) -> Value {
    let name = format!("m{number:05}");
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "endpoints": [{"port": "http", "interval": "30s", "relabelings": [
                {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
            ]}],
        },
    })
}

fn rule(number: usize) -> Value {
    let alerts: Vec<Value> = (0..10)
        .map(|alert| {
            json!({
                "alert": format!("Errors{alert}"),
                "expr": format!("sum by (job) (rate(http_requests_total{{code=~\"5..\",app=\"a{number}\"}}[5m])) > {alert}"),
                "for": "10m",
                "labels": {"severity": "warning"},
                "annotations": {"summary": "{{ $labels.job }} answers {{ $value }} errors a second"},
            })
        })
        .collect();
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": format!("r{number:05}")},
        "spec": {"groups": [{"name": "errors", "rules": alerts}]},
    })
}
