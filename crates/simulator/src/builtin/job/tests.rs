//! Jobs from start to end, pass by pass, with plans carried out on values.

use super::decide::{TRACKING, decide, new_pod};
use super::*;
use crate::builtin::object::count;

/// A Job with its pods, and the time.
struct Case {
    job: Value,
    pods: Vec<Arc<Value>>,
    now: Timestamp,
    made: usize,
    backoff: Backoff,
}

impl Case {
    fn new(spec: &Value) -> Self {
        let mut job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "d", "uid": "job"},
            "spec": {"parallelism": 1, "backoffLimit": 1, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]}}},
        });
        for (key, value) in spec.as_object().unwrap() {
            job["spec"][key] = value.clone();
        }
        Self {
            job,
            pods: Vec::new(),
            now: "2030-01-01T00:00:00Z".parse().unwrap(),
            made: 0,
            backoff: Backoff::default(),
        }
    }

    /// Carries out passes until one changes nothing; returns the events and when to look again.
    fn settle(&mut self) -> (Vec<String>, Option<Timestamp>) {
        let mut events = Vec::new();
        for _ in 0..20 {
            if finish_time(&self.job).is_some() {
                return (events, None);
            }
            let plan = decide(&self.job, &self.pods, self.backoff, self.now);
            let quiet = plan.create.is_empty()
                && plan.delete.is_empty()
                && plan.untrack.is_empty()
                && self.job.get("status") == Some(&plan.status);
            events.extend(plan.event.iter().map(|(_, reason, _)| reason.clone()));
            if quiet {
                return (events, plan.wake);
            }
            self.apply(plan);
        }
        panic!("never quiet: {}", self.job);
    }

    fn apply(&mut self, plan: Plan) {
        for index in plan.create {
            let mut pod = new_pod(&self.job, index);
            let name = format!("p{}", self.made);
            self.made += 1;
            pod["metadata"]["name"] = json!(name);
            pod["metadata"]["uid"] = json!(name);
            pod["status"] = json!({"phase": "Pending"});
            self.pods.push(Arc::new(pod));
        }
        self.job["status"] = plan.status;
        self.backoff = plan.backoff;
        self.pods
            .retain(|p| !plan.delete.iter().any(|name| name == object::name(p)));
        for pod in &mut self.pods {
            if plan.untrack.iter().any(|name| name == object::name(pod)) {
                Arc::make_mut(pod)["metadata"]["finalizers"] = json!([]);
            }
        }
    }

    fn end(&mut self, name: &str, phase: &str) {
        let pod = self
            .pods
            .iter_mut()
            .find(|p| object::name(p) == name)
            .unwrap();
        let code = i64::from(phase == "Failed");
        Arc::make_mut(pod)["status"] = json!({"phase": phase,
            "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": code, "finishedAt": object::stamp(self.now)}}}]});
    }

    fn conditions(&self) -> Vec<(&str, &str)> {
        items(&self.job, "/status/conditions")
            .iter()
            .map(|c| (text(c, "/type"), text(c, "/reason")))
            .collect()
    }
}

#[test]
fn a_job_completes_when_its_pods_have() {
    let mut case = Case::new(&json!({"completions": 2, "parallelism": 2}));
    case.settle();
    assert_eq!(
        case.pods
            .iter()
            .map(|p| p["metadata"]["finalizers"].clone())
            .collect::<Vec<_>>(),
        [json!([TRACKING]), json!([TRACKING])]
    );
    assert_eq!(
        case.job["status"],
        json!({"active": 2, "ready": 0, "terminating": 0, "startTime": "2030-01-01T00:00:00Z", "uncountedTerminatedPods": {}})
    );
    case.end("p0", "Succeeded");
    case.settle();
    assert_eq!(
        (
            count(&case.job, "/status/succeeded"),
            count(&case.job, "/status/active")
        ),
        (1, 1)
    );
    case.end("p1", "Succeeded");
    let (events, _) = case.settle();
    assert_eq!(events, ["Completed"]);
    assert_eq!(
        case.conditions(),
        [
            ("SuccessCriteriaMet", "CompletionsReached"),
            ("Complete", "CompletionsReached")
        ]
    );
    assert_eq!(count(&case.job, "/status/succeeded"), 2);
    assert!(case.pods.iter().all(|p| !decide::is_tracked(p)));
}

#[test]
fn failed_pods_are_replaced_after_a_while_until_the_limit() {
    let mut case = Case::new(&json!({"completions": 1}));
    case.settle();
    case.end("p0", "Failed");
    let (_, wake) = case.settle();
    assert_eq!(wake, Some("2030-01-01T00:00:10Z".parse().unwrap()));
    assert_eq!(case.pods.len(), 1);
    case.now = "2030-01-01T00:00:10Z".parse().unwrap();
    case.settle();
    assert_eq!(case.pods.len(), 2);
    case.end("p1", "Failed");
    let (events, _) = case.settle();
    assert_eq!(events, ["BackoffLimitExceeded"]);
    assert_eq!(
        case.conditions(),
        [
            ("FailureTarget", "BackoffLimitExceeded"),
            ("Failed", "BackoffLimitExceeded")
        ]
    );
    assert_eq!(count(&case.job, "/status/failed"), 2);
}

#[test]
fn a_deadline_ends_a_running_job() {
    let mut case = Case::new(&json!({"activeDeadlineSeconds": 30}));
    let (_, wake) = case.settle();
    assert_eq!(wake, Some("2030-01-01T00:00:30Z".parse().unwrap()));
    case.now = "2030-01-01T00:00:30Z".parse().unwrap();
    let (events, _) = case.settle();
    assert_eq!(events, ["DeadlineExceeded"]);
    assert_eq!(case.pods, []);
}

#[test]
fn a_suspended_job_runs_nothing_until_resumed() {
    let mut case = Case::new(&json!({"suspend": true}));
    let (events, _) = case.settle();
    assert_eq!((events, case.pods.len()), (vec!["Suspended".to_owned()], 0));
    case.job["spec"]["suspend"] = json!(false);
    let (events, _) = case.settle();
    assert_eq!((events, case.pods.len()), (vec!["Resumed".to_owned()], 1));
    assert_eq!(case.conditions(), [("Suspended", "JobResumed")]);
}

#[test]
fn an_indexed_job_runs_each_index_once() {
    let mut case =
        Case::new(&json!({"completions": 3, "parallelism": 2, "completionMode": "Indexed"}));
    case.settle();
    let hostnames: Vec<&str> = case
        .pods
        .iter()
        .map(|p| text(p, "/spec/hostname"))
        .collect();
    assert_eq!(hostnames, ["j-0", "j-1"]);
    case.end("p1", "Succeeded");
    case.settle();
    assert_eq!(case.job["status"]["completedIndexes"], "1");
    case.end("p0", "Succeeded");
    case.end("p2", "Succeeded");
    case.settle();
    assert_eq!(
        (
            &case.job["status"]["completedIndexes"],
            &case.job["status"]["succeeded"]
        ),
        (&json!("0-2"), &json!(3))
    );
    assert_eq!(case.pods.len(), 3);
}

#[test]
fn an_indexed_job_may_have_any_number_of_indexes() {
    let spec = json!({"completions": 2_147_483_647, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 0,
        "successPolicy": {"rules": [{"succeededIndexes": "0-2147483646", "succeededCount": 2_147_483_645}]}});
    let mut case = Case::new(&spec);
    case.job["status"] = json!({"completedIndexes": "0-1000000000,1000000002-2147483643,2147483645",
        "failedIndexes": "1000000001"});
    case.settle();
    assert_eq!(
        indexes(&case),
        [("p0", Some("2147483644")), ("p1", Some("2147483646"))]
    );
    assert_eq!(count(&case.job, "/status/succeeded"), 2_147_483_644);
    end(&mut case, 2_147_483_644, "Succeeded");
    let (events, _) = case.settle();
    assert_eq!(events, ["Completed"]);
    let status = &case.job["status"];
    assert_eq!(
        status["completedIndexes"],
        "0-1000000000,1000000002-2147483645"
    );
    assert_eq!(status["failedIndexes"], "1000000001");
}

#[test]
fn a_pod_failure_policy_can_fail_the_job_or_ignore_a_pod() {
    let rule = |action: &str| json!({"completions": 1, "podFailurePolicy": {"rules": [{"action": action, "onExitCodes": {"operator": "In", "values": [1]}}]}});
    let mut case = Case::new(&rule("FailJob"));
    case.settle();
    case.end("p0", "Failed");
    case.settle();
    assert_eq!(case.conditions()[0], ("FailureTarget", "PodFailurePolicy"));
    let mut case = Case::new(&rule("Ignore"));
    case.settle();
    case.end("p0", "Failed");
    case.settle();
    assert_eq!(count(&case.job, "/status/failed"), 0);
}

/// Ends a pod of an index.
fn end(case: &mut Case, index: i64, phase: &str) {
    let now = object::stamp(case.now);
    let pod = case
        .pods
        .iter_mut()
        .rev()
        .find(|p| object::annotation(p, super::indexes::INDEX) == Some(&index.to_string()))
        .unwrap();
    let mut ended = (**pod).clone();
    ended["status"] = json!({"phase": phase, "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 1, "finishedAt": now}}}]});
    *pod = Arc::new(ended);
}

fn per_index() -> Case {
    Case::new(
        &json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimit": 99, "backoffLimitPerIndex": 1}),
    )
}

#[test]
fn an_index_has_a_limit_and_a_wait_of_its_own() {
    let mut case = per_index();
    case.settle();
    end(&mut case, 0, "Failed");
    let (_, wake) = case.settle();
    assert_eq!(
        case.pods.len(),
        2,
        "the failed pod stays until its successor is there"
    );
    let due = wake.unwrap();
    assert_eq!(due, object::seconds_after(case.now, 10));
    case.now = due;
    case.settle();
    let failures: Vec<Option<&str>> = case
        .pods
        .iter()
        .map(|p| object::annotation(p, "batch.kubernetes.io/job-index-failure-count"))
        .collect();
    assert!(failures.contains(&Some("1")), "{failures:?}");
    end(&mut case, 1, "Succeeded");
    end(&mut case, 0, "Failed");
    let (events, _) = case.settle();
    assert_eq!(events, ["FailedIndexes"]);
    assert_eq!(case.job["status"]["failedIndexes"], "0");
    assert_eq!(case.job["status"]["completedIndexes"], "1");
}

#[test]
fn too_many_failed_indexes_end_the_job() {
    let mut case = per_index();
    case.job["spec"]["backoffLimitPerIndex"] = json!(0);
    case.job["spec"]["maxFailedIndexes"] = json!(0);
    case.settle();
    end(&mut case, 1, "Failed");
    let (events, _) = case.settle();
    assert_eq!(events, ["MaxFailedIndexesExceeded"]);
    assert_eq!(case.job["status"]["failedIndexes"], "1");
}

#[test]
fn a_success_policy_ends_the_job_early() {
    let mut case = per_index();
    case.job["spec"]["successPolicy"] = json!({"rules": [{"succeededIndexes": "1"}]});
    case.settle();
    end(&mut case, 1, "Succeeded");
    let (events, _) = case.settle();
    assert_eq!(events, ["Completed"]);
    let last = case.job["status"]["conditions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(
        (&last["type"], &last["reason"], &last["message"]),
        (
            &json!("Complete"),
            &json!("SuccessPolicy"),
            &json!("Matched rules at index 0")
        )
    );
}

/// The pods that are there: name and completion index.
fn indexes(case: &Case) -> Vec<(&str, Option<&str>)> {
    let pods = case.pods.iter();
    pods.map(|p| {
        (
            object::name(p),
            object::annotation(p, super::indexes::INDEX),
        )
    })
    .collect()
}

#[test]
fn pods_that_are_too_many_are_no_failures() {
    let mut case = Case::new(&json!({"parallelism": 4, "completions": 9}));
    case.settle();
    case.job["spec"]["parallelism"] = json!(1);
    let plan = decide(&case.job, &case.pods, case.backoff, case.now);
    assert_eq!((plan.delete.len(), plan.uncounted), (3, true));
    case.settle();
    case.job["spec"]["suspend"] = json!(true);
    let plan = decide(&case.job, &case.pods, case.backoff, case.now);
    assert_eq!((plan.delete.len(), plan.uncounted), (1, true));
    let mut late = Case::new(&json!({"activeDeadlineSeconds": 1}));
    late.settle();
    late.now = "2030-01-01T00:00:02Z".parse().unwrap();
    let plan = decide(&late.job, &late.pods, late.backoff, late.now);
    assert_eq!((plan.delete.len(), plan.uncounted), (1, false));
}

#[test]
fn pods_without_a_place_among_the_indexes_go_first() {
    let spec = json!({"completions": 4, "parallelism": 4, "completionMode": "Indexed"});
    let mut case = Case::new(&spec);
    case.settle();
    let mut twin = (*case.pods[1]).clone();
    twin["metadata"]["name"] = json!("twin");
    twin["metadata"]["uid"] = json!("twin");
    twin["status"] = json!({"phase": "Running"});
    case.pods.push(Arc::new(twin));
    case.job["spec"]["completions"] = json!(3);
    case.settle();
    assert_eq!(
        indexes(&case),
        [("p0", Some("0")), ("p2", Some("2")), ("twin", Some("1"))]
    );
    assert_eq!(count(&case.job, "/status/failed"), 0);
    case.job["spec"]["completions"] = json!(2);
    end(&mut case, 2, "Failed");
    case.settle();
    assert_eq!(count(&case.job, "/status/failed"), 0, "of no index");
}

#[test]
fn failures_are_remembered_when_their_pods_are_gone() {
    let mut case = Case::new(&json!({"completions": 2, "backoffLimit": 9}));
    case.settle();
    for (failures, wait) in [(1, 10), (2, 20)] {
        let name = object::name(case.pods.last().unwrap()).to_owned();
        case.end(&name, "Failed");
        case.settle();
        case.pods.clear();
        let (_, wake) = case.settle();
        assert_eq!(wake, Some(object::seconds_after(case.now, wait)));
        assert_eq!(count(&case.job, "/status/failed"), failures);
        case.now = wake.unwrap();
        case.settle();
        assert_eq!(case.pods.len(), 1);
    }
    let name = object::name(&case.pods[0]).to_owned();
    case.end(&name, "Succeeded");
    let (_, wake) = case.settle();
    assert_eq!(
        (wake, case.pods.len()),
        (None, 2),
        "a success ends the wait"
    );
}
