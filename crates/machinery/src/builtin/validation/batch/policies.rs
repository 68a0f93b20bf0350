//! What a Job makes of failed and succeeded pods: its two policies.

use std::collections::BTreeSet;

use crate::builtin::validation::pod::qualified_name;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{BadValue, ErrorKind, FieldError};

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];

/// `podFailurePolicy`.
pub fn failure_policy(spec: &At<'_>, errors: &mut Errors) {
    let rules = spec.child("podFailurePolicy").child("rules");
    let items = rules.items();
    if items.len() > 20 {
        errors.push(FieldError::too_many(rules.path(), items.len(), 20));
    }
    let pod = spec.child("template").child("spec");
    let containers: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| pod.child(list).items())
        .map(|container| container.child("name").text())
        .collect();
    for rule in items {
        failure_rule(spec, &rule, &containers, errors);
    }
}

fn failure_rule(spec: &At<'_>, rule: &At<'_>, containers: &[&str], errors: &mut Errors) {
    let action = rule.child("action");
    match action.text() {
        "" => errors.push(
            action.required("valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"),
        ),
        "FailIndex" if !spec.child("backoffLimitPerIndex").is_set() => {
            errors.push(action.invalid("requires the backoffLimitPerIndex to be set"));
        }
        other if !ACTIONS.contains(&other) => errors.push(action.not_supported(&ACTIONS)),
        _ => {}
    }
    let (codes, conditions) = (rule.child("onExitCodes"), rule.child("onPodConditions"));
    if codes.is_set() {
        exit_codes(&codes, containers, errors);
    }
    pod_conditions(&conditions, errors);
    let detail = match (codes.is_set(), !conditions.is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        (true, false) | (false, true) => return,
    };
    errors.push(rule.invalid_as(BadValue::Omitted, detail));
}

fn pod_conditions(conditions: &At<'_>, errors: &mut Errors) {
    let items = conditions.items();
    if items.len() > 20 {
        errors.push(FieldError::too_many(conditions.path(), items.len(), 20));
    }
    for pattern in items {
        qualified_name(&pattern.child("type"), errors);
        let status = pattern.child("status");
        if status.is_empty() {
            errors.push(status.required("valid values: [\"False\" \"True\" \"Unknown\"]"));
        } else {
            status.one_of(&["False", "True", "Unknown"], errors);
        }
    }
}

fn exit_codes(codes: &At<'_>, containers: &[&str], errors: &mut Errors) {
    let (operator, values) = (codes.child("operator"), codes.child("values"));
    if operator.is_empty() {
        errors.push(operator.required("valid values: [\"In\" \"NotIn\"]"));
    } else {
        operator.one_of(&["In", "NotIn"], errors);
    }
    if let Some(container) = codes.child("containerName").set()
        && !containers.contains(&container.text())
    {
        let detail = "must be one of the container or initContainer names in the pod template";
        errors.push(container.invalid(detail));
    }
    let items = values.items();
    if items.is_empty() {
        errors.push(values.invalid("at least one value is required"));
    } else if items.len() > 255 {
        errors.push(FieldError::too_many(values.path(), items.len(), 255));
    }
    let (mut seen, mut ordered, mut last) = (BTreeSet::new(), true, i64::MIN);
    for value in &items {
        if operator.text() == "In" && value.int() == 0 {
            errors.push(value.invalid("must not be 0 for the In operator"));
        }
        if !seen.insert(value.int()) {
            errors.push(FieldError::new(
                ErrorKind::Duplicate,
                value.path(),
                value.value(),
                "",
            ));
        }
        ordered &= last <= value.int();
        last = value.int();
    }
    if !ordered {
        errors.push(values.invalid("must be ordered"));
    }
}

/// `successPolicy` of an indexed Job.
pub fn success_policy(spec: &At<'_>, policy: &At<'_>, errors: &mut Errors) {
    let rules = policy.child("rules");
    let items = rules.items();
    if items.is_empty() {
        errors.push(
            rules.required(
                "at least one rules must be specified when the successPolicy is specified",
            ),
        );
    }
    if items.len() > 20 {
        errors.push(FieldError::too_many(rules.path(), items.len(), 20));
    }
    let completions = spec.child("completions").int();
    for rule in items {
        let (count, indexes) = (rule.child("succeededCount"), rule.child("succeededIndexes"));
        if !count.is_set() && !indexes.is_set() {
            errors.push(
                rule.required(
                    "at least one of succeededCount or succeededIndexes must be specified",
                ),
            );
        }
        let mut total = 0;
        if indexes.is_set() {
            match super::status::indexes(indexes.text(), completions) {
                Ok(found) => total = found,
                Err(error) => {
                    errors
                        .push(indexes.invalid(format!("error parsing succeededIndexes: {error}")));
                }
            }
        }
        count.not_negative(errors);
        if count.int() > completions {
            let detail = format!(
                "must be less than or equal to {completions} (the number of specified completions)"
            );
            errors.push(count.invalid(detail));
        }
        if indexes.is_set() && count.int() > total {
            let detail = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(count.invalid(detail));
        }
    }
}
