//! The spec but for its strategy: replicas, selector, template, deadlines.

use machinery::builtin::{defaults, validation};
use machinery::decode::normalise;
use machinery::labels::Selector;
use machinery::names;
use machinery::schema::TypeTable;
use serde_json::{Value, json};

use crate::api::Rollout;
use crate::api::meta::{LabelSelector, LabelSelectorRequirement};

use super::{ErrorKind, FieldError, internal, missing_field, shown, strategy};

/// Errors of `spec`, found at `path`.
pub fn spec(rollout: &Rollout, path: &str, template_from_reference: bool) -> Vec<FieldError> {
    let spec = &rollout.spec;
    let mut errors = non_negative(rollout.replicas(), &format!("{path}.replicas"));
    if spec.workload_ref.is_none() {
        errors.extend(selector(
            spec.selector.as_ref(),
            &format!("{path}.selector"),
        ));
    } else if !template_from_reference && !is_template_empty(rollout) {
        errors.push(internal(
            format!("{path}.template"),
            "template must be empty for workload reference rollout",
        ));
    }
    let as_json = spec
        .selector
        .as_ref()
        .map_or(Value::Null, |selector| json!(selector));
    match Selector::from_label_selector(&as_json) {
        Err(_) => errors.push(FieldError::invalid(
            format!("{path}.selector"),
            shown(&spec.selector),
            "invalid label selector",
        )),
        Ok(selector) if template_from_reference || spec.workload_ref.is_none() => {
            errors.extend(template(rollout, &selector, &format!("{path}.template")));
        }
        Ok(_) => {}
    }
    errors.extend(non_negative(
        spec.min_ready_seconds,
        &format!("{path}.minReadySeconds"),
    ));
    errors.extend(non_negative(
        rollout.revision_history_limit(),
        &format!("{path}.revisionHistoryLimit"),
    ));
    let deadline = rollout.progress_deadline_seconds();
    let deadline_path = format!("{path}.progressDeadlineSeconds");
    errors.extend(non_negative(deadline, &deadline_path));
    if deadline <= spec.min_ready_seconds {
        errors.push(FieldError::invalid(
            deadline_path,
            shown(&deadline),
            "must be greater than minReadySeconds",
        ));
    }
    errors.extend(strategy::strategy(rollout, &format!("{path}.strategy")));
    errors
}

fn non_negative(number: i32, path: &str) -> Vec<FieldError> {
    if number >= 0 {
        return Vec::new();
    }
    vec![FieldError::invalid(
        path,
        shown(&number),
        "must be greater than or equal to 0",
    )]
}

fn selector(selector: Option<&LabelSelector>, path: &str) -> Vec<FieldError> {
    let Some(selector) = selector else {
        return vec![FieldError::required(path, missing_field(".spec.selector"))];
    };
    let mut errors = Vec::new();
    let labels_path = format!("{path}.matchLabels");
    for (key, value) in &selector.match_labels {
        errors.extend(complaints(&labels_path, key, names::label_key(key)));
        errors.extend(complaints(&labels_path, value, names::label_value(value)));
    }
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        errors.extend(self::requirement(
            requirement,
            &format!("{path}.matchExpressions[{index}]"),
        ));
    }
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        errors.push(FieldError::invalid(
            path,
            shown(selector),
            "empty selector is invalid for deployment",
        ));
    }
    errors
}

/// apimachinery `pkg/apis/meta/v1/validation`, `ValidateLabelSelectorRequirement`.
fn requirement(requirement: &LabelSelectorRequirement, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (values, values_path) = (&requirement.values, format!("{path}.values"));
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(FieldError::required(
                values_path,
                "must be specified when `operator` is 'In' or 'NotIn'",
            ));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(values_path, detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(FieldError::invalid(
            format!("{path}.operator"),
            other,
            "not a valid selector operator",
        )),
    }
    errors.extend(complaints(
        &format!("{path}.key"),
        &requirement.key,
        names::label_key(&requirement.key),
    ));
    for (index, value) in values.iter().enumerate() {
        errors.extend(complaints(
            &format!("{path}.values[{index}]"),
            value,
            names::label_value(value),
        ));
    }
    errors
}

fn complaints(
    path: &str,
    value: &str,
    complaints: Vec<String>,
) -> impl Iterator<Item = FieldError> {
    complaints
        .into_iter()
        .map(move |complaint| FieldError::invalid(path, value, complaint))
}

/// Upstream looks at labels and annotations only.
fn is_template_empty(rollout: &Rollout) -> bool {
    let metadata = crate::replicas::find::pod_metadata(&rollout.spec.template.value());
    metadata.labels.is_empty() && metadata.annotations.is_empty()
}

/// The template as part of a ReplicaSet (Kubernetes' `ValidatePodTemplateSpecForReplicaSet`), defaults applied and
/// privileged containers let pass.
fn template(rollout: &Rollout, selector: &Selector, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let template = checked_template(&rollout.spec.template.value());
    let labels = rollout.template_labels();
    let given = rollout
        .spec
        .template
        .value()
        .pointer("/metadata/labels")
        .cloned()
        .unwrap_or_default();
    if !selector.is_empty() && !selector.matches(&labels) {
        errors.push(FieldError::invalid(
            format!("{path}.metadata.labels"),
            shown(&given),
            "`selector` does not match template `labels`",
        ));
    }
    errors.extend(validation::pod_template(&template, path));
    strict_variable_names(&mut errors, &template, path);
    let restart_policy = template
        .pointer("/spec/restartPolicy")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if restart_policy != "Always" {
        errors.push(FieldError::not_supported(
            format!("{path}.spec.restartPolicy"),
            restart_policy,
            &["Always"],
        ));
    }
    if template.pointer("/spec/activeDeadlineSeconds").is_some() {
        let detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.push(FieldError::forbidden(
            format!("{path}.spec.activeDeadlineSeconds"),
            detail,
        ));
    }
    errors
}

fn checked_template(template: &Value) -> Value {
    let ty = TypeTable::builtin().type_named("io.k8s.api.core.v1.PodTemplateSpec");
    let normal = ty.and_then(|ty| normalise(ty, template).ok());
    let mut template = normal.unwrap_or_else(|| template.clone());
    defaults::pod_template(&mut template);
    for list in ["containers", "initContainers"] {
        let containers = template
            .get_mut("spec")
            .and_then(|spec| spec.get_mut(list))
            .and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let context = container
                .get_mut("securityContext")
                .and_then(Value::as_object_mut);
            if let Some(context) =
                context.filter(|context| context.get("privileged") == Some(&Value::Bool(true)))
            {
                context.remove("privileged");
            }
        }
    }
    template
}

/// Upstream doesn't allow the relaxed names of environment variables that newer API servers do.
fn strict_variable_names(errors: &mut Vec<FieldError>, template: &Value, path: &str) {
    for list in ["initContainers", "containers"] {
        let containers = template
            .pointer(&format!("/spec/{list}"))
            .and_then(Value::as_array);
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let variables = container.get("env").and_then(Value::as_array);
            for (position, variable) in variables.into_iter().flatten().enumerate() {
                let name = variable
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let field = format!("{path}.spec.{list}[{index}].env[{position}].name");
                let relaxed =
                    |error: &FieldError| error.kind == ErrorKind::Invalid && error.field == field;
                let at = errors.iter().position(relaxed).unwrap_or(errors.len());
                errors.retain(|error| !relaxed(error));
                let strict = complaints(&field, name, names::env_var_name(name))
                    .filter(|_| !name.is_empty());
                errors.splice(at..at, strict.collect::<Vec<_>>());
            }
        }
    }
}
