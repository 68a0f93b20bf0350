//! Metadata that pods carry while their set has a role (upstream `utils/replicaset/canary.go`).

use std::collections::BTreeMap;

use crate::api::annotations;
use crate::api::labels;
use crate::api::meta::{ObjectMeta, PodTemplateMetadata};
use crate::api::schema::go_text;

/// What was injected into a ReplicaSet earlier, by its annotation; unreadable counts as nothing.
pub fn injected(meta: &ObjectMeta) -> Option<PodTemplateMetadata> {
    serde_json::from_str(meta.annotations.get(labels::EPHEMERAL_METADATA)?).unwrap_or_default()
}

/// The annotation that remembers what was injected.
pub fn annotation(metadata: &PodTemplateMetadata) -> String {
    go_text(metadata)
}

/// Puts `desired` into labels and annotations and takes out what was `injected` earlier and is no longer desired. Foreign
/// keys stay. True if that changed something.
pub fn sync_pod_metadata(
    metadata: &mut PodTemplateMetadata,
    injected: Option<&PodTemplateMetadata>,
    desired: Option<&PodTemplateMetadata>,
) -> bool {
    let nothing = PodTemplateMetadata::default();
    let (injected, desired) = (injected.unwrap_or(&nothing), desired.unwrap_or(&nothing));
    let annotations = sync(
        &mut metadata.annotations,
        &injected.annotations,
        &desired.annotations,
    );
    let labels = sync(&mut metadata.labels, &injected.labels, &desired.labels);
    annotations || labels
}

/// The same for a ReplicaSet's template, noting in the ReplicaSet's annotations what was injected.
pub fn sync_replica_set(
    template: &mut PodTemplateMetadata,
    replica_set: &mut ObjectMeta,
    desired: Option<&PodTemplateMetadata>,
) -> bool {
    if !sync_pod_metadata(template, injected(replica_set).as_ref(), desired) {
        return false;
    }
    match desired {
        Some(desired) => {
            replica_set
                .annotations
                .insert(labels::EPHEMERAL_METADATA.to_owned(), annotation(desired));
        }
        None => {
            replica_set.annotations.remove(labels::EPHEMERAL_METADATA);
        }
    }
    true
}

fn sync(
    map: &mut BTreeMap<String, String>,
    injected: &BTreeMap<String, String>,
    desired: &BTreeMap<String, String>,
) -> bool {
    let mut changed = false;
    for (key, value) in desired {
        changed |= annotations::set(map, key, value);
    }
    for key in injected.keys().filter(|key| !desired.contains_key(*key)) {
        changed |= map.remove(key).is_some();
    }
    changed
}
