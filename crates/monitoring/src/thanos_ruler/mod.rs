//! The ThanosRuler controller: rulers, their rules and where they write to.
//!
//! What it promises:
//! - One bad rule is left out and told of; the files of all others stay as they are.
//! - A ruler that can't be made keeps what it last had ([`decide`]).
//! - A changed rule is one write of one ConfigMap; pods are replaced only if their template changed.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written. What it has in common with Prometheus is in
//! [`crate::operator::rule_files`], what with all others in [`crate::operator`].

pub mod decide;

use runtime::ResourceRef;

use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::api::{PrometheusRule, ThanosRuler};
use crate::operator::candidates::{Candidate, Find};
use crate::operator::decision::Decision;
use crate::operator::resources::THANOS_RULER;
use crate::operator::selecting::Configuration;
use crate::operator::stored::Names;
use crate::operator::workload::{Observed, Workload};
use crate::workload::{Health, Texts, available, thanos_ruler_selector};

impl Workload for ThanosRuler {
    const RESOURCE: ResourceRef = THANOS_RULER;
    const PREFIX: &'static str = "thanos-ruler";

    /// `PrometheusRule`s.
    type Candidates = Vec<Candidate<PrometheusRule>>;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn is_paused(&self) -> bool {
        self.spec.paused == Some(true)
    }

    fn storage(&self) -> Option<&StorageSpec> {
        self.spec.storage.as_ref()
    }

    fn conditions(&self) -> &[Condition] {
        &self.status.conditions
    }

    fn pod_labels(&self) -> Texts {
        thanos_ruler_selector(&self.metadata.name)
    }

    fn names(&self) -> Names {
        let prefix = self.prefixed();
        let secrets = ["-config", "-tls-assets-0", "-web-config"];
        let service = self.spec.service_name.as_deref();
        Names {
            secrets: secrets.map(|end| format!("{prefix}{end}")).to_vec(),
            numbered_secrets: vec![format!("{prefix}-tls-assets-")],
            config_maps: vec![format!("{prefix}-rulefiles-0")],
            stateful_sets: vec![prefix],
            daemon_sets: Vec::new(),
            service: Some(service.unwrap_or("thanos-ruler-operated").to_owned()),
        }
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Self::Candidates {
        find.of(Configuration::PrometheusRule)
    }

    fn decide(&self, observed: &Observed<Self>) -> Decision {
        decide::decide(self, observed)
    }

    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)> {
        let name = self.prefixed();
        let set = observed.stored.stateful_sets.get(&name);
        let key = format!("{}/{name}", self.metadata.namespace);
        vec![(key, Health::new(set, &observed.pods, self.spec.replicas))]
    }

    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition> {
        sets.first().map(|(_, health)| available(health))
    }
}
