//! Rule files made of PrometheusRules (upstream's `pkg/operator/rules.go` and `pkg/namespacelabeler`).
//!
//! One object is one file. An object with a mistake gets no file and a list of what is wrong; Prometheus would refuse its whole
//! configuration for it.

mod check;
mod pack;

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;
use machinery::yaml::Ordered;
use serde_json::json;

use crate::api::PrometheusRule;
use crate::api::kinds::ObjectMeta;
use crate::api::prometheus_rule::{PrometheusRuleSpec, Rule, RuleGroup};
use crate::config;
use crate::config::version::{Since, Version};
use crate::config::yaml::{Mapping, sorted};
use crate::promql::{self, Options};

pub use check::Language;
pub(crate) use check::known_from;
pub use pack::{config_map_names, pack};

/// Bytes of values in a ConfigMap, at most: half of what one may hold, for its metadata is counted too.
pub const MOST_BYTES: usize = 524_288;
/// How many ConfigMaps with rules a Prometheus mounts at least: growing up to that replaces no pods.
pub const PROMETHEUS_CONFIG_MAPS: usize = 3;

/// Who reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus.
    Prometheus,
    /// Thanos Ruler.
    Thanos,
}

/// The version of the reader and what is switched on in it.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Which program.
    pub format: Format,
    /// Its version.
    pub version: &'a Version,
    /// Its PromQL.
    pub options: Options,
}

/// A rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// YAML.
    pub text: String,
    /// What the version doesn't know and was left out.
    pub warnings: Vec<String>,
}

/// Name of the file of an object.
pub fn file_name(metadata: &ObjectMeta) -> String {
    let ObjectMeta {
        name,
        namespace,
        uid,
        ..
    } = metadata;
    config::file_name::file_name(&format!("{namespace}-{name}-{uid}"), ".yaml")
}

impl Reader<'_> {
    /// The file of an object, whose rules are kept to its namespace by a label if one is enforced; the errors say which rule is
    /// wrong and why.
    pub fn file_of(
        self,
        mut rule: PrometheusRule,
        label: Option<&str>,
    ) -> Result<RuleFile, Vec<String>> {
        if let Some(label) = label {
            let namespace = &rule.metadata.namespace;
            enforce_namespace(&mut rule.spec, label, namespace, self.options)
                .map_err(|why| vec![why])?;
        }
        self.file(&rule.spec)
    }

    fn since(self, prometheus: Since, thanos: Since) -> bool {
        self.version.at_least(match self.format {
            Format::Prometheus => prometheus,
            Format::Thanos => thanos,
        })
    }

    fn language(self) -> Language {
        Language {
            any_names: self.since((3, 0, 0), (0, 38, 0)),
            options: self.options,
            version: self.prometheus(),
        }
    }

    /// The version of Prometheus whose language it is. Which one a Thanos Ruler was built with isn't known here.
    fn prometheus(self) -> Option<Since> {
        let Version {
            major,
            minor,
            patch,
            ..
        } = self.version;
        (self.format == Format::Prometheus).then_some((*major, *minor, *patch))
    }

    /// The file of an object; the errors say which rule is wrong and why.
    pub fn file(self, spec: &PrometheusRuleSpec) -> Result<RuleFile, Vec<String>> {
        let mut warnings = Vec::new();
        let groups = spec
            .groups
            .iter()
            .map(|group| self.known(group, &mut warnings))
            .collect::<Vec<RuleGroup>>();
        let text = checked_text(&groups, self.language())?;
        Ok(RuleFile { text, warnings })
    }

    /// A group without what the reader doesn't know. Empty durations are left out too: the reader refuses them.
    fn known(self, group: &RuleGroup, warnings: &mut Vec<String>) -> RuleGroup {
        let mut group = group.clone();
        let mut drop = |name: &str, set: bool, known: bool| {
            let dropped = set && !known;
            if dropped {
                warnings.push(format!(
                    "ignoring {name:?} not supported by this version, {}",
                    self.version
                ));
            }
            dropped
        };
        if drop(
            "limit",
            group.limit.is_some(),
            self.since((2, 31, 0), (0, 24, 0)),
        ) {
            group.limit = None;
        }
        let offset = group.query_offset.is_some();
        if drop("query_offset", offset, self.since((2, 53, 0), (0, 38, 0))) {
            group.query_offset = None;
        }
        let labelled = !group.labels.is_empty();
        if drop("labels", labelled, self.since((3, 0, 0), (0, 39, 0))) {
            group.labels = BTreeMap::new();
        }
        let keeps = self.since((2, 42, 0), (0, 34, 0));
        for rule in &mut group.rules {
            if drop("keep_firing_for", rule.keep_firing_for.is_some(), keeps) {
                rule.keep_firing_for = None;
            }
        }
        clear_all(&mut group);
        if self.format == Format::Prometheus {
            group.partial_response_strategy = None;
        }
        group
    }
}

/// What is wrong with rules whoever reads them, in words for their author (upstream's `ValidateRule`).
pub fn problems(spec: &PrometheusRuleSpec, language: Language) -> Vec<String> {
    let mut groups = spec.groups.clone();
    for group in &mut groups {
        clear_all(group);
        // Prometheus doesn't know it; the definition says what it may be.
        group.partial_response_strategy = None;
    }
    checked_text(&groups, language).err().unwrap_or_default()
}

/// The YAML of groups in which nothing is wrong.
fn checked_text(groups: &[RuleGroup], language: Language) -> Result<String, Vec<String>> {
    let problems = language.check(groups);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = text(groups);
    if text.len() > MOST_BYTES {
        return Err(vec![format!(
            "the length of rendered Prometheus Rule is {} bytes which is above the maximum limit of {MOST_BYTES} bytes",
            text.len()
        )]);
    }
    Ok(text)
}

/// Empty durations count as absent.
fn clear_all(group: &mut RuleGroup) {
    for rule in &mut group.rules {
        clear(&mut rule.r#for);
        clear(&mut rule.keep_firing_for);
    }
    clear(&mut group.interval);
    clear(&mut group.query_offset);
    clear(&mut group.partial_response_strategy);
}

fn clear(text: &mut Option<String>) {
    text.take_if(|text| text.is_empty());
}

/// The YAML of groups, keys in plain order as upstream's way through JSON leaves them.
fn text(groups: &[RuleGroup]) -> String {
    let mut document = Mapping::new();
    let groups: Vec<Mapping> = groups.iter().map(group_node).collect();
    if groups.is_empty() {
        return Ordered::Map(Vec::new()).to_yaml();
    }
    document.put("groups", groups);
    crate::config::yaml::IntoNode::into_node(document).to_yaml()
}

fn group_node(group: &RuleGroup) -> Mapping {
    let mut node = Mapping::new();
    node.put_some("interval", group.interval.as_ref());
    if !group.labels.is_empty() {
        node.put("labels", sorted(&group.labels));
    }
    node.put_some("limit", group.limit);
    node.put("name", &group.name);
    node.put_some(
        "partial_response_strategy",
        group.partial_response_strategy.as_ref(),
    );
    node.put_some("query_offset", group.query_offset.as_ref());
    if !group.rules.is_empty() {
        let rules: Vec<Mapping> = group.rules.iter().map(rule_node).collect();
        node.put("rules", rules);
    }
    node
}

fn rule_node(rule: &Rule) -> Mapping {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut node = Mapping::new();
    node.put_some("alert", filled(&rule.alert));
    if !rule.annotations.is_empty() {
        node.put("annotations", sorted(&rule.annotations));
    }
    node.put(
        "expr",
        match &rule.expr {
            Some(IntOrString::Int(number)) => Ordered::Scalar(json!(number)),
            Some(IntOrString::String(text)) => Ordered::Scalar(json!(text)),
            None => Ordered::Scalar(json!(0)),
        },
    );
    node.put_some("for", rule.r#for.as_ref());
    node.put_some("keep_firing_for", rule.keep_firing_for.as_ref());
    if !rule.labels.is_empty() {
        node.put("labels", sorted(&rule.labels));
    }
    node.put_some("record", filled(&rule.record));
    node
}

/// The text of an expression.
fn expression(rule: &Rule) -> String {
    match &rule.expr {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(text)) => text.clone(),
        None => "0".to_owned(),
    }
}

/// Keeps all rules to the series of a namespace: each gets the label, each selector of its expression a condition on it.
pub fn enforce_namespace(
    spec: &mut PrometheusRuleSpec,
    label: &str,
    namespace: &str,
    options: Options,
) -> Result<(), String> {
    for group in &mut spec.groups {
        for (index, rule) in group.rules.iter_mut().enumerate() {
            let text = expression(rule);
            let kept = promql::enforced(&text, options, label, namespace);
            let kept = kept.map_err(|error| {
                format!(
                    "group {:?}, rule {}: failed to parse promql expression: {error}",
                    group.name,
                    index + 1
                )
            })?;
            rule.labels.insert(label.to_owned(), namespace.to_owned());
            rule.expr = Some(IntOrString::String(kept));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;

    fn spec(rule: &serde_json::Value) -> PrometheusRuleSpec {
        read(&json!({"groups": [{"name": "g", "interval": "", "rules": [rule]}]})).unwrap()
    }

    fn problems(rule: &serde_json::Value) -> Vec<String> {
        let version = Version::parse("3.5.3").unwrap();
        let reader = Reader {
            format: Format::Prometheus,
            version: &version,
            options: Options::default(),
        };
        reader.file(&spec(rule)).err().unwrap_or_default()
    }

    #[test]
    fn a_mistake_is_told_with_its_rule() {
        let found = problems(&json!({"alert": "a", "expr": "sum("}));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("group \"g\", rule 1, \"a\": could not parse expression: 1:5")
        );
        for rule in [
            json!({"expr": "up"}),
            json!({"alert": "a", "record": "b", "expr": "up"}),
            json!({"record": "b", "expr": "up", "for": "5m"}),
            json!({"record": "b{}", "expr": "up"}),
            json!({"alert": "a", "expr": "up", "for": "5 minutes"}),
            json!({"alert": "a", "expr": "up", "labels": {"__name__": "x"}}),
            json!({"alert": "a", "expr": "up", "annotations": {"x": "{{ $value"}}),
            json!({"alert": "a", "expr": "up", "annotations": {"x": "{{ nosuch 1 }}"}}),
        ] {
            assert_eq!(problems(&rule).len(), 1, "{rule}");
        }
        let fine = json!({"alert": "a", "expr": 1, "for": "", "annotations": {"x": "{{ $labels.job | title }}"}});
        assert_eq!(problems(&fine), Vec::<String>::new());
    }

    #[test]
    fn an_expression_that_is_no_expression_is_told_when_a_namespace_is_enforced() {
        let mut spec = spec(&json!({"alert": "a", "expr": "sum("}));
        let error = enforce_namespace(&mut spec, "ns", "team", Options::default()).unwrap_err();
        assert!(error.contains("rule 1"), "{error}");
    }
}
