//! Workloads and the objects they select, as caches keep them.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use runtime::{Cache, Change, Meta, ObjectKey, Projection, ResourceRef, Whole};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::resources;
use super::watched::NAME_LABEL;
use crate::api::common::LabelSelector;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler, read};
use crate::selection::Wanted;

/// Kinds of objects that a workload selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Configuration {
    /// `ServiceMonitor`s.
    ServiceMonitor,
    /// `PodMonitor`s.
    PodMonitor,
    /// Probes.
    Probe,
    /// `ScrapeConfig`s.
    ScrapeConfig,
    /// `PrometheusRule`s.
    PrometheusRule,
    /// `AlertmanagerConfig`s.
    AlertmanagerConfig,
}

impl Configuration {
    /// The resource of the kind.
    pub fn resource(self) -> ResourceRef {
        match self {
            Self::ServiceMonitor => resources::SERVICE_MONITOR,
            Self::PodMonitor => resources::POD_MONITOR,
            Self::Probe => resources::PROBE,
            Self::ScrapeConfig => resources::SCRAPE_CONFIG,
            Self::PrometheusRule => resources::PROMETHEUS_RULE,
            Self::AlertmanagerConfig => resources::ALERTMANAGER_CONFIG,
        }
    }

    /// All of them, in the order in which they are selected.
    pub const ALL: [Self; 6] = [
        Self::ServiceMonitor,
        Self::PodMonitor,
        Self::Probe,
        Self::ScrapeConfig,
        Self::PrometheusRule,
        Self::AlertmanagerConfig,
    ];
}

/// A workload that selects objects.
pub trait Selects: DeserializeOwned + Send + Sync + 'static {
    /// The workload's own namespace.
    fn namespace(&self) -> &str;

    /// Its selectors of namespaces and of objects of a kind; `None` for kinds it never selects.
    fn selectors(&self, kind: Configuration) -> Option<Selectors<'_>>;

    /// What it wants of a kind; the error says what is wrong with its selectors.
    fn wanted(&self, kind: Configuration) -> Result<Option<Wanted>, String> {
        let wanted = self.selectors(kind).map(|(namespaces, objects)| {
            Wanted::new(self.namespace(), namespaces, objects)
                .map_err(|error| format!("selector of {kind:?}: {error}"))
        });
        wanted.transpose()
    }
}

/// Selectors of namespaces and of objects.
pub type Selectors<'a> = (Option<&'a LabelSelector>, Option<&'a LabelSelector>);

/// A workload as caches keep it: the whole object, and what it wants of each kind.
#[derive(Debug)]
pub struct Selecting<W> {
    whole: Whole,
    /// What it wants; a kind whose selectors can't be read is missing, and so is everything if the object can't be read.
    wanted: BTreeMap<Configuration, Wanted>,
    workload: PhantomData<fn() -> W>,
}

impl<W: Selects> Selecting<W> {
    /// The whole object.
    pub fn whole(&self) -> &Whole {
        &self.whole
    }

    /// What it wants of a kind.
    pub fn wanted(&self, kind: Configuration) -> Option<&Wanted> {
        self.wanted.get(&kind)
    }
}

impl<W: Selects> Projection for Selecting<W> {
    fn meta(&self) -> &Meta {
        self.whole.meta()
    }

    fn complete(&mut self, resource: &Arc<ResourceRef>) {
        self.whole.complete(resource);
    }
}

impl<'de, W: Selects> Deserialize<'de> for Selecting<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Whole::deserialize(deserializer)?;
        let wanted = read::<W>(&whole.value()).map_or_else(
            |_| BTreeMap::new(),
            |workload| {
                let kinds = Configuration::ALL.into_iter();
                kinds
                    .filter_map(|kind| Some((kind, workload.wanted(kind).ok()??)))
                    .collect()
            },
        );
        Ok(Self {
            whole,
            wanted,
            workload: PhantomData,
        })
    }
}

/// Selectors of what becomes jobs.
fn of_jobs(common: &CommonPrometheusFields, kind: Configuration) -> Option<Selectors<'_>> {
    let (namespaces, objects) = match kind {
        Configuration::ServiceMonitor => (
            &common.service_monitor_namespace_selector,
            &common.service_monitor_selector,
        ),
        Configuration::PodMonitor => (
            &common.pod_monitor_namespace_selector,
            &common.pod_monitor_selector,
        ),
        Configuration::Probe => (&common.probe_namespace_selector, &common.probe_selector),
        Configuration::ScrapeConfig => (
            &common.scrape_config_namespace_selector,
            &common.scrape_config_selector,
        ),
        Configuration::PrometheusRule | Configuration::AlertmanagerConfig => return None,
    };
    Some((namespaces.as_ref(), objects.as_ref()))
}

impl Selects for Prometheus {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn selectors(&self, kind: Configuration) -> Option<Selectors<'_>> {
        let spec = &self.spec;
        if kind == Configuration::PrometheusRule {
            let namespaces = spec.rule_namespace_selector.as_ref();
            return Some((namespaces, spec.rule_selector.as_ref()));
        }
        of_jobs(&spec.common, kind)
    }
}

impl Selects for PrometheusAgent {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn selectors(&self, kind: Configuration) -> Option<Selectors<'_>> {
        // Nothing but pods can be told by the node that they are on.
        if self.spec.is_on_every_node() && kind != Configuration::PodMonitor {
            return None;
        }
        of_jobs(&self.spec.common, kind)
    }
}

impl Selects for ThanosRuler {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn selectors(&self, kind: Configuration) -> Option<Selectors<'_>> {
        let spec = &self.spec;
        let namespaces = spec.rule_namespace_selector.as_ref();
        (kind == Configuration::PrometheusRule).then_some((namespaces, spec.rule_selector.as_ref()))
    }
}

impl Selects for Alertmanager {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn selectors(&self, kind: Configuration) -> Option<Selectors<'_>> {
        let spec = &self.spec;
        let namespaces = spec.alertmanager_config_namespace_selector.as_ref();
        let objects = spec.alertmanager_config_selector.as_ref();
        (kind == Configuration::AlertmanagerConfig).then_some((namespaces, objects))
    }
}

/// Labels as a map.
pub fn labels(meta: &Meta) -> BTreeMap<String, String> {
    let labels = meta.labels.iter();
    labels
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// Labels of a namespace; one that isn't known yet has the label that each has.
pub fn namespace_labels(namespaces: &Cache<Meta>, name: &str) -> BTreeMap<String, String> {
    match namespaces.get(&ObjectKey::cluster(name)) {
        Some(meta) => labels(&meta),
        None => BTreeMap::from([(NAME_LABEL.to_owned(), name.to_owned())]),
    }
}

/// The workloads that want an object which changed, as it was or as it is.
pub fn wanting<W: Selects, P: Projection>(
    workloads: &Cache<Selecting<W>>,
    namespaces: &Cache<Meta>,
    kind: Configuration,
    change: &Change<P>,
) -> Vec<ObjectKey> {
    let Some(meta) = change.meta() else {
        return Vec::new();
    };
    if only_reports(change) {
        return Vec::new();
    }
    let of_namespace = namespace_labels(namespaces, &meta.key.namespace);
    let sides: Vec<BTreeMap<String, String>> =
        change.sides().map(|side| labels(side.meta())).collect();
    let wants = |workload: &Arc<Selecting<W>>| {
        workload.wanted(kind).is_some_and(|wanted| {
            wanted.takes_namespace(&meta.key.namespace, &of_namespace)
                && sides.iter().any(|labels| wanted.takes(labels))
        })
    };
    let workloads = workloads.list();
    let found = workloads.iter().filter(|workload| wants(workload));
    found.map(|workload| workload.meta().key.clone()).collect()
}

/// Whether a change touches neither what is wished for nor labels: a status, mostly one that a workload wrote.
pub fn only_reports<P: Projection>(change: &Change<P>) -> bool {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            let (old, new) = (old.meta(), new.meta());
            old.uid == new.uid
                && new.generation > 0
                && old.generation == new.generation
                && old.labels == new.labels
        }
        (None | Some(_), None) | (None, Some(_)) => false,
    }
}

/// The workloads for which a namespace counts otherwise than before.
pub fn regarding<W: Selects>(
    workloads: &Cache<Selecting<W>>,
    change: &Change<Meta>,
) -> Vec<ObjectKey> {
    let Some(meta) = change.meta() else {
        return Vec::new();
    };
    let before = change.old.as_ref().map(|old| labels(old));
    let after = change.new.as_ref().map(|new| labels(new));
    if before == after {
        return Vec::new();
    }
    let differs = |workload: &Arc<Selecting<W>>| {
        workload.wanted.values().any(|wanted| {
            let takes = |labels: &Option<BTreeMap<String, String>>| {
                labels
                    .as_ref()
                    .is_some_and(|labels| wanted.takes_namespace(&meta.key.name, labels))
            };
            takes(&before) != takes(&after)
        })
    };
    let workloads = workloads.list();
    let found = workloads.iter().filter(|workload| differs(workload));
    found.map(|workload| workload.meta().key.clone()).collect()
}
