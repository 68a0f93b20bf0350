//! Reading the world: the Prometheus, what it selects, what these refer to, and what was made before. No writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use machinery::time::Timestamp;
use runtime::{Cache, Error, ObjectKey, Reader};
use serde_json::Value;

use crate::api::{
    PodMonitor, Probe, Prometheus, PrometheusRule, ScrapeConfig, ServiceMonitor, read,
};
use crate::config::assets::Assets;
use crate::config::prometheus::Options;
use crate::operator::assets::AssetReader;
use crate::operator::candidates::{Candidate, Configurations, Find};
use crate::operator::references;
use crate::operator::refusals::{Refused, Told};
use crate::operator::selecting::{Configuration, Selecting};
use crate::operator::stored::{self, Names, Own, Stored};
use crate::workload::{Settings, prometheus_selector, shard_names};

/// What the controller reads from, and what it remembers.
pub struct Caches {
    /// Prometheus objects.
    pub prometheuses: Cache<Selecting<Prometheus>>,
    /// Objects they select.
    pub configurations: Configurations,
    /// What was made before.
    pub own: Own,
    /// Referenced Secrets and `ConfigMap`s.
    pub assets: AssetReader,
    /// Refusals that were told.
    pub told: Told,
    /// What the program was started with.
    pub settings: Arc<Settings>,
    /// What generators are told.
    pub options: Options,
}

/// Everything that selectors find.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// `ServiceMonitor`s.
    pub service_monitors: Vec<Candidate<ServiceMonitor>>,
    /// `PodMonitor`s.
    pub pod_monitors: Vec<Candidate<PodMonitor>>,
    /// Probes.
    pub probes: Vec<Candidate<Probe>>,
    /// `ScrapeConfig`s.
    pub scrape_configs: Vec<Candidate<ScrapeConfig>>,
    /// `PrometheusRule`s.
    pub rules: Vec<Candidate<PrometheusRule>>,
}

/// Everything a decision may look at.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The Prometheus, or why it can't be read.
    pub prometheus: Result<Prometheus, String>,
    /// The Prometheus as it is stored.
    pub object: Value,
    /// What its selectors find.
    pub candidates: Candidates,
    /// What is referred to.
    pub assets: Assets,
    /// What was made before.
    pub stored: Stored,
    /// Pods of all shards.
    pub pods: Vec<Value>,
    /// Whether the storage class it names exists; unknown without the right to look.
    pub storage_class: Option<bool>,
    /// Refusals that were told.
    pub told: BTreeSet<Refused>,
    /// What the program was started with.
    pub settings: Arc<Settings>,
    /// What the generator is told.
    pub options: Options,
    /// The time of this pass.
    pub now: Timestamp,
}

/// Reads everything about one Prometheus; `None` when it is gone.
pub async fn observe(
    key: &ObjectKey,
    reader: &Reader,
    caches: &Caches,
) -> Result<Option<Observed>, Error> {
    let Some(held) = caches.prometheuses.get(key) else {
        caches.assets.forget(key);
        caches.told.remember(key, BTreeSet::new());
        return Ok(None);
    };
    let object = held.whole().value();
    let prometheus = read::<Prometheus>(&object).map_err(|error| error.to_string());
    let mut observed = Observed {
        prometheus,
        candidates: Candidates::default(),
        assets: Assets::default(),
        stored: Stored::default(),
        pods: Vec::new(),
        storage_class: None,
        told: caches.told.of(key),
        settings: Arc::clone(&caches.settings),
        options: caches.options,
        now: reader.now(),
        object,
    };
    let Ok(prometheus) = observed.prometheus.clone() else {
        return Ok(Some(observed));
    };
    let mut find = Find::new(&held, &caches.configurations);
    find.references = references::of(&observed.object);
    observed.candidates = Candidates {
        service_monitors: find.of(Configuration::ServiceMonitor),
        pod_monitors: find.of(Configuration::PodMonitor),
        probes: find.of(Configuration::Probe),
        scrape_configs: find.of(Configuration::ScrapeConfig),
        rules: find.of(Configuration::PrometheusRule),
    };
    let references = find.references;
    observed.assets = caches.assets.read(key, references, reader).await?;
    let names = names(&prometheus);
    let metadata = &prometheus.metadata;
    observed.stored = caches.own.read(metadata, &names, reader).await?;
    let labels = prometheus_selector(&metadata.name);
    observed.pods = stored::pods(&metadata.namespace, &labels, reader).await?;
    let class = storage_class_name(&prometheus);
    observed.storage_class = stored::storage_class(class, reader).await?;
    Ok(Some(observed))
}

/// Names of what a Prometheus always needs.
fn names(prometheus: &Prometheus) -> Names {
    let common = &prometheus.spec.common;
    let prefix = format!("prometheus-{}", prometheus.metadata.name);
    let suffixed = |suffix: &str| format!("{prefix}{suffix}");
    let secrets = [
        "",
        "-tls-assets-0",
        "-web-config",
        "-thanos-prometheus-http-client-file",
    ];
    Names {
        secrets: secrets.into_iter().map(suffixed).collect(),
        config_maps: vec![suffixed("-rulefiles-0")],
        stateful_sets: shard_names("prometheus", &prometheus.metadata.name, common),
        service: common
            .service_name
            .clone()
            .unwrap_or_else(|| "prometheus-operated".to_owned()),
    }
}

/// Name of the storage class that a Prometheus asks for.
pub fn storage_class_name(prometheus: &Prometheus) -> Option<&str> {
    let storage = prometheus.spec.common.storage.as_ref()?;
    storage.class()
}
