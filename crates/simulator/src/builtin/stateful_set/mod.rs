//! `StatefulSets`: pods with names, claims and an order.
//!
//! Mirrors `pkg/controller/statefulset`. Without `maxUnavailable`, whose feature gate is off.

pub(crate) mod claims;
pub(crate) mod decide;
pub(crate) mod identity;
mod perform;
pub(crate) mod status;

use std::sync::Arc;

use claims::Claims;
use decide::Observed;
use jiff::Timestamp;
use machinery::hash::revision_hash;
use machinery::labels::Selector;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::history::{self, Choice};
use super::object::{self, count, text};
use super::pod_control;
use super::write::{Target, Work, Write, is_already_exists};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Label of a revision with the hash in its name.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";

/// The StatefulSet controller.
pub(crate) struct StatefulSets;

impl Control for StatefulSets {
    const NAME: &'static str = "statefulset-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::STATEFUL_SETS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::STATEFUL_SETS {
            return vec![control::itself(change)];
        }
        if change.resource != known::PODS {
            return Vec::new();
        }
        let mut keys = control::controllers(change, &known::STATEFUL_SETS);
        if control::is_orphan(change) {
            keys.extend(control::keys(
                session,
                &known::STATEFUL_SETS,
                Some(&change.namespace),
            ));
        }
        keys
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let Some(set) = work.session.get(&known::STATEFUL_SETS, namespace, name) else {
            return Ok(None);
        };
        let Ok(selector) = Selector::from_label_selector(
            &set.pointer("/spec/selector").cloned().unwrap_or_default(),
        ) else {
            return Ok(None);
        };
        let revisions = history::owned(work, &set, &selector, false)?;
        let mut pods = Vec::new();
        for candidate in work.session.list(&known::PODS, Some(namespace)) {
            if identity::is_member(&set, &candidate) {
                pods.extend(pod_control::claimed(work, &set, &selector, candidate)?);
            }
        }
        let (update, collisions) = update_revision(work, &set, &revisions)?;
        let current = revisions
            .iter()
            .find(|r| object::name(r) == text(&set, "/status/currentRevision"))
            .unwrap_or(&update);
        let plan = decide::decide(&Observed {
            set: &set,
            pods: &pods,
            claims: &claims_of(work, &set),
            current,
            update: &update,
            collisions,
            now: work.now(),
        });
        let outcome = perform::perform(work, &history::restored(&set, &update), plan.steps);
        report(work, &set, plan.status)?;
        truncate(work, &set, &pods, &revisions, [current, &update])?;
        outcome.map(|()| plan.wake)
    }
}

/// The claims of the StatefulSet's namespace; none where its pods have none.
fn claims_of(work: &Work<'_, '_>, set: &Value) -> Claims {
    if object::items(set, "/spec/volumeClaimTemplates").is_empty() {
        return Claims::new();
    }
    let namespace = Some(object::namespace(set));
    let claims = work
        .session
        .list(&known::PERSISTENT_VOLUME_CLAIMS, namespace);
    claims
        .into_iter()
        .map(|c| (object::name(&c).to_owned(), c))
        .collect()
}

/// The revision of the present template, created or renumbered where needed, and how many names were taken so far.
fn update_revision(
    work: &mut Work<'_, '_>,
    set: &Value,
    revisions: &[Arc<Value>],
) -> Result<(Arc<Value>, i64), ApiError> {
    let data = history::data(set);
    let collisions = count(set, "/status/collisionCount");
    let (number, existing) = match history::choose(revisions, &data) {
        Choice::Newest(index) => (None, revisions.get(index)),
        Choice::Renumber(index, number) => (Some(number), revisions.get(index)),
        Choice::Create(number) => (Some(number), None),
    };
    match (number, existing) {
        (None, Some(newest)) => Ok((newest.clone(), collisions)),
        (Some(number), Some(older)) => {
            let renumbered = history::renumbered(older, number);
            let stored = work
                .session
                .update(&known::CONTROLLER_REVISIONS, renumbered)?;
            Ok((stored, collisions))
        }
        (number, None) => create_revision(work, set, &data, number.unwrap_or(1), collisions),
    }
}

fn create_revision(
    work: &mut Work<'_, '_>,
    set: &Value,
    data: &Value,
    number: i64,
    mut collisions: i64,
) -> Result<(Arc<Value>, i64), ApiError> {
    loop {
        let hash = revision_hash(data, collisions);
        let revision = history::revision(set, data, &hash, HASH_LABEL);
        let name = object::name(&revision).to_owned();
        let revision = history::renumbered(&revision, number);
        match work.session.create(&known::CONTROLLER_REVISIONS, revision) {
            Ok(created) => return Ok((created, collisions)),
            Err(error) if !is_already_exists(&error) => return Err(error),
            Err(error) => {
                let namespace = object::namespace(set);
                let taken = work
                    .session
                    .get(&known::CONTROLLER_REVISIONS, namespace, &name)
                    .ok_or(error)?;
                if taken.get("data") == Some(data) {
                    return Ok((taken, collisions));
                }
                collisions += 1;
            }
        }
    }
}

fn report(work: &mut Work<'_, '_>, set: &Value, status: Value) -> Result<(), ApiError> {
    let mut compared = status.clone();
    // A higher collision count alone is not worth a write.
    if let Some(before) = set.pointer("/status/collisionCount") {
        object::set(&mut compared, &["collisionCount"], before.clone());
    }
    if let Some(conditions) = set.pointer("/status/conditions") {
        object::set(&mut compared, &["conditions"], json!(conditions));
    }
    if set.get("status") == Some(&compared) {
        return Ok(());
    }
    let mut wanted = set.clone();
    object::set(&mut wanted, &["status"], status);
    work.perform(vec![Write::UpdateStatus(known::STATEFUL_SETS, wanted)])
}

/// Deletes the oldest revisions that no pod needs, beyond `spec.revisionHistoryLimit`.
fn truncate(
    work: &mut Work<'_, '_>,
    set: &Value,
    pods: &[Arc<Value>],
    revisions: &[Arc<Value>],
    live: [&Arc<Value>; 2],
) -> Result<(), ApiError> {
    let is_live = |revision: &Value| {
        let name = object::name(revision);
        live.iter().any(|r| object::name(r) == name)
            || pods.iter().any(|p| {
                object::labels(p)
                    .get(identity::REVISION)
                    .map(String::as_str)
                    == Some(name)
            })
    };
    let idle: Vec<&Arc<Value>> = revisions.iter().filter(|r| !is_live(r)).collect();
    let limit = object::integer(set, "/spec/revisionHistoryLimit").unwrap_or(10);
    let Ok(limit) = usize::try_from(limit) else {
        return Ok(());
    };
    let surplus = idle.len().saturating_sub(limit);
    let writes = idle.into_iter().take(surplus).map(|r| {
        Write::Delete(
            Target::of(known::CONTROLLER_REVISIONS, r),
            DeleteOptions::default(),
        )
    });
    work.perform(writes.collect())
}

#[cfg(test)]
mod tests;
