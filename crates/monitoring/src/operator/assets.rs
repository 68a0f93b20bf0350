//! Contents of referenced Secrets and `ConfigMap`s: read by name, once for each of their versions, and who refers to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::references::{Reference, Source};
use super::resources::{CONFIG_MAP, SECRET};
use crate::config::assets::{Asset, Assets};
use runtime::{Cache, Change, Error, Meta, ObjectKey, Projection, Reader};

/// Reads what workloads refer to. Watches tell of changes by metadata alone; nothing is ever listed with its content. Secrets
/// that may not be watched are read in each pass.
#[derive(Clone)]
pub struct AssetReader {
    secrets: Option<Cache<Meta>>,
    config_maps: Cache<Meta>,
    /// Of these only some are watched: what isn't there may exist all the same.
    few: Vec<Source>,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// Objects as they were read, and their versions.
    known: BTreeMap<Reference, (u64, Asset)>,
    /// What each workload was last made of.
    used: BTreeMap<ObjectKey, BTreeSet<Reference>>,
}

impl AssetReader {
    /// A reader that knows from these caches what there is, and in which version.
    pub fn new(secrets: Option<Cache<Meta>>, config_maps: Cache<Meta>) -> Self {
        Self {
            secrets,
            config_maps,
            few: Vec::new(),
            memory: Arc::default(),
        }
    }

    /// Of these only what a selector names is watched. The others are read in each pass, as upstream reads all
    /// (`pkg/assets/store.go`).
    #[must_use]
    pub fn watching_few(self, few: Vec<Source>) -> Self {
        Self { few, ..self }
    }

    /// The objects behind the references of a workload, as far as they exist. A later change of any wakes the workload.
    pub async fn read(
        &self,
        workload: &ObjectKey,
        references: BTreeSet<Reference>,
        reader: &Reader,
    ) -> Result<Assets, Error> {
        // Noted first: a change while this reads must not be lost.
        self.memory()
            .used
            .insert(workload.clone(), references.clone());
        let mut assets = Assets::default();
        for reference in references {
            if let Some(asset) = self.object(&reference, reader).await? {
                assets.share(&asset);
            }
        }
        self.forget_unused();
        Ok(assets)
    }

    async fn object(&self, reference: &Reference, reader: &Reader) -> Result<Option<Asset>, Error> {
        let (source, key) = reference;
        let (cache, resource) = match source {
            Source::Secret => (self.secrets.as_ref(), SECRET),
            Source::ConfigMap => (Some(&self.config_maps), CONFIG_MAP),
        };
        if let Some(cache) = cache {
            let meta = cache.get(key);
            if meta.is_none() && !self.few.contains(source) {
                return Ok(None);
            }
            let known = self.memory().known.get(reference).cloned();
            if let Some((version, asset)) = known
                && meta.is_some_and(|meta| version >= meta.version)
            {
                return Ok(Some(asset));
            }
        }
        let Some(object) = reader.get(&resource, key).await? else {
            return Ok(None);
        };
        let asset = Asset::read(&object);
        if let Some(asset) = &asset {
            let known = (asset.version(), asset.clone());
            self.memory().known.insert(reference.clone(), known);
        }
        Ok(asset)
    }

    /// The workload is gone.
    pub fn forget(&self, workload: &ObjectKey) {
        self.memory().used.remove(workload);
        self.forget_unused();
    }

    fn forget_unused(&self) {
        let mut memory = self.memory();
        let Memory { known, used } = &mut *memory;
        known.retain(|reference, _| used.values().any(|used| used.contains(reference)));
    }

    /// The workloads that were made of the object that changed.
    pub fn users(&self, source: Source, change: &Change<Meta>) -> Vec<ObjectKey> {
        let Some(meta) = change.meta() else {
            return Vec::new();
        };
        let reference = (source, meta.key.clone());
        let memory = self.memory();
        let users = memory
            .used
            .iter()
            .filter(|(_, used)| used.contains(&reference));
        users.map(|(key, _)| key.clone()).collect()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a change leaves the object as it was.
pub fn same_version<P: Projection>(change: &Change<P>) -> bool {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => old.meta().version == new.meta().version,
        (None | Some(_), None) | (None, Some(_)) => false,
    }
}
