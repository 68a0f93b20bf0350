//! What this version of Carrick does not do yet. A Rollout that asks for it is refused rather than shipped without it: an
//! analysis that never runs must not look like one that passed.

use crate::api::Rollout;
use crate::api::step::CanaryStep;
use crate::api::strategy::CanaryStrategy;

use super::FieldError;

/// Errors of parts of a valid Rollout that are not carried out, in the order of the spec.
pub fn unsupported(rollout: &Rollout) -> Vec<FieldError> {
    let strategy = &rollout.spec.strategy;
    let mut found: Vec<(String, &str)> = Vec::new();
    if let Some(blue_green) = &strategy.blue_green {
        let path = "spec.strategy.blueGreen";
        if blue_green.pre_promotion_analysis.is_some() {
            found.push((format!("{path}.prePromotionAnalysis"), "analysis"));
        }
        if blue_green.post_promotion_analysis.is_some() {
            found.push((format!("{path}.postPromotionAnalysis"), "analysis"));
        }
    }
    if let Some(canary) = &strategy.canary {
        found.extend(in_canary(canary));
    }
    let message = |what: &str| format!("{what} is not supported by this version of Carrick");
    found
        .into_iter()
        .map(|(path, what)| FieldError::forbidden(path, message(what)))
        .collect()
}

fn in_canary(canary: &CanaryStrategy) -> Vec<(String, &'static str)> {
    let path = "spec.strategy.canary";
    let mut found = Vec::new();
    if canary.traffic_routing.is_some() {
        found.push((format!("{path}.trafficRouting"), "traffic routing"));
    }
    if canary.ping_pong.is_some() {
        found.push((format!("{path}.pingPong"), "traffic routing"));
    }
    if canary.analysis.is_some() {
        found.push((format!("{path}.analysis"), "analysis"));
    }
    for (index, step) in canary.steps().iter().enumerate() {
        let path = format!("{path}.steps[{index}]");
        found.extend(
            in_step(step)
                .into_iter()
                .map(|(key, what)| (format!("{path}.{key}"), what)),
        );
    }
    found
}

fn in_step(step: &CanaryStep) -> Vec<(&'static str, &'static str)> {
    let CanaryStep {
        set_weight: _,
        pause: _,
        experiment,
        analysis,
        set_canary_scale,
        set_header_route,
        set_mirror_route,
        plugin,
    } = step;
    let keys = [
        (experiment.is_some(), "experiment", "an experiment"),
        (analysis.is_some(), "analysis", "analysis"),
        (
            set_canary_scale.is_some(),
            "setCanaryScale",
            "traffic routing",
        ),
        (
            set_header_route.is_some(),
            "setHeaderRoute",
            "traffic routing",
        ),
        (
            set_mirror_route.is_some(),
            "setMirrorRoute",
            "traffic routing",
        ),
        (plugin.is_some(), "plugin", "a step plugin"),
    ];
    keys.into_iter()
        .filter(|(set, _, _)| *set)
        .map(|(_, key, what)| (key, what))
        .collect()
}
