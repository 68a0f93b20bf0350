//! What the controllers look after: namespaces, and workloads in them (upstream's `--namespaces` and its kin).

use std::collections::BTreeSet;

use machinery::meta;
use runtime::Scope;
use serde_json::Value;

/// The annotation by which a workload chooses among several operators.
const CONTROLLER_ID: &str = "operator.prometheus.io/controller-id";

/// The label of a namespace that says its name.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

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

    /// Watches of what is in them: one in each that is named, or one of all that leaves out what is denied.
    pub fn scope(&self) -> Scope {
        match self {
            Self::All => Scope::all(),
            Self::Only(names) => Scope::namespaces(names.clone()),
            Self::Except(names) => {
                let terms = names
                    .iter()
                    .map(|name| format!("metadata.namespace!={name}"));
                Scope {
                    field_selector: terms.collect::<Vec<_>>().join(","),
                    ..Scope::all()
                }
            }
        }
    }

    /// The watch of the namespaces themselves, which bear their names as a label since Kubernetes 1.22.
    pub fn themselves(&self) -> Scope {
        let (operator, names) = match self {
            Self::All => return Scope::all(),
            Self::Only(names) => ("in", names),
            Self::Except(names) => ("notin", names),
        };
        if names.is_empty() {
            return Scope::all();
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Scope::all().labelled(format!("{NAME_LABEL} {operator} ({})", names.join(",")))
    }

    /// Those that are among these or among others.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        match (self, others) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(some), Self::Only(more)) => Self::Only(some | more),
            (Self::Except(denied), Self::Only(some)) | (Self::Only(some), Self::Except(denied)) => {
                Self::except(denied - some)
            }
            (Self::Except(denied), Self::Except(other)) => Self::except(denied & other),
        }
    }

    fn except(names: BTreeSet<String>) -> Self {
        if names.is_empty() {
            Self::All
        } else {
            Self::Except(names)
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
    fn watches_are_kept_to_the_namespaces_that_are_wanted() {
        let only = Namespaces::Only(set(&["a", "b"]));
        assert_eq!(only.scope(), Scope::namespaces(set(&["a", "b"])));
        assert_eq!(Namespaces::All.scope(), Scope::all());
        let except = Namespaces::Except(set(&["b", "a"]));
        let scope = except.scope();
        assert_eq!(scope.namespaces, set(&[]));
        assert_eq!(
            scope.field_selector,
            "metadata.namespace!=a,metadata.namespace!=b"
        );
        assert!(!except.contains("a") && except.contains("c"));
    }

    #[test]
    fn namespaces_are_watched_by_their_name_label() {
        let labels = |namespaces: Namespaces| namespaces.themselves().label_selector;
        assert_eq!(labels(Namespaces::All), "");
        assert_eq!(
            labels(Namespaces::Only(set(&["b", "a"]))),
            "kubernetes.io/metadata.name in (a,b)"
        );
        assert_eq!(
            labels(Namespaces::Except(set(&["a"]))),
            "kubernetes.io/metadata.name notin (a)"
        );
    }

    #[test]
    fn what_is_among_some_or_others_is_among_both_together() {
        let all = [
            Namespaces::All,
            Namespaces::Only(set(&["a"])),
            Namespaces::Only(set(&["b", "c"])),
            Namespaces::Except(set(&["a"])),
            Namespaces::Except(set(&["a", "b"])),
        ];
        for some in &all {
            for others in &all {
                let both = some.or(others);
                for name in ["a", "b", "c", "d"] {
                    let wanted = some.contains(name) || others.contains(name);
                    assert_eq!(
                        both.contains(name),
                        wanted,
                        "{name} in {some:?} or {others:?}"
                    );
                }
            }
        }
        assert_eq!(all[3].or(&all[1]), Namespaces::All);
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
