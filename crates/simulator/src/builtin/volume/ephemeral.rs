//! Claims for the volumes that pods bring with them (`ephemeral`): made for the pod, and gone with it.
//!
//! Mirrors `pkg/controller/volume/ephemeral` and `k8s.io/component-helpers/storage/ephemeral`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::facts;
use crate::apiserver::resource::known;
use crate::builtin::control::{self, Control, Key};
use crate::builtin::event::Note;
use crate::builtin::object::{self, items};
use crate::builtin::write::{Work, is_namespace_terminating};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// The controller of such claims. Its keys are pods.
pub(crate) struct EphemeralVolumes;

impl Control for EphemeralVolumes {
    const NAME: &'static str = "ephemeral_volume";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::PODS, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::PODS {
            let brings = change.after.as_deref().is_some_and(brings_volumes);
            return brings
                .then(|| control::itself(change))
                .into_iter()
                .collect();
        }
        // One that is deleted, of whomever, makes room for a new one.
        let gone = change
            .deleted()
            .filter(|_| change.resource == known::PERSISTENT_VOLUME_CLAIMS);
        let pod = gone.and_then(|claim| object::controller_of(claim));
        pod.filter(|reference| object::text(reference, "/kind") == "Pod")
            .map(|reference| {
                let name = object::text(reference, "/name").to_owned();
                (change.namespace.clone(), name)
            })
            .into_iter()
            .collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(pod) = work
            .session
            .get(&known::PODS, &key.0, &key.1)
            .filter(|pod| brings_volumes(pod) && !object::is_terminating(pod))
        else {
            return Ok(None);
        };
        for volume in items(&pod, "/spec/volumes") {
            let Some(template) = volume.pointer("/ephemeral/volumeClaimTemplate") else {
                continue;
            };
            let name = facts::ephemeral_claim(&pod, volume);
            let result = provide(work, &pod, &name, template);
            if let Err((message, retry)) = result {
                let name = object::text(volume, "/name");
                let message = format!("ephemeral volume {name}: {message}");
                work.perform(vec![Note::warning(&pod, "FailedBinding", message)])?;
                return retry.map_or(Ok(None), Err);
            }
        }
        Ok(None)
    }
}

/// Whether a pod brings volumes with it.
fn brings_volumes(pod: &Value) -> bool {
    let volumes = items(pod, "/spec/volumes");
    volumes.iter().any(|v| v.get("ephemeral").is_some())
}

/// Makes a claim for a pod where there is none. An error is what to say of it, with what went wrong if it is worth another try.
fn provide(
    work: &mut Work<'_, '_>,
    pod: &Value,
    name: &str,
    template: &Value,
) -> Result<(), (String, Option<ApiError>)> {
    let namespace = object::namespace(pod);
    if let Some(claim) = work
        .session
        .get(&known::PERSISTENT_VOLUME_CLAIMS, namespace, name)
    {
        // Only its end changes that, or the pod's.
        return facts::is_for_pod(pod, &claim).map_err(|message| (message, None));
    }
    let mut metadata = Map::new();
    for key in ["labels", "annotations"] {
        if let Some(value) = template.pointer(&format!("/metadata/{key}")) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    metadata.insert("name".to_owned(), json!(name));
    metadata.insert("namespace".to_owned(), json!(namespace));
    let mut owner = object::controller_reference(pod);
    for (key, value) in [("apiVersion", "v1"), ("kind", "Pod")] {
        object::set(&mut owner, &[key], json!(value));
    }
    metadata.insert("ownerReferences".to_owned(), json!([owner]));
    let spec = template.get("spec").cloned().unwrap_or_default();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec});
    match work.session.create(&known::PERSISTENT_VOLUME_CLAIMS, claim) {
        Err(error) if !is_namespace_terminating(&error) => {
            Err((format!("create PVC {name}: {error}"), Some(error)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
