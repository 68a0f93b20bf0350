//! What a program needs rights for, as a list: manifests are printed from it, and a [`Client`](crate::Client) that was given
//! one sends nothing that isn't on it. So what is printed is neither less than what is called, nor, with a test that drops
//! one entry after the other, more.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use http::Method;
use serde_json::{Value, json};

use crate::error::Error;

/// What can be done to objects, in the order manifests list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Read one.
    Get,
    /// Read all.
    List,
    /// Follow changes.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change parts of one.
    Patch,
    /// Delete one.
    Delete,
    /// Delete all.
    DeleteCollection,
}

impl Verb {
    /// All of them.
    const ALL: [Self; 8] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::DeleteCollection,
    ];

    /// Its name in RBAC.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

fn with_subresource(plural: &str, subresource: &str) -> String {
    if subresource.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}/{subresource}")
    }
}

/// One verb on one resource: what a request needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// API group, empty for core.
    pub group: String,
    /// Plural, with the subresource if there is one: `pods/eviction`.
    pub resource: String,
    /// What is done.
    pub verb: Verb,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.name(), self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// A text that names no right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no right: it is written as `VERB RESOURCE[/SUBRESOURCE][.GROUP]`")]
pub struct NoRight(String);

impl FromStr for Right {
    type Err = NoRight;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, NoRight> {
        let read = || {
            let (verb, object) = text.split_once(' ')?;
            let verb = Verb::ALL.into_iter().find(|known| known.name() == verb)?;
            let (resource, group) = object.split_once('.').unwrap_or((object, ""));
            let plain = !resource.is_empty() && !object.contains(char::is_whitespace);
            plain.then(|| Self {
                group: group.to_owned(),
                resource: resource.to_owned(),
                verb,
            })
        };
        read().ok_or_else(|| NoRight(text.to_owned()))
    }
}

/// The rights of a recording, a line each, and others by their texts: in order, each once.
pub fn of_recording<'a>(
    recording: &'a str,
    others: impl IntoIterator<Item = &'a str>,
) -> Vec<Right> {
    let others = others.into_iter().filter_map(|text| text.parse().ok());
    let mut rights: Vec<Right> = recording
        .lines()
        .filter_map(recorded)
        .chain(others)
        .collect();
    rights.sort_unstable();
    rights.dedup();
    rights
}

/// The right that a line of a recording begins with, if it isn't a remark.
pub fn recorded(line: &str) -> Option<Right> {
    let mut words = line.split_whitespace();
    let (verb, object) = (words.next()?, words.next()?);
    format!("{verb} {object}").parse().ok()
}

impl Right {
    /// The plural, and the subresource; empty if it is the object itself.
    pub fn parts(&self) -> (&str, &str) {
        let apart = self.resource.split_once('/');
        apart.unwrap_or((&self.resource, ""))
    }

    /// What a request needs; `None` if its target (path and query) is no resource.
    pub fn of(method: &Method, target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        parts.next()?; // the version
        let rest: Vec<&str> = parts.collect();
        let rest = match rest.as_slice() {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, subresource, ..] => (*plural, *name, *subresource),
            [] => return None,
        };
        let watches = query
            .split('&')
            .any(|option| matches!(option, "watch=1" | "watch=true"));
        let verb = match method.as_str() {
            "GET" | "HEAD" if !name.is_empty() => Verb::Get,
            "GET" | "HEAD" if watches => Verb::Watch,
            "GET" | "HEAD" => Verb::List,
            "POST" => Verb::Create,
            "PUT" => Verb::Update,
            "PATCH" => Verb::Patch,
            "DELETE" if name.is_empty() => Verb::DeleteCollection,
            "DELETE" => Verb::Delete,
            _ => return None,
        };
        Some(Self {
            group: group.to_owned(),
            resource: with_subresource(plural, subresource),
            verb,
        })
    }
}

/// An error if a request isn't among the rights, where there is a list of them.
pub(crate) fn check(rights: Option<&[Right]>, method: &Method, target: &str) -> Result<(), Error> {
    let Some((rights, wanted)) = rights.zip(Right::of(method, target)) else {
        return Ok(());
    };
    if rights.contains(&wanted) {
        return Ok(());
    }
    Err(Error::terminal(format!(
        "this controller is not known to need to {wanted}"
    )))
}

/// The rules of a role with these rights: one for each resource, in the order of the list.
pub fn rules(rights: &[Right]) -> Vec<Value> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut verbs: BTreeMap<(&str, &str), Vec<Verb>> = BTreeMap::new();
    for right in rights {
        let key = (right.group.as_str(), right.resource.as_str());
        if !order.contains(&key) {
            order.push(key);
        }
        verbs.entry(key).or_default().push(right.verb);
    }
    let rules = order.into_iter().map(|(group, resource)| {
        let mut verbs = verbs.remove(&(group, resource)).unwrap_or_default();
        verbs.sort_unstable();
        verbs.dedup();
        let verbs: Vec<&str> = verbs.into_iter().map(Verb::name).collect();
        json!({"apiGroups": [group], "resources": [resource], "verbs": verbs})
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(method: &Method, target: &str) -> String {
        Right::of(method, target).map_or_else(|| "none".to_owned(), |right| right.to_string())
    }

    #[test]
    fn requests_need_the_right_their_path_and_method_say() {
        let pods = "/api/v1/namespaces/a/pods";
        assert_eq!(right(&Method::GET, "/api/v1/pods?limit=1"), "list pods");
        assert_eq!(
            right(&Method::GET, "/api/v1/pods?watch=1&x=y"),
            "watch pods"
        );
        assert_eq!(right(&Method::GET, &format!("{pods}/p")), "get pods");
        assert_eq!(right(&Method::DELETE, pods), "deletecollection pods");
        assert_eq!(
            right(&Method::POST, &format!("{pods}/p/eviction")),
            "create pods/eviction"
        );
        assert_eq!(
            right(&Method::PATCH, "/apis/apps/v1/namespaces/a/replicasets/r"),
            "patch replicasets.apps"
        );
        assert_eq!(
            right(&Method::GET, "/api/v1/namespaces/a"),
            "get namespaces"
        );
        assert_eq!(right(&Method::GET, "/version"), "none");
    }

    fn rights(texts: &[&str]) -> Vec<Right> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_not_on_the_list_is_not_sent() {
        let list = rights(&["list pods"]);
        let pods = "/api/v1/namespaces/a/pods";
        assert!(check(Some(&list), &Method::GET, pods).is_ok());
        assert!(check(Some(&list), &Method::GET, "/version").is_ok());
        assert!(check(None, &Method::POST, pods).is_ok());
        let error = check(Some(&list), &Method::POST, pods).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this controller is not known to need to create pods"
        );
    }

    #[test]
    fn rights_are_read_as_they_are_written() {
        for text in [
            "get pods",
            "create pods/eviction",
            "deletecollection replicasets.apps",
            "update rollouts/finalizers.argoproj.io",
        ] {
            assert_eq!(
                text.parse::<Right>().map(|right| right.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "get", "get ", "eat pods", "get pods now", "get .apps"] {
            assert!(text.parse::<Right>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn rules_have_one_resource_each_and_their_verbs_in_order() {
        assert_eq!(
            rules(&rights(&["watch pods", "get pods"])),
            [json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch"]})]
        );
    }
}
