//! What the controllers made before. The governing Service is asked for each time: upstream's role, which they have to do with,
//! lets nobody list or watch Services.

use std::convert::identity;

use machinery::names::label_value;
use runtime::{Error, Index, ObjectKey, Projection, Reader, ResourceRef, Whole};
use serde_json::Value;

use super::outline::{Outline, outlined};
use super::resources::{CONFIG_MAP, DAEMON_SET, SECRET, STATEFUL_SET, STORAGE_CLASS};
use super::writes::ByName;
use crate::api::kinds::ObjectMeta;
use crate::workload::Texts;

/// Caches of what bears our label.
#[derive(Clone)]
pub struct Own {
    /// Secrets by the uid of their controller; none where they may not be watched, and each is asked for by its name.
    pub secrets: Option<Index<Whole>>,
    /// `ConfigMap`s by the uid of their controller, in outline.
    pub config_maps: Index<Outline>,
    /// `StatefulSet`s by the uid of their controller.
    pub stateful_sets: Index<Whole>,
    /// `DaemonSet`s by the uid of their controller, if any are made.
    pub daemon_sets: Option<Index<Whole>>,
}

/// Names that a workload is going to use.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of Secrets.
    pub secrets: Vec<String>,
    /// What names of Secrets begin with that are numbered; they are there from 1 up to some number.
    pub numbered_secrets: Vec<String>,
    /// Of `ConfigMap`s.
    pub config_maps: Vec<String>,
    /// Of `StatefulSet`s.
    pub stateful_sets: Vec<String>,
    /// Of `DaemonSet`s.
    pub daemon_sets: Vec<String>,
    /// Of the governing Service, if there is one.
    pub service: Option<String>,
}

/// What was made before, by name.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Secrets.
    pub secrets: ByName,
    /// `ConfigMap`s, [in outline](super::outline).
    pub config_maps: ByName,
    /// `StatefulSet`s.
    pub stateful_sets: ByName,
    /// `DaemonSet`s.
    pub daemon_sets: ByName,
    /// The governing Service.
    pub service: Option<Value>,
}

impl Own {
    /// What the caches show as a workload's, and what else bears a name that is going to be used: without our label, as
    /// older versions or somebody else made it, no cache shows it.
    pub async fn read(
        &self,
        owner: &ObjectMeta,
        names: &Names,
        reader: &Reader,
    ) -> Result<Stored, Error> {
        let of_owner = |index: &Index<Whole>| held(index, &owner.uid, Whole::value);
        let mut stored = Stored {
            secrets: self.secrets.as_ref().map(of_owner).unwrap_or_default(),
            config_maps: held(&self.config_maps, &owner.uid, Outline::value),
            stateful_sets: of_owner(&self.stateful_sets),
            daemon_sets: self.daemon_sets.as_ref().map(of_owner).unwrap_or_default(),
            service: None,
        };
        let namespace = &owner.namespace;
        for (resource, names, found) in [
            (SECRET, &names.secrets, &mut stored.secrets),
            (CONFIG_MAP, &names.config_maps, &mut stored.config_maps),
            (
                STATEFUL_SET,
                &names.stateful_sets,
                &mut stored.stateful_sets,
            ),
        ] {
            let kept: fn(Value) -> Value = if resource == CONFIG_MAP {
                outlined
            } else {
                identity
            };
            add_missing(&resource, (namespace, names), (found, kept), reader).await?;
        }
        if self.secrets.is_none() {
            let (prefixes, found) = (&names.numbered_secrets, &mut stored.secrets);
            add_numbered(&SECRET, namespace, prefixes, found, reader).await?;
        }
        // Where none are made there may be no right to look for them either.
        if self.daemon_sets.is_some() {
            let (names, found) = (&names.daemon_sets, &mut stored.daemon_sets);
            add_missing(&DAEMON_SET, (namespace, names), (found, identity), reader).await?;
        }
        if let Some(name) = &names.service {
            let key = ObjectKey::new(namespace.clone(), name.clone());
            stored.service = reader.get(&runtime::resource::SERVICE, &key).await?;
        }
        Ok(stored)
    }
}

/// What an index shows as an owner's, by name.
fn held<P: Projection>(index: &Index<P>, owner: &str, value: impl Fn(&P) -> Value) -> ByName {
    let held = index.get(owner).into_iter();
    held.map(|held| (held.meta().key.name.clone(), value(&held)))
        .collect()
}

/// Asks for one; whether it is there.
async fn add(
    resource: &ResourceRef,
    namespace: &str,
    name: &str,
    found: &mut ByName,
    reader: &Reader,
) -> Result<bool, Error> {
    let object = reader
        .get(resource, &ObjectKey::new(namespace, name))
        .await?;
    let is_there = object.is_some();
    found.extend(object.map(|object| (name.to_owned(), object)));
    Ok(is_there)
}

/// Asks for those that are not found yet; `kept` makes of each what is kept of it.
async fn add_missing(
    resource: &ResourceRef,
    (namespace, names): (&str, &[String]),
    (found, kept): (&mut ByName, fn(Value) -> Value),
    reader: &Reader,
) -> Result<(), Error> {
    for name in names {
        if !found.contains_key(name)
            && add(resource, namespace, name, found, reader).await?
            && let Some(object) = found.get_mut(name)
        {
            *object = kept(object.take());
        }
    }
    Ok(())
}

/// Those that are numbered from 1, up to the first that isn't there.
async fn add_numbered(
    resource: &ResourceRef,
    namespace: &str,
    prefixes: &[String],
    found: &mut ByName,
    reader: &Reader,
) -> Result<(), Error> {
    for prefix in prefixes {
        for number in 1.. {
            let name = format!("{prefix}{number}");
            if !add(resource, namespace, &name, found, reader).await? {
                break;
            }
        }
    }
    Ok(())
}

/// Labels as a selector's text.
pub fn selector_text(labels: &Texts) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

/// The pods of a workload: none where its name makes no label, which the API server wouldn't even look for.
pub async fn pods(namespace: &str, labels: &Texts, reader: &Reader) -> Result<Vec<Value>, Error> {
    if labels.values().any(|value| !label_value(value).is_empty()) {
        return Ok(Vec::new());
    }
    let selector = selector_text(labels);
    reader
        .list(&runtime::resource::POD, namespace, &selector)
        .await
}

/// Whether a storage class exists; unknown if none is named, or without the right to look, where claims will tell.
pub async fn storage_class(name: Option<&str>, reader: &Reader) -> Result<Option<bool>, Error> {
    let Some(name) = name else {
        return Ok(None);
    };
    match reader.get(&STORAGE_CLASS, &ObjectKey::cluster(name)).await {
        Ok(found) => Ok(Some(found.is_some())),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error),
    }
}
