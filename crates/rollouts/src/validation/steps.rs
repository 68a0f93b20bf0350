//! Canary steps.

use machinery::duration::GoDuration;
use machinery::names;

use crate::api::Rollout;
use crate::api::analysis::AnalysisRunArgument;
use crate::api::meta::IntOrString;
use crate::api::step::{
    CanaryStep, RolloutExperimentStep, RolloutPause, RouteMatch, SetHeaderRoute, StringMatch,
};
use crate::api::strategy::CanaryStrategy;
use crate::api::traffic::{ManagedRoute, RolloutTrafficRouting};

use super::{FieldError, missing_field, shown};

const ONE_KEY: &str = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
const NO_VALUE: &str =
    "StringMatch value missed, match value must have one of the following: exact, regex, prefix";
const SEVERAL_VALUES: &str =
    "StringMatch match value must have exactly one of the following: exact, regex, prefix";

/// Errors of all steps of the strategy at `path`.
pub fn steps(rollout: &Rollout, canary: &CanaryStrategy, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, step) in canary.steps().iter().enumerate() {
        errors.extend(self::step(
            rollout,
            canary,
            step,
            (path, &format!("{path}.steps[{index}]")),
        ));
    }
    errors
}

fn step(
    rollout: &Rollout,
    canary: &CanaryStrategy,
    step: &CanaryStep,
    (strategy_path, path): (&str, &str),
) -> Vec<FieldError> {
    let routing = canary.traffic_routing.as_deref();
    let mut errors = several_keys(step, path);
    errors.extend(no_key(step, path));
    let most = rollout.max_traffic_weight();
    if let Some(weight) = step
        .set_weight
        .filter(|weight| *weight < 0 || *weight > most)
    {
        let detail = format!("SetWeight needs to be between 0 and {most}");
        errors.push(FieldError::invalid(
            format!("{path}.setWeight"),
            shown(&weight),
            detail,
        ));
    }
    if let Some(seconds) = step
        .pause
        .as_ref()
        .map(pause_seconds)
        .filter(|seconds| *seconds < 0)
    {
        let detail = "Duration needs to be greater than 0";
        errors.push(FieldError::invalid(
            format!("{path}.pause.duration"),
            shown(&seconds),
            detail,
        ));
    }
    if step.set_canary_scale.is_some() && routing.is_none() {
        let detail = "SetCanaryScale requires TrafficRouting to be set";
        errors.push(FieldError::required(
            format!("{strategy_path}.trafficRouting"),
            detail,
        ));
    }
    if let Some(route) = &step.set_header_route {
        errors.extend(header_route(
            route,
            routing,
            &format!("{path}.setHeaderRoute"),
        ));
    }
    errors.extend(mirror_route(
        step,
        routing,
        &format!("{path}.setMirrorRoute"),
    ));
    errors.extend(managed_routes(step, routing, (strategy_path, path)));
    if let Some(experiment) = &step.experiment {
        errors.extend(experiment_weights(
            experiment,
            routing,
            &format!("{path}.experiment.templates"),
        ));
    }
    errors.extend(arguments(rollout, step, &format!("{path}.analyses")));
    errors
}

/// Seconds of a pause: 0 without one, -1 if it can't be read, fractions dropped (upstream `DurationSeconds`).
pub fn pause_seconds(pause: &RolloutPause) -> i32 {
    match &pause.duration {
        None => 0,
        Some(IntOrString::Int(seconds)) => *seconds,
        Some(IntOrString::String(text)) => text.parse().unwrap_or_else(|_| {
            let nanos = GoDuration::parse(text).map(GoDuration::as_nanos);
            nanos.map_or(-1, |nanos| {
                crate::replicas::canary::wrap_i32(nanos / 1_000_000_000)
            })
        }),
    }
}

/// The error of a step with several of the four keys that exclude each other.
pub fn several_keys(step: &CanaryStep, path: &str) -> Vec<FieldError> {
    let keys = [
        step.set_weight.is_some(),
        step.pause.is_some(),
        step.experiment.is_some(),
        step.analysis.is_some(),
    ];
    if keys.iter().filter(|key| **key).count() < 2 {
        return Vec::new();
    }
    let [weight, pause, experiment, analysis] = keys;
    let value = format!(
        "step.Experiment: {experiment} step.Pause: {pause} step.SetWeight: {weight} step.Analysis: {analysis}"
    );
    vec![FieldError::invalid(path, value, ONE_KEY)]
}

/// The error of a step without any key. `true` means absent: that is upstream's quirk.
fn no_key(step: &CanaryStep, path: &str) -> Vec<FieldError> {
    if *step != CanaryStep::default() {
        return Vec::new();
    }
    let keys = [
        "Experiment",
        "Pause",
        "SetWeight",
        "Analysis",
        "SetCanaryScale",
        "SetHeaderRoute",
        "SetMirrorRoute",
        "Plugin",
    ];
    let value: Vec<String> = keys.iter().map(|key| format!("step.{key}: true")).collect();
    vec![FieldError::invalid(path, value.join(" "), ONE_KEY)]
}

fn header_route(
    route: &SetHeaderRoute,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<FieldError> {
    let supported = |routing: &&RolloutTrafficRouting| {
        routing.istio.is_some()
            || routing.alb.is_some()
            || routing.apisix.is_some()
            || !routing.plugins.is_empty()
    };
    let Some(routing) = routing.filter(supported) else {
        let detail = "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix";
        return vec![FieldError::invalid(path, shown(route), detail)];
    };
    let mut errors = Vec::new();
    for (index, header) in route.matches.iter().enumerate() {
        let path = format!("{path}.match[{index}]");
        let value = header.header_value.as_ref();
        errors.extend(if routing.alb.is_some() {
            exact_only(value, &path)
        } else {
            one_value(value, &path)
        });
    }
    errors
}

fn mirror_route(
    step: &CanaryStep,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<FieldError> {
    let Some(route) = &step.set_mirror_route else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    if !routing.is_some_and(|routing| routing.istio.is_some() || !routing.plugins.is_empty()) {
        let detail = "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins";
        errors.push(FieldError::invalid(path, shown(route), detail));
    }
    for (
        index,
        RouteMatch {
            method,
            path: route_path,
            headers: _,
        },
    ) in route.matches.iter().enumerate()
    {
        let path = format!("{path}.match[{index}]");
        // Upstream looks at the method twice and at headers never.
        for value in [method, route_path, method].into_iter().flatten() {
            errors.extend(one_value(Some(value), &path));
        }
    }
    errors
}

/// The error of a header value that an ALB can't match: it knows exact ones only.
pub fn exact_only(value: Option<&StringMatch>, path: &str) -> Vec<FieldError> {
    let Some(value) = value else {
        return vec![FieldError::invalid(path, shown(&()), NO_VALUE)];
    };
    if !value.exact.is_empty() && value.regex.is_empty() && value.prefix.is_empty() {
        return Vec::new();
    }
    let detail = "SetHeaderRoute match value invalid. ALB supports 'exact' value only";
    vec![FieldError::invalid(path, shown(value), detail)]
}

/// The error of a match without exactly one value.
pub fn one_value(value: Option<&StringMatch>, path: &str) -> Vec<FieldError> {
    let Some(value) = value else {
        return vec![FieldError::invalid(path, shown(&()), NO_VALUE)];
    };
    let count = [&value.exact, &value.regex, &value.prefix]
        .into_iter()
        .filter(|text| !text.is_empty())
        .count();
    match count {
        1 => Vec::new(),
        0 => vec![FieldError::invalid(path, shown(value), NO_VALUE)],
        _ => vec![FieldError::invalid(path, shown(value), SEVERAL_VALUES)],
    }
}

fn managed_routes(
    step: &CanaryStep,
    routing: Option<&RolloutTrafficRouting>,
    (strategy_path, path): (&str, &str),
) -> Vec<FieldError> {
    let Some(routing) = routing else {
        return Vec::new();
    };
    let header = step
        .set_header_route
        .as_ref()
        .map(|route| ("setHeaderRoute", route.name.as_str()));
    let mirror = step
        .set_mirror_route
        .as_ref()
        .map(|route| ("setMirrorRoute", route.name.as_str()));
    let routes = [header, mirror].into_iter().flatten();
    match &routing.managed_routes {
        Some(managed) => routes
            .flat_map(|(key, name)| managed_route(name, managed, &format!("{path}.{key}")))
            .collect(),
        None if header.is_some() || mirror.is_some() => {
            let path = format!("{strategy_path}.trafficRouting.managedRoutes");
            let message = missing_field("spec.strategy.canary.trafficRouting.managedRoutes");
            vec![FieldError::required(path, message)]
        }
        None => Vec::new(),
    }
}

/// The error of a route that is not among the managed ones.
pub fn managed_route(name: &str, managed: &[ManagedRoute], path: &str) -> Vec<FieldError> {
    if managed.iter().any(|route| route.name == name) {
        return Vec::new();
    }
    let detail = "Steps define a route that does not exist in spec.strategy.canary.trafficRouting.managedRoutes";
    vec![FieldError::invalid(path, name, detail)]
}

fn experiment_weights(
    experiment: &RolloutExperimentStep,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<FieldError> {
    let detail = match routing {
        None => "Experiment template weight cannot be set unless TrafficRouting is enabled",
        Some(routing)
            if routing.alb.is_none()
                && routing.smi.is_none()
                && routing.istio.is_none()
                && routing.plugins.is_empty() =>
        {
            "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio and Plugins at this time"
        }
        Some(_) => return Vec::new(),
    };
    let templates = experiment.templates.iter().flatten().enumerate();
    let weights = templates.filter_map(|(index, template)| Some((index, template.weight?)));
    weights
        .map(|(index, weight)| {
            FieldError::invalid(format!("{path}[{index}].weight"), shown(&weight), detail)
        })
        .collect()
}

/// Arguments that refer to metadata must use a path that the downward API knows.
fn arguments(rollout: &Rollout, step: &CanaryStep, path: &str) -> Vec<FieldError> {
    let experiments = step
        .experiment
        .iter()
        .flat_map(|experiment| &experiment.analyses);
    let analyses = step.analysis.iter().flat_map(|analysis| &analysis.args);
    let all: Vec<&AnalysisRunArgument> = experiments
        .flat_map(|analysis| &analysis.args)
        .chain(analyses)
        .collect();
    let paths = all.iter().filter_map(|arg| {
        Some(
            arg.value_from
                .as_ref()?
                .field_ref
                .as_ref()?
                .field_path
                .as_str(),
        )
    });
    let wrong = paths
        .filter(|field| field.starts_with("metadata") && metadata_field(rollout, field).is_none());
    let detail = "Analyses arguments must refer to valid object metadata supported by downwardAPI";
    wrong
        .map(|_| FieldError::invalid(path, shown(&all), detail))
        .collect()
}

/// A field of the metadata by its downward-API path (Kubernetes `pkg/fieldpath`); `None` if there is no such path.
pub fn metadata_field(rollout: &Rollout, path: &str) -> Option<String> {
    let meta = &rollout.metadata;
    let subscripted = path
        .strip_suffix("']")
        .and_then(|rest| rest.split_once("['"))
        .filter(|(map, _)| !map.is_empty());
    if let Some((map, key)) = subscripted {
        return match map {
            "metadata.annotations" if names::label_key(&key.to_lowercase()).is_empty() => {
                Some(meta.annotations.get(key).cloned().unwrap_or_default())
            }
            "metadata.labels" if names::label_key(key).is_empty() => {
                Some(meta.labels.get(key).cloned().unwrap_or_default())
            }
            _ => None,
        };
    }
    let lines = |map: &std::collections::BTreeMap<String, String>| {
        let lines: Vec<String> = map
            .iter()
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        lines.join("\n")
    };
    match path {
        "metadata.annotations" => Some(lines(&meta.annotations)),
        "metadata.labels" => Some(lines(&meta.labels)),
        "metadata.name" => Some(meta.name.clone()),
        "metadata.namespace" => Some(meta.namespace.clone()),
        "metadata.uid" => Some(meta.uid.clone()),
        _ => None,
    }
}
