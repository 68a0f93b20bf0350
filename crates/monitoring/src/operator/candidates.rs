//! Objects that the selectors of a workload find.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use machinery::meta;
use runtime::{Cache, Index, Meta, ObjectKey, ObjectReference, Projection};
use serde::de::DeserializeOwned;

use super::binding::{Binding, User};
use super::bindings::{Holder, HolderId};
use super::references::Reference;
use super::selectable::Selectable;
use super::selecting::{Configuration, Selecting, Selects, labels, namespace_labels};
use crate::api::kinds::Object;
use crate::api::{defaults, read};
use crate::operator::watched::Namespaces;
use crate::selection::Wanted;

/// Caches of what can be selected.
#[derive(Clone)]
pub struct Configurations {
    /// Objects, by kind.
    pub by_kind: BTreeMap<Configuration, Cache<Selectable>>,
    /// The same objects by the workloads they say they are used by, see [`User::index_key`].
    pub by_user: Vec<Index<Selectable>>,
    /// Namespaces.
    pub namespaces: Cache<Meta>,
    /// Those in which anything is selected.
    pub watched: Namespaces,
    /// Those in which `AlertmanagerConfig`s are.
    pub alertmanager_configs: Namespaces,
}

impl Configurations {
    /// All objects of these caches; namespaces are watched beside them.
    pub fn new(
        by_kind: BTreeMap<Configuration, Cache<Selectable>>,
        namespaces: Cache<Meta>,
    ) -> Self {
        let caches = by_kind.values();
        let by_user = caches.map(|cache| cache.index(users)).collect();
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
    pub fn naming(&self, resource: &str, workload: &ObjectKey) -> Vec<Arc<Holder>> {
        let user = User {
            resource,
            key: workload,
        };
        let text = user.index_key();
        let found = self.by_user.iter().flat_map(|index| index.get(&text));
        found.filter_map(|held| held.holder().cloned()).collect()
    }
}

/// The workloads that an object says it is used by.
fn users(held: &Selectable) -> Vec<String> {
    let bindings = held.holder().map_or(&[][..], |holder| &holder.bindings);
    bindings.iter().map(Binding::index_key).collect()
}

/// An object that a workload selects.
#[derive(Debug)]
pub struct Candidate<T> {
    /// The object, as caches keep it.
    pub held: Arc<Selectable>,
    /// Its kind, name and the like.
    pub holder: Arc<Holder>,
    read: PhantomData<fn() -> T>,
}

impl<T> Clone for Candidate<T> {
    fn clone(&self) -> Self {
        Self {
            held: Arc::clone(&self.held),
            holder: Arc::clone(&self.holder),
            read: PhantomData,
        }
    }
}

impl<T> Candidate<T> {
    /// For Events.
    pub fn reference(&self) -> &ObjectReference {
        &self.holder.reference
    }
}

impl<S, T> Candidate<Object<S, T>>
where
    S: Default + DeserializeOwned,
    T: Default + DeserializeOwned,
{
    /// The object, or why it can't be read.
    pub fn object(&self) -> Result<Object<S, T>, String> {
        let value = self.held.whole().value();
        // Of all that is selected, a Probe alone means something else without its defaults.
        let value = if meta::kind(&value) == "Probe" {
            defaults::applied(value)
        } else {
            value
        };
        read(&value).map_err(|error| error.to_string())
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
    pub found: BTreeMap<HolderId, Arc<Holder>>,
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

    fn take<T>(&mut self, held: Arc<Selectable>) -> Option<Candidate<T>> {
        let references = held.references().iter().cloned();
        self.references.extend(references);
        let holder = Arc::clone(held.holder()?);
        self.found.insert(holder.id(), Arc::clone(&holder));
        Some(Candidate {
            held,
            holder,
            read: PhantomData,
        })
    }

    /// The objects of a kind that are selected.
    pub fn of<T>(&mut self, kind: Configuration) -> Vec<Candidate<T>> {
        let cache = self.configurations.by_kind.get(&kind);
        let (Some(wanted), Some(cache)) = (self.workload.wanted(kind), cache) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for held in cache.list() {
            let namespace = &held.meta().key.namespace;
            let looks = self.configurations.looks_into(kind, namespace);
            if looks && self.wants(wanted, held.meta()) {
                found.extend(self.take(held));
            }
        }
        found
    }

    /// An object by name, whatever selectors say.
    pub fn named<T>(&mut self, kind: Configuration, key: &ObjectKey) -> Option<Candidate<T>> {
        let cache = self.configurations.by_kind.get(&kind)?;
        let looks = self.configurations.looks_into(kind, &key.namespace);
        let held = cache.get(key).filter(|_| looks)?;
        self.take(held)
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
