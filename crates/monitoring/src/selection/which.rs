//! Namespace and label selectors of a workload.

use std::collections::BTreeMap;

use machinery::labels::Selector;
use serde_json::{Value, json};

use crate::api::common::LabelSelector;

/// What a workload wants of one kind.
///
/// The two levels mean opposite things if unset: no namespace selector is the workload's own namespace, no label selector is
/// nothing at all.
#[derive(Debug, Clone)]
pub struct Wanted {
    own_namespace: String,
    namespaces: Option<Selector>,
    objects: Option<Selector>,
}

impl Wanted {
    /// Reads the selectors; the error says what is wrong with them.
    pub fn new(
        own_namespace: &str,
        namespaces: Option<&LabelSelector>,
        objects: Option<&LabelSelector>,
    ) -> Result<Self, String> {
        let parse = |selector: Option<&LabelSelector>| {
            selector
                .map(|selector| Selector::from_label_selector(&as_value(selector)))
                .transpose()
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            own_namespace: own_namespace.to_owned(),
            namespaces: parse(namespaces)?,
            objects: parse(objects)?,
        })
    }

    /// Whether objects of a namespace with these labels may be taken.
    pub fn takes_namespace(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        match &self.namespaces {
            None => name == self.own_namespace,
            Some(selector) => selector.matches(labels),
        }
    }

    /// Whether an object with these labels is taken, if its namespace is.
    pub fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        self.objects
            .as_ref()
            .is_some_and(|selector| selector.matches(labels))
    }
}

/// A selector as JSON.
pub(super) fn as_value(selector: &LabelSelector) -> Value {
    let expressions: Vec<Value> = selector
        .match_expressions
        .iter()
        .map(|one| json!({"key": one.key, "operator": one.operator, "values": one.values}))
        .collect();
    json!({"matchLabels": selector.match_labels, "matchExpressions": expressions})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn unset_means_own_namespace_but_no_objects() {
        let wanted = Wanted::new("own", None, None).unwrap();
        assert!(wanted.takes_namespace("own", &labels(&[])));
        assert!(!wanted.takes_namespace("other", &labels(&[])));
        assert!(!wanted.takes(&labels(&[("a", "b")])));
    }

    #[test]
    fn empty_means_everything() {
        let all = LabelSelector::default();
        let wanted = Wanted::new("own", Some(&all), Some(&all)).unwrap();
        assert!(wanted.takes_namespace("other", &labels(&[])));
        assert!(wanted.takes(&labels(&[])));
    }
}
