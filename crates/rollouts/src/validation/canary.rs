//! What a canary asks for, its steps aside.

use crate::api::Rollout;
use crate::api::meta::IntOrString;
use crate::api::strategy::{CanaryStrategy, PingPongSpec};
use crate::api::traffic::RolloutTrafficRouting;

use super::{FieldError, shown, steps, strategy};

const BOTH_SERVICES: &str =
    "Canary service and Stable service must to be set to use Traffic Routing";
const BOTH_PING_PONG: &str =
    "Ping service and Pong service must to be set to use Ping-Pong feature";

/// Errors of a canary strategy, found at `path`.
pub fn canary(rollout: &Rollout, path: &str) -> Vec<FieldError> {
    let Some(canary) = &rollout.spec.strategy.canary else {
        return Vec::new();
    };
    let mut errors = surge_and_unavailable(rollout, &format!("{path}.maxSurge"));
    if !canary.canary_service.is_empty() && canary.canary_service == canary.stable_service {
        errors.push(FieldError::invalid(
            format!("{path}.stableService"),
            canary.stable_service.as_str(),
            "This rollout uses the same service for the stable and canary services, but two different services are required.",
        ));
    }
    if let Some(spec) = &canary.ping_pong {
        errors.extend(ping_pong(spec, canary.traffic_routing.as_deref(), path));
    }
    if requires_services(canary) {
        for (name, service) in [
            ("stableService", &canary.stable_service),
            ("canaryService", &canary.canary_service),
        ] {
            if service.is_empty() {
                errors.push(FieldError::invalid(
                    format!("{path}.{name}"),
                    "",
                    BOTH_SERVICES,
                ));
            }
        }
    }
    errors.extend(routing_only(canary, path));
    errors.extend(steps::steps(rollout, canary, path));
    errors.extend(strategy::anti_affinity(
        canary.anti_affinity.as_ref(),
        &format!("{path}.antiAffinity"),
    ));
    errors
}

/// The error of limits that allow no change at all, found at `path`. Here `"25"` counts as 25 and `"0%"` as 0.
pub fn surge_and_unavailable(rollout: &Rollout, path: &str) -> Vec<FieldError> {
    let surge = rollout.max_surge_or_default();
    if number(&surge) != 0 || number(&rollout.max_unavailable_or_default()) != 0 {
        return Vec::new();
    }
    vec![FieldError::invalid(
        path,
        shown(&surge),
        "MaxSurge and MaxUnavailable both can not be zero",
    )]
}

/// The number in front of a percent sign (`^[0-9]+%$`).
pub fn percent(limit: &IntOrString) -> Option<i64> {
    let IntOrString::String(text) = limit else {
        return None;
    };
    let digits = text.strip_suffix('%').filter(|digits| !digits.is_empty())?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().unwrap_or(i64::MAX))
}

/// A percentage's or any other limit's number; 0 for a text that is neither.
pub fn number(limit: &IntOrString) -> i64 {
    percent(limit).unwrap_or_else(|| i64::from(limit.int_value()))
}

fn ping_pong(
    spec: &PingPongSpec,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if routing.is_some_and(|routing| {
        routing.alb.is_none() && routing.istio.is_none() && routing.plugins.is_empty()
    }) {
        errors.push(FieldError::invalid(
            format!("{path}.trafficRouting.alb"),
            shown(&()),
            "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only",
        ));
    }
    let (ping_path, pong_path) = (
        format!("{path}.pingPong.pingService"),
        format!("{path}.pingPong.pongService"),
    );
    for (path, service) in [
        (&ping_path, &spec.ping_service),
        (&pong_path, &spec.pong_service),
    ] {
        if service.is_empty() {
            errors.push(FieldError::invalid(path.as_str(), "", BOTH_PING_PONG));
        }
    }
    if spec.ping_service == spec.pong_service {
        errors.push(FieldError::invalid(
            ping_path,
            spec.ping_service.as_str(),
            "This rollout uses the same service for the ping and pong services, but two different services are required.",
        ));
    }
    if routing
        .and_then(|routing| routing.alb.as_ref())
        .is_some_and(|alb| alb.root_service.is_empty())
    {
        errors.push(FieldError::invalid(
            format!("{path}.trafficRouting.alb.rootService"),
            "",
            "Root service field is required for the configuration with ALB and ping-pong feature enabled",
        ));
    }
    errors
}

/// Whether the routers in use need both Services.
pub fn requires_services(canary: &CanaryStrategy) -> bool {
    let Some(routing) = &canary.traffic_routing else {
        return false;
    };
    let istio_by_service = routing
        .istio
        .as_ref()
        .is_some_and(|istio| istio.destination_rule.is_none());
    (canary.ping_pong.is_none() && (routing.alb.is_some() || istio_by_service))
        || routing.smi.is_some()
        || routing.apisix.is_some()
        || routing.ambassador.is_some()
        || routing.nginx.is_some()
        || routing.app_mesh.is_some()
        || routing.traefik.is_some()
}

fn routing_only(canary: &CanaryStrategy, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let dynamic_path = format!("{path}.dynamicStableScale");
    let Some(routing) = &canary.traffic_routing else {
        if let Some(delay) = canary.scale_down_delay_seconds {
            errors.push(FieldError::invalid(
                format!("{path}.scaleDownDelaySeconds"),
                shown(&delay),
                "Canary scaleDownDelaySeconds can only be used with traffic routing",
            ));
        }
        if canary.dynamic_stable_scale {
            let detail = "Canary dynamicStableScale can only be used with traffic routing";
            errors.push(FieldError::invalid(dynamic_path, shown(&true), detail));
        }
        return errors;
    };
    if canary.scale_down_delay_seconds.is_some() && canary.dynamic_stable_scale {
        let detail = "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds";
        errors.push(FieldError::invalid(dynamic_path, shown(&true), detail));
    }
    if routing.max_traffic_weight.is_some() && routing.nginx.is_none() && routing.plugins.is_empty()
    {
        errors.push(FieldError::invalid(
            format!("{path}.trafficRouting.maxTrafficWeight"),
            shown(&routing.max_traffic_weight),
            "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins",
        ));
    }
    errors
}
