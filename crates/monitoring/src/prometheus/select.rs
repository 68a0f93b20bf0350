//! Which of the candidates become jobs and rule files, and why the others don't (upstream's `resource_selector.go` and
//! `rules.go`). Each is checked alone.

use std::collections::BTreeMap;

use runtime::ObjectReference;

use crate::api::kinds::Object;
use crate::api::{Prometheus, PrometheusRule};
use crate::config::prometheus::{Selected, enforced_label};
use crate::config::version::Version;
use crate::operator::candidates::Candidate;
use crate::operator::refusals::Refused;
use crate::operator::workload::Observed;
use crate::promql;
use crate::rules::{Format, Reader, file_name};
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
pub fn select(
    prometheus: &Prometheus,
    version: &Version,
    observed: &Observed<Prometheus>,
) -> Selection {
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
    observed: &'a Observed<Prometheus>,
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
                check(&object, asked).map(|()| object)
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
            let made = candidate.object.clone().and_then(|rule| {
                let name = file_name(&rule.metadata);
                Ok((name, self.rule_file(rule)?))
            });
            match made {
                Ok((name, text)) => {
                    files.insert(name, text);
                }
                Err(why) => self.refuse(&candidate.reference, why),
            }
        }
        files
    }

    fn rule_file(&self, rule: PrometheusRule) -> Result<String, Refusal> {
        let spec = &self.prometheus.spec;
        let common = &spec.common;
        let features = common.enable_features.iter().map(String::as_str);
        let reader = Reader {
            format: Format::Prometheus,
            version: self.version,
            options: promql::Options::of_features(features),
        };
        let spared = spec
            .prometheus_rules_excluded_from_enforce
            .iter()
            .any(|one| {
                one.rule_namespace == rule.metadata.namespace && one.rule_name == rule.metadata.name
            });
        let label = enforced_label(
            common.enforced_namespace_label.as_deref(),
            &common.excluded_from_enforcement,
            "PrometheusRule",
            &rule.metadata,
        );
        let made = reader.file_of(rule, label.filter(|_| !spared));
        made.map(|file| file.text)
            .map_err(|problems| problems.join("; "))
    }

    fn refuse(&mut self, reference: &ObjectReference, why: Refusal) {
        self.refused.push(Refused {
            reference: reference.clone(),
            why,
        });
    }
}
