//! Reading the world: a workload, what it selects, what these refer to, and what was made before. No writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use runtime::{Error, ObjectKey, Reader};

use super::bindings::Held;
use super::candidates::Find;
use super::claims;
use super::references;
use super::stored::{self, Stored};
use super::workload::{Caches, Observed, Workload};
use crate::api::workload::StorageSpec;
use crate::api::{defaults, read};
use crate::config::assets::Assets;

/// Reads everything about one workload; `None` when it is gone.
pub async fn observe<W: Workload>(
    key: &ObjectKey,
    reader: &Reader,
    caches: &Caches<W>,
) -> Result<Option<Observed<W>>, Error> {
    let held = caches.workloads.get(key);
    let held = held.map(|held| (held.whole().value(), held));
    let ours = held.filter(|(object, _)| caches.watch.takes(object));
    let Some((object, held)) = ours else {
        caches.assets.forget(key);
        caches.told.remember(key, BTreeSet::new());
        caches.memories.forget(key);
        return Ok(None);
    };
    let mut observed = Observed {
        workload: read::<W>(&defaults::applied(object.clone())).map_err(|error| error.to_string()),
        candidates: W::Candidates::default(),
        held: Held {
            selected: Vec::new(),
            left: caches.configurations.naming(&W::RESOURCE.plural, key),
        },
        assets: Assets::default(),
        stored: Stored::default(),
        pods: Vec::new(),
        storage_class: None,
        claims: claims::Seen::default(),
        told: caches.told.of(key),
        memory: caches.memories.of(key),
        setup: Arc::clone(&caches.setup),
        now: reader.now(),
        object,
    };
    let Ok(workload) = &observed.workload else {
        return Ok(Some(observed));
    };
    let mut find = Find::new(&held, &caches.configurations);
    find.references = references::of(&observed.object);
    observed.candidates = workload.candidates(&mut find);
    let Find {
        references, found, ..
    } = find;
    let Held { selected, left } = &mut observed.held;
    left.retain(|holder| !found.contains_key(&holder.id()));
    *selected = found.into_values().collect();
    observed.assets = caches.assets.read(key, references, reader).await?;
    let metadata = workload.metadata();
    let names = workload.names();
    observed.stored = caches.own.read(metadata, &names, reader).await?;
    let mut labels = workload.pod_labels();
    // Pods of older versions have this one alone of all.
    if labels.contains_key(W::PREFIX) {
        labels.retain(|key, _| key == W::PREFIX);
    }
    observed.pods = stored::pods(&metadata.namespace, &labels, reader).await?;
    let class = workload.storage().and_then(StorageSpec::class);
    observed.storage_class = stored::storage_class(class, reader).await?;
    observed.claims = claims::look(workload, &observed, reader).await?;
    Ok(Some(observed))
}
