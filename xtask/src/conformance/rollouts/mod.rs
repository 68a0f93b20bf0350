//! Argo Rollouts, one file per area.

mod commands;
mod conditions;
mod counts;
mod hash;
mod info;
mod misc;
mod phase;
mod pictures;
mod reconcile;
mod replica_sets;
mod tables;
mod validation;

use std::path::Path;

use rollouts::api::Rollout;
use rollouts::replicas::ReplicaSetView;

use serde_json::{Value, json};

use super::case::Case;
use super::registry::Registry;

/// Everything that is replayed, and why the rest is not. Some calls read files of the folder.
pub fn registry(folder: &Path) -> Registry {
    let mut registry = Registry::default();
    tables::register(&mut registry);
    counts::register(&mut registry);
    replica_sets::register(&mut registry);
    conditions::register(&mut registry);
    phase::register(&mut registry);
    hash::register(&mut registry);
    validation::register(&mut registry);
    misc::register(&mut registry);
    reconcile::register(&mut registry);
    commands::register(&mut registry, folder);
    info::register(&mut registry);
    pictures::register(&mut registry);
    not_yet(&mut registry);
    registry
}

fn not_yet(registry: &mut Registry) {
    for beginning in [
        "analysis.",
        "utils/analysis.",
        "utils/template.",
        "utils/evaluate.",
        "utils/metric.",
        "metricproviders/",
        "validation.ValidateAnalysis",
        "validation.buildAnalysisArgs",
        "validation.validateAnalysisMetrics",
        "validation.setArgValuePlaceHolder",
        "validation.GetAnalysisTemplate",
    ] {
        registry.skip(beginning, "analysis is not supported yet");
    }
    for beginning in [
        "experiments.",
        "utils/experiment.",
        "utils/conditions.",
        "rollout.GetExperimentFromTemplate",
    ] {
        registry.skip(beginning, "experiments are not supported yet");
    }
    for beginning in [
        "rollout/trafficrouting",
        "utils/aws.",
        "utils/ingress.",
        "utils/istio.",
        "utils/apisix.",
        "ingress.",
        "validation.ValidateVirtualService",
        "validation.ValidateAppMesh",
        "validation.ValidateAmbassador",
        "rollout.calculateWeightStatus",
        "rollout.trafficWeightUpdatedMessage",
        "rollout.getIstioDestinationRuleSpec",
        "rollout.subsetReferencesHash",
        "rollout.shouldVerifyTargetGroup",
    ] {
        registry.skip(beginning, "traffic routing is not supported yet");
    }
    for beginning in ["rollout/steps/plugin", "rollout.stepPluginContext"] {
        registry.skip(beginning, "step plugins are not supported yet");
    }
    registry.skip(
        "rollout.",
        "a step inside the controller without a counterpart",
    );
    registry.skip("e2e-reference.tsv", "scenarios, not calls");
}

fn rollout(case: &Case, name: &str) -> Rollout {
    case.read(name)
}

/// The Rollout of a swept case. Recordings leave out empty lists and maps, but the case's name says where one was put:
/// `…/steps_emptied#…` below `root`. It is put back, as far as our type tells it from an absent one.
fn swept_rollout(case: &Case, root: &str) -> Rollout {
    let mut value = case.arg("rollout");
    let path = case
        .name()
        .split_once("_emptied#")
        .and_then(|(before, _)| before.rsplit_once('/'));
    if let Some((_, path)) = path {
        let pointer = format!(
            "{root}/{}",
            path.replace('[', "/").replace(']', "").replace('.', "/")
        );
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        let is_map = ["labels", "annotations", "matchLabels"].contains(&key);
        for empty in if is_map {
            [json!({}), json!([])]
        } else {
            [json!([]), json!({})]
        } {
            let mut candidate = value.clone();
            match candidate.pointer_mut(parent).and_then(Value::as_object_mut) {
                Some(parent) if !parent.contains_key(key) => parent.insert(key.to_owned(), empty),
                _ => break,
            };
            if rollouts::api::decode::lenient::<Rollout>(&candidate)
                .problems
                .is_empty()
            {
                value = candidate;
                break;
            }
        }
    }
    rollouts::api::decode::lenient(&value).object
}

fn set(case: &Case, name: &str) -> Option<ReplicaSetView> {
    case.read_option(name)
}

fn sets(case: &Case, name: &str) -> Vec<ReplicaSetView> {
    case.read_list(name)
}

fn refs(sets: &[ReplicaSetView]) -> Vec<&ReplicaSetView> {
    sets.iter().collect()
}
