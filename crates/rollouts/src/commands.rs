//! What the commands of people and scripts write: promote, abort, retry, restart, pause, set image, undo.
//!
//! Pure: a Rollout in, patches out. The controller notices them and does the rest (the handshake is in `rollout/`).
//! Mirrors upstream's `pkg/kubectl-argo-rollouts/cmd`.

use jiff::Timestamp;
use machinery::meta;
use serde_json::{Value, json};

use crate::api::analysis_run::AnalysisPhase;
use crate::api::decode::lenient;
use crate::api::labels;
use crate::api::rollout::Rollout;
use crate::phase;

/// A command that can't be carried out as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Two of the old flags at once.
    #[error("Cannot use skip-current-step and skip-all-steps flags at the same time")]
    BothSkips,
    /// The old flags on a blue-green Rollout.
    #[error("Cannot skip steps of a bluegreen rollout. Run without a flags")]
    SkipOnBlueGreen,
    /// The old flags without steps.
    #[error("Cannot skip steps of a rollout without steps")]
    SkipWithoutSteps,
    /// `set image` of a container that isn't in the template.
    #[error("unable to find container named \"{0}\"")]
    NoContainer(String),
    /// `undo` to a revision that isn't there.
    #[error("unable to find specified revision {0} in history")]
    NoRevision(i64),
    /// `undo` with no older revision.
    #[error("no revision found for rollout \"{0}\"")]
    NoHistory(String),
}

/// JSON merge patches, the status's first: a spec patch must never be seen before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patches {
    /// For `/status`.
    pub status: Option<Value>,
    /// For the object itself.
    pub spec: Option<Value>,
}

impl Patches {
    /// Both in one, for CRDs without the status subresource.
    pub fn combined(&self) -> Value {
        let mut all = json!({});
        for patch in [&self.status, &self.spec].into_iter().flatten() {
            if let (Some(all), Some(patch)) = (all.as_object_mut(), patch.as_object()) {
                all.extend(patch.clone());
            }
        }
        all
    }
}

/// How far `promote` goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// To the end: no steps, no pauses, no analysis.
    pub full: bool,
    /// The deprecated flag `--skip-current-step`.
    pub skip_current_step: bool,
    /// The deprecated flag `--skip-all-steps`.
    pub skip_all_steps: bool,
}

/// The patches of `promote`.
///
/// # Errors
/// If the deprecated flags don't fit the strategy.
pub fn promote(object: &Value, how: Promotion) -> Result<Patches, CommandError> {
    let rollout: Rollout = lenient(object).object;
    let steps = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .map_or(0, |canary| canary.steps().len());
    let steps = i32::try_from(steps).unwrap_or(i32::MAX);
    check_skips(&rollout, how, steps)?;
    let next = rollout
        .status
        .current_step_index
        .unwrap_or(0)
        .saturating_add(1)
        .min(steps);
    if how.skip_current_step {
        return Ok(status(&json!({"currentStepIndex": next})));
    }
    if how.skip_all_steps {
        return Ok(status(&json!({"currentStepIndex": steps})));
    }
    let spec = rollout
        .spec
        .paused
        .then(|| json!({"spec": {"paused": false}}));
    let status = if how.full {
        (!phase::is_fully_promoted(&rollout)).then(|| json!({"promoteFull": true}))
    } else if is_inconclusive(&rollout) {
        Some(json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": next}))
    } else if !rollout.status.pause_conditions.is_empty() {
        Some(json!({"pauseConditions": null}))
    } else {
        (steps > 0).then(|| json!({"pauseConditions": null, "currentStepIndex": next}))
    };
    Ok(Patches {
        status: status.map(|status| json!({"status": status})),
        spec,
    })
}

fn check_skips(rollout: &Rollout, how: Promotion, steps: i32) -> Result<(), CommandError> {
    if how.skip_current_step && how.skip_all_steps {
        return Err(CommandError::BothSkips);
    }
    if !how.skip_current_step && !how.skip_all_steps {
        return Ok(());
    }
    if rollout.spec.strategy.blue_green.is_some() {
        return Err(CommandError::SkipOnBlueGreen);
    }
    if steps == 0 {
        Err(CommandError::SkipWithoutSteps)
    } else {
        Ok(())
    }
}

/// Held by an analysis of the step that told nothing.
fn is_inconclusive(rollout: &Rollout) -> bool {
    let status = &rollout.status;
    let run = status.canary.current_step_analysis_run_status.as_ref();
    run.is_some_and(|run| run.status == AnalysisPhase::Inconclusive)
        && status.controller_pause
        && !status.pause_conditions.is_empty()
}

fn status(value: &Value) -> Patches {
    Patches {
        status: Some(json!({"status": value})),
        spec: None,
    }
}

/// The patch of `abort`.
pub fn abort() -> Patches {
    status(&json!({"abort": true}))
}

/// The patch of `retry rollout`.
pub fn retry() -> Patches {
    status(&json!({"abort": false}))
}

/// The patch of `pause`.
pub fn pause() -> Patches {
    Patches {
        status: None,
        spec: Some(json!({"spec": {"paused": true}})),
    }
}

/// The patch of `restart` at a time.
pub fn restart(at: Timestamp) -> Patches {
    Patches {
        status: None,
        spec: Some(json!({"spec": {"restartAt": machinery::time::rfc3339(at)}})),
    }
}

/// `object` (a Rollout, or the Deployment it refers to) with another image. `*` means every container.
///
/// # Errors
/// If it has no such container.
pub fn set_image(object: &Value, container: &str, image: &str) -> Result<Value, CommandError> {
    let mut changed = object.clone();
    let mut found = false;
    for kind in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = changed
            .pointer_mut(&format!("/spec/template/spec/{kind}"))
            .and_then(Value::as_array_mut);
        for entry in containers.into_iter().flatten() {
            let is_meant =
                container == "*" || entry.get("name").and_then(Value::as_str) == Some(container);
            if is_meant && let Some(entry) = entry.as_object_mut() {
                entry.insert("image".to_owned(), image.into());
                found = true;
            }
        }
    }
    if found {
        Ok(changed)
    } else {
        Err(CommandError::NoContainer(container.to_owned()))
    }
}

/// What `undo` comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// A JSON patch for the Rollout, or for the workload it refers to.
    Patch(Value),
    /// The template is that of the revision already.
    Skipped,
}

/// Goes back to a revision, 0 meaning the one before the last, among ReplicaSets that the Rollout controls.
///
/// # Errors
/// If there is no such revision.
pub fn undo(object: &Value, replica_sets: &[Value], to: i64) -> Result<Undo, CommandError> {
    let uid = meta::uid(object);
    let owned = replica_sets
        .iter()
        .filter(|set| meta::controller_of(set).is_some_and(|owner| owner.uid == uid));
    let mut sets: Vec<(i64, &Value)> = owned
        .map(|set| {
            let revision =
                meta::annotation(set, labels::REVISION).and_then(|text| text.parse().ok());
            (revision.unwrap_or(0), set)
        })
        .collect();
    sets.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    let found = match to {
        0 => sets
            .get(1)
            .map(|(_, set)| *set)
            .ok_or_else(|| CommandError::NoHistory(meta::name(object).to_owned())),
        _ => sets
            .iter()
            .find(|(revision, _)| *revision == to)
            .map(|(_, set)| *set)
            .ok_or(CommandError::NoRevision(to)),
    }?;
    let mut template = found.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(crate::api::labels::POD_TEMPLATE_HASH);
    }
    let from_reference = object
        .pointer("/spec/workloadRef")
        .is_some_and(|reference| !reference.is_null());
    let current = object.pointer("/spec/template");
    if !from_reference && current.is_some_and(|current| is_contained(current, &template)) {
        return Ok(Undo::Skipped);
    }
    Ok(Undo::Patch(
        json!([{"op": "replace", "path": "/spec/template", "value": template}]),
    ))
}

/// Whether everything that `part` sets is the same in `whole`. Lists must be of one length.
fn is_contained(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Null, _) => true,
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(key, value)| {
            whole
                .get(key)
                .map_or_else(|| is_empty(value), |other| is_contained(value, other))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_contained(a, b))
        }
        (part, whole) => part == whole,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(status: &Value) -> Value {
        json!({"spec": {"paused": true, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}}, "status": status})
    }

    #[test]
    fn promote_leaves_a_pause_before_it_skips_a_step() {
        let paused = canary(
            &json!({"currentStepIndex": 1, "pauseConditions": [{"reason": "CanaryPauseStep"}]}),
        );
        let spec = Some(json!({"spec": {"paused": false}}));
        let patches = promote(&paused, Promotion::default());
        let status = Some(json!({"status": {"pauseConditions": null}}));
        assert_eq!(
            patches,
            Ok(Patches {
                status,
                spec: spec.clone()
            })
        );

        let running = canary(&json!({"currentStepIndex": 1}));
        let status = Some(json!({"status": {"pauseConditions": null, "currentStepIndex": 2}}));
        assert_eq!(
            promote(&running, Promotion::default()),
            Ok(Patches { status, spec })
        );
    }

    #[test]
    fn undo_goes_to_the_revision_before_the_last() {
        let set = |revision: &str, image: &str| {
            json!({
                "metadata": {"annotations": {labels::REVISION: revision}, "ownerReferences": [{"uid": "u", "controller": true}]},
                "spec": {"template": {"metadata": {"labels": {"app": "a", labels::POD_TEMPLATE_HASH: "h"}}, "spec": {"image": image}}},
            })
        };
        let rollout = json!({"metadata": {"name": "r", "uid": "u"}, "spec": {"template": {"spec": {"image": "c"}}}});
        let sets = [set("1", "a"), set("3", "c"), set("2", "b")];
        let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"image": "b"}});
        let patch = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        assert_eq!(undo(&rollout, &sets, 0), Ok(Undo::Patch(patch)));
        assert_eq!(undo(&rollout, &sets, 3), Ok(Undo::Skipped));
        assert_eq!(undo(&rollout, &sets, 9), Err(CommandError::NoRevision(9)));
        assert_eq!(
            undo(&rollout, &sets[..1], 0),
            Err(CommandError::NoHistory("r".to_owned()))
        );
    }
}
