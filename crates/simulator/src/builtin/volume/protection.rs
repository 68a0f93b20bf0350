//! Protection of claims and volumes in use: their finalizer goes when nobody needs them any more.
//!
//! Mirrors `pkg/controller/volume/pvcprotection` and `pvprotection`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::facts::{self, VOLUMES};
use crate::apiserver::resource::{Resource, known};
use crate::builtin::control::{self, Control, Key};
use crate::builtin::object::{self, items, text};
use crate::builtin::write::{Work, is_not_found};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// The controller of both finalizers. Its keys are claims, and volumes with an empty namespace.
#[derive(Debug)]
pub(crate) struct Protection;

impl Control for Protection {
    const NAME: &'static str = "pvc-protection-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let mut keys = control::keys(session, &known::PERSISTENT_VOLUME_CLAIMS, None);
        keys.extend(control::keys(session, &VOLUMES, None));
        keys
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if [known::PERSISTENT_VOLUME_CLAIMS, VOLUMES].contains(&change.resource) {
            return vec![control::itself(change)];
        }
        let Some(pod) = change.deleted().filter(|_| change.resource == known::PODS) else {
            return Vec::new();
        };
        facts::claims_of(pod)
            .map(|(name, _)| (change.namespace.clone(), name.into_owned()))
            .collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let (resource, finalizer) = if namespace.is_empty() {
            (VOLUMES, VOLUME_FINALIZER)
        } else {
            (known::PERSISTENT_VOLUME_CLAIMS, CLAIM_FINALIZER)
        };
        let Some(object) = work.session.get(&resource, namespace, name) else {
            return Ok(None);
        };
        if object::is_terminating(&object) && !is_in_use(work.session, &object) {
            unprotect(work, &resource, &object, finalizer)?;
        }
        Ok(None)
    }
}

/// Whether a volume is bound, or a pod with a node uses a claim.
fn is_in_use(session: &Session<'_>, object: &Value) -> bool {
    let namespace = object::namespace(object);
    if namespace.is_empty() {
        return text(object, "/status/phase") == "Bound";
    }
    session
        .list(&known::PODS, Some(namespace))
        .iter()
        .any(|p| !text(p, "/spec/nodeName").is_empty() && facts::uses(p, object))
}

fn unprotect(
    work: &mut Work<'_, '_>,
    resource: &Resource,
    object: &Value,
    finalizer: &str,
) -> Result<(), ApiError> {
    let finalizers = items(object, "/metadata/finalizers");
    if !finalizers.iter().any(|f| f == finalizer) {
        return Ok(());
    }
    let left: Vec<&Value> = finalizers.iter().filter(|f| *f != finalizer).collect();
    let left = if left.is_empty() {
        Value::Null
    } else {
        json!(left)
    };
    let body = json!({"metadata": {"uid": object::uid(object), "finalizers": left}});
    let (namespace, name) = (object::namespace(object), object::name(object));
    match work
        .session
        .patch_merge(resource, namespace, name, "", &body)
    {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
