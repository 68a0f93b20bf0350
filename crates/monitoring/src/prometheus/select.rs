//! Which of the candidates become jobs and rule files, and why the others don't (upstream's `resource_selector.go` and
//! `rules.go`). Each is checked alone.

use std::collections::BTreeMap;

use runtime::ObjectReference;

use super::observe::Observed;
use crate::api::common::ObjectReference as Spared;
use crate::api::kinds::{Object, ObjectMeta};
use crate::api::{Prometheus, PrometheusRule};
use crate::config::prometheus::Selected;
use crate::config::version::Version;
use crate::operator::candidates::Candidate;
use crate::operator::refusals::Refused;
use crate::promql;
use crate::rules::{Format, Reader, enforce_namespace};
use crate::selection::{
    Check, Refusal, check_pod_monitor, check_probe, check_scrape_config, check_service_monitor,
};

/// What was selected, and what was not.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Jobs, by `namespace/name`.
    pub selected: Selected,
    /// Rule files, by file name.
    pub rules: BTreeMap<String, String>,
    /// Refused objects.
    pub refused: Vec<Refused>,
    /// How many objects the selectors found.
    pub found: usize,
}

/// Checks everything that the selectors found.
pub fn select(prometheus: &Prometheus, version: &Version, observed: &Observed) -> Selection {
    let mut checks = Checks {
        prometheus,
        version,
        observed,
        refused: Vec::new(),
        found: 0,
    };
    let candidates = &observed.candidates;
    let selected = Selected {
        service_monitors: checks.jobs(&candidates.service_monitors, check_service_monitor),
        pod_monitors: checks.jobs(&candidates.pod_monitors, check_pod_monitor),
        probes: checks.jobs(&candidates.probes, check_probe),
        scrape_configs: checks.jobs(&candidates.scrape_configs, check_scrape_config),
        rule_config_maps: Vec::new(),
    };
    let rules = checks.rules(&candidates.rules);
    Selection {
        selected,
        rules,
        refused: checks.refused,
        found: checks.found,
    }
}

struct Checks<'a> {
    prometheus: &'a Prometheus,
    version: &'a Version,
    observed: &'a Observed,
    refused: Vec<Refused>,
    found: usize,
}

impl Checks<'_> {
    fn jobs<S, T>(
        &mut self,
        candidates: &[Candidate<Object<S, T>>],
        check: impl Fn(&Object<S, T>, Check) -> Result<(), Refusal>,
    ) -> BTreeMap<String, Object<S, T>>
    where
        S: Default + Clone,
        T: Default + Clone,
    {
        let mut valid = BTreeMap::new();
        for candidate in candidates {
            self.found += 1;
            let checked = candidate.object.clone().and_then(|object| {
                let asked = Check {
                    common: &self.prometheus.spec.common,
                    version: self.version,
                    scope: self.observed.assets.within(&object.metadata.namespace),
                };
                check(&object, asked).map(|()| object.clone())
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

    fn rules(&mut self, candidates: &[Candidate<PrometheusRule>]) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for candidate in candidates {
            self.found += 1;
            let made = candidate
                .object
                .clone()
                .and_then(|rule| Ok((file_name(&rule.metadata), self.rule_file(rule)?)));
            match made {
                Ok((name, text)) => {
                    files.insert(name, text);
                }
                Err(why) => self.refuse(&candidate.reference, why),
            }
        }
        files
    }

    fn rule_file(&self, mut rule: PrometheusRule) -> Result<String, Refusal> {
        let common = &self.prometheus.spec.common;
        let features = common.enable_features.iter().map(String::as_str);
        let reader = Reader {
            format: Format::Prometheus,
            version: self.version,
            options: promql::Options::of_features(features),
        };
        let label = common.enforced_namespace_label.as_deref();
        let label = label.filter(|label| !label.is_empty() && !self.is_spared(&rule.metadata));
        if let Some(label) = label {
            let namespace = rule.metadata.namespace.clone();
            enforce_namespace(&mut rule.spec, label, &namespace, reader.options)?;
        }
        let made = reader.file(&rule.spec);
        made.map(|file| file.text)
            .map_err(|problems| problems.join("; "))
    }

    fn is_spared(&self, rule: &ObjectMeta) -> bool {
        let spec = &self.prometheus.spec;
        let by_reference = |reference: &Spared| {
            let name = reference.name.as_deref().unwrap_or_default();
            reference.resource == "prometheusrules"
                && reference.namespace == rule.namespace
                && (name.is_empty() || name == rule.name)
        };
        let by_name = spec
            .prometheus_rules_excluded_from_enforce
            .iter()
            .any(|one| one.rule_namespace == rule.namespace && one.rule_name == rule.name);
        by_name
            || spec
                .common
                .excluded_from_enforcement
                .iter()
                .any(by_reference)
    }

    fn refuse(&mut self, reference: &ObjectReference, why: Refusal) {
        self.refused.push(Refused {
            reference: reference.clone(),
            why,
        });
    }
}

fn file_name(metadata: &ObjectMeta) -> String {
    let ObjectMeta {
        name,
        namespace,
        uid,
        ..
    } = metadata;
    format!("{namespace}-{name}-{uid}.yaml")
}
