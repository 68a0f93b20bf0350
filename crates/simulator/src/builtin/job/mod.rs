//! Jobs: runs pods to completion.
//!
//! Mirrors `pkg/controller/job` and `pkg/controller/ttlafterfinished`. Not here: workloads and pod groups.

mod backoff;
mod decide;
mod indexes;
mod outcome;
mod per_index;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use backoff::Backoff;
use decide::{New, Plan, TRACKING};
use jiff::Timestamp;
use machinery::labels::Selector;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, integer, items, text};
use super::replica_set::decide::{Claim, adopted_references, claim, released_references};
use super::write::{Target, Work, Write, is_namespace_terminating, is_not_found};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Propagation, Session};
use crate::status_error::ApiError;

/// In a key, in place of a Job's name: the pods that no Job controls.
const NOBODY: &str = "";

/// Milliseconds within which changes of pods are looked at together (`syncJobBatchPeriod`).
const TOGETHER: i64 = 1000;

/// The Job controller.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    /// What is remembered of the failures of each Job that runs.
    backoff: BTreeMap<Key, Backoff>,
}

impl Control for Jobs {
    const NAME: &'static str = "job-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::JOBS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::JOBS {
            return vec![control::itself(change)];
        }
        if change.resource != known::PODS {
            return Vec::new();
        }
        let mut keys = control::controllers(change, &known::JOBS);
        if control::is_orphan(change) {
            let namespace = &change.namespace;
            keys.extend(control::keys(session, &known::JOBS, Some(namespace)));
            if change.after.as_deref().is_some_and(decide::is_tracked) {
                keys.push((namespace.clone(), NOBODY.to_owned()));
            }
        }
        keys
    }

    fn delay(&self, change: &Change, key: &Key) -> i64 {
        let is_told = match (&change.before, &change.after) {
            (Some(before), Some(after)) if change.resource == known::JOBS => {
                let generation = |job: &Value| object::count(job, "/metadata/generation");
                generation(before) == generation(after)
            }
            _ => change.resource == known::PODS && key.1 != NOBODY,
        };
        if is_told { TOGETHER } else { 0 }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let pods = work.session.list(&known::PODS, Some(&key.0));
        let Some(job) = work.session.get(&known::JOBS, &key.0, &key.1) else {
            self.backoff.remove(key);
            return forget(work, &pods, key);
        };
        if !matches!(
            text(&job, "/spec/managedBy"),
            "" | "kubernetes.io/job-controller"
        ) {
            return Ok(None);
        }
        let pods = claimed(work, &job, pods)?;
        if let Some(finished) = finish_time(&job) {
            self.backoff.remove(key);
            untrack(work, pods.iter())?;
            return expire(work, &job, finished);
        }
        let backoff = self.backoff.get(key).copied().unwrap_or_default();
        let plan = decide::decide(&job, &pods, backoff, work.now());
        self.carry_out(work, key, (&job, &pods), plan)
    }
}

/// The Job's pods, after adopting orphans that match, which get the finalizer, and letting strays go without it.
fn claimed(
    work: &mut Work<'_, '_>,
    job: &Value,
    pods: Vec<Arc<Value>>,
) -> Result<Vec<Arc<Value>>, ApiError> {
    let selector = job.pointer("/spec/selector").cloned().unwrap_or_default();
    let Ok(selector) = Selector::from_label_selector(&selector) else {
        return Ok(Vec::new());
    };
    let mut claimed = Vec::new();
    for pod in pods {
        let verdict = claim(job, &selector, &pod);
        let mut finalizers: Vec<Value> = items(&pod, "/metadata/finalizers").to_vec();
        finalizers.retain(|f| f.as_str() != Some(TRACKING));
        let references = match verdict {
            Claim::Keep => {
                claimed.push(pod);
                continue;
            }
            Claim::Ignore => continue,
            Claim::Release => released_references(job, &pod),
            Claim::Adopt => {
                finalizers.push(json!(TRACKING));
                adopted_references(job, &pod)
            }
        };
        let body = json!({"metadata": {"uid": object::uid(&pod), "ownerReferences": references, "finalizers": finalizers}});
        let (namespace, name) = (object::namespace(&pod), object::name(&pod));
        let patched = work
            .session
            .patch_merge(&known::PODS, namespace, name, "", &body)?;
        if verdict == Claim::Adopt {
            claimed.push(patched);
        }
    }
    Ok(claimed)
}

/// When the Job finished; `None` while it runs.
fn finish_time(job: &Value) -> Option<Timestamp> {
    let is_final = |c: &&Value| {
        matches!(text(c, "/type"), "Complete" | "Failed") && text(c, "/status") == "True"
    };
    items(job, "/status/conditions")
        .iter()
        .find(is_final)
        .and_then(|c| object::time(c, "/lastTransitionTime"))
}

/// Deletes a finished Job when its time to live is over.
fn expire(
    work: &mut Work<'_, '_>,
    job: &Value,
    finished: Timestamp,
) -> Result<Option<Timestamp>, ApiError> {
    let Some(seconds) =
        integer(job, "/spec/ttlSecondsAfterFinished").filter(|_| !object::is_terminating(job))
    else {
        return Ok(None);
    };
    let end = object::seconds_after(finished, seconds);
    if end > work.now() {
        return Ok(Some(end));
    }
    let options = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        uid: Some(object::uid(job).to_owned()),
        ..DeleteOptions::default()
    };
    work.perform(vec![Write::Delete(Target::of(known::JOBS, job), options)])?;
    Ok(None)
}

/// Pods of a Job that is gone, and those that no Job controls or wants, lose the finalizer nobody else would take away.
fn forget(
    work: &mut Work<'_, '_>,
    pods: &[Arc<Value>],
    key: &Key,
) -> Result<Option<Timestamp>, ApiError> {
    let jobs = work.session.list(&known::JOBS, Some(&key.0));
    let is_wanted = |p: &Value| {
        jobs.iter().any(|j| {
            let selector = j
                .pointer("/spec/selector")
                .map(Selector::from_label_selector);
            matches!(selector, Some(Ok(s)) if claim(j, &s, p) == Claim::Adopt)
        })
    };
    let was_ours = |p: &&Arc<Value>| match object::controller_of(p) {
        Some(r) => text(r, "/kind") == "Job" && text(r, "/name") == key.1,
        None => key.1 == NOBODY && !is_wanted(p),
    };
    untrack(work, pods.iter().filter(was_ours))?;
    Ok(None)
}

fn untrack<'a>(
    work: &mut Work<'_, '_>,
    pods: impl Iterator<Item = &'a Arc<Value>>,
) -> Result<(), ApiError> {
    for pod in pods.filter(|p| decide::is_tracked(p)) {
        let left: Vec<&Value> = items(pod, "/metadata/finalizers")
            .iter()
            .filter(|f| f.as_str() != Some(TRACKING))
            .collect();
        let left = if left.is_empty() {
            Value::Null
        } else {
            json!(left)
        };
        let body = json!({"metadata": {"uid": object::uid(pod), "finalizers": left}});
        match work.session.patch_merge(
            &known::PODS,
            object::namespace(pod),
            object::name(pod),
            "",
            &body,
        ) {
            Ok(_) => {}
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Jobs {
    fn carry_out(
        &mut self,
        work: &mut Work<'_, '_>,
        key: &Key,
        (job, pods): (&Value, &[Arc<Value>]),
        plan: Plan,
    ) -> Result<Option<Timestamp>, ApiError> {
        let named = |names: &[String], pod: &Value| names.iter().any(|n| n == object::name(pod));
        if plan.uncounted {
            untrack(work, pods.iter().filter(|p| named(&plan.delete, p)))?;
        }
        for name in &plan.delete {
            remove(work, job, name)?;
        }
        let (mut missing, mut refused) = (plan.create.len(), None);
        for new in plan.create {
            if let Err(error) = add(work, job, new) {
                // The others wait for the next pass; the status is written all the same.
                refused = Some(error);
                break;
            }
            missing -= 1;
        }
        let mut status = plan.status;
        decide::less_active(&mut status, missing);
        let is_news = job.get("status") != Some(&status) || !plan.untrack.is_empty();
        if job.get("status") != Some(&status) {
            let mut wanted = job.clone();
            object::set(&mut wanted, &["status"], status);
            work.perform(vec![Write::UpdateStatus(known::JOBS, wanted)])?;
        }
        self.backoff.insert(key.clone(), plan.backoff);
        if let Some((warning, reason, message)) = plan.event {
            work.perform(vec![Write::Event(Note::new(
                job, warning, &reason, message,
            ))])?;
        }
        untrack(work, pods.iter().filter(|p| named(&plan.untrack, p)))?;
        if let Some(error) = refused {
            return Err(error);
        }
        // What follows from it isn't put off, as changes of pods are: upstream does it in the same pass.
        Ok(if is_news { Some(work.now()) } else { plan.wake })
    }
}

fn add(work: &mut Work<'_, '_>, job: &Value, new: New) -> Result<(), ApiError> {
    match work.session.create(&known::PODS, decide::new_pod(job, new)) {
        Ok(pod) => work.perform(vec![Note::normal(
            job,
            "SuccessfulCreate",
            format!("Created pod: {}", object::name(&pod)),
        )]),
        Err(error) if is_namespace_terminating(&error) => Ok(()),
        Err(error) => {
            work.perform(vec![Note::warning(
                job,
                "FailedCreate",
                format!("Error creating: {error}"),
            )])?;
            Err(error)
        }
    }
}

fn remove(work: &mut Work<'_, '_>, job: &Value, name: &str) -> Result<(), ApiError> {
    match work.session.delete(
        &known::PODS,
        object::namespace(job),
        name,
        &DeleteOptions::default(),
    ) {
        Ok(_) => work.perform(vec![Note::normal(
            job,
            "SuccessfulDelete",
            format!("Deleted pod: {name}"),
        )]),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => {
            work.perform(vec![Note::warning(
                job,
                "FailedDelete",
                format!("Error deleting: {error}"),
            )])?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
