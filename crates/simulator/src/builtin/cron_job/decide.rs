//! Pure decisions of the CronJob controller: which Job to start, which to forget, and the status.
//!
//! Mirrors `syncCronJob` and `cleanupFinishedJobs` of `cronjob_controllerv2.go` and `utils.go`.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use machinery::cron::{self, Schedule};
use serde_json::{Value, json};

use crate::builtin::object::{self, flag, integer, items, text, time};

/// Annotation of a Job with the time it was due, on the clock of the CronJob's time zone.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// Milliseconds after the due time at which the controller looks again.
const PADDING_MS: i64 = 100;
/// Missed times from which on they are told about.
const MANY: i64 = 100;

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Delete this Job, with its pods.
    Delete(String),
    /// Record an event: whether it is a warning, reason and message.
    Tell(bool, &'static str, String),
}

/// What a pass does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// Then a Job to start, and the time it was due.
    pub(crate) start: Option<(Value, Timestamp)>,
    /// Then the status to report; with [`Plan::start`] once more with the new Job in it.
    pub(crate) status: Value,
    /// When to look again.
    pub(crate) wake: Option<Timestamp>,
}

struct Pass<'a> {
    cron: &'a Value,
    now: Timestamp,
    steps: Vec<Step>,
    active: Vec<Value>,
    succeeded: Option<Timestamp>,
}

/// The plan for a CronJob. `jobs` are those it controls; `may_start` is false right after its schedule changed.
pub(crate) fn decide(cron: &Value, jobs: &[Arc<Value>], may_start: bool, now: Timestamp) -> Plan {
    let mut pass = Pass {
        cron,
        now,
        steps: Vec::new(),
        active: items(cron, "/status/active").to_vec(),
        succeeded: time(cron, "/status/lastSuccessfulTime"),
    };
    pass.clean_up(jobs);
    pass.look_at(jobs);
    let (start, wake) = pass.schedule(may_start);
    let last = time(cron, "/status/lastScheduleTime");
    Plan {
        status: status(&pass.active, last, pass.succeeded),
        steps: pass.steps,
        start,
        wake,
    }
}

/// The status with these active Jobs and times.
pub(crate) fn status(
    active: &[Value],
    scheduled: Option<Timestamp>,
    succeeded: Option<Timestamp>,
) -> Value {
    let mut status = json!({});
    if !active.is_empty() {
        object::set(&mut status, &["active"], json!(active));
    }
    for (key, at) in [
        ("lastScheduleTime", scheduled),
        ("lastSuccessfulTime", succeeded),
    ] {
        if let Some(at) = at {
            object::set(&mut status, &[key], json!(object::stamp(at)));
        }
    }
    status
}

/// The status after a Job was started.
pub(crate) fn started(status: &Value, job: &Value, due: Timestamp) -> Value {
    let mut active = items(status, "/active").to_vec();
    active.push(json!({
        "kind": "Job", "apiVersion": "batch/v1", "name": object::name(job), "namespace": object::namespace(job),
        "uid": object::uid(job), "resourceVersion": text(job, "/metadata/resourceVersion"),
    }));
    self::status(&active, Some(due), time(status, "/lastSuccessfulTime"))
}

/// How a Job ended; `None` while it runs.
fn outcome(job: &Value) -> Option<&str> {
    items(job, "/status/conditions")
        .iter()
        .find(|c| matches!(text(c, "/type"), "Complete" | "Failed") && text(c, "/status") == "True")
        .map(|c| text(c, "/type"))
}

impl Pass<'_> {
    fn tell(&mut self, warning: bool, reason: &'static str, message: String) {
        self.steps.push(Step::Tell(warning, reason, message));
    }

    fn is_active(&self, job: &Value) -> bool {
        self.active
            .iter()
            .any(|a| text(a, "/uid") == object::uid(job))
    }

    fn forget(&mut self, uid: &str) {
        self.active.retain(|a| text(a, "/uid") != uid);
    }

    /// Deletes the oldest finished Jobs beyond the history limits.
    fn clean_up(&mut self, jobs: &[Arc<Value>]) {
        for (kind, limit) in [
            ("Complete", "/spec/successfulJobsHistoryLimit"),
            ("Failed", "/spec/failedJobsHistoryLimit"),
        ] {
            let Some(limit) = integer(self.cron, limit) else {
                continue;
            };
            let mut finished: Vec<&Arc<Value>> =
                jobs.iter().filter(|j| outcome(j) == Some(kind)).collect();
            finished.sort_by_key(|j| {
                let started = time(j, "/status/startTime");
                (started.is_none(), started, object::name(j).to_owned())
            });
            let surplus = finished
                .len()
                .saturating_sub(usize::try_from(limit).unwrap_or(0));
            for job in finished.into_iter().take(surplus) {
                self.forget(object::uid(job));
                self.steps.push(Step::Delete(object::name(job).to_owned()));
            }
        }
    }

    /// Brings the list of active Jobs and the time of the last success up to date.
    fn look_at(&mut self, jobs: &[Arc<Value>]) {
        for job in jobs {
            let name = object::name(job);
            let Some(kind) = outcome(job) else {
                if !self.is_active(job) {
                    let message =
                        format!("Saw a job that the controller did not create or forgot: {name}");
                    self.tell(true, "UnexpectedJob", message);
                }
                continue;
            };
            if self.is_active(job) {
                self.forget(object::uid(job));
                let message = format!("Saw completed job: {name}, condition: {kind}");
                self.tell(false, "SawCompletedJob", message);
            }
            if kind == "Complete" {
                self.succeeded = self.succeeded.max(time(job, "/status/completionTime"));
            }
        }
        let is_there = |a: &Value| jobs.iter().any(|j| object::uid(j) == text(a, "/uid"));
        let (kept, missing): (Vec<Value>, Vec<Value>) =
            self.active.drain(..).partition(|a| is_there(a));
        self.active = kept;
        for job in missing {
            let message = format!("Active job went missing: {}", text(&job, "/name"));
            self.tell(false, "MissingJob", message);
        }
    }

    /// Finds the Job that is due, and when to look again.
    fn schedule(&mut self, may_start: bool) -> (Option<(Value, Timestamp)>, Option<Timestamp>) {
        if object::is_terminating(self.cron) || flag(self.cron, "/spec/suspend") {
            return (None, None);
        }
        let text = text(self.cron, "/spec/schedule");
        let schedule = match self.parsed(text) {
            Ok(schedule) => schedule,
            Err((reason, message)) => {
                self.tell(true, reason, message);
                return (None, None);
            }
        };
        let (due, missed) = match self.most_recent(&schedule, true) {
            Ok(found) => found,
            Err(error) => {
                self.tell(
                    true,
                    "InvalidSchedule",
                    format!("invalid schedule: {text} : {error}"),
                );
                return (None, None);
            }
        };
        let wake = self.wake(&schedule);
        let Some(due) = due.filter(|_| may_start) else {
            return (None, wake);
        };
        if missed > MANY {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.tell(true, "TooManyMissedTimes", message.to_owned());
        }
        (self.start(due), wake)
    }

    fn start(&mut self, due: Timestamp) -> Option<(Value, Timestamp)> {
        let deadline = integer(self.cron, "/spec/startingDeadlineSeconds");
        if deadline.is_some_and(|seconds| object::seconds_after(due, seconds) < self.now) {
            let at = due.strftime("%a, %d %b %Y %H:%M:%S +0000");
            let message = format!("Missed scheduled time to start a job: {at}");
            self.tell(true, "MissSchedule", message);
            return None;
        }
        let job = self.new_job(due);
        let name = object::name(&job);
        if self.active.iter().any(|a| text(a, "/name") == name)
            || time(self.cron, "/status/lastScheduleTime") == Some(due)
        {
            return None;
        }
        match text(self.cron, "/spec/concurrencyPolicy") {
            "Forbid" if !self.active.is_empty() => {
                let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.tell(false, "JobAlreadyActive", message.to_owned());
                return None;
            }
            "Replace" => {
                for running in std::mem::take(&mut self.active) {
                    self.steps
                        .push(Step::Delete(text(&running, "/name").to_owned()));
                }
            }
            _ => {}
        }
        Some((job, due))
    }

    fn zone(&self) -> Result<TimeZone, (&'static str, String)> {
        match text(self.cron, "/spec/timeZone") {
            "" | "UTC" => Ok(TimeZone::UTC),
            name => TimeZone::get(name).map_err(|_| {
                let message = format!("invalid timeZone: {name:?}: unknown time zone {name}");
                ("UnknownTimeZone", message)
            }),
        }
    }

    fn parsed(&mut self, text: &str) -> Result<Schedule, (&'static str, String)> {
        let zone = self.zone()?;
        let unparseable = |error: String| {
            let message = format!("unparseable schedule: {text:?} : {error}");
            ("UnparseableSchedule", message)
        };
        let schedule = cron::parse(text).map_err(unparseable)?;
        if cron::names_zone(text) {
            let message = format!(
                "CRON_TZ or TZ used in schedule {text:?} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            );
            self.tell(true, "UnsupportedSchedule", message);
            return Ok(schedule);
        }
        Ok(schedule.in_zone(zone))
    }

    /// The latest due time that has passed since the last start, and about how many have.
    fn most_recent(
        &self,
        schedule: &Schedule,
        within_deadline: bool,
    ) -> Result<(Option<Timestamp>, i64), &'static str> {
        const NEVER: &str = "time difference between two schedules is less than 1 second";
        let earliest = self.earliest(within_deadline);
        let first = schedule.next(earliest).ok_or(NEVER)?;
        if self.now < first {
            return Ok((None, 0));
        }
        let second = schedule.next(first).ok_or(NEVER)?;
        if self.now < second {
            return Ok((Some(first), 0));
        }
        let interval = second.duration_since(first).as_secs().max(1);
        let missed = self.now.duration_since(first).as_secs() / interval + 1;
        let skipped = interval.saturating_mul(missed - 2);
        let mut at = schedule.next(object::seconds_after(first, skipped));
        let mut latest = None;
        while let Some(found) = at.filter(|at| *at <= self.now) {
            latest = Some(found);
            at = schedule.next(found);
        }
        Ok((latest, missed))
    }

    /// The last start, or the creation, or the deadline where that is later.
    fn earliest(&self, within_deadline: bool) -> Timestamp {
        let last = time(self.cron, "/status/lastScheduleTime")
            .or_else(|| time(self.cron, "/metadata/creationTimestamp"))
            .unwrap_or(self.now);
        let deadline = integer(self.cron, "/spec/startingDeadlineSeconds")
            .filter(|_| within_deadline)
            .map(|seconds| object::seconds_after(self.now, -seconds));
        deadline.map_or(last, |deadline| deadline.max(last))
    }

    fn wake(&self, schedule: &Schedule) -> Option<Timestamp> {
        let from = match self.most_recent(schedule, false) {
            Ok((Some(latest), _)) => latest,
            Ok((None, 0)) => self.earliest(false),
            Ok((None, _)) | Err(_) => self.now,
        };
        let next = schedule.next(from)?;
        next.checked_add(SignedDuration::from_millis(PADDING_MS))
            .ok()
    }

    fn new_job(&self, due: Timestamp) -> Value {
        let template = |key: &str| {
            self.cron
                .pointer(&format!("/spec/jobTemplate/{key}"))
                .cloned()
        };
        let minutes = due.as_second().div_euclid(60);
        let mut annotations =
            object::string_map(self.cron, "/spec/jobTemplate/metadata/annotations");
        let local = due.to_zoned(self.zone().unwrap_or(TimeZone::UTC));
        let offset = match local.offset().seconds() {
            0 => "Z".to_owned(),
            _ => local.strftime("%:z").to_string(),
        };
        let stamp = format!("{}{offset}", local.strftime("%Y-%m-%dT%H:%M:%S"));
        annotations.insert(SCHEDULED.to_owned(), stamp);
        let mut metadata = json!({
            "name": format!("{}-{minutes}", object::name(self.cron)), "namespace": object::namespace(self.cron),
            "annotations": annotations, "ownerReferences": [object::controller_reference(self.cron)],
        });
        if let Some(labels) = template("metadata/labels") {
            object::set(&mut metadata, &["labels"], labels);
        }
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template("spec")})
    }
}
