//! Which monitors workloads take, and those that none takes.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::{Placed, World};
use crate::api::PrometheusRule;
use crate::api::common::LabelSelector;
use crate::api::common_prometheus::{CommonPrometheusFields, ScrapeClass};
use crate::api::kinds::{Object, ObjectMeta};
use crate::config::assets::Assets;
use crate::config::prometheus::{DEFAULT_VERSION, Generator, Options, Scraped, Selected};
use crate::config::version::Version;
use crate::promql;
use crate::rules::{Format, Reader};
use crate::selection::{
    Check, Refusal, Wanted, check_pod_monitor, check_probe, check_scrape_config,
    check_service_monitor,
};

impl World<'_> {
    /// Objects that no workload among these takes: checked for the newest version.
    pub(super) fn left_over(&mut self) {
        let Ok(version) = Version::parse(DEFAULT_VERSION) else {
            return;
        };
        self.teller = None;
        let seen = std::mem::take(&mut self.looked_at);
        self.alone("ServiceMonitor", &seen, &version, check_service_monitor);
        self.alone("PodMonitor", &seen, &version, check_pod_monitor);
        self.alone("Probe", &seen, &version, check_probe);
        self.alone("ScrapeConfig", &seen, &version, check_scrape_config);
        let reader = Reader {
            format: Format::Prometheus,
            version: &version,
            options: promql::Options::default(),
        };
        for Placed { at, object } in self.of_kind::<_, _>("PrometheusRule") {
            let rule: PrometheusRule = object;
            if let (false, Err(problems)) = (seen.contains(&at), reader.file(&rule.spec)) {
                for text in problems {
                    self.refuse(at, text);
                }
            }
        }
        self.configs_alone(&seen);
    }

    fn alone<S, T>(
        &mut self,
        kind: &str,
        seen: &[usize],
        version: &Version,
        check: impl Fn(&Object<S, T>, Check) -> Result<(), Refusal>,
    ) where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
    {
        for Placed { at, object } in self.of_kind::<S, T>(kind) {
            if seen.contains(&at) {
                continue;
            }
            let class = self.scrape_class(at);
            let common = CommonPrometheusFields {
                scrape_classes: class.clone().into_iter().collect(),
                ..CommonPrometheusFields::default()
            };
            let asked = Check {
                common: &common,
                version,
                scope: self.assets.within(&object.metadata.namespace),
            };
            if let Err(refusal) = check(&object, asked) {
                self.refuse(at, refusal);
            }
            if let Some(class) = class {
                let (name, text) = (class.name, "no Prometheus among the manifests selects it");
                let text = format!("{text}: whether there is a scrapeClass {name:?} isn't known");
                self.warn(at, "spec.scrapeClass", [text]);
            }
        }
    }

    /// The class that an object without a workload names: only its Prometheus could say whether there is one.
    fn scrape_class(&self, at: usize) -> Option<ScrapeClass> {
        let name = self.objects.get(at)?.pointer("/spec/scrapeClass")?;
        let name = name.as_str().filter(|name| !name.is_empty())?.to_owned();
        Some(ScrapeClass {
            name,
            ..ScrapeClass::default()
        })
    }

    /// The objects that a workload selects and that can become jobs.
    pub(super) fn selected(
        &mut self,
        at: usize,
        metadata: &ObjectMeta,
        common: &CommonPrometheusFields,
        version: &Version,
        options: Options,
    ) -> Selected {
        let take = Take {
            at,
            metadata,
            common,
            version,
            options,
        };
        Selected {
            service_monitors: take.valid(
                self,
                "ServiceMonitor",
                common.service_monitor_namespace_selector.as_ref(),
                common.service_monitor_selector.as_ref(),
                check_service_monitor,
            ),
            pod_monitors: take.valid(
                self,
                "PodMonitor",
                common.pod_monitor_namespace_selector.as_ref(),
                common.pod_monitor_selector.as_ref(),
                check_pod_monitor,
            ),
            probes: take.valid(
                self,
                "Probe",
                common.probe_namespace_selector.as_ref(),
                common.probe_selector.as_ref(),
                check_probe,
            ),
            scrape_configs: take.valid(
                self,
                "ScrapeConfig",
                common.scrape_config_namespace_selector.as_ref(),
                common.scrape_config_selector.as_ref(),
                check_scrape_config,
            ),
            rule_config_maps: Vec::new(),
        }
    }
}

/// Who takes monitors.
struct Take<'a> {
    at: usize,
    metadata: &'a ObjectMeta,
    common: &'a CommonPrometheusFields,
    version: &'a Version,
    options: Options,
}

impl Take<'_> {
    /// The objects that are selected and can become jobs, by `namespace/name`.
    fn valid<S, T>(
        &self,
        world: &mut World,
        kind: &str,
        namespaces: Option<&LabelSelector>,
        objects: Option<&LabelSelector>,
        check: impl Fn(&Object<S, T>, Check) -> Result<(), Refusal>,
    ) -> BTreeMap<String, Object<S, T>>
    where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
        Object<S, T>: Scraped,
    {
        let wanted = match Wanted::new(&self.metadata.namespace, namespaces, objects) {
            Ok(wanted) => wanted,
            Err(error) => {
                world.problem(self.at, "spec", format!("selector of {kind}: {error}"));
                return BTreeMap::new();
            }
        };
        let all = world.of_kind::<S, T>(kind);
        let mut valid = BTreeMap::new();
        for Placed { at, object } in world.wanted(&wanted, all) {
            let checked = check(
                &object,
                Check {
                    common: self.common,
                    version: self.version,
                    scope: world.assets.within(&object.metadata.namespace),
                },
            );
            match checked {
                Ok(()) => {
                    let notes = self.notes(&world.assets, kind, &object);
                    world.warn(at, "spec", notes);
                    valid.insert(object.key(), object);
                }
                Err(refusal) => world.refuse(at, refusal),
            }
        }
        valid
    }

    /// What the workload's version leaves out of the jobs of an object.
    fn notes(&self, assets: &Assets, kind: &str, object: &impl Scraped) -> Vec<String> {
        // An agent on every node takes nothing else.
        if self.options.daemon_set && kind != "PodMonitor" {
            return Vec::new();
        }
        let (common, metadata) = (self.common, self.metadata);
        let Ok(generator) = Generator::new(common, metadata, assets, self.options) else {
            return Vec::new();
        };
        // What goes wrong here is told where the whole configuration is made.
        let _ = object.jobs(&generator);
        generator.take_warnings()
    }
}
