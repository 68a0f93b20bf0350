//! The PrometheusAgent controller: agents as `StatefulSet`s, and their configuration.
//!
//! It promises what the [Prometheus controller](crate::prometheus) does, of agents, which have neither rules nor alerts.
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
use crate::operator::workload::{Observed, Workload, complete};
use crate::workload::{Health, Texts, agent_selector, shards_available};

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

    fn completed(mut self) -> Self {
        complete(&mut self.spec.common.scrape_interval, "30s");
        self
    }

    fn storage(&self) -> Option<&StorageSpec> {
        self.spec.common.storage.as_ref()
    }

    fn conditions(&self) -> &[Condition] {
        &self.status.conditions
    }

    fn pod_labels(&self) -> Texts {
        agent_selector(&self.metadata.name)
    }

    fn names(&self) -> Names {
        scraping::names(self, &[])
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Jobs {
        Jobs::find(find)
    }

    fn decide(&self, observed: &Observed<Self>) -> Decision {
        decide::decide(self, observed)
    }

    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)> {
        scraping::sets(self, observed)
    }

    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition> {
        Some(shards_available(sets))
    }

    fn describe(&self, sets: &[(String, Health<'_>)], status: &mut Map<String, Value>) {
        scraping::describe(&self.spec.common, sets, status);
        self.describe_selector(status);
    }
}
