//! Rows of workloads: apps and batch.

use machinery::{human, labels, meta};
use serde_json::Value;

use super::view::{View, containers};

const POD_CONTAINERS: &str = "/spec/template/spec/containers";

fn selector(view: View<'_>, pointer: &str) -> Value {
    Value::from(labels::format_label_selector(
        view.get(pointer).unwrap_or(&Value::Null),
    ))
}

pub(super) fn apps(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    Some(match plural {
        "deployments" => deployment(view),
        "replicasets" => replica_set(view),
        "statefulsets" => stateful_set(view),
        "daemonsets" => daemon_set(view),
        "controllerrevisions" => {
            let controller = meta::controller_of(view.object()).map_or_else(
                || "<none>".to_owned(),
                |owner| {
                    let group = owner
                        .api_version
                        .split_once('/')
                        .map_or("", |(group, _)| group);
                    let dot = if group.is_empty() { "" } else { "." };
                    format!("{}{dot}{group}/{}", owner.kind, owner.name)
                },
            );
            let (kind, name) = controller
                .split_once('/')
                .unwrap_or(("", controller.as_str()));
            let slash = if kind.is_empty() { "" } else { "/" };
            let controller = format!("{}{slash}{name}", kind.to_lowercase());
            vec![
                view.name(),
                Value::from(controller),
                Value::from(view.int("/revision")),
                view.age(),
            ]
        }
        _ => return None,
    })
}

pub(super) fn batch(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    match plural {
        "jobs" => Some(job(view)),
        "cronjobs" => Some(cron_job(view)),
        _ => None,
    }
}

fn deployment(view: View<'_>) -> Vec<Value> {
    let selector =
        labels::Selector::from_label_selector(view.get("/spec/selector").unwrap_or(&Value::Null));
    let selector =
        selector.map_or_else(|_| "<invalid>".to_owned(), |selector| selector.to_string());
    let ready = format!(
        "{}/{}",
        view.int("/status/readyReplicas"),
        view.int_or("/spec/replicas", 1)
    );
    let mut cells = vec![
        view.name(),
        Value::from(ready),
        Value::from(view.int("/status/updatedReplicas")),
        Value::from(view.int("/status/availableReplicas")),
        view.age(),
    ];
    cells.extend(containers(view, POD_CONTAINERS));
    cells.push(Value::from(selector));
    cells
}

fn replica_set(view: View<'_>) -> Vec<Value> {
    let mut cells = replicas(view);
    cells.extend(containers(view, POD_CONTAINERS));
    cells.push(selector(view, "/spec/selector"));
    cells
}

/// Name, desired, current, ready, age.
fn replicas(view: View<'_>) -> Vec<Value> {
    vec![
        view.name(),
        Value::from(view.int_or("/spec/replicas", 1)),
        Value::from(view.int("/status/replicas")),
        Value::from(view.int("/status/readyReplicas")),
        view.age(),
    ]
}

pub(super) fn replication_controller(view: View<'_>) -> Vec<Value> {
    let mut cells = replicas(view);
    cells.extend(containers(view, POD_CONTAINERS));
    cells.push(Value::from(labels::format_labels(&meta::string_map(
        view.get("/spec/selector"),
    ))));
    cells
}

fn stateful_set(view: View<'_>) -> Vec<Value> {
    let ready = format!(
        "{}/{}",
        view.int("/status/readyReplicas"),
        view.int_or("/spec/replicas", 1)
    );
    let mut cells = vec![view.name(), Value::from(ready), view.age()];
    cells.extend(containers(view, POD_CONTAINERS));
    cells
}

fn daemon_set(view: View<'_>) -> Vec<Value> {
    let mut cells = vec![view.name()];
    for field in [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ] {
        cells.push(Value::from(view.int(&format!("/status/{field}"))));
    }
    let nodes = meta::string_map(view.get("/spec/template/spec/nodeSelector"));
    cells.push(Value::from(labels::format_labels(&nodes)));
    cells.push(view.age());
    cells.extend(containers(view, POD_CONTAINERS));
    cells.push(selector(view, "/spec/selector"));
    cells
}

fn job(view: View<'_>) -> Vec<Value> {
    let succeeded = view.int("/status/succeeded");
    let parallelism = view.int("/spec/parallelism");
    let completions = match view.get("/spec/completions").and_then(Value::as_i64) {
        Some(completions) => format!("{succeeded}/{completions}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    };
    let duration = view
        .instant("/status/startTime")
        .map_or_else(String::new, |start| {
            let end = view
                .instant("/status/completionTime")
                .unwrap_or_else(|| view.now());
            human::duration(end.duration_since(start).as_secs())
        });
    let mut cells = vec![
        view.name(),
        Value::from(job_status(view)),
        Value::from(completions),
        Value::from(duration),
        view.age(),
    ];
    cells.extend(containers(view, POD_CONTAINERS));
    cells.push(selector(view, "/spec/selector"));
    cells
}

fn job_status(view: View<'_>) -> &'static str {
    let has = |kind: &str| {
        let condition = view
            .list("/status/conditions")
            .find(|condition| condition.str("/type") == kind);
        condition.is_some_and(|condition| condition.str("/status") == "True")
    };
    if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if view.has("/metadata/deletionTimestamp") {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn cron_job(view: View<'_>) -> Vec<Value> {
    let suspended = match view.get("/spec/suspend").and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let last = if view.has("/status/lastScheduleTime") {
        view.since("/status/lastScheduleTime")
    } else {
        "<none>".to_owned()
    };
    let time_zone = view
        .get("/spec/timeZone")
        .and_then(Value::as_str)
        .unwrap_or("<none>");
    let mut cells = vec![
        view.name(),
        Value::from(view.str("/spec/schedule")),
        Value::from(time_zone),
        Value::from(suspended),
        view.len_cell("/status/active"),
        Value::from(last),
        view.age(),
    ];
    cells.extend(containers(
        view,
        "/spec/jobTemplate/spec/template/spec/containers",
    ));
    cells.push(selector(view, "/spec/jobTemplate/spec/selector"));
    cells
}
