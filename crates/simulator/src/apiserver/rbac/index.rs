//! Who has which rules, kept up to date with every change of a role or binding
//! (`pkg/registry/rbac/validation/rule.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use machinery::decode::quote;
use machinery::ordered::distinct;
use serde_json::Value;

use super::rule::{Attributes, Rule};
use crate::request::User;

/// Namespace (empty for cluster-scoped objects) and name.
type Key = (String, String);

/// Whom a binding names, as something that a user is or is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// A user, a `ServiceAccount`'s included.
    User(String),
    /// A group.
    Group(String),
}

#[derive(Debug, Clone)]
struct Binding {
    /// The kind of the role: `Role` or `ClusterRole`.
    kind: String,
    /// Name of the role.
    role: String,
    /// Subjects in order, each with its text for reasons.
    subjects: Vec<(Subject, String)>,
}

/// The rules and bindings of a server.
#[derive(Debug, Default)]
pub struct Index {
    roles: BTreeMap<Key, Arc<[Rule]>>,
    bindings: BTreeMap<Key, Binding>,
    bound: BTreeMap<Subject, BTreeSet<Key>>,
}

/// What came of looking for a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Some rule allows it.
    pub allowed: bool,
    /// `RBAC: allowed by …`, or what hindered the search, or empty.
    pub reason: String,
}

/// The rules somebody has, and why not all could be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// In the order of the bindings: the cluster's first, each by name.
    pub rules: Vec<Rule>,
    /// Roles that are bound and don't exist.
    pub absent: Vec<Absent>,
}

/// A role that is bound and doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    kind: String,
    name: String,
}

impl Absent {
    /// As whoever looks into lists of roles says it.
    pub fn in_lists(&self) -> String {
        self.among(&self.kind.to_ascii_lowercase())
    }

    /// As the storage of roles says it, which takes its own name from the request that it is asked for
    /// (`qualifiedResourceFromContext` of `apiserver/pkg/registry/generic/registry/store.go`).
    pub fn among(&self, resource: &str) -> String {
        format!(
            "{resource}.{} {} not found",
            super::GROUP,
            quote(&self.name)
        )
    }
}

impl Index {
    /// Takes in a role or binding as it is now; `None` if it was deleted. Other plurals change nothing.
    pub fn note(&mut self, plural: &str, namespace: &str, name: &str, object: Option<&Value>) {
        let key = (namespace.to_owned(), name.to_owned());
        match plural {
            "roles" | "clusterroles" => {
                self.roles.remove(&key);
                if let Some(role) = object {
                    self.roles.insert(key, Rule::all(role).into());
                }
            }
            "rolebindings" | "clusterrolebindings" => {
                if let Some(old) = self.bindings.remove(&key) {
                    for (subject, _) in &old.subjects {
                        if let Some(keys) = self.bound.get_mut(subject) {
                            keys.remove(&key);
                        }
                    }
                }
                if let Some(binding) = object.map(|object| Binding::of(object, namespace)) {
                    for (subject, _) in &binding.subjects {
                        self.bound
                            .entry(subject.clone())
                            .or_default()
                            .insert(key.clone());
                    }
                    self.bindings.insert(key, binding);
                }
            }
            _ => {}
        }
    }

    /// The rules of a role. The namespace is that of the binding; an error says which role is absent.
    pub fn role(&self, kind: &str, namespace: &str, name: &str) -> Result<&Arc<[Rule]>, Absent> {
        let namespace = if kind == "Role" { namespace } else { "" };
        let key = (namespace.to_owned(), name.to_owned());
        self.roles.get(&key).ok_or_else(|| Absent {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether somebody may do something, by rules alone.
    pub fn decide(&self, user: &User, wanted: &Attributes<'_>) -> Decision {
        let mut errors = Vec::new();
        for (key, binding) in self.bindings_of(user, wanted.namespace()) {
            match self.role(&binding.kind, &key.0, &binding.role) {
                Ok(rules) if rules.iter().any(|rule| rule.allows(wanted)) => {
                    return Decision {
                        allowed: true,
                        reason: binding.reason(key, user),
                    };
                }
                Ok(_) => {}
                Err(absent) => errors.push(absent.in_lists()),
            }
        }
        let reason = if errors.is_empty() {
            String::new()
        } else {
            format!("RBAC: {}", together(&errors))
        };
        Decision {
            allowed: false,
            reason,
        }
    }

    /// All rules somebody has in a namespace, or, for an empty one, everywhere.
    pub fn rules_of(&self, user: &User, namespace: &str) -> Held {
        let mut held = Held::default();
        for (key, binding) in self.bindings_of(user, namespace) {
            match self.role(&binding.kind, &key.0, &binding.role) {
                Ok(rules) => held.rules.extend(rules.iter().cloned()),
                Err(absent) => held.absent.push(absent),
            }
        }
        held
    }

    /// The bindings that name somebody: the cluster's, then those of the namespace, each by name.
    fn bindings_of<'a>(
        &'a self,
        user: &User,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Binding)> {
        let groups = user
            .groups
            .iter()
            .map(|group| Subject::Group(group.clone()));
        let subjects = std::iter::once(Subject::User(user.name.clone())).chain(groups);
        let keys: BTreeSet<&Key> = subjects
            .filter_map(|subject| self.bound.get(&subject))
            .flatten()
            .filter(|(own, _)| own.is_empty() || own == namespace)
            .collect();
        keys.into_iter()
            .filter_map(|key| self.bindings.get_key_value(key))
    }
}

impl Binding {
    fn of(binding: &Value, namespace: &str) -> Self {
        let text = |value: &Value, pointer: &str| {
            let found = value.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let subjects = binding.get("subjects").and_then(Value::as_array);
        let subjects = subjects.into_iter().flatten().filter_map(|subject| {
            let (kind, name) = (text(subject, "/kind"), text(subject, "/name"));
            match kind.as_str() {
                "User" => Some((Subject::User(name.clone()), format!("User {name:?}"))),
                "Group" => Some((Subject::Group(name.clone()), format!("Group {name:?}"))),
                "ServiceAccount" => {
                    let own = text(subject, "/namespace");
                    let home = if own.is_empty() { namespace } else { &own };
                    let shown = format!("ServiceAccount {:?}", format!("{name}/{home}"));
                    let user = format!("system:serviceaccount:{home}:{name}");
                    (!home.is_empty()).then_some((Subject::User(user), shown))
                }
                _ => None,
            }
        });
        Self {
            subjects: subjects.collect(),
            kind: text(binding, "/roleRef/kind"),
            role: text(binding, "/roleRef/name"),
        }
    }

    /// `RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "g"`.
    fn reason(&self, (namespace, name): &Key, user: &User) -> String {
        let (kind, shown) = if namespace.is_empty() {
            ("ClusterRoleBinding", format!("{name:?}"))
        } else {
            (
                "RoleBinding",
                format!("{:?}", format!("{name}/{namespace}")),
            )
        };
        let applies = |subject: &Subject| match subject {
            Subject::User(own) => *own == user.name,
            Subject::Group(own) => user.groups.contains(own),
        };
        let subject = self.subjects.iter().find(|(subject, _)| applies(subject));
        let subject = subject.map(|(_, shown)| shown.as_str()).unwrap_or_default();
        format!(
            "RBAC: allowed by {kind} {shown} of {} {:?} to {subject}",
            self.kind, self.role
        )
    }
}

/// Several errors in one text, as Go's aggregates print them.
pub(crate) fn together(errors: &[String]) -> String {
    match distinct(errors.iter().map(String::as_str).collect()).as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}
