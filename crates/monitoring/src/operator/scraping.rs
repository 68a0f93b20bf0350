//! What servers and agents have in common: jobs of what they select, shards, and what their status says of these
//! (upstream's `pkg/prometheus`).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::candidates::{Candidate, Find};
use super::pass::Pass;
use super::selecting::{Configuration, Selects};
use super::stored::Names;
use super::workload::{Observed, Workload};
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::{Object, PodMonitor, Probe, ScrapeConfig, ServiceMonitor};
use crate::config::prometheus::{DEFAULT_VERSION, Generated, Selected};
use crate::config::version::Version;
use crate::selection::{
    Check, Refusal, check_pod_monitor, check_probe, check_scrape_config, check_service_monitor,
};
use crate::workload::{Data, Health, PROMETHEUS_WEB_CONFIG, compressed, shard_names};

/// Key of the Secret with the configuration.
const CONFIG_KEY: &str = "prometheus.yaml.gz";

/// A server or an agent.
pub trait Scraping: Workload {
    /// The governing Service, unless one is named.
    const SERVICE: &'static str;

    /// The fields both kinds have.
    fn common(&self) -> &CommonPrometheusFields;
}

/// Everything that becomes jobs.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    /// `ServiceMonitor`s.
    pub service_monitors: Vec<Candidate<ServiceMonitor>>,
    /// `PodMonitor`s.
    pub pod_monitors: Vec<Candidate<PodMonitor>>,
    /// Probes.
    pub probes: Vec<Candidate<Probe>>,
    /// `ScrapeConfig`s.
    pub scrape_configs: Vec<Candidate<ScrapeConfig>>,
}

impl Jobs {
    /// What selectors find.
    pub fn find<W: Selects>(find: &mut Find<'_, W>) -> Self {
        Self {
            service_monitors: find.of(Configuration::ServiceMonitor),
            pod_monitors: find.of(Configuration::PodMonitor),
            probes: find.of(Configuration::Probe),
            scrape_configs: find.of(Configuration::ScrapeConfig),
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.service_monitors.is_empty()
            && self.pod_monitors.is_empty()
            && self.probes.is_empty()
            && self.scrape_configs.is_empty()
    }
}

/// Names of what every server and agent needs; `more` are ends of names of further Secrets.
pub fn names<W: Scraping>(workload: &W, more: &[&str]) -> Names {
    let (common, own) = (workload.common(), &workload.metadata().name);
    let secrets = ["", "-tls-assets-0", "-web-config"];
    let secrets = secrets.iter().chain(more);
    let service = common.service_name.as_deref().unwrap_or(W::SERVICE);
    Names {
        secrets: secrets
            .map(|end| format!("{}-{own}{end}", W::PREFIX))
            .collect(),
        config_maps: Vec::new(),
        stateful_sets: shard_names(W::PREFIX, own, common),
        service: service.to_owned(),
    }
}

/// The `StatefulSet`s of all shards, and how they are.
pub fn sets<'a, W: Scraping>(workload: &W, observed: &'a Observed<W>) -> Vec<(String, Health<'a>)> {
    let (common, metadata) = (workload.common(), workload.metadata());
    let replicas = common.replicas.filter(|replicas| *replicas >= 0);
    let shard = |name: String| {
        let set = observed.stored.stateful_sets.get(&name);
        let key = format!("{}/{name}", metadata.namespace);
        (key, Health::new(set, &observed.pods, replicas))
    };
    let names = shard_names(W::PREFIX, &metadata.name, common);
    names.into_iter().map(shard).collect()
}

/// What the status says of shards.
pub fn describe(
    common: &CommonPrometheusFields,
    sets: &[(String, Health<'_>)],
    status: &mut Map<String, Value>,
) {
    let one = |(index, (_, health)): (usize, &(String, Health<'_>))| {
        let mut one = health.counts().to_value();
        if let Some(one) = one.as_object_mut() {
            one.insert("shardID".to_owned(), json!(index.to_string()));
        }
        one
    };
    let by_shard: Vec<Value> = sets.iter().enumerate().map(one).collect();
    status.insert("shardStatuses".to_owned(), json!(by_shard));
    status.insert("shards".to_owned(), json!(common.shards.unwrap_or(1)));
}

impl<S: Default, T: Default> Pass<'_, S, T>
where
    Object<S, T>: Scraping,
{
    /// The version that will read the configuration.
    pub fn version(&self) -> Result<Version, String> {
        let given = self.object.common().version.as_deref();
        let given = given.filter(|version| !version.is_empty());
        Version::parse(given.unwrap_or(DEFAULT_VERSION))
            .map_err(|error| format!("failed to parse Prometheus version: {error}"))
    }

    /// Checks everything that becomes jobs, each alone.
    pub fn select_jobs(&mut self, version: &Version, jobs: &Jobs) -> Selected {
        Selected {
            service_monitors: self.valid(version, &jobs.service_monitors, check_service_monitor),
            pod_monitors: self.valid(version, &jobs.pod_monitors, check_pod_monitor),
            probes: self.valid(version, &jobs.probes, check_probe),
            scrape_configs: self.valid(version, &jobs.scrape_configs, check_scrape_config),
            rule_config_maps: Vec::new(),
        }
    }

    fn valid<P, Q>(
        &mut self,
        version: &Version,
        candidates: &[Candidate<Object<P, Q>>],
        check: impl Fn(&Object<P, Q>, Check) -> Result<(), Refusal>,
    ) -> BTreeMap<String, Object<P, Q>>
    where
        P: Default + Clone + DeserializeOwned,
        Q: Default + Clone + DeserializeOwned,
    {
        let mut valid = BTreeMap::new();
        for candidate in candidates {
            let checked = candidate.object.clone().and_then(|object| {
                let asked = Check {
                    common: self.object.common(),
                    version,
                    scope: self.observed.assets.within(&object.metadata.namespace),
                };
                check(&object, asked).map(|()| object)
            });
            match checked {
                Ok(object) => {
                    valid.insert(object.key(), object);
                }
                Err(why) => self.refuse(&candidate.reference, why),
            }
        }
        valid
    }

    /// The configuration as its Secret holds it.
    pub fn put_configuration(&mut self, text: &str) -> Result<(), String> {
        let bytes = compressed(text).map_err(|error| error.to_string())?;
        let data = Data::from([(CONFIG_KEY.to_owned(), bytes)]);
        self.put_secret(&self.prefixed(), &data);
        Ok(())
    }

    /// The TLS material that a configuration names; how many Secrets hold it.
    pub fn put_tls_files(&mut self, made: Generated) -> usize {
        let files = made.tls_files.into_iter();
        let files: Data = files.map(|(name, text)| (name, text.into())).collect();
        self.put_tls_assets(&files)
    }

    /// The web configuration.
    pub fn put_web(&mut self) -> Result<(), String> {
        let web = self.object.common().web.as_ref();
        self.put_web_config(
            PROMETHEUS_WEB_CONFIG,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        )
    }

    /// Names of the `StatefulSet`s of all shards.
    pub fn shards(&self) -> Vec<String> {
        let name = &self.object.metadata.name;
        shard_names(Object::<S, T>::PREFIX, name, self.object.common())
    }
}
