//! What each sort of metric asks for, and its entry in the status.
//!
//! Mirrors `computeReplicasForMetric` of `pkg/controller/podautoscaler/horizontal.go`.

use machinery::labels::go_selector;
use machinery::quantity::{Format, Quantity};
use serde_json::{Value, json};

use super::calculate::{self, Scene, Tolerances};
use super::decide::Observed;
use super::metrics::{self, ResourceOf};
use crate::builtin::object::{self, count, text};

/// What one metric asks for.
pub(super) struct Proposal {
    /// Replicas.
    pub(super) replicas: i64,
    /// What it is called in events and conditions.
    pub(super) name: String,
    /// Its entry in `status.currentMetrics`.
    pub(super) status: Value,
}

/// Why a metric asks for nothing.
pub(super) struct Failure {
    /// Reason of event and condition.
    pub(super) reason: &'static str,
    /// For the event and, with a prefix, the condition.
    pub(super) message: String,
    /// As the whole pass fails with it.
    pub(super) error: String,
}

fn tolerances(autoscaler: &Value) -> Tolerances {
    let of = |direction: &str| {
        let text = text(autoscaler, &format!("/spec/behavior/{direction}/tolerance"));
        Quantity::parse(text).map_or(0.1, |quantity| quantity.as_f64())
    };
    Tolerances {
        down: of("scaleDown"),
        up: of("scaleUp"),
    }
}

/// What a metric of the spec asks for.
pub(super) fn propose(observed: &Observed, spec: &Value) -> Result<Proposal, Failure> {
    let scene = Scene {
        pods: &observed.pods,
        current: count(&observed.scale, "/spec/replicas"),
        observed: count(&observed.scale, "/status/replicas"),
        tolerances: tolerances(&observed.autoscaler),
        now: observed.now,
    };
    match text(spec, "/type") {
        "Resource" => resource(observed, &scene, spec, "resource"),
        "ContainerResource" => resource(observed, &scene, spec, "containerResource"),
        "Pods" => pods(observed, &scene, spec),
        "Object" => object_metric(observed, &scene, spec),
        "External" => external(observed, &scene, spec),
        other => {
            let message = format!("unknown metric source type {other:?}");
            Err(Failure {
                reason: "InvalidMetricSourceType",
                error: message.clone(),
                message,
            })
        }
    }
}

fn target_milli(of: &Value, key: &str) -> Option<i64> {
    Quantity::parse(text(of, &format!("/target/{key}")))
        .ok()
        .map(|quantity| quantity.milli_value())
}

fn printed(milli: i64) -> Value {
    json!(Quantity::from_milli(milli, Format::DecimalSi).to_string())
}

fn resource(
    observed: &Observed,
    scene: &Scene<'_>,
    spec: &Value,
    field: &str,
) -> Result<Proposal, Failure> {
    let source = spec.get(field).unwrap_or(&Value::Null);
    let (name, container) = (text(source, "/name"), text(source, "/container"));
    let of = ResourceOf {
        resource: name,
        container,
    };
    let is_container = field == "containerResource";
    let failed = |message: String| Failure {
        reason: if is_container {
            "FailedGetContainerResourceMetric"
        } else {
            "FailedGetResourceMetric"
        },
        error: if is_container {
            format!("failed to get {container} container metric value: {message}")
        } else {
            format!("failed to get {name} resource metric value: {message}")
        },
        message,
    };
    let samples = metrics::of_resource(&observed.pods, observed.target.as_deref(), of)
        .map_err(|error| format!("unable to get metrics for resource {name}: {error}"));
    let format = if name == "memory" {
        Format::BinarySi
    } else {
        Format::DecimalSi
    };
    let average = |milli: i64| json!(Quantity::from_milli(milli, format).to_string());
    let (replicas, current, told) = if let Some(target) = target_milli(source, "averageValue") {
        let (replicas, usage) = samples
            .and_then(|samples| calculate::by_average(scene, samples, target, name == "cpu"))
            .map_err(|error| failed(format!("failed to get {name} usage: {error}")))?;
        let current = json!({"averageValue": average(usage)});
        (replicas, current, format!("{name} resource"))
    } else {
        let target = count(source, "/target/averageUtilization");
        let (replicas, (percent, usage)) = samples
            .and_then(|samples| calculate::by_utilisation(scene, samples, target, of))
            .map_err(|error| failed(format!("failed to get {name} utilization: {error}")))?;
        let current = json!({"averageUtilization": percent, "averageValue": average(usage)});
        let kind = if is_container {
            "container resource"
        } else {
            "resource"
        };
        (
            replicas,
            current,
            format!("{name} {kind} utilization (percentage of request)"),
        )
    };
    let mut status = json!({"name": name, "current": current});
    if is_container {
        object::set(&mut status, &["container"], json!(container));
    }
    Ok(Proposal {
        replicas,
        name: told,
        status: json!({"type": text(spec, "/type"), field: status}),
    })
}

fn pods(observed: &Observed, scene: &Scene<'_>, spec: &Value) -> Result<Proposal, Failure> {
    let source = spec.get("pods").unwrap_or(&Value::Null);
    let name = text(source, "/metric/name");
    let target = target_milli(source, "averageValue").unwrap_or(0);
    let (replicas, usage) = metrics::of_pods(&observed.pods, observed.target.as_deref(), name)
        .map_err(|error| format!("unable to get metric {name}: {error}"))
        .and_then(|samples| calculate::by_average(scene, samples, target, false))
        .map_err(|message| Failure {
            reason: "FailedGetPodsMetric",
            error: format!("failed to get pods metric value: {message}"),
            message,
        })?;
    Ok(Proposal {
        replicas,
        name: format!("pods metric {name}"),
        status: json!({"type": "Pods", "pods": {"metric": source.get("metric"), "current": {"averageValue": printed(usage)}}}),
    })
}

fn object_metric(
    observed: &Observed,
    scene: &Scene<'_>,
    spec: &Value,
) -> Result<Proposal, Failure> {
    let source = spec.get("object").unwrap_or(&Value::Null);
    let name = text(source, "/metric/name");
    let (kind, object) = (
        text(source, "/describedObject/kind"),
        text(source, "/describedObject/name"),
    );
    let found = observed
        .described
        .get(&(kind.to_owned(), object.to_owned()))
        .and_then(|described| metrics::of_object(described, name));
    let failed = |message: String, error: String| Failure {
        reason: "FailedGetObjectMetric",
        error: format!("failed to get object metric value: {error}"),
        message,
    };
    let average = (text(source, "/target/type") == "AverageValue")
        .then(|| target_milli(source, "averageValue"))
        .flatten();
    let Some(usage) = found else {
        let namespace = object::namespace(&observed.autoscaler);
        let why = metrics::no_custom_metrics();
        // The order of upstream's arguments is not that of its format.
        let message = format!("unable to get metric {name}: {kind} on {namespace} {object}/{why}");
        let error = if average.is_some() {
            format!("failed to get {name} object metric: {message}")
        } else {
            message.clone()
        };
        return Err(failed(message, error));
    };
    let (replicas, current, told) = if let Some(target) = average {
        let (replicas, share) = calculate::by_share(scene, usage, target);
        let told = format!(
            "external metric {name}({})",
            go_selector(source.pointer("/metric/selector"))
        );
        (replicas, json!({"averageValue": printed(share)}), told)
    } else {
        let target = target_milli(source, "value").unwrap_or(0);
        let replicas = calculate::by_value(scene, usage, target)
            .map_err(|error| failed(error.clone(), error))?;
        (
            replicas,
            json!({"value": printed(usage)}),
            format!("{kind} metric {name}"),
        )
    };
    Ok(Proposal {
        replicas,
        name: told,
        status: json!({"type": "Object", "object": {"metric": source.get("metric"),
            "describedObject": source.get("describedObject"), "current": current}}),
    })
}

fn external(observed: &Observed, scene: &Scene<'_>, spec: &Value) -> Result<Proposal, Failure> {
    let source = spec.get("external").unwrap_or(&Value::Null);
    let name = text(source, "/metric/name");
    let selector = go_selector(source.pointer("/metric/selector"));
    let average = target_milli(source, "averageValue");
    let failed = |message: String| {
        let inner = if average.is_some() {
            format!("failed to get {name} external metric: {message}")
        } else {
            format!("failed to get external metric {name}: {message}")
        };
        Failure {
            reason: "FailedGetExternalMetric",
            error: format!("failed to get {name} external metric value: {inner}"),
            message,
        }
    };
    let Some(usage) = metrics::of_object(&observed.autoscaler, name) else {
        let namespace = object::namespace(&observed.autoscaler);
        return Err(failed(format!(
            "unable to get external metric {namespace}/{name}/{selector}: unable to fetch metrics from external metrics API: \
             the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
        )));
    };
    let (replicas, current) = if let Some(target) = average {
        let (replicas, share) = calculate::by_share(scene, usage, target);
        (replicas, json!({"averageValue": printed(share)}))
    } else {
        let target = target_milli(source, "value").unwrap_or(0);
        let replicas = calculate::by_value(scene, usage, target).map_err(failed)?;
        (replicas, json!({"value": printed(usage)}))
    };
    Ok(Proposal {
        replicas,
        name: format!("external metric {name}({selector})"),
        status: json!({"type": "External", "external": {"metric": source.get("metric"), "current": current}}),
    })
}
