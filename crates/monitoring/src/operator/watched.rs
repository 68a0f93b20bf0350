//! What the controllers look after: namespaces, and workloads in them (upstream's `--namespaces` and its kin).

use std::collections::BTreeSet;

use machinery::meta;
use serde_json::Value;

/// The annotation by which a workload chooses among several operators.
const CONTROLLER_ID: &str = "operator.prometheus.io/controller-id";

/// A choice of namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// All.
    #[default]
    All,
    /// These.
    Only(BTreeSet<String>),
    /// All but these.
    Except(BTreeSet<String>),
}

impl Namespaces {
    /// Whether a namespace is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
            Self::Except(names) => !names.contains(name),
        }
    }

    /// The namespace if it is one alone, to which watches are kept then; else empty, which is all.
    pub fn single(&self) -> &str {
        match self {
            Self::Only(names) if names.len() == 1 => names.first().map_or("", String::as_str),
            Self::All | Self::Only(_) | Self::Except(_) => "",
        }
    }
}

/// Which workloads of a kind are looked after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Where they are.
    pub namespaces: Namespaces,
    /// Labels they have, as a selector; empty for any.
    pub selector: String,
    /// The operator they choose; empty for those that choose none.
    pub controller_id: String,
}

impl Watch {
    /// Whether a workload is looked after, which the API server was asked for with its labels.
    pub fn takes(&self, workload: &Value) -> bool {
        let id = meta::annotation(workload, CONTROLLER_ID).unwrap_or_default();
        id == self.controller_id && self.namespaces.contains(meta::namespace(workload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn watches_are_kept_to_one_namespace_if_it_is_one() {
        assert_eq!(Namespaces::Only(set(&["a"])).single(), "a");
        assert_eq!(Namespaces::Only(set(&["a", "b"])).single(), "");
        assert_eq!(Namespaces::Except(set(&["a"])).single(), "");
        assert!(!Namespaces::Except(set(&["a"])).contains("a"));
        assert!(Namespaces::Except(set(&["a"])).contains("b"));
    }

    #[test]
    fn a_workload_belongs_to_the_operator_it_names() {
        let workload =
            |id: &str| json!({"metadata": {"namespace": "a", "annotations": {CONTROLLER_ID: id}}});
        let mine = Watch {
            controller_id: "me".to_owned(),
            ..Watch::default()
        };
        assert!(mine.takes(&workload("me")));
        assert!(!mine.takes(&workload("you")));
        let anybodys = Watch::default();
        assert!(anybodys.takes(&workload("")) && anybodys.takes(&json!({"metadata": {}})));
        assert!(!anybodys.takes(&workload("me")));
    }
}
