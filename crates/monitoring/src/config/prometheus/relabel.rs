//! Relabeling rules: the user's and those of the generator.

use machinery::yaml::Ordered;

use super::generator::Generator;
use crate::api::common::{LabelSelector, RelabelConfig};
use crate::api::common_prometheus::ScrapeClass;
use crate::api::kinds::ObjectMeta;
use crate::config::yaml::{IntoNode, Mapping, filled};

/// A list of rules in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(pub(super) Vec<Mapping>);

impl Rules {
    /// The rule every job begins with: the name of the job stays known under another name.
    pub(super) fn of_job() -> Self {
        let mut rules = Self::default();
        rules.copy("job", "__tmp_prometheus_job_name");
        rules
    }

    /// Copies a label.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        self.0.push(
            Mapping::new()
                .with("source_labels", [from])
                .with("target_label", to),
        );
    }

    /// Copies a label if it has a value.
    pub(super) fn copy_filled(&mut self, from: &str, to: &str) {
        self.0.push(
            Mapping::new()
                .with("source_labels", [from])
                .with("target_label", to)
                .with("regex", "(.+)")
                .with("replacement", "${1}"),
        );
    }

    /// Sets a label.
    pub(super) fn set(&mut self, to: &str, value: &str) {
        self.0.push(
            Mapping::new()
                .with("target_label", to)
                .with("replacement", value),
        );
    }

    /// `keep` or `drop` by a pattern.
    pub(super) fn filter(&mut self, action: &str, from: impl IntoNode, regex: impl IntoNode) {
        self.0.push(
            Mapping::new()
                .with("action", action)
                .with("source_labels", from)
                .with("regex", regex),
        );
    }

    /// Drops pods that have ended.
    pub(super) fn only_running(&mut self) {
        self.filter(
            "drop",
            ["__meta_kubernetes_pod_phase"],
            "(Failed|Succeeded)",
        );
    }

    /// Keeps what a label selector selects, by the labels of `role` (service, pod, ingress).
    pub(super) fn selector(&mut self, role: &str, selector: &LabelSelector) {
        let label = |key: &str| format!("__meta_kubernetes_{role}_label_{}", sanitized(key));
        let present =
            |key: &str| format!("__meta_kubernetes_{role}_labelpresent_{}", sanitized(key));
        for (key, value) in &selector.match_labels {
            self.filter(
                "keep",
                [label(key), present(key)],
                format!("({value});true"),
            );
        }
        for requirement in &selector.match_expressions {
            let key = requirement.key.as_str();
            let any = format!("({});true", requirement.values.join("|"));
            match requirement.operator.as_str() {
                "In" => self.filter("keep", [label(key), present(key)], any),
                "NotIn" => self.filter("drop", [label(key), present(key)], any),
                "Exists" => self.filter("keep", [present(key)], "true"),
                "DoesNotExist" => self.filter("drop", [present(key)], "true"),
                _ => {}
            }
        }
    }

    /// Rules of the user.
    pub(super) fn extend(&mut self, rules: &[RelabelConfig]) {
        self.0.extend(rules.iter().map(rule));
    }

    /// Whether shards are made by a rule already.
    pub(super) fn has_hashmod(&self) -> bool {
        self.0.iter().any(|rule| {
            matches!(rule.get("action"), Some(Ordered::Scalar(action)) if action.as_str() == Some("hashmod"))
        })
    }
}

impl IntoNode for Rules {
    fn into_node(self) -> Ordered {
        self.0.into_node()
    }
}

impl Generator<'_> {
    /// The rules of a class, then the user's, then the enforced namespace label.
    pub(super) fn own_rules(
        &self,
        rules: &mut Rules,
        (kind, metadata): (&str, &ObjectMeta),
        class: &ScrapeClass,
        own: &[RelabelConfig],
    ) {
        rules.extend(&class.relabelings);
        self.enforced_rules(rules, (kind, metadata), own);
    }

    /// The user's rules, then the enforced namespace label: last, so that nothing overrides it.
    pub(super) fn enforced_rules(
        &self,
        rules: &mut Rules,
        (kind, metadata): (&str, &ObjectMeta),
        own: &[RelabelConfig],
    ) {
        rules.extend(own);
        if let Some(label) = self.enforced_label(kind, metadata) {
            rules.set(label, &metadata.namespace);
        }
    }

    /// `metric_relabel_configs`, if there are any.
    pub(super) fn metric_rules(
        &self,
        out: &mut Mapping,
        object: (&str, &ObjectMeta),
        class: &ScrapeClass,
        own: &[RelabelConfig],
    ) {
        let mut rules = Rules::default();
        rules.extend(&class.metric_relabelings);
        self.enforced_rules(&mut rules, object, own);
        if !rules.0.is_empty() {
            out.put("metric_relabel_configs", rules);
        }
    }
}

/// A rule of the user.
pub(super) fn rule(rule: &RelabelConfig) -> Mapping {
    let mut out = Mapping::new();
    if !rule.source_labels.is_empty() {
        out.put("source_labels", &rule.source_labels);
    }
    out.put_some("separator", rule.separator.as_ref());
    out.put_some("target_label", filled(&rule.target_label));
    out.put_some("regex", filled(&rule.regex));
    out.put_some("modulus", rule.modulus.filter(|modulus| *modulus != 0));
    out.put_some("replacement", rule.replacement.as_ref());
    out.put_some("action", filled(&rule.action).map(str::to_lowercase));
    out
}

/// A label name as service discovery writes it: everything but letters, digits and underscores is an underscore.
pub(super) fn sanitized(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect()
}
