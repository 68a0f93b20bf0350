//! The PrometheusAgent controller: agents as `StatefulSet`s or as a DaemonSet, and their configuration.
//!
//! It promises what the [Prometheus controller](crate::prometheus) does, of agents, which have neither rules nor alerts. An
//! agent that changes its mode has one of both kinds at the end, and none of the other.
//!
//! Read [`decide`] next: it is the order in which things are written. What it has in common with servers is in
//! [`crate::operator::scraping`], what with all others in [`crate::operator`].

pub mod decide;

use runtime::ResourceRef;
use serde_json::{Map, Value};

use crate::api::PrometheusAgent;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::operator::candidates::Find;
use crate::operator::decision::Decision;
use crate::operator::resources::PROMETHEUS_AGENT;
use crate::operator::scraping::{self, Jobs, Scraping};
use crate::operator::stored::Names;
use crate::operator::workload::{Observed, Workload};
use crate::workload::{Health, Texts, agent_selector, shard_name, shards_available};

/// Name of the DaemonSet, which is that of the first shard.
fn daemon_set_name(agent: &PrometheusAgent) -> String {
    shard_name(PrometheusAgent::PREFIX, &agent.metadata.name, 0)
}

impl Scraping for PrometheusAgent {
    const SERVICE: &'static str = "prometheus-agent-operated";

    fn common(&self) -> &CommonPrometheusFields {
        &self.spec.common
    }
}

impl Workload for PrometheusAgent {
    const RESOURCE: ResourceRef = PROMETHEUS_AGENT;
    const PREFIX: &'static str = "prom-agent";

    type Candidates = Jobs;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn is_paused(&self) -> bool {
        self.spec.common.paused == Some(true)
    }

    fn storage(&self) -> Option<&StorageSpec> {
        let storage = self.spec.common.storage.as_ref();
        storage.filter(|_| !self.spec.is_on_every_node())
    }

    fn conditions(&self) -> &[Condition] {
        &self.status.conditions
    }

    fn pod_labels(&self) -> Texts {
        agent_selector(&self.metadata.name)
    }

    fn names(&self) -> Names {
        let names = scraping::names(self, &[]);
        if !self.spec.is_on_every_node() {
            return names;
        }
        Names {
            stateful_sets: Vec::new(),
            daemon_sets: vec![daemon_set_name(self)],
            service: None,
            ..names
        }
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Jobs {
        Jobs::find(find)
    }

    fn decide(&self, observed: &Observed<Self>) -> Decision {
        decide::decide(self, observed)
    }

    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)> {
        if !self.spec.is_on_every_node() {
            return scraping::sets(self, observed);
        }
        let name = daemon_set_name(self);
        let set = observed.stored.daemon_sets.get(&name);
        let key = format!("{}/{name}", self.metadata.namespace);
        vec![(key, Health::of_daemon_set(set, &observed.pods))]
    }

    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition> {
        Some(shards_available(sets))
    }

    fn describe(&self, sets: &[(String, Health<'_>)], status: &mut Map<String, Value>) {
        scraping::describe(&self.spec.common, sets, status);
        self.describe_selector(status);
    }
}
