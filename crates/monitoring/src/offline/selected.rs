//! Which monitors workloads take, and those that none takes.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::{Placed, World};
use crate::api::PrometheusRule;
use crate::api::common::LabelSelector;
use crate::api::common_prometheus::{CommonPrometheusFields, ScrapeClass};
use crate::api::kinds::{Object, ObjectMeta};
use crate::api::schema::ApiSchema;
use crate::config::assets::Assets;
use crate::config::prometheus::{DEFAULT_VERSION, Generator, Options, Scraped, Selected};
use crate::config::version::Version;
use crate::operator::scraping::With;
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
        S: Default + DeserializeOwned + ApiSchema,
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
        S: Default + DeserializeOwned + ApiSchema,
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
                Ok(()) => match self.notes(&world.assets, kind, &object) {
                    Ok(notes) => {
                        world.warn(at, "spec", notes);
                        valid.insert(object.key(), object);
                    }
                    Err(why) => world.refuse(at, why),
                },
                Err(refusal) => world.refuse(at, refusal),
            }
        }
        valid
    }

    /// What the workload's version leaves out of the jobs of an object. Fails if there can be none, or none that it would
    /// take: then the operator leaves the object out, and so does this.
    fn notes(
        &self,
        assets: &Assets,
        kind: &str,
        object: &impl Scraped,
    ) -> Result<Vec<String>, String> {
        // An agent on every node takes nothing else.
        if self.options.daemon_set && kind != "PodMonitor" {
            return Ok(Vec::new());
        }
        let (common, metadata) = (self.common, self.metadata);
        // What is wrong with the workload itself is told where its configuration is made.
        let Ok(generator) = Generator::new(common, metadata, assets, self.options) else {
            return Ok(Vec::new());
        };
        // What jobs take over is the same for servers and agents.
        let head = generator.head_of_agent().ok();
        let with = With::new(&generator, self.version, head.as_ref());
        let _of_the_head = generator.take_warnings();
        with.jobs(object)?;
        Ok(generator.take_warnings())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::offline::render;

    fn object(kind: &str, name: &str, spec: &Value) -> Value {
        json!({"apiVersion": "monitoring.coreos.com/v1", "kind": kind,
            "metadata": {"name": name, "namespace": "team"}, "spec": spec})
    }

    #[test]
    fn a_monitor_whose_job_prometheus_would_refuse_is_named_and_left_out() {
        let monitor = |port: &str| json!({"selector": {}, "endpoints": [{"port": port}]});
        let rendered = render(&[
            object("Prometheus", "main", &json!({"serviceMonitorSelector": {}})),
            object("ServiceMonitor", "bad", &monitor("http(")),
            object("ServiceMonitor", "good", &monitor("http")),
        ]);
        let told: Vec<(usize, &str)> = rendered
            .problems
            .iter()
            .map(|problem| (problem.object, problem.text.as_str()))
            .collect();
        let [(1, why)] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert!(
            why.contains(
                "would refuse the job serviceMonitor/team/bad/0: spec.endpoints[0].port: "
            ),
            "{why}"
        );
        assert_eq!(rendered.problems[0].path, "spec.endpoints[0].port");
        let text = &rendered.files[0].text;
        assert!(text.contains("serviceMonitor/team/good/0"), "{text}");
        assert!(!text.contains("team/bad"), "{text}");
    }
}
