//! Folders of files: `info/`, goldens of `get`, and `lint/`, manifests and verdicts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use machinery::{meta, time, yaml};
use rollouts::info::{
    ExperimentInfo, Painter, RolloutInfo, Surroundings, experiment_text, rollout_text,
};
use rollouts::validation::lint::lint;
use serde_json::{Value, json};

use super::super::case::same;
use super::super::registry::{Outcomes, Registry};

pub fn register(registry: &mut Registry) {
    registry.table("info", |folder| {
        each(folder, "name", |case| picture(folder, case))
    });
    registry.table("lint", |folder| {
        each(folder, "file", |case| verdict(folder, case))
    });
}

fn each(
    folder: &Path,
    name: &str,
    compare: impl Fn(&Value) -> Result<Result<(), String>>,
) -> Result<Outcomes> {
    let path = folder.join("cases.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let file: Value = serde_json::from_str(&text)?;
    let cases = file["cases"].as_array().into_iter().flatten();
    cases
        .map(|case| {
            let outcome = compare(case).unwrap_or_else(|error| Err(error.to_string()));
            Ok((
                case[name].as_str().unwrap_or_default().to_owned(),
                outcome.into(),
            ))
        })
        .collect()
}

fn verdict(folder: &Path, case: &Value) -> Result<Result<(), String>> {
    let text = fs::read_to_string(folder.join(case["file"].as_str().unwrap_or_default()))?;
    let problems = lint(&text);
    let first = problems
        .first()
        .map(|problem| format!("Error: {problem}\n"));
    let code = i32::from(!problems.is_empty());
    Ok(same("stderr", &case["stderr"], &json!(first))
        .and_then(|()| same("exitCode", &case["exitCode"], &json!(code))))
}

fn picture(folder: &Path, case: &Value) -> Result<Result<(), String>> {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    let golden = fs::read_to_string(folder.join(case["golden"].as_str().unwrap_or_default()))?;
    let (target, around) = load(folder, case, now)?;
    let ours = if case["target"]["kind"] == "Rollout" {
        rollout_text(&RolloutInfo::new(&target, &around)?, now, Painter::PLAIN)
    } else {
        experiment_text(&ExperimentInfo::new(&target, &around), now, Painter::PLAIN)
    };
    Ok(same_lines(&golden, &ours))
}

/// Compares texts line by line; blanks at the end of a line don't count.
pub(super) fn same_lines(theirs: &str, ours: &str) -> Result<(), String> {
    let (mut theirs, mut ours) = (theirs.lines(), ours.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (theirs.next(), ours.next()) {
            (None, None) => return Ok(()),
            (a, b) if a.map(str::trim_end) == b.map(str::trim_end) => {}
            (a, b) => return Err(format!("line {number}: upstream {a:?}, ours {b:?}")),
        }
    }
}

/// The fixtures, as old as upstream's test makes them, and with the case's changes.
fn load(folder: &Path, case: &Value, now: Timestamp) -> Result<(Value, Surroundings)> {
    let folder = folder.join(case["fixtures"].as_str().unwrap_or_default());
    let (mut target, mut objects) = (Value::Null, Vec::new());
    let week_ago = time::rfc3339(now - SignedDuration::from_hours(7 * 24));
    let mut files: Vec<_> = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    for file in files {
        let is_target = file
            .file_name()
            .is_some_and(|name| case["target"]["file"] == *name.to_string_lossy());
        for mut object in yaml::parse_documents(&fs::read_to_string(&file)?)? {
            meta::set(&mut object, "creationTimestamp", week_ago.clone().into());
            age_measurements(&mut object, &week_ago);
            mutate(&mut object, case, now);
            if is_target {
                target = object.clone();
            }
            objects.push(object);
        }
    }
    Ok((target, surroundings(objects.iter())))
}

/// Objects by kind.
pub(super) fn surroundings<'a>(objects: impl Iterator<Item = &'a Value>) -> Surroundings {
    let mut around = Surroundings::default();
    for object in objects.cloned() {
        match meta::kind(&object) {
            "ReplicaSet" => around.replica_sets.push(object),
            "Pod" => around.pods.push(object),
            "Experiment" => around.experiments.push(object),
            "AnalysisRun" => around.analysis_runs.push(object),
            "Deployment" => around.workload = Some(object),
            _ => {}
        }
    }
    around
}

fn age_measurements(object: &mut Value, at: &str) {
    let results = object
        .pointer_mut("/status/metricResults")
        .and_then(Value::as_array_mut);
    for result in results.into_iter().flatten() {
        let measurements = result.get_mut("measurements").and_then(Value::as_array_mut);
        for measurement in measurements.into_iter().flatten() {
            measurement["startedAt"] = at.into();
        }
    }
}

fn mutate(object: &mut Value, case: &Value, now: Timestamp) {
    for mutation in case["mutations"].as_array().into_iter().flatten() {
        if mutation["name"] != meta::name(object) || mutation["kind"] != meta::kind(object) {
            continue;
        }
        for (annotation, seconds) in mutation["setAnnotationTime"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let at = now + SignedDuration::from_secs(seconds.as_i64().unwrap_or(0));
            meta::set_annotation(object, annotation, &time::rfc3339(at));
        }
        for label in mutation["removeLabels"].as_array().into_iter().flatten() {
            meta::remove_label(object, label.as_str().unwrap_or_default());
        }
    }
}
