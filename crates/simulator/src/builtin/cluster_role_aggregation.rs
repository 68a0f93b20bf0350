//! `ClusterRoles` with an aggregation rule hold the rules of all `ClusterRoles` it selects.
//!
//! Mirrors `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use machinery::ordered::ByValue;
use serde_json::{Value, json};

use super::control::{Control, Key};
use super::object;
use super::write::Work;
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Adds up `ClusterRoles`.
pub(crate) struct ClusterRoleAggregation;

/// They are looked at together: one may be part of another.
fn together() -> Vec<Key> {
    vec![Key::default()]
}

impl Control for ClusterRoleAggregation {
    const NAME: &'static str = "clusterrole-aggregation-controller";

    fn all(&self, _: &Session<'_>) -> Vec<Key> {
        together()
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::CLUSTER_ROLES {
            together()
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, _: &Key) -> Result<Option<Timestamp>, ApiError> {
        let all = work.session.list(&known::CLUSTER_ROLES, None);
        for role in &all {
            let Some(rules) = aggregated(role, &all) else {
                continue;
            };
            let stored = role.get("rules").and_then(Value::as_array);
            if stored.map_or(&[][..], Vec::as_slice) != rules {
                let patch = json!({"rules": rules});
                let name = object::name(role);
                work.session
                    .patch_merge(&known::CLUSTER_ROLES, "", name, "", &patch)?;
            }
        }
        Ok(None)
    }
}

/// The rules an aggregating role should have, in the order of selectors and names; `None` for other roles, and for one
/// with a selector that cannot be read.
fn aggregated(role: &Value, all: &[Arc<Value>]) -> Option<Vec<Value>> {
    let selectors = role.get("aggregationRule")?.get("clusterRoleSelectors");
    let selectors = selectors.and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.into_iter().flatten() {
        let selector = Selector::from_label_selector(selector).ok()?;
        let others = all.iter().filter(|other| {
            object::name(other) != object::name(role) && selector.matches_object(other)
        });
        let parts = others.filter_map(|other| other.get("rules").and_then(Value::as_array));
        for rule in parts.flatten() {
            if seen.insert(ByValue(rule)) {
                rules.push(rule.clone());
            }
        }
    }
    Some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, label: &str, verbs: &[&str]) -> Arc<Value> {
        let rules: Vec<Value> = verbs.iter().map(|verb| json!({"verbs": [verb]})).collect();
        Arc::new(json!({"metadata": {"name": name, "labels": {"to": label}}, "rules": rules}))
    }

    #[test]
    fn rules_of_selected_roles_are_added_up_once_in_order_of_names() {
        let sum = json!({"metadata": {"name": "sum", "labels": {"to": "a"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "a"}}, {"matchLabels": {"to": "b"}}]}});
        let roles = [
            role("one", "a", &["get", "list"]),
            role("other", "c", &["delete"]),
            Arc::new(sum.clone()),
            role("two", "b", &["list", "watch"]),
        ];
        let wanted = ["get", "list", "watch"].map(|verb| json!({"verbs": [verb]}));
        assert_eq!(aggregated(&sum, &roles), Some(wanted.to_vec()));
        assert_eq!(aggregated(&roles[0], &roles), None);
    }
}
