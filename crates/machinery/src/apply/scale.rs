//! Ownership of `replicas`, shared between an object and its `/scale`.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/scalehandler.go`.

use std::collections::BTreeMap;

use super::managed::{Managers, Owned};
use super::path::{Path, PathElement};
use super::set::FieldSet;

/// Version of `Scale`.
const SCALE_VERSION: &str = "autoscaling/v1";

/// Where each version of a kind keeps its replicas; nothing for a version without `/scale`.
pub type ReplicasPaths = BTreeMap<String, Option<Path>>;

fn replicas() -> Path {
    vec![PathElement::field("spec"), PathElement::field("replicas")]
}

/// The entries of an object as those of its `Scale`: of each owner of the replicas, that field alone.
pub fn to_scale(parent: &Managers, paths: &ReplicasPaths) -> Managers {
    let mut out = Managers::new();
    for (identity, owned) in parent {
        let Some(Some(path)) = paths.get(&owned.api_version) else {
            continue;
        };
        if owned.fields.contains(path) {
            let scaled = Owned {
                api_version: SCALE_VERSION.to_owned(),
                time: owned.time.clone(),
                fields: [replicas()].into_iter().collect(),
            };
            out.insert(identity.clone(), scaled);
        }
    }
    out
}

/// The entries of an object after those of its `Scale` changed; `api_version` is the object's.
///
/// New entries have no time: upstream looks it up among the object's, where it is not yet.
pub fn to_parent(
    parent: &Managers,
    scale: &Managers,
    paths: &ReplicasPaths,
    api_version: &str,
) -> Managers {
    let mut out = Managers::new();
    let mut new = scale.clone();
    for (identity, owned) in parent {
        let Some(path) = paths.get(&owned.api_version) else {
            continue;
        };
        let mut owned = owned.clone();
        if let Some(path) = path.as_ref().filter(|path| owned.fields.contains(path))
            && new.remove(identity).is_none()
        {
            let taken: FieldSet = [path.clone()].into_iter().collect();
            owned.fields = owned.fields.difference(&taken);
            if owned.fields.is_empty() {
                continue;
            }
        }
        out.insert(identity.clone(), owned);
    }
    let own_path = paths.get(api_version).cloned().flatten();
    for (identity, owned) in new {
        if !owned.fields.contains(&replicas()) {
            continue;
        }
        let time = parent
            .get(&identity)
            .map(|owned| owned.time.clone())
            .unwrap_or_default();
        let owned = Owned {
            api_version: api_version.to_owned(),
            time,
            fields: own_path.iter().cloned().collect(),
        };
        out.insert(identity, owned);
    }
    out
}
