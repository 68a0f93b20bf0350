//! The Prometheus controller: servers, their configuration and their rules.
//!
//! What it promises:
//! - One bad monitor or rule is left out and told of; the jobs of all others stay byte-equal.
//! - A Prometheus that can't be rendered keeps what it last had ([`decide`]).
//! - A changed configuration is one write of one Secret; pods are replaced only if their template changed.
//! - A StatefulSet whose fixed fields change is made anew around its pods.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written. What it has in common with agents is in
//! [`crate::operator::scraping`], what with all others in [`crate::operator`].

pub mod decide;

use runtime::ResourceRef;
use serde_json::{Map, Value};

use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::api::{Prometheus, PrometheusRule};
use crate::operator::candidates::{Candidate, Find};
use crate::operator::decision::Decision;
use crate::operator::resources::PROMETHEUS;
use crate::operator::scraping::{self, Jobs, Scraping};
use crate::operator::selecting::Configuration;
use crate::operator::stored::Names;
use crate::operator::workload::{Observed, Workload};
use crate::workload::{Health, Texts, prometheus_selector, shards_available};

/// Everything that selectors find.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// What becomes jobs.
    pub jobs: Jobs,
    /// `PrometheusRule`s.
    pub rules: Vec<Candidate<PrometheusRule>>,
}

impl Scraping for Prometheus {
    const SERVICE: &'static str = "prometheus-operated";

    fn common(&self) -> &CommonPrometheusFields {
        &self.spec.common
    }
}

impl Workload for Prometheus {
    const RESOURCE: ResourceRef = PROMETHEUS;
    const PREFIX: &'static str = "prometheus";

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
        Names {
            config_maps: vec![format!("{}-rulefiles-0", self.prefixed())],
            ..scraping::names(self, &["-thanos-prometheus-http-client-file"])
        }
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Candidates {
        Candidates {
            jobs: Jobs::find(find),
            rules: find.of(Configuration::PrometheusRule),
        }
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
