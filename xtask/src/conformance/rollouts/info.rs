//! The model that `get` and `list` print, and their texts.

use jiff::Timestamp;
use machinery::{human, meta, time};
use rollouts::info::{
    AnalysisRunInfo, ExperimentInfo, ExperimentRow, ImageInfo, ListColumns, Painter, PodInfo,
    ReplicaSetInfo, RolloutInfo, RolloutRow, Row, Surroundings, Tag, experiment_table,
    experiment_text, rollout_table, rollout_text,
};
use serde_json::{Map, Value, json};

use super::super::case::{Case, same};
use super::super::registry::Registry;
use super::commands::stored;
use super::pictures::{same_lines, surroundings};

pub fn register(registry: &mut Registry) {
    models(registry);
    queries(registry);
    texts(registry);
    registry.skip(
        "cli/cmd/list.ListOptions.ListOptions",
        "the options of a request",
    );
    registry.skip(
        "cli/cmd/list.ListOptions.PrintRolloutUpdates",
        "a watch, without the changes it saw",
    );
}

fn models(registry: &mut Registry) {
    registry.on("cli/info.NewRolloutInfo", |case| {
        let ours =
            RolloutInfo::new(&case.arg("ro"), &arguments(case)).map_err(|e| e.to_string())?;
        compare("r0", &case.out("/r0"), &rollout_model(&ours))
    });
    registry.on("cli/info.NewExperimentInfo", |case| {
        let ours = ExperimentInfo::new(&case.arg("exp"), &arguments(case));
        compare("r0", &case.out("/r0"), &experiment_model(&ours))
    });
}

fn queries(registry: &mut Registry) {
    registry.on("cli/info.Images", |case| {
        images(case, &rollout_info(&case.arg("r")).images())
    });
    registry.on("cli/info.ExperimentImages", |case| {
        images(case, &experiment_info(&case.arg("r")).images())
    });
    registry.on("cli/info.Revisions", |case| {
        case.expect(&[("r0", json!(rollout_info(&case.arg("r")).revisions()))])
    });
    registry.on("cli/info.ReplicaSetsByRevision", |case| {
        let (info, revision) = (rollout_info(&case.arg("r")), i64::from(case.number("rev")));
        let ours: Vec<Value> = info
            .replica_sets_of(revision)
            .map(replica_set_model)
            .collect();
        compare("r0", &case.out("/r0"), &json!(ours))
    });
    registry.on("cli/info.ScaleDownDelay", |case| {
        let delay = replica_set_info(&case.arg("rs")).delay(case.now());
        case.expect(&[("r0", json!(delay))])
    });
    registry.on("cli/info.Age", |case| {
        let since = meta::creation_timestamp(&json!({"metadata": case.arg("m")}));
        case.expect(&[("r0", json!(human::age(since, case.now())))])
    });
}

fn texts(registry: &mut Registry) {
    registry.on("cli/cmd/get.GetOptions.PrintRollout", |case| {
        let name = text(&case.arg("roInfo"), "/objectMeta/name");
        same_lines(&printed(case), &picture(case, &name)?)
    });
    registry.on("cli/cmd/get.GetOptions.PrintExperiment", |case| {
        let name = text(&case.arg("exInfo"), "/objectMeta/name");
        let experiment = stored(case, "Experiment", &name).ok_or("no Experiment")?;
        let info = ExperimentInfo::new(experiment, &around(case));
        same_lines(
            &printed(case),
            &experiment_text(&info, case.now(), Painter::PLAIN),
        )
    });
    registry.on("cli/cmd/get.GetOptions.WatchRollout", |case| {
        let printed = printed(case);
        for theirs in printed.split("\u{1b}[H\u{1b}[2J\u{1b}[0;0H").skip(1) {
            let name = theirs
                .lines()
                .next()
                .and_then(|line| line.split_whitespace().nth(1));
            same_lines(theirs, &picture(case, name.unwrap_or_default())?)?;
        }
        Ok(())
    });
    registry.on("cli/cmd/status.StatusOptions.WatchStatus", status);
    registry.on("cli/cmd/list.ListOptions.PrintRolloutTable", |case| {
        let rows: Vec<_> = items(case, "roList").iter().map(RolloutRow::new).collect();
        let columns = ListColumns {
            namespace: case.arg("recv")["allNamespaces"] == Value::Bool(true),
            timestamp: (case.arg("recv")["timestamps"] == Value::Bool(true)).then(|| case.now()),
        };
        listed(case, rows.is_empty(), &rollout_table(&rows, columns, true))
    });
    registry.on("cli/cmd/list.ListOptions.PrintExperimentTable", |case| {
        let rows: Vec<_> = items(case, "expList")
            .iter()
            .map(|object| ExperimentRow::new(object, case.now()))
            .collect();
        let all = case.arg("recv")["allNamespaces"] == Value::Bool(true);
        listed(case, rows.is_empty(), &experiment_table(&rows, all))
    });
}

/// The lines of `status --watch` on a world that stands still. The Rollout's name is not recorded: one of the store's.
fn status(case: &Case) -> Result<(), String> {
    let around = around(case);
    let objects = case.line["in"]["$store"].as_array().into_iter().flatten();
    let mut outcome = Err("no Rollout".to_owned());
    for rollout in objects.filter(|object| meta::kind(object) == "Rollout") {
        let info = RolloutInfo::new(rollout, &around).map_err(|e| e.to_string())?;
        let settled = info.is_settled().then(|| info.phase.as_str());
        outcome = same("r0", &case.out("/r0"), &json!(settled))
            .and_then(|()| same_lines(&printed(case), &info.status_line()));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn printed(case: &Case) -> String {
    text(&case.line, "/out/after/recv/Out/buf")
}

fn around(case: &Case) -> Surroundings {
    surroundings(case.line["in"]["$store"].as_array().into_iter().flatten())
}

fn picture(case: &Case, name: &str) -> Result<String, String> {
    let rollout = stored(case, "Rollout", name).ok_or("no Rollout")?;
    let info = RolloutInfo::new(rollout, &around(case)).map_err(|e| e.to_string())?;
    Ok(rollout_text(&info, case.now(), Painter::PLAIN))
}

fn items(case: &Case, name: &str) -> Vec<Value> {
    case.arg(name)["items"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// The blanks that fill the last column count here: scripts cut lists by column.
fn listed(case: &Case, is_empty: bool, ours: &str) -> Result<(), String> {
    if is_empty {
        let note = text(&case.line, "/out/after/recv/ErrOut/buf");
        return same("ErrOut", &json!(note), &json!("No resources found.\n"));
    }
    same("Out", &json!(printed(case)), &json!(ours))
}

/// The objects that are arguments of their own.
fn arguments(case: &Case) -> Surroundings {
    let list = |name: &str| case.arg(name).as_array().cloned().unwrap_or_default();
    let workload = case.arg("workloadRef");
    Surroundings {
        replica_sets: list("allReplicaSets"),
        pods: list("allPods"),
        experiments: list("allExperiments"),
        analysis_runs: [list("allARs"), list("allAnalysisRuns")].concat(),
        workload: (!workload.is_null()).then_some(workload),
    }
}

fn images(case: &Case, ours: &[ImageInfo]) -> Result<(), String> {
    let ours: Vec<Value> = ours
        .iter()
        .map(|image| json!({"Image": image.image, "Tags": image.tags}))
        .collect();
    case.expect(&[("r0", json!(ours))])
}

/// Compares the parts of upstream's model that ours has.
fn compare(what: &str, theirs: &Value, ours: &Value) -> Result<(), String> {
    same(what, &shared(theirs, ours), ours)
}

fn shared(theirs: &Value, ours: &Value) -> Value {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let fields = theirs
                .iter()
                .filter_map(|(key, field)| Some((key.clone(), shared(field, ours.get(key)?))));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let pairs = theirs.iter().enumerate();
            pairs
                .map(|(index, item)| {
                    ours.get(index)
                        .map_or_else(|| item.clone(), |o| shared(item, o))
                })
                .collect()
        }
        (theirs, _) => theirs.clone(),
    }
}

fn object_meta(row: &Row) -> Value {
    json!({"name": row.name, "creationTimestamp": row.created.map(time::rfc3339)})
}

fn replica_set_model(set: &ReplicaSetInfo) -> Value {
    let pods: Vec<Value> = set
        .pods
        .iter()
        .map(|pod| {
            json!({
                "objectMeta": object_meta(&pod.row), "icon": pod.row.icon, "status": pod.row.status,
                "ready": format!("{}/{}", pod.ready, pod.containers), "restarts": pod.restarts,
            })
        })
        .collect();
    let is = |tag: Tag| set.tags.contains(&tag);
    json!({
        "objectMeta": object_meta(&set.row), "icon": set.row.icon, "status": set.row.status,
        "revision": set.revision, "template": set.template, "replicas": set.replicas, "available": set.available,
        "scaleDownDeadline": set.scale_down_deadline, "images": set.images,
        "initContainerImages": set.init_container_images, "pods": pods,
        "stable": is(Tag::Stable), "canary": is(Tag::Canary), "active": is(Tag::Active),
        "preview": is(Tag::Preview), "ping": is(Tag::Ping), "pong": is(Tag::Pong),
    })
}

fn analysis_run_model(run: &AnalysisRunInfo) -> Value {
    let jobs: Vec<Value> = run
        .jobs
        .iter()
        .map(|job| {
            json!({
                "objectMeta": {"name": job.row.name}, "icon": job.row.icon, "status": job.row.status,
                "startedAt": job.row.created.map(time::rfc3339), "metricName": job.metric,
            })
        })
        .collect();
    json!({
        "objectMeta": object_meta(&run.row), "icon": run.row.icon, "status": run.row.status, "revision": run.revision,
        "successful": run.successful, "failed": run.failed, "inconclusive": run.inconclusive, "error": run.error,
        "jobs": jobs,
    })
}

fn experiment_model(experiment: &ExperimentInfo) -> Value {
    let (sets, runs) = (&experiment.replica_sets, &experiment.analysis_runs);
    json!({
        "objectMeta": object_meta(&experiment.row), "icon": experiment.row.icon, "status": experiment.row.status,
        "message": experiment.message, "revision": experiment.revision,
        "replicaSets": sets.iter().map(replica_set_model).collect::<Vec<_>>(),
        "analysisRuns": runs.iter().map(analysis_run_model).collect::<Vec<_>>(),
    })
}

fn rollout_model(info: &RolloutInfo) -> Value {
    let canary = info.canary.as_ref();
    let step = canary.and_then(|canary| canary.step);
    let (sets, experiments, runs) = (&info.replica_sets, &info.experiments, &info.analysis_runs);
    json!({
        "objectMeta": {"name": info.name, "namespace": info.namespace, "creationTimestamp": info.created.map(time::rfc3339)},
        "icon": info.icon(), "status": info.phase.as_str(), "message": info.message, "strategy": info.strategy(),
        "step": step.map_or_else(String::new, |(done, all)| format!("{done}/{all}")),
        "setWeight": canary.map(|canary| canary.set_weight.to_string()),
        "actualWeight": canary.map(|canary| canary.actual_weight.to_string()),
        "desired": info.replicas.desired, "current": info.replicas.current, "updated": info.replicas.updated,
        "ready": info.replicas.ready, "available": info.replicas.available,
        "replicaSets": sets.iter().map(replica_set_model).collect::<Vec<_>>(),
        "experiments": experiments.iter().map(experiment_model).collect::<Vec<_>>(),
        "analysisRuns": runs.iter().map(analysis_run_model).collect::<Vec<_>>(),
    })
}

fn list<T>(value: &Value, name: &str, read: fn(&Value) -> T) -> Vec<T> {
    value[name]
        .as_array()
        .into_iter()
        .flatten()
        .map(read)
        .collect()
}

fn number<T: TryFrom<i64> + Default>(value: &Value, name: &str) -> T {
    let number = value[name].as_i64().unwrap_or_default();
    T::try_from(number).unwrap_or_default()
}

fn row(value: &Value) -> Row {
    let created: Option<Timestamp> = text(value, "/objectMeta/creationTimestamp").parse().ok();
    Row {
        name: text(value, "/objectMeta/name"),
        created,
        status: text(value, "/status"),
        icon: text(value, "/icon").leak(),
    }
}

fn pod_info(value: &Value) -> PodInfo {
    let ready = text(value, "/ready");
    let (ready, containers) = ready.split_once('/').unwrap_or_default();
    PodInfo {
        row: row(value),
        ready: ready.parse().unwrap_or_default(),
        containers: containers.parse().unwrap_or_default(),
        restarts: number(value, "restarts"),
    }
}

fn replica_set_info(value: &Value) -> ReplicaSetInfo {
    let texts = |name: &str| {
        list(value, name, |item| {
            item.as_str().unwrap_or_default().to_owned()
        })
    };
    let tags = [
        Tag::Stable,
        Tag::Canary,
        Tag::Active,
        Tag::Preview,
        Tag::Ping,
        Tag::Pong,
    ];
    ReplicaSetInfo {
        row: row(value),
        revision: number(value, "revision"),
        tags: tags
            .into_iter()
            .filter(|tag| value[tag.as_str()] == Value::Bool(true))
            .collect(),
        template: text(value, "/template"),
        replicas: number(value, "replicas"),
        available: number(value, "available"),
        scale_down_deadline: text(value, "/scaleDownDeadline"),
        images: texts("images"),
        init_container_images: texts("initContainerImages"),
        pods: list(value, "pods", pod_info),
    }
}

/// As much of an AnalysisRun as the queries look at.
fn analysis_run_info(value: &Value) -> AnalysisRunInfo {
    AnalysisRunInfo {
        row: row(value),
        revision: number(value, "revision"),
        successful: number(value, "successful"),
        failed: number(value, "failed"),
        inconclusive: number(value, "inconclusive"),
        error: number(value, "error"),
        jobs: Vec::new(),
    }
}

fn experiment_info(value: &Value) -> ExperimentInfo {
    ExperimentInfo {
        row: row(value),
        namespace: text(value, "/objectMeta/namespace"),
        message: text(value, "/message"),
        revision: number(value, "revision"),
        replica_sets: list(value, "replicaSets", replica_set_info),
        analysis_runs: list(value, "analysisRuns", analysis_run_info),
    }
}

/// As much of a Rollout as the queries look at.
fn rollout_info(value: &Value) -> RolloutInfo {
    let Row {
        name,
        created,
        status,
        ..
    } = row(value);
    RolloutInfo {
        name,
        namespace: text(value, "/objectMeta/namespace"),
        created,
        phase: status.into(),
        message: text(value, "/message"),
        canary: None,
        replicas: rollouts::info::ReplicaCounts::default(),
        replica_sets: list(value, "replicaSets", replica_set_info),
        experiments: list(value, "experiments", experiment_info),
        analysis_runs: list(value, "analysisRuns", analysis_run_info),
    }
}
