//! The status of a Job as a struct, read from and written to its JSON form.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::Told;
use super::outcome::{condition, find, length};
use crate::builtin::object::{self, count, items, text};

/// `status` of a Job, without the fields of features this controller lacks.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) conditions: Vec<Value>,
    pub(crate) start_time: Option<String>,
    pub(crate) completion_time: Option<String>,
    pub(crate) active: i64,
    pub(crate) ready: i64,
    pub(crate) terminating: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) completed_indexes: String,
    /// Only where the Job has a limit per index.
    pub(crate) failed_indexes: Option<String>,
    pub(crate) uncounted_succeeded: Vec<String>,
    pub(crate) uncounted_failed: Vec<String>,
}

impl Status {
    /// Reads the stored status.
    pub(crate) fn read(job: &Value) -> Self {
        let string = |pointer: &str| Some(text(job, pointer).to_owned()).filter(|s| !s.is_empty());
        let uids = |pointer: &str| {
            items(job, pointer)
                .iter()
                .filter_map(|u| u.as_str().map(str::to_owned))
                .collect()
        };
        Self {
            conditions: items(job, "/status/conditions").to_vec(),
            start_time: string("/status/startTime"),
            completion_time: string("/status/completionTime"),
            active: count(job, "/status/active"),
            ready: count(job, "/status/ready"),
            terminating: count(job, "/status/terminating"),
            succeeded: count(job, "/status/succeeded"),
            failed: count(job, "/status/failed"),
            completed_indexes: text(job, "/status/completedIndexes").to_owned(),
            failed_indexes: object::at(job, "/status/failedIndexes")
                .and_then(Value::as_str)
                .map(str::to_owned),
            uncounted_succeeded: uids("/status/uncountedTerminatedPods/succeeded"),
            uncounted_failed: uids("/status/uncountedTerminatedPods/failed"),
        }
    }

    /// Counts the noted pods that have lost their finalizer.
    pub(crate) fn count_untracked(&mut self, tracked: &BTreeSet<&str>) {
        let settle = |uids: &mut Vec<String>| {
            let before = uids.len();
            uids.retain(|uid| tracked.contains(uid.as_str()));
            length(before - uids.len())
        };
        self.succeeded += settle(&mut self.uncounted_succeeded);
        self.failed += settle(&mut self.uncounted_failed);
    }

    /// Whether a pod has been noted already.
    pub(crate) fn has_noted(&self, uid: &str) -> bool {
        self.uncounted_succeeded
            .iter()
            .chain(&self.uncounted_failed)
            .any(|u| u == uid)
    }

    /// Whether no noted pod waits to be counted.
    pub(crate) fn is_all_counted(&self) -> bool {
        self.uncounted_succeeded.is_empty() && self.uncounted_failed.is_empty()
    }

    /// Brings condition `Suspended` into line; the event to record if it changed.
    pub(crate) fn suspend(&mut self, suspended: bool, now: Timestamp) -> Option<Told> {
        let current = find(&self.conditions, "Suspended").map(|c| text(c, "/status") == "True");
        let (status, reason, message) = if suspended {
            ("True", "JobSuspended", "Job suspended")
        } else {
            ("False", "JobResumed", "Job resumed")
        };
        // Nothing to resume where it was never suspended.
        if current.unwrap_or(false) == suspended {
            return None;
        }
        let made = condition("Suspended", status, reason, message, now);
        match self
            .conditions
            .iter_mut()
            .find(|c| text(c, "/type") == "Suspended")
        {
            Some(old) => *old = made,
            None => self.conditions.push(made),
        }
        self.start_time = (!suspended).then(|| object::stamp(now));
        let event = if suspended { "Suspended" } else { "Resumed" };
        Some((false, event.to_owned(), message.to_owned()))
    }

    /// The JSON form; zeros are left out as Go does.
    pub(crate) fn to_value(&self) -> Value {
        let mut status = object::without_zeros(&[
            ("active", self.active),
            ("succeeded", self.succeeded),
            ("failed", self.failed),
        ]);
        let mut uncounted = json!({});
        for (key, uids) in [
            ("succeeded", &self.uncounted_succeeded),
            ("failed", &self.uncounted_failed),
        ] {
            if !uids.is_empty() {
                object::set(&mut uncounted, &[key], json!(uids));
            }
        }
        status.insert("uncountedTerminatedPods".to_owned(), uncounted);
        status.insert("ready".to_owned(), json!(self.ready));
        status.insert("terminating".to_owned(), json!(self.terminating));
        if !self.conditions.is_empty() {
            status.insert("conditions".to_owned(), json!(self.conditions));
        }
        for (key, value) in [
            ("startTime", &self.start_time),
            ("completionTime", &self.completion_time),
        ] {
            if let Some(value) = value {
                status.insert(key.to_owned(), json!(value));
            }
        }
        if !self.completed_indexes.is_empty() {
            status.insert("completedIndexes".to_owned(), json!(self.completed_indexes));
        }
        if let Some(failed) = &self.failed_indexes {
            status.insert("failedIndexes".to_owned(), json!(failed));
        }
        Value::Object(status)
    }
}
