//! `DaemonSets`: one pod per node.
//!
//! Mirrors `pkg/controller/daemon`. The suffix of a revision's name is computed from the template's JSON, not from Go's dump of it,
//! and so differs from upstream's; pods that fail again and again are replaced without a growing delay.

pub(crate) mod decide;
pub(crate) mod node;

use std::sync::Arc;

use decide::{Observed, Plan};
use jiff::Timestamp;
use machinery::hash::pod_template_hash;
use machinery::labels::Selector;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::event::Note;
use super::history;
use super::object::{self, integer};
use super::pod_control;
use super::write::{Target, Work, Write, is_already_exists, is_namespace_terminating};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// The DaemonSet controller.
pub(crate) struct DaemonSets;

impl Control for DaemonSets {
    const NAME: &'static str = "daemonset-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::DAEMON_SETS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::DAEMON_SETS {
            return vec![control::itself(change)];
        }
        if change.resource == known::NODES {
            return if is_about_placing(change) {
                self.all(session)
            } else {
                Vec::new()
            };
        }
        if ![known::PODS, known::CONTROLLER_REVISIONS].contains(&change.resource) {
            return Vec::new();
        }
        let mut keys = control::controllers(change, &known::DAEMON_SETS);
        if control::is_orphan(change) {
            keys.extend(control::keys(
                session,
                &known::DAEMON_SETS,
                Some(&change.namespace),
            ));
        }
        keys
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let Some(set) = work
            .session
            .get(&known::DAEMON_SETS, namespace, name)
            .filter(|s| !object::is_terminating(s))
        else {
            return Ok(None);
        };
        let Ok(selector) = Selector::from_label_selector(
            &set.pointer("/spec/selector").cloned().unwrap_or_default(),
        ) else {
            return Ok(None);
        };
        let (hash, old) = revisions(work, &set, &selector)?;
        let pods = pods_of(work, &set, &selector)?;
        let nodes = work.session.list(&known::NODES, None);
        let seen = Observed {
            set: &set,
            nodes: &nodes,
            pods: &pods,
            hash: &hash,
            now: work.now(),
        };
        let mut plan = decide::manage(&seen);
        if plan.is_empty() {
            plan = decide::roll(&seen);
        }
        let outcome = perform(work, &set, &hash, plan);
        let pods = pods_of(work, &set, &selector)?;
        let seen = Observed {
            pods: &pods,
            ..seen
        };
        if outcome.is_ok() {
            truncate(work, &set, &pods, &old)?;
        }
        report(work, &set, decide::status(&seen))?;
        outcome.map(|()| decide::wake(&seen))
    }
}

/// Whether a node came, went, or changed in what decides where daemons run.
fn is_about_placing(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return true;
    };
    ["/spec/taints", "/spec/unschedulable", "/metadata/labels"]
        .iter()
        .any(|p| before.pointer(p) != after.pointer(p))
}

fn pods_of(
    work: &mut Work<'_, '_>,
    set: &Value,
    selector: &Selector,
) -> Result<Vec<Arc<Value>>, ApiError> {
    let mut pods = Vec::new();
    for candidate in work
        .session
        .list(&known::PODS, Some(object::namespace(set)))
    {
        pods.extend(pod_control::claimed(work, set, selector, candidate)?);
    }
    Ok(pods)
}

/// The hash of the present template's revision, which is made or renumbered where needed, and all other revisions.
fn revisions(
    work: &mut Work<'_, '_>,
    set: &Value,
    selector: &Selector,
) -> Result<(String, Vec<Arc<Value>>), ApiError> {
    let owned = history::owned(work, set, selector, true)?;
    let data = history::data(set);
    let (same, old): (Vec<_>, Vec<_>) = owned
        .into_iter()
        .partition(|r| r.get("data") == Some(&data));
    let highest = old.iter().map(|r| history::number(r)).max();
    let next = history::after(highest.unwrap_or(0));
    let current = match same.split_last() {
        None => create_revision(work, set, &data, next)?,
        Some((current, duplicates)) => {
            drop_duplicates(work, set, selector, current, duplicates)?;
            if history::number(current) < next {
                let renumbered = history::renumbered(current, next);
                work.session
                    .update(&known::CONTROLLER_REVISIONS, renumbered)?
            } else {
                current.clone()
            }
        }
    };
    Ok((hash_of(&current), old))
}

fn hash_of(labelled: &Value) -> String {
    object::labels(labelled)
        .remove(node::HASH)
        .unwrap_or_default()
}

fn create_revision(
    work: &mut Work<'_, '_>,
    set: &Value,
    data: &Value,
    number: i64,
) -> Result<Arc<Value>, ApiError> {
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let collisions = integer(set, "/status/collisionCount");
    let hash = pod_template_hash(&template, collisions.and_then(|n| i32::try_from(n).ok()));
    let revision = history::revision(set, data, &hash, node::HASH);
    let revision = history::renumbered(&revision, number);
    let name = object::name(&revision).to_owned();
    let error = match work.session.create(&known::CONTROLLER_REVISIONS, revision) {
        Ok(created) => return Ok(created),
        Err(error) if is_already_exists(&error) => error,
        Err(error) => return Err(error),
    };
    let namespace = object::namespace(set);
    let taken = work
        .session
        .get(&known::CONTROLLER_REVISIONS, namespace, &name);
    if let Some(taken) = taken.filter(|t| t.get("data") == Some(data)) {
        return Ok(taken);
    }
    // Another template has the name: the count goes into the next attempt's hash.
    let mut wanted = set.clone();
    object::set(
        &mut wanted,
        &["status", "collisionCount"],
        json!(collisions.unwrap_or(0) + 1),
    );
    work.perform(vec![Write::UpdateStatus(known::DAEMON_SETS, wanted)])?;
    Err(error)
}

/// Of several revisions with one template the newest stays; pods of the others are counted to it.
fn drop_duplicates(
    work: &mut Work<'_, '_>,
    set: &Value,
    selector: &Selector,
    current: &Value,
    duplicates: &[Arc<Value>],
) -> Result<(), ApiError> {
    if duplicates.is_empty() {
        return Ok(());
    }
    let hash = hash_of(current);
    for pod in pods_of(work, set, selector)? {
        if hash_of(&pod) != hash {
            let body = json!({"metadata": {"labels": {node::HASH: hash}}});
            let (namespace, name) = (object::namespace(&pod), object::name(&pod));
            work.session
                .patch_merge(&known::PODS, namespace, name, "", &body)?;
        }
    }
    work.perform(duplicates.iter().map(|r| deletion(r)).collect())
}

fn deletion(revision: &Value) -> Write {
    Write::Delete(
        Target::of(known::CONTROLLER_REVISIONS, revision),
        DeleteOptions::default(),
    )
}

/// Performs a plan. A failure is returned after everything was tried, as upstream does in parallel.
fn perform(work: &mut Work<'_, '_>, set: &Value, hash: &str, plan: Plan) -> Result<(), ApiError> {
    let Plan {
        create,
        delete,
        events,
    } = plan;
    for (warning, reason, message) in events {
        work.perform(vec![Write::Event(Note::new(set, warning, reason, message))])?;
    }
    let mut failure = None;
    for node in create {
        match pod_control::create(work, set, node::new_pod(set, &node, hash)) {
            Err(error) if !is_namespace_terminating(&error) => {
                failure = Some(error);
                break;
            }
            Ok(()) | Err(_) => {}
        }
    }
    for name in delete {
        if let Err(error) = pod_control::delete(work, set, &name) {
            failure = Some(error);
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Deletes the oldest revisions that no pod needs, beyond `spec.revisionHistoryLimit`.
fn truncate(
    work: &mut Work<'_, '_>,
    set: &Value,
    pods: &[Arc<Value>],
    old: &[Arc<Value>],
) -> Result<(), ApiError> {
    let limit = integer(set, "/spec/revisionHistoryLimit").unwrap_or(10);
    let surplus = old
        .len()
        .saturating_sub(usize::try_from(limit).unwrap_or(0));
    let is_live = |revision: &Value| {
        let hash = hash_of(revision);
        !hash.is_empty() && pods.iter().any(|p| hash_of(p) == hash)
    };
    let doomed = old.iter().filter(|r| !is_live(r)).take(surplus);
    work.perform(doomed.map(|r| deletion(r)).collect())
}

fn report(work: &mut Work<'_, '_>, set: &Value, status: Value) -> Result<(), ApiError> {
    if set.get("status") == Some(&status) {
        return Ok(());
    }
    let mut wanted = set.clone();
    object::set(&mut wanted, &["status"], status);
    work.perform(vec![Write::UpdateStatus(known::DAEMON_SETS, wanted)])
}

#[cfg(test)]
mod tests;
