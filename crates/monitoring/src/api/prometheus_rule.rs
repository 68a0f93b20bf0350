//! The kind PrometheusRule.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;

use super::patterns::DURATION;
use super::schema::api_object;

api_object! {
    /// Recording and alerting rules.
    pub struct PrometheusRuleSpec {
        /// Groups of rules.
        "groups" groups: Vec<RuleGroup> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
    }

    /// Rules evaluated one after another.
    pub struct RuleGroup {
        /// Time between evaluations.
        "interval" interval: Option<String> = {"pattern": DURATION},
        /// Labels.
        "labels" labels: BTreeMap<String, String>,
        /// Most alerts or series of a rule; none if 0.
        "limit" limit: Option<isize>,
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// What Thanos does with partial responses.
        "partial_response_strategy" partial_response_strategy: Option<String> = {"pattern": "^(?i)(abort|warn)?$"},
        /// How far back the rules look.
        "query_offset" query_offset: Option<String> = {"pattern": DURATION},
        /// Rules.
        "rules" rules: Vec<Rule>,
    }

    /// A recording rule or an alert.
    pub struct Rule {
        /// Name of the alert.
        "alert" alert: Option<String>,
        /// Annotations.
        "annotations" annotations: BTreeMap<String, String>,
        /// PromQL expression.
        required "expr" expr: Option<IntOrString>,
        /// How long the expression must hold before the alert fires.
        "for" r#for: Option<String> = {"pattern": DURATION},
        /// How long the alert goes on after the expression ends to hold.
        "keep_firing_for" keep_firing_for: Option<String> = {"minLength": 1, "pattern": DURATION},
        /// Labels of the alert or series.
        "labels" labels: BTreeMap<String, String>,
        /// Name of the series.
        "record" record: Option<String>,
    }
}
