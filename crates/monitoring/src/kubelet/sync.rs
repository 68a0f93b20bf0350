//! The loop: nodes and what is stored are read, what follows is written.

use std::sync::Arc;

use runtime::driver::Driver;
use runtime::metrics::{Counter, Family};
use runtime::resource::SERVICE;
use runtime::{Client, Effect, Error, EventRecorder, Plan, Registry, Shutdown};
use serde_json::Value;

use super::nodes::{Node, NodeAddress, addresses};
use super::slices::{MANAGED_BY, MANAGER, SERVICE_NAME};
use super::{ENDPOINT_SLICE, ENDPOINTS, Making, NODE, Options, endpoints, service, slices};
use crate::workload::Settings;

/// Keeps the Service of the kubelets.
pub struct Kubelets {
    client: Client,
    driver: Driver,
    options: Options,
    settings: Arc<Settings>,
    metrics: Metrics,
}

/// Upstream's counters.
struct Metrics {
    lookup_errors: Family<Counter>,
    syncs: Family<Counter>,
    failed: Family<Counter>,
}

impl Metrics {
    fn new(registry: &Registry, options: &Options) -> Self {
        let metrics = Self {
            lookup_errors: registry.counter(
                "prometheus_operator_node_address_lookup_errors_total",
                "Number of times a node IP address could not be determined",
                &[],
            ),
            syncs: registry.counter(
                "prometheus_operator_node_syncs_total",
                "Total number of synchronisations for the given resource",
                &["resource"],
            ),
            failed: registry.counter(
                "prometheus_operator_node_syncs_failed_total",
                "Total number of failed synchronisations for the given resource",
                &["resource"],
            ),
        };
        let managed = registry.gauge(
            "prometheus_operator_kubelet_managed_resource",
            "Whether the given resource is written",
            &["resource"],
        );
        metrics.lookup_errors.with(&[]).add(0.0);
        for (resource, is_managed) in [
            ("endpoints", options.endpoints),
            ("endpointslice", options.slices),
        ] {
            metrics.syncs.with(&[resource]).add(0.0);
            metrics.failed.with(&[resource]).add(0.0);
            managed
                .with(&[resource])
                .set(f64::from(u8::from(is_managed)));
        }
        metrics
    }

    fn count(&self, resource: &str, outcome: Result<(), Error>) {
        self.syncs.with(&[resource]).inc();
        if let Err(error) = outcome {
            self.failed.with(&[resource]).inc();
            tracing::error!(resource, %error, "kubelets not synchronised");
        }
    }
}

impl Kubelets {
    /// A loop that doesn't run yet.
    pub fn new(
        client: Client,
        recorder: EventRecorder,
        options: Options,
        settings: Arc<Settings>,
    ) -> Self {
        let metrics = Metrics::new(client.registry(), &options);
        Self {
            driver: Driver::new(client.clone(), recorder),
            client,
            options,
            settings,
            metrics,
        }
    }

    /// Looks at the nodes now and once a period, until the shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let forever = async {
            loop {
                self.sync().await;
                tokio::time::sleep(self.options.period).await;
            }
        };
        shutdown.or(forever).await;
    }

    /// Writes what differs. Each object is written for itself: only slices need the Service.
    pub async fn sync(&self) {
        let nodes = match self.nodes().await {
            Ok(nodes) => nodes,
            Err(error) => {
                tracing::error!(%error, "nodes not listed");
                return;
            }
        };
        let (addresses, errors) = addresses(&nodes, self.options.preference);
        for error in &errors {
            tracing::warn!("{error}");
            self.metrics.lookup_errors.with(&[]).inc();
        }
        let service = self.service().await;
        if let Err(error) = &service {
            tracing::error!(%error, service = %self.options.service, "Service of the kubelets not synchronised");
        }
        if self.options.endpoints {
            self.metrics
                .count("endpoints", self.endpoints(&addresses).await);
        }
        if self.options.slices {
            let outcome = match service {
                Ok(service) => self.slices(&service, &addresses).await,
                Err(_) => Err(Error::retry("kubelet service not available")),
            };
            self.metrics.count("endpointslice", outcome);
        }
    }

    fn making(&self) -> Making<'_> {
        Making {
            options: &self.options,
            settings: &self.settings,
        }
    }

    /// What is needed of the nodes, page by page: whole nodes are large.
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        let selector = &self.options.selector;
        let take = |object: Value| nodes.push(Node::of(&object));
        self.client.each(&NODE, "", selector, take).await?;
        Ok(nodes)
    }

    /// The Service as it is afterwards.
    async fn service(&self) -> Result<Value, Error> {
        let stored = self.client.get(&SERVICE, &self.options.service).await?;
        match (service(self.making(), stored.as_ref()), stored) {
            (None, stored) => Ok(stored.unwrap_or_default()),
            (Some(effect), _) => {
                let written = self.write(vec![effect]).await?;
                Ok(written.unwrap_or_default())
            }
        }
    }

    async fn endpoints(&self, addresses: &[NodeAddress]) -> Result<(), Error> {
        let stored = self.client.get(&ENDPOINTS, &self.options.service).await?;
        let effect = endpoints(self.making(), stored.as_ref(), addresses);
        self.write(effect.into_iter().collect()).await.map(|_| ())
    }

    async fn slices(&self, service: &Value, addresses: &[NodeAddress]) -> Result<(), Error> {
        let key = &self.options.service;
        let selector = format!("{SERVICE_NAME}={},{MANAGED_BY}={MANAGER}", key.name);
        let client = &self.client;
        let stored = client
            .list(&ENDPOINT_SLICE, &key.namespace, &selector)
            .await?;
        let uid = machinery::meta::uid(service);
        let effects = slices(self.making(), uid, &stored, addresses);
        self.write(effects).await.map(|_| ())
    }

    /// Performs effects in order; the answer to the first.
    async fn write(&self, effects: Vec<Effect>) -> Result<Option<Value>, Error> {
        if effects.is_empty() {
            return Ok(None);
        }
        let outcome = self.driver.perform(Plan::of(effects)).await;
        match outcome.error {
            Some(error) => Err(error),
            None => Ok(outcome.plan.answer(0)),
        }
    }
}
