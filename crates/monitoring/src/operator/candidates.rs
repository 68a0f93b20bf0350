//! Objects that the selectors of a workload find.

use std::collections::{BTreeMap, BTreeSet};

use runtime::{Cache, Meta, ObjectKey, ObjectReference, Projection, ResourceRef, Whole};
use serde::de::DeserializeOwned;

use super::references::{self, Reference};
use super::selecting::{Configuration, Selecting, Selects, labels, namespace_labels};
use crate::api::kinds::Object;
use crate::api::read;
use crate::selection::Wanted;

/// Caches of what can be selected.
#[derive(Clone)]
pub struct Configurations {
    /// Objects, by kind.
    pub by_kind: BTreeMap<Configuration, Cache<Whole>>,
    /// Namespaces.
    pub namespaces: Cache<Meta>,
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
    fn of(resource: &ResourceRef, held: &Whole, references: &mut BTreeSet<Reference>) -> Self {
        let value = held.value();
        references.extend(references::of(&value));
        Self {
            reference: ObjectReference::of(resource, &value),
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
}

impl<'a, W: Selects> Find<'a, W> {
    /// Looks for a workload.
    pub fn new(workload: &'a Selecting<W>, configurations: &'a Configurations) -> Self {
        Self {
            workload,
            configurations,
            namespaces: BTreeMap::new(),
            references: BTreeSet::new(),
        }
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
            if self.wants(wanted, held.meta()) {
                let references = &mut self.references;
                found.push(Candidate::of(cache.resource(), &held, references));
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
        let held = cache.get(key)?;
        Some(Candidate::of(cache.resource(), &held, &mut self.references))
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
