//! Reading the world: the Alertmanager, its configurations, what these refer to, and what was made before. No writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use machinery::time::Timestamp;
use runtime::{Cache, Change, Error, ObjectKey, Projection, Reader};
use serde_json::Value;

use crate::api::{Alertmanager, AlertmanagerConfig, read};
use crate::config::alertmanager::{base_name, user_secret};
use crate::config::assets::Assets;
use crate::operator::assets::AssetReader;
use crate::operator::candidates::{Candidate, Configurations, Find};
use crate::operator::references::{self, Source};
use crate::operator::refusals::{Refused, Told};
use crate::operator::selecting::{Configuration, Selecting};
use crate::operator::stored::{self, Names, Own, Stored};
use crate::workload::{Settings, alertmanager_selector};

/// What the controller reads from, and what it remembers.
pub struct Caches {
    /// Alertmanagers.
    pub alertmanagers: Cache<Selecting<Alertmanager>>,
    /// Objects they select.
    pub configurations: Configurations,
    /// What was made before.
    pub own: Own,
    /// Referenced Secrets and `ConfigMap`s.
    pub assets: AssetReader,
    /// Refusals that were told.
    pub told: Told,
    /// What the program was started with.
    pub settings: Arc<Settings>,
}

/// Everything a decision may look at.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The Alertmanager, or why it can't be read.
    pub alertmanager: Result<Alertmanager, String>,
    /// The Alertmanager as it is stored.
    pub object: Value,
    /// The AlertmanagerConfig that is named as the base of everything.
    pub base: Option<Candidate<AlertmanagerConfig>>,
    /// What its selectors find.
    pub configs: Vec<Candidate<AlertmanagerConfig>>,
    /// What is referred to.
    pub assets: Assets,
    /// What was made before.
    pub stored: Stored,
    /// Its pods.
    pub pods: Vec<Value>,
    /// Whether the storage class it names exists; unknown without the right to look.
    pub storage_class: Option<bool>,
    /// Refusals that were told.
    pub told: BTreeSet<Refused>,
    /// What the program was started with.
    pub settings: Arc<Settings>,
    /// The time of this pass.
    pub now: Timestamp,
}

/// Reads everything about one Alertmanager; `None` when it is gone.
pub async fn observe(
    key: &ObjectKey,
    reader: &Reader,
    caches: &Caches,
) -> Result<Option<Observed>, Error> {
    let Some(held) = caches.alertmanagers.get(key) else {
        caches.assets.forget(key);
        caches.told.remember(key, BTreeSet::new());
        return Ok(None);
    };
    let object = held.whole().value();
    let mut observed = Observed {
        alertmanager: read(&object).map_err(|error| error.to_string()),
        base: None,
        configs: Vec::new(),
        assets: Assets::default(),
        stored: Stored::default(),
        pods: Vec::new(),
        storage_class: None,
        told: caches.told.of(key),
        settings: Arc::clone(&caches.settings),
        now: reader.now(),
        object,
    };
    let Ok(alertmanager) = observed.alertmanager.clone() else {
        return Ok(Some(observed));
    };
    let metadata = &alertmanager.metadata;
    let mut find = Find::new(&held, &caches.configurations);
    observed.configs = find.of(Configuration::AlertmanagerConfig);
    let mut references = find.references;
    references.extend(references::of(&observed.object));
    let user = ObjectKey::new(metadata.namespace.clone(), user_secret(&alertmanager));
    references.insert((Source::Secret, user));
    if let Some(name) = base_name(&alertmanager) {
        let key = ObjectKey::new(metadata.namespace.clone(), name);
        let kind = Configuration::AlertmanagerConfig;
        let found = caches.configurations.named(kind, &key, &mut references);
        observed.base = found;
    }
    observed.assets = caches.assets.read(key, references, reader).await?;
    let names = names(&alertmanager);
    observed.stored = caches.own.read(metadata, &names, reader).await?;
    let labels = alertmanager_selector(&metadata.name);
    observed.pods = stored::pods(&metadata.namespace, &labels, reader).await?;
    let class = storage_class_name(&alertmanager);
    observed.storage_class = stored::storage_class(class, reader).await?;
    Ok(Some(observed))
}

/// The Alertmanagers that name an AlertmanagerConfig as the base of everything.
pub fn based_on<P: Projection>(
    alertmanagers: &Cache<Selecting<Alertmanager>>,
    change: &Change<P>,
) -> Vec<ObjectKey> {
    let Some(meta) = change.meta() else {
        return Vec::new();
    };
    let names = |held: &Arc<Selecting<Alertmanager>>| {
        let alertmanager = read::<Alertmanager>(&held.whole().value()).ok()?;
        let named = base_name(&alertmanager) == Some(meta.key.name.as_str());
        named.then(|| held.meta().key.clone())
    };
    let beside = alertmanagers.list_in(&meta.key.namespace);
    beside.iter().filter_map(names).collect()
}

/// Names of what an Alertmanager always needs.
fn names(alertmanager: &Alertmanager) -> Names {
    let prefix = format!("alertmanager-{}", alertmanager.metadata.name);
    let secrets = [
        "-generated",
        "-tls-assets-0",
        "-web-config",
        "-cluster-tls-config",
    ];
    let service = alertmanager.spec.service_name.clone();
    Names {
        secrets: secrets.map(|suffix| format!("{prefix}{suffix}")).to_vec(),
        config_maps: Vec::new(),
        stateful_sets: vec![prefix],
        service: service.unwrap_or_else(|| "alertmanager-operated".to_owned()),
    }
}

/// Name of the storage class that an Alertmanager asks for.
pub fn storage_class_name(alertmanager: &Alertmanager) -> Option<&str> {
    alertmanager.spec.storage.as_ref()?.class()
}
