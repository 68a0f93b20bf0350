//! What Prometheus and Thanos Ruler have in common: rule files of the `PrometheusRule`s they select (upstream's
//! `pkg/operator/rules.go`). Each is checked alone.

use std::collections::BTreeMap;

use super::candidates::Candidate;
use super::pass::Pass;
use super::workload::Workload;
use crate::api::common::ObjectReference;
use crate::api::prometheus::ExcludedRule;
use crate::api::{Object, PrometheusRule};
use crate::config::prometheus::enforced_label;
use crate::rules::{Reader, file_name};

/// The label that keeps rules to the namespace of their object, and what it spares.
#[derive(Debug, Clone, Copy)]
pub struct Enforced<'a> {
    /// The label, if there is one.
    pub label: Option<&'a str>,
    /// Objects it spares.
    pub excluded: &'a [ObjectReference],
    /// Rules it spares, named as long ago.
    pub excluded_rules: &'a [ExcludedRule],
}

impl<'a> Enforced<'a> {
    fn on(&self, rule: &PrometheusRule) -> Option<&'a str> {
        let metadata = &rule.metadata;
        let spared = self
            .excluded_rules
            .iter()
            .any(|one| one.rule_namespace == metadata.namespace && one.rule_name == metadata.name);
        let label = enforced_label(self.label, self.excluded, "PrometheusRule", metadata);
        label.filter(|_| !spared)
    }
}

impl<S: Default, T: Default> Pass<'_, S, T>
where
    Object<S, T>: Workload,
{
    /// The files of the rules that can be used, by name.
    pub fn select_rules(
        &mut self,
        candidates: &[Candidate<PrometheusRule>],
        reader: Reader<'_>,
        enforced: Enforced<'_>,
    ) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for candidate in candidates {
            let made = candidate.object.clone().and_then(|rule| {
                let name = file_name(&rule.metadata);
                let label = enforced.on(&rule);
                let file = reader.file_of(rule, label);
                let file = file.map_err(|problems| problems.join("; "))?;
                Ok((name, file.text))
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
}
