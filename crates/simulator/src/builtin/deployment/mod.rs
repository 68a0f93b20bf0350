//! Deployments: rolls a template out through ReplicaSets.
//!
//! Mirrors `pkg/controller/deployment`. The suffix of a ReplicaSet's name is computed from the template's JSON, not from Go's dump of
//! it, and so differs from upstream's; nothing else depends on it.

pub(crate) mod decide;
pub(crate) mod revision;
pub(crate) mod size;
pub(crate) mod status;

use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::object::{self, text};
use super::pod;
use super::replica_set::decide::{Claim, adopted_references, claim, released_references};
use super::write::{Work, Write, is_already_exists, is_namespace_terminating};
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// The Deployment controller.
pub(crate) struct Deployments;

impl Control for Deployments {
    const NAME: &'static str = "deployment-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::DEPLOYMENTS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::DEPLOYMENTS {
            return vec![control::itself(change)];
        }
        if change.resource == known::REPLICA_SETS {
            let mut keys = control::controllers(change, &known::DEPLOYMENTS);
            if control::is_orphan(change) {
                keys.extend(control::keys(
                    session,
                    &known::DEPLOYMENTS,
                    Some(&change.namespace),
                ));
            }
            return keys;
        }
        if change.resource == known::PODS && change.after.is_none() {
            return recreating(session, change);
        }
        Vec::new()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let Some(deployment) = work.session.get(&known::DEPLOYMENTS, namespace, name) else {
            return Ok(None);
        };
        let selector = deployment
            .pointer("/spec/selector")
            .cloned()
            .unwrap_or_default();
        let Ok(selector) = Selector::from_label_selector(&selector) else {
            return Ok(None);
        };
        if selector.is_empty() {
            return Ok(None);
        }
        let owned = owned(work, &deployment, &selector)?;
        let session = &*work.session;
        let runs_pods = |set: &str| {
            let pods = session.list(&known::PODS, Some(namespace));
            pods.iter().any(|p| {
                !pod::is_finished(p)
                    && object::controller_of(p).is_some_and(|r| text(r, "/uid") == set)
            })
        };
        let sets: Vec<&Value> = owned.iter().map(AsRef::as_ref).collect();
        let plan = decide::decide(&deployment, &sets, &runs_pods, work.now());
        perform(work, &deployment, plan.writes)?;
        Ok(plan.wake)
    }
}

/// A pod that went may let a `Recreate` Deployment go on.
fn recreating(session: &Session<'_>, change: &Change) -> Vec<Key> {
    let owner = |key: &Key| {
        let set = session.get(&known::REPLICA_SETS, &key.0, &key.1)?;
        let reference = object::controller_of(&set)?;
        (text(reference, "/kind") == "Deployment")
            .then(|| (key.0.clone(), text(reference, "/name").to_owned()))
    };
    control::controllers(change, &known::REPLICA_SETS)
        .iter()
        .filter_map(owner)
        .collect()
}

/// The Deployment's ReplicaSets, after adopting and releasing.
fn owned(
    work: &mut Work<'_, '_>,
    deployment: &Value,
    selector: &Selector,
) -> Result<Vec<Arc<Value>>, ApiError> {
    let mut owned = Vec::new();
    for set in work
        .session
        .list(&known::REPLICA_SETS, Some(object::namespace(deployment)))
    {
        let verdict = claim(deployment, selector, &set);
        let references = match verdict {
            Claim::Keep => {
                owned.push(set);
                continue;
            }
            Claim::Ignore => continue,
            Claim::Adopt => adopted_references(deployment, &set),
            Claim::Release => released_references(deployment, &set),
        };
        let body = json!({"metadata": {"uid": object::uid(&set), "ownerReferences": references}});
        let patched = work.session.patch_merge(
            &known::REPLICA_SETS,
            object::namespace(&set),
            object::name(&set),
            "",
            &body,
        )?;
        if verdict == Claim::Adopt {
            owned.push(patched);
        }
    }
    Ok(owned)
}

/// Performs the writes of a pass. A ReplicaSet that can't be created is told in the Deployment's status.
fn perform(
    work: &mut Work<'_, '_>,
    deployment: &Value,
    writes: Vec<Write>,
) -> Result<(), ApiError> {
    for write in writes {
        let Write::Create(resource, set) = &write else {
            work.perform(vec![write])?;
            continue;
        };
        let Err(error) = work.session.create(resource, set.clone()) else {
            continue;
        };
        if is_namespace_terminating(&error) {
            return Ok(());
        }
        let existing = if is_already_exists(&error) {
            work.session.get(
                &known::REPLICA_SETS,
                object::namespace(set),
                object::name(set),
            )
        } else {
            None
        };
        let told = decide::creation_failed(
            deployment,
            set,
            existing.as_deref(),
            &error.to_string(),
            work.now(),
        );
        work.perform(told)?;
        return Err(error);
    }
    Ok(())
}
