//! Limits per index and success policies of Indexed Jobs.
//!
//! Mirrors `success_policy.go` and the parts of `indexed_job_utils.go` that count failures per index. The count of an index lives in
//! an annotation of its newest pod, so a failed pod keeps its finalizer until its successor is there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{Pods, has_failed, is_tracked};
use super::indexes::{self, Indexes};
use super::outcome::{self, condition};
use super::{backoff, decide};
use crate::builtin::object::{self, annotation, integer, items, text};

/// Annotation with how often pods of the index failed before this one.
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// The same for failures that a policy ignores.
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// Failures of an index: counted and ignored ones.
pub(crate) type Failures = (i64, i64);

/// `spec.backoffLimitPerIndex`; `None` where the Job has none.
pub(crate) fn limit(job: &Value) -> Option<i64> {
    integer(job, "/spec/backoffLimitPerIndex").filter(|_| decide::is_indexed(job))
}

/// How often pods of the index failed before this one.
fn failures_before(pod: &Value) -> Failures {
    let read = |key: &str| {
        annotation(pod, key)
            .and_then(|n| n.parse::<i32>().ok())
            .map_or(0, |n| i64::from(n.max(0)))
    };
    (read(FAILURES), read(IGNORED))
}

/// The same with this pod.
fn failures_with(job: &Value, pod: &Value) -> Failures {
    let (counted, ignored) = failures_before(pod);
    if outcome::counts_as_failure(job, pod) {
        (counted + 1, ignored)
    } else {
        (counted, ignored + 1)
    }
}

/// Indexes that have failed for good: those noted before and those whose limit a pod has just passed.
pub(crate) fn failed(job: &Value, pods: &Pods<'_>, noted: &str) -> Indexes {
    let completions = integer(job, "/spec/completions").unwrap_or(0);
    let mut failed = Indexes::parse(noted, completions);
    let Some(limit) = limit(job) else {
        return failed;
    };
    let is_over = |p: &Value| {
        has_failed(job, p)
            && (outcome::fails_index(job, p)
                || outcome::counts_as_failure(job, p) && failures_before(p).0 >= limit)
    };
    let over = pods.all.iter().filter(|p| is_tracked(p) && is_over(p));
    failed.extend(over.filter_map(|p| indexes::index_of(p, completions)));
    failed
}

/// Whether the Job has failed by its indexes, as the condition to set.
pub(crate) fn failure(
    job: &Value,
    failed: &Indexes,
    done: &Indexes,
    now: Timestamp,
) -> Option<Value> {
    limit(job)?;
    let told = |reason: &str, message: &str| {
        Some(condition("FailureTarget", "True", reason, message, now))
    };
    let most = integer(job, "/spec/maxFailedIndexes");
    if most.is_some_and(|most| failed.count() > most) {
        return told(
            "MaxFailedIndexesExceeded",
            "Job has exceeded the specified maximal number of failed indexes",
        );
    }
    let ended = failed.count() + done.count();
    if !failed.is_empty() && ended >= integer(job, "/spec/completions").unwrap_or(0) {
        return told("FailedIndexes", "Job has failed indexes");
    }
    None
}

/// Whether a rule of the success policy is met, as the condition to set.
pub(crate) fn success(job: &Value, done: &Indexes, now: Timestamp) -> Option<Value> {
    if done.is_empty() || !decide::is_indexed(job) {
        return None;
    }
    let completions = integer(job, "/spec/completions").unwrap_or(0);
    let is_met = |rule: &Value| {
        let enough = integer(rule, "/succeededCount");
        let wanted = text(rule, "/succeededIndexes");
        if rule.get("succeededIndexes").is_none_or(Value::is_null) {
            return enough.is_some_and(|n| done.count() >= n);
        }
        let wanted = Indexes::parse(wanted, completions);
        let there = wanted.count_common(done);
        !wanted.is_empty() && (there == wanted.count() || enough.is_some_and(|n| there >= n))
    };
    let index = items(job, "/spec/successPolicy/rules")
        .iter()
        .position(is_met)?;
    Some(condition(
        "SuccessCriteriaMet",
        "True",
        "SuccessPolicy",
        &format!("Matched rules at index {index}"),
        now,
    ))
}

/// Failed pods that stay until their index has a new one: per index the last that failed.
pub(crate) fn kept<'a>(
    job: &Value,
    pods: &Pods<'a>,
    (done, failed): (&Indexes, &Indexes),
) -> BTreeMap<i64, &'a Value> {
    let mut kept: BTreeMap<i64, &Value> = BTreeMap::new();
    if limit(job).is_none() {
        return kept;
    }
    let completions = integer(job, "/spec/completions").unwrap_or(0);
    let active: BTreeSet<i64> = pods
        .active
        .iter()
        .filter_map(|p| indexes::index_of(p, completions))
        .collect();
    for pod in pods
        .all
        .iter()
        .filter(|p| is_tracked(p) && has_failed(job, p))
    {
        let Some(index) = indexes::index_of(pod, completions) else {
            continue;
        };
        if done.contains(index) || failed.contains(index) || active.contains(&index) {
            continue;
        }
        let rank = |p: &Value| {
            let (counted, ignored) = failures_before(p);
            (counted + ignored, backoff::ended(p))
        };
        match kept.get(&index) {
            Some(other) if rank(other) > rank(pod) => {}
            Some(_) | None => {
                kept.insert(index, pod);
            }
        }
    }
    kept
}

/// The indexes whose wait after their last failure is over, with the failures their new pods are to carry; or when the first is.
pub(crate) fn due(
    job: &Value,
    wanted: Vec<i64>,
    kept: &BTreeMap<i64, &Value>,
    now: Timestamp,
) -> Result<Vec<(i64, Failures)>, Option<Timestamp>> {
    let until = |pod: &Value| {
        let (counted, ignored) = failures_before(pod);
        backoff::ended(pod).map(|at| backoff::end(at, counted + ignored + 1))
    };
    let is_due = |index: &i64| {
        kept.get(index)
            .and_then(|p| until(p))
            .is_none_or(|at| at <= now)
    };
    let (ready, waiting): (Vec<i64>, Vec<i64>) = wanted.into_iter().partition(is_due);
    if ready.is_empty() && !waiting.is_empty() {
        let first = waiting.iter().filter_map(|i| until(kept.get(i)?)).min();
        return Err(first);
    }
    let with_failures = |index: i64| {
        let failures = kept.get(&index).map_or((0, 0), |p| failures_with(job, p));
        (index, failures)
    };
    Ok(ready.into_iter().map(with_failures).collect())
}

/// Notes on a new pod how often its index has failed.
pub(crate) fn note(pod: &mut Value, (counted, ignored): Failures) {
    object::set(
        pod,
        &["metadata", "annotations", FAILURES],
        json!(counted.to_string()),
    );
    if ignored > 0 {
        object::set(
            pod,
            &["metadata", "annotations", IGNORED],
            json!(ignored.to_string()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(policy: &Value) -> Value {
        json!({"spec": {"completionMode": "Indexed", "completions": 5, "successPolicy": {"rules": policy}}})
    }

    fn message(policy: &Value, done: &[i64]) -> Option<String> {
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let done = done.iter().copied().collect();
        success(&job(policy), &done, now).map(|c| text(&c, "/message").to_owned())
    }

    #[test]
    fn the_first_rule_that_is_met_makes_the_job_a_success() {
        let rules = json!([{"succeededIndexes": "0,3-4"}, {"succeededCount": 2, "succeededIndexes": "1-4"}, {"succeededCount": 3}]);
        assert_eq!(message(&rules, &[]), None);
        assert_eq!(message(&rules, &[0, 3]), None);
        let at = |index: u8| Some(format!("Matched rules at index {index}"));
        assert_eq!(message(&rules, &[0, 3, 4]), at(0));
        assert_eq!(message(&rules, &[2, 3]), at(1));
        assert_eq!(message(&json!([{"succeededCount": 3}]), &[0, 1, 2]), at(0));
    }
}
