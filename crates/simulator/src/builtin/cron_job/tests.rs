//! When a CronJob starts Jobs, and which it forgets.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{Plan, Step, decide, started};
use crate::builtin::object;

fn at(time: &str) -> Timestamp {
    format!("2030-01-01T{time}Z").parse().unwrap()
}

fn cron(schedule: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "d", "uid": "u", "creationTimestamp": "2030-01-01T00:00:10Z"},
        "spec": {"schedule": schedule, "concurrencyPolicy": "Allow", "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"parallelism": 1}}},
        "status": {},
    })
}

fn job(name: &str, outcome: Option<&str>) -> Arc<Value> {
    let conditions = outcome.map(|kind| json!([{"type": kind, "status": "True"}]));
    Arc::new(json!({
        "metadata": {"name": name, "namespace": "d", "uid": name},
        "status": {"startTime": "2030-01-01T00:01:00Z", "completionTime": "2030-01-01T00:01:30Z", "conditions": conditions},
    }))
}

fn running(mut cron: Value, name: &str, due: &str) -> Value {
    cron["status"] = started(&cron["status"], &job(name, None), at(due));
    cron
}

fn plan(cron: &Value, jobs: &[Arc<Value>], now: &str) -> Plan {
    decide(cron, jobs, true, at(now))
}

fn name(plan: &Plan) -> Option<&str> {
    plan.start.as_ref().map(|(job, _)| object::name(job))
}

fn told(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| match step {
            Step::Delete(name) => format!("-{name}"),
            Step::Tell(_, reason, message) => format!("{reason} {message}"),
        })
        .collect()
}

#[test]
fn a_job_starts_when_its_time_has_come_and_once() {
    let cron = cron("* * * * *");
    let early = plan(&cron, &[], "00:00:59");
    assert_eq!((name(&early), early.wake), (None, Some(at("00:01:00.1"))));
    let due = plan(&cron, &[], "00:01:00.1");
    assert_eq!(due.wake, Some(at("00:02:00.1")));
    let (job, time) = due.start.unwrap();
    assert_eq!(time, at("00:01:00"));
    assert_eq!(
        job["metadata"],
        json!({"name": "tick-31557601", "namespace": "d", "labels": {"a": "b"},
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T00:01:00Z"},
            "ownerReferences": [object::controller_reference(&cron)]})
    );
    let after = running(cron, "tick-31557601", "00:01:00");
    let again = plan(&after, &[self::job("tick-31557601", None)], "00:01:05");
    assert_eq!((name(&again), again.wake), (None, Some(at("00:02:00.1"))));
    assert_eq!(again.status, after["status"]);
}

#[test]
fn only_the_latest_of_missed_times_counts() {
    let late = plan(&cron("* * * * *"), &[], "00:10:30");
    assert_eq!(name(&late), Some("tick-31557610"));
    assert_eq!(told(&late), [""; 0]);
    let very_late = plan(&cron("* * * * *"), &[], "03:00:00");
    assert_eq!(told(&very_late).len(), 1);
    let rescheduled = decide(&cron("* * * * *"), &[], false, at("00:10:30"));
    assert_eq!(
        (name(&rescheduled), rescheduled.wake),
        (None, Some(at("00:11:00.1")))
    );
}

#[test]
fn a_time_past_its_deadline_is_no_longer_due() {
    let mut cron = cron("0 * * * *");
    cron["metadata"]["creationTimestamp"] = json!("2029-12-31T23:30:00Z");
    cron["spec"]["startingDeadlineSeconds"] = json!(60);
    assert_eq!(name(&plan(&cron, &[], "00:00:59")), Some("tick-31557600"));
    let late = plan(&cron, &[], "00:05:00");
    assert_eq!((name(&late), told(&late)), (None, vec![]));
}

#[test]
fn the_policy_decides_about_a_job_that_still_runs() {
    let jobs = [job("tick-1", None)];
    let with = |policy: &str| {
        let mut cron = running(cron("* * * * *"), "tick-1", "00:01:00");
        cron["spec"]["concurrencyPolicy"] = json!(policy);
        plan(&cron, &jobs, "00:02:01")
    };
    assert_eq!(name(&with("Allow")), Some("tick-31557602"));
    let forbidden = with("Forbid");
    assert_eq!(name(&forbidden), None);
    assert_eq!(
        told(&forbidden),
        [
            "JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid"
        ]
    );
    let replaced = with("Replace");
    assert_eq!(name(&replaced), Some("tick-31557602"));
    assert_eq!(told(&replaced), ["-tick-1"]);
    assert_eq!(replaced.status.get("active"), None);
}

#[test]
fn finished_and_missing_jobs_leave_the_list_of_active_ones() {
    let mut cron = running(cron("0 0 1 1 *"), "tick-1", "00:00:30");
    cron = running(cron, "tick-2", "00:00:30");
    cron["spec"]["successfulJobsHistoryLimit"] = json!(3);
    let seen = plan(
        &cron,
        &[job("tick-1", Some("Complete")), job("mine", None)],
        "00:02:00",
    );
    assert_eq!(
        told(&seen),
        [
            "SawCompletedJob Saw completed job: tick-1, condition: Complete",
            "UnexpectedJob Saw a job that the controller did not create or forgot: mine",
            "MissingJob Active job went missing: tick-2",
        ]
    );
    assert_eq!(
        seen.status,
        json!({"lastScheduleTime": "2030-01-01T00:00:30Z", "lastSuccessfulTime": "2030-01-01T00:01:30Z"})
    );
}

#[test]
fn old_jobs_are_deleted_beyond_the_limits() {
    let jobs = [
        job("b", Some("Complete")),
        job("a", Some("Complete")),
        job("x", Some("Failed")),
    ];
    assert_eq!(told(&plan(&cron("0 0 1 1 *"), &jobs, "00:02:00")), ["-a"]);
}

#[test]
fn a_suspended_or_impossible_cron_job_starts_nothing() {
    let mut suspended = cron("* * * * *");
    suspended["spec"]["suspend"] = json!(true);
    let rests = plan(&suspended, &[], "00:02:00");
    assert_eq!((name(&rests), rests.wake), (None, None));
    let never = plan(&cron("0 0 31 2 *"), &[], "00:02:00");
    assert_eq!(
        told(&never),
        [
            "InvalidSchedule invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
        ]
    );
    let mut elsewhere = cron("0 9 * * *");
    elsewhere["spec"]["timeZone"] = json!("Asia/Tokyo");
    elsewhere["metadata"]["creationTimestamp"] = json!("2029-12-31T23:59:00Z");
    let (job, due) = plan(&elsewhere, &[], "00:00:30").start.unwrap();
    assert_eq!(due, at("00:00:00"));
    assert_eq!(
        job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"],
        "2030-01-01T09:00:00+09:00"
    );
}
