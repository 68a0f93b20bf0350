//! `CronJobs`: starts Jobs by the clock.
//!
//! Mirrors `pkg/controller/cronjob`. The clock of a CronJob without a time zone is UTC's.

mod decide;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use decide::{Plan, Step};
use jiff::Timestamp;
use serde_json::Value;

use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, text};
use super::write::{Work, Write, is_already_exists, is_namespace_terminating};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Propagation, Session};
use crate::status_error::ApiError;

/// The CronJob controller.
#[derive(Debug, Default)]
pub(crate) struct CronJobs {
    /// Those whose schedule has just changed: times of the new one that have passed are not made up for.
    rescheduled: RefCell<BTreeSet<Key>>,
}

impl Control for CronJobs {
    const NAME: &'static str = "cronjob-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::CRON_JOBS, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::CRON_JOBS {
            let key = control::itself(change);
            if has_new_schedule(change) {
                self.rescheduled.borrow_mut().insert(key.clone());
            }
            vec![key]
        } else if change.resource == known::JOBS {
            control::controllers(change, &known::CRON_JOBS)
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        let may_start = !self.rescheduled.borrow_mut().remove(key);
        let Some(cron) = work.session.get(&known::CRON_JOBS, namespace, name) else {
            return Ok(None);
        };
        let jobs = work.session.list(&known::JOBS, Some(namespace));
        let jobs: Vec<Arc<Value>> = jobs
            .into_iter()
            .filter(|j| object::controller_of(j).is_some_and(|r| text(r, "/name") == name))
            .collect();
        let plan = decide::decide(&cron, &jobs, may_start, work.now());
        perform(work, &cron, plan)
    }
}

fn has_new_schedule(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return false;
    };
    ["/spec/schedule", "/spec/timeZone"]
        .iter()
        .any(|p| before.pointer(p) != after.pointer(p))
}

fn perform(
    work: &mut Work<'_, '_>,
    cron: &Value,
    plan: Plan,
) -> Result<Option<Timestamp>, ApiError> {
    let Plan {
        steps,
        start,
        mut status,
        wake,
    } = plan;
    for step in steps {
        match step {
            Step::Delete(name) => delete(work, cron, &name)?,
            Step::Tell(warning, reason, message) => {
                work.perform(vec![Write::Event(Note::new(
                    cron, warning, reason, message,
                ))])?;
            }
        }
    }
    let mut outcome = Ok(wake);
    if let Some((job, due)) = start {
        match create(work, cron, job) {
            Ok(Some(job)) => status = decide::started(&status, &job, due),
            Ok(None) => {}
            Err(error) => outcome = Err(error),
        }
    }
    if cron.get("status") != Some(&status) {
        let mut wanted = cron.clone();
        object::set(&mut wanted, &["status"], status);
        work.perform(vec![Write::UpdateStatus(known::CRON_JOBS, wanted)])?;
    }
    outcome
}

/// Creates a Job; the one of that name where it is there already and ours, none where it is somebody else's.
fn create(
    work: &mut Work<'_, '_>,
    cron: &Value,
    job: Value,
) -> Result<Option<Arc<Value>>, ApiError> {
    let name = object::name(&job).to_owned();
    match work.session.create(&known::JOBS, job) {
        Ok(job) => {
            let message = format!("Created job {name}");
            work.perform(vec![Note::normal(cron, "SuccessfulCreate", message)])?;
            Ok(Some(job))
        }
        Err(error) if is_already_exists(&error) => {
            let existing = work
                .session
                .get(&known::JOBS, object::namespace(cron), &name);
            Ok(existing.filter(|j| object::is_controlled_by(j, cron)))
        }
        Err(error) => {
            if !is_namespace_terminating(&error) {
                let message = format!("Error creating job: {error}");
                work.perform(vec![Note::warning(cron, "FailedCreate", message)])?;
            }
            Err(error)
        }
    }
}

fn delete(work: &mut Work<'_, '_>, cron: &Value, name: &str) -> Result<(), ApiError> {
    let options = DeleteOptions {
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    let result = work
        .session
        .delete(&known::JOBS, object::namespace(cron), name, &options);
    let note = match &result {
        Ok(_) => Note::normal(cron, "SuccessfulDelete", format!("Deleted job {name}")),
        Err(error) => Note::warning(cron, "FailedDelete", format!("Deleted job: {error}")),
    };
    work.perform(vec![note])?;
    result.map(drop)
}

#[cfg(test)]
mod tests;
