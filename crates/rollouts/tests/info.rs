//! The pictures of `get rollout` and `get experiment`, compared with upstream's goldens.
#![cfg(test)]
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use machinery::{meta, time, yaml};
use rollouts::info::{
    ExperimentInfo, Painter, RolloutInfo, Surroundings, experiment_text, rollout_text,
};
use serde_json::Value;

#[test]
fn pictures_equal_upstreams_goldens() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/rollouts/info"
    ));
    let Ok(text) = std::fs::read_to_string(folder.join("cases.json")) else {
        println!("skipped: no recorded cases");
        return;
    };
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let golden =
            std::fs::read_to_string(folder.join(case["golden"].as_str().unwrap())).unwrap();
        let (target, around) = load(folder, case, now);
        let picture = match case["target"]["kind"].as_str().unwrap() {
            "Rollout" => rollout_text(
                &RolloutInfo::new(&target, &around).unwrap(),
                now,
                Painter::PLAIN,
            ),
            _ => experiment_text(&ExperimentInfo::new(&target, &around), now, Painter::PLAIN),
        };
        assert_eq!(trimmed(&picture), trimmed(&golden), "{}", case["name"]);
    }
}

fn trimmed(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

fn load(folder: &Path, case: &Value, now: Timestamp) -> (Value, Surroundings) {
    let folder = folder.join(case["fixtures"].as_str().unwrap());
    let (mut target, mut around) = (Value::Null, Surroundings::default());
    let week_ago = time::rfc3339(now - SignedDuration::from_hours(7 * 24));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for mut object in yaml::parse_documents(&text).unwrap() {
            meta::set(&mut object, "creationTimestamp", week_ago.clone().into());
            age_measurements(&mut object, &week_ago);
            mutate(&mut object, case, now);
            let name = file.file_name().unwrap().to_str().unwrap();
            if case["target"]["file"] == name {
                target = object.clone();
            }
            match meta::kind(&object) {
                "ReplicaSet" => around.replica_sets.push(object),
                "Pod" => around.pods.push(object),
                "Experiment" => around.experiments.push(object),
                "AnalysisRun" => around.analysis_runs.push(object),
                "Deployment" => around.workload = Some(object),
                _ => {}
            }
        }
    }
    (target, around)
}

fn age_measurements(object: &mut Value, at: &str) {
    let results = object
        .pointer_mut("/status/metricResults")
        .and_then(Value::as_array_mut);
    for result in results.into_iter().flatten() {
        for measurement in result["measurements"].as_array_mut().unwrap() {
            measurement["startedAt"] = at.into();
        }
    }
}

fn mutate(object: &mut Value, case: &Value, now: Timestamp) {
    for mutation in case["mutations"].as_array().unwrap() {
        if mutation["name"] != meta::name(object) || mutation["kind"] != meta::kind(object) {
            continue;
        }
        for (annotation, seconds) in mutation["setAnnotationTime"].as_object().unwrap() {
            let at = now + SignedDuration::from_secs(seconds.as_i64().unwrap());
            meta::set_annotation(object, annotation, &time::rfc3339(at));
        }
        for label in mutation["removeLabels"].as_array().unwrap() {
            meta::remove_label(object, label.as_str().unwrap());
        }
    }
}
