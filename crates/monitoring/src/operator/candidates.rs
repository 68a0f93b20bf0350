//! Objects that the selectors of a workload find.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use runtime::{Cache, Index, Meta, ObjectKey, ObjectReference, Projection, ResourceRef, Whole};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bindings::{Holder, HolderId, index_key};
use super::references::{self, Reference};
use super::selecting::{Configuration, Selecting, Selects, labels, namespace_labels};
use crate::api::kinds::Object;
use crate::api::status::WorkloadBinding;
use crate::api::{defaults, read};
use crate::operator::watched::Namespaces;
use crate::selection::Wanted;

/// Caches of what can be selected.
#[derive(Clone)]
pub struct Configurations {
    /// Objects, by kind.
    pub by_kind: BTreeMap<Configuration, Cache<Whole>>,
    /// The same objects by the workloads they say they are used by, see [`index_key`].
    pub by_user: Vec<(ResourceRef, Index<Whole>)>,
    /// Namespaces.
    pub namespaces: Cache<Meta>,
    /// Those in which anything is selected.
    pub watched: Namespaces,
    /// Those in which `AlertmanagerConfig`s are.
    pub alertmanager_configs: Namespaces,
}

impl Configurations {
    /// All objects of these caches; namespaces are watched beside them.
    pub fn new(by_kind: BTreeMap<Configuration, Cache<Whole>>, namespaces: Cache<Meta>) -> Self {
        let caches = by_kind.values();
        let by_user = caches
            .map(|cache| (cache.resource().clone(), cache.index(users)))
            .collect();
        Self {
            by_kind,
            by_user,
            namespaces,
            watched: Namespaces::All,
            alertmanager_configs: Namespaces::All,
        }
    }

    /// Whether objects of a kind are selected in a namespace.
    fn looks_into(&self, kind: Configuration, namespace: &str) -> bool {
        let watched = if kind == Configuration::AlertmanagerConfig {
            &self.alertmanager_configs
        } else {
            &self.watched
        };
        watched.contains(namespace)
    }

    /// The objects that say they are used by a workload.
    pub fn naming(&self, resource: &str, workload: &ObjectKey) -> Vec<Holder> {
        let text = index_key(resource, workload);
        let found = self.by_user.iter().flat_map(|(resource, index)| {
            let held = index.get(&text).into_iter();
            held.map(|held| Holder::of(resource, &held.value()))
        });
        found.collect()
    }
}

/// The workloads that an object says it is used by.
fn users(held: &Whole) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        bindings: Vec<WorkloadBinding>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Bound {
        status: Option<Status>,
    }
    let bound: Bound = held.decode().unwrap_or_default();
    let bindings = bound.status.unwrap_or_default().bindings.into_iter();
    let key =
        |one: WorkloadBinding| index_key(&one.resource, &ObjectKey::new(one.namespace, one.name));
    bindings.map(key).collect()
}

/// An object that a workload selects.
#[derive(Debug, Clone)]
pub struct Candidate<T> {
    /// For Events.
    pub reference: ObjectReference,
    /// The object, or why it can't be read.
    pub object: Result<T, String>,
}

impl<S, T> Candidate<Object<S, T>>
where
    S: Default + DeserializeOwned,
    T: Default + DeserializeOwned,
{
    fn of(holder: &Holder, value: &Value) -> Self {
        // Of all that is selected, a Probe alone means something else without its defaults.
        let value = if meta::kind(value) == "Probe" {
            Cow::Owned(defaults::applied(value))
        } else {
            Cow::Borrowed(value)
        };
        Self {
            reference: holder.reference.clone(),
            object: read(&value).map_err(|error| error.to_string()),
        }
    }
}

/// Looks for what a workload selects, and gathers what that refers to.
pub struct Find<'a, W> {
    workload: &'a Selecting<W>,
    configurations: &'a Configurations,
    /// Labels of namespaces that were looked at.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Secrets and `ConfigMap`s that what was found refers to.
    pub references: BTreeSet<Reference>,
    /// What was found, and what it says of who uses it.
    pub found: BTreeMap<HolderId, Holder>,
}

impl<'a, W: Selects> Find<'a, W> {
    /// Looks for a workload.
    pub fn new(workload: &'a Selecting<W>, configurations: &'a Configurations) -> Self {
        Self {
            workload,
            configurations,
            namespaces: BTreeMap::new(),
            references: BTreeSet::new(),
            found: BTreeMap::new(),
        }
    }

    fn take<S, T>(&mut self, resource: &ResourceRef, held: &Whole) -> Candidate<Object<S, T>>
    where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
    {
        let value = held.value();
        self.references.extend(references::of(&value));
        let holder = Holder::of(resource, &value);
        let candidate = Candidate::of(&holder, &value);
        self.found.insert(holder.id(), holder);
        candidate
    }

    /// The objects of a kind that are selected.
    pub fn of<S, T>(&mut self, kind: Configuration) -> Vec<Candidate<Object<S, T>>>
    where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
    {
        let cache = self.configurations.by_kind.get(&kind);
        let (Some(wanted), Some(cache)) = (self.workload.wanted(kind), cache) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for held in cache.list() {
            let namespace = &held.meta().key.namespace;
            let looks = self.configurations.looks_into(kind, namespace);
            if looks && self.wants(wanted, held.meta()) {
                found.push(self.take(cache.resource(), &held));
            }
        }
        found
    }

    /// An object by name, whatever selectors say.
    pub fn named<S, T>(
        &mut self,
        kind: Configuration,
        key: &ObjectKey,
    ) -> Option<Candidate<Object<S, T>>>
    where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
    {
        let cache = self.configurations.by_kind.get(&kind)?;
        let looks = self.configurations.looks_into(kind, &key.namespace);
        let held = cache.get(key).filter(|_| looks)?;
        Some(self.take(cache.resource(), &held))
    }

    fn wants(&mut self, wanted: &Wanted, meta: &Meta) -> bool {
        let namespace = &meta.key.namespace;
        let of_namespace = self
            .namespaces
            .entry(namespace.clone())
            .or_insert_with(|| namespace_labels(&self.configurations.namespaces, namespace));
        wanted.takes_namespace(namespace, of_namespace) && wanted.takes(&labels(meta))
    }
}
