//! The strategy: exactly one, and what blue-green asks for.

use crate::api::Rollout;
use crate::api::strategy::AntiAffinity;

use super::{FieldError, canary, missing_field, shown};

/// Errors of the strategy, found at `path`.
pub fn strategy(rollout: &Rollout, path: &str) -> Vec<FieldError> {
    let strategy = &rollout.spec.strategy;
    match (&strategy.blue_green, &strategy.canary) {
        (None, None) => {
            let message = missing_field(".spec.strategy.canary or .spec.strategy.blueGreen");
            vec![FieldError::required(format!("{path}.strategy"), message)]
        }
        (Some(_), Some(_)) => {
            let both = "blueGreen: true canary: true";
            vec![FieldError::invalid(
                format!("{path}.strategy"),
                both,
                "Multiple Strategies can not be listed",
            )]
        }
        (Some(_), None) => blue_green(rollout, path),
        (None, Some(_)) => canary::canary(rollout, path),
    }
}

/// Errors of a blue-green strategy, found at `path`.
pub fn blue_green(rollout: &Rollout, path: &str) -> Vec<FieldError> {
    let Some(blue_green) = &rollout.spec.strategy.blue_green else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    if blue_green.active_service == blue_green.preview_service {
        errors.push(FieldError::invalid(
            format!("{path}.activeService"),
            blue_green.active_service.as_str(),
            "This rollout uses the same service for the active and preview services, but two different services are required.",
        ));
    }
    if let Some(limit) = blue_green.scale_down_delay_revision_limit
        && rollout.revision_history_limit() < limit
    {
        errors.push(FieldError::invalid(
            format!("{path}.scaleDownDelayRevisionLimit"),
            shown(&limit),
            "This rollout's revision history limit can not be smaller than the rollout's scale down limit",
        ));
    }
    errors.extend(anti_affinity(
        blue_green.anti_affinity.as_ref(),
        &format!("{path}.antiAffinity"),
    ));
    errors
}

/// Errors of an anti-affinity, found at `path`: exactly one rule, a weight of 1 to 100.
pub fn anti_affinity(anti_affinity: Option<&AntiAffinity>, path: &str) -> Vec<FieldError> {
    let Some(rule) = anti_affinity else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    let (preferred, required) = (rule.preferred.is_some(), rule.required.is_some());
    if preferred == required {
        let value = format!(
            "antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: {preferred} \
             antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: {required}"
        );
        errors.push(FieldError::invalid(
            path,
            value,
            "AntiAffinity must have exactly one strategy listed",
        ));
    }
    if let Some(preferred) = rule
        .preferred
        .as_ref()
        .filter(|preferred| !(1..=100).contains(&preferred.weight))
    {
        let weight_path = format!("{path}.weight");
        errors.push(FieldError::invalid(
            weight_path,
            shown(&preferred.weight),
            "AntiAffinity weight must be between 1-100",
        ));
    }
    errors
}
