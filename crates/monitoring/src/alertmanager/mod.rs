//! The Alertmanager controller: clusters of Alertmanagers and their configuration.
//!
//! What it promises:
//! - One bad AlertmanagerConfig is left out and told of; the routes and receivers of all others stay as they are.
//! - A configuration that can't be made leaves the last one in place ([`decide`]).
//! - What the user's Secret holds beside the configuration, such as templates, reaches the pods.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written. What it has in common with the others is in
//! [`crate::operator`].

pub mod acceptable;
pub mod decide;

use std::sync::Arc;

use runtime::{Cache, Change, ObjectKey, Projection, ResourceRef};
use serde_json::{Map, Value};

use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::api::{Alertmanager, AlertmanagerConfig, read};
use crate::config::alertmanager::{base_name, user_secret};
use crate::operator::candidates::{Candidate, Find};
use crate::operator::decision::Decision;
use crate::operator::references::Source;
use crate::operator::resources::ALERTMANAGER;
use crate::operator::selecting::{Configuration, Selecting};
use crate::operator::stored::Names;
use crate::operator::workload::{Observed, Workload};
use crate::workload::{Health, Texts, alertmanager_selector, available};

/// Everything a configuration may be made of, beside the user's Secret.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// The AlertmanagerConfig that is named as the base of everything.
    pub base: Option<Candidate<AlertmanagerConfig>>,
    /// What selectors find.
    pub configs: Vec<Candidate<AlertmanagerConfig>>,
}

impl Workload for Alertmanager {
    const RESOURCE: ResourceRef = ALERTMANAGER;
    const PREFIX: &'static str = "alertmanager";

    type Candidates = Candidates;

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
        alertmanager_selector(&self.metadata.name)
    }

    fn names(&self) -> Names {
        let prefix = self.prefixed();
        let secrets = [
            "-generated",
            "-tls-assets-0",
            "-web-config",
            "-cluster-tls-config",
        ];
        let service = self.spec.service_name.clone();
        Names {
            secrets: secrets.map(|suffix| format!("{prefix}{suffix}")).to_vec(),
            numbered_secrets: vec![format!("{prefix}-tls-assets-")],
            config_maps: Vec::new(),
            stateful_sets: vec![prefix],
            daemon_sets: Vec::new(),
            service: Some(service.unwrap_or_else(|| "alertmanager-operated".to_owned())),
        }
    }

    fn candidates(&self, find: &mut Find<'_, Self>) -> Candidates {
        let beside = |name: &str| ObjectKey::new(self.metadata.namespace.clone(), name);
        let user = beside(&user_secret(self));
        find.references.insert((Source::Secret, user));
        let kind = Configuration::AlertmanagerConfig;
        Candidates {
            base: base_name(self).and_then(|name| find.named(kind, &beside(name))),
            configs: find.of(kind),
        }
    }

    fn decide(&self, observed: &Observed<Self>) -> Decision {
        decide::decide(self, observed)
    }

    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)> {
        let name = self.prefixed();
        let set = observed.stored.stateful_sets.get(&name);
        let replicas = self.spec.replicas.map(|replicas| replicas.max(0));
        let key = format!("{}/{name}", self.metadata.namespace);
        vec![(key, Health::new(set, &observed.pods, replicas))]
    }

    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition> {
        sets.first().map(|(_, health)| available(health))
    }

    fn describe(&self, _sets: &[(String, Health<'_>)], status: &mut Map<String, Value>) {
        self.describe_selector(status);
    }
}

/// The Alertmanagers that name an AlertmanagerConfig as the base of everything.
pub fn based_on<P: Projection>(
    alertmanagers: &Cache<Selecting<Alertmanager>>,
    change: &Change<P>,
) -> Vec<ObjectKey> {
    let Some(meta) = change.meta() else {
        return Vec::new();
    };
    let names = |held: &Arc<Selecting<Alertmanager>>| {
        let alertmanager = read::<Alertmanager>(&held.whole().value()).ok()?;
        let named = base_name(&alertmanager) == Some(meta.key.name.as_str());
        named.then(|| held.meta().key.clone())
    };
    let beside = alertmanagers.list_in(&meta.key.namespace);
    beside.iter().filter_map(names).collect()
}
