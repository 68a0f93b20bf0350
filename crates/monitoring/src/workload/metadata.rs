//! Labels, annotations and owners (upstream's `pkg/operator/factory.go`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Settings;
use crate::api::Object;
use crate::api::kinds::ObjectMeta;

/// What keeps labels and annotations.
pub type Texts = BTreeMap<String, String>;

/// Holds a digest of what a workload was made of.
pub(crate) const INPUT_HASH: &str = "prometheus-operator-input-hash";
/// The container that `kubectl logs` takes.
pub(super) const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Version of what runs.
pub(super) const VERSION: &str = "app.kubernetes.io/version";
/// Kind of what runs.
pub(super) const NAME: &str = "app.kubernetes.io/name";
const MANAGER: &str = "prometheus-operator";

/// Owner of what is made, and name and namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    api_version: &'a str,
    kind: &'a str,
    pub(super) metadata: &'a ObjectMeta,
}

impl<'a> Owner<'a> {
    /// The object.
    pub(super) fn of<S: Default, T: Default>(object: &'a Object<S, T>) -> Self {
        Self {
            api_version: &object.api_version,
            kind: &object.kind,
            metadata: &object.metadata,
        }
    }

    /// The owner in control: what it owns goes with it.
    pub(super) fn controlling(self) -> Value {
        json!([{
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.metadata.name,
            "uid": self.metadata.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }])
    }

    /// One owner among others.
    pub(super) fn sharing(self) -> Value {
        json!([{
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.metadata.name,
            "uid": self.metadata.uid,
        }])
    }
}

/// Labels of everything that is made.
pub(super) fn managed() -> Texts {
    texts([
        ("managed-by", MANAGER),
        ("app.kubernetes.io/managed-by", MANAGER),
    ])
}

/// Labels that select the pods of an object: which program, and whose.
pub(super) fn selecting(program: &str, object: &str) -> Texts {
    texts([
        ("app.kubernetes.io/managed-by", MANAGER),
        (NAME, program),
        ("app.kubernetes.io/instance", object),
    ])
}

/// A map of literals.
pub(super) fn texts<const N: usize>(entries: [(&str, &str); N]) -> Texts {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Adds entries; they win.
pub(super) fn add(to: &mut Texts, from: &Texts) {
    to.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// Metadata of a StatefulSet or DaemonSet.
pub(super) fn of_workload(
    owner: Owner<'_>,
    name: &str,
    settings: &Settings,
    own_labels: &Texts,
    selector: &Texts,
    input_hash: Option<&str>,
) -> Value {
    let mut labels = managed();
    for more in [
        &owner.metadata.labels,
        own_labels,
        selector,
        &settings.labels,
    ] {
        add(&mut labels, more);
    }
    let mut annotations = owner.metadata.annotations.clone();
    add(&mut annotations, &settings.annotations);
    if let Some(hash) = input_hash {
        annotations.insert(INPUT_HASH.to_owned(), hash.to_owned());
    }
    // Else `kubectl apply --prune` of the owner would take the workload for its own.
    annotations.retain(|key, _| !key.starts_with("kubectl.kubernetes.io/"));
    json!({
        "name": name,
        "namespace": owner.metadata.namespace,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": owner.controlling(),
    })
}
