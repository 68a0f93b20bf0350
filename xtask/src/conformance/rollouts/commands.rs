//! What the commands of people write: promote, abort, retry, restart, set image, undo; and what `lint` says.

use std::fs;
use std::path::Path;

use machinery::meta;
use rollouts::commands::{self, CommandError, Patches, Promotion, Undo};
use rollouts::validation::lint::lint;
use serde_json::{Value, json};

use super::super::case::{Case, same};
use super::super::registry::Registry;

/// Registers the commands; `folder` holds the files that `lint` reads.
pub fn register(registry: &mut Registry, folder: &Path) {
    registry.on("cli/cmd/promote.PromoteRollout", |case| {
        let flag = |name: &str| case.arg(name) == Value::Bool(true);
        let how = Promotion {
            full: flag("full"),
            skip_current_step: flag("skipCurrentStep"),
            skip_all_steps: flag("skipAllSteps"),
        };
        match stored(case, "Rollout", &case.text("name")) {
            Some(rollout) => writes(case, commands::promote(rollout, how)),
            None => not_found(case),
        }
    });
    registry.on("cli/cmd/abort.AbortRollout", |case| {
        writes(case, Ok(commands::abort()))
    });
    registry.on("cli/cmd/retry.RetryRollout", |case| {
        writes(case, Ok(commands::retry()))
    });
    registry.on("cli/cmd/restart.RestartRollout", |case| {
        let at = case.text("restartAt").parse().unwrap_or(case.now());
        writes(case, Ok(commands::restart(at)))
    });
    registry.on("cli/cmd/set.SetImage", set_image);
    registry.on("cli/cmd/undo.RunUndoRollout", undo);
    registry.skip(
        "cli/cmd/terminate",
        "analysis and experiments are not supported yet",
    );
    let lints = folder.join("lint");
    registry.on("cli/cmd/lint.LintOptions.lintResource", {
        let lints = lints.clone();
        move |case| lint_file(case, &lints)
    });
    registry.skip_if(
        "cli/cmd/lint.LintOptions.lintResource",
        "the file is not among the recorded ones",
        move |case| !lints.join(file_name(case)).is_file(),
    );
}

/// An object of the recorded store.
pub(super) fn stored<'a>(case: &'a Case, kind: &str, name: &str) -> Option<&'a Value> {
    let objects = case.line["in"]["$store"].as_array().into_iter().flatten();
    objects
        .into_iter()
        .find(|object| meta::kind(object) == kind && meta::name(object) == name)
}

fn actions(case: &Case) -> &[Value] {
    case.line["out"]["actions"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

fn not_found(case: &Case) -> Result<(), String> {
    same("error/code", &case.out("/error/code"), &json!(404))
}

/// Compares patches with the recorded writes. Where the server refused one, ours come as far as upstream's did; where it
/// had no status subresource, both fall back to one patch.
fn writes(case: &Case, ours: Result<Patches, CommandError>) -> Result<(), String> {
    let patches = match ours {
        Ok(patches) => patches,
        Err(error) => {
            return same(
                "error",
                &case.out("/error/message"),
                &json!(error.to_string()),
            );
        }
    };
    let write = |subresource: &str, patch: &Value| (subresource.to_owned(), patch.clone());
    let theirs: Vec<(String, Value)> = actions(case)
        .iter()
        .map(|action| {
            write(
                action["subresource"].as_str().unwrap_or_default(),
                &action["patch"],
            )
        })
        .collect();
    let mut expected: Vec<(String, Value)> = Vec::new();
    expected.extend(patches.status.as_ref().map(|patch| write("status", patch)));
    let falls_back =
        patches.status.is_some() && theirs.get(1) == Some(&write("", &patches.combined()));
    if falls_back {
        expected.push(write("", &patches.combined()));
    } else {
        expected.extend(patches.spec.as_ref().map(|patch| write("", patch)));
    }
    let refused = case.out("/error") != Value::Null;
    let equal = if refused && !theirs.is_empty() {
        expected.starts_with(&theirs)
    } else {
        !refused && expected == theirs
    };
    if equal {
        Ok(())
    } else {
        Err(format!(
            "writes: upstream {theirs:?} {}, ours {expected:?}",
            case.out("/error")
        ))
    }
}

fn set_image(case: &Case) -> Result<(), String> {
    let Some(rollout) = stored(case, "Rollout", &case.text("rollout")) else {
        return not_found(case);
    };
    let reference = rollout
        .pointer("/spec/workloadRef/name")
        .and_then(Value::as_str);
    let target = match reference {
        Some(name) => stored(case, "Deployment", name),
        None => Some(rollout),
    };
    let Some(target) = target else {
        return not_found(case);
    };
    match commands::set_image(target, &case.text("container"), &case.text("image")) {
        Ok(changed) => {
            let written = actions(case).first().map(|action| &action["object"]);
            same("object", written.unwrap_or(&Value::Null), &changed)
        }
        Err(error) => same(
            "error",
            &case.out("/error/message"),
            &json!(error.to_string()),
        ),
    }
}

fn undo(case: &Case) -> Result<(), String> {
    let name = case.text("name");
    let Some(rollout) = stored(case, "Rollout", &name) else {
        return not_found(case);
    };
    let sets: Vec<Value> = case.line["in"]["$store"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|object| meta::kind(object) == "ReplicaSet")
        .cloned()
        .collect();
    let to = case.arg("toRevision").as_i64().unwrap_or(0);
    match commands::undo(rollout, &sets, to) {
        Ok(Undo::Skipped) => {
            let text = format!("skipped rollback (current template already matches revision {to})");
            same("r0", &case.out("/r0"), &json!(text))
        }
        Ok(Undo::Patch(patch)) => {
            let written = actions(case).first().map(|action| &action["patch"]);
            same("patch", written.unwrap_or(&Value::Null), &patch)
        }
        Err(error) => same(
            "error",
            &case.out("/error/message"),
            &json!(error.to_string()),
        ),
    }
}

fn file_name(case: &Case) -> String {
    let path = case.text("path");
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn lint_file(case: &Case, folder: &Path) -> Result<(), String> {
    let text = fs::read_to_string(folder.join(file_name(case))).map_err(|e| e.to_string())?;
    let first = lint(&text).first().map(ToString::to_string);
    same("error/message", &case.out("/error/message"), &json!(first))
}
