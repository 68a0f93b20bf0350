//! The Prometheus controller: servers, their configuration and their rules.
//!
//! What it promises:
//! - One bad monitor or rule is left out and told of; the jobs of all others stay byte-equal ([`select`]).
//! - A Prometheus that can't be rendered keeps what it last had ([`decide`]).
//! - A changed configuration is one write of one Secret; pods are replaced only if their template changed.
//! - A StatefulSet whose fixed fields change is made anew around its pods.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written. What it has in common with the others is in
//! [`crate::operator`].

pub mod decide;
pub mod select;

use runtime::ResourceRef;
use serde_json::{Map, Value, json};

use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::api::{PodMonitor, Probe, Prometheus, PrometheusRule, ScrapeConfig, ServiceMonitor};
use crate::operator::candidates::{Candidate, Find};
use crate::operator::decision::Decision;
use crate::operator::resources::PROMETHEUS;
use crate::operator::selecting::Configuration;
use crate::operator::stored::Names;
use crate::operator::workload::{Observed, Workload};
use crate::workload::{Health, Texts, prometheus_selector, shard_names, shards_available};

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

impl Workload for Prometheus {
    const RESOURCE: ResourceRef = PROMETHEUS;

    type Candidates = Candidates;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn is_paused(&self) -> bool {
        self.spec.common.paused == Some(true)
    }

    fn storage(&self) -> Option<&StorageSpec> {
        self.spec.common.storage.as_ref()
    }

    fn conditions(&self) -> &[Condition] {
        &self.status.conditions
    }

    fn pod_labels(&self) -> Texts {
        prometheus_selector(&self.metadata.name)
    }

    fn names(&self) -> Names {
        let common = &self.spec.common;
        let prefix = format!("prometheus-{}", self.metadata.name);
        let secrets = [
            "",
            "-tls-assets-0",
            "-web-config",
            "-thanos-prometheus-http-client-file",
        ];
        let service = common.service_name.clone();
        Names {
            secrets: secrets.map(|suffix| format!("{prefix}{suffix}")).to_vec(),
            config_maps: vec![format!("{prefix}-rulefiles-0")],
            stateful_sets: shard_names("prometheus", &self.metadata.name, common),
            service: service.unwrap_or_else(|| "prometheus-operated".to_owned()),
        }
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Candidates {
        Candidates {
            service_monitors: find.of(Configuration::ServiceMonitor),
            pod_monitors: find.of(Configuration::PodMonitor),
            probes: find.of(Configuration::Probe),
            scrape_configs: find.of(Configuration::ScrapeConfig),
            rules: find.of(Configuration::PrometheusRule),
        }
    }

    fn decide(&self, observed: &Observed<Self>) -> Decision {
        decide::decide(self, observed)
    }

    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)> {
        let common = &self.spec.common;
        let replicas = common.replicas.filter(|replicas| *replicas >= 0);
        let names = shard_names("prometheus", &self.metadata.name, common);
        let shard = |name: String| {
            let set = observed.stored.stateful_sets.get(&name);
            let key = format!("{}/{name}", self.metadata.namespace);
            (key, Health::new(set, &observed.pods, replicas))
        };
        names.into_iter().map(shard).collect()
    }

    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition> {
        Some(shards_available(sets))
    }

    fn describe(&self, sets: &[(String, Health<'_>)], status: &mut Map<String, Value>) {
        let one = |(index, (_, health)): (usize, &(String, Health<'_>))| {
            let mut one = health.counts().to_value();
            if let Some(one) = one.as_object_mut() {
                one.insert("shardID".to_owned(), json!(index.to_string()));
            }
            one
        };
        let by_shard: Vec<Value> = sets.iter().enumerate().map(one).collect();
        let shards = self.spec.common.shards.unwrap_or(1);
        status.insert("shardStatuses".to_owned(), json!(by_shard));
        status.insert("shards".to_owned(), json!(shards));
    }
}
