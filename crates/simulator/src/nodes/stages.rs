//! The stages a pod passes through on a node, as one table: which stage comes next for a pod, and after how long.
//!
//! The same table is `testbed/stages.yaml` for kwok, stage by stage and under the same names, so that a scenario sees the same pods
//! on a real API server. Stages exclude one another: at most one applies to a pod.
//!
//! A pod chooses its behaviour by annotations:
//!
//! | annotation | value | effect |
//! |---|---|---|
//! | `carrick.dev/ready-after` | Go duration | runs at once, ready that long after |
//! | `carrick.dev/runs-for` | Go duration | ends that long after it became ready (pods of Jobs: 1s unless told otherwise) |
//! | `carrick.dev/stage` | `image-error` | its images can never be pulled |
//! | | `crash-loop` | its containers end at once, again and again |
//! | | `never-ready` | runs, but is never ready |
//! | | `fail` | ends with exit code 1 instead of 0 (pods that end) |
//! | | `ignores-sigterm` | is killed only at the end of its grace period |
//!
//! Images whose name contains `does-not-exist`, or whose tag starts with `bad`, can never be pulled either. A readiness gate is left to
//! whoever owns it: the pod becomes Ready once all of its gates are True, and unready when one no longer is.

use machinery::duration::GoDuration;
use serde_json::Value;

use crate::builtin::object::{self, annotation, integer, items, text};
use crate::builtin::pod;

/// Annotation that names a behaviour.
pub(crate) const STAGE: &str = "carrick.dev/stage";
/// Annotation with the time from running to ready.
pub(crate) const READY_AFTER: &str = "carrick.dev/ready-after";
/// Annotation with the time from ready to ended.
pub(crate) const RUNS_FOR: &str = "carrick.dev/runs-for";

/// What happens to a pod next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// `pod-creating`: the node has taken note of the pod.
    Creating,
    /// `pod-pull-error`: the first pull failed.
    PullError,
    /// `pod-pull-backoff`: further pulls wait.
    PullBackOff,
    /// `pod-running`: all containers run.
    Running,
    /// `pod-crash-loop`: the containers have ended several times, the next start waits.
    CrashLoop,
    /// `pod-ready`: all containers are ready.
    Ready,
    /// `pod-gates`: condition Ready follows the readiness gates.
    Gates,
    /// `pod-succeeded`: all containers ended with exit code 0.
    Succeeded,
    /// `pod-failed`: all containers ended with exit code 1.
    Failed,
    /// `pod-deleted`: all containers are gone, and so is the pod.
    Deleted,
}

/// How long a stage waits: a fixed time in milliseconds plus a random part below `jitter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    /// From the moment the stage applies.
    After {
        /// Milliseconds in any case.
        milliseconds: i64,
        /// Milliseconds that chance may add.
        jitter: u64,
    },
    /// Until the pod's deletionTimestamp.
    GracePeriod,
}

const fn after(milliseconds: i64, jitter: u64) -> Delay {
    Delay::After {
        milliseconds,
        jitter,
    }
}

/// The stage that applies to a pod bound to a node; `None` where it stays as it is.
pub(crate) fn next(pod: &Value) -> Option<Stage> {
    if object::is_terminating(pod) {
        let pending = integer(pod, "/metadata/deletionGracePeriodSeconds") != Some(0);
        return pending.then_some(Stage::Deleted);
    }
    match text(pod, "/status/phase") {
        "" | "Pending" => starting(pod),
        "Running" => running(pod),
        _ => None,
    }
}

fn starting(pod: &Value) -> Option<Stage> {
    let statuses = items(pod, "/status/containerStatuses");
    let waits_for = |reason: &str| {
        statuses
            .iter()
            .any(|s| text(s, "/state/waiting/reason") == reason)
    };
    match (statuses.is_empty(), cannot_pull(pod)) {
        (true, false) => Some(Stage::Creating),
        (true, true) => Some(Stage::PullError),
        (false, true) => waits_for("ErrImagePull").then_some(Stage::PullBackOff),
        (false, false) if is(pod, "crash-loop") || fails_in_place(pod) => Some(Stage::CrashLoop),
        (false, false) => Some(Stage::Running),
    }
}

fn running(pod: &Value) -> Option<Stage> {
    if is(pod, "crash-loop") || fails_in_place(pod) {
        return None;
    }
    if !object::is_true(pod, "ContainersReady") {
        return (!is(pod, "never-ready")).then_some(Stage::Ready);
    }
    if ends(pod) {
        return Some(if is(pod, "fail") {
            Stage::Failed
        } else {
            Stage::Succeeded
        });
    }
    (gates_are_met(pod) != pod::is_ready(pod)).then_some(Stage::Gates)
}

/// How long a stage waits for a pod it applies to.
pub(crate) fn delay(stage: Stage, pod: &Value) -> Delay {
    match stage {
        Stage::Creating | Stage::PullError | Stage::Gates => after(0, 0),
        Stage::Running => after(400, 600),
        Stage::CrashLoop => after(1000, 0),
        Stage::PullBackOff => after(10_000, 0),
        Stage::Ready => after(duration(pod, READY_AFTER).unwrap_or(0), 0),
        Stage::Succeeded | Stage::Failed => after(duration(pod, RUNS_FOR).unwrap_or(1000), 0),
        Stage::Deleted if is(pod, "ignores-sigterm") => Delay::GracePeriod,
        Stage::Deleted => after(100, 200),
    }
}

/// Whether the pod's containers are ready as soon as they run.
pub(crate) fn is_ready_at_once(pod: &Value) -> bool {
    annotation(pod, READY_AFTER).is_none() && !is(pod, "never-ready")
}

fn duration(pod: &Value, key: &str) -> Option<i64> {
    GoDuration::parse(annotation(pod, key)?)
        .ok()
        .map(GoDuration::as_millis)
        .filter(|ms| *ms >= 0)
}

fn is(pod: &Value, behaviour: &str) -> bool {
    annotation(pod, STAGE) == Some(behaviour)
}

/// Pods of Jobs end, and so do those that say for how long they run.
fn ends(pod: &Value) -> bool {
    annotation(pod, RUNS_FOR).is_some()
        || items(pod, "/metadata/ownerReferences")
            .iter()
            .any(|r| text(r, "/kind") == "Job")
}

/// A failing pod that the node starts again in place never fails as a pod.
fn fails_in_place(pod: &Value) -> bool {
    is(pod, "fail") && ends(pod) && text(pod, "/spec/restartPolicy") != "Never"
}

/// Whether one of the pod's images can't be pulled.
pub(crate) fn cannot_pull(pod: &Value) -> bool {
    is(pod, "image-error")
        || ["/spec/initContainers", "/spec/containers"]
            .iter()
            .flat_map(|p| items(pod, p))
            .any(|c| is_bad_image(text(c, "/image")))
}

/// Images that exist nowhere by convention: `does-not-exist` in the name, or a tag that starts with `bad`.
pub(crate) fn is_bad_image(image: &str) -> bool {
    image.contains("does-not-exist") || image.contains(":bad")
}

/// What keeps a pod with ready containers from being Ready: one text per gate, as the kubelet words them.
pub(crate) fn unmet_gates(pod: &Value) -> Vec<String> {
    let gates = items(pod, "/spec/readinessGates")
        .iter()
        .map(|g| text(g, "/conditionType"));
    gates
        .filter_map(|gate| match object::condition(pod, gate) {
            None => Some(format!(
                "corresponding condition of pod readiness gate \"{gate}\" does not exist."
            )),
            Some(c) if text(c, "/status") == "True" => None,
            Some(c) => Some(format!(
                "the status of pod readiness gate \"{gate}\" is not \"True\", but {}",
                text(c, "/status")
            )),
        })
        .collect()
}

fn gates_are_met(pod: &Value) -> bool {
    unmet_gates(pod).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(annotations: &Value, status: &Value) -> Value {
        json!({"metadata": {"name": "p", "annotations": annotations},
            "spec": {"restartPolicy": "Always", "containers": [{"name": "c", "image": "web:1"}]}, "status": status})
    }

    fn status(phase: &str, ready: &str) -> Value {
        json!({"phase": phase, "containerStatuses": [{"name": "c"}],
            "conditions": [{"type": "ContainersReady", "status": ready}, {"type": "Ready", "status": ready}]})
    }

    #[test]
    fn an_ordinary_pod_is_created_runs_and_stays() {
        let chain = [
            json!({"phase": "Pending"}),
            status("Pending", "False"),
            status("Running", "True"),
            status("Succeeded", "False"),
        ];
        assert_eq!(
            chain.map(|s| next(&pod(&json!({}), &s))),
            [Some(Stage::Creating), Some(Stage::Running), None, None]
        );
    }

    #[test]
    fn annotations_choose_other_ways() {
        let stage = |annotations: Value, status: Value| next(&pod(&annotations, &status));
        assert_eq!(
            stage(json!({STAGE: "image-error"}), json!({"phase": "Pending"})),
            Some(Stage::PullError)
        );
        assert_eq!(
            stage(json!({STAGE: "crash-loop"}), status("Pending", "False")),
            Some(Stage::CrashLoop)
        );
        assert_eq!(
            stage(json!({STAGE: "crash-loop"}), status("Running", "False")),
            None
        );
        assert_eq!(
            stage(json!({STAGE: "never-ready"}), status("Running", "False")),
            None
        );
        assert_eq!(
            stage(json!({READY_AFTER: "10s"}), status("Running", "False")),
            Some(Stage::Ready)
        );
        assert_eq!(
            stage(json!({RUNS_FOR: "1s"}), status("Running", "True")),
            Some(Stage::Succeeded)
        );
        let slow = pod(&json!({READY_AFTER: "1m10s"}), &json!({}));
        assert_eq!(delay(Stage::Ready, &slow), after(70_000, 0));
    }

    #[test]
    fn a_failed_pull_backs_off_and_heals_with_the_image() {
        let waiting = |reason: &str| json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]});
        let with_image = |image: &str, status: Value| {
            let mut pod = pod(&json!({}), &status);
            pod["spec"]["containers"][0]["image"] = json!(image);
            next(&pod)
        };
        assert_eq!(
            with_image("web:bad-1", json!({"phase": "Pending"})),
            Some(Stage::PullError)
        );
        assert_eq!(
            with_image("web:bad-1", waiting("ErrImagePull")),
            Some(Stage::PullBackOff)
        );
        assert_eq!(
            with_image("r/does-not-exist", waiting("ImagePullBackOff")),
            None
        );
        assert_eq!(
            with_image("web:2", waiting("ImagePullBackOff")),
            Some(Stage::Running)
        );
    }

    #[test]
    fn readiness_follows_the_gates_both_ways() {
        let mut pod = pod(&json!({}), &status("Running", "True"));
        pod["spec"]["readinessGates"] = json!([{"conditionType": "lb"}]);
        assert_eq!(next(&pod), Some(Stage::Gates));
        assert_eq!(
            unmet_gates(&pod),
            ["corresponding condition of pod readiness gate \"lb\" does not exist."]
        );
        pod["status"]["conditions"][1]["status"] = json!("False");
        assert_eq!(next(&pod), None);
        pod["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "lb", "status": "True"}));
        assert_eq!(next(&pod), Some(Stage::Gates));
    }

    #[test]
    fn failing_pods_fail_only_if_nobody_restarts_them() {
        let mut pod = pod(
            &json!({STAGE: "fail", RUNS_FOR: "1s"}),
            &status("Running", "True"),
        );
        assert_eq!(next(&pod), None);
        pod["spec"]["restartPolicy"] = json!("Never");
        assert_eq!(next(&pod), Some(Stage::Failed));
    }

    #[test]
    fn a_deleted_pod_goes_once() {
        let mut pod = pod(
            &json!({STAGE: "ignores-sigterm"}),
            &status("Running", "True"),
        );
        pod["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        assert_eq!(next(&pod), Some(Stage::Deleted));
        assert_eq!(delay(Stage::Deleted, &pod), Delay::GracePeriod);
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        assert_eq!(next(&pod), None);
    }
}
