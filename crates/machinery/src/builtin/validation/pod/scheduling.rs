//! Tolerations, taints' effects, scheduling gates and topology spread.

use std::collections::{BTreeMap, BTreeSet};

use crate::builtin::validation::FieldError;
use crate::builtin::validation::meta;
use crate::builtin::validation::read::{At, Errors};
use crate::names;

use super::affinity::match_label_keys;
use super::spec::qualified_name;

/// `tolerations`.
pub fn tolerations(list: &At<'_>, errors: &mut Errors) {
    for toleration in list.items() {
        let (key, operator) = (toleration.child("key"), toleration.child("operator"));
        let (value, effect) = (toleration.child("value"), toleration.child("effect"));
        if !key.is_empty() {
            meta::label_name(&key, key.text(), errors);
        } else if operator.text() != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(operator.invalid_as(operator.text(), detail));
        }
        if toleration.child("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(effect.invalid_as(effect.text(), detail));
        }
        match operator.text() {
            "" | "Equal" => {
                let complaints = names::label_value(value.text());
                if !complaints.is_empty() {
                    errors.push(operator.invalid_as(value.text(), complaints.join(";")));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    errors.push(operator.invalid_as(
                        value.text(),
                        "value must be empty when `operator` is 'Exists'",
                    ));
                }
            }
            "Lt" | "Gt" => errors.push(operator.not_supported(&["Equal", "Exists", "Lt", "Gt"])),
            _ => errors.push(operator.not_supported(&["Equal", "Exists"])),
        }
        if !effect.is_empty() {
            taint_effect(&effect, errors);
        }
    }
}

/// The effect of a taint or toleration; an empty one is required.
pub fn taint_effect(effect: &At<'_>, errors: &mut Errors) {
    effect.one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
}

/// `schedulingGates`.
pub fn gates(list: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for gate in list.items() {
        let name = gate.child("name").moved(gate.path());
        qualified_name(&name, errors);
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}

/// `topologySpreadConstraints`.
pub fn spread<'a>(list: &At<'a>, errors: &mut Errors) {
    let constraints = list.items();
    let pair = |of: &At<'a>| {
        (
            of.child("topologyKey").text(),
            of.child("whenUnsatisfiable").text(),
        )
    };
    let mut places = BTreeMap::new();
    for (index, constraint) in constraints.iter().enumerate() {
        places.insert(pair(constraint), index);
    }
    for (index, constraint) in constraints.iter().enumerate() {
        constraint.child("maxSkew").positive(errors);
        let (key, action) = (
            constraint.child("topologyKey"),
            constraint.child("whenUnsatisfiable"),
        );
        if key.is_empty() {
            errors.push(key.required("can not be empty"));
        }
        if !["DoNotSchedule", "ScheduleAnyway"].contains(&action.text()) {
            errors.push(action.not_supported(&["DoNotSchedule", "ScheduleAnyway"]));
        }
        if places
            .get(&pair(constraint))
            .is_some_and(|last| *last > index)
        {
            let path = constraint.path_of("{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(
                path,
                format!("{{{}, {}}}", key.text(), action.text()),
            ));
        }
        if let Some(domains) = constraint.child("minDomains").set() {
            domains.positive(errors);
            if action.text() != "DoNotSchedule" {
                let detail = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                    action.text()
                );
                errors.push(domains.invalid(detail));
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            let policy = constraint.child(policy);
            if policy.is_set() && !["Honor", "Ignore"].contains(&policy.text()) {
                errors.push(policy.not_supported(&["Honor", "Ignore"]));
            }
        }
        match_label_keys(constraint, errors);
        meta::label_selector(&constraint.child("labelSelector"), errors);
    }
}
