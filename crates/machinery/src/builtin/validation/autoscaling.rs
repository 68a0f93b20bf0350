//! Validation of `HorizontalPodAutoscaler` (`pkg/apis/autoscaling/validation`), PodDisruptionBudget and Scale.

use super::common::{at_most_100_percent, not_negative, positive_int_or_percent};
use super::names::path_segment;
use super::pod::{container_resource_name, quantity_value};
use super::read::{At, Errors};
use super::{FieldError, meta};
use crate::names;
use crate::quantity::Quantity;

const KINDS: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];
const ONE_SOURCE: &str = "must populate information for the given metric source";

/// The spec of an autoscaler, v1 or v2.
pub fn autoscaler(spec: &At<'_>, errors: &mut Errors) {
    let (min, max) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    if min.is_set() && min.int() < 1 {
        errors.push(min.invalid("must be greater than or equal to 1"));
    }
    if max.int() == 0 {
        errors.push(max.required("must be set and greater than 0"));
    } else if max.int() < 0 {
        errors.push(max.invalid("must be greater than or equal to 1"));
    }
    if min.is_set() && max.int() < min.int() {
        errors.push(max.invalid_as(max.int(), "must be greater than or equal to `minReplicas`"));
    }
    reference(&spec.child("scaleTargetRef"), true, errors);
    let metrics = spec.child("metrics");
    for metric in metrics.items() {
        self::metric(&metric, errors);
    }
    let outside = |metric: &At<'_>| matches!(metric.child("type").text(), "Object" | "External");
    if min.is_set() && min.int() == 0 && !metrics.items().iter().any(outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(metrics.forbidden(detail));
    }
    let utilization = spec.child("targetCPUUtilizationPercentage");
    if utilization.is_set() && utilization.int() < 1 {
        let path = "spec.metrics[0].resource.target.averageUtilization";
        errors.push(utilization.moved(path).invalid("must be greater than 0"));
    }
    let behavior = spec.child("behavior");
    for direction in ["scaleUp", "scaleDown"] {
        if let Some(rules) = behavior.child(direction).set() {
            scaling_rules(&rules, errors);
        }
    }
}

/// The status of an autoscaler.
pub fn autoscaler_status(status: &At<'_>, errors: &mut Errors) {
    not_negative(status, &["currentReplicas", "desiredReplicas"], errors);
}

fn reference(reference: &At<'_>, needs_group: bool, errors: &mut Errors) {
    for key in ["kind", "name"] {
        let field = reference.child(key);
        if field.is_empty() {
            errors.push(field.required(""));
        } else {
            field.complain(path_segment(field.text(), false), errors);
        }
    }
    let version = reference.child("apiVersion");
    match version.text().split('/').count() {
        1 if needs_group => {
            errors.push(version.invalid_as(version.text(), "apiVersion must specify API group"));
        }
        1 | 2 => {}
        _ => errors.push(version.invalid(format!(
            "unexpected GroupVersion string: {}",
            version.text()
        ))),
    }
}

fn scaling_rules(rules: &At<'_>, errors: &mut Errors) {
    let window = rules.child("stabilizationWindowSeconds");
    if window.int() < 0 {
        errors.push(window.invalid("must be greater than or equal to zero"));
    }
    if window.int() > 3600 {
        errors.push(window.invalid("must be less than or equal to 3600"));
    }
    let select = rules.child("selectPolicy");
    if select.is_set() && !["Disabled", "Max", "Min"].contains(&select.text()) {
        errors.push(select.not_supported(&["Disabled", "Max", "Min"]));
    }
    let policies = rules.child("policies");
    if policies.is_empty() {
        errors.push(policies.required("must specify at least one Policy"));
    }
    for policy in policies.items() {
        let (kind, value, period) = (
            policy.child("type"),
            policy.child("value"),
            policy.child("periodSeconds"),
        );
        if !["Percent", "Pods"].contains(&kind.text()) {
            errors.push(kind.not_supported(&["Percent", "Pods"]));
        }
        for field in [&value, &period] {
            if field.int() <= 0 {
                errors.push(field.invalid_as(field.int(), "must be greater than zero"));
            }
        }
        if period.int() > 1800 {
            errors.push(period.invalid("must be less than or equal to 1800"));
        }
    }
    if let Some(tolerance) = rules.child("tolerance").set() {
        quantity_value("", &tolerance, errors);
    }
}

fn metric(metric: &At<'_>, errors: &mut Errors) {
    let kind = metric.child("type");
    let kinds = KINDS.map(|(kind, _)| kind);
    let known = KINDS
        .iter()
        .find(|(name, _)| *name == kind.text())
        .map(|(_, field)| *field);
    if kind.is_empty() {
        errors.push(kind.required("must specify a metric source type"));
    }
    if known.is_none() {
        errors.push(kind.not_supported(&kinds));
    }
    let order = [
        "object",
        "external",
        "pods",
        "resource",
        "containerResource",
    ];
    let present: Vec<&str> = order
        .into_iter()
        .filter(|field| metric.child(field).is_set())
        .collect();
    if let Some(first) = present.first() {
        source(first, &metric.child(first), errors);
    }
    match known {
        Some(field) if !metric.child(field).is_set() => {
            errors.push(metric.child(field).required(ONE_SOURCE));
        }
        Some(_) => {}
        None => errors.push(kind.not_supported(&kinds)),
    }
    if present.len() != 1 {
        for field in present.iter().filter(|field| Some(**field) != known) {
            errors.push(
                metric
                    .child(field)
                    .forbidden("must populate the given metric source only"),
            );
        }
    }
}

fn source(field: &str, source: &At<'_>, errors: &mut Errors) {
    let target = source.child("target");
    let (value, average) = (target.child("value"), target.child("averageValue"));
    let utilization = target.child("averageUtilization");
    match field {
        "object" => {
            reference(&source.child("describedObject"), false, errors);
            identifier(&source.child("metric"), errors);
            self::target(&target, errors);
            if !value.is_set() && !average.is_set() {
                errors.push(average.required("must set either a target value or averageValue"));
            }
        }
        "external" => {
            identifier(&source.child("metric"), errors);
            self::target(&target, errors);
            match (value.is_set(), average.is_set()) {
                (false, false) => {
                    errors.push(
                        average.required(
                            "must set either a target value for metric or a per-pod target",
                        ),
                    );
                }
                (true, true) => {
                    let detail = "may not set both a target value for metric and a per-pod target";
                    errors.push(value.forbidden(detail));
                }
                (true, false) | (false, true) => {}
            }
        }
        "pods" => {
            identifier(&source.child("metric"), errors);
            self::target(&target, errors);
            if !average.is_set() {
                errors.push(average.required("must specify a positive target averageValue"));
            }
        }
        _ => {
            resource(field, source, errors);
            self::target(&target, errors);
            match (utilization.is_set(), average.is_set()) {
                (false, false) => {
                    errors
                        .push(utilization.required(
                            "must set either a target raw value or a target utilization",
                        ));
                }
                (true, true) => {
                    let detail = "may not set both a target raw value and a target utilization";
                    errors.push(average.forbidden(detail));
                }
                (true, false) | (false, true) => {}
            }
        }
    }
}

fn resource(field: &str, source: &At<'_>, errors: &mut Errors) {
    let name = source.child("name");
    if name.is_empty() {
        errors.push(name.required("must specify a resource name"));
    } else if field == "containerResource" {
        container_resource_name(name.text(), &name, errors);
    }
    if field == "containerResource" {
        let container = source.child("container");
        if container.is_empty() {
            errors.push(container.required("must specify a container"));
        } else {
            container.complain(names::dns1123_label(container.text()), errors);
        }
    }
}

fn identifier(metric: &At<'_>, errors: &mut Errors) {
    let name = metric.child("name");
    if name.is_empty() {
        errors.push(name.required("must specify a metric name"));
    } else {
        name.complain(path_segment(name.text(), false), errors);
    }
}

fn target(target: &At<'_>, errors: &mut Errors) {
    let kind = target.child("type");
    if kind.is_empty() {
        errors.push(kind.required("must specify a metric target type"));
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind.text()) {
        errors.push(kind.invalid_as(
            kind.text(),
            "must be either Utilization, Value, or AverageValue",
        ));
    }
    for key in ["value", "averageValue"] {
        let quantity = target.child(key);
        if Quantity::parse(quantity.text()).is_ok_and(|parsed| parsed.sign() != 1) {
            errors.push(quantity.invalid("must be positive"));
        }
    }
    let utilization = target.child("averageUtilization");
    if utilization.is_set() && utilization.int() < 1 {
        errors.push(utilization.invalid("must be greater than 0"));
    }
}

/// The spec of a PodDisruptionBudget.
pub fn disruption_budget(spec: &At<'_>, errors: &mut Errors) {
    let limits = [spec.child("minAvailable"), spec.child("maxUnavailable")];
    if limits.iter().all(At::is_set) {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(spec.invalid_struct("policy.PodDisruptionBudgetSpec", detail));
    }
    for limit in limits.iter().filter(|limit| limit.is_set()) {
        positive_int_or_percent(limit, errors);
        at_most_100_percent(limit, errors);
    }
    meta::label_selector(&spec.child("selector"), errors);
    let policy = spec.child("unhealthyPodEvictionPolicy");
    if policy.is_set() && !["AlwaysAllow", "IfHealthyBudget"].contains(&policy.text()) {
        errors.push(policy.not_supported(&["AlwaysAllow", "IfHealthyBudget"]));
    }
}

/// The status of a PodDisruptionBudget.
pub fn disruption_budget_status(status: &At<'_>, errors: &mut Errors) {
    not_negative(
        status,
        &[
            "disruptionsAllowed",
            "currentHealthy",
            "desiredHealthy",
            "expectedPods",
        ],
        errors,
    );
}

/// A Scale of any workload: name, namespace and a number that is not negative.
pub fn scale(scale: &At<'_>, errors: &mut Errors) {
    meta::builtin_create(scale, super::NameRule::Subdomain, true, errors);
    let replicas = scale.child("spec").child("replicas");
    if replicas.int() < 0 {
        errors.push(FieldError::invalid(
            replicas.path(),
            replicas.int(),
            "must be greater than or equal to 0",
        ));
    }
}
