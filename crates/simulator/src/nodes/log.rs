//! What a simulated container prints: a few lines about the stages it went through. They follow from its pod, so nothing is kept.

use jiff::Timestamp;
use serde_json::Value;

use super::containers::{LogLine, LogText};
use crate::builtin::object::{self, flag, integer, items, text, time};

/// The status of a container of any sort.
pub(crate) fn container_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    [
        "/status/containerStatuses",
        "/status/initContainerStatuses",
        "/status/ephemeralContainerStatuses",
    ]
    .iter()
    .flat_map(|list| items(pod, list))
    .find(|status| text(status, "/name") == container)
}

/// The lines of a container, or of its last run before this one.
pub(crate) fn of_stages(pod: &Value, container: &str, previous: bool) -> LogText {
    let Some(status) = container_status(pod, container) else {
        return LogText::default();
    };
    let image = text(status, "/image");
    let mut lines = Vec::new();
    let mut say = |at: Timestamp, text: String| lines.push(LogLine { at, text });
    let started = format!(
        "carrick: container {container} of image {image} is simulated: nothing runs, its node tells its stages"
    );
    let last = status.pointer("/lastState/terminated");
    let ended = status.pointer("/state/terminated");
    let running = time(status, "/state/running/startedAt");
    match (previous, running, ended.or(last)) {
        (false, Some(since), _) => {
            say(since, started);
            if flag(status, "/ready") {
                let ready = object::condition(pod, "ContainersReady");
                let at = ready.and_then(|c| time(c, "/lastTransitionTime"));
                say(at.unwrap_or(since).max(since), "carrick: ready".to_owned());
            }
            if let Some(end) = time(pod, "/metadata/deletionTimestamp") {
                let grace = integer(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
                let asked = object::seconds_after(end, -grace).max(since);
                say(
                    asked,
                    format!("carrick: asked to end (SIGTERM), {grace} s are left"),
                );
            }
        }
        (_, _, Some(end)) => {
            let end = if previous { last.unwrap_or(end) } else { end };
            let finished = time(end, "/finishedAt").unwrap_or(Timestamp::UNIX_EPOCH);
            say(time(end, "/startedAt").unwrap_or(finished), started);
            let (code, reason) = (integer(end, "/exitCode").unwrap_or(0), text(end, "/reason"));
            say(
                finished,
                format!("carrick: ended with exit code {code} ({reason})"),
            );
        }
        (_, _, None) => {}
    }
    LogText { first: 0, lines }
}

/// Why a container has no log yet, as a kubelet words it.
pub(crate) fn complaint(pod: &Value, container: &str, previous: bool) -> Option<String> {
    let name = object::name(pod);
    let Some(status) = container_status(pod, container) else {
        return Some(format!(
            "container {container:?} in pod {name:?} is not available"
        ));
    };
    let has = |pointer: &str| status.pointer(pointer).is_some();
    if previous {
        let missing =
            format!("previous terminated container {container:?} in pod {name:?} not found");
        return (!has("/lastState/terminated")).then_some(missing);
    }
    if has("/state/running") || has("/state/terminated") || has("/lastState/terminated") {
        return None;
    }
    let why = match text(status, "/state/waiting/reason") {
        "ErrImagePull" => "image can't be pulled",
        "ImagePullBackOff" => "trying and failing to pull image",
        reason => reason,
    };
    Some(format!(
        "container {container:?} in pod {name:?} is waiting to start: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> Value {
        json!({"metadata": {"name": "p"}, "status": {"conditions": [
            {"type": "ContainersReady", "status": "True", "lastTransitionTime": "2030-01-01T00:00:05Z"}],
            "containerStatuses": [status]}})
    }

    fn texts(pod: &Value, previous: bool) -> Vec<(String, String)> {
        let lines = of_stages(pod, "c", previous).lines;
        lines
            .into_iter()
            .map(|line| (object::stamp(line.at), line.text.replace("carrick: ", "")))
            .collect()
    }

    #[test]
    fn a_running_container_tells_of_its_start_and_of_being_ready() {
        let mut pod = pod(&json!({"name": "c", "image": "web:1", "ready": true,
            "state": {"running": {"startedAt": "2030-01-01T00:00:01Z"}}}));
        let told = texts(&pod, false);
        assert_eq!(told.len(), 2);
        assert!(
            told[0]
                .1
                .starts_with("container c of image web:1 is simulated")
        );
        assert_eq!(
            told[1],
            ("2030-01-01T00:00:05Z".to_owned(), "ready".to_owned())
        );
        pod["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:01:00Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        assert_eq!(
            texts(&pod, false)[2],
            (
                "2030-01-01T00:00:30Z".to_owned(),
                "asked to end (SIGTERM), 30 s are left".to_owned()
            )
        );
        assert_eq!(
            complaint(&pod, "c", true).unwrap(),
            "previous terminated container \"c\" in pod \"p\" not found"
        );
    }

    #[test]
    fn a_crashed_container_shows_its_last_run() {
        let pod = pod(
            &json!({"name": "c", "image": "web:1", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error",
                "startedAt": "2030-01-01T00:00:01Z", "finishedAt": "2030-01-01T00:00:02Z"}}}),
        );
        for previous in [false, true] {
            assert_eq!(complaint(&pod, "c", previous), None);
            assert_eq!(
                texts(&pod, previous)[1],
                (
                    "2030-01-01T00:00:02Z".to_owned(),
                    "ended with exit code 1 (Error)".to_owned()
                )
            );
        }
    }

    #[test]
    fn a_waiting_container_has_no_log() {
        let waiting =
            |reason: &str| pod(&json!({"name": "c", "state": {"waiting": {"reason": reason}}}));
        let told = |reason: &str| complaint(&waiting(reason), "c", false).unwrap();
        assert_eq!(
            told("ContainerCreating"),
            "container \"c\" in pod \"p\" is waiting to start: ContainerCreating"
        );
        assert_eq!(
            told("ErrImagePull"),
            "container \"c\" in pod \"p\" is waiting to start: image can't be pulled"
        );
        assert_eq!(
            complaint(&json!({"metadata": {"name": "p"}}), "c", false).unwrap(),
            "container \"c\" in pod \"p\" is not available"
        );
    }
}
