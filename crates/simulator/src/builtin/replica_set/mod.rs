//! ReplicaSets and `ReplicationControllers`: keeps as many pods of a template as `spec.replicas` says.
//!
//! Mirrors `pkg/controller/replicaset/replica_set.go`, and `pkg/controller/replication`, which runs the same decisions for the
//! older kind. Pods are created one after another instead of in growing batches; a failure ends the pass all the same, so the end
//! state is the same.

pub(crate) mod decide;

use std::sync::Arc;

use decide::{Claim, Failure, Scale};
use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::Value;

use super::control::{self, Control, Key};
use super::object::{self, count};
use super::write::{Work, Write, is_namespace_terminating};
use super::{pod, pod_control};
use crate::apiserver::resource::{Resource, known};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// The ReplicaSet controller.
pub(crate) struct ReplicaSets;

impl Control for ReplicaSets {
    const NAME: &'static str = "replicaset-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::REPLICA_SETS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        affected(session, change, &known::REPLICA_SETS)
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        sync(work, key, &known::REPLICA_SETS)
    }
}

/// The controller of `ReplicationControllers`.
pub(crate) struct ReplicationControllers;

impl Control for ReplicationControllers {
    const NAME: &'static str = "replication-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::REPLICATION_CONTROLLERS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        affected(session, change, &known::REPLICATION_CONTROLLERS)
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        sync(work, key, &known::REPLICATION_CONTROLLERS)
    }
}

fn affected(session: &Session<'_>, change: &Change, kind: &Resource) -> Vec<Key> {
    if change.resource == *kind {
        return vec![control::itself(change)];
    }
    if change.resource != known::PODS {
        return Vec::new();
    }
    let mut keys = control::controllers(change, kind);
    if control::is_orphan(change) {
        keys.extend(control::keys(session, kind, Some(&change.namespace)));
    }
    keys
}

fn sync(
    work: &mut Work<'_, '_>,
    key: &Key,
    kind: &Resource,
) -> Result<Option<Timestamp>, ApiError> {
    let (namespace, name) = key;
    let Some(set) = work.session.get(kind, namespace, name) else {
        return Ok(None);
    };
    let Ok(selector) = Selector::from_label_selector(&decide::selector(&set)) else {
        return Ok(None);
    };
    let pods = work.session.list(&known::PODS, Some(namespace));
    let template = object::string_map(&set, "/spec/template/metadata/labels");
    let (mut active, mut terminating) = (Vec::new(), 0);
    for candidate in pods.into_iter().filter(|p| !pod::is_finished(p)) {
        let leaves = object::is_terminating(&candidate);
        // The API server sees to it that what carries the template's labels matches the selector.
        if object::is_controlled_by(&candidate, &set) && object::has_labels(&candidate, &template) {
            if leaves {
                terminating += 1;
            } else {
                active.push(candidate);
            }
        } else if leaves {
            terminating += usize::from(decide::claim(&set, &selector, &candidate) == Claim::Keep);
        } else {
            active.extend(pod_control::claimed(work, &set, &selector, candidate)?);
        }
    }
    let (failure, scaled) = scale(work, &set, &active, kind);
    if scaled && failure.is_none() {
        return Ok(None);
    }
    let now = work.now();
    let status = decide::status(
        &set,
        &active,
        terminating,
        failure.as_ref().map(|(f, _)| f),
        now,
    );
    report(work, &set, status, kind)?;
    if let Some((_, error)) = failure {
        return Err(error);
    }
    Ok(pod::next_available(
        active.iter().map(AsRef::as_ref),
        count(&set, "/spec/minReadySeconds"),
        now,
    ))
}

/// Creates or deletes pods. The first failure ends it; the boolean says whether anything was to be done.
fn scale(
    work: &mut Work<'_, '_>,
    set: &Value,
    active: &[Arc<Value>],
    kind: &Resource,
) -> (Option<(Failure, ApiError)>, bool) {
    match decide::scale(set, active, || related(work.session, set, kind), work.now()) {
        Scale::Nothing => (None, false),
        Scale::Create(missing) => {
            let template = set.pointer("/spec/template").cloned().unwrap_or_default();
            let mut create =
                || pod_control::create(work, set, pod::from_template(set, &template)).err();
            let failure = (0..missing).find_map(|_| create());
            (
                failure
                    .filter(|e| !is_namespace_terminating(e))
                    .map(|e| failed("FailedCreate", e)),
                true,
            )
        }
        Scale::Delete(names) => {
            let failure = names
                .iter()
                .find_map(|name| pod_control::delete(work, set, name).err());
            (failure.map(|e| failed("FailedDelete", e)), true)
        }
    }
}

fn failed(reason: &'static str, error: ApiError) -> (Failure, ApiError) {
    (
        Failure {
            reason,
            message: error.to_string(),
        },
        error,
    )
}

/// Active pods of all sets of a kind with the same controller; of this one alone where it has none.
fn related(session: &Session<'_>, set: &Value, kind: &Resource) -> Vec<Arc<Value>> {
    let owner = object::controller_of(set).map(|r| object::text(r, "/uid").to_owned());
    let is_related = |other: &Value| match &owner {
        Some(uid) => object::controller_of(other).is_some_and(|r| object::text(r, "/uid") == uid),
        None => object::uid(other) == object::uid(set),
    };
    let namespace = Some(object::namespace(set));
    let sets: Vec<_> = session
        .list(kind, namespace)
        .into_iter()
        .filter(|s| is_related(s))
        .collect();
    let pods = session.list(&known::PODS, namespace).into_iter();
    pods.filter(|p| sets.iter().any(|s| object::is_controlled_by(p, s)))
        .collect()
}

fn report(
    work: &mut Work<'_, '_>,
    set: &Value,
    status: Value,
    kind: &Resource,
) -> Result<(), ApiError> {
    if set.get("status") == Some(&status) {
        return Ok(());
    }
    let mut wanted = set.clone();
    object::set(&mut wanted, &["status"], status);
    work.perform(vec![Write::UpdateStatus(kind.clone(), wanted)])
}
