//! What Prometheus and Thanos Ruler have in common: rule files of the `PrometheusRule`s they select (upstream's
//! `pkg/operator/rules.go`). Each is checked alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use runtime::{Meta, Projection as _};

use super::candidates::Candidate;
use super::memory::{RuleOutcome, Rules};
use super::outline::RuleText;
use super::pass::Pass;
use super::workload::{Version, Workload};
use crate::api::common::ObjectReference;
use crate::api::kinds::ObjectMeta;
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
    ) -> BTreeMap<String, RuleText> {
        let known = Arc::clone(&self.memory.rules);
        let (mut files, mut next) = (BTreeMap::new(), Rules::new());
        for candidate in candidates {
            let meta = candidate.held.meta();
            let references = candidate.held.references();
            let input = self.observed.input(Version::of(meta), references);
            let before = known.get(&meta.key);
            let before = before.filter(|(before, _)| *before == input);
            let outcome = if let Some((_, outcome)) = before {
                outcome.clone()
            } else {
                let (outcome, warnings) = file_of(candidate, reader, enforced);
                self.note_of(candidate.reference(), warnings);
                outcome
            };
            match &outcome {
                Ok(text) => {
                    files.insert(candidate_file(meta), text.clone());
                }
                Err(why) => self.refuse(candidate.reference(), why),
            }
            next.insert(meta.key.clone(), (input, outcome));
        }
        self.memory.rules = Arc::new(next);
        files
    }
}

fn candidate_file(meta: &Meta) -> String {
    file_name(&ObjectMeta {
        name: meta.key.name.clone(),
        namespace: meta.key.namespace.clone(),
        uid: meta.uid.to_string(),
        ..ObjectMeta::default()
    })
}

fn file_of(
    candidate: &Candidate<PrometheusRule>,
    reader: Reader<'_>,
    enforced: Enforced<'_>,
) -> (RuleOutcome, Vec<String>) {
    let rule = match candidate.object() {
        Ok(rule) => rule,
        Err(why) => return (Err(Arc::from(why)), Vec::new()),
    };
    let label = enforced.on(&rule);
    match reader.file_of(rule, label) {
        Ok(file) => (Ok(RuleText::new(&file.text)), file.warnings),
        Err(problems) => (Err(Arc::from(problems.join("; "))), Vec::new()),
    }
}
